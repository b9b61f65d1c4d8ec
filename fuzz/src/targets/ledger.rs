//! A ledger's files, its manifest, and the records of its pages.

use std::{fs, path::Path, sync::OnceLock};

use assay::{
    attest::{page_of, record as record_of},
    ledger::{Asset, CheckError, Findings, Limits, Manifest, Snapshot, check},
    progress::Silent,
};
use assay_core::decimal::ExactSum;
use assay_programs::ledger::shape::Shape;

use super::verdict::Verdict;

/// Files that every ledger has, with what stands in them where the input says nothing else.
pub const LEDGER_FILES: [(&str, &str); 4] = [
    (
        "manifest.toml",
        "[exchange]\nname = \"Test\"\ndomain = \"test.example\"\n\n[snapshot]\nid = \"s-1\"\n\
         taken_at = \"2026-11-01T00:00:00Z\"\nblock_heights = { bitcoin = 870000 }\n",
    ),
    ("assets.csv", "symbol,scale,price,quote\nBTC,8,96500.00,USDT\nETH,10,3300,USDT\nOLD,2,,USDT\n"),
    ("accounts.csv", "account,class\nalice,0\nbob,3\ncarol,255\n"),
    ("balances.csv", "account,asset,equity,debt\nbob,ETH,2.5,0\nalice,ETH,0,1\nalice,BTC,8.978e-05,0.5\nbob,OLD,0,0\n"),
];
const OTHER_FILES: [&str; 10] = [
    "reserves.csv",
    "classes.csv",
    "instruments.csv",
    "limits.csv",
    "tiers.csv",
    "positions.csv",
    "collateral.csv",
    "balances.csv.gz",
    "balances.csv.zst",
    "positions.csv.gz",
];
/// A line that begins so begins the file that it names.
const MARK: &[u8] = b"=== ";
const LIMITS: Limits = Limits { max_decompressed_bytes: 1 << 20, max_ratio: 200, max_errors_kept: 20 };

/// Small ledgers: the input is some of their files, each behind a line `=== NAME`. What is accepted adds up, is sorted, and can be
/// written and checked again with the same result; what is refused comes with a bounded list of findings, and is never blamed on the
/// machine.
pub fn ledger(data: &[u8]) -> Verdict {
    let mut files: Vec<(&str, Vec<u8>)> = given_files(data);
    for (name, content) in LEDGER_FILES {
        if !files.iter().any(|(given, _)| given.strip_prefix(name).is_some()) {
            files.push((name, content.into()));
        }
    }
    let snapshot = match check_files(&files) {
        Ok(snapshot) => snapshot,
        Err(CheckError::NotValid(findings)) => {
            examine(&findings);
            return Verdict::Refused;
        }
        Err(CheckError::Environment(error)) => panic!("the machine is blamed for the ledger: {error}"),
    };
    adds_up(&snapshot);
    let mut manifest = snapshot.manifest().clone();
    // rows that hold nothing are not written again
    manifest.rows = None;
    files.retain(|(name, _)| {
        !name.starts_with("accounts.") && !name.starts_with("balances.") && *name != "manifest.toml"
    });
    let (accounts, balances) = written(&snapshot);
    let manifest = toml::to_string(&manifest).expect("a manifest that was read can be written");
    files.extend([("accounts.csv", accounts), ("balances.csv", balances), ("manifest.toml", manifest.into_bytes())]);
    let again = check_files(&files).expect("a ledger that was accepted is accepted again");
    assert_eq!(again.digest(), snapshot.digest());
    Verdict::Accepted
}

fn given_files(data: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut files: Vec<(&str, Vec<u8>)> = Vec::new();
    for line in data.split_inclusive(|byte| *byte == b'\n') {
        let name = line.strip_prefix(MARK).and_then(|name| known_file(name.trim_ascii_end()));
        let is_new = |name: &&str| files.iter().all(|(given, _)| given != name);
        match (name.filter(is_new), files.last_mut()) {
            (Some(name), _) => files.push((name, Vec::new())),
            (None, Some((_, content))) => content.extend(line),
            (None, None) => files.push(("balances.csv", line.to_vec())),
        }
    }
    files
}

fn known_file(name: &[u8]) -> Option<&'static str> {
    let required = LEDGER_FILES.iter().map(|(name, _)| *name);
    required.chain(OTHER_FILES).find(|known| known.as_bytes() == name)
}

fn check_files(files: &[(&str, Vec<u8>)]) -> Result<Snapshot, CheckError> {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| tempfile::tempdir().expect("a scratch folder")).path();
    let path = |name: &str| Path::join(folder, name);
    files.iter().for_each(|(name, content)| fs::write(path(name), content).expect("a scratch file"));
    let result = check(folder, &LIMITS, &Silent);
    files.iter().for_each(|(name, _)| fs::remove_file(path(name)).expect("a scratch file"));
    result
}

