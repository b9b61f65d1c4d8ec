//! Signatures that are signed properly and break one rule of BIP-322 each.

use bitcoin::{
    Address, Amount, Network, ScriptBuf, Transaction, TxOut, Witness,
    absolute::LockTime,
    consensus::encode::serialize,
    hashes::Hash,
    key::TapTweak,
    opcodes::all::{OP_CHECKSIG, OP_CHECKSIGVERIFY, OP_DROP, OP_RETURN},
    psbt::{Psbt, raw::Key},
    script::Builder,
    secp256k1::{Keypair, Message, ecdsa::Signature},
    sighash::{EcdsaSighashType, Prevouts, SighashCache, TapSighashType},
    taproot::{LeafVersion, TaprootBuilder},
    transaction::Version,
};

use super::bip322::{Outcome, to_sign, to_spend, verify};
use crate::{
    encoding::base64_text,
    testing::{
        bitcoin::{How, KEYS, forms, proof_of_funds, public, pushed, sign, two_of_three},
        line::{CURVE, secret},
    },
};

const MESSAGE: &[u8] = b"a message";

fn form(name: &str) -> (Address, How) {
    let (_, address, how, _) = forms().into_iter().find(|(known, ..)| *known == name).unwrap();
    (address, how)
}

fn full(script: &ScriptBuf, transaction: &Transaction) -> Result<Outcome, &'static str> {
    verify(script, MESSAGE, &format!("ful{}", base64_text(&serialize(transaction))))
}

fn simple(script: &ScriptBuf, witness: &[Vec<u8>]) -> Result<Outcome, &'static str> {
    verify(script, MESSAGE, &format!("smp{}", base64_text(&serialize(&Witness::from_slice(witness)))))
}

/// The address' signature in full, changed before it is signed and after.
fn changed(
    name: &str,
    before: impl Fn(&mut Transaction),
    after: impl Fn(&mut Transaction),
) -> Result<Outcome, &'static str> {
    let (address, how) = form(name);
    let spent = to_spend(&address.script_pubkey(), MESSAGE);
    let mut signed = to_sign(&spent);
    before(&mut signed);
    let mut prevouts = spent.output;
    prevouts.resize(signed.input.len(), prevouts[0].clone());
    sign(&mut signed, &prevouts, 0, &how);
    after(&mut signed);
    full(&address.script_pubkey(), &signed)
}

/// A signature of the address' first key over the digest that a kind of signature is of, and that kind as its last byte.
fn of_kind(script: &ScriptBuf, code: &ScriptBuf, kind: u8) -> Vec<u8> {
    let unsigned = to_sign(&to_spend(script, MESSAGE));
    let sort = EcdsaSighashType::from_consensus(kind.into());
    let digest = SighashCache::new(&unsigned).p2wsh_signature_hash(0, code, Amount::ZERO, sort).unwrap();
    let signature = CURVE.sign_ecdsa(&Message::from_digest(digest.to_byte_array()), &secret(KEYS[0]));
    [&signature.serialize_der()[..], &[kind]].concat()
}

fn nothing(_: &mut Transaction) {}

#[test]
fn what_is_not_changed_is_valid_whatever_its_time() {
    for (name, ..) in forms() {
        assert_eq!(changed(name, nothing, nothing), Ok(Outcome::Valid), "{name}");
        let later = |t: &mut Transaction| {
            t.version = Version(2);
            t.lock_time = LockTime::from_consensus(800_000);
            t.input[0].sequence = bitcoin::Sequence(144);
        };
        assert_eq!(changed(name, later, nothing), Ok(Outcome::Valid), "{name}");
    }
}

