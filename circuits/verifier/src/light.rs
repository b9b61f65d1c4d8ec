//! The program without a proof system: signatures, statements, inclusion and reserves.

use assay_core::{signature::Jwks, text::visible};
use assay_programs::{ledger::statement::StatementLabel, purpose::TestShapes};
use assay_verifier::{
    attestation::Attestation,
    attested::Attested,
    log::policy::Policy,
    report::{check_lines, later_lines},
    trust::Trust,
};

use crate::{Arguments, Failure, print};

/// The end of the help text.
pub(crate) const ABOUT: &str = "
This build has no proof system. It checks signatures, statements, inclusion files and reserve lines, and says NOT VERIFIED
where only a proof can tell. Exit code 0 means that what was checked holds, not that the attestation is proved.
";

/// Checks what needs no proof.
pub(crate) fn attestation(_: &Arguments, attestation: &Attestation, trust: Trust<'_>) -> Result<Attested, Failure> {
    Ok(Attested::unproved(attestation, trust, TestShapes::Refused))
}

/// A statement and its signature: nothing else can be said of an attestation without its proof.
pub(crate) fn alone(arguments: &Arguments, own: &Attestation, trust: Trust<'_>) -> Result<bool, Failure> {
    if trust.jwks.is_none() && trust.log.is_none() && trust.auditors.is_none() {
        let reason = "this build verifies no proofs: give --jwks, --log-policy, --auditors, --inclusion or --reserves";
        return Err(Failure::Usage(reason.to_owned()));
    }
    let attested = attestation(arguments, own, trust)?;
    print(&check_lines(attested.checks()));
    let identity = own.statement().ok().map(|statement| visible(&StatementLabel::of(statement).to_string()));
    print(identity.as_slice());
    print(&later_lines(attested.later()));
    attested.log().into_iter().for_each(|log| println!("{log}"));
    let verdict = match attested.holds() {
        true => "NOT VERIFIED: the proof. The totals are only a claim here.",
        false => "NOT VALID: a check above does not hold.",
    };
    println!("{verdict} {}", attested.signature());
    Ok(attested.holds())
}

/// A disclosure is a proof.
pub(crate) fn disclosure(_: &Arguments, _: &[Attestation], _: &[Jwks], _: Option<&Policy>) -> Result<bool, Failure> {
    Err(Failure::Usage("a disclosure is a proof, and this build verifies no proofs".to_owned()))
}
