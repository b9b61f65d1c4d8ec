//! Lines of all chains but Bitcoin's kin.

use bitcoin::{
    bech32::{self, Bech32, Hrp},
    secp256k1::{Message, PublicKey, SecretKey},
};
use ed25519_dalek::Signer;

use super::line::{CURVE, Draft, TestLine, edwards, recoverable, secret};
use crate::{
    chain::{cosmos, evm, solana, sui, ton},
    context::Context,
    encoding::{base58_check_text, base64_text, okx_text},
    hash::{blake2b, blake2b_256, hash160, keccak256, sha3_256, sha256, sha256d, sha512_half},
    line::Kind,
    verdict::{Reason, Verdict},
};

const RIPPLE: &bs58::Alphabet = bs58::Alphabet::RIPPLE;

/// All lines.
pub fn lines(context: &Context<'_>, message: Option<&str>) -> Vec<TestLine> {
    let draft = |chain, address| Draft::new(context, message, chain, address);
    [evm_lines(&draft), key_hash_lines(&draft), contracts(&draft), solana_lines(&draft), edwards_lines(&draft)].concat()
}

type Drafting<'a> = dyn Fn(&'static str, String) -> Draft<'a> + 'a;

/// r ‖ s ‖ v in digits.
fn rsv(digest: [u8; 32], key: &SecretKey) -> String {
    let (id, rs) = recoverable(digest, key);
    format!("0x{}{:02x}", hex::encode(rs), id + 27)
}

fn public(key: &SecretKey) -> PublicKey {
    key.public_key(&CURVE)
}

fn eip191(text: &[u8]) -> [u8; 32] {
    keccak256(&[format!("\x19Ethereum Signed Message:\n{}", text.len()).as_bytes(), text].concat())
}

fn tip191(length: usize, text: &[u8]) -> [u8; 32] {
    keccak256(&[format!("\x19TRON Signed Message:\n{length}").as_bytes(), text].concat())
}

fn evm_address(key: &SecretKey) -> String {
    evm::checksummed(&evm::key_address(&public(key)))
}

fn tron_address(key: &SecretKey) -> String {
    base58_check_text(0x41, &evm::key_address(&public(key)))
}

fn evm_lines<'a>(draft: &Drafting<'a>) -> Vec<TestLine> {
    let key = secret(7);
    let on = |chain, name, scheme: &str, digest: &dyn Fn(&[u8]) -> [u8; 32]| {
        let address = match chain {
            "tron" => tron_address(&key),
            "filecoin" => filecoin_address(&[4, 10], &evm::key_address(&public(&key))),
            _ => evm_address(&key),
        };
        let draft = draft(chain, address);
        let signature = rsv(digest(draft.text().as_bytes()), &key);
        draft.signed(name, format!("{scheme}{signature}"), String::new())
    };
    vec![
        on("ethereum", "personal_sign", "", &eip191),
        on("evm:5000", "another chain", "eip191:", &eip191),
        on("base", "digest of the text", "eip191-keccak:", &|text| eip191(&keccak256(text))),
        on("polygon", "no prefix", "keccak:", &keccak256),
        on("ethereum", "exchange's form", "okx-ecdsa:", &|text| keccak256(&okx_text(text))),
        on("filecoin", "Filecoin's EVM", "", &eip191),
        on("tron", "TIP-191", "", &|text| tip191(text.len(), text)),
        on("tron", "digest under TIP-191", "tron-keccak:", &|text| tip191(32, &keccak256(text))),
        on("tron", "always 32", "tron-32:", &|text| tip191(32, text)),
    ]
}

