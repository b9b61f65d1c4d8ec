//! Signed messages: 65 bytes that give the key back, as Bitcoin Core, Electrum and Trezor make them.

use bitcoin::{Script, WitnessVersion, secp256k1::PublicKey};

use super::{
    address::{Coin, Target},
    script::{Template, Wrapping, check},
};
use crate::{
    claim::{Claim, Proof, SignatureText},
    defect::Defect,
    encoding::{base64_bytes, var_str},
    hash::{hash160, sha256d},
    secp::recover,
    verdict::Reason,
};

/// What the first byte of a signature says of the address, beside which of four keys it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Header {
    /// 27 to 30: a key in its long form.
    Long,
    /// 31 to 34: a key in its short form; Electrum writes it for every address of one key.
    Short,
    /// 35 to 38: a witness in a script's hash.
    NestedWitness,
    /// 39 to 42: a witness.
    Witness,
}

/// A signature as bytes: its header, which of four keys, r ‖ s. `None` if it is none.
fn read(text: &str) -> Option<(Header, u8, [u8; 64])> {
    let bytes: [u8; 65] = base64_bytes(text)?.try_into().ok()?;
    let number = bytes[0].checked_sub(27)?;
    let header = *[Header::Long, Header::Short, Header::NestedWitness, Header::Witness].get(usize::from(number / 4))?;
    let mut rs = [0; 64];
    rs.copy_from_slice(&bytes[1..]);
    Some((header, number % 4, rs))
}

/// Whether a text has the shape of such a signature.
pub fn is_shaped(text: &str) -> bool {
    read(text).is_some()
}

/// The digest of a message.
pub fn digest(coin: &Coin, message: &[u8]) -> [u8; 32] {
    sha256d(&[var_str(coin.magic.as_bytes()), var_str(message)].concat())
}

fn signer(coin: &Coin, claim: &Claim<'_>, signature: &SignatureText<'_>) -> Result<(Header, PublicKey), Defect> {
    let shape = "it is not 65 bytes in base64 that begin with 27 to 42";
    let (header, id, rs) = read(signature.text).ok_or_else(|| signature.unreadable(shape))?;
    let key = recover(digest(coin, claim.message), &rs, id);
    Ok((header, key.ok_or_else(|| signature.false_by("it gives no key"))?))
}

/// An address of one key, by one signature.
pub fn prove(coin: &Coin, target: &Target, claim: &Claim<'_>) -> Result<Proof, Defect> {
    let signature = claim.only()?;
    let (header, key) = signer(coin, claim, signature)?;
    let short = hash160(&key.serialize());
    let is_right = match target {
        Target::Key(hash) => match header {
            Header::Long => hash160(&key.serialize_uncompressed()) == *hash,
            Header::Short => short == *hash,
            Header::NestedWitness | Header::Witness => false,
        },
        Target::Script(hash) => {
            coin.has_witnesses()
                && matches!(header, Header::Short | Header::NestedWitness)
                && hash160(&[&[0, 20], &short[..]].concat()) == *hash
        }
        Target::Witness(program) if program.version() == WitnessVersion::V0 => match program.program().as_bytes() {
            hash if hash.len() == 20 => matches!(header, Header::Short | Header::Witness) && short == *hash,
            // who can satisfy the script is not known without it
            _ => return Ok(Proof::Unproven(Reason::Key)),
        },
        Target::Witness(_) => {
            return Err(signature.false_by("a taproot address has no such signature: sign by BIP-322"));
        }
    };
    let why = match target {
        Target::Script(_) => "it is another key's, or the script of the address is missing in `key`",
        _ => "it is another key's, or its first byte is another kind of address'",
    };
    if is_right { Ok(Proof::Signed) } else { Err(signature.false_by(why)) }
}

/// An address of a script, by as many signatures as the script asks for, each of another of its keys.
pub fn prove_script(coin: &Coin, target: &Target, script: &[u8], claim: &Claim<'_>) -> Result<Proof, Defect> {
    let wrapping = check(coin, target, script)?;
    let Some(template) = Template::of(Script::from_bytes(script)) else { return Ok(Proof::Unproven(Reason::Script)) };
    if template.has_a_key_twice() {
        return Err(Defect::Script { why: "has a key twice" });
    }
    if wrapping == Wrapping::Witness && !template.is_compressed() {
        return Err(Defect::Script { why: "has a key in the long form, which no witness can have" });
    }
    let (threshold, keys) = match template {
        Template::Multiple { threshold, keys } => (threshold, keys.iter().map(|key| key.to_bytes()).collect()),
        Template::Key(key) => (1, vec![key.to_bytes()]),
        Template::KeyHash(hash) => {
            let signature = claim.only()?;
            let (header, key) = signer(coin, claim, signature)?;
            let is_form = header == Header::Short || header == Header::Long && wrapping == Wrapping::Legacy;
            let is_right = is_form && written(header, &key).is_some_and(|key| hash160(&key) == hash);
            return if is_right { Ok(Proof::Signed) } else { Err(signature.false_by("it is no key's of the script")) };
        }
    };
    let mut signed: Vec<bool> = vec![false; keys.len()];
    for signature in claim.signatures {
        let (header, key) = signer(coin, claim, signature)?;
        let key = written(header, &key);
        let at = keys.iter().position(|listed| key.as_ref() == Some(listed));
        let at = at.ok_or_else(|| signature.false_by("it is no key's of the script"))?;
        if std::mem::replace(&mut signed[at], true) {
            return Err(signature.false_by("its key has signed already"));
        }
    }
    match claim.signatures.len() {
        given if given < threshold => Err(Defect::TooFew { given, needed: threshold }),
        _ => Ok(Proof::Signed),
    }
}

/// The key as the header says that it is written; none where the header names a witness, which no key in a script is.
fn written(header: Header, key: &PublicKey) -> Option<Vec<u8>> {
    match header {
        Header::Long => Some(key.serialize_uncompressed().to_vec()),
        Header::Short => Some(key.serialize().to_vec()),
        Header::NestedWitness | Header::Witness => None,
    }
}
