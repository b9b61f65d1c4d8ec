//! Assay circuits.