#[test]
fn another_shape_of_the_transaction_is_refused() {
    let output = |value, script: ScriptBuf| TxOut { value: Amount::from_sat(value), script_pubkey: script };
    let longer = Builder::new().push_opcode(OP_RETURN).push_slice([7]).into_script();
    for (name, ..) in forms() {
        assert!(changed(name, |t| t.version = Version(1), nothing).is_err(), "{name}");
        assert!(changed(name, |t| t.version = Version(-1), nothing).is_err(), "{name}");
        assert!(changed(name, |t| t.output[0].value = Amount::from_sat(1), nothing).is_err(), "{name}");
        assert!(changed(name, |t| t.output[0] = output(0, longer.clone()), nothing).is_err(), "{name}");
        assert!(changed(name, |t| t.output.push(t.output[0].clone()), nothing).is_err(), "{name}");
        assert!(changed(name, |t| t.input[0].previous_output.vout = 1, nothing).is_err(), "{name}");
        assert!(changed(name, |t| t.input.push(t.input[0].clone()), nothing).is_err(), "{name}");
        let coin = |t: &mut Transaction| {
            t.input.push(t.input[0].clone());
            t.input[1].previous_output.vout = 7;
        };
        assert!(changed(name, coin, nothing).is_err(), "{name}: without its output a second input shows nothing");
    }
}

#[test]
fn a_witness_or_a_script_where_none_belongs_is_refused() {
    for name in ["P2PKH", "P2SH 2 of 3"] {
        let witnessed = |t: &mut Transaction| t.input[0].witness = Witness::from_slice(&[[7]]);
        assert!(changed(name, nothing, witnessed).is_err(), "{name}");
    }
    for name in ["P2WPKH", "P2WSH 2 of 3", "P2TR"] {
        assert!(changed(name, nothing, |t| t.input[0].script_sig = pushed(&[&[0x51]])).is_err(), "{name}");
    }
    for name in ["P2SH-P2WPKH", "P2SH-P2WSH 2 of 3"] {
        assert!(changed(name, nothing, |t| t.input[0].script_sig = ScriptBuf::new()).is_err(), "{name}");
        let second = |t: &mut Transaction| {
            t.input[0].script_sig = ScriptBuf::from_bytes([&[1, 0x51], t.input[0].script_sig.as_bytes()].concat());
        };
        assert!(changed(name, nothing, second).is_err(), "{name}");
    }
}

#[test]
fn a_stack_with_more_or_less_on_it_is_refused() {
    for name in ["P2WPKH", "P2WSH 2 of 3", "P2SH-P2WPKH", "P2SH-P2WSH 2 of 3"] {
        let stack = |t: &Transaction| t.input[0].witness.to_vec();
        let more = |t: &mut Transaction| t.input[0].witness = Witness::from_slice(&[vec![vec![]], stack(t)].concat());
        let less = |t: &mut Transaction| t.input[0].witness = Witness::from_slice(&stack(t)[1..]);
        let none = |t: &mut Transaction| t.input[0].witness = Witness::new();
        assert!(changed(name, nothing, more).is_err(), "{name}");
        assert!(changed(name, nothing, less).is_err(), "{name}");
        assert!(changed(name, nothing, none).is_err(), "{name}");
    }
    for name in ["P2PKH", "P2SH 2 of 3"] {
        let more = |t: &mut Transaction| {
            t.input[0].script_sig = ScriptBuf::from_bytes([&[0], t.input[0].script_sig.as_bytes()].concat());
        };
        assert!(changed(name, nothing, more).is_err(), "{name}");
    }
}

#[test]
fn pushes_that_are_not_minimal_are_refused() {
    let (_, how) = form("P2PKH");
    assert!(matches!(how, How::KeyHash));
    let longer = |t: &mut Transaction| {
        t.input[0].script_sig = ScriptBuf::from_bytes([&[0x4c], t.input[0].script_sig.as_bytes()].concat());
    };
    assert!(changed("P2PKH", nothing, longer).is_err());
}

#[test]
fn a_signature_of_less_than_everything_is_refused() {
    let (address, _) = form("P2WPKH");
    let (script, key) = (address.script_pubkey(), public(&secret(KEYS[0])));
    let code = ScriptBuf::new_p2pkh(&key.pubkey_hash());
    assert_eq!(simple(&script, &[of_kind(&script, &code, 1), key.to_bytes()]), Ok(Outcome::Valid));
    for kind in [0, 2, 3, 4, 0x81, 0x82, 0x83, 0xff] {
        assert!(simple(&script, &[of_kind(&script, &code, kind), key.to_bytes()]).is_err(), "{kind}");
    }
}

