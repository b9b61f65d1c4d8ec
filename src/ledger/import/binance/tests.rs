#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use super::*;
use crate::ledger::import::{Format, ImportSummary, testing};
use crate::ledger::{Limits, Snapshot, check};
use crate::progress::Silent;

const HEADER: &str = "rn,id,e_btc,d_btc,btc,e_doge,d_doge,doge,e_old,d_old,old,btc_udst_price,doge_udst_price,old_usdt_price,total_net_balance_usdt";
const PRICES: &str = "96500.00000000,0.07239000,1.00000000,0.1";
const ZEROS: &str = "0.0,0.0,0.0";

fn row(number: u8, btc: &str, doge: &str) -> String {
    let id = format!("{number:02x}").repeat(32);
    format!("{number},{id},{btc},{doge},{ZEROS},{PRICES}\r\n")
}

struct Case {
    dir: tempfile::TempDir,
    shards: Vec<PathBuf>,
}

impl Case {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), shards: Vec::new() }
    }

    fn shard(self, rows: &[String]) -> Self {
        self.raw(format!("{HEADER}\r\n{}", rows.concat()).as_bytes())
    }

    fn raw(mut self, content: &[u8]) -> Self {
        let path = self.dir.path().join(format!("shard{}.csv", self.shards.len()));
        fs::write(&path, content).unwrap();
        self.shards.push(path);
        self
    }

    fn out(&self) -> PathBuf {
        self.dir.path().join("out")
    }

    fn import(&self) -> Result<ImportSummary, ImportError> {
        import_files(&self.shards, &self.out())
    }

    fn valid(&self) -> Snapshot {
        self.import().unwrap();
        check(&self.out(), &Limits::default(), &Silent).unwrap()
    }

    /// All findings; nothing may be left on the disk.
    fn refused(&self) -> String {
        let findings = match self.import() {
            Err(ImportError::NotValid(findings)) => findings,
            other => panic!("not refused: {other:?}"),
        };
        assert_eq!(fs::read_dir(self.dir.path()).unwrap().count(), self.shards.len());
        findings.to_string()
    }
}

fn import_files(shards: &[PathBuf], out: &Path) -> Result<ImportSummary, ImportError> {
    let options = testing::options();
    crate::ledger::import::import(Format::Binance, shards, out, &options, &Silent)
}

#[test]
fn shards_become_one_snapshot_with_every_amount_exact() {
    let snapshot = Case::new()
        .shard(&[row(1, "8.978e-05,0.0,8.978e-05", ZEROS), row(2, ZEROS, ZEROS)])
        .shard(&[row(3, "1.0,1.5,-0.5", "12.34,0.0,12.34")])
        .valid();
    assert_eq!(snapshot.manifest().exchange.domain, "exchange.example");
    assert_eq!(snapshot.account_count(), 3);
    let assets: Vec<_> =
        snapshot.assets().iter().map(|a| (a.symbol.as_str(), a.scale, a.price.unwrap().to_string())).collect();
    assert_eq!(assets, [("BTC", 8, "96500".to_owned()), ("DOGE", 2, "0.07239".to_owned()), ("OLD", 8, "1".to_owned())]);
    let held: Vec<_> = snapshot.holdings().iter().map(|h| (h.account, h.asset, h.equity, h.debt)).collect();
    assert_eq!(held, [(0, 0, 8978, 0), (2, 0, 100_000_000, 150_000_000), (2, 1, 1234, 0)]);
}

