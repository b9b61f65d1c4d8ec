//! Our verifier of BIP-322 and the crate `bip322`, each on what the other signed and on the same with a bit turned.
#![allow(clippy::unwrap_used, missing_docs)]

use assay_ownership::{Line, Proof, verify};
use base64::{Engine, engine::general_purpose::STANDARD};
use bip322::LockParams;
use bitcoin::{
    Address, CompressedPublicKey, Network, PrivateKey, ScriptBuf,
    opcodes::all::{OP_CHECKMULTISIG, OP_PUSHNUM_2},
    script::Builder,
    secp256k1::{All, Secp256k1, SecretKey},
};
use proptest::prelude::*;

fn ours(address: &Address, message: &str, signature: &str) -> Option<Proof> {
    let (address, signature) = (address.to_string(), format!("bip322:{signature}"));
    let line = Line { chain: "bitcoin", address: &address, signature: &signature, ..Line::default() };
    verify(&line, "exchange.example", message).ok()
}

fn theirs(address: &Address, message: &str, signature: &str) -> Option<Proof> {
    let address = address.to_string();
    let verified = match &signature[..3] {
        "ful" => bip322::verify_full_encoded(&address, message, signature),
        _ => bip322::verify_simple_encoded(&address, message, signature),
    };
    verified.ok().map(|verified| match verified {
        bip322::Verification::Valid { .. } => Proof::Signed,
        bip322::Verification::Inconclusive => Proof::Unproven(assay_ownership::Reason::Script),
    })
}

/// An address of each kind that the crate signs for, its keys and its script.
fn forms(
    curve: &Secp256k1<All>,
    first: SecretKey,
    second: SecretKey,
) -> Vec<(Address, Vec<PrivateKey>, Option<ScriptBuf>, bool)> {
    let net = Network::Bitcoin;
    let [one, two] = [first, second].map(|key| PrivateKey::new(key, net));
    let compressed = CompressedPublicKey::from_private_key(curve, &one).unwrap();
    let script = [&one, &two]
        .iter()
        .fold(Builder::new().push_opcode(OP_PUSHNUM_2), |script, key| script.push_key(&key.public_key(curve)))
        .push_opcode(OP_PUSHNUM_2)
        .push_opcode(OP_CHECKMULTISIG)
        .into_script();
    let both = vec![one, two];
    vec![
        (Address::p2wpkh(&compressed, net), vec![one], None, true),
        (Address::p2tr(curve, one.inner.x_only_public_key(curve).0, None, net), vec![one], None, true),
        (Address::p2wsh(&script, net), both.clone(), Some(script.clone()), true),
        (Address::p2pkh(one.public_key(curve), net), vec![one], None, false),
        (Address::p2shwpkh(&compressed, net), vec![one], None, false),
        (Address::p2shwsh(&script, net), both.clone(), Some(script.clone()), false),
        (Address::p2sh(&script, net).unwrap(), both, Some(script), false),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn both_accept_and_refuse_the_same(keys: [[u8; 32]; 2], message: String, other: String, turns: Vec<(usize, u8)>) {
        let curve = Secp256k1::new();
        let (Ok(first), Ok(second)) = (SecretKey::from_slice(&keys[0]), SecretKey::from_slice(&keys[1])) else { return Ok(()) };
        prop_assume!(message != other && first != second);
        for (address, keys, script, is_simple) in forms(&curve, first, second) {
            let wif: Vec<_> = keys.iter().map(|key| key.to_wif()).collect();
            let script = script.map(|script| script.to_hex_string());
            let address_text = address.to_string();
            let mut signatures = vec![
                bip322::sign_full_encoded(&address_text, &message, &wif, script.as_deref(), LockParams::default()).unwrap(),
            ];
            if is_simple {
                signatures.push(bip322::sign_simple_encoded(&address_text, &message, &wif, script.as_deref()).unwrap());
            }
            for signature in signatures {
                prop_assert_eq!(ours(&address, &message, &signature), Some(Proof::Signed), "{}", signature);
                prop_assert_eq!(theirs(&address, &message, &signature), Some(Proof::Signed));
                prop_assert_eq!(ours(&address, &other, &signature), None);
                for (at, bit) in &turns {
                    let mut bytes = STANDARD.decode(&signature[3..]).unwrap();
                    let at = at % bytes.len();
                    bytes[at] ^= 1 << (bit % 8);
                    let turned = format!("{}{}", &signature[..3], STANDARD.encode(bytes));
                    let (ours, theirs) = (ours(&address, &message, &turned), theirs(&address, &message, &turned));
                    // a version other than 0 and 2 says nothing to them and is refused here
                    let is_version = &signature[..3] == "ful" && at < 4 && ours.is_none();
                    prop_assert!(ours == theirs || is_version, "{ours:?} {theirs:?}: {turned} of {signature}");
                }
            }
        }
    }
}

#[test]
fn both_accept_what_test_keys_sign_here() {
    let context = assay_ownership::testing::context();
    let mut compared = 0;
    for line in assay_ownership::testing::lines(&context, Some("a message")) {
        if line.chain == "bitcoin" && (line.signature.starts_with("smp") || line.signature.starts_with("ful")) {
            let address: Address<_> = line.address.parse().unwrap();
            assert_eq!(
                theirs(&address.assume_checked(), "a message", &line.signature),
                Some(Proof::Signed),
                "{}",
                line.name
            );
            compared += 1;
        }
    }
    assert_eq!(compared, 7);
}
