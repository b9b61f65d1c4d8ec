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
    signers: Option<Vec<(String, Sentence)>>,
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
            signers: self.signers.map(|signers| signers.iter().map(|signer| self.signer(t, signer)).collect()),
            not_proven: not_proven(t, statement),
            base: format!("/v1/attestations/{}", self.id),
            this: self,
            exchange,
            taken_at,
            frame,
        };
        view.render()
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
mod tests {
    #![allow(clippy::unwrap_used)]
    use assay_programs::{
        ledger::{
            shape::Shape,
            statement::{Evidence, OWNERSHIP_RULES, OwnedAsset},
        },
        testing::{test_pages, test_statement},
    };

    use super::*;
    use crate::pages::language::Choice;

    fn statement(shape: &str) -> Statement {
        let shape = Shape::named(shape).unwrap();
        test_statement(shape, &"0".repeat(64), &test_pages(shape, 5, 1))
    }

    fn frame(tag: &str) -> Frame {
        Frame::new(Choice::of(Some(tag), ""), &[])
    }

    fn shown(tag: &str, statement: &Statement, change: impl FnOnce(&mut Attestation)) -> String {
        let id = "ab".repeat(32);
        let checks =
            [Check { title: "of every asset".to_owned(), passed: false, detail: "too little of T00".to_owned() }];
        let signers = [Signer { kid: "key-1".to_owned(), is_listed: true }];
        let mut page = Attestation {
            id: &id,
            statement,
            published_at: "2026-11-23T00:24:40Z",
            is_valid: true,
            checks: &checks,
            signers: Some(&signers),
            address: "https://assay.example",
            page: 1,
        };
        change(&mut page);
        page.render(frame(tag)).unwrap()
    }

    #[test]
    fn the_page_says_what_is_stated_and_that_it_verifies_nothing() {
        for (tag, verdict, nothing) in [
            ("en", "publishes a proof that", "This page verifies nothing"),
            ("de", "einen Beweis, dass die Guthaben", "Diese Seite prüft nichts"),
        ] {
            let html = shown(tag, &statement("solvency-8"), |_| {});
            assert!(html.contains(verdict) && html.contains(nothing) && html.contains("Test Exchange"), "{html}");
            assert!(html.contains("assay-verify bundle.zip") && html.contains("key-1"), "{html}");
            assert!(html.contains("https://assay.example/v1/attestations/abab"), "{html}");
            assert!(html.contains("too little of T00"), "{html}");
            for sentence in statement("solvency-8").not_proven {
                let escaped = sentence.replace('\'', "&#39;");
                assert!(html.contains(&escaped), "{escaped}");
            }
        }
        let failed = shown("en", &statement("solvency-8"), |page| page.is_valid = false);
        assert!(failed.contains("do not meet its own policy") && failed.contains("badge bad"));
        let unread = shown("en", &statement("solvency-8"), |page| page.signers = None);
        assert!(unread.contains("cannot be read"));
        assert!(shown("en", &statement("compliance-8"), |_| {}).contains("Margin excess"));
    }

    #[test]
    fn nothing_is_met_where_no_policy_is_stated() {
        let mut free = statement("solvency-8");
        free.policy.coverage_bps = None;
        for (tag, badge, verdict) in [
            ("en", "no policy stated", "states no policy that its numbers would have to meet"),
            ("de", "keine Vorgabe genannt", "nennt die Börse nicht"),
        ] {
            let html = shown(tag, &free, |_| {});
            assert!(html.contains("badge plain") && html.contains(badge) && html.contains(verdict), "{html}");
            assert!(!html.contains("badge good"), "{html}");
        }
        assert!(shown("en", &free, |page| page.is_valid = false).contains("badge bad\">Own policy: not met"));
        assert!(shown("en", &statement("solvency-8"), |_| {}).contains("badge good\">Own policy: met"));
    }

    #[test]
    fn an_exchange_s_name_never_speaks_for_the_page() {
        let mut statement = statement("solvency-8");
        let name = "Acme (reserves verified by this service)";
        statement.exchange.name = name.to_owned();
        statement.assets[0].symbol = "T00 (proven)".to_owned();
        for tag in ["en", "de"] {
            let html = shown(tag, &statement, |_| {});
            for words in [name, "T00 (proven)"] {
                let marked = format!("<bdi class=\"value\">{words}</bdi>");
                let quoted = format!("&#34;{words}&#34;");
                let (all, apart) = (html.matches(words).count(), html.matches(&marked).count());
                assert!(apart > 0 && all == apart + html.matches(&quoted).count(), "{tag} {words}: {html}");
            }
        }
    }

