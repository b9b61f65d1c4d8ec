//! Who signed for the reserves.

use assay_core::holding::{Holding, HoldingKeys};
use assay_ownership::testing::{TestLine, holding, holding_keys, holding_signature, lines};
use assay_ownership::{Anchor, Context, Kind, Line, Reason, Verdict};

use super::*;
use crate::ledger::{Manifest, read_reserves};

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
    let reserves = read_reserves(alone.0.path(), None, &Limits::default(), &Silent).unwrap();
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
        Verdict::Fresh | Verdict::ThirdParty { .. } => false,
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
    let read = read_reserves(two.0.path(), None, &Limits::default(), &Silent);
    let Err(CheckError::NotValid(refused)) = read else { panic!() };
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

const BANK: Line<'_> = Line {
    chain: "Example Bank AG",
    address: "7731",
    asset: "BTC",
    amount: "1.50",
    message: "",
    signature: "",
    token: "",
    kind: Kind::Bank,
    key: "",
};

/// reserves.csv with a bank's line of this amount, under the statement of the bank with this number.
fn bank_file(amount: &str, stated: &Holding, number: u8) -> String {
    let Line { asset, chain, address, .. } = BANK;
    file([]) + &format!("{asset},{chain},{address},{amount},,,{},,bank,\n", holding_signature(stated, number))
}

/// A ledger that lists the banks 1 and 2 in keys.json.
fn bank_book(reserves: &str) -> Book {
    let manifest = format!("{MESSAGE}custodians = \"keys.json\"\n");
    Book::new().and("manifest.toml", &manifest).with("keys.json", holding_keys(&[1, 2])).with("reserves.csv", reserves)
}

fn stated() -> Holding {
    holding(&BANK, &CONTEXT)
}

#[test]
fn a_bank_on_the_exchanges_list_is_a_third_party_and_one_on_none_shows_nothing() {
    let verdict = |book: Book| book.valid().reserves()[0].verdict.clone();
    // the amount is the same in another spelling
    assert_eq!(verdict(bank_book(&bank_file("1.5", &stated(), 1))).status(), "third_party");
    let unlisted = Verdict::Unproven(Reason::Signer);
    assert_eq!(verdict(bank_book(&bank_file("1.5", &stated(), 3))), unlisted);
    assert_eq!(verdict(book(&bank_file("1.5", &stated(), 1))), unlisted, "no list");
    let pledged = Holding { encumbered: true, ..stated() };
    assert_eq!(verdict(bank_book(&bank_file("1.5", &pledged, 1))), Verdict::Unproven(Reason::Encumbered));
    // a list in the manifest itself, as the service has it
    let inline = format!("{MESSAGE}custodian_keys = '{}'\n", holding_keys(&[1]));
    let inline = Book::new().and("manifest.toml", &inline).with("reserves.csv", bank_file("1.5", &stated(), 1));
    assert_eq!(verdict(inline).status(), "third_party");
    // a reader's own list takes the place of the exchange's
    let read = |numbers: &[u8]| {
        let keys = HoldingKeys::parse(holding_keys(numbers).as_bytes()).unwrap();
        let book = bank_book(&bank_file("1.5", &stated(), 1));
        read_reserves(book.0.path(), Some(keys), &Limits::default(), &Silent).unwrap().lines[0].verdict.clone()
    };
    assert_eq!(read(&[2, 3]), unlisted);
    assert_eq!(read(&[1]).status(), "third_party");
}

#[test]
fn the_list_travels_with_the_manifest() {
    let snapshot = bank_book(&bank_file("1.5", &stated(), 1)).valid();
    let rules = snapshot.manifest().reserves.clone().unwrap();
    assert_eq!(rules.custodian_keys.as_deref(), Some(&holding_keys(&[1, 2])[..]));
    // whoever gets the manifest as text needs no file beside it
    let text = toml::to_string(snapshot.manifest()).unwrap();
    let alone = Book::new().with("manifest.toml", text).with("reserves.csv", bank_file("1.5", &stated(), 1)).valid();
    assert_eq!(alone.reserves()[0].verdict.status(), "third_party");
}

