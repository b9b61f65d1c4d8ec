//! What Assay proves. Each folder is one program, all of one plan: shape (dimensions), state and witness, step (the circuit),
//! twin (the same rules in plain Rust), judge (what the final state says), and the documents around them.
//!
//! In: documents as bytes, pages and keys. Out: statements, proofs, reports. Without the feature `proof` only what can be
//! checked without a proof system remains: statements, inclusion and disclosed reserves. No files, no clock, no network;
//! nothing here trusts a number that a document states without deriving it or comparing it.

#[cfg(feature = "proof")]
pub mod catalogue;
pub mod disclosure;
pub mod ledger;
pub mod purpose;
pub mod reserves;
#[cfg(feature = "proof")]
pub mod testing;
