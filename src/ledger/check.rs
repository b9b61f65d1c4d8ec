//! Checks a directory and makes a [`Snapshot`], or lists all errors.

use std::collections::BTreeMap;
use std::path::Path;

use super::accounts::Accounts;
use super::assets::{Asset, Assets};
use super::balances::{self, Balances};
use super::collateral::{self, Ledger};
use super::directory;
use super::finding::{CheckError, Finding, Findings};
use super::limits::{DEFAULT_COVERAGE_BPS, Limits, MAX_ASSETS};
use super::manifest::{self, CoverageBasis, Manifest, Policy};
use super::manifest_form::{Lines, MANIFEST};
use super::per_account::PerAccount;
use super::positions::Position;
use super::reserve_lines::{self, Judge, Reserves};
use super::snapshot::Snapshot;
use super::source::Source;
use super::tiers::{self, Tiers};
use super::value::{self, Valued};
use super::{accounts, assets, classes, instruments, position_limits, positions};
use crate::progress::Progress;
use assay_core::decimal::{ExactSum, format_units, parse_units, percent};
use assay_core::text::shown;
use assay_core::worth::VALUE_DECIMALS;
use assay_ownership::Verdict;
use num_bigint::BigUint;

/// Reads a snapshot directory and checks every rule of the format.
///
/// The check continues after an error wherever it can, so that an operator sees all errors at once. Memory: for each account the
/// reference and about 30 bytes; 24 bytes for each holding, position and row of collateral. Progress counts bytes read from disk.
///
/// # Errors
/// [`CheckError::NotValid`] with the findings, or [`CheckError::Environment`] if a file could not be read; that says nothing about
/// the ledger.
pub fn check(dir: &Path, limits: &Limits, progress: &dyn Progress) -> Result<Snapshot, CheckError> {
    let mut findings = Findings::new(limits.max_errors_kept);
    let files = directory::list(dir, &mut findings)?;
    let has_reserves_file = files.reserves.is_some();

    let before = findings.total;
    let manifest = match &files.manifest {
        Some(path) => manifest::read(path, &mut findings)?,
        None => None,
    };
    // with a wrong manifest every signature would be false
    let judge = manifest.as_ref().filter(|_| findings.total == before).map(|(manifest, _)| Judge::of(manifest));
    files.report_unknown(manifest.as_ref().map(|(manifest, _)| manifest), &mut findings);
    let assets = match &files.assets {
        Some(source) => assets::read(source, limits, &mut findings, progress)?,
        None => None,
    };
    let classes = match &files.classes {
        Some(source) => classes::read(source, limits, &mut findings, progress)?,
        None => None,
    };
    let accounts = match &files.accounts {
        Some(source) => accounts::read(source, classes.as_ref(), limits, &mut findings, progress)?,
        None => None,
    };
    let instruments = match &files.instruments {
        Some(source) => instruments::read(source, limits, &mut findings, progress)?,
        None => None,
    };
    let position_limits = match (&files.limits, &instruments) {
        (Some(source), Some(instruments)) => {
            position_limits::read(source, instruments, classes.as_ref(), limits, &mut findings, progress)?
        }
        _ => None,
    };
    let tiers = match (&files.tiers, &assets) {
        (Some(source), Some(assets)) => tiers::read(source, assets, limits, &mut findings, progress)?,
        _ => None,
    };
    // without accounts and assets, every row would be an error; the missing file is reported already
    let before_balances = findings.total;
    let balances = match (&files.balances, &accounts, &assets) {
        (Some(source), Some((accounts, _)), Some(assets)) => {
            balances::read(source, accounts, assets, limits, &mut findings, progress)?
        }
        _ => None,
    };
    let balances_are_whole = findings.total == before_balances;
    let reserves = match (&files.reserves, &assets) {
        (Some(source), Some(assets)) => {
            reserve_lines::read(source, assets, judge.as_ref(), limits, &mut findings, progress)?
        }
        (None, Some(assets)) => Some(Reserves { sums: vec![0; assets.list.len()], ..Reserves::default() }),
        _ => None,
    };
    let positions = match (&files.positions, &accounts, &instruments) {
        (Some(source), Some((accounts, _)), Some(instruments)) => {
            let position_limits = position_limits.as_ref();
            positions::read(source, accounts, instruments, position_limits, limits, &mut findings, progress)?
        }
        _ => None,
    };
    let collateral = match (&files.collateral, &accounts, &assets, &tiers, &balances) {
        (Some(source), Some((accounts, _)), Some(assets), Some(tiers), Some(balances)) => {
            let ledger = Ledger { accounts, assets, tiers, balances, balances_are_whole };
            collateral::read(source, &ledger, limits, &mut findings, progress)?
        }
        _ => None,
    };
    if files.collateral.is_none()
        && let Some(Tiers { kinds, .. }) = &tiers
        && kinds.len() > 1
    {
        findings.add(
            "collateral.csv",
            None,
            format_args!(
                "is missing: tiers.csv has the kinds {}, so collateral.csv must give the kind of each holding",
                kinds.join(", ")
            ),
        );
    }

    let (Some((manifest, lines)), Some(assets), Some((accounts, account_rows)), Some(balances), Some(reserves)) =
        (manifest, assets, accounts, balances, reserves)
    else {
        return Err(CheckError::NotValid(findings));
    };
    let accounts_file = files.accounts.map_or_else(String::new, |source| source.name);
    balances::report_oversized(&balances, &accounts, &accounts_file, &mut findings);
    let expected = manifest.rows.unwrap_or_default();
    let rows = [
        ("accounts", expected.accounts, account_rows),
        ("balances", expected.balances, balances.rows),
        ("reserves", expected.reserves, reserves.rows),
        ("classes", expected.classes, classes.as_ref().map_or(0, |classes| classes.rows)),
        ("instruments", expected.instruments, instruments.as_ref().map_or(0, |instruments| instruments.rows)),
        ("limits", expected.limits, position_limits.as_ref().map_or(0, |limits| limits.rows)),
        ("tiers", expected.tiers, tiers.as_ref().map_or(0, |tiers| tiers.rows)),
        ("positions", expected.positions, positions.as_ref().map_or(0, |positions| positions.rows)),
        ("collateral", expected.collateral, collateral.as_ref().map_or(0, |collateral| collateral.rows)),
    ];
    reconcile_rows(&rows, &lines, &mut findings);
    // a sum without the rows that are refused says nothing about the totals
    let sums = balances_are_whole.then_some(&balances);
    reconcile_totals(&manifest, &lines, &assets, sums, &mut findings);
    let policy = manifest.policy.unwrap_or_default();
    for (name, given) in [
        ("coverage_bps", policy.coverage_bps.is_some()),
        ("coverage_basis", policy.coverage_basis.is_some()),
        ("owned_bps", policy.owned_bps.is_some()),
    ] {
        if given && !has_reserves_file {
            let line = lines.get(&format!("policy.{name}")).copied();
            findings.add(MANIFEST, line, format_args!("policy.{name} needs reserves, but there is no reserves.csv"));
        }
    }
    let has_rules = [&files.instruments, &files.limits, &files.classes, &files.tiers].iter().any(|file| file.is_some());
    let instruments = instruments.unwrap_or_default();
    let positions = positions.unwrap_or_default();
    let tiers = tiers.unwrap_or_default();
    let mut value_decimals = *VALUE_DECIMALS.start();
    if has_rules && findings.is_empty() {
        let name = |source: &Option<Source>| source.as_ref().map_or_else(String::new, |source| source.name.clone());
        let valued = Valued {
            assets: &assets.list,
            assets_file: &name(&files.assets),
            accounts: &accounts,
            accounts_file: &accounts_file,
            balances: &balances,
            instruments: &instruments.list,
            instruments_file: &name(&files.instruments),
            tiers: &tiers,
            positions: &positions.by_account,
        };
        value_decimals = value::value_decimals(&valued, &mut findings);
    }
    if !findings.is_empty() {
        return Err(CheckError::NotValid(findings));
    }
    let mut warnings = warnings(&policy, has_reserves_file, &assets, &balances, &reserves);
    if has_rules {
        warnings.extend(accounts_alone(&accounts, &positions.by_account));
    }
    Ok(Snapshot {
        coverage_bps: has_reserves_file.then(|| policy.coverage_bps.unwrap_or(DEFAULT_COVERAGE_BPS)),
        manifest,
        assets: assets.list,
        accounts,
        holdings: balances.holdings,
        holding_ends: balances.ends,
        totals: balances.totals,
        reserves: reserves.lines,
        reserve_sums: reserves.sums,
        has_rules,
        classes: classes.unwrap_or_default().list,
        instruments: instruments.list,
        limits: position_limits.map(|limits| limits.list),
        tiers,
        value_decimals,
        positions: positions.by_account,
        collateral: collateral.map(|collateral| collateral.by_account),
        warnings,
    })
}

