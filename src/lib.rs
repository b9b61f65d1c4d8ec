//! Assay.
pub mod cli;
pub mod ledger;
pub mod progress;
