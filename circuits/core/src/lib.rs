//! What every part of Assay must agree on: the field and its hash, the account tree, the one spelling of texts, numbers
//! and instants, canonical bytes, identities, signatures, and the tree over reserve lines.
//!
//! In: bytes, text and numbers. Out: values with one meaning, or an error that is a sentence. No proof system, no
//! threads, no files, no clock, no network: an inclusion can be checked with this crate and `assay-programs` alone.
//! The circuits of hash and tree stand beside their native twins in [`gadget`], behind the feature `circuit`.

pub mod canonical;
pub mod check;
pub mod decimal;
pub mod domain;
pub mod error;
pub mod field;
#[cfg(feature = "circuit")]
pub mod gadget;
pub mod hash;
pub mod holding;
pub mod identity;
pub mod later;
pub mod lines;
pub mod notice;
pub mod opinion;
pub mod sealed;
pub mod signature;
pub mod signatures;
pub mod signed;
pub mod text;
pub mod time;
pub mod transcript;
pub mod tree;
pub mod worth;

pub use error::Error;
