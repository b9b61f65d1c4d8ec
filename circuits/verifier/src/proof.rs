//! The program with its proof system.

use std::path::{Path, PathBuf};

use assay_core::{Error as CoreError, sealed::Sealed, signature::Jwks};
use assay_fold::Error;
use assay_programs::{
    disclosure::{Disclosure, SHAPE, claim::MAX_DISCLOSURE_BYTES, file::verify_disclosure},
    ledger::{Ledger, report::Report, statement::Statement},
    purpose::TestShapes,
};
use assay_verifier::{
    attestation::Attestation,
    files::read_bounded,
    parameters::load,
    report::{attestation_lines, disclosure_lines, distinct_signers},
};

use crate::{Arguments, Attested, Failure, print};

/// The end of the help text.
pub(crate) const ABOUT: &str = "";

fn cache(arguments: &Arguments) -> Result<PathBuf, Failure> {
    // an empty variable is an unset one
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let home = set("ASSAY_HOME").map(PathBuf::from).or_else(|| set("HOME").map(|home| Path::new(&home).join(".assay")));
    let cache = arguments.cache.clone().or(home.map(|h| h.join("parameters")));
    cache.ok_or_else(|| Failure::Usage("HOME is not set; use --cache DIR".to_owned()))
}

/// Verifies an attestation with its proof.
pub(crate) fn attestation(
    arguments: &Arguments,
    attestation: &Attestation,
    jwks: Option<&Jwks>,
) -> Result<Attested, Failure> {
    let cache = cache(arguments)?;
    let proof = attestation.read_proof()?;
    let mut report = attestation.verify(&proof, TestShapes::Refused, |shape| load::<Ledger>(shape, &cache));
    attestation.sign_report(&mut report, jwks, arguments.require_signature);
    Ok(Attested { holds: report.is_valid(), signature: report.signature.clone(), report: Some(report) })
}

/// An attestation and nothing else.
pub(crate) fn alone(arguments: &Arguments, own: &Attestation, jwks: Option<&Jwks>) -> Result<bool, Failure> {
    let attested = attestation(arguments, own, jwks)?;
    attested.report.iter().for_each(|report| print(&attestation_lines(report)));
    Ok(attested.holds)
}

/// A disclosure, and the attestations it speaks of.
pub(crate) fn disclosure(arguments: &Arguments, attestations: &[Attestation], keys: &[Jwks]) -> Result<bool, Failure> {
    let Some(path) = &arguments.disclosure else {
        return Ok(false);
    };
    let file = read_bounded(path, MAX_DISCLOSURE_BYTES)?;
    let cache = cache(arguments)?;
    let mut reports = Vec::with_capacity(attestations.len());
    for (k, own) in attestations.iter().enumerate() {
        reports.extend(attestation(arguments, own, keys.get(k))?.report);
    }
    let statements: Result<Vec<&Sealed<Statement>>, &CoreError> =
        attestations.iter().map(Attestation::statement).collect();
    let statements = statements.unwrap_or_default();
    let mut report =
        verify_disclosure(&file, &statements, || -> Result<_, Error> { load::<Disclosure>(&SHAPE, &cache) });
    if let Some(check) = distinct_signers(&reports) {
        report.expect(check);
    }
    if let Some(expected) = &arguments.context {
        report.expect_context(expected);
    }
    print(&disclosure_lines(&reports, &report));
    Ok(report.is_valid() && reports.iter().all(Report::is_valid))
}
