//! Verifies Assay attestations, inclusion files, disclosures and disclosed reserves offline.
//!
//! In: directories, bundles and files that somebody else made. Out: reports, and lines for a person. No server, no database,
//! no network. `attestation` reads a directory, `parameters` derives or reads the circuit's parameters, `owners` and
//! `disclosure` join what several files say, `log` reads proofs of transparency logs, `report` prints what was found; all else that
//! decides anything is in `assay-programs`. Without the feature `proof` the program checks all that needs no proof system.

pub mod attestation;
pub mod attested;
#[cfg(feature = "proof")]
pub mod disclosure;
pub mod files;
pub mod log;
pub mod owners;
#[cfg(feature = "proof")]
pub mod parameters;
pub mod report;
pub mod trust;
