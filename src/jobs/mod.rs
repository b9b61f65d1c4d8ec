//! The six stages of a job, one file and one queue task each: `check` → `plan` → `fold` → `compress` → `verify` → `publish`.
//!
//! **In:** a sealed snapshot in the database. **Out:** its published attestation, or an ended job with a sentence that says why. The
//! job's state says which stage is due. One transaction stores a stage's result, moves the job and enqueues the next task, so a
//! stage that a crash interrupts runs again. Each stage takes its input from the database, so any worker can run it. Only the fold
//! is expensive; it stores checkpoints.
//!
//! **Never:** publish or sign what this process has not verified itself; store a result of any worker but the last one that took
//! the job; end a job because of an error of the machine without retrying.

mod check;
mod compress;
mod context;
mod fold;
mod ledger;
mod plan;
mod publish;
mod queue;
mod stage;
mod sweep;
mod verify;

pub use context::{Sign, WorkerError};
pub use queue::Worker;
