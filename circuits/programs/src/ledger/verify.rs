//! The verification of an attestation, one named check after the other. Nothing about the circuit, its keys or its
//! parameters is ever taken from the attestation.

use std::{
    borrow::Borrow,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
};

use assay_core::{Error as CoreError, sealed::Sealed};
use assay_fold::{Error, Program, envelope::open, keys::Keys, pins::Pin, verify::Proof};

use super::{
    judge::final_state_checks,
    policy::{asset_lines, policy_checks},
    program::Ledger,
    report::{Report, Verified},
    shape::Shape,
    state::State,
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
    let steps: Vec<u64> = statement.shards.iter().map(|shard| shard.steps).collect();
    let proofs = checks.step(
        "envelope",
        "the proof file is whole, canonical, and made for this statement",
        Proof::<Ledger>::read_all(shape, statement.digest(), &steps, proof_bytes),
        |_| format!("{} bytes", proof_bytes.len()),
    )?;
    let ends = checks.step(
        "proof",
        "the zero-knowledge proof verifies under the challenge drawn from the statement",
        keys(shape).and_then(|keys| ends(&proofs, keys.borrow(), statement)),
        |ends| match ends.len() {
            1 => format!("{} steps of {} pages", statement.all_steps(), shape.batch()),
            count => {
                format!("{count} of {count} shards, {} steps of {} pages", statement.all_steps(), shape.batch())
            }
        },
    )?;
    if !final_state_checks(checks, statement, &ends, challenge(statement)) {
        return None;
    }
    report.assets = asset_lines(statement);
    policy_checks(checks, &report.assets, statement);
    report.statement = Some(Verified::new(statement.clone()));
    Some(())
}

/// Whether `bytes` are undamaged and say that they are the proof of shard `shard` of a statement. Nothing is verified.
pub fn is_proof_of(statement: &Sealed<Statement>, shard: u32, bytes: &[u8]) -> bool {
    let Ok((header, _)) = open(Ledger::PROOF, bytes) else {
        return false;
    };
    let steps = statement.shards.get(shard as usize).map(|shard| shard.steps);
    header.circuit == statement.shape
        && header.parameter_digest == statement.parameter_digest
        && header.statement_digest == statement.digest()
        && header.part == shard
        && Some(header.steps) == steps
}

/// Proofs that are verified at the same time: more would not be faster, since each uses several cores, and each takes some
/// hundred megabytes.
const MAX_AT_ONCE: usize = 4;

/// Verifies the proof of every shard: the states in which they end, in order. Ends early once one does not verify.
fn ends(proofs: &[Proof<Ledger>], keys: &Keys<Ledger>, statement: &Sealed<Statement>) -> Result<Vec<State>, Error> {
    let named = |shard: usize, e: Error| match proofs.len() {
        1 => e,
        count => Error::Nova(format!("shard {shard} of {count}: {e}")),
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let work = || {
        let mut own = Vec::new();
        while !failed.load(Ordering::Relaxed) {
            let shard = next.fetch_add(1, Ordering::Relaxed);
            let Some(proof) = proofs.get(shard) else { break };
            let end = proof.verify(keys, statement);
            if end.is_err() {
                failed.store(true, Ordering::Relaxed);
            }
            own.push((shard, end));
        }
        own
    };
    let mut ends = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..proofs.len().min(cores).min(MAX_AT_ONCE)).map(|_| scope.spawn(work)).collect();
        let joined = threads.into_iter().map(|thread| thread.join().unwrap_or_default());
        joined.flatten().collect::<Vec<_>>()
    });
    ends.sort_by_key(|(shard, _)| *shard);
    let ends: Vec<State> =
        ends.into_iter().map(|(shard, end)| end.map_err(|e| named(shard, e))).collect::<Result<_, _>>()?;
    if ends.len() == proofs.len() { Ok(ends) } else { Err(Error::Nova("a proof was not verified".to_owned())) }
}
