//! Ethereum and the chains with its addresses.

use bitcoin::secp256k1::PublicKey;

use super::recoverable;
use crate::{
    claim::{Claim, Proof, SignatureText},
    defect::Defect,
    encoding::{okx_text, prefixed_hex},
    hash::{keccak_address, keccak256},
    key::Key,
    verdict::Reason,
};

/// What wallets sign; an exchange that signs the digest of its text; one that signs without a prefix; an exchange's own form.
pub const SCHEMES: &[&str] = &["eip191", "eip191-keccak", "keccak", "okx-ecdsa"];

/// The chains that have a name, and their numbers.
const NAMED: [(&str, u64); 7] = [
    ("ethereum", 1),
    ("optimism", 10),
    ("bnb-smart-chain", 56),
    ("polygon", 137),
    ("base", 8453),
    ("arbitrum-one", 42161),
    ("avalanche-c", 43114),
];

/// The chain's number by its name or by `evm:` and the number.
pub fn chain_number(name: &str) -> Option<u64> {
    if let Some((_, number)) = NAMED.iter().find(|(known, _)| *known == name) {
        return Some(*number);
    }
    let digits = name.strip_prefix("evm:")?;
    let is_plain = digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
    let number = digits.parse().ok().filter(|_| is_plain)?;
    (!ELSEWHERE.contains(&number)).then_some(number)
}

/// Numbers of chains with a name and addresses of their own, Filecoin and Tron: an account there is proven under that name alone.
const ELSEWHERE: [u64; 2] = [314, 728_126_428];

/// The name of a chain by its number.
pub fn chain_name(number: u64) -> String {
    let named = NAMED.iter().find(|(_, known)| *known == number);
    named.map_or_else(|| format!("evm:{number}"), |(name, _)| (*name).to_owned())
}

/// The 20 bytes of an address; letters of both cases must be the checksum of EIP-55.
pub fn parse(address: &str) -> Result<[u8; 20], &'static str> {
    let digits = address.strip_prefix("0x").ok_or("it does not begin with 0x")?;
    if digits.len() != 40 {
        return Err("it has not 40 digits");
    }
    let bytes =
        hex::decode(digits).ok().and_then(|bytes| bytes.try_into().ok()).ok_or("it has other signs than digits")?;
    let has = |case: fn(&u8) -> bool| digits.as_bytes().iter().any(case);
    if has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase) && checksummed(&bytes) != address {
        return Err("its capital letters are not its checksum: a digit is mistyped");
    }
    Ok(bytes)
}

/// The address with the checksum of EIP-55 in its letters' case.
pub fn checksummed(address: &[u8; 20]) -> String {
    let digits = hex::encode(address);
    let sum = hex::encode(keccak256(digits.as_bytes()));
    let letter = |(digit, sum): (char, char)| if sum >= '8' { digit.to_ascii_uppercase() } else { digit };
    "0x".chars().chain(digits.chars().zip(sum.chars()).map(letter)).collect()
}

/// The address in one spelling.
pub fn canonical(address: &str) -> Result<String, &'static str> {
    Ok(format!("0x{}", hex::encode(parse(address)?)))
}

/// The address of a key.
pub fn key_address(key: &PublicKey) -> [u8; 20] {
    keccak_address(&key.serialize_uncompressed())
}

/// What is hashed and signed in a scheme.
fn digest(scheme: &str, message: &[u8]) -> [u8; 32] {
    match scheme {
        "eip191-keccak" => personal(&keccak256(message)),
        "keccak" => keccak256(message),
        "okx-ecdsa" => keccak256(&okx_text(message)),
        _ => personal(message),
    }
}

/// EIP-191, version E.
fn personal(text: &[u8]) -> [u8; 32] {
    keccak256(&[format!("\x19Ethereum Signed Message:\n{}", text.len()).as_bytes(), text].concat())
}

/// What a scheme's signature is good for.
fn standing(scheme: &str) -> Proof {
    if scheme.starts_with("okx-") { Proof::Imported } else { Proof::Signed }
}

