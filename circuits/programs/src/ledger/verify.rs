//! The verification of an attestation, one named check after the other. Nothing about the circuit, its keys or its
//! parameters is ever taken from the attestation.

use std::borrow::Borrow;

use assay_core::{Error as CoreError, sealed::Sealed};
use assay_fold::{Error, keys::Keys, pins::Pin, verify::Proof};

use super::{
    judge::final_state_checks,
    policy::{asset_lines, policy_checks},
    program::Ledger,
    report::{Report, Verified},
    shape::Shape,
    statement::{Statement, challenge},
};
use crate::purpose::TestShapes;

/// The shape of a statement, once everything that needs no parameters holds: what a caller derives parameters for.
///
/// # Errors
/// [`Error::Malformed`] for a shape that is not accepted, [`Error::ParameterDigest`] for other parameters than the pinned.
pub fn shape_of(statement: &Statement, tests: TestShapes) -> Result<&'static Shape, Error> {
    let shape = statement.shape()?;
    shape.purpose.admit_verifying(shape.name, tests)?;
    let pinned = Pin::of::<Ledger>(shape)?.parameter_digest;
    if statement.parameter_digest != pinned {
        let found = statement.parameter_digest.clone();
        return Err(Error::ParameterDigest { circuit: shape.name.to_owned(), found, pinned });
    }
    Ok(shape)
}

/// Verifies an attestation whose statement was read, or could not be. `keys` gives the parameters of a shape and is asked
/// only once everything that needs none holds.
pub fn verify<K: Borrow<Keys<Ledger>>>(
    statement: Result<&Sealed<Statement>, &CoreError>,
    proof_bytes: &[u8],
    tests: TestShapes,
    keys: impl FnOnce(&'static Shape) -> Result<K, Error>,
) -> Report {
    let mut report = Report::new();
    verify_into(&mut report, statement, proof_bytes, tests, keys);
    report
}

/// [`verify`]; ends at the first check that later ones need. `None` says only that it ended early.
fn verify_into<K: Borrow<Keys<Ledger>>>(
    report: &mut Report,
    statement: Result<&Sealed<Statement>, &CoreError>,
    proof_bytes: &[u8],
    tests: TestShapes,
    keys: impl FnOnce(&'static Shape) -> Result<K, Error>,
) -> Option<()> {
    let checks = &mut report.checks;
    let statement =
        checks.step("statement", "the statement is complete and in canonical form", statement, |statement| {
            format!("{} of {}", statement.snapshot.id, statement.exchange.name)
        })?;
    let shape = checks.step(
        "shape",
        "its shape is in this release's catalogue, with the pinned parameters",
        shape_of(statement, tests),
        |shape| shape.name.to_owned(),
    )?;
    let proof = checks.step(
        "envelope",
        "the proof file is whole, canonical, and made for this statement",
        Proof::<Ledger>::read(shape, statement.digest(), statement.steps, proof_bytes),
        |_| format!("{} bytes", proof_bytes.len()),
    )?;
    let state = checks.step(
        "proof",
        "the zero-knowledge proof verifies under the challenge drawn from the statement",
        keys(shape).and_then(|keys| proof.verify(keys.borrow(), statement)),
        |_| format!("{} steps of {} pages", statement.steps, shape.batch()),
    )?;
    if !final_state_checks(checks, statement, &state, challenge(statement)) {
        return None;
    }
    report.assets = asset_lines(statement);
    policy_checks(checks, &report.assets, statement);
    report.statement = Some(Verified::new(statement.clone()));
    Some(())
}
