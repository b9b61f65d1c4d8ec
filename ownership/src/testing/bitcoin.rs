//! Lines of Bitcoin and its kin.

use bitcoin::{
    Address, Amount, CompressedPublicKey, Network, OutPoint, PublicKey, ScriptBuf, Sequence, Transaction, TxIn, TxOut,
    Witness,
    consensus::encode::serialize,
    hashes::Hash,
    key::TapTweak,
    opcodes::all::{OP_CHECKMULTISIG, OP_PUSHNUM_2, OP_PUSHNUM_3},
    psbt::Psbt,
    script::{Builder, PushBytesBuf},
    secp256k1::{Keypair, Message, SecretKey},
    sighash::{EcdsaSighashType, Prevouts, SighashCache, TapSighashType},
};

use super::line::{CURVE, Draft, TestLine, recoverable, secret};
use crate::{
    chain::bitcoin::{
        address::Coin,
        bip322::{to_sign, to_spend},
        message::digest,
    },
    context::Context,
    encoding::{base58_check_text, base64_text},
    hash::hash160,
};

pub(crate) const KEYS: [u8; 3] = [31, 32, 33];

/// All lines.
pub fn lines(context: &Context<'_>, message: Option<&str>) -> Vec<TestLine> {
    let draft = |chain, address| Draft::new(context, message, chain, address);
    [transactions(&draft), messages(&draft), multisig_messages(&draft)].concat()
}

type Drafting<'a> = dyn Fn(&'static str, String) -> Draft<'a> + 'a;

pub(crate) fn public(key: &SecretKey) -> PublicKey {
    PublicKey::new(key.public_key(&CURVE))
}

fn compressed(key: &SecretKey) -> CompressedPublicKey {
    CompressedPublicKey(key.public_key(&CURVE))
}

/// Two of the three keys.
pub(crate) fn two_of_three() -> ScriptBuf {
    let start = Builder::new().push_opcode(OP_PUSHNUM_2);
    let all = KEYS.iter().fold(start, |script, key| script.push_key(&public(&secret(*key))));
    all.push_opcode(OP_PUSHNUM_3).push_opcode(OP_CHECKMULTISIG).into_script()
}

/// How an input is signed.
#[derive(Clone)]
pub(crate) enum How {
    KeyHash,
    Witness,
    NestedWitness,
    Taproot,
    Script(ScriptBuf),
    WitnessScript(ScriptBuf),
    NestedWitnessScript(ScriptBuf),
}

/// Signs everything in the transaction, as each script asks for it.
pub(crate) fn sign(transaction: &mut Transaction, prevouts: &[TxOut], at: usize, how: &How) {
    let unsigned = transaction.clone();
    let mut cache = SighashCache::new(&unsigned);
    let by = |digest: [u8; 32], key: u8| {
        let der = CURVE.sign_ecdsa(&Message::from_digest(digest), &secret(key)).serialize_der();
        [&der[..], &[1]].concat()
    };
    let spent = &prevouts[at];
    let mut digest = |code: &ScriptBuf, is_witness: bool| {
        let kind = EcdsaSighashType::All;
        if is_witness {
            let hash = cache.p2wsh_signature_hash(at, code, spent.value, kind);
            return hash.expect("an input").to_byte_array();
        }
        cache.legacy_signature_hash(at, code, kind.to_u32()).expect("an input").to_byte_array()
    };
    let key = public(&secret(KEYS[0]));
    let code = ScriptBuf::new_p2pkh(&key.pubkey_hash());
    let nested = |redeem: &ScriptBuf| pushed(&[redeem.as_bytes()]);
    let input = &mut transaction.input[at];
    match how {
        How::KeyHash => {
            input.script_sig = pushed(&[&by(digest(&code, false), KEYS[0]), &key.to_bytes()]);
        }
        How::Witness | How::NestedWitness => {
            input.witness = Witness::from_slice(&[by(digest(&code, true), KEYS[0]), key.to_bytes()]);
            if matches!(how, How::NestedWitness) {
                input.script_sig = nested(&ScriptBuf::new_p2wpkh(&compressed(&secret(KEYS[0])).wpubkey_hash()));
            }
        }
        How::Taproot => {
            let hash = SighashCache::new(&unsigned)
                .taproot_key_spend_signature_hash(at, &Prevouts::All(prevouts), TapSighashType::Default)
                .expect("an input");
            let pair = Keypair::from_secret_key(&CURVE, &secret(KEYS[0])).tap_tweak(&CURVE, None).to_keypair();
            let signature = CURVE.sign_schnorr_no_aux_rand(&Message::from_digest(hash.to_byte_array()), &pair);
            input.witness = Witness::from_slice(&[signature.serialize()]);
        }
        How::Script(script) => {
            let digest = digest(script, false);
            input.script_sig = pushed(&[&[], &by(digest, KEYS[0]), &by(digest, KEYS[2]), script.as_bytes()]);
        }
        How::WitnessScript(script) | How::NestedWitnessScript(script) => {
            let digest = digest(script, true);
            let stack = [vec![], by(digest, KEYS[0]), by(digest, KEYS[2]), script.to_bytes()];
            input.witness = Witness::from_slice(&stack);
            if matches!(how, How::NestedWitnessScript(_)) {
                input.script_sig = nested(&script.to_p2wsh());
            }
        }
    }
}

