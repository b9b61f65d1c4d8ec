//! The transparency log, as C2SP tlog-tiles asks for it: anybody can follow it, and notice if
//! somebody is shown another one.
//!
//! **In:** nothing but the path. **Out:** the signed checkpoint, tiles, entries, proofs of logging, and the log's own key.
//!
//! **Never:** anything that no signed checkpoint contains.

pub mod checkpoint;
pub mod policy;
pub mod proof;
pub mod retired;
pub mod tile;
