//! BIP-322 2.0: a message signed as a transaction that spends a coin that never was.
//!
//! Two transactions are made from the address and the message. The first, `to_spend`, has one output, under the address' script,
//! and is made anew here; the signature is the second, `to_sign`, which spends it. It is given as its witness alone (`smp`, or
//! without a prefix), as a whole (`ful`), or as a finished PSBT that spends other coins too (`pof`). It holds if the chain would
//! accept it, by the rules of consensus and of relay. Scripts are taken by template: of any other script nothing is said.

use std::collections::BTreeMap;

use bitcoin::{
    Amount, OutPoint, PublicKey, Script, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Txid, Witness,
    absolute::LockTime,
    consensus::{Decodable, encode::deserialize},
    hashes::Hash,
    opcodes::all::OP_RETURN,
    psbt::{Input, Psbt},
    script::Builder,
    sighash::{EcdsaSighashType, Prevouts, SighashCache, TapSighashType},
    transaction::Version,
};

use super::script::{Template, pushes};
use crate::{
    encoding::base64_bytes,
    hash::{hash160, sha256},
    secp::{taproot_commits, verify_der, verify_schnorr},
};

/// What is known of a signature that is not false.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Who can spend the address' coins made it.
    Valid,
    /// A script is none of the templates.
    Inconclusive,
}

/// Why a signature is false.
type Refusal = &'static str;

/// A global field of a PSBT: the message.
const PSBT_GLOBAL_GENERIC_SIGNED_MESSAGE: u8 = 0x09;

/// Whether `signature` is one of the message by who can spend coins under `challenge`, the address' script.
pub fn verify(challenge: &ScriptBuf, message: &[u8], signature: &str) -> Result<Outcome, Refusal> {
    let spent = to_spend(challenge, message);
    let decode = |text| base64_bytes(text).ok_or("it is not base64 behind smp, ful, pof or no prefix");
    let prevout = || vec![spent.output[0].clone()];
    match signature.split_at_checked(3) {
        Some(("ful", text)) => {
            let to_sign: Transaction = deserialize(&decode(text)?).map_err(|_| "behind ful is no transaction")?;
            check_shape(&spent, &to_sign)?;
            if to_sign.input.len() != 1 {
                return Err("behind ful is a transaction with several inputs");
            }
            verify_inputs(&to_sign, &prevout())
        }
        Some(("pof", text)) => {
            let psbt = whole_psbt(&decode(text)?).ok_or("behind pof is no PSBT")?;
            verify_funds(&spent, message, psbt)
        }
        prefixed => {
            let text = prefixed.filter(|(prefix, _)| *prefix == "smp").map_or(signature, |(_, text)| text);
            let mut to_sign = to_sign(&spent);
            to_sign.input[0].witness = whole(&decode(text)?).ok_or("it is no witness")?;
            verify_inputs(&to_sign, &prevout())
        }
    }
}

/// The witness that the bytes are.
fn whole(mut bytes: &[u8]) -> Option<Witness> {
    let witness = Witness::consensus_decode(&mut bytes).ok()?;
    bytes.is_empty().then_some(witness)
}

/// The PSBT that the bytes are.
fn whole_psbt(mut bytes: &[u8]) -> Option<Psbt> {
    let psbt = Psbt::deserialize_from_reader(&mut bytes).ok()?;
    bytes.is_empty().then_some(psbt)
}

/// The transaction that is spent: it commits to the message and can be in no block.
pub fn to_spend(challenge: &ScriptBuf, message: &[u8]) -> Transaction {
    let tag = sha256(b"BIP0322-signed-message");
    let digest = sha256(&[&tag, &tag, message].concat());
    let nowhere = OutPoint { txid: Txid::all_zeros(), vout: u32::MAX };
    let script_sig = Builder::new().push_int(0).push_slice(digest).into_script();
    let input = TxIn { previous_output: nowhere, script_sig, sequence: Sequence::ZERO, witness: Witness::new() };
    let output = TxOut { value: Amount::ZERO, script_pubkey: challenge.clone() };
    Transaction { version: Version(0), lock_time: LockTime::ZERO, input: vec![input], output: vec![output] }
}

