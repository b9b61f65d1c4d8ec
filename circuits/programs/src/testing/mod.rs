//! What tests and benches share, here and in the crates above: small ledgers and true statements about them. Not part of the
//! product.

mod ledger;

pub use assay_fold::testing::{
    Counting, StepSystem, assert_twins_agree, compress_unjudged, free_variables, tampered_together,
    unconstrained_variables,
};
pub use ledger::{
    TEST_CAP, TEST_COLUMNS, TEST_SCOPE, TestRandom, batch_roots, recommit, recommit_shards, restate, restate_shards,
    sharded_statement, test_columns, test_inclusion, test_pages, test_pages_in, test_shards, test_statement,
    whole_accounts,
};
