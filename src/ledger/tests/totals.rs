//! The snapshot as a whole: the manifest, its sums, its sizes, and how errors are counted.

use super::{Book, MANIFEST, RESERVES};
use crate::ledger::{MAX_ASSETS, MAX_ENTRIES_PER_ACCOUNT};

#[test]
fn l13_row_counts_that_do_not_reconcile_are_refused() {
    let book =
        |rows: &str| Book::new().with("reserves.csv", RESERVES).and("manifest.toml", &format!("[rows]\n{rows}\n"));
    book("accounts = 3\nbalances = 4\nreserves = 2").valid();
    book("accounts = 4\nbalances = 3\nreserves = 0").refused_because(
        "manifest.toml line 10: rows.accounts is 4, but the file has 3 rows\n\
         manifest.toml line 11: rows.balances is 3, but the file has 4 rows\n\
         manifest.toml line 12: rows.reserves is 0, but the file has 2 rows",
    );
}

#[test]
fn l13_totals_that_do_not_reconcile_are_refused_by_one_unit() {
    let book = |equity: &str, debt: &str| {
        Book::new().and("manifest.toml", &format!("[totals.BTC]\nequity = \"{equity}\"\ndebt = \"{debt}\"\n"))
    };
    book("0.00008978", "0.5").valid();
    book("0.00008979", "0.5")
        .refused_because("manifest.toml line 10: totals.BTC.equity is 0.00008979, but the balances sum to 0.00008978");
    book("0.00008978", "0.49999999")
        .refused_because("manifest.toml line 11: totals.BTC.debt is 0.49999999, but the balances sum to 0.5");
    book("8978", "x").refused_because(
        "manifest.toml line 10: totals.BTC.equity is 8978, but the balances sum to 0.00008978\n\
         manifest.toml line 11: totals.BTC.debt \"x\" is not a plain decimal number",
    );
}

#[test]
fn l14_an_empty_snapshot_is_refused_and_one_account_is_enough() {
    let empty = Book::new().with("accounts.csv", "account,class\n").with("balances.csv", "account,asset,equity,debt\n");
    empty.refused_because("accounts.csv: lists no account: an empty snapshot attests nothing");
    let one = empty.and("accounts.csv", "alice,0\n").valid();
    assert_eq!((one.account_count(), one.holdings_of(0).len()), (1, 0));
    let nothing = Book::new().with("accounts.csv", "").findings();
    assert_eq!(nothing.findings[0].file, "accounts.csv");
    let no_asset = Book::new().with("assets.csv", "symbol,scale,price,quote\n").refused();
    assert!(no_asset.starts_with("assets.csv: lists no asset"), "{no_asset}");
}

#[test]
fn l14_a_book_may_be_exactly_full_and_not_hold_one_asset_more() {
    let assets = |count: usize| {
        let rows: String = (0..count).map(|i| format!("T{i},0,1,USDT\n")).collect();
        let book = Book::new().with("assets.csv", format!("symbol,scale,price,quote\n{rows}"));
        book.with("balances.csv", "account,asset,equity,debt\n")
    };
    assert_eq!(assets(MAX_ASSETS).valid().assets().len(), MAX_ASSETS);
    assets(MAX_ASSETS + 1).refused_because("assets.csv line 4098: too many assets: a book has at most 4096");
}

#[test]
fn l15_totals_of_2_to_the_64_and_more_are_allowed() {
    let most = "184467440737.09551615";
    let rows: String = ["alice", "bob", "carol"].map(|account| format!("{account},BTC,{most},{most}\n")).concat();
    let snapshot = Book::new()
        .with("balances.csv", format!("account,asset,equity,debt\n{rows}"))
        .and("manifest.toml", "[totals.BTC]\nequity = \"553402322211.28654845\"\ndebt = \"553402322211.28654845\"\n")
        .valid();
    assert_eq!(snapshot.totals()[0].equity, 3 * u128::from(u64::MAX));
}

#[test]
fn l17_an_account_with_more_entries_than_its_pages_count_is_refused_by_name() {
    // Equity and debt in 768 assets are exactly 1,536 entries.
    let full = MAX_ENTRIES_PER_ACCOUNT / 2;
    let assets: String = (0..=full).map(|i| format!("T{i},0,1,USDT\n")).collect();
    let balances: String = (0..full).map(|i| format!("bob,T{i},1,1\n")).collect();
    let book = Book::new()
        .with("assets.csv", format!("symbol,scale,price,quote\n{assets}"))
        .with("balances.csv", format!("account,asset,equity,debt\n{balances}"));
    book.valid();
    book.and("balances.csv", "bob,T768,0,1\n").refused_because(
        "accounts.csv line 3: account \"bob\" has 1537 entries in balances.csv; at most 1536 fit its pages",
    );
}

