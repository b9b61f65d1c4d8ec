//! `/`: each exchange with its newest attestation, and how to check it.

use std::sync::Arc;

use askama::Template;
use assay_core::{notice::NoticeKind, text::visible};

use super::{
    amount::{age, instant, percent},
    badge::{PolicyBadge, notice_badge},
    facts::Facts,
    frame::Frame,
    text::{Sentence, Texts, fill},
};

/// One attestation of a list.
pub struct Entry {
    /// Its id.
    pub id: String,
    /// Domain of the exchange.
    pub domain: String,
    /// Name of the exchange, as the statement has it.
    pub name: String,
    /// The snapshot's instant, RFC 3339.
    pub taken_at: String,
    /// When it was published, RFC 3339.
    pub published_at: String,
    /// Whether the numbers meet the exchange's own policy.
    pub is_valid: bool,
    /// What the exchange said of it later: that it is withdrawn, or else superseded.
    pub notice: Option<NoticeKind>,
    /// Its ratios; nothing if the stored statement cannot be read.
    pub facts: Option<Arc<Facts>>,
}

impl Entry {
    /// Whether the numbers meet the exchange's own policy, if it has one.
    pub(super) fn policy(&self) -> PolicyBadge {
        PolicyBadge::of(self.is_valid, self.facts.as_ref().map(|facts| facts.has_policy))
    }

    /// What the exchange said of it later, as a class and a word.
    pub(super) fn notice(&self, t: &'static Texts) -> Option<(&'static str, &'static str)> {
        self.notice.map(|kind| notice_badge(kind, t))
    }
}

/// An exchange of the list.
pub struct Listed {
    /// Its newest attestation.
    pub entry: Entry,
    /// Seconds since that was published.
    pub age_seconds: i64,
    /// Whether that is longer ago than the service promises.
    pub is_late: bool,
}

/// What the page shows.
pub struct Home<'a> {
    /// The exchanges of this page of the list, by domain.
    pub listed: &'a [Listed],
    /// The domain behind which this page of the list begins, unless it is the first.
    pub after: Option<&'a str>,
    /// Whether there are more.
    pub has_more: bool,
    /// Public address of the service.
    pub address: &'a str,
}

#[derive(Template)]
#[template(path = "home.html")]
struct View {
    frame: Frame,
    rows: Vec<Row>,
    has_late: bool,
    first: Option<String>,
    more: Option<String>,
    keys: Sentence,
}

struct Row {
    name: String,
    domain: String,
    history: String,
    attestation: String,
    taken_at: String,
    instant: String,
    lowest: Sentence,
    policy: PolicyBadge,
    notice: Option<(&'static str, &'static str)>,
    age: String,
    published_at: String,
    is_late: bool,
}

impl Home<'_> {
    /// The page.
    ///
    /// # Errors
    /// None that an input could cause.
    pub fn render(&self, frame: Frame) -> askama::Result<String> {
        let last = self.listed.last().filter(|_| self.has_more);
        let more = last.map(|last| format!("/{}", frame.query(&[("after", &last.entry.domain)])));
        let jwks = format!("{}/.well-known/jwks.json", self.address);
        let view = View {
            rows: self.listed.iter().map(|listed| row(&frame, listed)).collect(),
            has_late: self.listed.iter().any(|listed| listed.is_late),
            first: self.after.map(|_| frame.link("/")),
            more,
            keys: fill(&frame.t.how_keys, &[("address", &jwks)]),
            frame,
        };
        view.render()
    }
}

fn row(frame: &Frame, listed: &Listed) -> Row {
    let Listed { entry, age_seconds, is_late } = listed;
    Row {
        name: visible(&entry.name),
        domain: entry.domain.clone(),
        history: frame.link(&format!("/e/{}", entry.domain)),
        attestation: frame.link(&format!("/a/{}", entry.id)),
        taken_at: entry.taken_at.clone(),
        instant: instant(&entry.taken_at),
        lowest: lowest(frame, entry),
        policy: entry.policy(),
        notice: entry.notice(frame.t),
        age: age(frame.language(), *age_seconds),
        published_at: entry.published_at.clone(),
        is_late: *is_late,
    }
}

/// The lowest ratio with its asset, or why there is none.
pub fn lowest(frame: &Frame, entry: &Entry) -> Sentence {
    let Some(facts) = &entry.facts else { return fill(&frame.t.unreadable, &[]) };
    facts.lowest().map_or_else(|| fill(&frame.t.nothing_owed, &[]), |lowest| ratio_of(frame, lowest))
}

/// A ratio with its asset.
pub fn ratio_of(frame: &Frame, (symbol, bps): (&str, u128)) -> Sentence {
    let percent = percent(frame.language(), bps);
    fill(&frame.t.lowest_of, &[("percent", &percent), ("asset", &visible(symbol))])
}
