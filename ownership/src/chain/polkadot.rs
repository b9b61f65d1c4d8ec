//! Polkadot: the address is the key. Its own forms are mostly of another curve (sr25519) and have no rule here.

use crate::{
    claim::{Claim, Proof},
    defect::Defect,
    ed25519,
    encoding::{base58_bytes, okx_text},
    hash::blake2b,
};

/// An exchange's own form alone.
pub const SCHEMES: &[&str] = &["okx-ed25519"];

/// The key that an address of the network 0 is (SS58).
pub fn parse(address: &str) -> Result<[u8; 32], &'static str> {
    let bytes: Option<[u8; 35]> = base58_bytes(address).and_then(|bytes| bytes.try_into().ok());
    let bytes = bytes.ok_or("it is not 35 bytes in base58")?;
    let (body, sum) = bytes.split_at(33);
    if blake2b::<64>(&[b"SS58PRE", body].concat())[..2] != *sum {
        return Err("its checksum is wrong");
    }
    if body[0] != 0 {
        return Err("it is another network's");
    }
    let mut key = [0; 32];
    key.copy_from_slice(&body[1..]);
    Ok(key)
}

/// The address in one spelling, which is the only one.
pub fn canonical(address: &str) -> Result<String, &'static str> {
    parse(address).map(|_| address.to_owned())
}

/// An address of an Ed25519 key.
pub fn prove(claim: &Claim<'_>) -> Result<Proof, Defect> {
    let key = parse(claim.address).map_err(|why| claim.address_defect(why))?;
    claim.key_of_address(&key)?;
    claim.only_in(SCHEMES)?;
    ed25519::prove(claim, &key, &[okx_text(claim.message)], Proof::Imported)
}
