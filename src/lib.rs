//! Assay.
pub mod progress;