/// What `verify` will say of an attestation of this ledger, and what was rounded.
fn warnings(
    policy: &Policy,
    has_reserves_file: bool,
    assets: &Assets,
    balances: &Balances,
    reserves: &Reserves,
) -> Vec<Finding> {
    let mut warnings = Findings::new(MAX_ASSETS);
    for Finding { file, line, reason } in &reserves.warnings {
        warnings.add(file, *line, reason);
    }
    for (asset, exact) in &reserves.rounded {
        let Asset { symbol, scale, .. } = &assets.list[usize::from(*asset)];
        let rounded = format_units(reserves.sums[usize::from(*asset)], *scale);
        warnings.add(
            "reserves.csv",
            None,
            format_args!(
                "the reserves of {symbol} sum to {exact}, which counts as {rounded}, rounded down to {scale} decimals"
            ),
        );
    }
    let required = has_reserves_file.then(|| policy.coverage_bps.unwrap_or(DEFAULT_COVERAGE_BPS));
    let basis = policy.coverage_basis.unwrap_or_default();
    for ((asset, totals), reserves) in assets.list.iter().zip(&balances.totals).zip(&reserves.sums) {
        let text = |units| format_units(units, asset.scale);
        let symbol = &asset.symbol;
        if totals.debt > totals.equity {
            warnings.add(
                "balances.csv",
                None,
                format_args!(
                    "{symbol}: customers owe {} and hold only {}; verify accepts no attestation in which customers owe more of an asset \
                     than they hold",
                    text(totals.debt),
                    text(totals.equity)
                ),
            );
        }
        let (word, owed) = match basis {
            CoverageBasis::Gross => ("hold", totals.equity),
            CoverageBasis::Net => ("hold, less what they owe,", totals.equity.saturating_sub(totals.debt)),
        };
        if let Some(bps) = required
            && BigUint::from(*reserves) * 10_000u32 < BigUint::from(owed) * bps
        {
            warnings.add(
                "reserves.csv",
                None,
                format_args!(
                    "{symbol}: the reserves are {} and customers {word} {}; the policy requires {}, so verify will not accept an \
                     attestation of this ledger",
                    text(*reserves),
                    text(owed),
                    percent(u128::from(bps))
                ),
            );
        }
    }
    if let Some(bps) = policy.owned_bps {
        warn_of_ownership(bps, assets, reserves, &mut warnings);
    }
    warnings.findings
}