/// Who made the signature, and what it is good for.
pub fn signer(
    claim: &Claim<'_>,
    signature: &SignatureText<'_>,
    schemes: &[&'static str],
) -> Result<([u8; 20], Proof), Defect> {
    let scheme = claim.scheme(signature, schemes)?;
    let key = recoverable::signer(signature, digest(scheme, claim.message))?;
    Ok((key_address(&key), standing(scheme)))
}

/// An address of a key.
pub fn prove(claim: &Claim<'_>) -> Result<Proof, Defect> {
    claim.no_key()?;
    let address = parse(claim.address).map_err(|why| claim.address_defect(why))?;
    let signature = claim.only()?;
    let (by, proof) = signer(claim, signature, SCHEMES)?;
    if by == address { Ok(proof) } else { Err(signature.false_by("it is another key's")) }
}

/// A contract whose named owners signed: each at most once, and as many as it needs.
pub fn prove_owners(
    claim: &Claim<'_>,
    parse_owner: fn(&str) -> Result<[u8; 20], &'static str>,
    signer: fn(&Claim<'_>, &SignatureText<'_>) -> Result<[u8; 20], Defect>,
) -> Result<Proof, Defect> {
    let Some(Owners { threshold, addresses }) = owners(claim, parse_owner)? else {
        return Ok(Proof::Unproven(Reason::Contract));
    };
    let mut signed = vec![false; addresses.len()];
    for signature in claim.signatures {
        let by = signer(claim, signature)?;
        let at = addresses.iter().position(|owner| *owner == by);
        let at = at.ok_or_else(|| signature.false_by("no owner made it"))?;
        if std::mem::replace(&mut signed[at], true) {
            return Err(signature.false_by("its owner has signed already"));
        }
    }
    match claim.signatures.len() {
        given if given < threshold => Err(Defect::TooFew { given, needed: threshold }),
        _ => Ok(Proof::Unproven(Reason::Contract)),
    }
}

/// The owners of a contract, of whom `threshold` have to sign.
struct Owners {
    threshold: usize,
    addresses: Vec<[u8; 20]>,
}

/// The owners that the line names.
fn owners(
    claim: &Claim<'_>,
    parse_owner: fn(&str) -> Result<[u8; 20], &'static str>,
) -> Result<Option<Owners>, Defect> {
    let (threshold, owners) = match claim.key {
        Key::Absent => return Ok(None),
        Key::Owners { threshold, owners } => (*threshold, owners),
        _ => return Err(Defect::Key { why: "of a contract is safe:M:owner,owner" }),
    };
    let addresses: Result<Vec<_>, _> = owners.iter().map(|owner| parse_owner(owner)).collect();
    let addresses = addresses.map_err(|_| Defect::Key { why: "names an owner that is no address of this chain" })?;
    let is_twice = |(at, owner)| addresses[..at].contains(owner);
    if addresses.iter().enumerate().any(is_twice) {
        return Err(Defect::Key { why: "names an owner twice" });
    }
    Ok(Some(Owners { threshold, addresses }))
}

/// `0x` and 32 bytes, for other chains whose addresses look alike; leading zeros may be missing.
pub fn long_hex(address: &str) -> Result<[u8; 32], &'static str> {
    let digits = address.strip_prefix("0x").ok_or("it does not begin with 0x")?;
    if !(1..=64).contains(&digits.len()) {
        return Err("it has not 1 to 64 digits");
    }
    prefixed_hex(&format!("0x{digits:0>64}")).ok_or("it has other signs than hexadecimal digits of one case")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_has_one_name() {
        assert_eq!(chain_number("ethereum"), Some(1));
        assert_eq!(chain_number("evm:1").map(chain_name).as_deref(), Some("ethereum"));
        assert_eq!(chain_number("evm:5000").map(chain_name).as_deref(), Some("evm:5000"));
        for bad in ["evm:", "evm:01", "evm:+1", "evm:18446744073709551616", "Ethereum", "evm"] {
            assert_eq!(chain_number(bad), None, "{bad}");
        }
    }

    // from EIP-55
    #[test]
    fn mixed_letters_are_a_checksum() {
        let right = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
        assert!(parse(right).is_ok());
        assert_eq!(canonical(right).as_deref(), Ok("0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"));
        assert_eq!(canonical(&right.to_lowercase()), canonical(right));
        assert!(parse("0x5AAEB6053F3E94C9B9A09F33669435E7EF1BEAED").is_ok());
        for bad in [
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD",
            "5aaeb6053f3e94c9b9a09f33669435e7ef1beaed",
            "0X5aaeb6053f3e94c9b9a09f33669435e7ef1beaed",
            "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beae",
            "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaeg",
            "",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
