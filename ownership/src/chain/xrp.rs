//! XRP: the address is the hash of a key on either curve.

use crate::{
    claim::{Claim, Proof},
    defect::Defect,
    ed25519,
    encoding::{hex_bytes, ripple_base58_check},
    hash::{hash160, sha512_half},
    secp,
    verdict::Reason,
};

/// What the chain's key libraries sign.
pub const SCHEMES: &[&str] = &["xrp"];

/// The hash of a key that an address is.
pub fn parse(address: &str) -> Result<[u8; 20], &'static str> {
    match ripple_base58_check(address) {
        Some((0, hash)) => Ok(hash),
        Some(_) => Err("it is no account"),
        None => Err("it is not 21 bytes in XRP's base58 with their checksum; X-addresses are not read"),
    }
}

/// The address in one spelling, which is the only one.
pub fn canonical(address: &str) -> Result<String, &'static str> {
    parse(address).map(|_| address.to_owned())
}

/// The key that the line states must hash to the address.
pub fn check_key(claim: &Claim<'_>) -> Result<Option<[u8; 33]>, Defect> {
    let address = parse(claim.address).map_err(|why| claim.address_defect(why))?;
    let key = claim.public_key::<33>()?;
    if key.is_some_and(|key| hash160(&key) != address) {
        return Err(Defect::Key { why: "does not hash to the address" });
    }
    Ok(key)
}

/// An address of a key.
pub fn prove(claim: &Claim<'_>) -> Result<Proof, Defect> {
    let (signature, _) = claim.only_in(SCHEMES)?;
    let bytes = hex_bytes(signature.text).ok_or_else(|| signature.unreadable("it is not in hexadecimal digits"))?;
    let Some(key) = check_key(claim)? else { return Ok(Proof::Unproven(Reason::Key)) };
    if let [0xed, edwards @ ..] = &key {
        let mut key = [0; 32];
        key.copy_from_slice(edwards);
        return ed25519::prove(claim, &key, &[claim.message.to_vec()], Proof::Signed);
    }
    let key = secp::public_key(&key).ok_or(Defect::Key { why: "is no point of the curve" })?;
    if secp::verify_der(sha512_half(claim.message), &bytes, &key) {
        Ok(Proof::Signed)
    } else {
        Err(signature.false_by("the key did not sign it, or it is not in its one form"))
    }
}