#[test]
fn l7_a_high_supply_token_gets_the_decimals_its_balances_need() {
    let snapshot = Case::new().shard(&[row(1, ZEROS, "0.0412,0.0,0.0412"), row(2, ZEROS, "3.5,0.0,3.5")]).valid();
    assert_eq!(snapshot.assets()[1].scale, 4);
    assert_eq!(snapshot.totals()[1].equity, 35_412);
    let snapshot = Case::new().shard(&[row(1, "0.123456789,0.0,0.123456789", ZEROS)]).valid();
    assert_eq!((snapshot.assets()[0].scale, snapshot.totals()[0].equity), (9, 123_456_789));
    let refused = Case::new().shard(&[row(1, "1e-19,0.0,1e-19", ZEROS)]).refused();
    assert_eq!(
        refused,
        "shard0.csv line 2: BTC equity \"1e-19\" has 19 decimals, at most 18 are allowed; --decimals N rounds to N decimals"
    );
}

#[test]
fn l6_a_balance_that_does_not_fit_at_the_scale_its_token_ends_up_with_is_refused() {
    let large = row(1, ZEROS, "184467440737095516.15,0.0,184467440737095516.15");
    let snapshot = Case::new().shard(std::slice::from_ref(&large)).valid();
    assert_eq!(snapshot.holdings()[0].equity, u64::MAX);
    let refused = Case::new().shard(&[large, row(2, ZEROS, "0.001,0.0,0.001")]).refused();
    assert_eq!(
        refused,
        "shard0.csv line 2: DOGE quantity 184467440737095516.15 is too large: with 3 decimals at most 18446744073709551.615 fits"
    );
}

#[test]
fn l1_a_customer_in_two_shards_is_refused_in_any_spelling() {
    let upper = row(0xab, ZEROS, ZEROS).replace("abab", "ABAB");
    let refused = Case::new()
        .shard(&[row(1, ZEROS, ZEROS), row(0xab, ZEROS, ZEROS)])
        .shard(&[row(1, ZEROS, ZEROS), upper])
        .refused();
    let lines: Vec<_> = refused.lines().collect();
    assert!(lines[0].starts_with("shard1.csv line 2: customer 0101"), "{refused}");
    assert!(lines[1].starts_with("shard1.csv line 3: customer ABAB"), "{refused}");
}

#[test]
fn l8_a_reordered_header_in_a_second_shard_is_refused() {
    let reordered = HEADER.replace("e_btc,d_btc", "d_btc,e_btc");
    let refused = Case::new()
        .shard(&[row(1, ZEROS, ZEROS)])
        .raw(format!("{reordered}\r\n{}", row(2, ZEROS, ZEROS)).as_bytes())
        .refused();
    assert_eq!(
        refused,
        "shard1.csv line 1: column 3 is \"d_btc\", in shard0.csv it is \"e_btc\"; all shards must have the same columns in the same order"
    );
}

#[test]
fn l2_a_header_that_names_a_token_twice_or_in_disorder_is_refused() {
    for (from, to) in [
        ("e_doge,d_doge,doge", "e_BTC,d_BTC,BTC"),
        ("e_doge,d_doge,doge", "d_doge,e_doge,doge"),
        ("btc_udst_price,doge_udst_price", "doge_udst_price,btc_udst_price"),
        ("rn,id", "id,rn"),
        (",total_net_balance_usdt", ""),
        ("e_btc,", ""),
    ] {
        let refused = Case::new().raw(format!("{}\r\n", HEADER.replace(from, to)).as_bytes()).refused();
        assert!(refused.starts_with("shard0.csv line 1: "), "{to}: {refused}");
    }
}

#[test]
fn a_net_that_is_not_equity_less_debt_is_refused() {
    let refused = Case::new()
        .shard(&[row(1, "1.0,0.25,0.74999999", ZEROS), row(2, "1.0,2.0,1.0", ZEROS), row(3, "1.0,1.0,-0.0", ZEROS)])
        .refused();
    assert_eq!(
        refused,
        "shard0.csv line 2: BTC equity 1.0 minus debt 0.25 is not the net balance 0.74999999\n\
         shard0.csv line 3: BTC equity 1.0 minus debt 2.0 is not the net balance 1.0"
    );
}

