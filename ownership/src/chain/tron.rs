//! Tron: Ethereum's keys, another prefix, addresses in base58.

use super::{evm, recoverable};
use crate::{
    claim::{Claim, Proof, SignatureText},
    defect::Defect,
    encoding::base58_check,
    hash::keccak256,
};

/// TIP-191; the same over the digest of the text; the text under a length that is always 32, as an exchange signs.
pub const SCHEMES: &[&str] = &["tip191", "tron-keccak", "tron-32"];

/// The 20 bytes of an address.
pub fn parse(address: &str) -> Result<[u8; 20], &'static str> {
    match base58_check(address) {
        Some((0x41, hash)) => Ok(hash),
        Some(_) => Err("it is another chain's"),
        None => Err("it is not 21 bytes in base58 with their checksum"),
    }
}

/// The address in one spelling, which is the only one.
pub fn canonical(address: &str) -> Result<String, &'static str> {
    parse(address).map(|_| address.to_owned())
}

/// Who made the signature.
pub fn signer(claim: &Claim<'_>, signature: &SignatureText<'_>) -> Result<[u8; 20], Defect> {
    let message = claim.message;
    let text = match claim.scheme(signature, SCHEMES)? {
        "tron-keccak" => prefixed(32, &keccak256(message)),
        "tron-32" => prefixed(32, message),
        _ => prefixed(message.len(), message),
    };
    Ok(evm::key_address(&recoverable::signer(signature, keccak256(&text))?))
}

fn prefixed(length: usize, text: &[u8]) -> Vec<u8> {
    [format!("\x19TRON Signed Message:\n{length}").as_bytes(), text].concat()
}

/// An address of a key.
pub fn prove(claim: &Claim<'_>) -> Result<Proof, Defect> {
    claim.no_key()?;
    let address = parse(claim.address).map_err(|why| claim.address_defect(why))?;
    let signature = claim.only()?;
    if signer(claim, signature)? == address {
        Ok(Proof::Signed)
    } else {
        Err(signature.false_by("it is another key's"))
    }
}
