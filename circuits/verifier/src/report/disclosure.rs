//! A report on a disclosure.

use assay_core::{signature::SignatureState, text::visible};
use assay_programs::{disclosure::claim::Claim, ledger::report::Report};

use super::checks::check_lines;
use crate::disclosure::Disclosed;

/// A report on a disclosure for a person, with those on the attestations it speaks of. The last line says what the whole is
/// worth, and who signed the attestations.
pub fn disclosure_lines(Disclosed { attestations, report }: &Disclosed) -> Vec<String> {
    let mut lines = Vec::new();
    for attestation in attestations {
        lines.extend(check_lines(&attestation.checks));
        lines.push(String::new());
    }
    lines.extend(check_lines(&report.checks));
    lines.push(String::new());
    let Some(claim) = &report.claim else {
        let signatures = signatures(attestations);
        lines.push(format!("NOT SHOWN: this file proves nothing about these attestations. {signatures}"));
        return lines;
    };
    if !attestations.iter().all(Report::is_valid) {
        let signatures = signatures(attestations);
        lines.push(format!("NOT VALID: an attestation that the disclosure refers to is not valid. {signatures}"));
        return lines;
    }
    lines.push(format!(
        "Made for: {}",
        if claim.context.is_empty() { "no stated purpose".into() } else { visible(&claim.context) }
    ));
    for (attested, report) in claim.attestations.iter().zip(ordered(claim, attestations)) {
        let Some(statement) = report.and_then(|r| r.statement.as_ref()) else {
            continue;
        };
        let who = match &attested.account {
            Some(account) => format!("account {}", visible(&account.reference)),
            None => "an unnamed account".to_owned(),
        };
        let (exchange, snapshot) = (&statement.get().exchange, &statement.get().snapshot);
        lines.push(format!(
            "  {who} of {} ({}) at {}, statement {}",
            visible(&exchange.name),
            visible(&exchange.domain),
            visible(&snapshot.taken_at),
            attested.statement_digest
        ));
    }
    let (many, measure) = (claim.attestations.len() > 1, claim.measure.replace('_', " "));
    let article = if measure == "equity" { "an" } else { "a" };
    lines.push(format!(
        "VALID: {} {article} {measure} of at least {} {}{}. {}",
        if many { "these accounts have together" } else { "this account has" },
        claim.at_least,
        visible(&claim.quote),
        if many { " (it is not proved that they belong to one person)" } else { "" },
        signatures(attestations)
    ));
    lines
}

/// Who signed the attestations: one sentence for all, or how many of them are signed.
fn signatures(attestations: &[Report]) -> String {
    let signed = attestations.iter().filter(|report| matches!(report.signature, SignatureState::Signed(_))).count();
    match attestations.iter().find(|report| !matches!(report.signature, SignatureState::Signed(_))) {
        Some(unsigned) if attestations.len() > 1 => {
            format!(
                "{signed} of {} attestations are signed by keys of yours. {}",
                attestations.len(),
                unsigned.signature
            )
        }
        Some(unsigned) => unsigned.signature.to_string(),
        None => attestations.iter().map(|report| report.signature.to_string()).collect::<Vec<_>>().join(" "),
    }
}

/// The reports in the order of the claim.
fn ordered<'a>(claim: &'a Claim, reports: &'a [Report]) -> impl Iterator<Item = Option<&'a Report>> {
    let of = |report: &Report, digest: &str| {
        report.statement.as_ref().is_some_and(|statement| statement.get().digest().to_string() == digest)
    };
    claim.attestations.iter().map(move |attested| reports.iter().find(|r| of(r, &attested.statement_digest)))
}