#[test]
fn every_error_is_told_at_once_and_after_a_thousand_they_are_counted() {
    let rows: String = (0..1500).map(|_| "nobody,BTC,1,0\n").collect();
    let findings = Book::new().with("balances.csv", format!("account,asset,equity,debt\n{rows}")).findings();
    assert_eq!((findings.findings.len(), findings.total), (1000, 1500));
    assert!(
        findings
            .to_string()
            .ends_with("balances.csv line 1001: account \"nobody\" is not in accounts.csv\nand 500 more")
    );
    let json = serde_json::to_value(&findings).unwrap();
    assert_eq!(json["total"], 1500);
    assert_eq!(json["findings"][0]["file"], "balances.csv");
    assert_eq!(json["findings"][0]["line"], 2);
}

#[test]
fn reserves_that_sum_past_128_bits_are_refused() {
    let most = "3402823669209384634633746074317.68211455";
    let rows = format!("BTC,x,a,{most},,,\nBTC,x,b,0.00000001,,,\n");
    let header = RESERVES.lines().next().unwrap();
    let sum = Book::new().with("reserves.csv", format!("{header}\n{rows}")).refused();
    assert_eq!(
        sum,
        "reserves.csv line 3: BTC reserves sum to 3402823669209384634633746074317.68211456, more than 2^128 - 1 units"
    );
}

#[test]
fn a_manifest_with_unknown_keys_or_bad_values_is_refused() {
    let changed = |from: &str, to: &str| Book::new().with("manifest.toml", MANIFEST.replace(from, to)).refused();
    for (from, to) in [
        ("id = \"s-1\"", "id = \"s 1\""),
        ("id = \"s-1\"", "id = \"..\""),
        ("00:00:00Z", "00:00:00+00:00"),
        ("2026-11-01", "2026-02-30"),
        ("2026-11-01T", "2026-11-01 "),
        ("2026-11-01T", "2026-11-01t"),
        ("\"test.example\"", "\"\""),
        ("\"Test\"", "\"Te\\u0000st\""),
        ("\"Test\"", "\"Test\"\nlei = \"short\""),
        ("bitcoin = 870000", "bitcoin = -1"),
    ] {
        assert!(changed(from, to).starts_with("manifest.toml"), "{to}");
    }
    assert!(
        changed("[exchange]", "[exchange]\ncolour = 1")
            .starts_with("manifest.toml line 2: \"colour\" is no key of [exchange]")
    );
    assert!(changed("[exchange]\n", "[exchange]\nname = \"x\"\n").contains("line 3: is not TOML at"));
    let policy = |bps: u32| Book::new().and("manifest.toml", &format!("[policy]\ncoverage_bps = {bps}\n"));
    assert_eq!(policy(100_000).with("reserves.csv", RESERVES).valid().coverage_bps(), Some(100_000));
    policy(100_001)
        .with("reserves.csv", RESERVES)
        .refused_because("manifest.toml line 10: policy.coverage_bps is 100001; the maximum is 100000");
    policy(5000)
        .refused_because("manifest.toml line 10: policy.coverage_bps needs reserves, but there is no reserves.csv");
    assert_eq!(Book::new().valid().coverage_bps(), None);
}

