//! Verifies Assay attestations and inclusion files offline.
//!
//! For auditors and customers: no server, no database, no network. An attestation is a directory; `attestation` reads
//! it, `parameters` derives or reads the circuit's parameters, `report` prints what was found. All that decides anything
//! is in `assay-circuits`.

pub mod attestation;
pub mod parameters;
pub mod report;
pub mod signature;
