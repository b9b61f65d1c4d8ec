//! The program with its proof system.

use std::path::{Path, PathBuf};

use assay_core::signature::Jwks;
use assay_programs::{
    disclosure::{Disclosure, SHAPE, claim::MAX_DISCLOSURE_BYTES},
    ledger::{Ledger, report::Report},
    purpose::TestShapes,
};
use assay_verifier::{
    attestation::Attestation,
    attested::Attested,
    disclosure::check_disclosure,
    files::read_bounded,
    log::policy::Policy,
    parameters::load,
    report::{attestation_lines, disclosure_lines},
    trust::Trust,
};

use crate::{Arguments, Failure, print};

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
    trust: Trust<'_>,
) -> Result<Attested, Failure> {
    report(&cache(arguments)?, attestation, trust).map(|report| Attested::Proved(Box::new(report)))
}

fn report(cache: &Path, attestation: &Attestation, trust: Trust<'_>) -> Result<Report, Failure> {
    let proof = attestation.read_proof()?;
    let mut report = attestation.verify(&proof, TestShapes::Refused, |shape| load::<Ledger>(shape, cache));
    attestation.judge(&mut report, trust);
    Ok(report)
}

/// An attestation and nothing else.
pub(crate) fn alone(arguments: &Arguments, own: &Attestation, trust: Trust<'_>) -> Result<bool, Failure> {
    let attested = attestation(arguments, own, trust)?;
    attested.report().into_iter().for_each(|report| print(&attestation_lines(report)));
    Ok(attested.holds())
}

/// A disclosure, and the attestations it speaks of.
pub(crate) fn disclosure(
    arguments: &Arguments,
    attestations: &[Attestation],
    keys: &[Jwks],
    policy: Option<&Policy>,
) -> Result<bool, Failure> {
    let Some(path) = &arguments.disclosure else {
        return Ok(false);
    };
    let file = read_bounded(path, MAX_DISCLOSURE_BYTES)?;
    let cache = cache(arguments)?;
    let mut reports = Vec::with_capacity(attestations.len());
    for (place, own) in attestations.iter().enumerate() {
        let jwks = keys.get(place);
        let trust = Trust { jwks, signature_required: arguments.require_signature, log: policy, ..Trust::default() };
        reports.push(report(&cache, own, trust)?);
    }
    let context = arguments.context.as_deref();
    let disclosed = check_disclosure(&file, attestations, reports, context, || load::<Disclosure>(&SHAPE, &cache));
    print(&disclosure_lines(&disclosed));
    Ok(disclosed.is_valid())
}