fn examine(findings: &Findings) {
    assert!(findings.total > 0 && findings.findings.len() <= LIMITS.max_errors_kept, "{} findings", findings.total);
    assert!(findings.findings.len() as u64 <= findings.total);
    for finding in &findings.findings {
        assert!(!finding.file.is_empty() && !finding.reason.is_empty() && finding.line != Some(0), "{finding:?}");
        assert!(!finding.reason.chars().any(char::is_control), "a control character would be printed: {finding:?}");
    }
}

/// Sums, order and bounds.
fn adds_up(snapshot: &Snapshot) {
    let mut totals = vec![(0u128, 0u128); snapshot.assets().len()];
    assert!(snapshot.account_count() > 0);
    let mut before = None;
    for holding in snapshot.holdings() {
        assert!(before < Some((holding.account, holding.asset)), "holdings are not in order");
        before = Some((holding.account, holding.asset));
        assert!(holding.equity > 0 || holding.debt > 0);
        let total = &mut totals[usize::from(holding.asset)];
        *total = (total.0 + u128::from(holding.equity), total.1 + u128::from(holding.debt));
    }
    assert!(snapshot.totals().iter().map(|t| (t.equity, t.debt)).eq(totals), "totals are not the sums");
    let mut reserves = vec![ExactSum::default(); snapshot.assets().len()];
    for line in snapshot.reserves() {
        reserves[usize::from(line.asset)].add(&line.fields[3]).expect("an amount that was read");
    }
    let rounded = |(sum, asset): (&ExactSum, &Asset)| sum.units(asset.scale).expect("a sum that fits").0;
    let reserves = reserves.iter().zip(snapshot.assets()).map(rounded);
    assert!(reserves.eq(snapshot.reserve_sums().iter().copied()), "reserves are not the sums rounded down");
    for account in 0..snapshot.account_count() as u32 {
        for pledged in snapshot.collateral_of(account) {
            let owned = snapshot.holdings_of(account).iter().find(|held| held.asset == pledged.asset);
            assert!(owned.is_some_and(|held| pledged.amount <= held.equity), "more is pledged than owned");
        }
    }
}

/// The accounts and balances of a snapshot as files.
fn written(snapshot: &Snapshot) -> (Vec<u8>, Vec<u8>) {
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let (mut accounts, mut balances) = ("account,class\n".to_owned(), "account,asset,equity,debt\n".to_owned());
    for account in 0..snapshot.account_count() as u32 {
        let reference = quoted(snapshot.account(account));
        accounts.push_str(&format!("{reference},{}\n", snapshot.class(account)));
        for held in snapshot.holdings_of(account) {
            let asset = &snapshot.assets()[usize::from(held.asset)];
            let amount = |units: u64| assay_core::decimal::format_units(u128::from(units), asset.scale);
            let (equity, debt) = (amount(held.equity), amount(held.debt));
            balances.push_str(&format!("{reference},{},{equity},{debt}\n", quoted(&asset.symbol)));
        }
    }
    (accounts.into_bytes(), balances.into_bytes())
}

/// `manifest.toml`: what is accepted can be written and is read back as the same.
pub fn manifest(data: &[u8]) -> Verdict {
    let Ok(text) = std::str::from_utf8(data) else { return Verdict::Refused };
    match Manifest::parse(text, LIMITS.max_errors_kept) {
        Ok(manifest) => {
            let text = toml::to_string(&manifest).expect("a manifest that was read can be written");
            assert_eq!(Manifest::parse(&text, 1).as_ref(), Ok(&manifest), "{text}");
            Verdict::Accepted
        }
        Err(findings) => {
            examine(&findings);
            Verdict::Refused
        }
    }
}

/// The shapes whose records are tried: one of each family, their records of different length.
pub fn record_shapes() -> [&'static Shape; 2] {
    ["solvency-8", "compliance-8"].map(|name| Shape::named(name).expect("a shape for tests"))
}

/// Records of pages: what is accepted is written back as the same bytes.
pub fn record(data: &[u8]) -> Verdict {
    let mut accepted = false;
    for shape in record_shapes() {
        let Some(page) = page_of(shape, data) else { continue };
        assert_eq!(record_of(&page), data, "a record with a second spelling");
        assert_eq!((page.entries.len(), page.capped.len()), (shape.entries(), shape.capped));
        let _ = page.leaf();
        accepted = true;
    }
    Verdict::when(accepted)
}
