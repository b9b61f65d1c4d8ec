//! What is published, for everybody; and to each customer what is theirs.

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
mod view;

pub use view::{AssetClaim, Attestation, Publisher, Summary};
