//! The program without a proof system: signatures, statements, inclusion and reserves.

use assay_core::{
    check::Checks,
    signature::{Jwks, SignatureState},
    text::visible,
};
use assay_programs::{ledger::statement::StatementLabel, purpose::TestShapes};
use assay_verifier::{attestation::Attestation, attested::Attested, report::check_lines};

use crate::{Arguments, Failure, print};

/// The end of the help text.
pub(crate) const ABOUT: &str = "
This build has no proof system. It checks signatures, statements, inclusion files and reserve lines, and says NOT VERIFIED
where only a proof can tell. Exit code 0 means that what was checked holds, not that the attestation is proved.
";

/// Checks what needs no proof.
pub(crate) fn attestation(
    arguments: &Arguments,
    attestation: &Attestation,
    jwks: Option<&Jwks>,
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
    let (signature, check) = attestation.signature(jwks, arguments.require_signature);
    // only for what somebody stands behind: hashing files of anybody's choice is no work to do for nothing
    let stands = matches!(signature, SignatureState::Signed(_));
    let manifest = if stands { attestation.check_manifest() } else { None };
    [check, manifest].into_iter().flatten().for_each(|check| checks.push(check));
    Ok(Attested::Unproved { checks, signature })
}

/// A statement and its signature: nothing else can be said of an attestation without its proof.
pub(crate) fn alone(arguments: &Arguments, own: &Attestation, jwks: Option<&Jwks>) -> Result<bool, Failure> {
    if jwks.is_none() {
        return Err(Failure::Usage("this build verifies no proofs: give --jwks, --inclusion or --reserves".to_owned()));
    }
    let attested = attestation(arguments, own, jwks)?;
    print(&check_lines(attested.checks()));
    let identity = own.statement().ok().map(|statement| visible(&StatementLabel::of(statement).to_string()));
    print(identity.as_slice());
    let verdict = match attested.holds() {
        true => "NOT VERIFIED: the proof. The totals are only a claim here.",
        false => "NOT VALID: a check above does not hold.",
    };
    println!("{verdict} {}", attested.signature());
    Ok(attested.holds())
}

/// A disclosure is a proof.
pub(crate) fn disclosure(_: &Arguments, _: &[Attestation], _: &[Jwks]) -> Result<bool, Failure> {
    Err(Failure::Usage("a disclosure is a proof, and this build verifies no proofs".to_owned()))
}
