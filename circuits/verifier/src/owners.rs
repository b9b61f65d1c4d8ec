//! Who signed for reserve lines: what lines show, summed, and the reader's own judgement of disclosed ones, compared with what the
//! statement says.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use assay_core::{
    decimal::{DecimalError, ExactSum},
    sealed::Sealed,
    text::{shown, spelled_out},
};
use assay_ownership::{Anchor, Context, Line, Reason, Verdict, judge};
use assay_programs::{
    ledger::statement::{ByStatus, Evidence, MAX_UNDATED_TEXTS, Statement},
    reserves::{DisclosedFields, DisclosedLine, ReserveDisclosure, ReservesReport},
};

/// What lines show together. `K` tells assets apart.
#[derive(Debug, Clone, Default)]
pub struct Shown<K> {
    /// The amounts of each asset.
    pub sums: BTreeMap<K, ByStatus<ExactSum>>,
    /// Number of lines.
    pub lines: ByStatus<u64>,
    /// The texts that undated lines signed, hidden characters spelled out.
    pub texts: BTreeSet<String>,
}

impl<K: Ord> Shown<K> {
    /// Adds a line.
    ///
    /// # Errors
    /// If the amount cannot be read.
    pub fn add(&mut self, asset: K, amount: &str, verdict: &Verdict) -> Result<(), DecimalError> {
        let sums = self.sums.entry(asset).or_default();
        let (sum, lines) = match verdict {
            Verdict::Fresh => (&mut sums.fresh, &mut self.lines.fresh),
            Verdict::Undated { text } => {
                self.texts.insert(spelled_out(text));
                (&mut sums.undated, &mut self.lines.undated)
            }
            Verdict::Unproven(_) => (&mut sums.unproven, &mut self.lines.unproven),
        };
        *lines += 1;
        sum.add(amount)
    }
}

/// Adds the checks of proved lines to a report on their disclosure: that none stands there twice, what their signatures show, and that
/// the statement does not say otherwise.
pub(crate) fn check_owners(report: &mut ReservesReport, disclosure: &ReserveDisclosure, statement: &Sealed<Statement>) {
    let title = "no place of an asset is disclosed twice";
    let lines = report.checks.step("reserves-places", title, lines_of(disclosure), |_| String::new());
    let Some(lines) = lines else { return };
    let evidence = statement.reserves.evidence.as_ref();
    let title = "no signature over a disclosed line is false";
    let judged = judge_all(&lines, &context(statement, evidence));
    let Some(shown) = report.checks.step("reserves-signatures", title, judged, |shown| {
        let ByStatus { fresh, undated, unproven } = shown.lines;
        format!("{fresh} proven owned, {undated} undated, {unproven} unproven")
    }) else {
        return;
    };
    for asset in &mut report.assets {
        let part = |sum: &ExactSum| sum.units(asset.scale).map_or(0, |(units, _)| units);
        asset.owners = shown.sums.get(asset.symbol.as_str()).map(|ByStatus { fresh, undated, unproven }| ByStatus {
            fresh: part(fresh),
            undated: part(undated),
            unproven: part(unproven),
        });
    }
    report.owners = Some(shown.lines);
    if let Some(evidence) = evidence {
        let outcome = compare(report, disclosure, &shown, evidence);
        report.checks.add("reserves-summary", "the lines show nothing else than the statement says of them", outcome);
    }
}

fn context<'s>(statement: &'s Statement, evidence: Option<&'s Evidence>) -> Context<'s> {
    let anchor = evidence.and_then(|evidence| evidence.anchor.as_ref());
    Context {
        domain: &statement.exchange.domain,
        snapshot: &statement.snapshot.id,
        taken_at: &statement.snapshot.taken_at,
        anchor: anchor.map(|block| Anchor { chain: &block.chain, height: block.height, hash: &block.hash }),
        challenge: evidence.and_then(|evidence| evidence.challenge.as_deref()),
    }
}

/// The lines as far as ownership is concerned, of which no two of one asset are in one place.
fn lines_of(disclosure: &ReserveDisclosure) -> Result<Vec<(&DisclosedLine, Line<'_>)>, String> {
    let mut places = HashSet::new();
    let mut lines = Vec::with_capacity(disclosure.lines.len());
    for disclosed in &disclosure.lines {
        let DisclosedFields { asset, chain, address, message, signature, token, kind, key, .. } = &disclosed.fields;
        let refused = |reason: String| format!("line {}: {reason}", disclosed.index);
        let line = Line { chain, address, message, signature, token, kind: kind.parse().map_err(refused)?, key };
        if !places.insert((asset, line.place())) {
            return Err(refused(format!("{} at address {} is there twice", shown(asset), shown(address))));
        }
        lines.push((disclosed, line));
    }
    Ok(lines)
}

/// What the lines show. One without signatures that its chain cannot read shows nothing, as in a ledger.
fn judge_all<'d>(lines: &[(&'d DisclosedLine, Line<'d>)], context: &Context<'_>) -> Result<Shown<&'d str>, String> {
    let mut shown = Shown::default();
    for (disclosed, line) in lines {
        let refused = |reason: String| format!("line {}: {reason}", disclosed.index);
        let verdict = match judge(line, context) {
            Ok(verdict) => verdict,
            Err(_) if line.is_silent() => Verdict::Unproven(Reason::Unsigned),
            Err(defect) => return Err(refused(defect.to_string())),
        };
        let DisclosedFields { asset, amount, .. } = &disclosed.fields;
        shown.add(asset.as_str(), amount, &verdict).map_err(|e| refused(e.to_string()))?;
    }
    Ok(shown)
}

/// That lines do not show more of anything than the statement says, and exactly that where all lines are disclosed: those of an asset for
/// its sums, those of the whole file for the number of lines and the signed texts.
fn compare(
    report: &ReservesReport,
    disclosure: &ReserveDisclosure,
    shown: &Shown<&str>,
    evidence: &Evidence,
) -> Result<String, String> {
    let stated: BTreeMap<&str, _> = evidence.assets.iter().map(|asset| (asset.symbol.as_str(), asset)).collect();
    for asset in &report.assets {
        let Some(found) = asset.owners else { continue };
        let said = match stated.get(asset.symbol.as_str()) {
            Some(said) => said.units().map_err(|e| e.to_string())?,
            // all its lines are of nothing
            None => ByStatus::default(),
        };
        let is_within = found.fresh <= said.fresh && found.undated <= said.undated && found.unproven <= said.unproven;
        let is_all = disclosure.complete != Some(true) || (found.fresh, found.undated) == (said.fresh, said.undated);
        if !is_within || !is_all {
            return Err(format!("the lines of {} show other sums by status than the statement says", asset.symbol));
        }
    }
    let (found, said) = (shown.lines, evidence.lines);
    let is_within = found.fresh <= said.fresh && found.undated <= said.undated && found.unproven <= said.unproven;
    let is_whole = disclosure.lines.len() as u64 == disclosure.line_count;
    if !is_within || is_whole && found != said {
        return Err("the statement says other numbers of lines by status".to_owned());
    }
    let first = shown.texts.iter().take(MAX_UNDATED_TEXTS);
    let texts = shown.texts.len() as u64 == evidence.undated_texts && first.eq(evidence.texts.iter());
    if is_whole && !texts {
        return Err("the statement says other texts of undated lines".to_owned());
    }
    Ok(format!("{} assets", report.assets.len()))
}
