//! The ids of the rules and checks of a disclosure; SPEC.md explains each.

/// Rules of a disclosure's circuit, in the order of SPEC.md.
pub const DISCLOSURE_RULES: [&str; 9] = [
    "open-bits",
    "open-first",
    "open-account",
    "open-leaf",
    "open-path",
    "open-root",
    "open-identity",
    "open-value",
    "open-threshold",
];

/// What checking a disclosure reports, in order.
pub const DISCLOSURE_CHECKS: [&str; 3] = ["disclosure-file", "disclosure-attestations", "disclosure-proof"];
