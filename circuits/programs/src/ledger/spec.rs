//! The ids of the rules: SPEC.md explains each, the circuit has a namespace for each, and tests carry them.

use super::shape::{Family, Shape};

/// Rules of one step, in the order of SPEC.md. `state-gamma` costs no constraint: the variable itself is carried on.
pub const STEP_RULES: [&str; 16] = [
    "page-bits",
    "page-pad",
    "page-leaf",
    "total-fraction",
    "chain-first",
    "chain-identity",
    "chain-count",
    "chain-close",
    "tree-batch",
    "tree-index",
    "tree-position",
    "tree-old",
    "tree-new",
    "tree-next",
    "total-sum",
    "state-gamma",
];

/// What the compliance family adds to them. `state-rho` costs no constraint either.
pub const ACCOUNT_RULES: [&str; 16] = [
    "capped-once",
    "chain-capped",
    "measure-sign",
    "measure-first",
    "weight-account",
    "weight-entry",
    "row-sum",
    "measure-sum",
    "indicator-sum",
    "cap-sum",
    "feed-active",
    "feed-book",
    "feed-private",
    "feed-terms",
    "result-sum",
    "state-rho",
];

/// Rules of one step of a shape.
pub fn step_rules(shape: &Shape) -> Vec<&'static str> {
    let own = match shape.family {
        Family::Solvency => &[],
        Family::Compliance => &ACCOUNT_RULES[..],
    };
    STEP_RULES.iter().chain(own).copied().collect()
}

/// What a verifier checks outside the circuit, in the order of its report.
pub const VERIFIER_CHECKS: [&str; 15] = [
    "statement",
    "shape",
    "envelope",
    "proof",
    "root",
    "complete",
    "totals",
    "book",
    "limits",
    "measures",
    "net",
    "coverage",
    "ownership",
    "margin",
    "equity",
];

/// What a customer's inclusion check reports, in order.
pub const INCLUSION_CHECKS: [&str; 5] =
    ["inclusion-file", "inclusion-pages", "inclusion-shard", "inclusion-columns", "inclusion-root"];
