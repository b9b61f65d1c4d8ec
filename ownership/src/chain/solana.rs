//! Solana: the address is the key.

use crate::{
    claim::{Claim, Proof},
    defect::Defect,
    ed25519,
    encoding::{base58_bytes, okx_text},
};

/// What wallets sign; the bare text; an exchange's own form.
pub const SCHEMES: &[&str] = &["solana-offchain", "ed25519", "okx-ed25519"];

/// The longest text that hardware wallets show.
const MAX_SHOWN_BYTES: usize = 1212;

/// The key that an address is.
pub fn parse(address: &str) -> Result<[u8; 32], &'static str> {
    let bytes = base58_bytes(address).and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or("it is not 32 bytes in base58")
}

/// The address in one spelling, which is the only one.
pub fn canonical(address: &str) -> Result<String, &'static str> {
    parse(address).map(|_| address.to_owned())
}

/// An address of a key. One that is a program's, off the curve, signs nothing.
pub fn prove(claim: &Claim<'_>) -> Result<Proof, Defect> {
    let key = parse(claim.address).map_err(|why| claim.address_defect(why))?;
    claim.key_of_address(&key)?;
    let (_, scheme) = claim.only_in(SCHEMES)?;
    match scheme {
        "ed25519" => ed25519::prove(claim, &key, &[claim.message.to_vec()], Proof::Signed),
        "okx-ed25519" => ed25519::prove(claim, &key, &[okx_text(claim.message)], Proof::Imported),
        _ => ed25519::prove(claim, &key, &offchain_messages(&key, claim.message), Proof::Signed),
    }
}

/// Off-chain messages of version 0 with the header of 20 bytes, and with that of 85: no application's domain, one signer.
pub fn offchain_messages(signer: &[u8; 32], message: &[u8]) -> Vec<Vec<u8>> {
    let Ok(length) = u16::try_from(message.len()) else { return Vec::new() };
    let is_shown = message.iter().all(|b| (0x20..0x7f).contains(b));
    let format = match (is_shown, message.len() <= MAX_SHOWN_BYTES) {
        (true, true) => 0,
        (false, true) => 1,
        (_, false) => 2,
    };
    let start = b"\xffsolana offchain\x00";
    let end = [&length.to_le_bytes()[..], message].concat();
    vec![[&start[..], &[format], &end].concat(), [&start[..], &[0; 32], &[format, 1], signer, &end].concat()]
}