#[test]
fn l5_negative_equity_or_debt_is_refused() {
    let refused = Case::new().shard(&[row(1, "-1.0,0.0,-1.0", ZEROS), row(2, "0.0,-1,1.0", ZEROS)]).refused();
    assert_eq!(
        refused,
        "shard0.csv line 2: BTC equity \"-1.0\" is negative\nshard0.csv line 3: BTC debt \"-1\" is negative"
    );
}

#[test]
fn a_price_that_changes_between_rows_is_refused_and_another_spelling_is_not() {
    let row_with = |price: &str| row(2, ZEROS, ZEROS).replace("0.07239000", price);
    Case::new().shard(&[row(1, ZEROS, ZEROS), row_with("7.239e-2")]).valid();
    for price in ["0.07239001", ""] {
        let refused = Case::new().shard(&[row(1, ZEROS, ZEROS)]).shard(&[row_with(price)]).refused();
        assert_eq!(
            refused,
            format!("shard1.csv line 2: DOGE price \"{price}\" is not \"0.07239000\", that of the first row")
        );
    }
}

#[test]
fn l8_damaged_rows_are_all_reported_and_a_last_line_without_its_end_is_read() {
    let short = "4,abc\r\n".to_owned();
    let odd = row(5, ZEROS, ZEROS).replacen('5', "x", 1).replace("0505", "05xx");
    let mut cut = row(6, ZEROS, ZEROS);
    cut.truncate(cut.len() - 2);
    let refused = Case::new().shard(&[short, odd, cut]).refused();
    let lines: Vec<_> = refused.lines().collect();
    assert_eq!(lines.len(), 3, "{refused}");
    assert_eq!(lines[0], "shard0.csv line 2: has 2 fields, the header has 15");
    assert!(lines[2].ends_with("is not 64 hexadecimal digits"), "{refused}");
}

#[test]
fn l14_shards_without_customers_are_refused() {
    assert_eq!(Case::new().shard(&[]).refused(), "shard0.csv: contains no customer");
    assert!(matches!(Case::new().import(), Err(ImportError::Write(_))));
}

#[test]
fn nothing_is_overwritten_and_a_missing_shard_is_the_environment() {
    let case = Case::new().shard(&[row(1, ZEROS, ZEROS)]);
    case.import().unwrap();
    let before = fs::read(case.out().join("accounts.csv")).unwrap();
    assert!(matches!(case.import(), Err(ImportError::Write(_))));
    assert_eq!(fs::read(case.out().join("accounts.csv")).unwrap(), before);
    let missing = case.dir.path().join("missing.csv");
    assert!(matches!(import_files(&[missing], &case.dir.path().join("other")), Err(ImportError::Environment(_))));
}

const INFO: &str = "\"token\",\"asset_usdt_price\",\"collateral_vip_loan_ratio_tiers\",\"collateral_margin_ratio_tiers\",\
    \"collateral_portfolio_margin_ratio_tiers\"\n\
    \"btc\",\"96500.00\",\"[0-1000:100, 1000-2000:50]\",\"[0-18446744073709551615:90]\",\"\"\n\
    \"old\",\"1\",\"\",\"[0-5:99.5]\",\"\"\n\
    \"new\",\"1\",\"\",\"[0-5:99]\",\"\"\n";
const KINDS_HEADER: &str = "rn,id,e_btc,d_btc,btc,vl_btc,m_btc,pm_btc,e_old,d_old,old,vl_old,m_old,pm_old,btc_udst_price,\
    old_usdt_price,total_net_balance_usdt";

/// One token's cells, and what one BTC and one OLD then are worth.
fn by_kind(rows: &[(&str, &str)]) -> Case {
    let row = |(number, (btc, old)): (usize, &(&str, &str))| {
        let id = format!("{:02x}", number + 1).repeat(32);
        format!("{number},{id},{btc},{old},1000.00000000,1.00000000,0.1\n")
    };
    let rows: String = rows.iter().enumerate().map(row).collect();
    Case::new().raw(format!("{KINDS_HEADER}\n{rows}").as_bytes()).raw(INFO.as_bytes())
}

