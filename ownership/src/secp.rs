//! ECDSA on secp256k1: keys recovered from signatures, and signatures checked by keys.

use std::sync::LazyLock;

use bitcoin::{
    Script,
    secp256k1::{
        Message, PublicKey, Secp256k1, VerifyOnly, XOnlyPublicKey,
        ecdsa::{RecoverableSignature, RecoveryId, Signature},
        schnorr,
    },
    taproot::ControlBlock,
};

static CONTEXT: LazyLock<Secp256k1<VerifyOnly>> = LazyLock::new(Secp256k1::verification_only);

/// The key that signed the digest, by r ‖ s and the number 0 to 3 that says which of the keys it is.
pub fn recover(digest: [u8; 32], rs: &[u8; 64], id: u8) -> Option<PublicKey> {
    let id = RecoveryId::from_i32(i32::from(id)).ok()?;
    let signature = RecoverableSignature::from_compact(rs, id).ok()?;
    CONTEXT.recover_ecdsa(&Message::from_digest(digest), &signature).ok()
}

/// As [`recover`], and s is in the lower half: each signature has one form.
pub fn recover_low_s(digest: [u8; 32], rs: &[u8; 64], id: u8) -> Option<PublicKey> {
    is_low_s(&Signature::from_compact(rs).ok()?).then(|| recover(digest, rs, id))?
}

/// Whether r ‖ s, with s in the lower half, is the key's signature of the digest.
pub fn verify_compact(digest: [u8; 32], rs: &[u8; 64], key: &PublicKey) -> bool {
    Signature::from_compact(rs).is_ok_and(|signature| verify(digest, &signature, key))
}

/// Whether strict DER, with s in the lower half, is the key's signature of the digest.
pub fn verify_der(digest: [u8; 32], der: &[u8], key: &PublicKey) -> bool {
    // written back: the parser accepts numbers that are out of range
    Signature::from_der(der).is_ok_and(|s| s.serialize_der()[..] == *der && verify(digest, &s, key))
}

/// Whether this is the key's Schnorr signature of the digest (BIP-340).
pub fn verify_schnorr(digest: [u8; 32], signature: &[u8; 64], key: &[u8]) -> bool {
    let (Ok(signature), Ok(key)) = (schnorr::Signature::from_slice(signature), XOnlyPublicKey::from_slice(key)) else {
        return false;
    };
    CONTEXT.verify_schnorr(&signature, &Message::from_digest(digest), &key).is_ok()
}

/// Whether a taproot key commits to the script, by the control block beside it (BIP-341).
pub fn taproot_commits(key: &[u8], script: &[u8], control: &[u8]) -> bool {
    let (Ok(key), Ok(control)) = (XOnlyPublicKey::from_slice(key), ControlBlock::decode(control)) else { return false };
    control.verify_taproot_commitment(&CONTEXT, key, Script::from_bytes(script))
}

fn verify(digest: [u8; 32], signature: &Signature, key: &PublicKey) -> bool {
    is_low_s(signature) && CONTEXT.verify_ecdsa(&Message::from_digest(digest), signature, key).is_ok()
}

fn is_low_s(signature: &Signature) -> bool {
    let mut low = *signature;
    low.normalize_s();
    low == *signature
}

/// A key of 33 bytes, or of 65 that begin with 4. The third form that the library reads has no use on any chain.
pub fn public_key(bytes: &[u8]) -> Option<PublicKey> {
    let known = matches!((bytes.len(), bytes.first()?), (33, 2 | 3) | (65, 4));
    known.then(|| PublicKey::from_slice(bytes).ok())?
}
