//! Whether the key of a reserve address signed a message.
//!
//! In: a line of `reserves.csv` as text, and the snapshot it belongs to. Out: a [`Verdict`], or a [`Defect`] that is a
//! sentence. No files, no clock, no network and no threads: the exchange that checks its ledger and the auditor who checks a
//! disclosure run this same code and get the same answer.
//!
//! [`judge`] decides a line, and [`judge_listed`] also one of a custodian or bank, by the keys that its reader accepts. [`verify`] asks
//! the same of any message. [`Context::message`] is the text that an address has to sign for a snapshot. [`Line::place`] says where the
//! coins are in one spelling, so that no place is counted twice. [`recognise`] finds the form of a published signature. README.md says
//! what each verdict means and what none of them means.
//!
//! ```
//! use assay_ownership::{Context, Line, Reason, Verdict, judge};
//!
//! let context = Context {
//!     domain: "exchange.example",
//!     snapshot: "2026-11-30",
//!     taken_at: "2026-11-30T00:00:00Z",
//!     anchor: None,
//!     challenge: None,
//! };
//! let line = Line { chain: "tron", address: "TGkWdpawVNfeset3P6uTBbLaPY7nZVZvXY", ..Line::default() };
//! assert_eq!(judge(&line, &context), Ok(Verdict::Unproven(Reason::Unsigned)));
//! // what its key has to sign
//! assert_eq!(
//!     context.message("tron", line.address)?,
//!     "exchange.example states TGkWdpawVNfeset3P6uTBbLaPY7nZVZvXY on tron as its reserve in snapshot 2026-11-30 of \
//!      2026-11-30T00:00:00Z. Assay reserves v1"
//! );
//! # Ok::<(), assay_ownership::Defect>(())
//! ```

pub mod chain;
mod claim;
mod context;
mod defect;
mod ed25519;
mod encoding;
mod hash;
mod judge;
mod key;
mod line;
mod secp;
pub mod testing;
mod verdict;

pub use chain::registry::Chain;
pub use claim::Proof;
pub use context::{Anchor, Context};
pub use defect::Defect;
pub use judge::{judge, judge_listed, recognise, verify};
pub use line::{Kind, Line, Place};
pub use verdict::{Reason, Verdict};

/// The name of these rules, for documents that state verdicts.
pub const RULES: &str = "assay/ownership/1";