const NOTHING: &str = "0.0,0.0,0.0,0.0,0.0,0.0";

#[test]
fn three_columns_and_the_tables_give_one_kind_of_collateral() {
    let case = Case::new().raw(INFO.as_bytes()).shard(&[row(1, "2.0,0.0,2.0", "1.0,0.0,1.0")]);
    let snapshot = case.valid();
    let tiers: Vec<_> =
        snapshot.tiers().iter().map(|t| (t.asset, t.from.units, t.to.map(|to| to.units), t.percent_bps)).collect();
    assert_eq!(tiers, [(0, 0, None, 9000), (2, 0, Some(5), 9950)]);
    assert_eq!(snapshot.collateral_kinds(), ["collateral"]);
    let pledged: Vec<_> = snapshot.collateral_of(0).iter().map(|c| (c.asset, c.amount)).collect();
    assert_eq!(pledged, [(0, 200_000_000)]);
    assert_eq!(snapshot.assets()[0].price.unwrap().to_string(), "96500");
}

#[test]
fn six_columns_and_the_tables_give_three_kinds_of_collateral() {
    let snapshot = by_kind(&[("2.0,0.5,1.5,0.5,1.25,0.25", NOTHING), (NOTHING, "3.0,0.0,3.0,1.0,2.0,0.0")]).valid();
    assert_eq!(snapshot.collateral_kinds(), ["vip_loan", "margin"]);
    let tiers: Vec<_> = snapshot.tiers().iter().map(|t| (t.asset, t.kind, t.percent_bps)).collect();
    assert_eq!(tiers, [(0, 0, 10_000), (0, 0, 5000), (0, 1, 9000), (1, 1, 9950)]);
    // portfolio margin has no table here, nor has a VIP loan in OLD: both count nothing
    let pledged: Vec<_> =
        (0..2).flat_map(|account| snapshot.collateral_of(account)).map(|c| (c.account, c.kind, c.amount)).collect();
    assert_eq!(pledged, [(0, 0, 50_000_000), (0, 1, 125_000_000), (1, 1, 200_000_000)]);
    let none = by_kind(&[("2.0,0.0,2.0,0.0,0.0,0.0", NOTHING)]).valid();
    assert!(none.collateral_of(0).is_empty(), "what is not said to be collateral is none");
}

#[test]
fn l9_collateral_over_equity_by_one_unit_is_named() {
    let cells = "2.0,0.0,2.0,0.5,1.25,0.25000001";
    assert_eq!(
        by_kind(&[(NOTHING, NOTHING), (cells, NOTHING)]).refused(),
        "shard0.csv line 3: BTC collateral 0.5 and 1.25 and 0.25000001 exceeds the equity 2 in total"
    );
    let refused = by_kind(&[("2.0,0.0,2.0,1e30,1e9,-1", NOTHING)]).refused();
    assert!(refused.starts_with("shard0.csv line 2: BTC portfolio_margin collateral \"-1\" is negative"), "{refused}");
}

#[test]
fn collateral_with_more_decimals_than_the_balance_gets_the_scale_that_it_needs() {
    let snapshot = by_kind(&[("1.5,0.0,1.5,0.0,0.123456789,0.0", NOTHING)]).valid();
    assert_eq!(snapshot.assets().iter().find(|asset| asset.symbol == "BTC").unwrap().scale, 9);
    assert_eq!(snapshot.collateral_of(0)[0].amount, 123_456_789);
}

