//! The tasks of the queue: from a sealed snapshot to a published attestation.
//!
//! A job goes through six stages, one file each: `check` → `plan` → `fold` → `compress` → `verify` → `publish`. The job's state
//! says which one is due or under way. A stage's result, the move to the next state and the task for it are one transaction, so
//! whatever a crash interrupts is simply done again: what a stage finds done, it leaves alone. Each stage makes what it needs
//! from the snapshot's files anew (`ledger`), which is cheap beside folding, so any worker on any machine can do it. The fold
//! alone is expensive; it keeps checkpoints in the database.
//!
//! Errors of the machine are tried again; what is wrong with the ledger or the proof ends the job with a sentence. Two workers
//! may believe that they have a job: the one that took it last goes on, and the database lets one result through. Nothing is
//! published that the publishing process has not verified itself.

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
