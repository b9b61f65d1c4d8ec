//! The tasks of the queue: a job's six stages, one file each: `check` → `plan` → `fold` → `compress` → `verify` → `publish`.
//!
//! **In:** a sealed snapshot in the database. **Out:** its published attestation, or a job that ended with a sentence. The job's
//! state says which stage is due. A stage's result, the move to the next state and the task for it are one transaction, so whatever
//! a crash interrupts is done again. Each stage makes what it needs from the snapshot's files anew, so any worker can do it; only
//! the fold is expensive, and keeps checkpoints.
//!
//! **Never:** publish or sign what this process has not verified itself; let two workers' results through, whoever believes that it
//! has the job; end a job for an error of the machine before it was tried again.

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
