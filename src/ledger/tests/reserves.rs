//! Who signed for the reserves.

use assay_ownership::testing::{TestLine, lines};
use assay_ownership::{Anchor, Context, Kind, Reason, Verdict};

use super::*;
use crate::ledger::read_reserves;

const CONTEXT: Context<'_> = Context {
    domain: "test.example",
    snapshot: "s-1",
    taken_at: "2026-11-01T00:00:00Z",
    anchor: Some(Anchor { chain: "bitcoin", height: 869_999, hash: "00ab" }),
    challenge: Some("audit-1"),
};
const MESSAGE: &str =
    "\n[reserves]\nchallenge = \"audit-1\"\nanchor = { chain = \"bitcoin\", height = 869999, hash = \"00ab\" }\n";

/// reserves.csv with one line of 1 BTC for each of `lines`.
fn file<'a>(lines: impl IntoIterator<Item = &'a TestLine>) -> String {
    let kind = |kind| match kind {
        Kind::Address => "",
        Kind::Contract => "contract",
        Kind::Custodian => "custodian",
        Kind::Bank => "bank",
    };
    let row = |line: &TestLine| {
        let TestLine { chain, address, message, signature, key, .. } = line;
        format!("BTC,{chain},{address},1,,\"{message}\",{signature},,{},\"{key}\"\n", kind(line.kind))
    };
    let header = "asset,chain,address,amount,height,message,signature,token,kind,key\n";
    header.to_owned() + &lines.into_iter().map(row).collect::<String>()
}

/// One line for each address, since an address counts once.
fn signed(message: Option<&str>) -> Vec<TestLine> {
    let mut seen = std::collections::BTreeSet::new();
    lines(&CONTEXT, message).into_iter().filter(|own| seen.insert(own.line().place())).collect()
}

fn book(reserves: &str) -> Book {
    Book::new().and("manifest.toml", MESSAGE).with("reserves.csv", reserves)
}

#[test]
fn every_form_of_signature_is_judged_in_the_ledger() {
    let lines = signed(None);
    assert!(lines.len() > 20);
    let snapshot = book(&file(&lines)).valid();
    for (own, line) in snapshot.reserves().iter().zip(&lines) {
        assert_eq!(own.verdict, line.expected, "{}", line.name);
    }
    assert!(snapshot.reserves().iter().filter(|own| own.verdict == Verdict::Fresh).count() > 15);
    // without accounts too: signing begins before there are balances
    let alone = book(&file(&lines)).without("accounts.csv").without("balances.csv");
    let reserves = read_reserves(alone.0.path(), &Limits::default(), &Silent).unwrap();
    assert_eq!(reserves.lines, snapshot.reserves());
}

#[test]
fn a_signature_for_another_snapshot_is_false_and_over_another_text_undated() {
    let lines = signed(None);
    let simple = lines.iter().filter(|line| line.expected == Verdict::Fresh).collect::<Vec<_>>();
    for (from, to) in [
        ("id = \"s-1\"", "id = \"s-2\""),
        ("test.example", "best.example"),
        ("2026-11-01T", "2026-11-02T"),
        ("audit-1", "audit-2"),
        ("869999", "869998"),
    ] {
        let manifest = [MANIFEST, MESSAGE].concat().replace(from, to);
        let refused = book(&file(simple.iter().copied())).with("manifest.toml", manifest).findings();
        assert_eq!(refused.total, simple.len() as u64, "{to}: {refused}");
    }
    let undated = book(&file(&signed(Some("King will be back!")))).valid();
    let text = |own: &crate::ledger::ReserveLine| match &own.verdict {
        Verdict::Undated { text } => text == "King will be back!",
        Verdict::Unproven(_) => true,
        Verdict::Fresh => false,
    };
    assert!(undated.reserves().iter().all(text));
}

#[test]
fn a_false_signature_names_its_line_and_an_unsigned_address_that_is_none_is_a_warning() {
    let mut lines = signed(None);
    lines.retain(|line| line.chain == "ethereum");
    lines[0].address = "0x00000000000000000000000000000000000000aa".to_owned();
    let refused = book(&file(&lines[..1])).refused();
    assert!(refused.starts_with("reserves.csv line 2: "), "{refused}");

    let header = "asset,chain,address,amount,height,message,signature\n";
    let unsigned = book(&format!("{header}BTC,bitcoin,bc1qx,1,,,\n")).valid();
    assert_eq!(unsigned.reserves()[0].verdict, Verdict::Unproven(Reason::Unsigned));
    assert!(unsigned.warnings()[0].to_string().starts_with("reserves.csv line 2: "), "{}", unsigned.warnings()[0]);
    // with a signature nobody can say whose it is
    assert!(book(&format!("{header}BTC,bitcoin,bc1qx,1,,,c2ln\n")).refused().starts_with("reserves.csv line 2: "));
    assert!(
        book(&format!("{}BTC,bitcoin,x,1,,,,,wallet,\n", file([]))).refused().contains("kind \"wallet\" is none of")
    );
}

#[test]
fn one_address_in_two_spellings_counts_once() {
    let header = "asset,chain,address,amount,height,message,signature\n";
    for (a, b) in [
        ("ethereum,0x52908400098527886e0f7030069857d2e4169ee7", "ethereum,0x52908400098527886E0F7030069857D2E4169EE7"),
        ("ethereum,0x52908400098527886e0f7030069857d2e4169ee7", "Ethereum,0x52908400098527886e0f7030069857d2e4169ee7"),
        ("bitcoin,bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "bitcoin,BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4"),
        ("my bank,Account 1", "My Bank,account 1"),
    ] {
        let refused = book(&format!("{header}BTC,{a},1,,,\nBTC,{b},1,,,\n")).refused();
        assert!(refused.contains("is already in line 2"), "{refused}");
    }
    // base58 tells capital and small letters apart
    let two = "BTC,solana,11111111111111111111111111111111,1,,,\nBTC,solana,11111111111111111111111111111112,1,,,\n";
    assert_eq!(book(&format!("{header}{two}")).valid().reserves().len(), 2);
}

#[test]
fn one_mistake_in_the_manifest_is_one_finding_however_many_lines_are_signed() {
    let lines = signed(None);
    let manifest = [MANIFEST, MESSAGE].concat().replace("test.example", "https://test.example");
    let refused = book(&file(&lines)).with("manifest.toml", manifest).findings();
    assert_eq!(refused.total, 1, "{refused}");
    let high = MESSAGE.replace("869999", "9007199254740992");
    let refused = Book::new().and("manifest.toml", &high).refused();
    assert!(refused.contains("reserves.anchor.height is 9007199254740992"), "{refused}");
}

#[test]
fn two_files_of_reserves_are_told_apart_before_anything_is_signed() {
    let header = "asset,chain,address,amount,height,message,signature\n";
    let two = book(header).with("reserves.csv.gz", gz(header.as_bytes())).without("balances.csv");
    let Err(CheckError::NotValid(refused)) = read_reserves(two.0.path(), &Limits::default(), &Silent) else { panic!() };
    assert!(refused.to_string().contains("contains the same table as"), "{refused}");
}

#[test]
fn a_message_outside_its_grammar_is_refused_where_the_manifest_is_read() {
    let with = |text: &str| Book::new().and("manifest.toml", text).refused();
    assert!(with("\n[reserves]\nchallenge = \"two words\"\n").starts_with("manifest.toml line 10: reserves "));
    assert!(
        with("\n[reserves]\nanchor = { chain = \"bitcoin\", height = 1 }\n")
            .contains("reserves.anchor.hash is missing")
    );
}