#[test]
fn l10_debt_over_collateral_by_one_unit_is_named() {
    // 1.5 BTC in a VIP loan are worth 1,500 and count 1,250; 0.1 BTC of margin count 90; 3 OLD count 2.985
    let row = |debt: &'static str| by_kind(&[("1.6,0.0,1.6,1.5,0.1,0.0", NOTHING), ("1.6,0.0,1.6,1.5,0.1,0.0", debt)]);
    row("3.0,1342.985,-1339.985,0.0,3.0,0.0").valid();
    assert_eq!(
        row("3.0,1342.98500001,-1339.98500001,0.0,3.0,0.0").refused(),
        format!(
            "shard0.csv line 3: customer \"{}\" owes 1342.98500001 USDT, but the collateral counts for 1342.985 only",
            "02".repeat(32)
        )
    );
    // far beyond 128 bits in the smallest units of a value
    let huge = "184467440737.0,0.0,184467440737.0,0.0,184467440737.0,0.0";
    by_kind(&[(huge, "0.0,184467440737.0,-184467440737.0,0.0,0.0,0.0")]).valid();
}

#[test]
fn l11_tables_that_are_damaged_or_missing_are_refused() {
    let shard = format!("{KINDS_HEADER}\n");
    assert_eq!(
        Case::new().raw(shard.as_bytes()).refused(),
        "shard0.csv line 1: the columns tell kinds of collateral, but no info file with the collateral tables \
         (cex_assets_info.csv) is among the files to import"
    );
    for (from, to, sentence) in [
        ("[0-5:99]", "[0-5:99", "4: NEW margin table: \"[0-5:99\" is not of the form [0-10000:100,10000-20000:90]"),
        (
            "1000-2000:50",
            "1001-2000:50",
            "2: BTC vip_loan table: tier 1001-2000:50 begins at 1001 and leaves a gap: the \
          tier before ends at 1000",
        ),
        ("\"new\"", "\"BTC\"", "4: token BTC is in line 2 already"),
        ("96500.00", "dear", "2: BTC price \"dear\" is not a plain decimal number"),
    ] {
        let case = Case::new().shard(&[row(1, ZEROS, ZEROS)]).raw(INFO.replace(from, to).as_bytes());
        assert_eq!(case.refused(), format!("shard1.csv line {sentence}"));
    }
    let twice = Case::new().shard(&[row(1, ZEROS, ZEROS)]).raw(INFO.as_bytes()).raw(INFO.as_bytes());
    assert_eq!(
        twice.refused(),
        "shard2.csv: contains prices and collateral tables, but shard1.csv does too; give only one such file"
    );
    assert!(matches!(Case::new().raw(INFO.as_bytes()).import(), Err(ImportError::Write(_))));
}

#[test]
fn l2_six_columns_in_disorder_are_refused() {
    for (from, to) in [("m_old,pm_old", "pm_old,m_old"), ("pm_btc,", ""), ("vl_btc", "vl_old")] {
        let header = KINDS_HEADER.replacen(from, to, 1);
        let refused = Case::new().raw(format!("{header}\n").as_bytes()).raw(INFO.as_bytes()).refused();
        assert!(refused.starts_with("shard0.csv line 1: "), "{to}: {refused}");
    }
}

/// The current layout as it is published: 27 columns, prices in the info file, net columns that are 0 or a difference of floats.
mod current {
    use super::*;

    const TOKENS: [&str; 4] = ["btc", "eth", "bnb", "shib"];
    /// In units of 10^-8 USDT.
    const PRICES: [u128; 4] = [6_510_022_000_000, 362_056_000_000, 61_023_000_000, 1797];
    const CUSTOMERS: u64 = 200;

    fn header() -> String {
        let columns: Vec<_> = TOKENS.iter().map(|t| format!("e_{t},d_{t},{t},vl_{t},m_{t},pm_{t}")).collect();
        format!("rn,id,{},total_net_balance_usdt", columns.join(","))
    }

    /// The info file under one of its two headers. The first 10,000 USDT of each kind count whole; SHIB is no collateral.
    fn info(header: &str) -> String {
        let table = "\"[0-10000:100,10000-20000:90]\"";
        let row = |(token, price): (&&str, &u128)| {
            let tables = if *token == "shib" { "\"\",\"\",\"\"".to_owned() } else { [table; 3].join(",") };
            format!("{token},{}.{:08},{tables}\r\n", price / 100_000_000, price % 100_000_000)
        };
        format!("{header}\r\n{}", TOKENS.iter().zip(&PRICES).map(row).collect::<String>())
    }

