//! What a plan is made of: each account is split once, and everything else follows from its entries.

#![allow(clippy::unwrap_used)]
use std::sync::atomic::AtomicBool;

use assay_core::{
    field::F,
    identity::{MasterSecret, shard_of},
    tree::batch_levels,
};
use assay_programs::ledger::{
    page::Page,
    shape::{Family, Shape},
    statement::{COVER_COLUMNS, ColumnKind, Statement},
};
use ff::Field;
use tempfile::TempDir;

use super::{
    error::AttestError,
    rates::MachineRates,
    record::page_of,
    shapes::ShapeChoice,
    shards::{Choice, ShardChoice},
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

fn prepare(snapshot: &Snapshot, shape: ShapeChoice) -> Result<Prepared, AttestError> {
    divide(snapshot, shape, 1)
}

fn divide(snapshot: &Snapshot, shape: ShapeChoice, shards: u32) -> Result<Prepared, AttestError> {
    let choice = Choice { shape, shards: ShardChoice::Count(shards) };
    Prepared::new(snapshot, &MasterSecret::new([7; 32]), &choice, &AtomicBool::new(false), &Silent)
}

/// Every page that the fold of a shard takes in.
fn pages_of(prepared: &Prepared, shard: u32) -> Vec<Page> {
    (0..prepared.steps(shard)).flat_map(|step| prepared.batch(shard, step)).collect()
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
        let (folded, again) = counting(|| pages_of(&prepared, 0).len());
        assert_eq!((folded, again), (prepared.steps(0) * prepared.shape().batch(), 0), "{family:?}");
    }
}

#[test]
fn the_pages_sum_to_the_columns_and_hash_to_the_roots_in_any_number_of_shards() {
    for rules in [false, true] {
        let (_root, snapshot) = ledger(rules);
        let whole = prepare(&snapshot, ShapeChoice::Auto).unwrap();
        for shards in [1, 2, 7] {
            let prepared = divide(&snapshot, ShapeChoice::Auto, shards).unwrap();
            let (statement, shape) = (prepared.statement(), prepared.shape());
            let pages: Vec<Vec<Page>> = (0..shards).map(|shard| pages_of(&prepared, shard)).collect();
            for (shard, pages) in (0..shards).zip(&pages) {
                let roots = pages.chunks(shape.batch()).map(|batch| {
                    let leaves: Vec<F> = batch.iter().map(Page::leaf).collect();
                    batch_levels(&leaves)[shape.depths.batch][0]
                });
                assert!(roots.eq(prepared.batch_roots(shard).iter().copied()));
                let root = assay_core::field::to_hex(&prepared.tree(shard).root());
                assert_eq!(statement.shards[shard as usize].root, root);
            }
            for column in &statement.columns {
                let all = || pages.iter().flatten();
                let open = all().flat_map(|p| &p.entries).filter(|e| e.column == column.index);
                let capped = all().flat_map(|p| &p.capped).filter(|e| e.column == column.index);
                let held = open.map(|e| e.quantity).chain(capped.map(|e| e.quantity));
                let sum: u128 = held.map(u128::from).sum();
                assert_eq!(sum.to_string(), column.total, "{:?}", column.kind);
                let before = whole.statement().columns.iter().find(|c| c.kind == column.kind);
                assert_eq!(before.map(|c| &c.total), Some(&column.total).filter(|_| column.kind != ColumnKind::Cover));
            }
            let results = |s: &Statement| s.rules.clone().map(|r| r.results);
            assert_eq!(results(statement), results(whole.statement()));
            let records: Vec<(u64, Page)> =
                prepared.page_records().map(|(at, r)| (at, page_of(shape, &r).unwrap())).collect();
            let capacity = shape.capacity();
            assert!(records.iter().all(|(at, page)| {
                let (shard, index) = (*at as usize / capacity, *at as usize % capacity);
                pages[shard][index] == *page
            }));
            assert_eq!(records.len() as u64, prepared.pages());
            assert_eq!(prepared.page_counts().iter().sum::<u64>(), prepared.pages());
        }
        // the columns of assets, debts and collateral account for all equity and debt
        let totals: u128 = snapshot.totals().iter().map(|t| t.equity + t.debt).sum();
        let of_assets = whole.statement().columns.iter().filter(|c| c.kind.asset().is_some());
        let stated: u128 = of_assets.map(|c| c.total.parse::<u128>().unwrap()).sum();
        assert_eq!(stated, totals);
    }
}

