//! Published attestations, and each customer's own part of one.
//!
//! **In:** the id of an attestation, or a filter for the list. **Out:** JSON, or the stored bytes unchanged: statement, proof,
//! signature, bundle, chart. A customer gets an inclusion file for the account that the token names and for no other.
//!
//! **Never:** a public answer depends on whether an account exists; nothing here changes an attestation.

pub mod bundle;
pub mod coverage;
pub mod inclusion;
pub mod jws;
pub mod latest;
pub mod list;
pub mod proof;
pub mod show;
pub mod statement;
pub mod verification;
pub(super) mod view;

pub use view::{AssetClaim, Attestation, Publisher, Requirement, Summary};
