//! The program without a proof system: signatures, statements, inclusion and reserves.

use assay_core::{
    check::Checks,
    signature::{Jwks, SignatureState},
    text::visible,
};
use assay_programs::{ledger::statement::StatementLabel, purpose::TestShapes};
use assay_verifier::{attestation::Attestation, attested::Attested, log::policy::Policy, report::check_lines};

use crate::{Arguments, Failure, Trust, print};

/// The end of the help text.
pub(crate) const ABOUT: &str = "
This build has no proof system. It checks signatures, statements, inclusion files and reserve lines, and says NOT VERIFIED
where only a proof can tell. Exit code 0 means that what was checked holds, not that the attestation is proved.
";

/// Checks what needs no proof.
pub(crate) fn attestation(
    arguments: &Arguments,
    attestation: &Attestation,
    trust: Trust<'_>,
) -> Result<Attested, Failure> {
    let mut checks = Checks::default();
    checks.step("statement", "the statement is complete and in canonical form", attestation.statement(), |s| {
        format!("{} of {}", s.snapshot.id, s.exchange.name)
    });
    let admitted = attestation.statement().map_err(Clone::clone).and_then(|statement| {
        let shape = statement.shape()?;
        shape.purpose.admit_verifying(shape.name, TestShapes::Refused).map(|()| shape.name)
    });
    checks.step("shape", "its shape is one that this release accepts", admitted, |name| (*name).to_owned());
    let (signature, check) = attestation.signature(trust.jwks, arguments.require_signature);
    let (log, log_check) = attestation.log(trust.log, trust.log_proof);
    // only for what somebody stands behind: hashing files of anybody's choice is no work to do for nothing
    let stands = matches!(signature, SignatureState::Signed(_));
    let manifest = if stands { attestation.check_manifest() } else { None };
    [check, manifest, log_check].into_iter().flatten().for_each(|check| checks.push(check));
    Ok(Attested::Unproved { checks, signature, log: Some(log) })
}

/// A statement and its signature: nothing else can be said of an attestation without its proof.
pub(crate) fn alone(arguments: &Arguments, own: &Attestation, trust: Trust<'_>) -> Result<bool, Failure> {
    if trust.jwks.is_none() && trust.log.is_none() {
        let reason = "this build verifies no proofs: give --jwks, --log-policy, --inclusion or --reserves";
        return Err(Failure::Usage(reason.to_owned()));
    }
    let attested = attestation(arguments, own, trust)?;
    print(&check_lines(attested.checks()));
    let identity = own.statement().ok().map(|statement| visible(&StatementLabel::of(statement).to_string()));
    print(identity.as_slice());
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
