//! The rules for lines, one by one.
#![allow(clippy::unwrap_used, missing_docs)]

use std::sync::LazyLock;

use assay_ownership::{
    Chain, Defect, Kind, Line, Place, Reason, Verdict, judge,
    testing::{TestLine, context, lines},
};

static LINES: LazyLock<Vec<TestLine>> = LazyLock::new(|| lines(&context(), None));

fn named(chain: &str, name: &str) -> TestLine {
    LINES.iter().find(|line| line.chain == chain && line.name == name).unwrap().clone()
}

fn judged(line: &TestLine) -> Result<Verdict, Defect> {
    judge(&line.line(), &context())
}

fn unproven(reason: Reason) -> Result<Verdict, Defect> {
    Ok(Verdict::Unproven(reason))
}

#[test]
fn a_line_without_a_signature_is_unsigned_and_its_address_is_still_one() {
    for line in LINES.iter() {
        let bare = TestLine { signature: String::new(), ..line.clone() };
        assert_eq!(judged(&bare), unproven(Reason::Unsigned), "{}: {}", line.chain, line.name);
        let cut = TestLine { address: line.address[..line.address.len() - 1].to_owned(), ..bare };
        // where there is no checksum, a shorter address can be one too
        let is_shorter = ["aptos", "sui", "solana"].contains(&&line.chain[..]);
        assert!(is_shorter || matches!(judged(&cut), Err(Defect::Address { .. })), "{}: {}", line.chain, line.name);
    }
}

#[test]
fn a_chain_without_a_rule_is_never_proven_whatever_is_signed() {
    let line = named("ethereum", "personal_sign");
    for chain in
        ["stellar", "near", "algorand", "starknet", "vaulta", "ethereum-validators", "Ethereum", "", "evm", "evm:0"]
    {
        let other = TestLine { chain: chain.to_owned(), ..line.clone() };
        assert_eq!(judged(&other), unproven(Reason::NoRule), "{chain}");
        assert_eq!(Chain::parse(chain), None);
    }
}

#[test]
fn an_unknown_scheme_is_a_defect_that_names_the_known_ones() {
    let line = named("ethereum", "personal_sign");
    let other = TestLine { signature: format!("eip712:{}", line.signature), ..line };
    assert_eq!(
        judged(&other).unwrap_err().to_string(),
        "signature 1 is said to be of the scheme \"eip712\"; on ethereum there are eip191, eip191-keccak, keccak, okx-ecdsa"
    );
}

#[test]
fn signatures_are_separated_by_one_space_and_are_as_many_as_the_address_has() {
    let line = named("ethereum", "personal_sign");
    let twice = |between: &str| TestLine { signature: format!("{0}{between}{0}", line.signature), ..line.clone() };
    assert_eq!(judged(&twice(" ")), Err(Defect::TooMany { given: 2, most: 1 }));
    assert!(matches!(judged(&twice("  ")), Err(Defect::Unreadable { number: 2, .. })));
    assert!(matches!(judged(&twice(",")), Err(Defect::Unreadable { number: 1, .. })));
    let many = TestLine { signature: vec![&line.signature[..]; 33].join(" "), ..line.clone() };
    assert_eq!(judged(&many), Err(Defect::TooMany { given: 33, most: 32 }));
    let trailing = TestLine { signature: format!("{} ", line.signature), ..line };
    assert!(matches!(judged(&trailing), Err(Defect::Unreadable { number: 2, .. })));
}

#[test]
fn what_is_too_long_is_not_read() {
    let line = named("ethereum", "personal_sign");
    for long in [
        TestLine { address: "0".repeat(129), ..line.clone() },
        TestLine { message: "0".repeat(1025), ..line.clone() },
        TestLine { signature: "0".repeat(65_537), ..line.clone() },
        TestLine { key: "0".repeat(65_537), ..line },
    ] {
        assert!(matches!(judged(&long), Err(Defect::TooLong { .. })));
    }
}

#[test]
fn each_key_of_a_script_counts_once() {
    for line in LINES.iter().filter(|line| line.name.ends_with("by messages")) {
        let (first, second) = line.signature.split_once(' ').unwrap();
        let second = second.rsplit(':').next().unwrap();
        let with = |signature: String| judged(&TestLine { signature, ..line.clone() });
        assert_eq!(with(format!("{second} {first}")), Ok(Verdict::Fresh), "the order is free");
        assert!(matches!(with(format!("{first} {first}")), Err(Defect::False { number: 2, .. })));
        assert!(matches!(with(format!("{first} {second} {first}")), Err(Defect::False { number: 3, .. })));
        assert_eq!(with(first.to_owned()), Err(Defect::TooFew { given: 1, needed: 2 }));
        // a key that is none of the script's
        let stranger = named(&line.chain, if line.chain == "dash" { "long key" } else { "short key" });
        let foreign = with(format!("{first} {}", stranger.signature));
        assert!(matches!(foreign, Err(Defect::False { number: 2, .. })), "{foreign:?}");
    }
}

