//! Assay.
pub mod ledger;
pub mod progress;
