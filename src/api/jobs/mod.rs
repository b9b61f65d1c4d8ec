//! Watching a proof being made, and stopping it.

pub mod cancel;
pub mod events;
pub mod show;
mod view;

pub use view::{Job, LedgerFinding, LedgerFindings, State};
