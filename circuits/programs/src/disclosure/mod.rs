//! What one account shows a third party: that in one or several attestations its measure is, in sum, at least a stated
//! value. Nothing else: no holdings, no position in the tree, and no account reference unless the account wants it shown.
//!
//! In: a [`claim::Claim`], the statements it speaks of, and a customer's inclusion file for each. Out: a file that anybody can
//! check against the attestations. Read in this order: `claim` · `state` (what is public) · `witness` · `step` (the circuit) ·
//! `twin` · `file` (proving and checking). It must never accept two attestations of one exchange, or of two instants.
//! SPEC.md §12 argues why it is sound, and what it does not show.

#[cfg(feature = "proof")]
pub mod claim;
#[cfg(feature = "proof")]
pub mod file;
#[cfg(feature = "proof")]
mod program;
pub mod spec;
#[cfg(feature = "proof")]
pub mod state;
#[cfg(feature = "proof")]
pub mod step;
#[cfg(feature = "proof")]
pub mod twin;
#[cfg(feature = "proof")]
pub mod witness;

#[cfg(feature = "proof")]
pub use program::{Disclosure, SHAPE, Shape};
