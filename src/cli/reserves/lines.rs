//! Reserve lines of a ledger, and of files that are read without one: a disclosure, or a reserves.csv.

use std::path::Path;

use assay_core::lines::{LINE_COLUMNS, LineFields};
use assay_core::sealed::StatementDigest;
use assay_core::text::shown;
use assay_programs::reserves::{MAX_DISCLOSURE_BYTES, RESERVES_PROTOCOL, ReserveDisclosure};
use assay_verifier::attestation::read_custodians;
use assay_verifier::files::read_bounded;
use sha2::{Digest, Sha256};

use crate::cli::exit::Failure;
use crate::cli::options::{Global, LimitArgs};
use crate::ledger::{StatedReserves, read_reserves};

/// The columns that every reserves.csv has.
const SHORT_COLUMNS: usize = 7;

/// The reserves of the ledger in `dir`, judged by the keys of `custodians` where the reader has a list.
pub(super) fn stated(
    dir: &Path,
    custodians: Option<&Path>,
    limits: &LimitArgs,
    global: &Global,
) -> Result<StatedReserves, Failure> {
    let keys = custodians.map(read_custodians).transpose().map_err(|error| Failure::environment(error.to_string()))?;
    let meter = global.meter();
    Ok(read_reserves(dir, keys, &limits.limits(), meter.listener())?)
}

/// Lines of one file.
#[derive(Debug)]
pub(super) struct Lines {
    pub(super) file: String,
    pub(super) statement: Option<String>,
    /// What tells statements apart: the attestation, or a file of its own by its bytes.
    pub(super) origin: String,
    pub(super) lines: Vec<(u64, LineFields)>,
}

/// Reads a file of either format.
pub(super) fn read(path: &Path) -> Result<Lines, Failure> {
    let refused = |reason: String| Failure::environment(format!("{}: {reason}", path.display()));
    let bytes = read_bounded(path, MAX_DISCLOSURE_BYTES).map_err(|error| Failure::environment(error.to_string()))?;
    let file = path.display().to_string();
    let is_json = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
    if is_json { disclosed(file, &bytes) } else { listed(file, &bytes) }.map_err(refused)
}

fn disclosed(file: String, bytes: &[u8]) -> Result<Lines, String> {
    let disclosure: ReserveDisclosure =
        serde_json::from_slice(bytes).map_err(|error| format!("is no file of disclosed reserve lines: {error}"))?;
    let ReserveDisclosure { protocol, attestation_id, lines, .. } = disclosure;
    if protocol != RESERVES_PROTOCOL {
        return Err(format!("has the protocol {}, not {RESERVES_PROTOCOL}", shown(&protocol)));
    }
    if StatementDigest::parse(&attestation_id).is_err() {
        return Err(format!("names {} as its statement, which is no attestation's id", shown(&attestation_id)));
    }
    if lines.is_empty() {
        return Err("discloses no lines".to_owned());
    }
    let lines = lines.iter().map(|line| (line.index, line.fields.to_fields())).collect();
    Ok(Lines { file, origin: attestation_id.clone(), statement: Some(attestation_id), lines })
}

fn listed(file: String, bytes: &[u8]) -> Result<Lines, String> {
    let unreadable = |error: csv::Error| format!("is neither disclosed reserve lines nor a reserves.csv: {error}");
    let mut csv = csv::Reader::from_reader(bytes);
    let columns = csv.headers().map_err(unreadable)?.clone();
    if !columns.iter().eq(LINE_COLUMNS) && !columns.iter().eq(LINE_COLUMNS[..SHORT_COLUMNS].iter().copied()) {
        let wanted = LINE_COLUMNS.join(",");
        return Err(format!("is neither disclosed reserve lines nor a reserves.csv, whose first line is {wanted}"));
    }
    let mut lines = Vec::new();
    for record in csv.records() {
        let record = record.map_err(unreadable)?;
        let line = record.position().map_or(0, csv::Position::line);
        lines.push((line, std::array::from_fn(|column| record.get(column).unwrap_or_default().to_owned())));
    }
    Ok(Lines { file, origin: hex::encode(Sha256::digest(bytes)), statement: None, lines })
}
