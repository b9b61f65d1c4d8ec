//! Who signed for disclosed reserve lines: judged again by the reader, and compared with what the statement says.

use std::collections::BTreeMap;

use assay_core::{decimal::ExactSum, sealed::Sealed};
use assay_ownership::{Anchor, Context, Line, Reason, Verdict, judge};
use assay_programs::{
    ledger::statement::{ByStatus, Evidence, Statement},
    reserves::{DisclosedFields, DisclosedLine, ReserveDisclosure, ReservesReport},
};

/// Adds the checks of the signatures of proved lines to a report on their disclosure. A statement without evidence says nothing of
/// signatures, so nothing is compared with it.
pub(crate) fn check_owners(report: &mut ReservesReport, disclosure: &ReserveDisclosure, statement: &Sealed<Statement>) {
    let evidence = statement.reserves.evidence.as_ref();
    let context = context(statement, evidence);
    let title = "no signature over a disclosed line is false";
    let Some(verdicts) =
        report.checks.step("reserves-signatures", title, judge_all(disclosure, &context), |verdicts| {
            let ByStatus { fresh, undated, unproven } = count(verdicts);
            format!("{fresh} proven owned, {undated} undated, {unproven} unproven")
        })
    else {
        return;
    };
    report.owners = Some(count(&verdicts));
    if let Some(evidence) = evidence.filter(|_| disclosure.complete == Some(true)) {
        let outcome = compare(disclosure, &verdicts, evidence, statement);
        report.checks.add("reserves-summary", "the statement says of these assets what their lines show", outcome);
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

/// The verdict of each line. An address without signatures that its chain cannot read shows nothing, as in a ledger.
fn judge_all(disclosure: &ReserveDisclosure, context: &Context<'_>) -> Result<Vec<Verdict>, String> {
    let verdict = |disclosed: &DisclosedLine| {
        let DisclosedFields { chain, address, message, signature, token, kind, key, .. } = &disclosed.fields;
        let refused = |reason: String| format!("line {}: {reason}", disclosed.index);
        let kind = kind.parse().map_err(refused)?;
        let line = Line { chain, address, message, signature, token, kind, key };
        match judge(&line, context) {
            Ok(verdict) => Ok(verdict),
            Err(_) if signature.is_empty() && key.is_empty() => Ok(Verdict::Unproven(Reason::Unsigned)),
            Err(defect) => Err(refused(defect.to_string())),
        }
    };
    disclosure.lines.iter().map(verdict).collect()
}

fn count(verdicts: &[Verdict]) -> ByStatus<u64> {
    let mut lines = ByStatus::default();
    for verdict in verdicts {
        *slot(&mut lines, verdict) += 1;
    }
    lines
}

fn slot<'s, T>(by_status: &'s mut ByStatus<T>, verdict: &Verdict) -> &'s mut T {
    match verdict {
        Verdict::Fresh => &mut by_status.fresh,
        Verdict::Undated { .. } => &mut by_status.undated,
        Verdict::Unproven(_) => &mut by_status.unproven,
    }
}

/// That the sums by status of completely disclosed assets are those of the statement.
fn compare(
    disclosure: &ReserveDisclosure,
    verdicts: &[Verdict],
    evidence: &Evidence,
    statement: &Statement,
) -> Result<String, String> {
    let mut sums: BTreeMap<&str, ByStatus<ExactSum>> = BTreeMap::new();
    for (line, verdict) in disclosure.lines.iter().zip(verdicts) {
        let sum = sums.entry(&line.fields.asset).or_default();
        slot(sum, verdict).add(&line.fields.amount).map_err(|e| format!("line {}: {e}", line.index))?;
    }
    let stated: BTreeMap<&str, _> = evidence.assets.iter().map(|asset| (asset.symbol.as_str(), asset)).collect();
    for asset in &statement.assets {
        let Some(sums) = sums.get(asset.symbol.as_str()) else { continue };
        let found = [&sums.fresh, &sums.undated].map(|sum| sum.units(asset.scale).map(|(units, _)| units));
        let said = match stated.get(asset.symbol.as_str()) {
            Some(said) => said.units().map(|said| [said.fresh, said.undated]).map_err(|e| e.to_string())?,
            // all its lines are of nothing
            None => [0, 0],
        };
        if found != said.map(Some) {
            return Err(format!("of {} the statement says more or less", asset.symbol));
        }
    }
    Ok(format!("{} assets", sums.len()))
}
