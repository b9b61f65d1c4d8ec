//! `positions.csv`: `account,instrument,quantity`. It lists the positions: positive quantities are long, negative ones short.

use super::accounts::Accounts;
use super::finding::{Environment, Findings};
use super::instruments::Instruments;
use super::limits::Limits;
use super::lines::{SNAPSHOT_LINE_BYTES, Table};
use super::per_account::{PerAccount, sort_once_each};
use super::position_limits::{PositionLimits, Side};
use super::source::Source;
use crate::progress::Progress;
use assay_core::decimal::{DecimalError, parse_quantity};
use assay_core::text::shown;

pub(crate) const POSITIONS_HEADER: [&str; 3] = ["account", "instrument", "quantity"];

/// The position of one account in one instrument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Number of the account in the snapshot's list.
    pub account: u32,
    /// Number of the instrument in the snapshot's list.
    pub instrument: u16,
    /// Long or short.
    pub side: Side,
    /// Whole contracts, not zero.
    pub contracts: u64,
}

/// All positions, sorted by account and instrument, without rows of zeros.
#[derive(Debug, Default)]
pub(crate) struct Positions {
    pub(crate) by_account: PerAccount<Position>,
    pub(crate) rows: u64,
}

/// Reads the positions and compares each with its limit, if there are limits. `None`, with findings, if the file cannot be read.
pub(crate) fn read(
    source: &Source,
    accounts: &Accounts,
    instruments: &Instruments,
    position_limits: Option<&PositionLimits>,
    limits: &Limits,
    findings: &mut Findings,
    progress: &dyn Progress,
) -> Result<Option<Positions>, Environment> {
    let mut table = Table::open(source, SNAPSHOT_LINE_BYTES, limits, progress)?;
    if !table.expect_header(&POSITIONS_HEADER, findings)? {
        return Ok(None);
    }
    let mut found: Vec<(u64, Position)> = Vec::new();
    let mut last: Option<u32> = None;
    while let Some(line) = table.next(findings)? {
        let [account_text, symbol, quantity] = [0, 1, 2].map(|column| table.fields().get(column));
        let mut add = |reason: String| findings.add(&source.name, Some(line), reason);
        last = accounts.find_near(last, account_text);
        if last.is_none() {
            accounts.unknown(account_text).into_iter().for_each(&mut add);
        }
        let instrument = match instruments.find(symbol) {
            Ok(instrument) => instrument,
            Err(reason) => {
                reason.into_iter().for_each(add);
                continue;
            }
        };
        let (side, contracts) = match parse_contracts(quantity) {
            Ok(parsed) => parsed,
            Err(error) => {
                add(format!("{symbol} quantity {} {error}", shown(quantity)));
                continue;
            }
        };
        let Some(account) = last else { continue };
        if contracts > 0
            && let Some(position_limits) = position_limits
        {
            let class = accounts.class(account);
            match position_limits.of(instrument, class, side) {
                None if !position_limits.whole => {}
                None => add(format!(
                    "account {} holds {contracts} contracts {side} of {symbol}, which is prohibited: limits.csv has no \
                     limit for class {class} {side}",
                    shown(account_text)
                )),
                Some(limit) if contracts > limit => add(format!(
                    "account {} holds {contracts} contracts {side} of {symbol}; the limit of class {class} is {limit}",
                    shown(account_text)
                )),
                Some(_) => {}
            }
        }
        found.push((line, Position { account, instrument, side, contracts }));
    }
    let reason = |position: &Position| {
        let symbol = &instruments.list[usize::from(position.instrument)].symbol;
        format!("account {} has a second row for {symbol}", shown(accounts.get(position.account)))
    };
    sort_once_each(&mut found, |row| (row.account, row.instrument), reason, source, findings);
    let list = found.into_iter().map(|(_, position)| position).filter(|position| position.contracts > 0).collect();
    Ok(Some(Positions { by_account: PerAccount::new(list, |row| row.account, accounts.len()), rows: table.rows() }))
}

fn parse_contracts(text: &str) -> Result<(Side, u64), DecimalError> {
    match text.strip_prefix('-') {
        None => Ok((Side::Long, parse_quantity(text, 0)?)),
        Some(short) => match parse_quantity(short, 0) {
            // as for balances, zero has no sign; a second sign is none
            Ok(0) if !short.starts_with('-') => Ok((Side::Long, 0)),
            Ok(0) | Err(DecimalError::Negative | DecimalError::Empty) => Err(DecimalError::Malformed),
            other => Ok((Side::Short, other?)),
        },
    }
}