/// Assets of which too little is proven owned or stated by third parties.
fn warn_of_ownership(bps: u32, assets: &Assets, reserves: &Reserves, warnings: &mut Findings) {
    let [mut fresh, mut third_party] = [(); 2].map(|()| vec![ExactSum::default(); assets.list.len()]);
    for line in &reserves.lines {
        let sums = match line.verdict {
            Verdict::Fresh => &mut fresh,
            Verdict::ThirdParty { .. } => &mut third_party,
            Verdict::Undated { .. } | Verdict::Unproven(_) => continue,
        };
        // it was added before
        let _ = sums[usize::from(line.asset)].add(&line.fields[3]);
    }
    for (((asset, fresh), third_party), stated) in assets.list.iter().zip(&fresh).zip(&third_party).zip(&reserves.sums)
    {
        // each is rounded down, as in the statement
        let units = |sum: &ExactSum| sum.units(asset.scale).map_or(0, |(units, _)| units);
        let owned = units(fresh).saturating_add(units(third_party));
        if BigUint::from(owned) * 10_000u32 < BigUint::from(*stated) * bps {
            warnings.add(
                "reserves.csv",
                None,
                format_args!(
                    "{}: of the reserves of {} are {} proven owned or stated by listed third parties; the policy requires {}, so verify \
                     will not accept an attestation of this ledger",
                    asset.symbol,
                    format_units(*stated, asset.scale),
                    format_units(owned, asset.scale),
                    percent(u128::from(bps))
                ),
            );
        }
    }
}

/// Classes in which one account alone has positions: the totals of the class are published, and are this account's positions.
fn accounts_alone(accounts: &Accounts, positions: &PerAccount<Position>) -> Vec<Finding> {
    let mut with_positions = BTreeMap::<u8, u64>::new();
    for account in (0..accounts.len() as u32).filter(|account| !positions.of(*account).is_empty()) {
        *with_positions.entry(accounts.class(account)).or_default() += 1;
    }
    let mut warnings = Findings::new(MAX_ASSETS);
    for (class, _) in with_positions.into_iter().filter(|(_, accounts)| *accounts == 1) {
        warnings.add(
            "positions.csv",
            None,
            format_args!(
                "only one account of class {class} has positions; the totals of the class are published, so everybody can read these \
                 positions"
            ),
        );
    }
    warnings.findings
}

fn reconcile_rows(rows: &[(&str, Option<u64>, u64)], lines: &Lines, findings: &mut Findings) {
    for (table, expected, found) in rows {
        if let Some(expected) = expected
            && expected != found
        {
            let line = lines.get(&format!("rows.{table}")).copied();
            findings.add(MANIFEST, line, format_args!("rows.{table} is {expected}, but the file has {found} rows"));
        }
    }
}

fn reconcile_totals(
    manifest: &Manifest,
    lines: &Lines,
    assets: &Assets,
    balances: Option<&Balances>,
    findings: &mut Findings,
) {
    for (symbol, expected) in &manifest.totals {
        let key = format!("totals.{symbol}");
        let asset = match assets.find(symbol) {
            Ok(asset) => usize::from(asset),
            Err(reason) => {
                if let Some(reason) = reason {
                    findings.add(MANIFEST, lines.get(&key).copied(), format_args!("totals: {reason}"));
                }
                continue;
            }
        };
        let scale = assets.list[asset].scale;
        let Some(found) = balances.map(|balances| balances.totals[asset]) else { continue };
        for (word, text, found) in [("equity", &expected.equity, found.equity), ("debt", &expected.debt, found.debt)] {
            let reason = match parse_units(text, scale) {
                Ok(units) if units == found => continue,
                Ok(_) => format!("is {text}, but the balances sum to {}", format_units(found, scale)),
                Err(error) => format!("{} {error}", shown(text)),
            };
            let line = lines.get(&format!("{key}.{word}")).copied();
            findings.add(MANIFEST, line, format_args!("totals.{symbol}.{word} {reason}"));
        }
    }
}
