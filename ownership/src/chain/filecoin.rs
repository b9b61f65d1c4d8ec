//! Filecoin: addresses of keys (`f1`), and Ethereum's addresses in Filecoin's spelling (`f410f`).

use super::{evm, recoverable};
use crate::{
    claim::{Claim, Proof},
    defect::Defect,
    encoding::{base32_bytes, base32_digits, okx_text},
    hash::{blake2b, keccak256},
    verdict::Reason,
};

const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
/// `f410f`: Ethereum's forms. `f1`: an exchange's own form alone.
pub const SCHEMES: &[&str] = evm::SCHEMES;

/// What an address names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Account {
    /// The hash of a key on secp256k1.
    Key([u8; 20]),
    /// An Ethereum address.
    Evm([u8; 20]),
    /// Something else: an actor, a key on another curve.
    Other,
}

/// Reads an address of the main network.
pub fn parse(address: &str) -> Result<Account, &'static str> {
    let rest = address.strip_prefix('f').ok_or("it does not begin with f")?;
    let (protocol, rest) = rest.split_at_checked(1).ok_or("it is too short")?;
    match protocol {
        "0" if rest.bytes().all(|b| b.is_ascii_digit()) && (1..20).contains(&rest.len()) => Ok(Account::Other),
        "1" => Ok(Account::Key(payload(&[1], rest, 20)?.try_into().map_err(|_| "it has not 20 bytes")?)),
        "2" => payload(&[2], rest, 20).map(|_| Account::Other),
        "3" => payload(&[3], rest, 48).map(|_| Account::Other),
        "4" => {
            let rest = rest.strip_prefix("10f").ok_or("it is of a namespace other than 10")?;
            Ok(Account::Evm(payload(&[4, 10], rest, 20)?.try_into().map_err(|_| "it has not 20 bytes")?))
        }
        _ => Err("it is of no known protocol"),
    }
}

/// The bytes before the checksum.
fn payload(head: &[u8], text: &str, length: usize) -> Result<Vec<u8>, &'static str> {
    let bytes = base32_digits(text, ALPHABET).and_then(|digits| base32_bytes(&digits));
    let bytes = bytes.ok_or("it is not base32 in lower case")?;
    match bytes.split_last_chunk::<4>() {
        Some((payload, sum)) if payload.len() == length => {
            let is_right = blake2b::<4>(&[head, payload].concat()) == *sum;
            if is_right { Ok(payload.to_vec()) } else { Err("its checksum is wrong") }
        }
        _ => Err("it has another length"),
    }
}

/// The address in one spelling, which is the only one.
pub fn canonical(address: &str) -> Result<String, &'static str> {
    parse(address).map(|_| address.to_owned())
}

/// An address of a key.
pub fn prove(claim: &Claim<'_>) -> Result<Proof, Defect> {
    let account = parse(claim.address).map_err(|why| claim.address_defect(why))?;
    claim.no_key()?;
    let signature = claim.only()?;
    let (matches, proof) = match account {
        Account::Other => return Ok(Proof::Unproven(Reason::NoRule)),
        Account::Evm(address) => {
            let (by, proof) = evm::signer(claim, signature, SCHEMES)?;
            (by == address, proof)
        }
        Account::Key(hash) => {
            claim.scheme(signature, &["okx-ecdsa"])?;
            let key = recoverable::signer(signature, keccak256(&okx_text(claim.message)))?;
            (blake2b(&key.serialize_uncompressed()) == hash, Proof::Imported)
        }
    };
    if matches { Ok(proof) } else { Err(signature.false_by("it is another key's")) }
}
