//! The ids of the rules: SPEC.md explains each, the circuit has a namespace for each, and tests carry them.

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

/// What a verifier checks outside the circuit, in the order of its report.
pub const VERIFIER_CHECKS: [&str; 9] =
    ["statement", "shape", "envelope", "proof", "root", "complete", "totals", "net", "coverage"];

/// What a customer's inclusion check reports, in order.
pub const INCLUSION_CHECKS: [&str; 4] = ["inclusion-file", "inclusion-pages", "inclusion-columns", "inclusion-root"];
