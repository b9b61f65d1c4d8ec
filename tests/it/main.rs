//! The program as its users run it: real files, real proofs, real signals.
#![allow(clippy::unwrap_used, missing_docs)]

mod bench;
mod binance;
mod end_to_end;
mod failures;
mod privacy;
mod rules;
mod shards;
mod support;
