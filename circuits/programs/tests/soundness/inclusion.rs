//! What a customer is handed, altered in every way that matters.

use std::sync::OnceLock;

use assay_core::{
    field::{F, to_hex},
    identity::{MasterSecret, Scope, identity},
    sealed::Sealed,
    tree::{UpperTree, batch_levels},
};
use assay_programs::{
    ledger::{
        inclusion::{INCLUSION_PROTOCOL, IncludedPage, Inclusion, verify_inclusion},
        page::{Entry, Page},
        shape::Shape,
        statement::Statement,
    },
    testing::{TEST_SCOPE, batch_roots, test_statement},
};
use ff::Field;

struct Files {
    statement: Sealed<Statement>,
    /// Files of account 0 (three pages), 1 and 2 (one page each, equal balances).
    files: Vec<Inclusion>,
}

fn shape() -> &'static Shape {
    Shape::named("solvency-8").unwrap()
}

fn ledger() -> &'static Files {
    static LEDGER: OnceLock<Files> = OnceLock::new();
    LEDGER.get_or_init(|| make("test"))
}

fn make(snapshot: &str) -> Files {
    let secret = MasterSecret::new([3; 32]);
    let scope = Scope { series: snapshot, ..TEST_SCOPE };
    let name = |a: usize| format!("customer-{a}");
    let mut pages = vec![Page::padding(shape()); 5];
    let mut starts = Vec::new();
    for (a, count) in [3, 1, 1].into_iter().enumerate() {
        starts.push((pages.len(), count));
        for k in 0..count {
            pages.push(Page {
                identity: identity(&secret.salt(scope, &name(a)), scope, &name(a)),
                first: k == 0,
                remaining: (count - 1 - k) as u8,
                class: 2,
                entries: (0..6).map(|e| Entry { column: e, quantity: 500 + u64::from(e) * (k as u64 + 1) }).collect(),
                ..Page::padding(shape())
            });
        }
    }
    pages.resize(16, Page::padding(shape()));
    let mut statement = test_statement(shape(), &to_hex(&F::ZERO), &pages);
    (statement.snapshot.id, statement.snapshot.series) = (snapshot.to_owned(), snapshot.to_owned());
    let statement = Sealed::seal(statement).unwrap();
    let upper = UpperTree::build(shape().depths, batch_roots(shape(), &pages));
    let file = |a: usize| {
        let (start, count) = starts[a];
        let included = |i: usize| {
            let batch = i / 8;
            let leaves: Vec<F> = pages[batch * 8..][..8].iter().map(|p| p.leaf()).collect();
            let mut path = vec![batch_levels(&leaves)[0][..].try_into().unwrap()];
            path.extend(upper.path(batch));
            IncludedPage::new(i as u64, &pages[i], &path)
        };
        Inclusion {
            protocol: INCLUSION_PROTOCOL.to_owned(),
            statement_digest: statement.digest().to_string(),
            snapshot: snapshot.to_owned(),
            account: name(a),
            salt: hex::encode(secret.salt(scope, &name(a))),
            class: 2,
            shard: 0,
            pages: (start..start + count).map(included).collect(),
            log: None,
        }
    };
    Files { files: (0..3).map(file).collect(), statement }
}

fn verdict(file: &Inclusion) -> Result<(), String> {
    let report = verify_inclusion(Ok(&ledger().statement), &serde_json::to_vec(file).unwrap(), None);
    match report.checks.iter().find(|c| !c.passed) {
        Some(check) => {
            assert!(!report.is_valid() && report.holdings.is_empty());
            Err(check.detail.clone())
        }
        None => {
            assert!(report.is_valid());
            Ok(())
        }
    }
}

fn refused(account: usize, change: impl FnOnce(&mut Inclusion)) -> String {
    let mut file = ledger().files[account].clone();
    assert_eq!(verdict(&file), Ok(()));
    change(&mut file);
    verdict(&file).unwrap_err()
}

#[test]
fn honest_files_are_accepted_and_add_up() {
    for file in &ledger().files {
        assert_eq!(verdict(file), Ok(()));
    }
    let report = verify_inclusion(Ok(&ledger().statement), &serde_json::to_vec(&ledger().files[0]).unwrap(), None);
    let units: Vec<u128> = report.holdings.iter().map(|h| h.units).collect();
    // three pages: 500 + e, 500 + 2e, 500 + 3e
    assert_eq!(units, (0..6).map(|e| 1500 + 6 * e).collect::<Vec<u128>>());
}

#[test]
fn i1_siblings_in_wrong_order_are_refused() {
    for level in 0..3 {
        let reason = refused(1, |f| {
            let siblings = &mut f.pages[0].path[level];
            let other = (1..7).find(|j| siblings[*j] != siblings[0]);
            match other {
                Some(j) => siblings.swap(0, j),
                // where all siblings are equal no order is wrong: another value is
                None => siblings[0] = to_hex(&F::ONE),
            }
        });
        assert!(reason.contains("not under the shard's root"), "{reason}");
    }
}

