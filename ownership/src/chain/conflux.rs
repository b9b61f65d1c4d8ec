//! Conflux Core: Ethereum's keys, addresses in base32 with CashAddr's checksum.

use super::{evm, recoverable};
use crate::{
    claim::{Claim, Proof},
    defect::Defect,
    encoding::{base32_bytes, base32_digits, cash_checksum_holds, okx_text},
    hash::keccak256,
    verdict::Reason,
};

const ALPHABET: &[u8; 32] = b"abcdefghjkmnprstuvwxyz0123456789";
/// An exchange's own form alone.
pub const SCHEMES: &[&str] = &["okx-ecdsa"];

/// The 20 bytes of an address of the main network.
pub fn parse(address: &str) -> Result<[u8; 20], &'static str> {
    let lower = lowered(address).ok_or("it has letters of both cases")?;
    let rest = lower.strip_prefix("cfx:").ok_or("it does not begin with cfx:")?;
    let text = match rest.split_once(':') {
        Some((kind, text)) if kind.starts_with("type.") => text,
        Some(_) => return Err("between its colons is no type"),
        None => rest,
    };
    let digits = base32_digits(text, ALPHABET).ok_or("it is not Conflux's base32")?;
    if !cash_checksum_holds("cfx", &digits) {
        return Err("its checksum is wrong");
    }
    let bytes = base32_bytes(&digits[..digits.len() - 8]);
    match bytes.as_deref() {
        Some([0, hash @ ..]) => hash.try_into().map_err(|_| "it has not 20 bytes"),
        _ => Err("it has no known version"),
    }
}

fn lowered(address: &str) -> Option<String> {
    let mixed = address.bytes().any(|b| b.is_ascii_uppercase()) && address.bytes().any(|b| b.is_ascii_lowercase());
    (!mixed).then(|| address.to_ascii_lowercase())
}

/// The address in one spelling.
pub fn canonical(address: &str) -> Result<String, &'static str> {
    parse(address)?;
    let lower = address.to_ascii_lowercase();
    Ok(format!("cfx:{}", lower.rsplit(':').next().unwrap_or_default()))
}

/// An address of a key: Ethereum's, its first four bits 1.
pub fn prove(claim: &Claim<'_>) -> Result<Proof, Defect> {
    let address = parse(claim.address).map_err(|why| claim.address_defect(why))?;
    claim.no_key()?;
    let (signature, _) = claim.only_in(SCHEMES)?;
    if address[0] >> 4 != 1 {
        return Ok(Proof::Unproven(Reason::Contract));
    }
    let key = recoverable::signer(signature, keccak256(&okx_text(claim.message)))?;
    let mut by = evm::key_address(&key);
    by[0] = by[0] & 0x0f | 0x10;
    if by == address { Ok(Proof::Imported) } else { Err(signature.false_by("it is another key's")) }
}
