//! What a plan is made of: each account is split once, and everything else follows from its entries.

#![allow(clippy::unwrap_used)]
use std::sync::atomic::AtomicBool;

use assay_core::{field::F, identity::MasterSecret, tree::batch_levels};
use assay_programs::ledger::{
    page::Page,
    shape::{Family, Shape},
};
use tempfile::TempDir;

use super::{
    error::AttestError,
    rates::MachineRates,
    record::{page_of, upper_nodes},
    shapes::ShapeChoice,
    split::counted,
    stages::Prepared,
};
use crate::{
    ledger::{
        Limits, Snapshot, check,
        sample::{Options, sample},
    },
    progress::Silent,
};

const ACCOUNTS: u64 = 5000;

fn ledger(rules: bool) -> (TempDir, Snapshot) {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("ledger");
    let taken_at = "2026-01-01T00:00:00Z".to_owned();
    sample(&Options { accounts: ACCOUNTS, seed: 1, taken_at, rules }, &dir, &Silent).unwrap();
    let snapshot = check(&dir, &Limits::default(), &Silent).unwrap();
    (root, snapshot)
}

fn prepare(snapshot: &Snapshot, choice: ShapeChoice) -> Result<Prepared, AttestError> {
    Prepared::new(snapshot, &MasterSecret::new([7; 32]), choice, &AtomicBool::new(false), &Silent)
}

/// `work` on one thread, and how many accounts were split in it.
fn counting<T: Send>(work: impl FnOnce() -> T + Send) -> (T, u64) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    pool.install(|| {
        counted::take();
        let result = work();
        (result, counted::take())
    })
}

#[test]
fn an_account_is_split_once_between_the_ledger_and_the_last_page_that_is_folded() {
    for (rules, family) in [(false, Family::Solvency), (true, Family::Compliance)] {
        let (_root, snapshot) = ledger(rules);
        let (prepared, planning) = counting(|| prepare(&snapshot, ShapeChoice::Auto).unwrap());
        assert_eq!(prepared.shape().family, family);
        assert_eq!(planning, ACCOUNTS, "{family:?}");
        // what is written or copied into the database, and what is folded
        let (records, again) = counting(|| prepared.page_records().count() as u64);
        assert_eq!((records, again), (prepared.pages(), 0), "{family:?}");
        let (folded, again) = counting(|| (0..prepared.steps()).map(|step| prepared.batch(step).len()).sum::<usize>());
        assert_eq!((folded, again), (prepared.steps() * prepared.shape().batch(), 0), "{family:?}");
    }
}

#[test]
fn the_pages_sum_to_the_columns_and_hash_to_the_root() {
    for rules in [false, true] {
        let (_root, snapshot) = ledger(rules);
        let prepared = prepare(&snapshot, ShapeChoice::Auto).unwrap();
        let (statement, shape) = (prepared.statement(), prepared.shape());
        let pages: Vec<Page> = (0..prepared.steps()).flat_map(|step| prepared.batch(step)).collect();
        let roots = pages.chunks(shape.batch()).map(|batch| {
            let leaves: Vec<F> = batch.iter().map(Page::leaf).collect();
            batch_levels(&leaves)[shape.depths.batch][0]
        });
        assert!(roots.eq(prepared.batch_roots().iter().copied()));
        for column in &statement.columns {
            let open = pages.iter().flat_map(|p| &p.entries).filter(|e| e.column == column.index);
            let capped = pages.iter().flat_map(|p| &p.capped).filter(|e| e.column == column.index);
            let sum: u128 = open.map(|e| u128::from(e.quantity)).chain(capped.map(|e| u128::from(e.quantity))).sum();
            assert_eq!(sum.to_string(), column.total, "{:?}", column.kind);
        }
        // the columns of assets, debts and collateral account for all equity and debt
        let totals: u128 = snapshot.totals().iter().map(|t| t.equity + t.debt).sum();
        let of_assets = statement.columns.iter().filter(|c| c.kind.asset().is_some());
        let stated: u128 = of_assets.map(|c| c.total.parse::<u128>().unwrap()).sum();
        assert_eq!(stated, totals);
        let records: Vec<Page> = prepared.page_records().map(|r| page_of(shape, &r).unwrap()).collect();
        assert_eq!(records, pages[..records.len()]);
        assert_eq!(prepared.tree_nodes().count(), upper_nodes(prepared.tree()).count());
    }
}

#[test]
fn planning_twice_gives_the_same_statement_on_any_number_of_threads() {
    let (_root, snapshot) = ledger(true);
    let several = prepare(&snapshot, ShapeChoice::Auto).unwrap();
    let (one, _) = counting(|| prepare(&snapshot, ShapeChoice::Auto).unwrap());
    assert_eq!(several.statement(), one.statement());
}

#[test]
fn a_ledger_that_does_not_fit_the_shape_is_refused_with_its_pages() {
    let (_root, snapshot) = ledger(false);
    let small = Shape::named("solvency-8").unwrap();
    let Err(AttestError::NotValid(reason)) = prepare(&snapshot, ShapeChoice::Named(small)) else {
        panic!("5,000 accounts do not fit 512 pages");
    };
    assert!(reason.starts_with("the ledger needs ") && reason.ends_with("solvency-8 holds 512 pages"), "{reason}");
}

#[test]
fn an_unfinished_run_keeps_its_shape_unless_the_choice_could_not_have_made_it() {
    let (_root, snapshot) = ledger(false);
    let begun = |name| Shape::named(name).ok();
    let chosen = |choice: ShapeChoice, name| match choice.or_begun(begun(name), &snapshot) {
        ShapeChoice::Named(shape) => Some(shape.name),
        _ => None,
    };
    for auto in [ShapeChoice::Auto, ShapeChoice::Auto.by(MachineRates::default())] {
        assert_eq!(chosen(auto.clone(), "solvency-512"), Some("solvency-512"));
        // of another family, for tests, and none
        for other in ["compliance-64", "solvency-8", ""] {
            assert_eq!(chosen(auto.clone(), other), None, "{other}");
        }
    }
    let named = ShapeChoice::Named(Shape::named("solvency-64").unwrap()).by(MachineRates::default());
    assert_eq!(chosen(named, "solvency-512"), Some("solvency-64"));
}
