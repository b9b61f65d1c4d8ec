//! Sui: the address is the hash of its key for ever.

use super::evm::long_hex;
use crate::{
    claim::{Claim, Proof, SignatureText},
    defect::Defect,
    ed25519,
    encoding::{base64_bytes, okx_text},
    hash::blake2b_256,
};

/// What wallets sign; the bare text; an exchange's own form.
pub const SCHEMES: &[&str] = &["sui-personal", "ed25519", "okx-ed25519"];

/// The address in one spelling, its leading zeros restored.
pub fn canonical(address: &str) -> Result<String, &'static str> {
    Ok(format!("0x{}", hex::encode(long_hex(address)?)))
}

/// The key that the line states must hash to the address.
pub fn check_key(claim: &Claim<'_>) -> Result<Option<[u8; 32]>, Defect> {
    let key = claim.public_key::<32>()?;
    match key {
        Some(key) if !is_address(claim, &key)? => Err(Defect::Key { why: "does not hash to the address" }),
        _ => Ok(key),
    }
}

/// An address of an Ed25519 key.
pub fn prove(claim: &Claim<'_>) -> Result<Proof, Defect> {
    let (signature, scheme) = claim.only_in(SCHEMES)?;
    let stated = check_key(claim)?;
    if scheme == "sui-personal" {
        return prove_personal(claim, signature, stated);
    }
    let Some(key) = stated else { return ed25519::without_key(signature) };
    match scheme {
        "okx-ed25519" => ed25519::prove(claim, &key, &[okx_text(claim.message)], Proof::Imported),
        _ => ed25519::prove(claim, &key, &[claim.message.to_vec()], Proof::Signed),
    }
}

/// A wallet's signature holds the key: a zero for Ed25519, 64 bytes of signature, 32 of key.
fn prove_personal(claim: &Claim<'_>, signature: &SignatureText<'_>, stated: Option<[u8; 32]>) -> Result<Proof, Defect> {
    let bytes: Option<[u8; 97]> = base64_bytes(signature.text).and_then(|bytes| bytes.try_into().ok());
    let Some([0, rest @ ..]) = bytes else {
        return Err(signature.unreadable("it is not 0, the signature and its Ed25519 key, 97 bytes in base64"));
    };
    let (mut by, mut key) = ([0; 64], [0; 32]);
    by.copy_from_slice(&rest[..64]);
    key.copy_from_slice(&rest[64..]);
    if stated.is_some_and(|stated| stated != key) || !is_address(claim, &key)? {
        return Err(signature.false_by("it is another key's"));
    }
    if ed25519::verify(&key, &personal(claim.message), &by) {
        Ok(Proof::Signed)
    } else {
        Err(signature.false_by("the Ed25519 key did not sign it"))
    }
}

fn is_address(claim: &Claim<'_>, key: &[u8; 32]) -> Result<bool, Defect> {
    let address = long_hex(claim.address).map_err(|why| claim.address_defect(why))?;
    Ok(blake2b_256(&[&[0], &key[..]].concat()) == address)
}

/// The digest of a personal message: the intent 3, 0, 0, then the text after its length in groups of seven bits.
pub fn personal(message: &[u8]) -> [u8; 32] {
    let mut text = vec![3, 0, 0];
    let mut length = message.len();
    while length >= 0x80 {
        text.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    text.push(length as u8);
    text.extend(message);
    blake2b_256(&text)
}
