//! `instruments.csv`: `symbol,contract_size,mark_price,maintenance_margin_bps`. It lists the instruments of positions.

use std::collections::HashMap;

use super::assets::{MAX_SYMBOL_BYTES, repeated_symbol};
use super::finding::{Environment, Findings};
use super::limits::{Limits, MAX_INSTRUMENTS};
use super::lines::{SNAPSHOT_LINE_BYTES, Table};
use super::names::Refused;
use super::source::Source;
use crate::progress::Progress;
use assay_core::decimal::{Decimal, parse_decimal};
use assay_core::text::{name_defect, shown, symbol_key};

pub(crate) const INSTRUMENTS_HEADER: [&str; 4] = ["symbol", "contract_size", "mark_price", "maintenance_margin_bps"];

const MAX_MARGIN_BPS: u16 = 10_000;

/// An instrument, such as a future.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instrument {
    /// Symbol, 1 to 64 bytes, as the exchange writes it. Case matters, but no two symbols differ only in case.
    pub symbol: String,
    /// Units of the underlying in one contract; above zero.
    pub contract_size: Decimal,
    /// Price of one unit of the underlying in the quote currency; above zero.
    pub mark_price: Decimal,
    /// Maintenance margin in hundredths of a percent of the position's value, 0 to 10,000.
    pub maintenance_margin_bps: u16,
}

/// The instruments in file order, with an index by symbol.
#[derive(Debug, Default)]
pub(crate) struct Instruments {
    pub(crate) list: Vec<Instrument>,
    by_symbol: HashMap<String, u16>,
    by_key: HashMap<String, u16>,
    refused: Refused,
    pub(crate) rows: u64,
}

impl Instruments {
    /// The number of the instrument with this symbol.
    ///
    /// # Errors
    /// What is wrong with the reference; `None` if the instrument's own row was refused.
    pub(crate) fn find(&self, symbol: &str) -> Result<u16, Option<String>> {
        self.by_symbol.get(symbol).copied().ok_or_else(|| {
            let near = self.by_key.get(&symbol_key(symbol));
            let near = near.map(|place| self.list[usize::from(*place)].symbol.as_str());
            self.refused.unknown("instrument", symbol, "instruments.csv", near)
        })
    }
}

/// Reads the instruments. `None`, with findings, if the file cannot be read.
pub(crate) fn read(
    source: &Source,
    limits: &Limits,
    findings: &mut Findings,
    progress: &dyn Progress,
) -> Result<Option<Instruments>, Environment> {
    let mut table = Table::open(source, SNAPSHOT_LINE_BYTES, limits, progress)?;
    if !table.expect_header(&INSTRUMENTS_HEADER, findings)? {
        return Ok(None);
    }
    let mut instruments = Instruments::default();
    let mut first_line_of: HashMap<String, u64> = HashMap::new();
    while let Some(line) = table.next(findings)? {
        let [symbol, size, price, margin] = [0, 1, 2, 3].map(|column| table.fields().get(column));
        let mut add = |reason: String| findings.add(&source.name, Some(line), reason);
        if let Some(defect) = name_defect(symbol, MAX_SYMBOL_BYTES) {
            add(format!("symbol {} {defect}", shown(symbol)));
            instruments.refused.add(symbol);
            continue;
        }
        if let Some(first) = first_line_of.get(&symbol_key(symbol)) {
            let place = instruments.by_key.get(&symbol_key(symbol));
            let first_symbol = place.map(|place| instruments.list[usize::from(*place)].symbol.as_str());
            add(repeated_symbol(symbol, *first, first_symbol));
            instruments.refused.add(symbol);
            continue;
        }
        first_line_of.insert(symbol_key(symbol), line);
        let Ok(index) = u16::try_from(instruments.list.len()) else {
            continue;
        };
        if instruments.list.len() == MAX_INSTRUMENTS {
            add(format!("too many instruments: a book has at most {MAX_INSTRUMENTS}"));
        }
        let mut positive = |word: &str, text: &str| {
            let reason = match parse_decimal(text) {
                Ok(number) if number.units > 0 => return number,
                Ok(_) => "is not above zero".to_owned(),
                Err(error) => error.to_string(),
            };
            add(format!("{symbol} {word} {} {reason}", shown(text)));
            // a placeholder: with a finding, no snapshot is made
            Decimal { units: 1, scale: 0 }
        };
        let (contract_size, mark_price) = (positive("contract_size", size), positive("mark_price", price));
        let margin_bps = margin.parse::<u16>().ok().filter(|bps| *bps <= MAX_MARGIN_BPS && bps.to_string() == margin);
        if margin_bps.is_none() {
            add(format!(
                "{symbol} maintenance_margin_bps {} is not an integer from 0 to {MAX_MARGIN_BPS}",
                shown(margin)
            ));
        }
        instruments.by_symbol.insert(symbol.to_owned(), index);
        instruments.by_key.insert(symbol_key(symbol), index);
        instruments.list.push(Instrument {
            symbol: symbol.to_owned(),
            contract_size,
            mark_price,
            maintenance_margin_bps: margin_bps.unwrap_or(0),
        });
    }
    instruments.refused.unread(table.unread());
    instruments.rows = table.rows();
    Ok(Some(instruments))
}
