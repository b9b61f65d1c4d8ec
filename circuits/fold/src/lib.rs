//! The machine: it folds the steps of a program into one zero-knowledge proof and verifies such proofs.
//!
//! In: a [`Program`], a sealed statement, a witness for each step. Out: checkpoints and proofs as bytes, and the state in
//! which a verified fold ends. The machine knows no program: what a state means is the program's business. It must never
//! take anything about a circuit from a proof or a checkpoint; parameters are trusted only under the digest that the
//! release pins. No files, no clock, no network.

mod codec;
pub mod engine;
pub mod envelope;
pub mod error;
pub mod keys;
pub mod pins;
pub mod program;
pub mod run;
pub mod slots;
pub mod step;
pub mod testing;
pub mod verify;

pub use error::Error;
pub use program::Program;
