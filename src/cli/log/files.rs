//! Files that the commands read.

use std::path::Path;

use assay_programs::ledger::inclusion::{Inclusion, MAX_INCLUSION_BYTES};
use assay_verifier::{
    attestation::read_log_policy,
    files::read_bounded,
    log::{checkpoint::SignedCheckpoint, policy::Policy, proof::LogProof},
};

use crate::cli::exit::Failure;
use crate::transparency::reader::ReadError;

/// The policy in a file.
pub(super) fn policy(path: &Path) -> Result<Policy, Failure> {
    read_log_policy(path).map_err(|e| Failure::environment(e.to_string()))
}

/// The checkpoint in a file: a checkpoint, a proof of logging, or an inclusion file with one.
pub(super) fn checkpoint_in(path: &Path) -> Result<SignedCheckpoint, Failure> {
    let bytes = read_bounded(path, MAX_INCLUSION_BYTES).map_err(|e| Failure::environment(e.to_string()))?;
    let refused = |reason: String| Failure::usage(format!("{}: {reason}", path.display()));
    let of_proof =
        |bytes: &[u8]| LogProof::parse(bytes).map(|proof| proof.checkpoint).map_err(|e| refused(e.to_string()));
    if bytes.starts_with(b"{") {
        let inclusion: Inclusion =
            serde_json::from_slice(&bytes).map_err(|e| refused(format!("not an inclusion file: {e}")))?;
        let proof = inclusion.log.ok_or_else(|| refused("this inclusion file has no proof of logging".to_owned()))?;
        return of_proof(proof.as_bytes());
    }
    if bytes.starts_with(b"c2sp.org/tlog-proof@") {
        return of_proof(&bytes);
    }
    SignedCheckpoint::parse(&bytes).map_err(|e| refused(e.to_string()))
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        Self::environment(error.to_string())
    }
}