    #[derive(Clone, Copy, PartialEq)]
    enum Row {
        Honest,
        MoreCollateralThanEquity,
        MoreDebtThanCollateral,
    }

    fn text(units: u128) -> String {
        format!("{}.{:08}", units / 100_000_000, units % 100_000_000)
    }

    /// Collateral is 7/8 of the equity; the debt is 4/5 of it, or 9/10 if it is too much.
    fn row(customer: u64, kind: Row) -> String {
        let mut cells = vec![customer.to_string(), format!("{customer:064x}")];
        for (token, price) in TOKENS.iter().zip(&PRICES) {
            // worth between 800 and 8,000 USDT
            let worth = 800 + u128::from(customer * 7919 % 7200);
            let equity = worth * 10_000_000_000_000_000 / price / 80 * 80;
            let pm = if kind == Row::MoreCollateralThanEquity { equity / 2 } else { equity / 8 };
            let debt = match (*token, kind) {
                ("shib", _) => 0,
                (_, Row::MoreDebtThanCollateral) => equity / 10 * 9,
                _ => equity / 5 * 4,
            };
            let net = if kind == Row::Honest { "0".to_owned() } else { format!("{}00000007", text(equity - debt)) };
            cells.extend([text(equity), text(debt), net, text(equity / 2), text(equity / 4), text(pm)]);
        }
        cells.push("0.0".to_owned());
        format!("{}\r\n", cells.join(","))
    }

    /// Two shards of 100 rows; the first 10 and the first 20 of them break a rule.
    fn shards(row_of: impl Fn(u64, Row) -> Option<String>) -> Vec<String> {
        let shard = |(first, broken): (u64, u64)| {
            let rows = (first..first + CUSTOMERS / 2).filter_map(|customer| {
                let kind = match customer - first {
                    place if place >= broken => Row::Honest,
                    place if place % 2 == 0 => Row::MoreCollateralThanEquity,
                    _ => Row::MoreDebtThanCollateral,
                };
                row_of(customer, kind)
            });
            format!("{}\r\n{}", header(), rows.collect::<String>())
        };
        [(0, 10), (CUSTOMERS / 2, 20)].map(shard).into()
    }

    fn files(shards: &[String], header: &str) -> testing::Files {
        let files = testing::Files::new().with("info.csv", &info(header));
        shards.iter().enumerate().fold(files, |files, (number, shard)| files.with(&format!("users{number}.csv"), shard))
    }

    const NAMES: [&str; 3] = ["users0.csv", "info.csv", "users1.csv"];
    const HEADERS: [&str; 2] = [
        "symbol,usdt_price,loan_tiers_ratio,margin_tiers_ratio,portfolio_tiers_ratio",
        "token,asset_usdt_price,collateral_vip_loan_ratio_tiers,collateral_margin_ratio_tiers,\
         collateral_portfolio_margin_ratio_tiers",
    ];

    #[test]
    fn l9_l10_exactly_the_thirty_of_two_hundred_customers_are_named_that_break_a_rule() {
        let shards = shards(|customer, kind| Some(row(customer, kind)));
        assert_eq!(shards[0].lines().next().unwrap().split(',').count(), 27);
        let refused = files(&shards, HEADERS[0]).refused(Format::Binance, &NAMES);
        let named: std::collections::BTreeSet<_> =
            refused.lines().map(|line| line.split_once(": ").unwrap().0.to_owned()).collect();
        let broken = [("users0.csv", 10), ("users1.csv", 20)]
            .into_iter()
            .flat_map(|(file, broken)| (2..broken + 2).map(move |line| format!("{file} line {line}")));
        assert_eq!(named, broken.collect());
        for sentence in ["users0.csv line 2: BTC collateral", "users0.csv line 3: customer \"000"] {
            assert!(refused.contains(sentence), "{refused}");
        }
    }

