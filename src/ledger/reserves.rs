//! The reserves of a ledger without its accounts: whoever signs for addresses, or looks at who signed, needs no balances.

use std::path::Path;

use super::assets::{self, Asset};
use super::directory;
use super::finding::{CheckError, Finding, Findings};
use super::limits::Limits;
use super::manifest::{self, Manifest};
use super::manifest_form::MANIFEST;
use super::reserve_lines::{self, Judge, ReserveLine};
use crate::progress::Progress;
use assay_core::holding::HoldingKeys;

/// The stated reserves of a ledger.
#[derive(Debug)]
pub struct StatedReserves {
    /// The manifest.
    pub manifest: Manifest,
    /// The assets, in the order of assets.csv.
    pub assets: Vec<Asset>,
    /// The lines, each with its verdict.
    pub lines: Vec<ReserveLine>,
    /// What does not stop a proof.
    pub warnings: Vec<Finding>,
}

/// Reads manifest, assets and reserves of the ledger in `dir`; other files may be missing. The reader's own `custodians` take the place
/// of those that the exchange lists.
///
/// # Errors
/// [`CheckError`], as for the check of a whole ledger.
pub fn read_reserves(
    dir: &Path,
    custodians: Option<HoldingKeys>,
    limits: &Limits,
    progress: &dyn Progress,
) -> Result<StatedReserves, CheckError> {
    let mut listed = Findings::new(limits.max_errors_kept);
    let files = directory::list(dir, &mut listed)?;
    let mut findings = Findings::new(limits.max_errors_kept);
    // what is wrong with other files is the business of the whole check
    let own = |file: &str| file == MANIFEST || matches!(directory::table_of(file), Some("assets" | "reserves"));
    for Finding { file, line, reason } in listed.findings.into_iter().filter(|finding| own(&finding.file)) {
        findings.add(&file, line, reason);
    }
    if files.reserves.is_none() {
        findings.add("reserves.csv", None, "is missing");
    }
    let before = findings.total;
    let manifest = match &files.manifest {
        Some(path) => manifest::read(path, &mut findings)?,
        None => None,
    };
    let read = findings.total == before;
    let assets = match &files.assets {
        Some(source) => assets::read(source, limits, &mut findings, progress)?,
        None => None,
    };
    // with a wrong manifest every signature would be false
    let judge = manifest.as_ref().filter(|_| read).map(|(manifest, _)| {
        let judge = Judge::of(manifest);
        Judge { custodians: custodians.or(judge.custodians), ..judge }
    });
    let reserves = match (&files.reserves, &assets) {
        (Some(source), Some(assets)) => {
            reserve_lines::read(source, assets, judge.as_ref(), limits, &mut findings, progress)?
        }
        _ => None,
    };
    match (manifest, assets, reserves) {
        (Some((manifest, _)), Some(assets), Some(reserves)) if findings.is_empty() => {
            Ok(StatedReserves { manifest, assets: assets.list, lines: reserves.lines, warnings: reserves.warnings })
        }
        _ => Err(CheckError::NotValid(findings)),
    }
}
