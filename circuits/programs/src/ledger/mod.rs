//! The ledger: every account's pages under one root, each asset's exact total and, for compliance, limits and measures of
//! every account.
//!
//! In: pages of accounts, a book of columns, a sealed statement. Out: a proof, and reports on statements, proofs and inclusion
//! files. Read in this order: `shape` (dimensions) · `page` and `book` (what is hashed) · `state` · `circuit` (the rules) ·
//! `twin` (the same in plain Rust) · `statement` · `judge` (what the final state says) · `verify` · `inclusion`.
//! It must never accept a statement of which something is neither derived nor compared.

pub mod book;
#[cfg(feature = "proof")]
pub mod circuit;
#[cfg(feature = "proof")]
pub mod fold;
pub mod inclusion;
#[cfg(feature = "proof")]
mod judge;
pub mod page;
pub mod policy;
#[cfg(feature = "proof")]
mod program;
pub mod report;
pub mod shape;
pub mod spec;
#[cfg(feature = "proof")]
pub mod state;
pub mod statement;
#[cfg(feature = "proof")]
pub mod twin;
#[cfg(feature = "proof")]
pub mod verify;
#[cfg(feature = "proof")]
pub mod witness;

#[cfg(feature = "proof")]
pub use program::Ledger;
