//! Statements and inclusion files.

use std::{collections::BTreeMap, sync::OnceLock};

use assay_core::{
    check::Checks, decimal::parse_count, identity::MasterSecret, later::Later, sealed::Sealed,
    signature::SignatureState,
};
use assay_programs::{
    ledger::{
        inclusion::{Holding, Inclusion, verify_inclusion},
        policy::{asset_lines, policy_checks},
        report::LogState,
        shape::{ALL_COLUMNS, Shape},
        statement::{Statement, challenge},
    },
    testing::{test_inclusion, test_pages, test_statement},
};
use assay_verifier::{
    attested::Attested,
    report::{asset_table, inclusion_lines},
};

use super::verdict::Verdict;

/// Statements: what is accepted has one spelling and keeps its bounds, and everything that is derived from it can be derived.
pub fn statement(data: &[u8]) -> Verdict {
    let Ok(sealed) = Sealed::<Statement>::parse(data) else { return Verdict::Refused };
    assert_eq!(sealed.bytes(), data, "a statement with a second spelling");
    let again = Sealed::seal(sealed.clone().into_value()).expect("a statement that was read can be sealed");
    assert_eq!(again, sealed);
    let shape = sealed.shape().expect("a shape of the catalogue");
    for shard in &sealed.shards {
        assert!((1..=shape.max_steps() as u64).contains(&shard.steps), "{} steps", shard.steps);
    }
    assert!(sealed.columns.len() <= usize::from(ALL_COLUMNS), "{} columns", sealed.columns.len());
    for column in &sealed.columns {
        assert!(parse_count(&column.total).is_ok_and(|units| units.to_string() == column.total), "{}", column.total);
        assert_eq!(sealed.column(column.index), Some(column));
    }
    let book = sealed.book().expect("a book of what was validated");
    // in the solvency family the circuit takes in no book
    assert_eq!(book.len(), if sealed.rules.is_some() { sealed.columns.len() } else { 0 });
    assert!(
        sealed.book_digest().is_ok() && sealed.draft_bytes().is_ok() && sealed.fractions(challenge(&sealed)).is_ok()
    );
    let _ = sealed.limits();
    let lines = asset_lines(&sealed);
    for (line, asset) in lines.iter().zip(&sealed.assets) {
        assert_eq!((line.assets, line.debts), (sealed.customer_assets(&asset.symbol), sealed.debts(&asset.symbol)));
    }
    let mut checks = Checks::default();
    policy_checks(&mut checks, &lines, &sealed);
    assert_eq!(asset_table(&lines).len(), 1 + sealed.assets.len());
    Verdict::Accepted
}

/// A small ledger whose inclusion files are mangled.
pub struct InclusionLedger {
    /// A true statement about it.
    pub statement: Sealed<Statement>,
    /// The honest file of each account.
    pub files: Vec<Inclusion>,
    holdings: BTreeMap<String, Vec<Holding>>,
}

impl InclusionLedger {
    fn new(shape: &'static Shape) -> Self {
        const ACCOUNTS: usize = 5;
        let pages = test_pages(shape, ACCOUNTS, 5);
        let statement = Sealed::seal(test_statement(shape, &"0".repeat(64), &pages)).expect("a true statement");
        let secret = MasterSecret::new([5; 32]);
        let file = |a: usize| test_inclusion(shape, &statement, &pages, &secret, &format!("account {a}"));
        let files: Vec<Inclusion> = (0..ACCOUNTS).map(file).collect();
        let holdings = files.iter().map(|file| {
            let bytes = serde_json::to_vec(file).expect("an inclusion file");
            let report = verify_inclusion(Ok(&statement), &bytes, Some(&file.account));
            assert!(report.is_valid(), "the honest file of {}", file.account);
            (file.account.clone(), report.holdings)
        });
        Self { holdings: holdings.collect(), files, statement }
    }
}

/// The ledgers: one of each family.
pub fn inclusion_ledgers() -> &'static [InclusionLedger; 2] {
    static LEDGERS: OnceLock<[InclusionLedger; 2]> = OnceLock::new();
    LEDGERS.get_or_init(|| {
        ["solvency-8", "compliance-8"].map(|name| InclusionLedger::new(Shape::named(name).expect("a shape for tests")))
    })
}

/// Inclusion files: what is accepted says what the honest file of that account says.
pub fn inclusion(data: &[u8]) -> Verdict {
    let mut accepted = false;
    for ledger in inclusion_ledgers() {
        let report = verify_inclusion(Ok(&ledger.statement), data, None);
        let lines = inclusion_lines(
            &Attested::Unproved {
                checks: Checks::default(),
                signature: SignatureState::Missing,
                log: LogState::Unchecked,
                later: Later::default(),
            },
            &report,
        );
        let printable = |line: &String| !line.chars().any(char::is_control);
        assert!(lines.iter().all(printable), "control characters are printed: {lines:?}");
        if report.is_valid() {
            assert_eq!(ledger.holdings.get(&report.account), Some(&report.holdings), "of {}", report.account);
            assert!(!verify_inclusion(Ok(&ledger.statement), data, Some("another account")).is_valid());
            accepted = true;
        } else {
            assert!(report.holdings.is_empty() && report.measures.is_none(), "holdings of a file that does not hold");
        }
    }
    Verdict::when(accepted)
}