#[test]
fn a_script_that_is_not_the_address_is_a_defect_signed_or_not() {
    let line = named("bitcoin", "P2WSH 2 of 3 by messages");
    let elsewhere = named("bitcoin", "P2WPKH by Electrum");
    for signature in [line.signature.clone(), String::new()] {
        let other = TestLine { address: elsewhere.address.clone(), signature, ..line.clone() };
        assert_eq!(judged(&other).unwrap_err().to_string(), "the script in `key` does not hash to the address");
    }
    // the witness script and nothing else hashes to an address of Bitcoin with a witness: not to one of a chain that has none
    let nested = named("bitcoin", "P2SH-P2WSH 2 of 3 by messages");
    let other = TestLine { chain: "bitcoin-cash".to_owned(), ..nested };
    assert!(matches!(judged(&other), Err(Defect::Script { .. })));
}

#[test]
fn a_script_with_a_key_twice_is_a_defect() {
    use bitcoin::{Address, Network, Script};
    let line = named("bitcoin", "P2WSH 2 of 3 by messages");
    let mut script = hex::decode(&line.key["script:".len()..]).unwrap();
    let first = script[2..35].to_vec();
    script[36..69].copy_from_slice(&first);
    let address = Address::p2wsh(Script::from_bytes(&script), Network::Bitcoin).to_string();
    let other = TestLine { address, key: format!("script:{}", hex::encode(script)), ..line };
    assert_eq!(judged(&other).unwrap_err().to_string(), "the script in `key` has a key twice");
}

#[test]
fn a_script_that_is_not_understood_is_unproven() {
    use bitcoin::{Address, Network, Script};
    let line = named("bitcoin", "P2WSH 2 of 3 by messages");
    let mut script = hex::decode(&line.key["script:".len()..]).unwrap();
    script.extend([0x75, 0x51]);
    let address = Address::p2wsh(Script::from_bytes(&script), Network::Bitcoin).to_string();
    let other = TestLine { address: address.clone(), key: format!("script:{}", hex::encode(script)), ..line.clone() };
    assert_eq!(judged(&other), unproven(Reason::Script));
    let silent = TestLine { address, key: String::new(), signature: line.signature[..88].to_owned(), ..line };
    assert_eq!(judged(&silent), unproven(Reason::Key), "a witness script that is not stated");
}

#[test]
fn a_chain_without_witnesses_has_no_address_of_one_in_a_scripts_hash() {
    let line = named("bitcoin", "P2SH-P2WPKH by Electrum");
    for chain in ["bitcoin-cash", "bitcoin-sv"] {
        // there, whoever sees the script spends the coin
        let other = TestLine { chain: chain.to_owned(), message: "htx".to_owned(), ..line.clone() };
        let signed =
            lines(&context(), Some("htx")).into_iter().find(|l| l.address == line.address && l.name == line.name);
        let other = TestLine { signature: signed.unwrap().signature, ..other };
        assert!(matches!(judged(&other), Err(Defect::False { .. })), "{chain}");
    }
}

#[test]
fn taproot_has_no_signed_message() {
    let taproot = named("bitcoin", "P2TR");
    let message = named("bitcoin", "short key");
    let other = TestLine { signature: message.signature, ..taproot };
    assert!(judged(&other).unwrap_err().to_string().contains("BIP-322"));
}

#[test]
fn a_key_that_no_rule_asks_for_is_a_defect() {
    let key = hex::encode([2; 33]);
    for (chain, name) in
        [("ethereum", "personal_sign"), ("tron", "TIP-191"), ("bitcoin", "P2WPKH"), ("filecoin", "Filecoin's EVM")]
    {
        let other = TestLine { key: key.clone(), ..named(chain, name) };
        assert!(matches!(judged(&other), Err(Defect::Key { .. })), "{chain}");
    }
    for key in ["zz", "Ab", "xyz:00", "script:", "script:Ab", "sha256:00", "safe:", "safe:0:a", "safe:2:a", "safe:01:a"]
    {
        let other = TestLine { key: key.to_owned(), ..named("ethereum", "personal_sign") };
        assert!(matches!(judged(&other), Err(Defect::Key { .. } | Defect::Script { .. })), "{key}");
    }
}

