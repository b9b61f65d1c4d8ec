//! What `check` must accept and what it must refuse; the names carry the numbers of the soundness cases.
#![allow(clippy::unwrap_used)]

mod files;
mod lines;
mod names;
mod numbers;
mod reserves;
mod rules;
mod totals;

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::{CheckError, Findings, Limits, Snapshot, check};
use crate::progress::Silent;

const MANIFEST: &str = "[exchange]\nname = \"Test\"\ndomain = \"test.example\"\n\n[snapshot]\nid = \"s-1\"\n\
    taken_at = \"2026-11-01T00:00:00Z\"\nblock_heights = { bitcoin = 870000 }\n";
const ASSETS: &str = "symbol,scale,price,quote\nBTC,8,96500.00,USDT\nETH,10,3300,USDT\nOLD,2,,USDT\n";
const ACCOUNTS: &str = "account,class\nalice,0\nbob,3\ncarol,255\n";
const BALANCES: &str =
    "account,asset,equity,debt\nbob,ETH,2.5,0\nalice,ETH,0,1\nalice,BTC,8.978e-05,0.5\nbob,OLD,0,0\n";
const RESERVES: &str = "asset,chain,address,amount,height,message,signature\nBTC,testnet,1abc,0.25,870000,,\n\
    BTC,testnet,1def,0.5,,\"we, the exchange\",c2ln\n";

/// A snapshot directory that is valid until a test changes it.
pub(super) struct Book(pub(super) tempfile::TempDir);

impl Book {
    pub(super) fn new() -> Self {
        let book = Self(tempfile::tempdir().unwrap());
        book.with("manifest.toml", MANIFEST)
            .with("assets.csv", ASSETS)
            .with("accounts.csv", ACCOUNTS)
            .with("balances.csv", BALANCES)
    }

    pub(super) fn with(self, name: &str, content: impl AsRef<[u8]>) -> Self {
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

    pub(super) fn valid(&self) -> Snapshot {
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
    let snapshot = Book::new().with("reserves.csv", RESERVES).with("README.md", "x").with(".hidden", "x").valid();
    assert_eq!(snapshot.manifest().snapshot.id, "s-1");
    assert_eq!(snapshot.manifest().snapshot.block_heights["bitcoin"], 870_000);
    assert_eq!(snapshot.account_count(), 3);
    assert_eq!((snapshot.account(1), snapshot.class(1)), ("bob", 3));
    assert_eq!(snapshot.account(2), "carol");
    let [btc, eth, old] = snapshot.assets() else { panic!() };
    assert_eq!((btc.symbol.as_str(), btc.scale, btc.quote.as_str()), ("BTC", 8, "USDT"));
    assert_eq!(btc.price.unwrap().to_string(), "96500");
    assert_eq!((eth.price.unwrap().units, eth.price.unwrap().scale, old.price), (3300, 0, None));
    let rows: Vec<_> = snapshot.holdings().iter().map(|h| (h.account, h.asset, h.equity, h.debt)).collect();
    assert_eq!(rows, [(0, 0, 8978, 50_000_000), (0, 1, 0, 10_000_000_000), (1, 1, 25_000_000_000, 0)]);
    assert_eq!([0, 1, 2].map(|account| snapshot.holdings_of(account).len()), [2, 1, 0]);
    assert_eq!((snapshot.totals()[1].equity, snapshot.totals()[1].debt), (25_000_000_000, 10_000_000_000));
    assert_eq!(snapshot.reserve_sums(), [75_000_000, 0, 0]);
    assert_eq!(snapshot.reserves()[1].fields[5], "we, the exchange");
    assert_eq!((snapshot.reserves()[0].asset, snapshot.reserves()[0].fields[3].as_str()), (0, "0.25"));
    assert_eq!(snapshot.coverage_bps(), Some(10_000));
}
