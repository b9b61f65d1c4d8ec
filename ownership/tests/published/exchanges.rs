//! What exchanges published, line by line.

use std::collections::BTreeMap;

use assay_ownership::{Context, Kind, judge, testing::context};

use crate::support::{Own, json, read, text, undated};

/// OKX's names of coins and networks as ours.
fn okx_chain(coin: &str, address: &str) -> &'static str {
    match coin {
        "BTC" => "bitcoin",
        "BSV" => "bitcoin-sv",
        "BCHN" => "bitcoin-cash",
        "LTC" => "litecoin",
        "DOGE" => "dogecoin",
        "DASH" => "dash",
        "TRON" => "tron",
        "TON" => "ton",
        "APTOS" => "aptos",
        "DOT" => "polkadot",
        "ADA" => "cardano",
        "FIL" | "FIL-EVM" => "filecoin",
        "CFX" => "conflux",
        "LUNC" => "cosmos:terra",
        "OKT" if address.starts_with("ex1") => "cosmos:ex",
        "BASE" => "base",
        "BABYDOGE-BSC" => "bnb-smart-chain",
        "ETH-LINEA" => "evm:59144",
        "OKB-X1" | "OKB-X1-USDT" => "evm:196",
        "OKT" | "OKC" | "OKB-OKC20" | "LTCK-OKC20" => "evm:66",
        "ETH" => "ethereum",
        "STARKNET" => "starknet",
        "ELF" => "aelf",
        "Vaulta" => "vaulta",
        other => panic!("{other}"),
    }
}

/// A script begins with a number of keys, a public key does not; `null` is nothing.
fn okx_key(chain: &str, text: &str) -> String {
    match text.trim() {
        "" | "null" => String::new(),
        script if ["bitcoin", "bitcoin-cash", "litecoin", "dogecoin", "dash"].contains(&chain) => {
            format!("script:{script}")
        }
        key => key.to_owned(),
    }
}

pub fn okx_line(coin: &str, address: &str, message: &str, signatures: &[&str], key: &str) -> Own {
    let chain = okx_chain(coin, address);
    let given = |text: &&&str| !text.is_empty() && **text != "null";
    let signatures: Vec<_> = signatures.iter().filter(given).copied().collect();
    Own {
        chain: chain.to_owned(),
        address: address.to_owned(),
        message: message.to_owned(),
        signature: signatures.join(" "),
        kind: Kind::Address,
        key: okx_key(chain, key),
    }
}

#[test]
#[ignore = "needs published data: .ci/run published"]
fn published_signatures_of_okx_are_decided_one_by_one() {
    let file = json("okx-signatures.json");
    let vectors = file["vectors"].as_array().unwrap();
    // the file has these: six lines lack the script that their address is of, and two chains have no rule
    let expected = |coin: &str, has_key: bool, address: &str| match coin {
        "STARKNET" | "ELF" => "no rule",
        // a witness script that is not stated: nothing false, nothing shown
        "BTC" if !has_key && address.starts_with("bc1q") => "key",
        // a hash of a script that is not stated: it may as well be another key's
        "BTC" | "BCHN" | "DOGE" if !has_key && !address.starts_with('1') => "false",
        _ => "undated",
    };
    let mut counts = BTreeMap::new();
    for value in vectors {
        let (coin, address) = (text(value, "coin"), text(value, "address"));
        let key = text(value, "redeem_script_or_public_key");
        let signatures = [text(value, "signature1"), text(value, "signature2")];
        let own = okx_line(coin, address, text(value, "message"), &signatures, key).recognised();
        assert_eq!(own.outcome(), expected(coin, !key.is_empty(), address), "{own:?}");
        *counts.entry(own.outcome()).or_insert(0) += 1;
    }
    assert_eq!(counts, BTreeMap::from([("undated", 31), ("no rule", 2), ("key", 1), ("false", 3)]));
}

/// The lines of a CSV file behind the one that begins with `header`, each cut into as many fields as there are names.
pub fn rows(file: &str, header: &str) -> Vec<Vec<String>> {
    let text = read(file);
    let mut lines = text.trim_start_matches('\u{feff}').lines().skip_while(|line| !line.starts_with(header));
    let fields = lines.next().unwrap().split(',').count();
    let cut = |line: &str| {
        let mut row: Vec<_> = line.split(',').map(|field| field.trim().to_owned()).collect();
        row.resize(fields, String::new());
        row
    };
    lines.filter(|line| !line.is_empty()).map(cut).collect()
}

