//! `/a/{id}`: one attestation. Verdict, assets, rules, signers, what is not proven, downloads, and the command that verifies.

use std::collections::HashMap;

use askama::Template;
use assay_core::{decimal::parse_count, text::visible};
use assay_programs::ledger::{
    policy::{AssetLine, asset_lines},
    statement::{ByStatus, CoverageBasis, MEASURE_NAMES, MeasureResult, Statement},
};

use super::{
    amount::{amount, instant, percent, units},
    badge::PolicyBadge,
    facts::has_policy,
    frame::Frame,
    later::{NoticeCard, OpinionCard, SignedLater},
    text::{Sentence, Texts, fill},
};

/// Maximum number of assets on a page.
const ASSETS: usize = 100;
/// Length of the longest bar.
const BAR: u128 = 300;
/// Coverage that fills a bar, in hundredths of a percent.
const FULL_BPS: u128 = 15_000;
/// Length of 100 %.
const WHOLE: u128 = BAR * 10_000 / FULL_BPS;
/// Length of a bar of shares.
const SHARES: u128 = 200;

/// A check of the report.
pub struct Check {
    /// What must hold.
    pub title: String,
    /// Whether it does.
    pub passed: bool,
    /// What was found.
    pub detail: String,
}

/// A key that signed.
pub struct Signer {
    /// Its id.
    pub kid: String,
    /// Whether this service lists it among its own.
    pub is_listed: bool,
}

/// What the page shows.
pub struct Attestation<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its statement.
    pub statement: &'a Statement,
    /// When it was published, RFC 3339.
    pub published_at: &'a str,
    /// Whether the numbers meet the exchange's own policy.
    pub is_valid: bool,
    /// The report of the service's own verification.
    pub checks: &'a [Check],
    /// The keys that signed; nothing if the signature file cannot be read.
    pub signers: Option<&'a [Signer]>,
    /// What was signed later.
    pub later: &'a SignedLater,
    /// Public address of the service.
    pub address: &'a str,
    /// Which part of the assets, from 1.
    pub page: usize,
}

/// Number of pages that the assets of a statement take, at least 1.
pub fn pages(statement: &Statement) -> usize {
    statement.assets.len().div_ceil(ASSETS).max(1)
}

#[derive(Template)]
#[template(path = "attestation.html")]
struct View<'a> {
    frame: Frame,
    this: &'a Attestation<'a>,
    title: Sentence,
    policy: PolicyBadge,
    verdict: Sentence,
    exchange: String,
    snapshot: String,
    series: String,
    taken_at: String,
    published: String,
    history: String,
    required: Option<Sentence>,
    rows: Vec<Row>,
    evidence: Option<EvidenceNotes>,
    range: Option<Sentence>,
    back: Option<String>,
    more: Option<String>,
    checks: Vec<Check>,
    measures: Option<Measures>,
    notices: Vec<NoticeCard>,
    signers: Option<Vec<(String, Sentence)>>,
    opinions: Vec<OpinionCard>,
    not_proven: Vec<(&'a str, Option<&'static str>)>,
    base: String,
}

struct Row {
    symbol: String,
    customer: String,
    debts: String,
    reserves: String,
    coverage: Option<CoverageBar>,
    status: Option<StatusBar>,
}

struct CoverageBar {
    percent: String,
    label: String,
    /// Length up to 100 %, and beyond it.
    full: u128,
    over: u128,
}

