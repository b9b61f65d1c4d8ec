//! Every circuit of this release, with who may use it.

use crate::{disclosure, ledger::shape::Shape, purpose::Purpose};

/// One circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The program: `ledger` or `disclosure`.
    pub program: &'static str,
    /// Name of the circuit.
    pub circuit: &'static str,
    /// Who may use it.
    pub purpose: Purpose,
}

/// All circuits, program by program.
pub fn catalogue() -> Vec<Entry> {
    let ledgers = Shape::catalogue().iter();
    let mut all: Vec<Entry> =
        ledgers.map(|s| Entry { program: "ledger", circuit: s.name, purpose: s.purpose }).collect();
    let disclosure = &disclosure::SHAPE;
    all.push(Entry { program: "disclosure", circuit: disclosure.name, purpose: disclosure.purpose });
    all
}
