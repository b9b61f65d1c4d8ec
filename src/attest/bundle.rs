//! README.txt, MANIFEST.sha256, and the attestation as one zip file, alone or with what came later.

use std::io::{Cursor, Write};

use assay_core::sealed::Sealed;
use assay_core::signature::SIGNATURE_FILE;
use assay_core::signatures::SIGNATURES_FILE;
use assay_programs::ledger::statement::Statement;
use assay_verifier::attestation::{LOG_PROOF_FILE, MANIFEST_FILE, PROOF_FILE, STATEMENT_FILE};
use sha2::{Digest, Sha256};
use zip::{CompressionMethod, DateTime, ZipWriter, write::SimpleFileOptions};

use super::error::AttestError;

/// Name of the file that tells a person how to verify the attestation.
pub const README_FILE: &str = "README.txt";

/// README.txt of an attestation of `statement`.
pub fn readme(statement: &Statement) -> String {
    format!(
        "Attestation of {} for snapshot {}.\n\n\
         statement.json   what is claimed, in canonical bytes\n\
         proof.bin        the zero-knowledge proof of it\n\
         attestation.jws  the exchange's signature over the statement\n\
         MANIFEST.sha256  digests of these files (sha256sum -c MANIFEST.sha256)\n\n\
         Where they are present, signatures.json has what was signed later (further signatures, auditors' opinions,\n\
         and notices by which the exchange withdraws the attestation), and log/ the proof that the attestation is in a\n\
         public log.\n\n\
         To verify it offline, with the published source of Assay:\n\n    \
         assay verify DIRECTORY\n    \
         assay-verify DIRECTORY            (the auditor's small program: circuits/verifier)\n\n\
         To check that an account is included, with the file that its owner was given:\n\n    \
         assay verify-inclusion FILE --attestation DIRECTORY\n\n\
         The directory private/, where it is present, is the exchange's own and must not be published.\n",
        statement.exchange.name, statement.snapshot.id
    )
}

/// MANIFEST.sha256 of `files`, given as (name, content), in the format of `sha256sum`.
pub fn manifest<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> String {
    files.into_iter().map(|(name, bytes)| format!("{}  {name}\n", hex::encode(Sha256::digest(bytes)))).collect()
}

/// What was signed and logged after publication.
#[derive(Debug, Clone, Copy)]
pub struct Later<'a> {
    /// signatures.json.
    pub signatures: &'a [u8],
    /// The proof of logging, once there is one.
    pub log_proof: Option<&'a [u8]>,
}

/// The attestation as one `.zip`. The same three parts always give the same bytes: files are stored uncompressed, with a
/// fixed time.
///
/// # Errors
/// [`AttestError::NotValid`] if the parts do not fit a zip file.
pub fn bundle(statement: &Sealed<Statement>, proof: &[u8], jws: &[u8]) -> Result<Vec<u8>, AttestError> {
    packed(statement, proof, jws, &[])
}

/// The bundle with what came later beside its files. The manifest lists those of the bundle alone, since they never change.
///
/// # Errors
/// As [`bundle`].
pub fn evidence(
    statement: &Sealed<Statement>,
    proof: &[u8],
    jws: &[u8],
    later: Later<'_>,
) -> Result<Vec<u8>, AttestError> {
    let log_proof = later.log_proof.map(|proof| (LOG_PROOF_FILE, proof));
    let beside: Vec<_> = [(SIGNATURES_FILE, later.signatures)].into_iter().chain(log_proof).collect();
    packed(statement, proof, jws, &beside)
}

fn packed(
    statement: &Sealed<Statement>,
    proof: &[u8],
    jws: &[u8],
    beside: &[(&str, &[u8])],
) -> Result<Vec<u8>, AttestError> {
    let readme = readme(statement);
    let files = [
        (STATEMENT_FILE, statement.bytes()),
        (PROOF_FILE, proof),
        (SIGNATURE_FILE, jws),
        (README_FILE, readme.as_bytes()),
    ];
    let manifest = manifest(files);
    let failed = |e: zip::result::ZipError| AttestError::NotValid(format!("the bundle cannot be made: {e}"));
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::DEFAULT)
        .unix_permissions(0o644);
    let listed = files.into_iter().chain([(MANIFEST_FILE, manifest.as_bytes())]);
    for (name, bytes) in listed.chain(beside.iter().copied()) {
        zip.start_file(name, options).map_err(failed)?;
        zip.write_all(bytes).map_err(|e| failed(e.into()))?;
    }
    Ok(zip.finish().map_err(failed)?.into_inner())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;

    use assay_programs::{
        ledger::shape::Shape,
        testing::{test_pages, test_statement},
    };
    use assay_verifier::attestation::Attestation;

    use super::*;

    #[test]
    fn a_bundle_has_the_same_bytes_every_time_and_is_read_back() {
        let shape = Shape::named("solvency-8").unwrap();
        let statement = test_statement(shape, &"0".repeat(64), &test_pages(shape, 3, 1));
        let statement = Sealed::seal(statement).unwrap();
        let bytes = bundle(&statement, b"proof", b"{}").unwrap();
        assert_eq!(bytes, bundle(&statement, b"proof", b"{}").unwrap());
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("bundle.zip");
        fs::write(&path, &bytes).unwrap();
        let read = Attestation::read(&path).unwrap();
        assert_eq!(
            (read.statement().unwrap().bytes(), read.read_proof().unwrap()),
            (statement.bytes(), b"proof".to_vec())
        );
        let mut names: Vec<_> = zip::ZipArchive::new(fs::File::open(&path).unwrap())
            .unwrap()
            .file_names()
            .map(|name| name.unwrap().into_owned())
            .collect();
        names.sort();
        assert_eq!(names, ["MANIFEST.sha256", "README.txt", "attestation.jws", "proof.bin", "statement.json"]);
    }
}
