//! The service's transparency log: signs its checkpoints, and makes proofs and tiles from the database.
//!
//! **In:** entries and hashes that the database appended with each attestation. **Out:** signed checkpoints, each of which continues all
//! before it; proofs of logging; tiles. `mark` keeps the newest signed checkpoint outside the database, `judge` says whether one may be
//! signed, `signer` signs, `cosigners` asks witnesses, `proofs` makes what readers fetch, `retirement`
//! is the end of a log. For other logs as well:
//! `reader` reads one over the network, `monitor` follows it, `entries` reads what the entries say, `evidence` and `ends` compare what the log signed before, `verified` verifies its attestations, `delivered` knows which findings were
//! reported, `journal` is a file of theirs, and `witness` cosigns.
//!
//! **Never:** sign a tree with entries to find out whether one may (the empty one, which every log continues, may be shown to witnesses);
//! sign a tree that does not continue the marked one, whatever the database says: a
//! database restored from a backup would fork the log, and a forked log is worthless for ever.

pub mod cosigners;
pub mod delivered;
mod ends;
mod entries;
mod evidence;
pub mod finding;
mod journal;
pub mod judge;
pub mod later;
pub mod mark;
pub mod monitor;
pub mod proofs;
pub mod reader;
pub mod repair;
pub mod retirement;
pub mod signer;
pub mod verified;
pub mod witness;
