//! Handing over a ledger: create a snapshot, upload its files, ask for an attestation.
//!
//! **In:** a manifest, then files as streams, plain or compressed. **Out:** a sealed snapshot in the database and a job.
//!
//! **Never:** a file is never held in memory as a whole, and never judged beyond its form: checking the ledger is the worker's task.

pub mod attest;
mod caller;
pub mod create;
pub mod put_file;
pub mod show;
mod view;

pub use view::{File, Snapshot};
