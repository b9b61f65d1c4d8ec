//! Disclosures: a proof to a third party that an account's measure, summed over one or several attestations, is at least a
//! threshold; and the check of that proof.

use std::path::{Path, PathBuf};

use assay_programs::{
    disclosure::{
        claim::{
            Attested, Claim, DISCLOSURE_PROTOCOL, MAX_ATTESTATIONS, MAX_DISCLOSURE_BYTES, NamedAccount, parse_threshold,
        },
        file,
    },
    ledger::{
        inclusion::{Inclusion, MAX_INCLUSION_BYTES},
        statement::MEASURE_NAMES,
    },
    purpose::TestShapes,
};
use assay_verifier::{
    attestation::{Attestation, read_jwks},
    disclosure::{Disclosed, check_disclosure},
    files::read_bounded,
    trust::Trust,
};

use super::{error::AttestError, local::inclusion, verify::verify_read};
use crate::{home::Home, progress::Progress};

/// Where the account's pages come from.
#[derive(Debug, Clone)]
pub enum Evidence {
    /// The attestation's private files, for the account with this reference: the exchange discloses for a customer.
    Account(String),
    /// An inclusion file: the customer discloses.
    Inclusion(PathBuf),
}

/// What to disclose.
#[derive(Debug, Clone)]
pub struct DisclosureRequest {
    /// The attestations, each with the evidence for it.
    pub attestations: Vec<(PathBuf, Evidence)>,
    /// Name of the measure.
    pub measure: String,
    /// The threshold, a decimal in the quote currency.
    pub at_least: String,
    /// For whom and what the disclosure is made; may be empty.
    pub context: String,
    /// Whether the file reveals the account's reference and salts.
    pub show_account: bool,
}

/// Proves that the account's measure, summed over the attestations, is at least the threshold. Returns the file for the
/// third party after verifying it.
///
/// # Errors
/// [`AttestError::Core`] if it is less; [`AttestError::Usage`] for an unknown measure, a malformed threshold or a wrong
/// number of attestations; [`AttestError::NotValid`] and others as for [`inclusion`]; [`AttestError::Unreadable`].
pub fn disclose(request: &DisclosureRequest, home: &Home, progress: &dyn Progress) -> Result<Vec<u8>, AttestError> {
    if !MEASURE_NAMES.contains(&request.measure.as_str()) {
        return Err(AttestError::Usage(format!(
            "there is no measure `{}`; there are {}",
            request.measure,
            MEASURE_NAMES.join(", ")
        )));
    }
    parse_threshold(&request.at_least).map_err(|e| AttestError::Usage(e.to_string()))?;
    let most = MAX_ATTESTATIONS;
    if !(1..=most).contains(&request.attestations.len()) {
        return Err(AttestError::Usage(format!("a disclosure speaks of one to {most} attestations")));
    }
    let mut evidence = Vec::with_capacity(request.attestations.len());
    let mut attestations = Vec::with_capacity(request.attestations.len());
    let mut quote = String::new();
    for (out, of) in &request.attestations {
        let statement = Attestation::read(out)?.statement().map_err(Clone::clone)?.clone();
        let file = match of {
            Evidence::Account(account) => inclusion(out, account, home)?,
            Evidence::Inclusion(file) => read_bounded(file, MAX_INCLUSION_BYTES)?,
        };
        quote = statement.assets.first().map_or(quote, |a| a.quote.clone());
        let own: Inclusion = serde_json::from_slice(&file)
            .map_err(|e| AttestError::NotValid(format!("the inclusion file cannot be read: {e}")))?;
        let shard = own.shard;
        let account = request.show_account.then_some(NamedAccount { reference: own.account, salt: own.salt });
        attestations.push(Attested { statement_digest: statement.digest().to_string(), shard, account });
        evidence.push((statement, file));
    }
    let claim = Claim {
        protocol: DISCLOSURE_PROTOCOL.to_owned(),
        measure: request.measure.clone(),
        at_least: request.at_least.clone(),
        quote,
        context: request.context.clone(),
        attestations,
    };
    let statements: Vec<_> = evidence.iter().map(|(statement, _)| statement).collect();
    let evidence: Vec<_> = evidence.iter().map(|(statement, file)| (statement, file.as_slice())).collect();

    progress.begin("preparing the circuit's parameters", 0, "");
    let parameters = home.disclosure_parameters()?;
    progress.end();
    progress.begin("proving", 0, "");
    let file = file::disclose(&parameters, &claim, &evidence)?;
    progress.end();
    let report = file::verify_disclosure(&file, &statements, || Ok(&parameters));
    if let Some(failed) = report.checks.iter().find(|c| !c.passed) {
        return Err(AttestError::NotValid(format!("the proof does not verify: {}", failed.detail)));
    }
    Ok(file)
}

/// Verifies a disclosure and the attestations in `outs`. `jwks` is empty, or has one key list for each attestation in the
/// same order, and a key in the list must have signed that attestation. The disclosure must be made for `context` where that is given.
///
/// # Errors
/// [`AttestError::Unreadable`].
pub fn verify_disclosure(
    file: &Path,
    outs: &[PathBuf],
    jwks: &[PathBuf],
    signature_required: bool,
    context: Option<&str>,
    (home, tests, progress): (&Home, TestShapes, &dyn Progress),
) -> Result<Disclosed, AttestError> {
    let file = read_bounded(file, MAX_DISCLOSURE_BYTES)?;
    let attestations = outs.iter().map(|out| Attestation::read(out)).collect::<Result<Vec<_>, _>>()?;
    let keys = jwks.iter().map(|path| read_jwks(path)).collect::<Result<Vec<_>, _>>()?;
    let mut reports = Vec::with_capacity(attestations.len());
    for (place, attestation) in attestations.iter().enumerate() {
        let trust = Trust { jwks: keys.get(place), signature_required, ..Trust::default() };
        reports.push(verify_read(attestation, trust, home, tests, progress)?);
    }
    progress.begin("verifying", 0, "");
    let disclosed = check_disclosure(&file, &attestations, reports, context, || home.disclosure_parameters());
    progress.end();
    Ok(disclosed)
}
