//! From a directory to a [`Snapshot`], or to everything that is wrong with it.

use std::path::Path;

use super::assets::Assets;
use super::balances::{self, Balances};
use super::decimal::{format_units, parse_units};
use super::directory;
use super::finding::{CheckError, Findings};
use super::manifest::{self, MANIFEST, Manifest};
use super::reserve_lines::{self, Reserves};
use super::snapshot::Snapshot;
use super::text::shown;
use super::{DEFAULT_COVERAGE_BPS, Limits, accounts, assets};
use crate::progress::Progress;

/// Reads a snapshot directory and checks every rule of the format.
///
/// Reading goes on past an error wherever what follows can still be understood, so that an operator sees all of them in
/// one go. Memory: per account the reference and about 30 bytes, 24 bytes per holding; progress is in bytes read from disk.
///
/// # Errors
/// [`CheckError::NotValid`] with the findings, or [`CheckError::Environment`] where a file could not be read; then nothing
/// is said about the ledger.
pub fn check(dir: &Path, limits: &Limits, progress: &dyn Progress) -> Result<Snapshot, CheckError> {
    let mut findings = Findings::new(limits.max_errors_kept);
    let files = directory::list(dir, &mut findings)?;
    let has_reserves_file = files.reserves.is_some();

    let manifest = match &files.manifest {
        Some(path) => manifest::read(path, &mut findings)?,
        None => None,
    };
    let assets = match &files.assets {
        Some(source) => assets::read(source, limits, &mut findings, progress)?,
        None => None,
    };
    let accounts = match &files.accounts {
        Some(source) => accounts::read(source, limits, &mut findings, progress)?,
        None => None,
    };
    // Without accounts and assets every single row would be an error; the missing file has been reported.
    let balances = match (&files.balances, &accounts, &assets) {
        (Some(source), Some((accounts, _)), Some(assets)) => {
            balances::read(source, accounts, assets, limits, &mut findings, progress)?
        }
        _ => None,
    };
    let reserves = match (&files.reserves, &assets) {
        (Some(source), Some(assets)) => reserve_lines::read(source, assets, limits, &mut findings, progress)?,
        (None, Some(assets)) => Some(Reserves { sums: vec![0; assets.list.len()], ..Reserves::default() }),
        _ => None,
    };

    let (Some(manifest), Some(assets), Some((accounts, account_rows)), Some(balances), Some(reserves)) =
        (manifest, assets, accounts, balances, reserves)
    else {
        return Err(CheckError::NotValid(findings));
    };
    let accounts_file = files.accounts.map_or_else(String::new, |source| source.name);
    balances::report_oversized(&balances, &accounts, &accounts_file, &mut findings);
    reconcile_rows(&manifest, account_rows, &balances, &reserves, &mut findings);
    reconcile_totals(&manifest, &assets, &balances, &mut findings);
    let coverage_bps = manifest.policy.and_then(|policy| policy.coverage_bps);
    if coverage_bps.is_some() && !has_reserves_file {
        findings.add(MANIFEST, None, "policy.coverage_bps asks for reserves, but there is no reserves.csv");
    }
    if !findings.is_empty() {
        return Err(CheckError::NotValid(findings));
    }
    Ok(Snapshot {
        coverage_bps: has_reserves_file.then(|| coverage_bps.unwrap_or(DEFAULT_COVERAGE_BPS)),
        manifest,
        assets: assets.list,
        accounts,
        holdings: balances.holdings,
        holding_ends: balances.ends,
        totals: balances.totals,
        reserves: reserves.lines,
        reserve_sums: reserves.sums,
    })
}

fn reconcile_rows(
    manifest: &Manifest,
    account_rows: u64,
    balances: &Balances,
    reserves: &Reserves,
    findings: &mut Findings,
) {
    let Some(expected) = manifest.rows else {
        return;
    };
    for (table, expected, found) in [
        ("accounts", expected.accounts, account_rows),
        ("balances", expected.balances, balances.rows),
        ("reserves", expected.reserves, reserves.rows),
    ] {
        if let Some(expected) = expected
            && expected != found
        {
            findings.add(MANIFEST, None, format_args!("rows.{table} says {expected}, the file has {found}"));
        }
    }
}

fn reconcile_totals(manifest: &Manifest, assets: &Assets, balances: &Balances, findings: &mut Findings) {
    for (symbol, expected) in &manifest.totals {
        let Some(asset) = assets.by_symbol.get(symbol).map(|asset| usize::from(*asset)) else {
            findings.add(MANIFEST, None, format_args!("totals names {}, which is not in assets.csv", shown(symbol)));
            continue;
        };
        let scale = assets.list[asset].scale;
        let found = balances.totals[asset];
        for (word, text, found) in [("equity", &expected.equity, found.equity), ("debt", &expected.debt, found.debt)] {
            match parse_units(text, scale) {
                Ok(units) if units == found => {}
                Ok(_) => findings.add(
                    MANIFEST,
                    None,
                    format_args!(
                        "totals.{symbol}.{word} says {text}, the balances sum to {}",
                        format_units(found, scale)
                    ),
                ),
                Err(error) => {
                    findings.add(MANIFEST, None, format_args!("totals.{symbol}.{word} {} {error}", shown(text)))
                }
            }
        }
    }
}
