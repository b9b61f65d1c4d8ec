//! The service as its users meet it: the program started by its operator, on a real Postgres, with the real prover on the
//! smallest shape.
#![allow(clippy::unwrap_used, missing_docs)]

mod access;
mod end_to_end;
mod failures;
mod later;
mod log_end;
mod proxy;
mod push;
mod repair;
mod setup;
mod support;
mod units;
