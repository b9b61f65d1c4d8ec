//! One step of the ledger as a circuit, paragraph by paragraph: `step` is what both families share, `rules` and `book` what
//! compliance adds, `page` and `leaf` what is hashed and summed.
//!
//! In: the state and a witness. Out: the next state, and constraints whose namespaces are the ids of SPEC.md. A gadget never
//! decides anything by a value: the constraints depend on the shape alone.

mod book;
mod leaf;
mod page;
mod rules;
mod step;

pub use step::step_gadget;