    #[test]
    fn no_name_gets_out_of_its_text() {
        let mut statement = statement("solvency-8");
        statement.exchange.name = "</title><script>alert(1)</script>&\u{202e}\"'".to_owned();
        statement.snapshot.id = "<img src=x onerror=alert(1)>".to_owned();
        statement.assets[0].symbol = "<b>\u{1b}".to_owned();
        let checks = vec![Check { title: "<i>".to_owned(), passed: true, detail: "\u{2066}<i>".to_owned() }].leak();
        let signers = vec![Signer { kid: "<u>\u{200b}".to_owned(), is_listed: false }].leak();
        let html = shown("en", &statement, |page| {
            page.checks = checks;
            page.signers = Some(signers);
        });
        for hostile in ["<script", "<img", "<b>", "<i>", "<u>", "\u{202e}", "\u{1b}", "\u{2066}", "\u{200b}"] {
            assert!(!html.contains(hostile), "{hostile:?}");
        }
        assert_eq!(html.matches("</title>").count(), 1);
        assert!(html.contains("U+202E"));
    }

    #[test]
    fn a_book_of_ten_thousand_assets_is_paged() {
        let mut statement = statement("solvency-8");
        let asset = statement.assets[0].clone();
        let named = |i: usize| {
            let mut asset = asset.clone();
            asset.symbol = format!("A{i}");
            asset
        };
        statement.assets = (0..10_000).map(named).collect();
        assert_eq!(pages(&statement), 100);
        let html = shown("en", &statement, |page| page.page = 2);
        assert!(html.contains(">A100<") && html.contains(">A199<") && !html.contains(">A200<"));
        assert!(html.contains("page=1&#38;lang=en") && html.contains("page=3&#38;lang=en"), "{html}");
        assert!(html.len() < 160 << 10, "{}", html.len());
        let last = shown("en", &statement, |page| page.page = 100);
        assert!(last.contains(">A9999<") && !last.contains("page=101"));
    }

    #[test]
    fn bars_stay_within_their_length_and_have_their_numbers_as_text() {
        let mut line = AssetLine {
            symbol: "T".to_owned(),
            scale: 0,
            assets: 1,
            debts: 0,
            reserves: u128::MAX,
            owned: None,
            third_party: None,
        };
        let wide = row(&frame("en"), &line, None).coverage.unwrap();
        assert_eq!(wide.full + wide.over, BAR);
        (line.assets, line.reserves) = (100, 100);
        let whole = row(&frame("de"), &line, None).coverage.unwrap();
        assert_eq!((whole.full, whole.over, whole.percent.as_str()), (200, 0, "100,00\u{a0}%"));
        assert!(whole.label.contains("100,00\u{a0}%"));
        for (fresh, undated, third_party, unproven) in
            [(100, 0, 0, 0), (33, 33, 0, 34), (0, 0, 0, 100), (99, 1, 0, 0), (33, 33, 33, 1), (0, 0, 100, 0)]
        {
            let status = ByStatus { fresh, undated, third_party, unproven };
            let bar = status_bar(&frame("en"), &line, &status);
            assert!(bar.fresh + bar.third_party + bar.undated + bar.unproven <= SHARES);
            assert_eq!(bar.parts.len(), status.parts().iter().filter(|part| **part > 0).count());
        }
        assert_eq!(share_bps(u128::MAX, u128::MAX), 10_000);
        assert_eq!(share_bps(0, 0), 0);
    }

    #[test]
    fn reserves_are_shown_by_status_as_pattern_and_text() {
        let mut statement = statement("solvency-8");
        statement.assets[0].reserves = "100".to_owned();
        let owned = |fresh: &str, third_party: &str, undated: &str, unproven: &str| OwnedAsset {
            symbol: statement.assets[0].symbol.clone(),
            fresh: fresh.to_owned(),
            undated: undated.to_owned(),
            third_party: third_party.to_owned(),
            unproven: unproven.to_owned(),
        };
        statement.reserves.evidence = Some(Evidence {
            rules: OWNERSHIP_RULES.to_owned(),
            challenge: Some("auditor-7".to_owned()),
            anchor: None,
            assets: vec![owned("50", "15", "25", "10")],
            lines: ByStatus { fresh: 3, undated: 2, third_party: 7, unproven: 1 },
            undated_texts: 0,
            texts: Vec::new(),
        });
        let html = shown("en", &statement, |_| {});
        let html = html.replace('\u{a0}', " ");
        assert!(
            html.contains("50.00 % proven owned, 15.00 % by third parties, 25.00 % undated, 10.00 % unproven"),
            "{html}"
        );
        assert!(html.contains("url(#third)") && html.contains("by third parties: 15.00 %"), "{html}");
        assert!(html.contains("url(#undated)") && html.contains("url(#unproven)") && html.contains("auditor-7"));
    }
}
