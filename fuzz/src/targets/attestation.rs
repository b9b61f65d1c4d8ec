//! Attestations in one `.zip`.

use std::{
    fs,
    io::{Cursor, Write},
    path::PathBuf,
    sync::OnceLock,
};

use assay::attest;
use assay_core::{
    sealed::Sealed,
    signature::{Jws, SIGNATURE_FILE, SignatureState},
};
use assay_verifier::{
    attestation::{Attestation, MANIFEST_FILE, PROOF_FILE, STATEMENT_FILE},
    trust::Trust,
};
use sha2::{Digest, Sha256};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use super::{
    signatures::{key, trusted_keys},
    verdict::Verdict,
};

/// What the second half of [`bundle`] replaces: a file, by the input's first byte.
pub const BUNDLE_FILES: [&str; 4] = [MANIFEST_FILE, STATEMENT_FILE, PROOF_FILE, SIGNATURE_FILE];

/// An honest attestation: its files in the order of [`BUNDLE_FILES`].
pub fn attestation_files() -> &'static [Vec<u8>; 4] {
    static FILES: OnceLock<[Vec<u8>; 4]> = OnceLock::new();
    FILES.get_or_init(|| {
        let statement = include_bytes!("../../../circuits/vectors/attestations/solvency-8-v1/statement.json").to_vec();
        let proof = include_bytes!("../../../circuits/vectors/attestations/solvency-8-v1/proof.bin").to_vec();
        let jws = Jws::sign(&statement, &key(1)).to_bytes();
        let named = [STATEMENT_FILE, PROOF_FILE, SIGNATURE_FILE].into_iter().zip([&statement[..], &proof, &jws]);
        let manifest = attest::manifest(named).into_bytes();
        [manifest, statement, proof, jws]
    })
}

/// Bundles: the input as a `.zip`; and an honest attestation in which it replaces one file, since a changed byte of a `.zip` hardly
/// gets past its checksums.
pub fn bundle(data: &[u8]) -> Verdict {
    let raw = read(data);
    let Some((which, content)) = data.split_first() else { return raw };
    let which = usize::from(*which) % BUNDLE_FILES.len();
    let mut files: Vec<(&str, &[u8])> =
        BUNDLE_FILES.into_iter().zip(attestation_files().iter().map(Vec::as_slice)).collect();
    files[which].1 = content;
    read(&zipped(&files));
    let attestation = open(&zipped(&files)).expect("an honest .zip with a statement");
    let manifest = attestation.check_manifest().expect("there is a manifest");
    if manifest.passed {
        let text = std::str::from_utf8(files[0].1).expect("a manifest that was read");
        for (digest, name) in text.lines().filter_map(|line| line.split_once("  ")) {
            // what proves nothing may differ
            if let Some((_, content)) = files[1..].iter().find(|(file, _)| *file == name) {
                assert!(digest.eq_ignore_ascii_case(&hex::encode(Sha256::digest(content))), "{name}");
            }
        }
    }
    let signed = signed(&attestation);
    assert!(!signed || files[1].1 == attestation_files()[1], "a signature over another statement");
    raw.or(Verdict::when(manifest.passed && signed))
}

/// Whether a trusted key signed the statement.
fn signed(attestation: &Attestation) -> bool {
    matches!(
        attestation.judged(Trust { jwks: Some(trusted_keys()), ..Trust::default() }).signature,
        SignatureState::Signed(_)
    )
}

/// Everything that is read from a bundle is within its bounds.
fn read(zip: &[u8]) -> Verdict {
    let Some(attestation) = open(zip) else { return Verdict::Refused };
    let signed = signed(&attestation);
    let _ = (attestation.check_manifest(), attestation.judged(Trust::default()).signature);
    if let Ok(proof) = attestation.read_proof() {
        assert!(proof.len() <= 2 << 20, "a proof of {} bytes", proof.len());
    }
    let Ok(statement) = attestation.statement() else {
        assert!(!signed, "a signature over what is no statement");
        return Verdict::Refused;
    };
    assert_eq!(Sealed::parse(statement.bytes()).as_ref(), Ok(statement));
    assert!(!signed || statement.bytes() == attestation_files()[1], "a signature over another statement");
    Verdict::Accepted
}

fn open(zip: &[u8]) -> Option<Attestation> {
    let path = scratch_file();
    fs::write(&path, zip).expect("a scratch file");
    Attestation::read(&path).ok()
}

/// One file for each process: a process runs one target, one input after the other.
fn scratch_file() -> PathBuf {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    FOLDER.get_or_init(|| tempfile::tempdir().expect("a scratch folder")).path().join("bundle.zip")
}

fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, content) in files {
        zip.start_file(*name, options).expect("a name of its own");
        zip.write_all(content).expect("memory");
    }
    zip.finish().expect("four files").into_inner()
}
