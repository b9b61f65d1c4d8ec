//! Assay's proving core: a committed table, public rules, one fold.
//!
//! Bytes in, bytes out: no files, no clock, no network. What is claimed stands three times, each tested against the
//! others: in words (SPEC.md), in plain Rust ([`twin`]), and as a circuit ([`step`]).

pub mod book;
pub mod bridge;
pub mod claims;
pub mod disclosure;
pub mod envelope;
pub mod error;
pub mod field;
pub mod hash;
pub mod identity;
pub mod inclusion;
pub mod linear;
pub mod page;
pub mod prover;
mod rules;
pub mod setup;
pub mod shape;
pub mod spec;
pub mod state;
pub mod statement;
pub mod step;
pub mod testing;
pub mod tree;
pub mod twin;
pub mod verifier;