    #[test]
    fn the_others_become_a_ledger_with_the_prices_of_the_info_file() {
        let shards = shards(|customer, kind| (kind == Row::Honest).then(|| row(customer, kind)));
        for header in HEADERS {
            let files = files(&shards, header);
            let summary = files.import(Format::Binance, &NAMES).unwrap();
            assert_eq!((summary.accounts, summary.assets), (170, 4));
            let snapshot = files.checked();
            let assets: Vec<_> =
                snapshot.assets().iter().map(|a| (a.symbol.as_str(), a.price.unwrap().to_string(), a.scale)).collect();
            assert_eq!(assets[0], ("BTC", "65100.22".to_owned(), 8));
            assert_eq!((assets[3].0, assets[3].1.as_str()), ("SHIB", "0.00001797"));
            assert_eq!(snapshot.collateral_kinds(), ["vip_loan", "margin", "portfolio_margin"]);
        }
    }

    #[test]
    fn a_held_token_that_the_info_file_does_not_price_is_named() {
        let shards = shards(|customer, kind| (kind == Row::Honest).then(|| row(customer, kind)));
        let files = files(&shards, HEADERS[0]);
        let without = info(HEADERS[0]).replace("shib,", "other,");
        let refused = files.with("info.csv", &without).refused(Format::Binance, &NAMES);
        assert!(refused.starts_with("users0.csv line 2: SHIB has a balance but no price"), "{refused}");
    }
}

#[test]
fn a_header_that_is_not_the_layout_shows_the_first_column_that_differs() {
    for (from, to, sentence) in [
        ("rn,id", "rn,uid", "column 2 is \"uid\", not id"),
        ("d_btc", "debt_btc", "column 4 is \"debt_btc\", not d_btc"),
        ("e_old,d_old,old,", "", "column 11 is \"old_usdt_price\", not total_net_balance_usdt"),
        ("btc_udst_price,", "", "column 12 is \"doge_udst_price\", not e_ and a token, with which its columns begin"),
        (
            ",total_net_balance_usdt",
            "",
            "the last column, number 14, is \"old_usdt_price\", not total_net_balance_usdt",
        ),
    ] {
        let refused = Case::new().raw(format!("{}\n", HEADER.replace(from, to)).as_bytes()).refused();
        assert_eq!(refused, format!("shard0.csv line 1: {sentence}"), "{to}");
    }
}

#[test]
fn l4_a_held_token_without_a_price_is_named_with_the_row() {
    let refused = Case::new().shard(&[row(1, ZEROS, "1.0,0.0,1.0").replace(",0.07239000,", ",,")]).refused();
    assert!(refused.starts_with("shard0.csv line 2: DOGE has a balance but no price: give a file"), "{refused}");
}

/// A file of the exchange's published archive.
fn published(name: &str) -> PathBuf {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data");
    let data = std::env::var_os("TEST_DATA").map_or(PathBuf::from(default), PathBuf::from);
    data.join("binance").join(name)
}

#[test]
#[ignore = "needs published data: .ci/run published"]
fn the_published_tables_become_tiers_of_the_published_shards() {
    let files = ["sample_users0", "cex_assets_info", "sample_users1"].map(|name| published(&format!("{name}.csv")));
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    import_files(&files, &out).unwrap();
    let snapshot = check(&out, &Limits::default(), &Silent).unwrap();
    assert_eq!(snapshot.account_count(), 200);
    let info = fs::read_to_string(&files[1]).unwrap();
    for (number, asset) in snapshot.assets().iter().enumerate() {
        let line = info.lines().find(|line| line.starts_with(&format!("\"{}\",", asset.symbol.to_lowercase())));
        let margin = line.map_or("", |line| line.split("\",\"").nth(3).unwrap());
        let expected = if asset.price.is_some_and(|p| p.units > 0) { margin.matches(':').count() } else { 0 };
        let found = snapshot.tiers().iter().filter(|tier| usize::from(tier.asset) == number).count();
        assert_eq!(found, expected, "{}", asset.symbol);
    }
    assert!(snapshot.tiers().len() > 300);
}

