//! From a checked ledger to a published attestation, and back to one customer.
//!
//! In comes a snapshot directory; out goes an attestation directory (`statement.json`, `proof.bin`, `attestation.jws`,
//! `MANIFEST.sha256`, `README.txt`) with a `private/` part that is never published, and, per customer, an inclusion file. The way:
//! `book` (columns, tiers, weights) → `plan` (who gets which
//! pages, and the tree) → `claim` (the statement) → `prove` (fold, compress, verify, sign, publish) →
//! `inclusion`, and from that what an account discloses to a third party (`disclosure`). Nothing here talks to a database or a network, prints, or reads the clock except to space checkpoints.
//! Nothing is published that this process has not verified, and the master secret is never copied.

mod book;
mod bundle;
mod claim;
mod disclosure;
mod error;
mod files;
mod inclusion;
mod plan;
mod prove;
mod reserves;
mod serve_inclusion;
mod stages;
mod verify;

pub use crate::home::Home;
pub use bundle::{README_FILE, bundle, manifest, readme};
pub use disclosure::{DisclosureRequest, Evidence, disclose, verify_disclosure};
pub use error::AttestError;
pub use inclusion::inclusion;
pub use plan::{Plan, ShapeChoice};
pub use prove::{ProveOptions, Proved, prove};
pub use reserves::disclose as disclose_reserves;
#[cfg(test)]
pub(crate) use serve_inclusion::tests::stored as stored_for_tests;
pub use serve_inclusion::{Found, Owner, Served, ServedBatch, StoredNode};
pub use stages::{Prepared, begin_fold, fold};
pub use verify::{statement, verify, verify_inclusion, verify_reserves};
