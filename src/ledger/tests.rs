//! What `check` must accept and what it must refuse; the names carry the numbers of the soundness cases.
#![allow(clippy::unwrap_used)]

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::{CheckError, Findings, Limits, MAX_ASSETS, MAX_ENTRIES_PER_ACCOUNT, Snapshot, check};
use crate::progress::Silent;

const MANIFEST: &str = "[exchange]\nname = \"Test\"\ndomain = \"test.example\"\n\n[snapshot]\nid = \"s-1\"\n\
    taken_at = \"2026-11-01T00:00:00Z\"\nblock_heights = { bitcoin = 870000 }\n";
const ASSETS: &str =
    "symbol,scale,price,quote\nBTC,8,96500.00,USDT\nETH,10,3300,USDT\nOLD,2,,USDT\n";
const ACCOUNTS: &str = "account,class\nalice,0\nbob,3\ncarol,255\n";
const BALANCES: &str = "account,asset,equity,debt\nbob,ETH,2.5,0\nalice,ETH,0,1\nalice,BTC,8.978e-05,0.5\nbob,OLD,0,0\n";
const RESERVES: &str = "asset,chain,address,amount,height,message,signature\nBTC,bitcoin,1abc,0.25,870000,,\n\
    BTC,bitcoin,1def,0.5,,\"we, the exchange\",c2ln\n";

/// A snapshot directory that is valid until a test changes it.
struct Book(tempfile::TempDir);

impl Book {
    fn new() -> Self {
        let book = Self(tempfile::tempdir().unwrap());
        book.with("manifest.toml", MANIFEST)
            .with("assets.csv", ASSETS)
            .with("accounts.csv", ACCOUNTS)
            .with("balances.csv", BALANCES)
    }

    fn with(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        fs::write(self.path(name), content).unwrap();
        self
    }

    fn without(self, name: &str) -> Self {
        fs::remove_file(self.path(name)).unwrap();
        self
    }

