//! The circuits of what this crate computes natively, written against bellpepper: a gadget for each native twin.
//!
//! In: linear expressions over variables. Out: linear expressions, and constraints in the caller's system. A gadget never
//! reads a value to decide which constraints it writes.

pub mod hash;
pub mod linear;
pub mod one_hot;
pub mod range;
pub mod tree;
