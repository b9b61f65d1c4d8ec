//! `balances.csv`: `account,asset,equity,debt`. It lists what each account holds and owes.

use std::collections::BTreeSet;

use super::accounts::Accounts;
use super::assets::Assets;
use super::finding::{Environment, Findings};
use super::holding::{AssetTotals, Holding};
use super::limits::{Limits, MAX_ENTRIES_PER_ACCOUNT};
use super::lines::{SNAPSHOT_LINE_BYTES, Table};
use super::per_account::ends;
use super::source::Source;
use crate::progress::Progress;
use assay_core::decimal::parse_quantity;
use assay_core::text::shown;

pub(crate) const BALANCES_HEADER: [&str; 4] = ["account", "asset", "equity", "debt"];

/// The balances, sorted by (account, asset), without rows of zeros.
#[derive(Debug, Default)]
pub(crate) struct Balances {
    pub(crate) holdings: Vec<Holding>,
    /// For each account, the number of holdings of this account and all before it.
    pub(crate) ends: Vec<usize>,
    pub(crate) totals: Vec<AssetTotals>,
    /// Number of rows.
    pub(crate) rows: u64,
}

impl Balances {
    /// The holdings of an account.
    pub(crate) fn of(&self, account: u32) -> &[Holding] {
        let account = account as usize;
        let start = if account == 0 { 0 } else { self.ends[account - 1] };
        &self.holdings[start..self.ends[account]]
    }

    /// What the account owns of the asset, in the asset's smallest unit.
    pub(crate) fn equity(&self, account: u32, asset: u16) -> u64 {
        self.holdings
            .binary_search_by_key(&(account, asset), Holding::key)
            .map_or(0, |place| self.holdings[place].equity)
    }
}

/// Reads the balances. `None`, with findings, if the file cannot be read.
pub(crate) fn read(
    source: &Source,
    accounts: &Accounts,
    assets: &Assets,
    limits: &Limits,
    findings: &mut Findings,
    progress: &dyn Progress,
) -> Result<Option<Balances>, Environment> {
    let mut balances = Balances { totals: vec![AssetTotals::default(); assets.list.len()], ..Balances::default() };
    let mut unpriced_reported = vec![false; assets.list.len()];
    let rows = each_row(source, accounts, assets, limits, findings, progress, |line, holding, findings| {
        let asset = &assets.list[usize::from(holding.asset)];
        let held = holding.equity > 0 || holding.debt > 0;
        if held && asset.price.is_none() && !std::mem::replace(&mut unpriced_reported[usize::from(holding.asset)], true)
        {
            findings.add(
                &source.name,
                Some(line),
                format_args!("{} has a balance but no price in assets.csv", asset.symbol),
            );
        }
        // at most 2^32 accounts with less than 2^64 each: every total is below 2^96
        let total = &mut balances.totals[usize::from(holding.asset)];
        total.equity += u128::from(holding.equity);
        total.debt += u128::from(holding.debt);
        balances.holdings.push(holding);
    })?;
    let Some(rows) = rows else { return Ok(None) };
    balances.rows = rows;
    balances.holdings.sort_unstable_by_key(Holding::key);
    let repeated: BTreeSet<_> =
        balances.holdings.windows(2).filter(|pair| pair[0].key() == pair[1].key()).map(|pair| pair[0].key()).collect();
    if !repeated.is_empty() {
        report_repeated(source, accounts, assets, limits, findings, repeated)?;
    }
    balances.holdings.retain(|holding| holding.equity > 0 || holding.debt > 0);
    balances.holdings.shrink_to_fit();
    balances.ends = ends(balances.holdings.iter().map(|holding| holding.account), accounts.len());
    Ok(Some(balances))
}

/// Calls `take` for every well-formed row. Returns the number of all rows.
fn each_row(
    source: &Source,
    accounts: &Accounts,
    assets: &Assets,
    limits: &Limits,
    findings: &mut Findings,
    progress: &dyn Progress,
    mut take: impl FnMut(u64, Holding, &mut Findings),
) -> Result<Option<u64>, Environment> {
    let mut table = Table::open(source, SNAPSHOT_LINE_BYTES, limits, progress)?;
    if !table.expect_header(&BALANCES_HEADER, findings)? {
        return Ok(None);
    }
    let mut last: Option<u32> = None;
    while let Some(line) = table.next(findings)? {
        let fields = table.fields();
        let (account_text, symbol) = (fields.get(0), fields.get(1));
        let account = accounts.find_near(last, account_text);
        last = account;
        if account.is_none()
            && let Some(reason) = accounts.unknown(account_text)
        {
            findings.add(&source.name, Some(line), reason);
        }
        let asset = match assets.find(symbol) {
            Ok(asset) => asset,
            Err(reason) => {
                if let Some(reason) = reason {
                    findings.add(&source.name, Some(line), reason);
                }
                continue;
            }
        };
        let scale = assets.list[usize::from(asset)].scale;
        let mut quantity = |text: &str, word: &str| {
            parse_quantity(text, scale)
                .map_err(|error| {
                    let text = if text.len() > 60 || text.is_empty() { shown(text) } else { text.to_owned() };
                    findings.add(&source.name, Some(line), format_args!("{symbol} {word} {text} {error}"));
                })
                .ok()
        };
        let (equity, debt) = (quantity(fields.get(2), "quantity"), quantity(fields.get(3), "debt"));
        if let (Some(account), Some(equity), Some(debt)) = (account, equity, debt) {
            take(line, Holding { account, asset, equity, debt }, findings);
        }
    }
    Ok(Some(table.rows()))
}

/// Reports the lines that repeat a pair of account and asset. Keeping all line numbers would cost a quarter of all memory, so a
/// file with this error is read a second time.
fn report_repeated(
    source: &Source,
    accounts: &Accounts,
    assets: &Assets,
    limits: &Limits,
    findings: &mut Findings,
    repeated: BTreeSet<(u32, u16)>,
) -> Result<(), Environment> {
    let mut seen = BTreeSet::new();
    let mut seen_again = 0u64;
    // the first pass has reported all other errors
    let mut unheard = Findings::new(0);
    each_row(source, accounts, assets, limits, &mut unheard, &crate::progress::Silent, |line, holding, _| {
        let key = holding.key();
        if repeated.contains(&key) && !seen.insert(key) {
            seen_again += 1;
            findings.add(
                &source.name,
                Some(line),
                format_args!(
                    "account {} has a second row for {}",
                    shown(accounts.get(holding.account)),
                    assets.list[usize::from(holding.asset)].symbol
                ),
            );
        }
    })?;
    if seen_again == 0 {
        findings.add(
            &source.name,
            None,
            "the file changed while it was read; at first, an account had two rows for one asset",
        );
    }
    Ok(())
}

/// Reports every account with more entries than fit its pages.
pub(crate) fn report_oversized(balances: &Balances, accounts: &Accounts, accounts_file: &str, findings: &mut Findings) {
    for holdings in balances.holdings.chunk_by(|a, b| a.account == b.account) {
        let entries: usize = holdings.iter().map(Holding::entries).sum();
        if entries > MAX_ENTRIES_PER_ACCOUNT {
            let account = holdings[0].account;
            findings.add(
                accounts_file,
                accounts.line_of(account),
                format_args!(
                    "account {} has {entries} entries in balances.csv; at most {MAX_ENTRIES_PER_ACCOUNT} fit its pages",
                    shown(accounts.get(account))
                ),
            );
        }
    }
}
