//! What exchanges published and specifications list, decided line by line. The files are third parties': they are read where they
//! are and never copied here.
#![allow(clippy::unwrap_used, missing_docs)]

mod changed;
mod exchanges;
mod support;
mod vectors;
