//! Everything published that shows something, with one byte changed.

use std::collections::BTreeMap;

use assay_ownership::{Proof, Reason, testing::context, verify};
use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{
    exchanges::{htx_chain, okx_line, rows},
    support::{Own, json, text, vector},
};

/// Everything published that shows something: all vectors, and all lines of the exchanges.
fn all_signed() -> Vec<Own> {
    let vectors =
        ["ownership-vectors.json", "canonical.json"].map(|name| json(name)["vectors"].as_array().unwrap().clone());
    let mut all: Vec<_> = vectors.concat().iter().map(vector).collect();
    for value in json("okx-signatures.json")["vectors"].as_array().unwrap() {
        let signatures = [text(value, "signature1"), text(value, "signature2")];
        let key = text(value, "redeem_script_or_public_key");
        all.push(okx_line(text(value, "coin"), text(value, "address"), text(value, "message"), &signatures, key));
    }
    for row in rows("okx-example.csv", "coin,Network") {
        let [_, network, _, address, _, message, first, second, key, ..] = &row[..] else { panic!("{row:?}") };
        all.push(okx_line(network, address, message, &[first, second], key));
    }
    for row in rows("okx-many-chains.csv", "digitalAsset,network") {
        let [_, network, address, first, second, message, key, ..] = &row[..] else { panic!("{row:?}") };
        all.push(okx_line(network, address, message, &[first, second], key));
    }
    for row in rows("htx_por_2026-02.csv", "coin,address") {
        let [coin, address, _, _, message, signature] = &row[..] else { panic!("{row:?}") };
        let own = Own { chain: htx_chain(coin, address).to_owned(), address: address.clone(), ..Own::default() };
        all.push(Own { message: message.clone(), signature: signature.clone(), ..own });
    }
    let is_signed =
        |own: &Own| matches!(verify(&own.line(), context().domain, &own.message), Ok(Proof::Signed | Proof::Imported));
    let named = |own: Own| if own.signature.contains(':') { own } else { own.recognised() };
    all.into_iter().map(named).filter(is_signed).collect()
}

fn is_same_signature(one: &Own, other: &Own) -> bool {
    let behind_first_byte = |own: &Own| {
        let bytes = STANDARD.decode(own.signature.strip_prefix("bitcoin-message:")?).ok()?;
        (bytes.len() == 65).then(|| bytes[1..].to_vec())
    };
    behind_first_byte(one).is_some() && behind_first_byte(one) == behind_first_byte(other)
}

#[test]
#[ignore = "needs published data: .ci/run published"]
fn published_lines_with_one_byte_changed_are_refused() {
    let all = all_signed();
    let changed = |text: &str, at: usize| {
        let mut bytes = text.as_bytes().to_vec();
        bytes[at] ^= 1;
        String::from_utf8(bytes).ok()
    };
    let mut counts = BTreeMap::new();
    for own in &all {
        for column in ["signature", "message", "address", "key"] {
            let column_text = match column {
                "signature" => &own.signature,
                "message" => &own.message,
                "address" => &own.address,
                _ => &own.key,
            };
            for at in 0..column_text.len() {
                let Some(text) = changed(column_text, at) else { continue };
                let mut other = own.clone();
                match column {
                    "signature" => other.signature = text,
                    "message" => other.message = text,
                    "address" => other.address = text,
                    _ => other.key = text,
                }
                let proof = verify(&other.line(), context().domain, &other.message);
                // an account of Aptos that another key made may have this key today
                let is_rotated =
                    column == "address" && own.chain == "aptos" && proof == Ok(Proof::Unproven(Reason::Rotated));
                // Electrum and Trezor write another first byte before one signature of a witness' key
                let is_header = column == "signature" && is_same_signature(own, &other);
                assert!(proof.is_err() || is_rotated || is_header, "{column} at {at}: {proof:?}: {other:?}");
                *counts.entry(column).or_insert(0) += 1;
            }
        }
        if own.message.is_empty() {
            assert!(verify(&own.line(), context().domain, "x").is_err(), "{own:?}");
        }
    }
    println!("{} lines; changed: {counts:?}", all.len());
    assert_eq!(all.len(), 57 + 7 + 31 + 3 + 7 + 51);
}
