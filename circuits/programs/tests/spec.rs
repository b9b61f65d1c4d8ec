//! SPEC.md, the circuit's namespaces, the twin's violations and the tests speak of the same rules.
#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;

use assay_programs::{
    disclosure::spec::{DISCLOSURE_CHECKS, DISCLOSURE_RULES},
    ledger::{
        Ledger,
        shape::Shape,
        spec::{ACCOUNT_RULES, INCLUSION_CHECKS, STEP_RULES, VERIFIER_CHECKS, step_rules},
        statement::{COMPLIANCE_NOT_PROVEN, NOT_PROVEN},
    },
    testing::Counting,
};

fn read(path: &str) -> String {
    fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// Ids of the tables of one section, in their order.
fn ids(section: &str) -> Vec<String> {
    let spec = read("../SPEC.md");
    let start = spec.find(&format!("\n## {section}")).unwrap();
    let rest = &spec[start + 4..];
    let text = &rest[..rest.find("\n## ").unwrap_or(rest.len())];
    text.lines().filter_map(|l| l.strip_prefix("| `")).map(|l| l.split('`').next().unwrap().to_owned()).collect()
}

#[test]
fn the_tables_list_every_rule_in_order_and_no_other() {
    assert_eq!(ids("6."), step_rules(Shape::named("compliance-8").unwrap()));
    let checks: Vec<&str> = VERIFIER_CHECKS.into_iter().chain(INCLUSION_CHECKS).collect();
    assert_eq!(ids("8."), checks);
    let disclosure: Vec<&str> = DISCLOSURE_RULES.into_iter().chain(DISCLOSURE_CHECKS).collect();
    assert_eq!(ids("12."), disclosure);
}

#[test]
fn every_rule_is_a_namespace_and_every_constraint_belongs_to_a_rule() {
    for name in ["solvency-8", "compliance-8"] {
        let shape = Shape::named(name).unwrap();
        let rules = step_rules(shape);
        let counted = Counting::step::<Ledger>(shape).by_rule;
        for rule in rules {
            // carrying a variable on costs nothing
            assert_eq!(counted.contains_key(rule), !rule.starts_with("state-"), "{rule}");
        }
        assert!(!counted.contains_key("other"), "{counted:?}");
    }
}

#[test]
fn the_twin_knows_every_rule_and_a_test_attacks_every_rule() {
    let twin = read("src/ledger/twin.rs");
    let attacks = read("tests/soundness/rules.rs") + &read("tests/soundness/accounts.rs");
    for rule in STEP_RULES.into_iter().chain(ACCOUNT_RULES) {
        // the twin computes the batch root and has positions instead of selectors: nothing can be lied about there
        // nor in places that are absent instead of inactive
        let by_construction = ["tree-batch", "tree-position", "feed-active"].contains(&rule);
        assert!(by_construction || twin.contains(&format!("\"{rule}\"")), "the twin lacks {rule}");
        assert!(
            attacks.contains(&format!("\"{rule}\"")) || attacks.contains(&format!("`{rule}`")),
            "no test attacks {rule}"
        );
    }
}

#[test]
fn every_check_of_the_reports_is_in_the_specification() {
    for (files, checks) in [
        (["src/ledger/verify.rs", "src/ledger/judge.rs", "src/ledger/policy.rs"], &VERIFIER_CHECKS[..]),
        (["src/ledger/inclusion.rs", "src/ledger/inclusion.rs", "src/ledger/inclusion.rs"], &INCLUSION_CHECKS[..]),
    ] {
        let source = files.map(read).concat();
        for check in checks {
            assert!(source.contains(&format!("\"{check}\"")), "{files:?} lack {check}");
        }
    }
}

#[test]
fn the_specification_carries_the_list_of_what_is_not_shown() {
    let spec = read("../SPEC.md");
    for sentence in NOT_PROVEN.into_iter().chain(COMPLIANCE_NOT_PROVEN) {
        assert!(spec.contains(&format!("* {sentence}")), "{sentence}");
    }
}
