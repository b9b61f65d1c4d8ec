//! Transparency logs: the published examples of C2SP, a second implementation, and what is refused.
#![allow(clippy::unwrap_used, missing_docs)]

mod documents;
mod examples;
mod policies;
mod proofs;
mod trees;

use assay_verifier::log::{
    checkpoint::Checkpoint,
    note::{KeyKind, Note, SignatureLine, VerifierKey},
    tree::Tree,
};
use ed25519_dalek::SigningKey;

pub const ORIGIN: &str = "assay.example/log";

pub fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

pub fn log_vkey() -> String {
    VerifierKey::new(ORIGIN, KeyKind::Log, key(1).verifying_key()).unwrap().to_string()
}

pub fn witness_vkey(seed: u8) -> String {
    VerifierKey::new(&witness_name(seed), KeyKind::Witness, key(seed).verifying_key()).unwrap().to_string()
}

pub fn witness_name(seed: u8) -> String {
    format!("witness.example/{seed}")
}

/// The checkpoint of `tree`, signed by the log and cosigned by the witnesses of these seeds.
pub fn signed(tree: &Tree, witnesses: &[u8]) -> Note {
    let text = Checkpoint::new(ORIGIN, tree.size(), tree.root()).to_string();
    let mut lines = vec![SignatureLine::sign(&text, ORIGIN, &key(1)).unwrap()];
    for &seed in witnesses {
        lines.push(SignatureLine::cosign(&text, 1_700_000_000, &witness_name(seed), &key(seed)).unwrap());
    }
    Note::new(text, lines)
}