#[test]
fn a_signature_in_another_form_of_its_numbers_is_refused() {
    let (address, _) = form("P2WPKH");
    let (script, key) = (address.script_pubkey(), public(&secret(KEYS[0])));
    let right = of_kind(&script, &ScriptBuf::new_p2pkh(&key.pubkey_hash()), 1);
    let der = &right[..right.len() - 1];
    // n − s
    let mut compact = Signature::from_der(der).unwrap().serialize_compact();
    let order = hex::decode("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141").unwrap();
    let mut borrow = 0i16;
    for at in (0..32).rev() {
        let digit = i16::from(order[at]) - i16::from(compact[32 + at]) - borrow;
        borrow = i16::from(digit < 0);
        compact[32 + at] = digit.rem_euclid(256) as u8;
    }
    let upper = Signature::from_compact(&compact).unwrap().serialize_der();
    let trailing = [der, &[0, 1]].concat();
    let mut long_length = der.to_vec();
    long_length.splice(1..2, [0x81, der[1]]);
    for bad in [[&upper[..], &[1]].concat(), trailing, [&long_length[..], &[1]].concat(), vec![1], vec![]] {
        assert!(simple(&script, &[bad.clone(), key.to_bytes()]).is_err(), "{}", hex::encode(bad));
    }
}

#[test]
fn the_keys_of_a_multisig_sign_once_each_and_in_their_order() {
    let (address, _) = form("P2WSH 2 of 3");
    let (script, code) = (address.script_pubkey(), two_of_three());
    let spent = to_spend(&script, MESSAGE);
    let mut signed = to_sign(&spent);
    sign(&mut signed, &spent.output, 0, &How::WitnessScript(code.clone()));
    let stack = signed.input[0].witness.to_vec();
    let [dummy, first, second, witness_script] = &stack[..] else { panic!("{stack:?}") };
    let with = |parts: &[&Vec<u8>]| simple(&script, &parts.iter().copied().cloned().collect::<Vec<_>>());
    assert_eq!(with(&[dummy, first, second, witness_script]), Ok(Outcome::Valid));
    assert!(with(&[dummy, second, first, witness_script]).is_err(), "another order");
    assert!(with(&[dummy, first, first, witness_script]).is_err(), "one key twice");
    assert!(with(&[dummy, first, witness_script]).is_err(), "one is missing");
    assert!(with(&[dummy, first, second, second, witness_script]).is_err(), "one too many");
    assert!(with(&[&vec![1], first, second, witness_script]).is_err(), "a dummy that is something");
    assert!(with(&[dummy, first, dummy, witness_script]).is_err(), "an empty signature");
    assert!(with(&[dummy, first, second, dummy]).is_err(), "another script");
}

#[test]
fn a_script_that_anybody_satisfies_says_nothing() {
    let key = public(&secret(KEYS[0]));
    let single = Builder::new().push_key(&key).push_opcode(OP_CHECKSIG).into_script();
    let locked = Builder::new().push_int(9).push_opcode(OP_DROP).push_key(&key).push_opcode(OP_CHECKSIG).into_script();
    let odd = Builder::new().push_key(&key).push_opcode(OP_CHECKSIGVERIFY).push_int(1).into_script();
    for (code, expected) in [
        (single, Outcome::Valid),
        (ScriptBuf::new_p2pkh(&key.pubkey_hash()), Outcome::Valid),
        (locked, Outcome::Inconclusive),
        (odd, Outcome::Inconclusive),
    ] {
        let script = Address::p2wsh(&code, Network::Bitcoin).script_pubkey();
        let signature = of_kind(&script, &code, 1);
        let is_hash = code.is_p2pkh();
        let stack = if is_hash { vec![signature, key.to_bytes()] } else { vec![signature] };
        assert_eq!(simple(&script, &[stack, vec![code.to_bytes()]].concat()), Ok(expected), "{code}");
    }
    // a witness of a later version
    let later = ScriptBuf::from_hex("5210751e76e8199196d454941c45d1b3a323").unwrap();
    assert_eq!(simple(&later, &[vec![7]]), Ok(Outcome::Inconclusive));
}