struct StatusBar {
    label: String,
    /// Length of each part.
    fresh: u128,
    third_party: u128,
    undated: u128,
    unproven: u128,
    /// Name and share of each part that is not nothing.
    parts: Vec<(&'static str, String)>,
}

struct EvidenceNotes {
    lines: Sentence,
    challenge: Option<Sentence>,
    anchor: Option<Sentence>,
}

struct Measures {
    caption: Sentence,
    rows: Vec<MeasureRow>,
}

struct MeasureRow {
    name: &'static str,
    positive: String,
    negative: String,
    below: String,
}

impl Attestation<'_> {
    /// The page.
    ///
    /// # Errors
    /// None that an input could cause.
    pub fn render(&self, frame: Frame) -> askama::Result<String> {
        let (statement, t) = (self.statement, frame.t);
        let exchange = visible(&statement.exchange.name);
        let taken_at = instant(&statement.snapshot.taken_at);
        let names = [("exchange", exchange.as_str()), ("instant", taken_at.as_str())];
        let path = format!("/a/{}", self.id);
        let to_page = |page: usize| format!("{path}{}", frame.query(&[("page", &page.to_string())]));
        let (first, all) = ((self.page.max(1) - 1) * ASSETS, statement.assets.len());
        let range = (pages(statement) > 1).then(|| {
            let (from, to) = ((first + 1).to_string(), (first + ASSETS).min(all).to_string());
            fill(&t.assets_range, &[("from", &from), ("to", &to), ("all", &all.to_string())])
        });
        let policy = PolicyBadge::of(self.is_valid, Some(has_policy(&statement.policy)));
        let verdict = match policy {
            PolicyBadge::Met => &t.verdict_met,
            PolicyBadge::NotMet => &t.verdict_not_met,
            PolicyBadge::NotStated | PolicyBadge::Unreadable => &t.verdict_no_policy,
        };
        let view = View {
            title: fill(&t.attestation_title, &names),
            verdict: fill(verdict, &names),
            policy,
            snapshot: visible(&statement.snapshot.id),
            series: visible(&statement.snapshot.series),
            published: instant(self.published_at),
            history: frame.link(&format!("/e/{}", statement.exchange.domain)),
            required: required(&frame, statement),
            rows: rows(&frame, statement, first),
            evidence: evidence_notes(t, statement),
            range,
            back: (self.page > 1).then(|| to_page(self.page - 1)),
            more: (self.page < pages(statement)).then(|| to_page(self.page + 1)),
            checks: self.checks.iter().map(Check::shown).collect(),
            measures: measures(&frame, statement),
            notices: self.later.notices.iter().map(|notice| NoticeCard::of(&frame, notice)).collect(),
            signers: self.signers.map(|signers| self.all_signers(t, signers)),
            opinions: self.later.opinions.iter().map(|(opinion, kid)| OpinionCard::of(t, opinion, kid)).collect(),
            not_proven: not_proven(t, statement),
            base: format!("/v1/attestations/{}", self.id),
            this: self,
            exchange,
            taken_at,
            frame,
        };
        view.render()
    }

    /// The keys that signed with the publication, then those that countersigned.
    fn all_signers(&self, t: &Texts, signers: &[Signer]) -> Vec<(String, Sentence)> {
        let later = self.later.countersigners.iter().map(|kid| (visible(kid), fill(&t.signed_later, &[])));
        signers.iter().map(|signer| self.signer(t, signer)).chain(later).collect()
    }

    fn signer(&self, t: &Texts, signer: &Signer) -> (String, Sentence) {
        let name = if signer.is_listed { &t.signed_by_service } else { &t.signed_unlisted };
        (visible(&signer.kid), fill(name, &[("address", self.address)]))
    }
}

impl Check {
    fn shown(&self) -> Self {
        Self { title: visible(&self.title), passed: self.passed, detail: visible(&self.detail) }
    }
}

fn required(frame: &Frame, statement: &Statement) -> Option<Sentence> {
    let required = percent(frame.language(), u128::from(statement.policy.coverage_bps?));
    let text = match statement.policy.coverage_basis.unwrap_or(CoverageBasis::Gross) {
        CoverageBasis::Gross => &frame.t.required_gross,
        CoverageBasis::Net => &frame.t.required_net,
    };
    Some(fill(text, &[("percent", &required)]))
}

/// The rows of one page of the assets.
fn rows(frame: &Frame, statement: &Statement, first: usize) -> Vec<Row> {
    let evidence = statement.reserves.evidence.as_ref();
    let by_status: HashMap<&str, ByStatus<u128>> = evidence
        .iter()
        .flat_map(|evidence| &evidence.assets)
        .filter_map(|asset| Some((asset.symbol.as_str(), asset.units().ok()?)))
        .collect();
    let lines = asset_lines(statement);
    let shown = lines.iter().skip(first).take(ASSETS);
    shown.map(|line| row(frame, line, by_status.get(line.symbol.as_str()))).collect()
}