#[test]
#[ignore = "needs published data: .ci/run published"]
fn published_lines_of_okx_are_decided_one_by_one() {
    let mut found = Vec::new();
    for row in rows("okx-example.csv", "coin,Network") {
        let [_, network, _, address, _, message, first, second, key, owner1, owner2] = &row[..] else {
            panic!("{row:?}")
        };
        let mut own = okx_line(network, address, message, &[first, second], key);
        if !owner1.is_empty() && network == "ETH" {
            own = Own { kind: Kind::Contract, key: format!("safe:2:{owner1},{owner2}"), ..own };
        }
        found.push((own.recognised().outcome(), &network.clone()[..] == "ETH"));
    }
    // two addresses and a contract; a wallet of TON; an account of Aptos with another key than its first
    let outcomes: Vec<_> = found.iter().map(|(outcome, _)| *outcome).collect();
    assert_eq!(outcomes, ["undated", "undated", "contract", "undated", "rotated?"]);

    let mut outcomes = Vec::new();
    for row in rows("okx-staking-example.csv", "coin,Type") {
        let [_, kind, network, _, address, _, message, first, second, key, ..] = &row[..] else { panic!("{row:?}") };
        let own = okx_line(network, address, message, &[first, second], key);
        if kind != "Non Staking" {
            assert_eq!(own.outcome(), "no address", "a validator's key is no address of the chain");
            let validator = Own { chain: "ethereum-validators".to_owned(), ..own };
            outcomes.push(validator.outcome());
        } else {
            outcomes.push(own.recognised().outcome());
        }
    }
    assert_eq!(outcomes, ["undated", "no rule", "no rule"]);

    let mut outcomes = Vec::new();
    for row in rows("okx-many-chains.csv", "digitalAsset,network") {
        let [_, network, address, first, second, message, key, ..] = &row[..] else { panic!("{row:?}") };
        let own = okx_line(network, address, message, &[first, second], key).recognised();
        outcomes.push((network.clone(), own.outcome()));
    }
    let outcomes: Vec<_> = outcomes.iter().map(|(network, outcome)| (&network[..], *outcome)).collect();
    assert_eq!(
        outcomes,
        [
            ("ETH", "undated"),
            ("STARKNET", "no rule"),
            ("BTC", "undated"),
            ("DOT", "undated"),
            ("ADA", "undated"),
            ("DOGE", "undated"),
            ("OKC", "undated"),
            ("TRON", "undated"),
            ("Vaulta", "no rule"),
        ]
    );
}

/// The chain of a line of HTX: by its coin's name, else by the look of the address.
pub fn htx_chain(coin: &str, address: &str) -> &'static str {
    match coin {
        "BTC" => "bitcoin",
        "DOGE" => "dogecoin",
        "XRP" => "xrp",
        "SOL" | "USDC-SOL" => "solana",
        "BEP20-USDC" | "USDT-BEP20" => "bnb-smart-chain",
        "BASE-USDC" => "base",
        "USDT-Avalanche C-Chain" => "avalanche-c",
        _ if address.starts_with('T') => "tron",
        _ if address.starts_with("0x") => "ethereum",
        _ => panic!("{coin} {address}"),
    }
}

#[test]
#[ignore = "needs published data: .ci/run published"]
fn published_lines_of_htx_are_signed_over_old_words_or_not_at_all() {
    let given = |text: &str| if text == "-" { String::new() } else { text.to_owned() };
    let (mut outcomes, mut schemes, mut texts) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    let (mut owners, mut copied) = (0, 0);
    for row in rows("htx_por_2026-02.csv", "coin,address") {
        let [coin, address, height, balance, message, signature] = &row[..] else { panic!("{row:?}") };
        let own = Own {
            chain: htx_chain(coin, address).to_owned(),
            address: address.clone(),
            message: given(message),
            signature: given(signature),
            ..Own::default()
        }
        .recognised();
        if balance == "-" && height == "-" {
            // an owner of the contract above
            owners += 1;
            assert_eq!(own.outcome(), "undated", "{own:?}");
            continue;
        }
        let outcome = own.outcome();
        *outcomes.entry(outcome).or_insert(0) += 1;
        if outcome == "undated" {
            *schemes.entry(own.signature.split_once(':').unwrap().0.to_owned()).or_insert(0) += 1;
            *texts.entry(message.clone()).or_insert(0) += 1;
            // copied into another exchange's ledger, the line is as undated there
            let other = Context { domain: "other.example", ..context() };
            assert_eq!(judge(&own.line(), &other), undated(message));
            copied += 1;
        }
    }
    assert_eq!(outcomes, BTreeMap::from([("undated", 36), ("unsigned", 44)]));
    assert_eq!(copied, 36);
    println!("{owners} owners; {schemes:?}; {texts:?}");
    assert_eq!(texts.keys().collect::<Vec<_>>(), ["King will be back!", "huobi"]);
}