#[test]
fn accounts_lie_in_the_shard_of_their_identity_and_each_shard_has_one_cover() {
    for rules in [false, true] {
        let (_root, snapshot) = ledger(rules);
        let prepared = divide(&snapshot, ShapeChoice::Auto, 7).unwrap();
        assert_eq!(prepared.accounts(), ACCOUNTS);
        let covers: Vec<u16> = {
            let columns = prepared.statement().columns.iter().filter(|c| c.kind == ColumnKind::Cover);
            columns.map(|c| c.index).collect()
        };
        assert_eq!(covers.len(), COVER_COLUMNS);
        let (mut accounts, mut last) = (0, F::ZERO);
        for shard in 0..7 {
            let mut own = std::collections::BTreeSet::new();
            for page in pages_of(&prepared, shard).iter().filter(|page| page.identity != F::ZERO) {
                assert_eq!(shard_of(&page.identity, 7), u64::from(shard));
                assert!(page.identity >= last);
                last = page.identity;
                accounts += u64::from(page.first);
                let held: Vec<u16> = page.entries.iter().filter(|e| e.quantity > 0).map(|e| e.column).collect();
                if held.iter().any(|column| covers.contains(column)) {
                    own.insert(assay_core::field::to_hex(&page.identity));
                    assert!(held.iter().all(|column| covers.contains(column)), "a cover holds nothing else");
                }
            }
            assert_eq!(own.len(), 1, "one cover a shard");
        }
        assert_eq!(accounts, ACCOUNTS + 7);
        let again = divide(&snapshot, ShapeChoice::Auto, 7).unwrap();
        assert_eq!(again.statement(), prepared.statement());
    }
}

/// Two statements with one cover: each gives an equation on the same covered totals, under a challenge of its own.
#[test]
fn no_two_statements_of_a_ledger_share_a_cover() {
    let (root, snapshot) = ledger(false);
    let manifest = root.path().join("ledger/manifest.toml");
    let text = std::fs::read_to_string(&manifest).unwrap();
    let with = |text: String| {
        std::fs::write(&manifest, text).unwrap();
        check(&root.path().join("ledger"), &Limits::default(), &Silent).unwrap()
    };
    let padded = with(format!("{text}\n[privacy]\npages_at_least = 100000\n"));
    let later = with(text.replace("2026-01-01T", "2026-01-02T"));
    let named = |name| ShapeChoice::Named(Shape::named(name).unwrap());
    let prepared = [
        divide(&snapshot, named("solvency-512"), 7),
        divide(&snapshot, named("solvency-512"), 6),
        divide(&snapshot, named("solvency-64"), 7),
        divide(&padded, named("solvency-512"), 7),
        divide(&later, named("solvency-512"), 7),
    ];
    let mut seen = std::collections::BTreeSet::new();
    for prepared in prepared.map(Result::unwrap) {
        let covers = prepared.statement().columns.iter().filter(|c| c.kind == ColumnKind::Cover);
        assert!(covers.map(|c| c.total.clone()).all(|total| seen.insert(total)));
    }
    assert_eq!(seen.len(), 5 * COVER_COLUMNS);
}

#[test]
fn s4_the_steps_show_no_fewer_pages_than_the_exchange_asks_for() {
    let (root, _) = ledger(false);
    let manifest = root.path().join("ledger/manifest.toml");
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, format!("{text}\n[privacy]\npages_at_least = 100000\n")).unwrap();
    let snapshot = check(&root.path().join("ledger"), &Limits::default(), &Silent).unwrap();
    for shards in [1, 3] {
        let prepared = divide(&snapshot, ShapeChoice::Auto, shards).unwrap();
        let batch = prepared.shape().batch() as u64;
        assert!(prepared.pages() < 50_000 && prepared.all_steps() * batch >= 100_000, "{shards}");
        assert!(prepared.all_steps() * batch < 100_000 + 3 * batch, "{shards}");
    }
    let small = Shape::named("solvency-64").unwrap();
    std::fs::write(&manifest, format!("{text}\n[privacy]\npages_at_least = 300000\n")).unwrap();
    let snapshot = check(&root.path().join("ledger"), &Limits::default(), &Silent).unwrap();
    let Err(AttestError::NotValid(reason)) = prepare(&snapshot, ShapeChoice::Named(small)) else {
        panic!("one tree of 262,144 pages shows no 300,000");
    };
    assert!(reason.contains("pages_at_least is 300000; 1 shards of solvency-64 hold 262144"), "{reason}");
    assert!(divide(&snapshot, ShapeChoice::Named(small), 2).is_ok());
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
    assert!(reason.starts_with("the ledger needs ") && reason.contains("solvency-8 holds 512 pages"), "{reason}");
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