    /// Adds rows to a file.
    fn and(self, name: &str, rows: &str) -> Self {
        let mut content = fs::read(self.path(name)).unwrap();
        content.extend_from_slice(rows.as_bytes());
        self.with(name, content)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn check(&self) -> Result<Snapshot, CheckError> {
        check(self.0.path(), &Limits::default(), &Silent)
    }

    fn valid(&self) -> Snapshot {
        self.check().unwrap()
    }

    fn findings(&self) -> Findings {
        match self.check() {
            Err(CheckError::NotValid(findings)) => findings,
            other => panic!("not refused: {other:?}"),
        }
    }

    /// All findings, as a person reads them.
    fn refused(&self) -> String {
        self.findings().to_string()
    }

    /// Refused for exactly this reason.
    fn refused_because(&self, sentence: &str) {
        assert_eq!(self.refused(), sentence);
    }
}

fn gz(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_valid_snapshot_says_what_its_files_say() {
    let snapshot = Book::new()
        .with("reserves.csv", RESERVES)
        .with("README.md", "x")
        .with(".hidden", "x")
        .valid();
    assert_eq!(snapshot.manifest().snapshot.id, "s-1");
    assert_eq!(
        snapshot.manifest().snapshot.block_heights["bitcoin"],
        870_000
    );
    assert_eq!(snapshot.account_count(), 3);
    assert_eq!((snapshot.account(1), snapshot.class(1)), ("bob", 3));
    assert_eq!(
        (
            snapshot.find_account("carol"),
            snapshot.find_account("Carol")
        ),
        (Some(2), None)
    );
    let [btc, eth, old] = snapshot.assets() else {
        panic!()
    };
    assert_eq!(
        (btc.symbol.as_str(), btc.scale, btc.quote.as_str()),
        ("BTC", 8, "USDT")
    );
    assert_eq!(btc.price.unwrap().to_string(), "96500");
    assert_eq!(
        (
            eth.price.unwrap().units,
            eth.price.unwrap().scale,
            old.price
        ),
        (3300, 0, None)
    );
    let rows: Vec<_> = snapshot
        .holdings()
        .iter()
        .map(|h| (h.account, h.asset, h.equity, h.debt))
        .collect();
    assert_eq!(
        rows,
        [
            (0, 0, 8978, 50_000_000),
            (0, 1, 0, 10_000_000_000),
            (1, 1, 25_000_000_000, 0)
        ]
    );
    assert_eq!(
        [0, 1, 2].map(|account| snapshot.holdings_of(account).len()),
        [2, 1, 0]
    );
    assert_eq!(
        (snapshot.totals()[1].equity, snapshot.totals()[1].debt),
        (25_000_000_000, 10_000_000_000)
    );
    assert_eq!(snapshot.reserve_sums(), [75_000_000, 0, 0]);
    assert_eq!(snapshot.reserves()[1].fields[5], "we, the exchange");
    assert_eq!(
        (snapshot.reserves()[0].asset, snapshot.reserves()[0].units),
        (0, 25_000_000)
    );
    assert_eq!(snapshot.coverage_bps(), Some(10_000));
}

#[test]
fn l1_an_account_listed_twice_is_refused() {
    Book::new()
        .and("accounts.csv", "alice,0\n")
        .refused_because("accounts.csv line 5: account \"alice\" is listed twice");
}

#[test]
fn l1_accounts_that_differ_only_in_case_padding_or_unicode_form_are_refused() {
    let twice = Book::new()
        .and(
            "accounts.csv",
            "ALICE,0\nｂｏｂ,0\nZo\u{eb},0\nzoe\u{308},1\n",
        )
        .findings();
    assert_eq!(twice.total, 3);
    assert_eq!(
        twice.findings[0].to_string(),
        "accounts.csv line 5: account \"ALICE\" differs from account \"alice\" in case, form or padding only"
    );
    assert_eq!([1, 2].map(|i| twice.findings[i].line), [Some(6), Some(8)]);
    let padded = Book::new()
        .and("accounts.csv", "\"alice \",0\nal\u{200b}ice,0\n")
        .findings();
    assert_eq!(padded.total, 2);
}

#[test]
fn l1_a_second_row_for_the_same_account_and_asset_is_refused_wherever_it_stands() {
    Book::new()
        .and("balances.csv", "carol,BTC,1,0\nbob,ETH,1,0\nbob,OLD,0,0\n")
        .refused_because(
            "balances.csv line 7: account \"bob\" has a second row for ETH\n\
             balances.csv line 8: account \"bob\" has a second row for OLD",
        );
}

#[test]
fn l2_a_duplicate_or_unknown_column_is_refused() {
    for header in [
        "account,account",
        "account,class,class",
        "Account,class",
        "class,account",
        "account, class",
        "account",
    ] {
        Book::new()
            .with("accounts.csv", format!("{header}\nalice,0\n"))
            .refused_because("accounts.csv line 1: the header is not exactly account,class");
    }
}

#[test]
fn l2_symbols_that_read_the_same_are_refused() {
    let findings = Book::new()
        .and("assets.csv", "btc,8,1,USDT\nＥＴＨ,8,1,USDT\n")
        .findings();
    assert_eq!(findings.total, 2);
    assert_eq!(
        findings.findings[0].to_string(),
        "assets.csv line 5: symbol \"btc\" is the one of line 2 again, or differs from it in case, form or padding only"
    );
}

#[test]
fn l3_an_unknown_symbol_is_refused_wherever_it_stands() {
    Book::new()
        .and("balances.csv", "bob,btc,1,0\n")
        .and(
            "manifest.toml",
            "[totals.XYZ]\nequity = \"1\"\ndebt = \"0\"\n",
        )
        .with(
            "reserves.csv",
            RESERVES.replace("BTC,bitcoin,1def", "LTC,bitcoin,1def"),
        )
        .refused_because(
            "balances.csv line 6: asset \"btc\" is not in assets.csv\n\
             reserves.csv line 3: asset \"LTC\" is not in assets.csv\n\
             manifest.toml: totals names \"XYZ\", which is not in assets.csv",
        );
}

#[test]
fn l3_an_unknown_account_is_refused() {
    Book::new()
        .and("balances.csv", "Bob,BTC,1,0\n")
        .refused_because("balances.csv line 6: account \"Bob\" is not in accounts.csv");
}

#[test]
fn l4_a_held_asset_without_price_is_refused_and_an_unheld_one_is_not() {
    Book::new().valid();
    for held in ["carol,OLD,0.01,0\n", "carol,OLD,0,0.01\n"] {
        Book::new().and("balances.csv", held).refused_because(
            "balances.csv line 6: OLD is held here but has no price in assets.csv",
        );
    }
}

#[test]
fn l5_a_negative_quantity_is_refused() {
    Book::new()
        .and(
            "balances.csv",
            "bob,BTC,-1,0\ncarol,BTC,0,-9223372036854775808\ncarol,ETH,-0,0\n",
        )
        .with("reserves.csv", RESERVES.replace("0.25", "-0.25"))
        .refused_because(
            "balances.csv line 6: BTC quantity -1 is negative\n\
             balances.csv line 7: BTC debt -9223372036854775808 is negative\n\
             balances.csv line 8: ETH quantity -0 is negative\n\
             reserves.csv line 2: BTC amount \"-0.25\" is negative",
        );
}

#[test]
fn l6_a_quantity_that_is_no_number_or_does_not_fit_is_refused() {
    for (text, reason) in [
        ("NaN", "NaN is not a plain decimal number"),
        ("inf", "inf is not a plain decimal number"),
        ("", "\"\" is empty"),
        (
            "1e309",
            "1e309 is too large: with 8 decimals at most 184467440737.09551615 fits",
        ),
        (
            "184467440737.09551616",
            "184467440737.09551616 is too large: with 8 decimals at most 184467440737.09551615 fits",
        ),
    ] {
        Book::new()
            .and("balances.csv", &format!("bob,BTC,{text},0\n"))
            .refused_because(&format!("balances.csv line 6: BTC quantity {reason}"));
    }
    let largest = Book::new()
        .and("balances.csv", "bob,BTC,184467440737.09551615,0\n")
        .valid();
    assert_eq!(largest.holdings_of(1)[0].equity, u64::MAX);
}

#[test]
fn l7_more_decimals_than_the_scale_are_refused_never_cut() {
    Book::new()
        .and(
            "balances.csv",
            "bob,BTC,0.123456789,0\ncarol,BTC,0.1234567800,0\n",
        )
        .refused_because(
            "balances.csv line 6: BTC quantity 0.123456789 has 9 decimals, the book allows 8",
        );
}

#[test]
fn l8_a_wrong_number_of_columns_is_refused() {
    Book::new()
        .and("balances.csv", "bob,BTC,1\nbob,BTC,1,0,\n\n")
        .refused_because(
            "balances.csv line 6: has 3 fields, the header has 4\n\
         balances.csv line 7: has 5 fields, the header has 4\n\
         balances.csv line 8: has 1 fields, the header has 4",
        );
}

#[test]
fn l8_a_byte_order_mark_is_refused() {
    let findings = Book::new()
        .with("accounts.csv", format!("\u{feff}{ACCOUNTS}"))
        .refused();
    assert_eq!(
        findings,
        "accounts.csv line 1: the file begins with a byte order mark; save it as UTF-8 without one"
    );
}

#[test]
fn l8_lines_may_end_in_crlf_but_not_in_cr() {
    let snapshot = Book::new()
        .with("balances.csv", BALANCES.replace('\n', "\r\n"))
        .valid();
    assert_eq!(snapshot.holdings().len(), 3);
    let findings = Book::new()
        .with("accounts.csv", ACCOUNTS.replace('\n', "\r"))
        .refused();
    assert!(
        findings.starts_with("accounts.csv line 1: the last line does not end"),
        "{findings}"
    );
    Book::new()
        .and("accounts.csv", "da\rve,0\n")
        .refused_because("accounts.csv line 5: holds the control character U+000D");
}

#[test]
fn l8_a_last_line_without_its_end_is_refused() {
    Book::new()
        .and("balances.csv", "bob,BTC,1,0.5")
        .refused_because("balances.csv line 6: the last line does not end: the file was cut short");
}

#[test]
fn l8_invalid_utf8_and_nul_bytes_are_refused() {
    let mut accounts = ACCOUNTS.as_bytes().to_vec();
    accounts.extend_from_slice(b"d\xc3\x28,0\ne\0,0\n");
    Book::new().with("accounts.csv", accounts).refused_because(
        "accounts.csv line 5: is not UTF-8 from byte 2 on\naccounts.csv line 6: holds the control character U+0000",
    );
}

#[test]
fn l8_a_stray_quote_costs_one_line_and_not_the_rest_of_the_file() {
    Book::new()
        .and("accounts.csv", "\"dave,0\nerin,x\n")
        .refused_because(
            "accounts.csv line 5: opens a quote and does not close it\n\
         accounts.csv line 6: class \"x\" is not an integer from 0 to 255",
        );
}

#[test]
fn l8_a_line_over_64_kib_is_refused_and_the_next_one_is_read() {
    let long = "x".repeat(70_000);
    Book::new()
        .and("accounts.csv", &format!("{long},0\nerin,256\n"))
        .refused_because(
            "accounts.csv line 5: is longer than 65536 bytes\n\
         accounts.csv line 6: class \"256\" is not an integer from 0 to 255",
        );
}

#[test]
fn l13_row_counts_that_do_not_reconcile_are_refused() {
    let book = |rows: &str| {
        Book::new()
            .with("reserves.csv", RESERVES)
            .and("manifest.toml", &format!("[rows]\n{rows}\n"))
    };
    book("accounts = 3\nbalances = 4\nreserves = 2").valid();
    book("accounts = 4\nbalances = 3\nreserves = 0").refused_because(
        "manifest.toml: rows.accounts says 4, the file has 3\n\
         manifest.toml: rows.balances says 3, the file has 4\n\
         manifest.toml: rows.reserves says 0, the file has 2",
    );
}

#[test]
fn l13_totals_that_do_not_reconcile_are_refused_by_one_unit() {
    let book = |equity: &str, debt: &str| {
        Book::new().and(
            "manifest.toml",
            &format!("[totals.BTC]\nequity = \"{equity}\"\ndebt = \"{debt}\"\n"),
        )
    };
    book("0.00008978", "0.5").valid();
    book("0.00008979", "0.5").refused_because(
        "manifest.toml: totals.BTC.equity says 0.00008979, the balances sum to 0.00008978",
    );
    book("0.00008978", "0.49999999")
        .refused_because("manifest.toml: totals.BTC.debt says 0.49999999, the balances sum to 0.5");
    book("8978", "x").refused_because(
        "manifest.toml: totals.BTC.equity says 8978, the balances sum to 0.00008978\n\
         manifest.toml: totals.BTC.debt \"x\" is not a plain decimal number",
    );
}

#[test]
fn l14_an_empty_snapshot_is_refused_and_one_account_is_enough() {
    let empty = Book::new()
        .with("accounts.csv", "account,class\n")
        .with("balances.csv", "account,asset,equity,debt\n");
    empty.refused_because("accounts.csv: lists no account: an empty snapshot attests nothing");
    let one = empty.and("accounts.csv", "alice,0\n").valid();
    assert_eq!((one.account_count(), one.holdings_of(0).len()), (1, 0));
    let nothing = Book::new().with("accounts.csv", "").findings();
    assert_eq!(nothing.findings[0].file, "accounts.csv");
    let no_asset = Book::new()
        .with("assets.csv", "symbol,scale,price,quote\n")
        .refused();
    assert!(
        no_asset.starts_with("assets.csv: lists no asset"),
        "{no_asset}"
    );
}

#[test]
fn l14_a_book_may_be_exactly_full_and_not_hold_one_asset_more() {
    let assets = |count: usize| {
        let rows: String = (0..count).map(|i| format!("T{i},0,1,USDT\n")).collect();
        let book = Book::new().with("assets.csv", format!("symbol,scale,price,quote\n{rows}"));
        book.with("balances.csv", "account,asset,equity,debt\n")
    };
    assert_eq!(assets(MAX_ASSETS).valid().assets().len(), MAX_ASSETS);
    assets(MAX_ASSETS + 1)
        .refused_because("assets.csv line 4098: is one asset too many: a book has at most 4096");
}

#[test]
fn l15_totals_of_2_to_the_64_and_more_are_allowed() {
    let most = "184467440737.09551615";
    let rows: String = ["alice", "bob", "carol"]
        .map(|account| format!("{account},BTC,{most},{most}\n"))
        .concat();
    let snapshot = Book::new()
        .with("balances.csv", format!("account,asset,equity,debt\n{rows}"))
        .and(
            "manifest.toml",
            "[totals.BTC]\nequity = \"553402322211.28654845\"\ndebt = \"553402322211.28654845\"\n",
        )
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
        .with(
            "balances.csv",
            format!("account,asset,equity,debt\n{balances}"),
        );
    book.valid();
    book.and("balances.csv", "bob,T768,0,1\n").refused_because(
        "accounts.csv line 3: account \"bob\" has 1537 entries in balances.csv, at most 1536 fit its pages",
    );
}

#[test]
fn every_error_is_told_at_once_and_after_a_thousand_they_are_counted() {
    let rows: String = (0..1500).map(|_| "nobody,BTC,1,0\n").collect();
    let findings = Book::new()
        .with("balances.csv", format!("account,asset,equity,debt\n{rows}"))
        .findings();
    assert_eq!((findings.findings.len(), findings.total), (1000, 1500));
    assert!(findings.to_string().ends_with(
        "balances.csv line 1001: account \"nobody\" is not in accounts.csv\nand 500 more"
    ));
    let json = serde_json::to_value(&findings).unwrap();
    assert_eq!(json["total"], 1500);
    assert_eq!(json["findings"][0]["file"], "balances.csv");
    assert_eq!(json["findings"][0]["line"], 2);
}

#[test]
fn an_asset_is_refused_for_its_scale_price_or_quote() {
    Book::new()
        .and(
            "assets.csv",
            "A,19,1,USDT\nB,+8,1,USDT\nC,8,1e-19,USDT\nD,8,1,EUR\n x,8,1,USDT\n",
        )
        .refused_because(
            "assets.csv line 5: A scale \"19\" is not an integer from 0 to 18\n\
         assets.csv line 6: B scale \"+8\" is not an integer from 0 to 18\n\
         assets.csv line 7: C price \"1e-19\" has 19 decimals, the book allows 18\n\
         assets.csv line 8: D is priced in EUR, the first asset in USDT; all must be alike\n\
         assets.csv line 9: symbol \" x\" begins or ends with white space",
        );
}

#[test]
fn a_reserve_counted_twice_is_refused() {
    Book::new()
        .with(
            "reserves.csv",
            format!("{RESERVES}BTC,Bitcoin,1ABC,9,x,,\n"),
        )
        .refused_because(
            "reserves.csv line 4: height \"x\" is not a block number\n\
         reserves.csv line 4: BTC at address \"1ABC\" is counted in line 2 already",
        );
}

#[test]
fn reserves_that_sum_past_128_bits_are_refused() {
    let most = "3402823669209384634633746074317.68211455";
    let rows = format!("BTC,x,a,{most},,,\nBTC,x,b,0.00000001,,,\n");
    let header = RESERVES.lines().next().unwrap();
    let sum = Book::new()
        .with("reserves.csv", format!("{header}\n{rows}"))
        .refused();
    assert_eq!(
        sum,
        "reserves.csv line 3: BTC reserves sum to more than 2^128 - 1 units"
    );
}

#[test]
fn a_manifest_with_unknown_keys_or_bad_values_is_refused() {
    let changed = |from: &str, to: &str| {
        Book::new()
            .with("manifest.toml", MANIFEST.replace(from, to))
            .refused()
    };
    for (from, to) in [
        ("id = \"s-1\"", "id = \"s 1\""),
        ("id = \"s-1\"", "id = \"..\""),
        ("00:00:00Z", "00:00:00+00:00"),
        ("2026-11-01", "2026-02-30"),
        ("\"test.example\"", "\"\""),
        ("\"Test\"", "\"Te\\u0000st\""),
        ("\"Test\"", "\"Test\"\nlei = \"short\""),
        ("bitcoin = 870000", "bitcoin = -1"),
    ] {
        assert!(changed(from, to).starts_with("manifest.toml"), "{to}");
    }
    assert!(
        changed("[exchange]", "[exchange]\ncolour = 1")
            .starts_with("manifest.toml line 2: unknown field `colour`")
    );
    assert!(
        changed("[exchange]\n", "[exchange]\nname = \"x\"\n").contains("line 3: duplicate key")
    );
    let policy = |bps: u32| {
        Book::new().and(
            "manifest.toml",
            &format!("[policy]\ncoverage_bps = {bps}\n"),
        )
    };
    assert_eq!(
        policy(100_000)
            .with("reserves.csv", RESERVES)
            .valid()
            .coverage_bps(),
        Some(100_000)
    );
    policy(100_001)
        .with("reserves.csv", RESERVES)
        .refused_because("manifest.toml: policy.coverage_bps is 100001, at most 100000 is allowed");
    policy(5000).refused_because(
        "manifest.toml: policy.coverage_bps asks for reserves, but there is no reserves.csv",
    );
    assert_eq!(Book::new().valid().coverage_bps(), None);
}

#[test]
fn a_file_that_nobody_reads_is_refused() {
    Book::new().with("positions.csv.zst", "").with("notes.txt", "").with("balances.csv.bak", "").refused_because(
        "balances.csv.bak: is not a file of a snapshot\n\
         notes.txt: is not a file of a snapshot\n\
         positions.csv.zst: this version does not read this file yet, and will not attest a ledger while leaving a part of it out",
    );
    let folder = Book::new();
    fs::create_dir(folder.path("assets")).unwrap();
    folder.refused_because("assets: is not a file, and a snapshot has nothing but files");
}

#[test]
fn a_missing_file_is_named_and_the_others_are_still_read() {
    Book::new().without("balances.csv").and("accounts.csv", "x,y\n").refused_because(
        "balances.csv: is missing\naccounts.csv line 5: class \"y\" is not an integer from 0 to 255",
    );
}

#[test]
fn a_file_may_be_compressed_but_not_be_there_twice() {
    let (first, second) = BALANCES.as_bytes().split_at(40);
    let compressed = Book::new()
        .without("balances.csv")
        .with("balances.csv.gz", [gz(first), gz(second)].concat())
        .without("accounts.csv")
        .with(
            "accounts.csv.zst",
            zstd::encode_all(ACCOUNTS.as_bytes(), 3).unwrap(),
        );
    assert_eq!(
        compressed.valid().holdings(),
        Book::new().valid().holdings()
    );
    compressed.with("accounts.csv", ACCOUNTS).refused_because(
        "accounts.csv.zst: stands beside accounts.csv; which of the two is meant?",
    );
}

#[test]
fn a_compressed_file_cut_anywhere_is_refused() {
    let whole = [gz(ACCOUNTS.as_bytes()), gz(b"dave,0\n")].concat();
    let first = gz(ACCOUNTS.as_bytes()).len();
    // Cut exactly between the two members it is a whole file again, one that nothing can tell was longer.
    for end in (0..whole.len()).filter(|end| *end != first) {
        let book = Book::new()
            .without("accounts.csv")
            .with("accounts.csv.gz", &whole[..end]);
        assert!(book.check().is_err(), "cut at {end} of {}", whole.len());
    }
    let whole = zstd::encode_all(ACCOUNTS.as_bytes(), 3).unwrap();
    for end in 0..whole.len() {
        let book = Book::new()
            .without("accounts.csv")
            .with("accounts.csv.zst", &whole[..end]);
        assert!(book.check().is_err(), "cut at {end} of {}", whole.len());
    }
    let cut = Book::new()
        .without("accounts.csv")
        .with("accounts.csv.gz", &gz(ACCOUNTS.as_bytes())[..30]);
    assert!(
        cut.refused().contains("the compressed file was cut short"),
        "{}",
        cut.refused()
    );
}

#[test]
fn a_compressed_file_with_anything_behind_it_is_refused() {
    for tail in [&b"x"[..], b"\0", b"alice,0\n", &[0; 512], b"\x1f\x8b"] {
        for (name, mut bytes) in [
            ("accounts.csv.gz", gz(ACCOUNTS.as_bytes())),
            (
                "accounts.csv.zst",
                zstd::encode_all(ACCOUNTS.as_bytes(), 3).unwrap(),
            ),
        ] {
            bytes.extend_from_slice(tail);
            let refused = Book::new()
                .without("accounts.csv")
                .with(name, bytes)
                .refused();
            assert!(refused.contains("compressed file"), "{refused}");
        }
    }
}

/// `members` times the same gzip member in one file: quickly made, whatever it unpacks to.
fn bomb(book: &Book, content: &[u8], members: usize) {
    let member = gz(content);
    let mut file = File::create(book.path("accounts.csv.gz")).unwrap();
    file.write_all(&gz(b"account,class\n")).unwrap();
    for _ in 0..members {
        file.write_all(&member).unwrap();
    }
}

#[test]
fn a_decompression_bomb_of_zeros_stops_early_and_says_why() {
    let book = Book::new().without("accounts.csv");
    bomb(&book, &vec![0; 10 << 20], 1000);
    let refused = book.refused();
    assert!(
        refused.starts_with("accounts.csv.gz line 2: unpacks to more than 200 times its size"),
        "{refused}"
    );
}

#[test]
fn a_decompression_bomb_of_plausible_lines_stops_early_and_says_why() {
    let book = Book::new().without("accounts.csv");
    bomb(&book, "mallory,0\n".repeat(1 << 20).as_bytes(), 1000);
    let findings = book.findings();
    assert!(
        findings.total < 3_000_000,
        "{} findings: reading did not stop early",
        findings.total
    );
    let limits = Limits {
        max_errors_kept: usize::MAX,
        ..Limits::default()
    };
    let Err(CheckError::NotValid(all)) = check(book.0.path(), &limits, &Silent) else {
        panic!()
    };
    let sentence = "unpacks to more than 200 times its size (a decompression bomb?)";
    assert!(
        all.findings
            .iter()
            .any(|finding| finding.reason.starts_with(sentence))
    );
}

#[test]
fn a_file_beyond_the_size_limit_is_refused_compressed_or_not() {
    let limits = Limits {
        max_decompressed_bytes: 40,
        ..Limits::default()
    };
    let Err(CheckError::NotValid(findings)) = check(Book::new().0.path(), &limits, &Silent) else {
        panic!()
    };
    assert_eq!(
        findings.findings[0].to_string(),
        "assets.csv line 1: holds more than 40 bytes once unpacked, which is the limit; nothing behind that was read"
    );
}

#[test]
fn a_directory_that_cannot_be_read_says_nothing_about_the_ledger() {
    let book = Book::new();
    for path in [
        book.path("accounts.csv"),
        book.path("nowhere"),
        book.path("accounts.csv/x"),
    ] {
        match check(&path, &Limits::default(), &Silent) {
            Err(CheckError::Environment(error)) => assert_eq!(error.path, path),
            other => panic!("{other:?}"),
        }
    }
}
