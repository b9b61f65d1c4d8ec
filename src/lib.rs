//! Assay: solvency and compliance attestations for exchanges.
//!
//! The way of the data: [`ledger`] reads and checks what an exchange hands us, [`attest`] turns it into a statement, folds
//! every account into one zero-knowledge proof of it (the proving core is under `circuits`), and publishes both. Each
//! customer's inclusion file comes from there as well. [`cli`] is how a person calls all of it.

pub mod api;
pub mod attest;
pub mod balances;
pub mod cli;
pub mod client;
pub mod clock;
pub mod config;
pub mod descriptors;
pub mod durable;
pub mod files;
pub mod home;
pub mod jobs;
pub mod ledger;
mod pages;
pub mod pg;
pub mod progress;
pub mod service;
pub mod store;
pub mod telemetry;
pub mod tokens;
pub mod transparency;
