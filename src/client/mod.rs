//! The exchange's client of the REST interface, and of webhooks.
//!
//! **In:** the address of a service, an access token, a checked ledger's manifest and the files of its tables. **Out:** the job that
//! proves the ledger, and how it ended.
//!
//! **Never:** decide whether a ledger or an attestation is valid, follow a redirect, or send a token over an unencrypted connection.

mod address;
mod error;
mod http;
mod job;
mod later;
mod push;
mod retry;
mod webhook;

pub use address::Address;
pub(crate) use address::is_loopback;
pub use error::ClientError;
pub use http::{Client, read_token};
pub use job::{Ended, Job, LedgerFindings, follow, job};
pub use later::{add_notice, add_signature};
pub use push::{Options, Pushed, push};
pub use webhook::{SIGNATURE_HEADER, WEBHOOK_TIMEOUT, Webhook, WebhookError, read_secret};