/// A script that pushes the parts.
pub(crate) fn pushed(parts: &[&[u8]]) -> ScriptBuf {
    let push =
        |script: Builder, part: &&[u8]| script.push_slice(PushBytesBuf::try_from(part.to_vec()).expect("a short part"));
    parts.iter().fold(Builder::new(), push).into_script()
}

/// The address, how it is signed, and whether the witness alone is enough.
pub(crate) fn forms() -> Vec<(&'static str, Address, How, bool)> {
    let (key, script) = (secret(KEYS[0]), two_of_three());
    let net = Network::Bitcoin;
    let nested_script = Address::p2sh(&script, net).expect("a short script");
    vec![
        ("P2WPKH", Address::p2wpkh(&compressed(&key), net), How::Witness, true),
        ("P2TR", Address::p2tr(&CURVE, key.x_only_public_key(&CURVE).0, None, net), How::Taproot, true),
        ("P2WSH 2 of 3", Address::p2wsh(&script, net), How::WitnessScript(script.clone()), true),
        ("P2PKH", Address::p2pkh(public(&key), net), How::KeyHash, false),
        ("P2SH-P2WPKH", Address::p2shwpkh(&compressed(&key), net), How::NestedWitness, false),
        ("P2SH 2 of 3", nested_script, How::Script(script.clone()), false),
        ("P2SH-P2WSH 2 of 3", Address::p2shwsh(&script, net), How::NestedWitnessScript(script), false),
    ]
}

/// BIP-322 in its three forms.
fn transactions<'a>(draft: &Drafting<'a>) -> Vec<TestLine> {
    let mut lines = Vec::new();
    for (name, address, how, is_simple) in forms() {
        let draft = draft("bitcoin", address.to_string());
        let spent = to_spend(&address.script_pubkey(), draft.text().as_bytes());
        let mut signed = to_sign(&spent);
        sign(&mut signed, &spent.output, 0, &how);
        let simple = || format!("smp{}", base64_text(&serialize(&signed.input[0].witness)));
        let full = || format!("ful{}", base64_text(&serialize(&signed)));
        let signature = if is_simple { simple() } else { full() };
        lines.push(draft.signed(name, signature, String::new()));
    }
    for (name, address, how, is_simple) in forms() {
        let draft = draft("bitcoin", address.to_string());
        let signature = proof_of_funds(&address, draft.text().as_bytes(), &how);
        // a proof of funds for some of the forms, the whole transaction for the others
        if is_simple || matches!(how, How::KeyHash) {
            lines.push(draft.signed(name, format!("bip322:pof{}", base64_text(&signature)), String::new()));
        }
    }
    lines
}

