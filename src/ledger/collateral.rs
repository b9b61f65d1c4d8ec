//! `collateral.csv`: `account,asset,kind,amount`. It states which part of an account's equity is collateral, and which table of
//! tiers.csv applies.

use super::accounts::Accounts;
use super::assets::Assets;
use super::balances::Balances;
use super::finding::{Environment, Findings};
use super::limits::Limits;
use super::lines::{SNAPSHOT_LINE_BYTES, Table};
use super::per_account::{PerAccount, sort_once_each};
use super::source::Source;
use super::tiers::Tiers;
use crate::progress::Progress;
use assay_core::decimal::{format_units, parse_quantity};
use assay_core::text::shown;

pub(crate) const COLLATERAL_HEADER: [&str; 4] = ["account", "asset", "kind", "amount"];

/// The part of an account's equity in one asset that is collateral of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Collateral {
    /// Number of the account in the snapshot's list.
    pub account: u32,
    /// Number of the asset in the snapshot's list.
    pub asset: u16,
    /// Number of the kind of collateral in the snapshot's list.
    pub kind: u8,
    /// The amount in the asset's smallest unit, not zero.
    pub amount: u64,
}

/// The accounts, assets and tiers that the rows refer to.
pub(crate) struct Ledger<'a> {
    pub(crate) accounts: &'a Accounts,
    pub(crate) assets: &'a Assets,
    pub(crate) tiers: &'a Tiers,
    pub(crate) balances: &'a Balances,
    /// Whether no row of the balances was refused.
    pub(crate) balances_are_whole: bool,
}

/// All collateral, sorted by account, asset and kind, without rows of zeros.
#[derive(Debug, Default)]
pub(crate) struct CollateralRows {
    pub(crate) by_account: PerAccount<Collateral>,
    pub(crate) rows: u64,
}

/// Reads the collateral. `None`, with findings, if the file cannot be read.
pub(crate) fn read(
    source: &Source,
    ledger: &Ledger<'_>,
    limits: &Limits,
    findings: &mut Findings,
    progress: &dyn Progress,
) -> Result<Option<CollateralRows>, Environment> {
    let Ledger { accounts, assets, tiers, .. } = ledger;
    let mut table = Table::open(source, SNAPSHOT_LINE_BYTES, limits, progress)?;
    if !table.expect_header(&COLLATERAL_HEADER, findings)? {
        return Ok(None);
    }
    let mut found: Vec<(u64, Collateral)> = Vec::new();
    let mut last: Option<u32> = None;
    while let Some(line) = table.next(findings)? {
        let [account_text, symbol, kind_name, amount_text] = [0, 1, 2, 3].map(|column| table.fields().get(column));
        let mut add = |reason: String| findings.add(&source.name, Some(line), reason);
        last = accounts.find_near(last, account_text);
        if last.is_none() {
            accounts.unknown(account_text).into_iter().for_each(&mut add);
        }
        let asset = match assets.find(symbol) {
            Ok(asset) => asset,
            Err(reason) => {
                reason.into_iter().for_each(add);
                continue;
            }
        };
        let kind = tiers.kind_of(asset, kind_name);
        if kind.is_none() && tiers.whole {
            add(format!("{symbol} has no tiers of kind {} in tiers.csv", shown(kind_name)));
        }
        match parse_quantity(amount_text, assets.list[usize::from(asset)].scale) {
            Err(error) => add(format!("{symbol} amount {} {error}", shown(amount_text))),
            Ok(amount) => {
                if let (Some(account), Some(kind)) = (last, kind) {
                    found.push((line, Collateral { account, asset, kind, amount }));
                }
            }
        }
    }
    let reason = |row: &Collateral| {
        let (symbol, kind) = (&assets.list[usize::from(row.asset)].symbol, &tiers.kinds[usize::from(row.kind)]);
        format!("account {} has a second row for {symbol} of kind {kind}", shown(accounts.get(row.account)))
    };
    sort_once_each(&mut found, |row| (row.account, row.asset, row.kind), reason, source, findings);
    // without the balances that are refused, the equity is not known
    if ledger.balances_are_whole {
        report_over_equity(source, ledger, &found, findings);
    }
    let list = found.into_iter().map(|(_, row)| row).filter(|row| row.amount > 0).collect();
    Ok(Some(CollateralRows {
        by_account: PerAccount::new(list, |row| row.account, accounts.len()),
        rows: table.rows(),
    }))
}

/// Collateral cannot exceed equity: reports the last line of every account and asset whose kinds sum to more.
fn report_over_equity(source: &Source, ledger: &Ledger<'_>, found: &[(u64, Collateral)], findings: &mut Findings) {
    for rows in found.chunk_by(|(_, a), (_, b)| (a.account, a.asset) == (b.account, b.asset)) {
        let (account, asset) = (rows[0].1.account, rows[0].1.asset);
        let pledged: u128 = rows.iter().map(|(_, row)| u128::from(row.amount)).sum();
        let equity = ledger.balances.equity(account, asset);
        if pledged > u128::from(equity) {
            let asset = &ledger.assets.list[usize::from(asset)];
            findings.add(
                &source.name,
                rows.iter().map(|(line, _)| *line).max(),
                format_args!(
                    "account {} has {} {} of collateral, but its equity is only {}",
                    shown(ledger.accounts.get(account)),
                    format_units(pledged, asset.scale),
                    asset.symbol,
                    format_units(equity.into(), asset.scale)
                ),
            );
        }
    }
}
