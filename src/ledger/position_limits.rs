//! `limits.csv`: `instrument,class,side,limit`. It states how many contracts an account of a class may hold. A position without a row
//! is prohibited.

use std::collections::BTreeMap;

use super::classes::{Classes, parse_class};
use super::finding::{Environment, Findings};
use super::instruments::Instruments;
use super::limits::Limits;
use super::lines::{SNAPSHOT_LINE_BYTES, Table};
use super::source::Source;
use crate::progress::Progress;
use assay_core::decimal::parse_quantity;
use assay_core::text::shown;

pub(crate) const LIMITS_HEADER: [&str; 4] = ["instrument", "class", "side", "limit"];

/// Side of a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// Gains when the price rises; a quantity above zero.
    Long,
    /// Gains when the price falls; a quantity below zero.
    Short,
}

impl std::fmt::Display for Side {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Long => "long",
            Self::Short => "short",
        })
    }
}

/// Maximum number of contracts of an account of one class, on one side of one instrument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Number of the instrument in the snapshot's list.
    pub instrument: u16,
    /// Class of the account.
    pub class: u8,
    /// Side of the position.
    pub side: Side,
    /// Whole contracts; a position of exactly this number is allowed.
    pub limit: u64,
}

/// All limits, sorted by instrument, class and side; a row for both sides gives two limits.
#[derive(Debug, Default)]
pub(crate) struct PositionLimits {
    pub(crate) list: Vec<Limit>,
    pub(crate) rows: u64,
    /// Whether no row was refused. Otherwise a limit that is not there may be one that was refused.
    pub(crate) whole: bool,
}

impl PositionLimits {
    /// The limit, or `None` if such a position is prohibited.
    pub(crate) fn of(&self, instrument: u16, class: u8, side: Side) -> Option<u64> {
        let found =
            self.list.binary_search_by_key(&(instrument, class, side), |row| (row.instrument, row.class, row.side));
        found.ok().map(|place| self.list[place].limit)
    }
}

/// Reads the limits. `None`, with findings, if the file cannot be read.
pub(crate) fn read(
    source: &Source,
    instruments: &Instruments,
    classes: Option<&Classes>,
    limits: &Limits,
    findings: &mut Findings,
    progress: &dyn Progress,
) -> Result<Option<PositionLimits>, Environment> {
    let mut table = Table::open(source, SNAPSHOT_LINE_BYTES, limits, progress)?;
    if !table.expect_header(&LIMITS_HEADER, findings)? {
        return Ok(None);
    }
    let before = findings.total;
    let mut whole = true;
    // each limit with its line number
    let mut found: BTreeMap<(u16, u8, Side), (u64, u64)> = BTreeMap::new();
    while let Some(line) = table.next(findings)? {
        let [symbol, class_text, side_text, limit_text] = [0, 1, 2, 3].map(|column| table.fields().get(column));
        let mut add = |reason: String| findings.add(&source.name, Some(line), reason);
        let instrument = instruments.find(symbol).map_err(|reason| reason.into_iter().for_each(&mut add)).ok();
        let class = parse_class(class_text, classes).map_err(|reason| reason.into_iter().for_each(&mut add)).ok();
        whole &= instrument.is_some() && class.is_some();
        let sides: &[Side] = match side_text {
            "long" => &[Side::Long],
            "short" => &[Side::Short],
            "both" => &[Side::Long, Side::Short],
            _ => {
                add(format!("side {} is not long, short or both", shown(side_text)));
                &[]
            }
        };
        let limit = match parse_quantity(limit_text, 0) {
            Ok(limit) => limit,
            Err(error) => {
                add(format!("limit {} {error}", shown(limit_text)));
                continue;
            }
        };
        let (Some(instrument), Some(class)) = (instrument, class) else {
            continue;
        };
        for side in sides {
            let (_, first) = *found.entry((instrument, class, *side)).or_insert((limit, line));
            if first != line {
                add(format!("{symbol} already has a limit for class {class} {side} in line {first}"));
            }
        }
    }
    let list =
        found.into_iter().map(|((instrument, class, side), (limit, _))| Limit { instrument, class, side, limit });
    let whole = whole && findings.total == before;
    Ok(Some(PositionLimits { list: list.collect(), rows: table.rows(), whole }))
}