/// The transaction that is signed, without its signature.
pub fn to_sign(spent: &Transaction) -> Transaction {
    let previous_output = OutPoint { txid: spent.compute_txid(), vout: 0 };
    let input =
        TxIn { previous_output, script_sig: ScriptBuf::new(), sequence: Sequence::ZERO, witness: Witness::new() };
    let script_pubkey = Builder::new().push_opcode(OP_RETURN).into_script();
    let output = TxOut { value: Amount::ZERO, script_pubkey };
    Transaction { version: Version(0), lock_time: LockTime::ZERO, input: vec![input], output: vec![output] }
}

/// Version, first input and output are those of a signature; no coin is spent twice.
fn check_shape(spent: &Transaction, to_sign: &Transaction) -> Result<(), Refusal> {
    let model = self::to_sign(spent);
    let first = to_sign.input.first().ok_or("its transaction spends nothing")?;
    if first.previous_output != model.input[0].previous_output {
        return Err("its transaction is for another message or address");
    }
    if !matches!(to_sign.version, Version(0 | 2)) {
        return Err("its transaction's version is neither 0 nor 2");
    }
    if to_sign.output != model.output {
        return Err("its transaction has another output than one OP_RETURN of 0");
    }
    let mut coins: Vec<_> = to_sign.input.iter().map(|input| input.previous_output).collect();
    coins.sort_unstable();
    coins.dedup();
    if coins.len() == to_sign.input.len() { Ok(()) } else { Err("its transaction spends a coin twice") }
}

/// A proof of funds: the first input is the signature, the others spend coins. Each has to hold; whose coins they are is not asked.
fn verify_funds(spent: &Transaction, message: &[u8], psbt: Psbt) -> Result<Outcome, Refusal> {
    let is_message = |(key, value): (&bitcoin::psbt::raw::Key, &Vec<u8>)| {
        key.type_value != PSBT_GLOBAL_GENERIC_SIGNED_MESSAGE || key.key.is_empty() && value == message
    };
    if !psbt.unknown.iter().all(is_message) {
        return Err("its PSBT names another message");
    }
    check_shape(spent, &psbt.unsigned_tx)?;
    if psbt.unsigned_tx.input.len() < 2 || psbt.inputs.len() != psbt.unsigned_tx.input.len() {
        return Err("its PSBT spends no coin");
    }
    let first = &psbt.inputs[0];
    let is_spent = first.non_witness_utxo.as_ref().is_none_or(|stated| stated == spent)
        && first.witness_utxo.as_ref().is_none_or(|stated| *stated == spent.output[0]);
    if !is_spent {
        return Err("its PSBT states another output than the one it spends");
    }
    let mut prevouts = vec![spent.output[0].clone()];
    let sources: BTreeMap<Txid, &Transaction> = psbt
        .inputs
        .iter()
        .filter_map(|input| input.non_witness_utxo.as_ref())
        .map(|transaction| (transaction.compute_txid(), transaction))
        .collect();
    for at in 1..psbt.inputs.len() {
        prevouts.push(funding(&psbt, &sources, at)?);
    }
    let mut to_sign = psbt.unsigned_tx;
    for (input, finished) in to_sign.input.iter_mut().zip(psbt.inputs) {
        input.script_sig = finished.final_script_sig.unwrap_or_default();
        input.witness = finished.final_script_witness.unwrap_or_default();
    }
    verify_inputs(&to_sign, &prevouts)
}

/// The output that an input of a proof of funds spends. Where no witness signs the amount, only the whole transaction shows it; it may
/// stand at another input that spends it.
fn funding(psbt: &Psbt, sources: &BTreeMap<Txid, &Transaction>, at: usize) -> Result<TxOut, Refusal> {
    let outpoint = psbt.unsigned_tx.input[at].previous_output;
    let input = &psbt.inputs[at];
    let source = sources.get(&outpoint.txid).copied();
    if input.non_witness_utxo.as_ref().is_some_and(|own| source != Some(own)) {
        return Err("its PSBT has another transaction than the one it spends from");
    }
    match (source, &input.witness_utxo) {
        (Some(transaction), stated) => {
            let output = usize::try_from(outpoint.vout).ok().and_then(|at| transaction.output.get(at));
            let output = output.ok_or("its PSBT spends an output that is not there")?;
            match stated {
                Some(stated) if stated != output => Err("its PSBT states another output than the one it spends"),
                _ => Ok(output.clone()),
            }
        }
        (None, Some(stated)) if has_witness(stated, input) => Ok(stated.clone()),
        (None, _) => Err("its PSBT lacks the transaction that it spends from"),
    }
}

