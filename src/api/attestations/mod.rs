//! Published attestations, and each customer's own part of one.
//!
//! **In:** the id of an attestation, or a filter for the list. **Out:** JSON, or the stored bytes unchanged: statement, proof,
//! signature, bundle, chart. A customer gets an inclusion file for the account that the token names and for no other. Auditors add
//! signatures, and the exchange notices, which stand beside the attestation.
//!
//! **Never:** a public answer depends on whether an account exists; nothing here changes an attestation.

pub mod bundle;
mod countersigners;
pub mod coverage;
pub mod evidence;
pub mod inclusion;
pub mod jws;
pub mod latest;
pub mod list;
pub mod notices;
pub mod proof;
pub mod show;
pub mod signatures;
pub mod statement;
pub mod verification;
pub(super) mod view;

pub use countersigners::Countersigners;
pub use notices::{NewNoticeClaim, NoticeClaim};
pub use signatures::AddedSignature;
pub use view::{AssetClaim, Attestation, Publisher, Requirement, Summary};
