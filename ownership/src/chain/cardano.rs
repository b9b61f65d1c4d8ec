//! Cardano: the payment part of an address is the hash of a key. Its own form (COSE) has no rule here.

use bitcoin::bech32::{Bech32, primitives::decode::CheckedHrpstring};

use crate::{
    claim::{Claim, Proof},
    defect::Defect,
    ed25519,
    encoding::okx_text,
    hash::blake2b,
    verdict::Reason,
};

/// An exchange's own form alone.
pub const SCHEMES: &[&str] = &["okx-ed25519"];

/// Who can spend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payment {
    /// The key with this hash.
    Key([u8; 28]),
    /// A script.
    Script,
}

/// Reads an address of the main network (CIP-19) that begins with `addr1`.
pub fn parse(address: &str) -> Result<Payment, &'static str> {
    let decoded = CheckedHrpstring::new::<Bech32>(address).map_err(|_| "it is not bech32 with its checksum")?;
    if decoded.hrp().to_lowercase() != "addr" {
        return Err("it does not begin with addr1");
    }
    let bytes: Vec<u8> = decoded.byte_iter().collect();
    let Some((head, body)) = bytes.split_first() else { return Err("it is empty") };
    if head & 0x0f != 1 {
        return Err("it is not of the main network");
    }
    // types 0 to 3 have a second part for staking, 4 and 5 a pointer, 6 and 7 nothing
    let has_length = match head >> 4 {
        0..=3 => body.len() == 56,
        4 | 5 => (31..=58).contains(&body.len()),
        6 | 7 => body.len() == 28,
        _ => false,
    };
    match body.first_chunk::<28>() {
        Some(hash) if has_length => Ok(if head >> 4 & 1 == 0 { Payment::Key(*hash) } else { Payment::Script }),
        _ => Err("it is of no known type"),
    }
}

/// The address in one spelling.
pub fn canonical(address: &str) -> Result<String, &'static str> {
    parse(address).map(|_| address.to_ascii_lowercase())
}

/// The key that the line states must hash to the address.
pub fn check_key(claim: &Claim<'_>) -> Result<Option<[u8; 32]>, Defect> {
    let payment = parse(claim.address).map_err(|why| claim.address_defect(why))?;
    let key = claim.public_key::<32>()?;
    match (key, payment) {
        (Some(key), Payment::Key(hash)) if blake2b(&key) != hash => {
            Err(Defect::Key { why: "does not hash to the address" })
        }
        _ => Ok(key),
    }
}

/// An address of a key.
pub fn prove(claim: &Claim<'_>) -> Result<Proof, Defect> {
    let (signature, _) = claim.only_in(SCHEMES)?;
    let key = check_key(claim)?;
    match (parse(claim.address), key) {
        (Ok(Payment::Script), _) => Ok(Proof::Unproven(Reason::Script)),
        (_, None) => ed25519::without_key(signature),
        (_, Some(key)) => ed25519::prove(claim, &key, &[okx_text(claim.message)], Proof::Imported),
    }
}
