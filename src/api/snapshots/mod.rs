//! Handing over a ledger: describe it, stream its files in, ask for its attestation.

pub mod attest;
mod caller;
pub mod create;
pub mod put_file;
pub mod show;
mod view;

pub use view::{File, Snapshot};