/// Whether what is spent is satisfied by a witness.
fn has_witness(output: &TxOut, input: &Input) -> bool {
    let script = &output.script_pubkey;
    let is_nested = || {
        let stack = input.final_script_sig.as_ref().and_then(|script| pushes(script));
        stack.is_some_and(|stack| stack.len() == 1 && Script::from_bytes(stack[0]).is_witness_program())
    };
    script.is_witness_program() || script.is_p2sh() && is_nested()
}

/// Every input spends what it is said to spend.
fn verify_inputs(to_sign: &Transaction, prevouts: &[TxOut]) -> Result<Outcome, Refusal> {
    let mut outcome = Outcome::Valid;
    for at in 0..to_sign.input.len() {
        let input = Spending { to_sign, prevouts, at };
        if input.verify()? == Outcome::Inconclusive {
            outcome = Outcome::Inconclusive;
        }
    }
    Ok(outcome)
}

/// One input of a transaction.
#[derive(Clone, Copy)]
struct Spending<'a> {
    to_sign: &'a Transaction,
    prevouts: &'a [TxOut],
    at: usize,
}

/// Which digest a signature in a script is of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Era {
    Legacy,
    Witness,
}

impl Spending<'_> {
    fn verify(self) -> Result<Outcome, Refusal> {
        let script = &self.prevouts[self.at].script_pubkey;
        if script.is_witness_program() {
            return if self.script_sig().is_empty() {
                self.verify_program(script)
            } else {
                Err("its input has a script beside the witness")
            };
        }
        let stack = pushes(self.script_sig()).ok_or("its input script is not of minimal pushes")?;
        if script.is_p2sh() {
            return self.verify_script_hash(script, &stack);
        }
        self.without_witness()?;
        self.verify_template(script, &stack, Era::Legacy)
    }

    fn script_sig(&self) -> &Script {
        &self.to_sign.input[self.at].script_sig
    }

    fn witness(&self) -> &Witness {
        &self.to_sign.input[self.at].witness
    }

    fn without_witness(&self) -> Result<(), Refusal> {
        if self.witness().is_empty() { Ok(()) } else { Err("its input has a witness where none belongs") }
    }

    fn verify_script_hash(self, script: &Script, stack: &[&[u8]]) -> Result<Outcome, Refusal> {
        let (redeem, rest) = stack.split_last().ok_or("its input lacks the redeem script")?;
        if hash160(redeem)[..] != script.as_bytes()[2..22] {
            return Err("its redeem script is another address'");
        }
        let redeem = Script::from_bytes(redeem);
        if !redeem.is_witness_program() {
            self.without_witness()?;
            return self.verify_template(redeem, rest, Era::Legacy);
        }
        if rest.is_empty() {
            self.verify_program(redeem)
        } else {
            Err("its input script has more than the redeem script")
        }
    }

    /// A witness program, bare or as a redeem script.
    fn verify_program(self, program: &Script) -> Result<Outcome, Refusal> {
        let is_nested = *program != *self.prevouts[self.at].script_pubkey;
        if program.is_p2wpkh() {
            let stack: Vec<_> = self.witness().iter().collect();
            let mut hash = [0; 20];
            hash.copy_from_slice(&program.as_bytes()[2..]);
            // the digest is of the script that pays to the hash of a key
            let code = ScriptBuf::new_p2pkh(&Hash::from_byte_array(hash));
            return self.verify_template(&code, &stack, Era::Witness);
        }
        if program.is_p2wsh() {
            let stack: Vec<_> = self.witness().iter().collect();
            let (script, rest) = stack.split_last().ok_or("its witness is empty")?;
            if sha256(script)[..] != program.as_bytes()[2..] {
                return Err("its witness script is another address'");
            }
            return self.verify_template(Script::from_bytes(script), rest, Era::Witness);
        }
        if program.is_p2tr() && !is_nested {
            return self.verify_taproot(&program.as_bytes()[2..]);
        }
        Ok(Outcome::Inconclusive)
    }

    fn verify_taproot(self, key: &[u8]) -> Result<Outcome, Refusal> {
        let stack: Vec<_> = self.witness().iter().collect();
        let signature = match &stack[..] {
            [] => return Err("its witness is empty"),
            [signature] => signature,
            // an annex, of which no rule says what it means
            [.., [0x50, ..]] => return Ok(Outcome::Inconclusive),
            [.., script, control] if taproot_commits(key, script, control) => return Ok(Outcome::Inconclusive),
            _ => return Err("its script is another address'"),
        };
        let (signature, kind) = match signature.split_first_chunk::<64>() {
            Some((signature, [])) => (signature, TapSighashType::Default),
            Some((signature, [1])) => (signature, TapSighashType::All),
            _ => return Err("its witness is no Schnorr signature of everything"),
        };
        let digest = SighashCache::new(self.to_sign)
            .taproot_key_spend_signature_hash(self.at, &Prevouts::All(self.prevouts), kind)
            .map_err(|_| "its transaction has no digest")?;
        if verify_schnorr(digest.to_byte_array(), signature, key) {
            Ok(Outcome::Valid)
        } else {
            Err("the address' key did not sign it")
        }
    }

    /// A stack that satisfies a script, with nothing left over.
    fn verify_template(self, script: &Script, stack: &[&[u8]], era: Era) -> Result<Outcome, Refusal> {
        let Some(template) = Template::of(script) else { return Ok(Outcome::Inconclusive) };
        if template.has_a_key_twice() {
            return Err("its script has a key twice");
        }
        if era == Era::Witness && !template.is_compressed() {
            return Err("its witness has a key in the long form");
        }
        let holds = match (&template, stack) {
            (Template::Key(key), [signature]) => self.is_signed(script, signature, key, era)?,
            (Template::KeyHash(hash), [signature, key]) => {
                if hash160(key) != *hash {
                    return Err("its key is another address'");
                }
                let key = PublicKey::from_slice(key).map_err(|_| "its key is none")?;
                if era == Era::Witness && !key.compressed {
                    return Err("its witness has a key in the long form");
                }
                self.is_signed(script, signature, &key, era)?
            }
            (Template::Multiple { threshold, keys }, [[], signatures @ ..]) if signatures.len() == *threshold => {
                self.are_signed(script, signatures, keys, era)?
            }
            _ => return Err("it has not as many signatures as its script asks for"),
        };
        if holds { Ok(Outcome::Valid) } else { Err("a key of the address did not sign it") }
    }

    /// Each signature is by a key behind the key of the one before.
    fn are_signed(self, script: &Script, signatures: &[&[u8]], keys: &[PublicKey], era: Era) -> Result<bool, Refusal> {
        let mut left = keys.iter();
        for signature in signatures {
            let mut is_by_one = false;
            for key in left.by_ref() {
                if self.is_signed(script, signature, key, era)? {
                    is_by_one = true;
                    break;
                }
            }
            if !is_by_one {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether the key signed everything in the transaction.
    fn is_signed(self, script: &Script, signature: &[u8], key: &PublicKey, era: Era) -> Result<bool, Refusal> {
        let Some((1, der)) = signature.split_last() else { return Err("its signature is not of everything") };
        let no_digest = "its transaction has no digest";
        let kind = EcdsaSighashType::All;
        let cache = || SighashCache::new(self.to_sign);
        let digest = match era {
            Era::Witness => cache()
                .p2wsh_signature_hash(self.at, script, self.prevouts[self.at].value, kind)
                .map_err(|_| no_digest)?
                .to_byte_array(),
            Era::Legacy => {
                let digest = cache().legacy_signature_hash(self.at, script, kind.to_u32());
                digest.map_err(|_| no_digest)?.to_byte_array()
            }
        };
        Ok(verify_der(digest, der, &key.inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // the hashes in BIP-322 for the address bc1q9vza2e8x573nczrlzms0wvx3gsqjx7vavgkx0l
    #[test]
    fn the_two_transactions_are_those_of_the_specification() {
        let challenge = ScriptBuf::from_hex("00142b05d564e6a7a33c087f16e0f730d1440123799d").unwrap();
        for (message, spent, signed) in [
            (
                "",
                "c5680aa69bb8d860bf82d4e9cd3504b55dde018de765a91bb566283c545a99a7",
                "1e9654e951a5ba44c8604c4de6c67fd78a27e81dcadcfe1edf638ba3aaebaed6",
            ),
            (
                "Hello World",
                "b79d196740ad5217771c1098fc4a4b51e0535c32236c71f1ea4d61a2d603352b",
                "88737ae86f2077145f93cc4b153ae9a1cb8d56afa511988c149c5c8c9d93bddf",
            ),
        ] {
            let transaction = to_spend(&challenge, message.as_bytes());
            assert_eq!(transaction.compute_txid().to_string(), spent);
            assert_eq!(to_sign(&transaction).compute_txid().to_string(), signed);
        }
    }
}
