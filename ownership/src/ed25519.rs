//! Ed25519, strictly: no keys or signatures of small order, one form of each signature.

use ed25519_dalek::{Signature, VerifyingKey};

use crate::{
    claim::{Claim, Proof, SignatureText},
    defect::Defect,
    encoding::{base58_bytes, base64_bytes, hex_bytes},
    verdict::Reason,
};

/// A signature's 64 bytes in hexadecimal digits, base64 or base58, which differ in length.
pub fn signature_bytes(signature: &SignatureText<'_>) -> Result<[u8; 64], Defect> {
    let text = signature.text;
    let bytes = match text.len() {
        128 | 130 => hex_bytes(text),
        _ if text.ends_with("==") => base64_bytes(text),
        _ => base58_bytes(text),
    };
    bytes.and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| {
        signature.unreadable("an Ed25519 signature has 64 bytes, as hexadecimal digits, base64 or base58")
    })
}

/// Whether `signature` is the key's signature of `signed`.
pub fn verify(key: &[u8; 32], signed: &[u8], signature: &[u8; 64]) -> bool {
    VerifyingKey::from_bytes(key).is_ok_and(|key| key.verify_strict(signed, &Signature::from_bytes(signature)).is_ok())
}

/// A signature that can be read, and no key to check it by.
pub fn without_key(signature: &SignatureText<'_>) -> Result<Proof, Defect> {
    signature_bytes(signature).map(|_| Proof::Unproven(Reason::Key))
}

/// The line's one signature is the key's signature of one of the texts.
pub fn prove(claim: &Claim<'_>, key: &[u8; 32], texts: &[Vec<u8>], proof: Proof) -> Result<Proof, Defect> {
    let signature = claim.only()?;
    let bytes = signature_bytes(signature)?;
    if texts.iter().any(|text| verify(key, text, &bytes)) {
        Ok(proof)
    } else {
        Err(signature.false_by("the Ed25519 key did not sign it"))
    }
}