#[test]
fn i2_a_path_one_level_shorter_or_longer_is_refused() {
    assert!(refused(1, |f| drop(f.pages[0].path.pop())).contains("2 levels"));
    assert!(refused(1, |f| drop(f.pages[0].path.remove(0))).contains("2 levels"));
    let longer = |f: &mut Inclusion| {
        let level = f.pages[0].path[0].clone();
        f.pages[0].path.push(level);
    };
    assert!(refused(1, longer).contains("4 levels"));
    assert!(refused(1, |f| drop(f.pages[0].path[1].pop())).contains("6 siblings"));
}

#[test]
fn i3_an_index_that_is_not_the_position_or_past_capacity_is_refused() {
    assert!(refused(1, |f| f.pages[0].index += 1).contains("not under"));
    // the same digits with one more above them
    assert!(refused(1, |f| f.pages[0].index += 512).contains("capacity"));
    assert!(refused(1, |f| f.pages[0].index = u64::MAX).contains("capacity"));
}

#[test]
fn i4_an_inner_node_as_leaf_and_padding_for_a_customer_are_refused() {
    // a batch root with the path above it: the path is too short for a leaf
    assert!(refused(1, |f| f.pages[0].path = f.pages[0].path[1..].to_vec()).contains("levels"));
    // padding, which the tree does hold, has no customer's identity
    let reason = refused(1, |f| {
        f.pages[0].index = 15;
        f.class = 0;
        for e in &mut f.pages[0].entries {
            e.column = 0;
            e.quantity = "0".to_owned();
        }
    });
    assert!(reason.contains("not under"), "{reason}");
}

#[test]
fn i5_another_customers_page_with_equal_balances_is_refused() {
    let other = ledger().files[2].pages.clone();
    assert_eq!(other[0].entries, ledger().files[1].pages[0].entries);
    assert!(refused(1, |f| f.pages = other).contains("not under"));
}

#[test]
fn i5_one_file_for_two_customers_is_told_apart_by_the_reference_its_owner_knows() {
    let file = serde_json::to_vec(&ledger().files[1]).unwrap();
    assert!(verify_inclusion(Ok(&ledger().statement), &file, Some("customer-1")).is_valid());
    let report = verify_inclusion(Ok(&ledger().statement), &file, Some("customer-2"));
    assert!(!report.is_valid() && report.checks[0].detail.contains("customer-1"));
    assert!(refused(1, |f| f.account = "customer-1\nThe account is included".to_owned()).contains("control"));
}

#[test]
fn i6_the_right_root_of_another_snapshot_is_refused() {
    assert!(refused(1, |f| f.snapshot = "other".to_owned()).contains("snapshot other"));
    assert!(refused(1, |f| f.statement_digest = "00".repeat(32)).contains("another statement"));
    let elsewhere = make("elsewhere");
    let report = verify_inclusion(Ok(&ledger().statement), &serde_json::to_vec(&elsewhere.files[1]).unwrap(), None);
    assert!(!report.is_valid());
}

#[test]
fn i7_an_altered_salt_or_unit_a_withheld_or_swapped_page_is_refused() {
    assert!(refused(1, |f| f.salt = "00".repeat(32)).contains("not under"));
    assert!(refused(1, |f| f.account.push('x')).contains("not under"));
    assert!(refused(1, |f| f.class += 1).contains("not under"));
    assert!(refused(0, |f| f.pages[1].entries[2].quantity = "505".to_owned()).contains("not under"));
    assert!(refused(0, |f| f.pages[1].entries[2].column = 9).contains("not under"));
    // withheld: the first, the last, the middle one
    assert!(refused(0, |f| drop(f.pages.remove(0))).contains("not under"));
    assert!(refused(0, |f| drop(f.pages.pop())).contains("not under"));
    assert!(refused(0, |f| drop(f.pages.remove(1))).contains("does not follow"));
    assert!(refused(0, |f| f.pages.swap(0, 1)).contains("does not follow"));
    assert!(refused(0, |f| f.pages[1] = f.pages[0].clone()).contains("does not follow"));
    // entries in another order are another page
    assert!(refused(0, |f| f.pages[0].entries.swap(0, 1)).contains("not under"));
}

#[test]
fn i8_an_empty_list_of_pages_does_not_pass() {
    assert!(refused(0, |f| f.pages.clear()).contains("lists 0"));
    assert!(refused(0, |f| f.pages[0].entries.clear()).contains("0 entries"));
    assert!(refused(0, |f| f.pages[0].path.clear()).contains("0 levels"));
}

#[test]
fn quantities_and_hashes_have_one_spelling() {
    for quantity in
        ["0500", "+500", " 500", "5e2", "-1", "", "18446744073709551616", "340282366920938463463374607431768211456"]
    {
        refused(1, |f| f.pages[0].entries[0].quantity = quantity.to_owned());
    }
    refused(1, |f| f.pages[0].path[0][0] = f.pages[0].path[0][0].to_uppercase());
    refused(1, |f| f.protocol.push('0'));
    let honest = serde_json::to_string(&ledger().files[1]).unwrap();
    let unknown = honest.replacen('{', "{\"more\":1,", 1);
    assert!(!verify_inclusion(Ok(&ledger().statement), unknown.as_bytes(), None).is_valid());
    assert!(!verify_inclusion(Ok(&ledger().statement), b"", None).is_valid());
    assert!(!verify_inclusion(Sealed::parse(b"").as_ref(), honest.as_bytes(), None).is_valid());
}