#[test]
fn keys_in_the_long_form_are_in_no_witness() {
    let mut key = public(&secret(KEYS[0]));
    key.compressed = false;
    let code = ScriptBuf::new_p2pkh(&key.pubkey_hash());
    let script = ScriptBuf::new_p2wpkh(&bitcoin::WPubkeyHash::from_byte_array(key.pubkey_hash().to_byte_array()));
    assert!(simple(&script, &[of_kind(&script, &code, 1), key.to_bytes()]).is_err());
    let single = Builder::new().push_key(&key).push_opcode(OP_CHECKSIG).into_script();
    let script = Address::p2wsh(&single, Network::Bitcoin).script_pubkey();
    assert!(simple(&script, &[of_kind(&script, &single, 1), single.to_bytes()]).is_err());
}

#[test]
fn another_keys_signature_is_refused_for_every_form() {
    let stranger = secret(99);
    let key = public(&stranger);
    for (name, address, ..) in forms() {
        let script = address.script_pubkey();
        let unsigned = to_sign(&to_spend(&script, MESSAGE));
        let code = ScriptBuf::new_p2pkh(&key.pubkey_hash());
        let digest = SighashCache::new(&unsigned).p2wsh_signature_hash(0, &code, Amount::ZERO, EcdsaSighashType::All);
        let message = Message::from_digest(digest.unwrap().to_byte_array());
        let signature = [&CURVE.sign_ecdsa(&message, &stranger).serialize_der()[..], &[1]].concat();
        let mut signed = unsigned;
        signed.input[0].witness = Witness::from_slice(&[signature.clone(), key.to_bytes()]);
        assert!(full(&script, &signed).is_err(), "{name}");
        signed.input[0].script_sig = pushed(&[address.script_pubkey().as_bytes()]);
        assert!(full(&script, &signed).is_err(), "{name}");
        signed.input[0].witness = Witness::new();
        signed.input[0].script_sig = pushed(&[&signature, &key.to_bytes()]);
        assert!(full(&script, &signed).is_err(), "{name}");
    }
}

#[test]
fn a_taproot_signature_has_one_form_and_other_paths_say_nothing() {
    let (address, _) = form("P2TR");
    let script = address.script_pubkey();
    let spent = to_spend(&script, MESSAGE);
    let unsigned = to_sign(&spent);
    let of = |kind: TapSighashType, last: &[u8]| {
        let digest = SighashCache::new(&unsigned)
            .taproot_key_spend_signature_hash(0, &Prevouts::All(&spent.output), kind)
            .unwrap();
        let pair = Keypair::from_secret_key(&CURVE, &secret(KEYS[0])).tap_tweak(&CURVE, None).to_keypair();
        let signature = CURVE.sign_schnorr_no_aux_rand(&Message::from_digest(digest.to_byte_array()), &pair);
        [&signature.serialize()[..], last].concat()
    };
    let default = of(TapSighashType::Default, &[]);
    assert_eq!(simple(&script, std::slice::from_ref(&default)), Ok(Outcome::Valid));
    assert_eq!(simple(&script, &[of(TapSighashType::All, &[1])]), Ok(Outcome::Valid));
    assert!(simple(&script, &[of(TapSighashType::Default, &[0])]).is_err());
    assert!(simple(&script, &[of(TapSighashType::All, &[])]).is_err());
    assert!(simple(&script, &[of(TapSighashType::None, &[2])]).is_err());
    assert!(simple(&script, &[of(TapSighashType::AllPlusAnyoneCanPay, &[0x81])]).is_err());
    assert!(simple(&script, &[]).is_err());
    assert_eq!(simple(&script, &[default.clone(), vec![0x50]]), Ok(Outcome::Inconclusive), "an annex");
    assert!(simple(&script, &[vec![0x51], vec![0xc0; 33]]).is_err(), "a script that the key does not commit to");
    let leaf = ScriptBuf::from_bytes(vec![0x51]);
    let tree = TaprootBuilder::new().add_leaf(0, leaf.clone()).unwrap();
    let tree = tree.finalize(&CURVE, secret(KEYS[0]).x_only_public_key(&CURVE).0).unwrap();
    let control = tree.control_block(&(leaf.clone(), LeafVersion::TapScript)).unwrap().serialize();
    let script = Address::p2tr_tweaked(tree.output_key(), Network::Bitcoin).script_pubkey();
    assert_eq!(simple(&script, &[leaf.to_bytes(), control.clone()]), Ok(Outcome::Inconclusive), "a path of scripts");
    assert!(simple(&script, &[vec![0x52], control]).is_err(), "another script");
}

