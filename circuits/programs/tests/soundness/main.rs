//! Attacks, each under the id of the case it comes from (P…: a malicious prover, I…: an inclusion). `rules.rs` tells
//! every lie to the circuit, through bellpepper's test system, and to the native twin; `proofs.rs` attacks real
//! statements and proofs, `shards.rs` those of several shards; all do so for each family. `accounts.rs` attacks limits and measures; `inclusion.rs` what a
//! customer is handed, `disclosure.rs` what one shows a third party.
// the attacks on what both families share are compiled once for each
#![allow(clippy::unwrap_used, clippy::duplicate_mod, missing_docs)]

mod accounts;
mod disclosure;
mod inclusion;
#[path = "../parameters/mod.rs"]
mod parameters;
/// Every attack on what both families share, on the compliance shape.
#[path = "."]
mod compliance {
    #[path = "proofs.rs"]
    mod proofs;
    #[path = "rules.rs"]
    mod rules;
    #[path = "shards.rs"]
    mod shards;
}
/// The same attacks on the solvency shape.
#[path = "."]
mod solvency {
    #[path = "proofs.rs"]
    mod proofs;
    #[path = "rules.rs"]
    mod rules;
    #[path = "shards.rs"]
    mod shards;
}

/// The test shape of the family in whose module the caller stands.
fn shape_of(module: &str) -> &'static assay_programs::ledger::shape::Shape {
    let name = if module.contains("compliance") { "compliance-8" } else { "solvency-8" };
    assay_programs::ledger::shape::Shape::named(name).unwrap()
}