fn filecoin_address(head: &[u8], payload: &[u8; 20]) -> String {
    let sum: [u8; 4] = blake2b(&[head, payload].concat());
    let bits: String = [&payload[..], &sum].concat().iter().map(|b| format!("{b:08b}")).collect();
    let digit = |five: &[u8]| {
        let value = five.iter().chain(b"0000").take(5).fold(0, |value, bit| value * 2 + usize::from(bit - b'0'));
        char::from(b"abcdefghijklmnopqrstuvwxyz234567"[value])
    };
    let digits: String = bits.as_bytes().chunks(5).map(digit).collect();
    if head[0] == 4 { format!("f410f{digits}") } else { format!("f1{digits}") }
}

/// Addresses that are hashes of keys on secp256k1.
fn key_hash_lines<'a>(draft: &Drafting<'a>) -> Vec<TestLine> {
    let key = secret(9);
    let short = public(&key).serialize();
    let stated = hex::encode(short);
    let bech = |prefix, hash: [u8; 20]| {
        bech32::encode::<Bech32>(Hrp::parse(prefix).expect("a prefix"), &hash).expect("a short address")
    };
    let okx = |draft: Draft<'a>| {
        let signature = rsv(keccak256(&okx_text(draft.text().as_bytes())), &key);
        draft.signed("exchange's form", format!("okx-ecdsa:{signature}"), String::new())
    };
    let cosmos = draft("cosmos:cosmos", bech("cosmos", hash160(&short)));
    let document = sha256(&cosmos::adr36(&cosmos.address, cosmos.text().as_bytes()));
    let compact = CURVE.sign_ecdsa(&Message::from_digest(document), &key).serialize_compact();
    let xrp = draft("xrp", ripple(hash160(&short)));
    let der = CURVE.sign_ecdsa(&Message::from_digest(sha512_half(xrp.text().as_bytes())), &key).serialize_der();
    let long = public(&key).serialize_uncompressed();
    vec![
        cosmos.signed("ADR-36", base64_text(&compact), stated.clone()),
        okx(draft("cosmos:terra", bech("terra", hash160(&short)))),
        okx(draft("cosmos:ex", bech("ex", evm::key_address(&public(&key))))),
        xrp.signed("secp256k1", hex::encode_upper(&der[..]), stated.to_uppercase()),
        okx(draft("filecoin", filecoin_address(&[1], &blake2b(&long)))),
    ]
}

fn ripple(hash: [u8; 20]) -> String {
    let body = [&[0], &hash[..]].concat();
    bs58::encode([&body[..], &sha256d(&body)[..4]].concat()).with_alphabet(RIPPLE).into_string()
}

/// Contracts whose owners signed.
fn contracts<'a>(draft: &Drafting<'a>) -> Vec<TestLine> {
    let keys = [secret(11), secret(12), secret(13)];
    let owned = |chain, address, owners: [String; 3], digest: fn(&[u8]) -> [u8; 32]| {
        let draft = Draft { kind: Kind::Contract, ..draft(chain, address) };
        let digest = digest(draft.text().as_bytes());
        let signature = format!("{} {}", rsv(digest, &keys[2]), rsv(digest, &keys[0]));
        let line = draft.signed("a contract's owners", signature, format!("safe:2:{}", owners.join(",")));
        TestLine { expected: Verdict::Unproven(Reason::Contract), ..line }
    };
    let contract = [0xc0; 20];
    vec![
        owned("ethereum", evm::checksummed(&contract), [0, 1, 2].map(|at| evm_address(&keys[at])), eip191),
        owned("tron", base58_check_text(0x41, &contract), [0, 1, 2].map(|at| tron_address(&keys[at])), |text| {
            tip191(text.len(), text)
        }),
    ]
}

