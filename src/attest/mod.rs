//! Makes an attestation from a checked ledger, and inclusion files and disclosures from an attestation.
//!
//! **In:** a checked snapshot and the master secret; or an attestation directory; or its rows in the service's database.
//! **Out:** an attestation directory (`statement.json`, `proof.bin`, `attestation.jws`, `MANIFEST.sha256`, `README.txt`, and a
//! `private/` part that is never published), a customer's inclusion file, a disclosure. The data goes through `split` and `book`
//! (columns, entries), `plan` (pages, tree, draft), `statement`, `stages` and `prove`; then `record`, `path`, `lookup`, and `local`
//! or `served`.
//!
//! **Never:** talk to a database or a network, print, or read the clock except to space checkpoints and to time
//! what `bench` measures; publish or sign what this
//! process has not verified; copy the master secret.

mod batch;
mod bench;
mod book;
mod bundle;
mod disclosure;
mod error;
mod forecast;
mod inclusion_file;
mod local;
mod lookup;
mod order;
mod path;
mod plan;
mod private_files;
mod prove;
mod rates;
mod record;
mod reserves;
mod rules;
mod served;
mod shapes;
mod shards;
mod split;
mod stages;
mod statement;
mod verify;
mod work_dir;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use batch::Batch;
pub use bench::{measure, measured_rates};
pub use bundle::{Later, README_FILE, bundle, evidence, manifest, readme};
pub use disclosure::{DisclosureRequest, Evidence, disclose, verify_disclosure};
pub use error::AttestError;
pub use forecast::{Basis, Figure, Forecast, PageThousandths, ShapeFigures, Source, Workload};
pub use inclusion_file::with_log_proof;
pub use local::inclusion;
pub use lookup::{AccountTree, Found, Lookup, Owner};
pub use path::{Group, groups};
pub use plan::Plan;
pub use prove::{ProveOptions, Proved, prove};
pub use rates::{MachineRates, PROGRAM, Rates};
pub use record::{StoredNode, page_of, record, upper_nodes};
pub use reserves::disclose as disclose_reserves;
pub use served::{batch as served_batch, tree as served_tree};
pub use shapes::ShapeChoice;
pub use shards::{Choice, ShardChoice};
pub use stages::{Prepared, begin_fold, fold};
pub use verify::{InclusionVerdict, Logs, Signatures, statement, verify, verify_inclusion, verify_reserves};
pub use work_dir::is_attestation;
