//! The private values of one step.

use assay_core::{field::F, tree::TREE_ARITY};

use super::{book::FedColumn, page::Page};

/// The private values of one step.
#[derive(Debug, Clone)]
pub struct StepWitness {
    /// Exactly one batch of pages.
    pub pages: Vec<Page>,
    /// The children beside the path in the upper tree, before this batch is inserted.
    pub path: Vec<[F; TREE_ARITY]>,
    /// The columns that this step takes in, at most as many as the shape has room for; none in shapes without rules.
    pub columns: Vec<FedColumn>,
}