#[test]
fn every_rule_of_the_manifest_names_its_line_and_the_value() {
    let changed = |from: &str, to: &str| {
        assert!(MANIFEST.contains(from), "{from}");
        Book::new().with("manifest.toml", MANIFEST.replace(from, to)).refused()
    };
    for (from, to, sentence) in [
        ("\"Test\"", "\"Te\\u202est\"", "line 2: exchange.name \"TeU+202Est\" contains the invisible character U+202E"),
        (
            "test.example",
            "https://test.example/",
            "line 3: exchange.domain \"https://test.example/\" is not a domain in lower-case letters, digits and hyphens such as \
             test.example, without https://, port or final dot",
        ),
        (
            "\n\n[snapshot]",
            "\nlei = \"5493001KJTIIGC8Y1R13\"\n\n[snapshot]",
            "line 4: exchange.lei \"5493001KJTIIGC8Y1R13\" has wrong check digits: a character is mistyped",
        ),
        ("s-1", "s 1", "line 6: snapshot.id \"s 1\" is not 1 to 64 letters, digits, dots, underscores or hyphens"),
        (
            "2026-11-01T00:00:00Z",
            "31 Jan 2026",
            "line 7: snapshot.taken_at `31 Jan 2026` is not an RFC 3339 time in UTC such as 2026-11-23T00:00:00Z",
        ),
        (
            "2026-11-01T00:00:00Z",
            "2026-11-01T00:00:00+00:00",
            "line 7: snapshot.taken_at `2026-11-01T00:00:00+00:00` must be written as 2026-11-01T00:00:00Z",
        ),
        (
            "\"2026-11-01T00:00:00Z\"",
            "2026-11-01T00:00:00Z",
            "line 7: snapshot.taken_at is the date-time 2026-11-01T00:00:00Z of TOML; put it in quotes: \"2026-11-01T00:00:00Z\"",
        ),
        (
            "bitcoin = 870000",
            "bitcoin = 9007199254740992",
            "line 8: snapshot.block_heights.bitcoin is 9007199254740992; the maximum is 9007199254740991",
        ),
        (
            "bitcoin = 870000",
            "bitcoin = \"870000\"",
            "line 8: snapshot.block_heights.bitcoin is the text \"\"870000\"\"; write the number without quotes",
        ),
        (
            "taken_at",
            "taken-at",
            "line 7: \"taken-at\" is no key of [snapshot]; taken_at may be meant. Its keys are id, series, taken_at, block_heights",
        ),
        (
            "[snapshot]",
            "[snapshots]",
            "line 5: \"snapshots\" is no key of the manifest; snapshot may be meant. Its keys are \
             exchange, snapshot, rows, policy, privacy, reserves, totals",
        ),
    ] {
        assert_eq!(changed(from, to), format!("manifest.toml {sentence}"), "{to}");
    }
    let with = |more: &str| Book::new().and("manifest.toml", more).refused();
    for (more, sentence) in [
        (
            "[totals.DOT.S]\nequity = \"1\"\ndebt = \"0\"\n",
            "line 9: totals.DOT has a table in it; a name with a dot must be in quotes: [totals.\"DOT.S\"]",
        ),
        (
            "[totals.BTC]\nequity = 1.5\ndebt = 0\n",
            "line 10: totals.BTC.equity is 1.5 without quotes; put it in quotes: \"1.5\"\n\
             manifest.toml line 11: totals.BTC.debt is 0 without quotes; put it in quotes: \"0\"",
        ),
        ("[policy]\ncoverage_basis = \"Net\"\n", "line 10: policy.coverage_basis is \"Net\", not \"gross\" or \"net\""),
        ("[rows]\naccounts = -3\n", "line 10: rows.accounts is -3, not an integer from 0 to 9223372036854775807"),
        (
            "[totals.btc]\nequity = \"1\"\ndebt = \"0\"\n",
            "line 9: totals: asset \"btc\" is not in assets.csv; \"BTC\" is, which differs only in capital and small letters",
        ),
    ] {
        assert_eq!(with(more), format!("manifest.toml {sentence}"), "{more}");
    }
}

#[test]
fn a_chain_has_the_same_names_in_block_heights_and_in_reserves() {
    let heights = "block_heights = { \"BNB Smart Chain\" = 1 }";
    let manifest = MANIFEST.replace("block_heights = { bitcoin = 870000 }", heights);
    assert_ne!(manifest, MANIFEST);
    let reserves = RESERVES.replace(",testnet,", ",BNB Smart Chain,");
    Book::new().with("manifest.toml", manifest).with("reserves.csv", reserves).valid();
    let hidden = MANIFEST.replace("{ bitcoin", "{ \"bit\\u200bcoin\"");
    let refused = Book::new()
        .with("manifest.toml", hidden)
        .with("reserves.csv", RESERVES.replace("BTC,testnet,1def", "BTC,bit\u{200b}coin,1def"))
        .refused();
    assert_eq!(
        refused,
        "manifest.toml line 8: snapshot.block_heights.bitU+200Bcoin has a name that is none of a chain: \"bitU+200Bcoin\" contains \
         the invisible character U+200B\n\
         reserves.csv line 3: chain \"bitU+200Bcoin\" contains the invisible character U+200B"
    );
}

#[test]
fn reserves_with_more_decimals_than_the_book_are_summed_exactly_and_rounded_down_once() {
    let header = RESERVES.lines().next().unwrap();
    let rows = "BTC,x,a,0.000000004999999999,,,\nBTC,x,b,0.000000005000000001,,,\nBTC,x,c,100.000000000000000001,,,\n";
    let snapshot = Book::new().with("reserves.csv", format!("{header}\n{rows}")).valid();
    assert_eq!(snapshot.reserve_sums()[0], 10_000_000_001);
    assert_eq!(
        snapshot.warnings()[0].to_string(),
        "reserves.csv: the reserves of BTC sum to 100.000000010000000001, which counts as 100.00000001, rounded down to 8 decimals"
    );
    assert_eq!(snapshot.reserves()[2].fields[3], "100.000000000000000001");
}

#[test]
fn what_verify_will_refuse_is_a_warning_here() {
    let owed = Book::new().and("balances.csv", "carol,BTC,0,1\n").valid();
    let warnings: Vec<_> = owed.warnings().iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [
            "balances.csv: BTC: customers owe 1.5 and hold only 0.00008978; verify accepts no attestation in which customers owe more \
          of an asset than they hold"
        ]
    );
    let short = Book::new().with("reserves.csv", RESERVES).valid();
    assert_eq!(
        short.warnings().iter().map(|warning| warning.reason.split(':').next().unwrap()).collect::<Vec<_>>(),
        ["BTC", "ETH"]
    );
}
