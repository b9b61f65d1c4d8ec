//! Jobs: their progress, and how to cancel one.
//!
//! **In:** the id of a job, with a token of its exchange. **Out:** its state as JSON or as a stream of events.
//!
//! **Never:** nothing here proves; a worker does, and the state comes from the database.

pub mod cancel;
pub mod events;
pub mod show;
mod view;

pub use view::{Job, LedgerFinding, LedgerFindings, State};