/// Adds two non-negative decimal texts digit by digit; shares nothing with the module under test.
fn add_text(a: &str, b: &str) -> String {
    let parts = |text: &str| {
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        (whole.to_owned(), part.to_owned())
    };
    let ((mut aw, mut ap), (mut bw, mut bp)) = (parts(a), parts(b));
    let (whole, part) = (aw.len().max(bw.len()), ap.len().max(bp.len()));
    for (w, p) in [(&mut aw, &mut ap), (&mut bw, &mut bp)] {
        *w = format!("{w:0>whole$}");
        *p = format!("{p:0<part$}");
    }
    let (mut carry, mut digits) = (0, Vec::new());
    for (x, y) in (aw + &ap).bytes().rev().zip((bw + &bp).bytes().rev()) {
        let sum = x - b'0' + y - b'0' + carry;
        digits.push((b'0' + sum % 10) as char);
        carry = sum / 10;
    }
    digits.push((b'0' + carry) as char);
    let text: String = digits.into_iter().rev().collect();
    let (w, p) = text.split_at(text.len() - part);
    let w = w.trim_start_matches('0');
    let p = p.trim_end_matches('0');
    let w = if w.is_empty() { "0" } else { w };
    if p.is_empty() { w.to_owned() } else { format!("{w}.{p}") }
}

/// `8.978e-05` as `0.00008978`, by moving characters.
fn without_exponent(text: &str) -> String {
    let Some((mantissa, exponent)) = text.split_once('e') else {
        return text.to_owned();
    };
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent: i32 = exponent.parse().unwrap();
    if exponent < 0 {
        let zeros = "0".repeat(exponent.unsigned_abs() as usize);
        let digits = format!("{zeros}{whole}");
        let (w, p) = digits.split_at(whole.len());
        format!("{w}.{p}{part}")
    } else {
        let digits = format!("{part:0<width$}", width = exponent as usize);
        let (w, p) = digits.split_at(exponent as usize);
        format!("{whole}{w}.{p}")
    }
}

#[test]
#[ignore = "needs published data: .ci/run published"]
fn the_published_shards_import_with_totals_that_an_independent_sum_confirms() {
    let shards = [0, 1].map(|n| published(&format!("sample_users{n}.csv")));
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let imported = import_files(&shards, &out).unwrap();
    assert_eq!((imported.accounts, imported.assets), (200, 316));
    let snapshot = check(&out, &Limits::default(), &Silent).unwrap();
    assert_eq!((snapshot.account_count(), snapshot.assets().len()), (200, 316));
    let entries: usize = snapshot.holdings().iter().map(crate::ledger::Holding::entries).sum();
    assert_eq!(entries, 1595);

    let mut sums = vec![["0".to_owned(), "0".to_owned()]; 316];
    for shard in &shards {
        let text = fs::read_to_string(shard).unwrap();
        for line in text.lines().skip(1) {
            let cells: Vec<&str> = line.split(',').collect();
            for (asset, sum) in sums.iter_mut().enumerate() {
                for (side, sum) in sum.iter_mut().enumerate() {
                    *sum = add_text(sum, &without_exponent(cells[2 + 3 * asset + side]));
                }
            }
        }
    }
    for ((asset, total), sum) in snapshot.assets().iter().zip(snapshot.totals()).zip(&sums) {
        let text = [total.equity, total.debt].map(|units| assay_core::decimal::format_units(units, asset.scale));
        assert_eq!(&text, sum, "{}", asset.symbol);
    }
}
