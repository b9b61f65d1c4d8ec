//! Multi-scalar multiplication over BN254 and Grumpkin, and the commitments of the proof system on it.
//!
//! In: points and scalars. Out: sums Σ k·P, folds a·L + b·R, and nova's own engines with these in them. The values are nova's,
//! bit for bit; only the time differs. [`Bases`] is the way in; [`engine`] is what the fold of programs plugs in.
//!
//! Where the processor has AVX-512 IFMA, `ifma` adds eight points at a time; else `portable` does the same with
//! ordinary integers. This is the one crate with `unsafe` code, and there only at the doors of functions that need such a processor,
//! for prefetches, and for advice about memory.

mod bases;
mod buckets;
mod curve;
mod digits;
pub mod engine;
mod fold;
mod generators;
mod glv;
#[cfg(target_arch = "x86_64")]
mod ifma;
mod kernel;
mod pages;
mod portable;
mod product;
#[cfg(test)]
mod tests;

pub use bases::{Bases, Path, fold, path, set_path};
pub use curve::{Bn254, Curve, Grumpkin};
pub use glv::Lattice;
