//! What outsiders hand us, mangled: each target is a function over bytes that reads one format and asserts what must hold
//! whatever the bytes are. It never panics; what it accepts is within its bounds and is written back as the same bytes.
//!
//! In: bytes. Out: whether they were accepted, or a panic, which is a bug. [`targets`] has the functions; [`runner`] calls one of
//! them in a loop with inputs from [`mutate`], on stable Rust; `fuzz_targets/` calls the same functions from cargo-fuzz.
//! [`seeds`] makes the corpus that both start from. Nothing here is part of the product.

pub mod mutate;
pub mod runner;
pub mod seeds;
pub mod targets;
