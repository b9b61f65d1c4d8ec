//! `/e/{domain}`: the attestations of an exchange, with step lines for its assets.

use askama::Template;
use assay_core::text::visible;

use super::{
    amount::instant,
    badge::PolicyBadge,
    chart::{Chart, HEIGHT, LEFT, Point, RIGHT, WIDTH},
    frame::Frame,
    home::{Entry, lowest, ratio_of},
    text::{Sentence, fill},
};

/// Maximum number of assets that are drawn: the first ones of the newest attestation.
const MAX_CHARTS: usize = 12;
/// Digits of an id in the table.
const SHORT_ID: usize = 16;

/// What the page shows.
pub struct History<'a> {
    /// Domain of the exchange.
    pub domain: &'a str,
    /// The attestations of this page of the list, newest first, each with its instant in seconds since 1970.
    pub entries: &'a [(i64, Entry)],
    /// The cursor of this page of the list, unless it is the first.
    pub cursor: Option<&'a str>,
    /// The cursor of the next one, if there is one.
    pub next: Option<&'a str>,
    /// After how many seconds an attestation should follow another; nothing where the service promises none.
    pub promised_seconds: Option<i64>,
}

#[derive(Template)]
#[template(path = "history.html")]
struct View {
    frame: Frame,
    title: Sentence,
    lead: Sentence,
    charts: Vec<Result<Chart, Sentence>>,
    left_out: Option<Sentence>,
    rows: Vec<Row>,
    first: Option<String>,
    more: Option<String>,
}

struct Row {
    link: String,
    short_id: String,
    taken_at: String,
    instant: String,
    lowest: Sentence,
    owned: Sentence,
    policy: PolicyBadge,
    notice: Option<(&'static str, &'static str)>,
    published_at: String,
    published: String,
}

impl History<'_> {
    /// The page.
    ///
    /// # Errors
    /// None that an input could cause.
    pub fn render(&self, frame: Frame) -> askama::Result<String> {
        let name = self.entries.first().map_or_else(|| self.domain.to_owned(), |(_, entry)| visible(&entry.name));
        let path = format!("/e/{}", self.domain);
        let (charts, left_out) = self.charts(&frame);
        let view = View {
            title: fill(&frame.t.history_title, &[("exchange", &name)]),
            lead: fill(&frame.t.history_lead, &[("domain", self.domain)]),
            charts,
            left_out,
            rows: self.entries.iter().map(|(_, entry)| row(&frame, entry)).collect(),
            first: self.cursor.map(|_| frame.link(&path)),
            more: self.next.map(|next| format!("{path}{}", frame.query(&[("cursor", next)]))),
            frame,
        };
        view.render()
    }

    /// A chart for each asset, or a sentence where there is nothing to draw; and how many assets are left out.
    fn charts(&self, frame: &Frame) -> (Vec<Result<Chart, Sentence>>, Option<Sentence>) {
        let Some(newest) = self.entries.iter().find_map(|(_, entry)| entry.facts.as_ref()) else {
            return (Vec::new(), None);
        };
        let assets = newest.ratios.iter().map(|(symbol, _)| symbol.as_str());
        let chart = |symbol: &str| {
            let shown = visible(symbol);
            let drawn = Chart::of(frame.language(), &shown, &self.points(symbol), self.promised_seconds);
            drawn.ok_or_else(|| fill(&frame.t.chart_none, &[("asset", &shown)]))
        };
        let charts = assets.take(MAX_CHARTS).map(chart).collect();
        let left_out = newest.ratios.len().saturating_sub(MAX_CHARTS);
        let left_out = (left_out > 0).then(|| fill(&frame.t.history_charts_left_out, &[("n", &left_out.to_string())]));
        (charts, left_out)
    }

    fn points(&self, symbol: &str) -> Vec<Point> {
        let oldest_first = self.entries.iter().rev();
        oldest_first
            .map(|(at, entry)| {
                let ratio = entry.facts.as_ref().and_then(|facts| facts.ratio(symbol));
                Point { at: *at, instant: entry.taken_at.clone(), ratio }
            })
            .collect()
    }
}

fn row(frame: &Frame, entry: &Entry) -> Row {
    Row {
        link: frame.link(&format!("/a/{}", entry.id)),
        short_id: entry.id.chars().take(SHORT_ID).collect(),
        taken_at: entry.taken_at.clone(),
        instant: instant(&entry.taken_at),
        lowest: lowest(frame, entry),
        owned: owned(frame, entry),
        policy: entry.policy(),
        notice: entry.notice(frame.t),
        published_at: entry.published_at.clone(),
        published: instant(&entry.published_at),
    }
}

/// The lowest share that is proven owned, or why there is none.
fn owned(frame: &Frame, entry: &Entry) -> Sentence {
    let Some(facts) = &entry.facts else { return fill(&frame.t.unreadable, &[]) };
    let share = facts.owned.as_ref().map(|(symbol, share)| ratio_of(frame, (symbol, *share)));
    share.unwrap_or_else(|| fill(&frame.t.no_evidence, &[]))
}
