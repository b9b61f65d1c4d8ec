//! What tests and benches share, here and in the crates above: small ledgers, and tools that look at constraints. Not
//! part of the product.

mod ledger;
mod systems;

pub use ledger::{
    TEST_CAP, TEST_COLUMNS, TestRandom, batch_roots, recommit, restate, test_columns, test_inclusion, test_pages,
    test_statement,
};
pub use systems::{
    Counting, StepSystem, disclosure_system, free_variables, tampered_together, unconstrained_variables,
};
