//! Aptos: an account begins as the hash of its key, and may change the key later.

use super::evm::long_hex;
use crate::{
    claim::{Claim, Proof},
    defect::Defect,
    ed25519,
    encoding::okx_text,
    hash::sha3_256,
    verdict::Reason,
};

/// The bare text; an exchange's own form.
pub const SCHEMES: &[&str] = &["ed25519", "okx-ed25519"];

/// The address in one spelling, its leading zeros restored.
pub fn canonical(address: &str) -> Result<String, &'static str> {
    Ok(format!("0x{}", hex::encode(long_hex(address)?)))
}

/// An account of a key that was never changed.
pub fn prove(claim: &Claim<'_>) -> Result<Proof, Defect> {
    let address = long_hex(claim.address).map_err(|why| claim.address_defect(why))?;
    let (signature, scheme) = claim.only_in(SCHEMES)?;
    let Some(key) = claim.public_key::<32>()? else { return ed25519::without_key(signature) };
    let proof = match scheme {
        "okx-ed25519" => ed25519::prove(claim, &key, &[okx_text(claim.message)], Proof::Imported)?,
        _ => ed25519::prove(claim, &key, &[claim.message.to_vec()], Proof::Signed)?,
    };
    // the zero says: one Ed25519 key
    let is_first_key = sha3_256(&[&key[..], &[0]].concat()) == address;
    Ok(if is_first_key { proof } else { Proof::Unproven(Reason::Rotated) })
}