/// A proof of funds with its PSBT changed.
fn funds(name: &str, change: impl Fn(&mut Psbt)) -> Result<Outcome, &'static str> {
    let (address, how) = form(name);
    let mut psbt = Psbt::deserialize(&proof_of_funds(&address, MESSAGE, &how)).unwrap();
    change(&mut psbt);
    verify(&address.script_pubkey(), MESSAGE, &format!("pof{}", base64_text(&psbt.serialize())))
}

fn message_field(message: &[u8]) -> (Key, Vec<u8>) {
    (Key { type_value: 9, key: vec![] }, message.to_vec())
}

#[test]
fn a_proof_of_funds_holds_in_every_input() {
    for (name, ..) in forms() {
        assert_eq!(funds(name, |_| ()), Ok(Outcome::Valid), "{name}");
        let named = |p: &mut Psbt| p.unknown.extend([message_field(MESSAGE)]);
        assert_eq!(funds(name, named), Ok(Outcome::Valid), "{name}");
        let other = |p: &mut Psbt| p.unknown.extend([message_field(b"another")]);
        assert!(funds(name, other).is_err(), "{name}: another message");
        for at in 0..3 {
            let unsigned = |p: &mut Psbt| {
                p.inputs[at].final_script_sig = None;
                p.inputs[at].final_script_witness = None;
            };
            assert!(funds(name, unsigned).is_err(), "{name}: input {at}");
        }
        assert!(funds(name, |p| p.inputs[2].non_witness_utxo = None).is_err(), "{name}: an amount that nobody signed");
        let claimed =
            |p: &mut Psbt| p.inputs[2].witness_utxo = p.inputs[2].non_witness_utxo.take().map(|t| t.output[0].clone());
        assert!(funds(name, claimed).is_err(), "{name}: an amount that nobody signed");
        let richer = |p: &mut Psbt| {
            let input = &mut p.inputs[1];
            let whole = input.non_witness_utxo.as_mut().map(|transaction| &mut transaction.output[0]);
            input.witness_utxo.as_mut().or(whole).unwrap().value = Amount::from_sat(1_000_000);
        };
        assert!(funds(name, richer).is_err(), "{name}: another amount");
        let lie = |p: &mut Psbt| {
            p.inputs[0].witness_utxo = Some(TxOut { value: Amount::from_sat(9), script_pubkey: ScriptBuf::new() })
        };
        assert!(funds(name, lie).is_err(), "{name}: another output for the first input");
        let far = |p: &mut Psbt| p.unsigned_tx.input[2].previous_output.vout = 9;
        assert!(funds(name, far).is_err(), "{name}: an output that is not there");
        let none = |p: &mut Psbt| {
            p.unsigned_tx.input.truncate(1);
            p.inputs.truncate(1);
        };
        assert!(funds(name, none).is_err(), "{name}: no funds");
    }
    let (address, how) = form("P2WPKH");
    let pof = format!("pof{}", base64_text(&proof_of_funds(&address, MESSAGE, &how)));
    assert!(verify(&address.script_pubkey(), b"another", &pof).is_err());
    assert!(verify(&form("P2PKH").0.script_pubkey(), MESSAGE, &pof).is_err());
}