fn row(frame: &Frame, line: &AssetLine, status: Option<&ByStatus<u128>>) -> Row {
    let language = frame.language();
    let amount = |amount: u128| units(language, amount, line.scale);
    let coverage = line.coverage_bps().map(|bps| {
        let percent = percent(language, bps);
        let label = fill(&frame.t.bar_coverage, &[("percent", &percent)]).plain();
        let length = bps.min(FULL_BPS) * BAR / FULL_BPS;
        CoverageBar { percent, label, full: length.min(WHOLE), over: length.saturating_sub(WHOLE) }
    });
    Row {
        symbol: visible(&line.symbol),
        customer: amount(line.assets),
        debts: amount(line.debts),
        reserves: amount(line.reserves),
        coverage,
        status: status.map(|status| status_bar(frame, line, status)),
    }
}

fn status_bar(frame: &Frame, line: &AssetLine, status: &ByStatus<u128>) -> StatusBar {
    let (language, t) = (frame.language(), frame.t);
    let shares = status.map(|part| share_bps(part, line.reserves));
    let shown = shares.map(|bps| percent(language, bps));
    let label = fill(&t.bar_status, &by_status(&shown)).plain();
    let names = [&t.status_fresh, &t.status_third_party, &t.status_undated, &t.status_unproven];
    let named = names.into_iter().zip(shown.parts()).zip(status.parts());
    let parts = named.filter(|(_, part)| *part > 0).map(|((name, share), _)| (name.as_str(), share)).collect();
    let ByStatus { fresh, undated, third_party, .. } = shares.map(|bps| bps * SHARES / 10_000);
    // what rounding leaves counts against the exchange
    let unproven = if status.unproven > 0 { SHARES.saturating_sub(fresh + undated + third_party) } else { 0 };
    StatusBar { label, fresh, third_party, undated, unproven, parts }
}

/// The values of a sentence about each status.
fn by_status(shown: &ByStatus<String>) -> [(&'static str, &str); 4] {
    let ByStatus { fresh, undated, third_party, unproven } = shown;
    [("fresh", fresh), ("third_party", third_party), ("undated", undated), ("unproven", unproven)]
}

/// A part of a whole in hundredths of a percent, rounded down; 0 of nothing.
fn share_bps(part: u128, whole: u128) -> u128 {
    match part.checked_mul(10_000) {
        Some(product) => product.checked_div(whole).unwrap_or(0),
        None => part / (whole / 10_000).max(1),
    }
}

fn evidence_notes(t: &Texts, statement: &Statement) -> Option<EvidenceNotes> {
    let evidence = statement.reserves.evidence.as_ref()?;
    let lines = evidence.lines.map(|lines| lines.to_string());
    let challenge = evidence.challenge.as_deref().map(visible);
    let anchor = evidence.anchor.as_ref().map(|block| {
        let (chain, height, hash) = (visible(&block.chain), block.height.to_string(), visible(&block.hash));
        fill(&t.status_anchor, &[("chain", &chain), ("height", &height), ("hash", &hash)])
    });
    Some(EvidenceNotes {
        lines: fill(&t.status_lines, &by_status(&lines)),
        challenge: challenge.map(|challenge| fill(&t.status_challenge, &[("challenge", &challenge)])),
        anchor,
    })
}

fn measures(frame: &Frame, statement: &Statement) -> Option<Measures> {
    let rules = statement.rules.as_ref()?;
    let (language, t) = (frame.language(), frame.t);
    let quote = visible(statement.assets.first().map_or("", |asset| asset.quote.as_str()));
    let sum = |text: &str| units(language, parse_count(text).unwrap_or(0), statement.value_decimals());
    let row = |(result, name): (&MeasureResult, &&str)| MeasureRow {
        name: if *name == MEASURE_NAMES[0] { &t.measure_equity } else { &t.measure_margin_excess },
        positive: sum(&result.positive),
        negative: sum(&result.negative),
        below: amount(language, &result.below.to_string()),
    };
    Some(Measures {
        caption: fill(&t.measures_table, &[("quote", &quote)]),
        rows: rules.results.iter().zip(&MEASURE_NAMES).map(row).collect(),
    })
}

/// Each sentence of the statement, as written, with its translation if the page has another language.
fn not_proven<'a>(t: &'static Texts, statement: &'a Statement) -> Vec<(&'a str, Option<&'static str>)> {
    let translated = |sentence: &str| t.not_proven.get(sentence).map(String::as_str);
    statement.not_proven.iter().map(|sentence| (sentence.as_str(), translated(sentence))).collect()
}

#[cfg(test)]
mod tests;