/// Chains whose address is an Ed25519 key.
fn solana_lines<'a>(draft: &Drafting<'a>) -> Vec<TestLine> {
    let key = edwards(21);
    let public = key.verifying_key().to_bytes();
    let base58 = |text: &[u8]| bs58::encode(key.sign(text).to_bytes()).into_string();
    let solana = |name, scheme: &str, signed: &dyn Fn(&[u8]) -> Vec<u8>| {
        let draft = draft("solana", bs58::encode(public).into_string());
        let signature = base58(&signed(draft.text().as_bytes()));
        draft.signed(name, format!("{scheme}{signature}"), String::new())
    };
    let body = [&[0], &public[..]].concat();
    let sum: [u8; 64] = blake2b(&[b"SS58PRE", &body[..]].concat());
    let polkadot = draft("polkadot", bs58::encode([&body[..], &sum[..2]].concat()).into_string());
    let by_exchange = key.sign(&okx_text(polkadot.text().as_bytes())).to_bytes();
    vec![
        solana("header of 20 bytes", "", &|text| solana::offchain_messages(&public, text)[0].clone()),
        solana("header of 85 bytes", "solana-offchain:", &|text| solana::offchain_messages(&public, text)[1].clone()),
        solana("bare text", "ed25519:", &<[u8]>::to_vec),
        solana("exchange's form", "okx-ed25519:", &okx_text),
        polkadot.signed("exchange's form", format!("okx-ed25519:0x{}", hex::encode(by_exchange)), hex::encode(public)),
    ]
}

/// Chains whose address follows from an Ed25519 key.
fn edwards_lines<'a>(draft: &Drafting<'a>) -> Vec<TestLine> {
    let key = edwards(22);
    let public = key.verifying_key().to_bytes();
    let in_hex = |text: &[u8]| hex::encode(key.sign(text).to_bytes());
    let stated = hex::encode(public);
    let plain = |draft: Draft<'a>, name, scheme: &str, signed: fn(&[u8]) -> Vec<u8>| {
        let signature = in_hex(&signed(draft.text().as_bytes()));
        draft.signed(name, format!("{scheme}:{signature}"), stated.clone())
    };
    let aptos = || draft("aptos", format!("0x{}", hex::encode(sha3_256(&[&public[..], &[0]].concat()))));
    let sui = || draft("sui", format!("0x{}", hex::encode(blake2b_256(&[&[0], &public[..]].concat()))));
    let ton = || {
        let body = [&[0x51, 0][..], &ton::newest_wallet(&public)].concat();
        draft("ton", base64_text(&[&body[..], &ton::crc16(&body).to_be_bytes()].concat()))
    };
    let cardano = [&[0x61][..], &blake2b::<28>(&public)].concat();
    let cardano = bech32::encode::<Bech32>(Hrp::parse("addr").expect("a prefix"), &cardano).expect("a short address");
    let xrp_key = [&[0xed], &public[..]].concat();
    let xrp = draft("xrp", ripple(hash160(&xrp_key)));
    let by_xrp = in_hex(xrp.text().as_bytes());
    let personal = sui();
    let by_sui = key.sign(&sui::personal(personal.text().as_bytes())).to_bytes();
    let website = ton();
    let account = ton::parse(&website.address).expect("an address");
    let asked = ton::website_text(account, website.context.domain, 1_764_460_800, website.text().as_bytes());
    let by_ton = base64_text(&key.sign(&asked).to_bytes());
    vec![
        xrp.signed("Ed25519", by_xrp, hex::encode(xrp_key)),
        plain(aptos(), "bare text", "ed25519", <[u8]>::to_vec),
        plain(aptos(), "exchange's form", "okx-ed25519", okx_text),
        personal.signed("a wallet's signature", base64_text(&[&[0], &by_sui[..], &public].concat()), String::new()),
        plain(sui(), "bare text", "ed25519", <[u8]>::to_vec),
        plain(sui(), "exchange's form", "okx-ed25519", okx_text),
        website.signed("proof to a website", format!("ton-proof:1764460800.{by_ton}"), stated.clone()),
        plain(ton(), "bare text", "ed25519", <[u8]>::to_vec),
        plain(ton(), "exchange's form", "okx-ed25519", okx_text),
        plain(draft("cardano", cardano), "exchange's form", "okx-ed25519", okx_text),
    ]
}