#[test]
fn a_key_that_does_not_give_the_address_is_a_defect_or_may_have_been_changed() {
    // both lines are signed by the key that the other chain's address is of
    let (aptos, ton, sui) = (named("aptos", "bare text"), named("ton", "bare text"), named("sui", "bare text"));
    let signed = |line: &TestLine, address: String| {
        let text = "one text";
        let signed =
            lines(&context(), Some(text)).into_iter().find(|l| l.chain == line.chain && l.name == line.name).unwrap();
        judged(&TestLine { address, ..signed })
    };
    assert_eq!(signed(&aptos, format!("0x{}", "1".repeat(64))), unproven(Reason::Rotated));
    assert_eq!(signed(&ton, format!("0:{}", "1".repeat(64))), unproven(Reason::Key));
    assert!(matches!(signed(&sui, format!("0x{}", "1".repeat(64))), Err(Defect::Key { .. })));
    for line in [
        aptos,
        ton,
        sui,
        named("cosmos:cosmos", "ADR-36"),
        named("xrp", "Ed25519"),
        named("cardano", "exchange's form"),
    ] {
        let silent = TestLine { key: String::new(), ..line };
        assert_eq!(judged(&silent), unproven(Reason::Key), "{}", silent.chain);
    }
}

#[test]
fn a_wallet_of_another_workchain_is_not_the_one_of_the_key() {
    let line = lines(&context(), Some("text")).into_iter().find(|l| l.chain == "ton" && l.name == "bare text").unwrap();
    let address = line.line().place().address.replacen("0:", "-1:", 1);
    assert_eq!(judged(&TestLine { address, ..line }), unproven(Reason::Key));
}

#[test]
fn a_contract_is_unproven_even_if_all_owners_sign_and_false_if_another_does() {
    for chain in ["ethereum", "tron"] {
        let line = named(chain, "a contract's owners");
        assert_eq!(judged(&line), unproven(Reason::Contract));
        let (first, second) = line.signature.split_once(' ').unwrap();
        let with = |signature: String| judged(&TestLine { signature, ..line.clone() });
        assert!(matches!(with(format!("{first} {first}")), Err(Defect::False { number: 2, .. })));
        assert_eq!(with(second.to_owned()), Err(Defect::TooFew { given: 1, needed: 2 }));
        let silent = TestLine { key: String::new(), ..line.clone() };
        assert_eq!(judged(&silent), unproven(Reason::Contract), "owners that are not named");
        let address = TestLine { kind: Kind::Address, key: String::new(), signature: first.to_owned(), ..line.clone() };
        assert!(judged(&address).is_err(), "an owner's key is not the contract's");
        let listed: Vec<_> = line.key.rsplit(':').next().unwrap().split(',').collect();
        let keyed = |key: String| judged(&TestLine { key, ..line.clone() });
        assert!(matches!(keyed(format!("safe:2:{0},{0}", listed[0])), Err(Defect::Key { .. })));
        assert!(matches!(keyed(format!("safe:1:{}", listed[0])), Err(Defect::False { .. })), "{chain}: a stranger");
        assert!(matches!(keyed("safe:1:0x00".to_owned()), Err(Defect::Key { .. })));
        assert!(matches!(keyed("00".repeat(32)), Err(Defect::Key { .. })));
    }
    // the message names the contract and its chain: an owner's own line is another
    let line = named("ethereum", "a contract's owners");
    let elsewhere = TestLine { chain: "polygon".to_owned(), ..line };
    assert!(matches!(judged(&elsewhere), Err(Defect::False { .. })));
}

#[test]
fn one_signature_serves_an_address_on_all_evm_chains() {
    let line = named("ethereum", "personal_sign");
    for chain in ["base", "arbitrum-one", "optimism", "avalanche-c", "bnb-smart-chain", "polygon", "evm:196"] {
        assert_eq!(judged(&TestLine { chain: chain.to_owned(), ..line.clone() }), Ok(Verdict::Fresh), "{chain}");
    }
}

#[test]
fn custodians_and_banks_are_unproven_without_a_statement() {
    let line = |kind, signature: &str, key: &str| {
        let line = Line { chain: "Example Bank AG", address: "…7731", signature, key, kind, ..Line::default() };
        judge(&line, &context())
    };
    for kind in [Kind::Custodian, Kind::Bank] {
        assert_eq!(line(kind, "", ""), unproven(Reason::Unsigned));
        assert_eq!(line(kind, "", &format!("sha256:{}", "0".repeat(64))), unproven(Reason::Document));
        assert!(matches!(line(kind, "jws:a.b.c", ""), Err(Defect::Holding(_))));
        assert!(matches!(line(kind, "a.b.c", ""), Err(Defect::Scheme { .. })));
        assert!(matches!(line(kind, "", "00"), Err(Defect::Key { .. })));
    }
}

