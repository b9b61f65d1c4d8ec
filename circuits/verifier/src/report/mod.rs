//! What was found, as lines for a person.
//!
//! In: reports. Out: lines; the last one says what the whole is worth. Untrusted text is printed through `text::visible`, so that
//! no file can print a verdict of its own. Nothing here decides anything.

mod attestation;
mod checks;
#[cfg(feature = "proof")]
mod disclosure;
mod explanation;
mod inclusion;
mod later;
mod reserves;

pub use attestation::{asset_table, attestation_lines};
pub use checks::check_lines;
#[cfg(feature = "proof")]
pub use disclosure::disclosure_lines;
pub use explanation::explanation;
pub use inclusion::{holding_lines, inclusion_lines};
pub use later::later_lines;
pub use reserves::reserves_lines;
