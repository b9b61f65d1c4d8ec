//! Upload of a ledger: create a snapshot, upload its files, request an attestation.
//!
//! **In:** a manifest, then files as streams, plain or compressed. **Out:** a sealed snapshot in the database and a job.
//!
//! **Never:** a file is never in memory as a whole. Only its form is checked here; the worker checks the ledger.

pub mod attest;
pub mod create;
pub mod delete;
pub mod put_file;
pub mod show;
mod view;

pub use view::{File, Snapshot};