#[test]
fn a_form_that_does_not_show_its_signer_the_text_is_never_fresh() {
    let blind = ["eip191-keccak:", "keccak:", "tron-keccak:", "ton-proof:"];
    let lines = lines(&context(), None);
    for form in blind {
        let line = lines.iter().find(|line| line.signature.starts_with(form)).unwrap();
        assert!(matches!(judged(line), Ok(Verdict::Undated { .. })), "{form}");
    }
}

#[test]
fn a_place_has_one_spelling() {
    let place = |chain, address: &str, token| Line { chain, address, token, ..Line::default() }.place();
    let evm = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
    assert_eq!(
        place("evm:1", evm, "0xDAC17F958D2EE523A2206206994597C13D831EC7"),
        Place {
            chain: "ethereum".to_owned(),
            address: evm.to_lowercase(),
            token: "0xdac17f958d2ee523a2206206994597c13d831ec7".to_owned()
        }
    );
    assert_eq!(place("ethereum", &evm.to_lowercase(), ""), place("evm:1", evm, ""));
    assert_ne!(place("ethereum", evm, ""), place("base", evm, ""));
    assert_eq!(place("aptos", "0x0a", ""), place("aptos", "0x000a", ""));
    // capital and small letters are two addresses on Solana, one spelling of a name elsewhere
    let (small, large) = ("1".repeat(31) + "2", "1".repeat(31) + "3");
    assert_ne!(place("solana", &small, ""), place("solana", &large, ""));
    assert_eq!(place("my bank", "Account 1", "T"), place("My Bank", "account 1", "t"));
    assert_eq!(place("Ethereum", evm, ""), place("ethereum", evm, ""));
    assert_eq!(place("\u{435}thereum", evm, ""), place("ethereum", evm, ""));
    assert_eq!(place("bitcoin", "Not an address", ""), place("bitcoin", "not an address", ""));
    let held = |kind, address: &str| Line { chain: "ethereum", address, kind, ..Line::default() }.place();
    assert_eq!(held(Kind::Custodian, evm), held(Kind::Address, evm));
    // one account under two names of chains
    for name in ["evm:314", "evm:728126428"] {
        let own = Line { chain: name, address: evm, ..Line::default() };
        assert_eq!(judge(&own, &context()), Ok(Verdict::Unproven(Reason::NoRule)), "{name}");
    }
    for line in LINES.iter() {
        let place = line.line().place();
        let again = Line { chain: &place.chain, address: &place.address, ..Line::default() }.place();
        assert_eq!(again, place, "{}: {}", line.chain, line.name);
    }
}

#[test]
fn kinds_have_names() {
    for (text, kind) in
        [("", Kind::Address), ("address", Kind::Address), ("contract", Kind::Contract), ("bank", Kind::Bank)]
    {
        assert_eq!(text.parse(), Ok(kind));
    }
    assert!("Bank".parse::<Kind>().is_err());
}

/// Capital letters that make an address unreadable hide no second line of it.
#[test]
fn an_address_that_only_its_capitals_make_unreadable_is_where_its_small_letters_say() {
    for (chain, small, mixed) in [
        ("sui", "0x4a62316623ad457f02cdc5d997ded", "0x4a62316623ad457F02cDC5D997deD"),
        ("ethereum", "0x52908400098527886e0f7030069857d2e4169ee7", "0x52908400098527886e0f7030069857D2E4169EE7"),
    ] {
        let place = |address| Line { chain, address, ..Line::default() }.place();
        assert_eq!(place(small), place(mixed), "{chain}");
    }
}

/// What is said of a line beside its address makes no second place of it.
#[test]
fn a_place_depends_on_neither_the_kind_of_line_nor_on_which_name_of_a_chain_is_used() {
    let place = |chain, address, kind| Line { chain, address, kind, ..Line::default() }.place();
    let bitcoin = "1BoatSLRHtKNngkdXEeobR76b53LETtpyT";
    for kind in [Kind::Contract, Kind::Custodian, Kind::Bank] {
        assert_eq!(place("bitcoin", bitcoin, kind), place("bitcoin", bitcoin, Kind::Address), "{kind:?}");
    }
    // also where nobody can read the address
    assert_eq!(place("evm:1", "x", Kind::Address), place("ethereum", "X", Kind::Custodian));
    assert_ne!(place("bitcoin", bitcoin, Kind::Address), place("litecoin", bitcoin, Kind::Address));
}
