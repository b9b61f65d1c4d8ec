//! Cosmos and the chains with its addresses: `cosmos:` and the prefix of the address.

use bitcoin::{
    bech32::{Bech32, primitives::decode::CheckedHrpstring},
    secp256k1::PublicKey,
};

use super::{evm, recoverable};
use crate::{
    claim::{Claim, Proof},
    defect::Defect,
    encoding::{base64_bytes, base64_text, hex_bytes, okx_text},
    hash::{hash160, keccak256, sha256},
    secp,
    verdict::Reason,
};

/// ADR-36; an exchange's own form.
pub const SCHEMES: &[&str] = &["adr36", "okx-ecdsa"];

/// The prefix of a chain's addresses, by its name.
pub fn prefix(name: &str) -> Option<&str> {
    let prefix = name.strip_prefix("cosmos:")?;
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    ((1..=32).contains(&prefix.len()) && prefix.bytes().all(allowed)).then_some(prefix)
}

/// The bytes of an address: 20 for an account of a key, 32 for others.
pub fn parse(prefix: &str, address: &str) -> Result<Vec<u8>, &'static str> {
    let decoded = CheckedHrpstring::new::<Bech32>(address).map_err(|_| "it is not bech32 with its checksum")?;
    if decoded.hrp().to_lowercase() != prefix {
        return Err("it is another chain's");
    }
    let digits = decoded.fe32_iter::<std::vec::IntoIter<u8>>().count();
    let bytes: Vec<u8> = decoded.byte_iter().collect();
    // what is left over when bytes are cut from groups of five bits must be shorter than a group
    if !matches!((bytes.len(), digits), (20, 32) | (32, 52)) {
        return Err("it has not 20 or 32 bytes");
    }
    Ok(bytes)
}

/// The address in one spelling.
pub fn canonical(prefix: &str, address: &str) -> Result<String, &'static str> {
    parse(prefix, address).map(|_| address.to_ascii_lowercase())
}

/// An address of a key: its hash by Cosmos' rule, or by Ethereum's, which some of these chains have.
pub fn prove(prefix: &str, claim: &Claim<'_>) -> Result<Proof, Defect> {
    let address = parse(prefix, claim.address).map_err(|why| claim.address_defect(why))?;
    let (signature, scheme) = claim.only_in(SCHEMES)?;
    let is_address = |key: &PublicKey| address == hash160(&key.serialize()) || address == evm::key_address(key);
    if scheme == "okx-ecdsa" {
        let key = recoverable::signer(signature, keccak256(&okx_text(claim.message)))?;
        if claim.public_key::<33>()?.is_some_and(|stated| stated != key.serialize()) {
            return Err(Defect::Key { why: "is not the key of the signature" });
        }
        return if is_address(&key) { Ok(Proof::Imported) } else { Err(signature.false_by("it is another key's")) };
    }
    let bytes = if signature.text.len() == 88 { base64_bytes(signature.text) } else { hex_bytes(signature.text) };
    let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
    let bytes = bytes.ok_or_else(|| signature.unreadable("r and s have 64 bytes, in base64 or hexadecimal digits"))?;
    let Some(key) = claim.public_key::<33>()? else { return Ok(Proof::Unproven(Reason::Key)) };
    let key = secp::public_key(&key).ok_or(Defect::Key { why: "is no point of the curve" })?;
    if !is_address(&key) {
        return Err(Defect::Key { why: "does not hash to the address" });
    }
    if address != hash160(&key.serialize()) {
        // chains with Ethereum's addresses hash the document in another way
        return Ok(Proof::Unproven(Reason::NoRule));
    }
    if secp::verify_compact(sha256(&adr36(claim.address, claim.message)), &bytes, &key) {
        Ok(Proof::Signed)
    } else {
        Err(signature.false_by("the key did not sign it, or its s is in the upper half"))
    }
}

/// The document that ADR-36 signs: a transaction of no chain with one message, in amino JSON.
pub fn adr36(signer: &str, message: &[u8]) -> Vec<u8> {
    let data = base64_text(message);
    format!(
        r#"{{"account_number":"0","chain_id":"","fee":{{"amount":[],"gas":"0"}},"memo":"","msgs":[{{"type":"sign/MsgSignData","value":{{"data":"{data}","signer":"{signer}"}}}}],"sequence":"0"}}"#
    )
    .into_bytes()
}
