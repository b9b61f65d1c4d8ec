//! The statement: everything public that is claimed, and the challenges drawn from its canonical bytes.
//!
//! In: canonical bytes, or the numbers of a ledger. Out: `Sealed<Statement>`, whose every rule was checked, and the exact
//! integers that the circuit computes with. `types` and `claims` have what a statement holds, `validate` the rules of the
//! format, `weights` the integers, `challenge` what is drawn,
//! `label` what a person compares,
//! `evidence` who signed for the reserves. It must never carry a number that a verifier can derive.

mod challenge;
mod claims;
mod evidence;
mod label;
mod types;
mod validate;
mod weights;

pub use challenge::{challenge, check_challenge, first_challenge};
pub use claims::{Class, ColumnKind, Instrument, MEASURE_NAMES, MeasureResult, RuleClaims, ShardClaims};
pub use evidence::{AnchorBlock, ByStatus, Evidence, MAX_UNDATED_TEXTS, OWNERSHIP_RULES, OwnedAsset};
pub use label::StatementLabel;
pub use types::{
    Asset, COMPLIANCE_NOT_PROVEN, COMPLIANCE_PROTOCOL, COVER_COLUMNS, Column, CoverageBasis, Exchange, MAX_SHARDS,
    NOT_PROVEN, PROTOCOL, Policy, Reserves, Shard, SnapshotInfo, Statement,
};
pub use weights::Weigher;