/// A coin of the address and one of a key's hash.
pub(crate) fn proof_of_funds(address: &Address, message: &[u8], how: &How) -> Vec<u8> {
    let spent = to_spend(&address.script_pubkey(), message);
    let mut signed = to_sign(&spent);
    let key_hash = ScriptBuf::new_p2pkh(&public(&secret(KEYS[0])).pubkey_hash());
    let paid = |script: ScriptBuf, satoshis| {
        let output = TxOut { value: Amount::from_sat(satoshis), script_pubkey: script };
        let mut transaction = spent.clone();
        transaction.output = vec![output];
        transaction
    };
    let coins = [paid(address.script_pubkey(), 5_000), paid(key_hash, 6_000)];
    let mut prevouts = spent.output.clone();
    for coin in &coins {
        signed.input.push(TxIn {
            previous_output: OutPoint { txid: coin.compute_txid(), vout: 0 },
            script_sig: ScriptBuf::new(),
            sequence: Sequence::MAX,
            witness: Witness::new(),
        });
        prevouts.push(coin.output[0].clone());
    }
    let mut psbt = Psbt::from_unsigned_tx(signed.clone()).expect("nothing is signed");
    for at in 0..3 {
        sign(&mut signed, &prevouts, at, if at == 2 { &How::KeyHash } else { how });
    }
    for (at, input) in psbt.inputs.iter_mut().enumerate() {
        let finished = &signed.input[at];
        input.final_script_sig = Some(finished.script_sig.clone()).filter(|script| !script.is_empty());
        input.final_script_witness = Some(finished.witness.clone()).filter(|witness| !witness.is_empty());
        match (at, &finished.witness.is_empty()) {
            (0, _) => {}
            (_, true) => input.non_witness_utxo = Some(coins[at - 1].clone()),
            (_, false) => input.witness_utxo = Some(prevouts[at].clone()),
        }
    }
    psbt.serialize()
}

/// A signed message, its first byte counted from `header`.
fn signed_message(chain: &str, text: &str, key: u8, header: u8) -> String {
    let coin = Coin::of(chain).expect("a coin");
    let (id, rs) = recoverable(digest(coin, text.as_bytes()), &secret(key));
    base64_text(&[&[header + id], &rs[..]].concat())
}

fn messages<'a>(draft: &Drafting<'a>) -> Vec<TestLine> {
    let key = secret(KEYS[0]);
    let short = hash160(&public(&key).to_bytes());
    let long = hash160(&key.public_key(&CURVE).serialize_uncompressed());
    let witness = Address::p2wpkh(&compressed(&key), Network::Bitcoin).to_string();
    let nested = |version| base58_check_text(version, &hash160(&[&[0, 20], &short[..]].concat()));
    [
        ("bitcoin", "short key", base58_check_text(0, &short), 31),
        ("bitcoin", "long key", base58_check_text(0, &long), 27),
        ("bitcoin", "P2WPKH", witness.clone(), 39),
        ("bitcoin", "P2WPKH by Electrum", witness, 31),
        ("bitcoin", "P2SH-P2WPKH", nested(5), 35),
        ("bitcoin", "P2SH-P2WPKH by Electrum", nested(5), 31),
        ("litecoin", "short key", base58_check_text(48, &short), 31),
        ("litecoin", "P2SH-P2WPKH", nested(50), 35),
        ("dogecoin", "short key", base58_check_text(30, &short), 31),
        ("dash", "long key", base58_check_text(76, &long), 27),
        ("bitcoin-cash", "short key", base58_check_text(0, &short), 31),
        ("bitcoin-sv", "short key", base58_check_text(0, &short), 31),
    ]
    .into_iter()
    .map(|(chain, name, address, header)| {
        let draft = draft(chain, address);
        let signature = signed_message(chain, &draft.text(), KEYS[0], header);
        draft.signed(name, signature, String::new())
    })
    .collect()
}

/// Addresses of scripts by a message for each key.
fn multisig_messages<'a>(draft: &Drafting<'a>) -> Vec<TestLine> {
    let script = two_of_three();
    let hash = hash160(script.as_bytes());
    [
        ("bitcoin", "P2SH 2 of 3 by messages", base58_check_text(5, &hash)),
        ("bitcoin", "P2WSH 2 of 3 by messages", Address::p2wsh(&script, Network::Bitcoin).to_string()),
        ("bitcoin", "P2SH-P2WSH 2 of 3 by messages", Address::p2shwsh(&script, Network::Bitcoin).to_string()),
        ("dogecoin", "P2SH 2 of 3 by messages", base58_check_text(22, &hash)),
        ("dash", "P2SH 2 of 3 by messages", base58_check_text(16, &hash)),
    ]
    .into_iter()
    .map(|(chain, name, address)| {
        let draft = draft(chain, address);
        let [first, second] = [KEYS[2], KEYS[1]].map(|key| signed_message(chain, &draft.text(), key, 31));
        draft.signed(name, format!("{first} bitcoin-message:{second}"), format!("script:{}", hex::encode(&script)))
    })
    .collect()
}