#[test]
fn a_banks_statement_that_is_not_about_the_line_refuses_the_ledger() {
    type Change = fn(&mut Holding);
    let refused = |amount: &str, holding: &Holding, number| bank_book(&bank_file(amount, holding, number)).refused();
    let changes: [(&str, Change); 6] = [
        ("snapshot", |own| own.snapshot = "s-0".to_owned()),
        ("for", |own| own.exchange = "best.example".to_owned()),
        ("as_of", |own| own.as_of = "2026-10-31T00:00:00Z".to_owned()),
        ("account", |own| own.account = "7732".to_owned()),
        ("custodian", |own| own.custodian = "Example Bank".to_owned()),
        ("asset", |own| own.asset = "ETH".to_owned()),
    ];
    for (member, change) in changes {
        let mut other = stated();
        change(&mut other);
        // also by a key on no list
        for number in [1, 3] {
            let found = refused("1.5", &other, number);
            assert!(
                found.starts_with("reserves.csv line 2: ") && found.contains(&format!("the {member} \"")),
                "{found}"
            );
        }
    }
    let more = refused("1.50000001", &stated(), 1);
    assert_eq!(
        more,
        "reserves.csv line 2: the third party's statement has the amount \"1.50\", where \"1.50000001\" is expected"
    );
    // the signature of bank 3 under the name of bank 1
    let file = bank_file("1.5", &stated(), 1);
    let other = holding_signature(&stated(), 3).rsplit_once('.').unwrap().1.to_owned();
    let own = holding_signature(&stated(), 1).rsplit_once('.').unwrap().1.to_owned();
    let forged = bank_book(&file.replace(&own, &other)).refused();
    assert!(forged.starts_with("reserves.csv line 2: ") && forged.contains("does not verify"), "{forged}");
}

#[test]
fn a_list_of_custodians_that_cannot_be_used_is_named_with_its_key_and_line() {
    let with = |text: &str| Book::new().and("manifest.toml", &format!("\n[reserves]\n{text}\n")).refused();
    assert_eq!(
        with("custodians = \"keys.json\""),
        "manifest.toml line 11: reserves.custodians is \"keys.json\", and there is no such file beside manifest.toml"
    );
    for name in ["../keys.json", "keys.txt", ".json", "a/b.json", "reserves.csv", ""] {
        let found = with(&format!("custodians = \"{name}\""));
        assert!(found.contains("reserves.custodians") && found.contains("is no file beside"), "{name}: {found}");
    }
    assert!(
        with("custodian_keys = \"{}\"").contains("manifest.toml line 11: reserves.custodian_keys cannot be used: ")
    );
    let both = with("custodians = \"keys.json\"\ncustodian_keys = '{\"keys\":[]}'");
    assert!(both.contains("give one of them"), "{both}");
    let broken = bank_book(&file([])).with("keys.json", "{}").refused();
    assert!(
        broken.starts_with("manifest.toml line 13: reserves.custodians is \"keys.json\", which cannot be used"),
        "{broken}"
    );
    // a text has no file beside it
    let text = [MANIFEST, MESSAGE, "custodians = \"keys.json\"\n"].concat();
    assert!(Manifest::parse(&text, 10).unwrap_err().to_string().contains("give reserves.custodian_keys"));
    // keys for statements are no keys for holdings
    let statements = holding_keys(&[1]).replace("holding", "attestation");
    assert!(bank_book(&file([])).with("keys.json", statements).refused().contains("assay_purpose"));
}

#[test]
fn a_file_of_keys_belongs_to_a_ledger_only_where_the_manifest_names_it() {
    let unnamed = book(&file([])).with("keys.json", holding_keys(&[1]));
    assert_eq!(unnamed.refused(), "keys.json: is not a known file of a snapshot");
    let other = bank_book(&file([])).with("others.json", holding_keys(&[1]));
    assert_eq!(other.refused(), "others.json: is not a known file of a snapshot");
    assert!(bank_book(&file([])).check().is_ok());
}

#[test]
fn a_policy_on_ownership_counts_third_parties_of_the_list() {
    let warned = |file: &str| {
        let policy = "\n[policy]\nowned_bps = 10000\n";
        let snapshot = bank_book(file).and("manifest.toml", policy).valid();
        snapshot
            .warnings()
            .iter()
            .any(|warning| warning.reason.contains("proven owned or stated by listed third parties"))
    };
    assert!(!warned(&bank_file("1.5", &stated(), 1)));
    assert!(warned(&bank_file("1.5", &stated(), 3)));
}
