//! Attacks, each under the id of the case it comes from (P…: a malicious prover, I…: an inclusion). `rules.rs` tells
//! every lie to the circuit, through bellpepper's test system, and to the native twin; `proofs.rs` attacks real
//! statements and proofs; `inclusion.rs` what a customer is handed.
#![allow(clippy::unwrap_used, missing_docs)]

mod inclusion;
mod proofs;
mod rules;
