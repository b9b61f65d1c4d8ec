//! `assets.csv`: `symbol,scale,price,quote`. It lists the assets of the book with their units and prices.

use std::collections::HashMap;

use super::finding::{Environment, Findings};
use super::limits::{Limits, MAX_ASSETS};
use super::lines::{SNAPSHOT_LINE_BYTES, Table};
use super::names::Refused;
use super::source::Source;
use crate::progress::Progress;
use assay_core::decimal::{Decimal, MAX_SCALE, parse_decimal};
use assay_core::text::{difference, name_defect, shown, symbol_key};

pub(crate) const ASSETS_HEADER: [&str; 4] = ["symbol", "scale", "price", "quote"];

pub(crate) const MAX_SYMBOL_BYTES: usize = 64;

/// One asset of the book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    /// Symbol, 1 to 64 bytes, as the exchange writes it. Case matters, but no two symbols differ only in case.
    pub symbol: String,
    /// Decimals of the smallest unit: quantities count units of 10^-`scale`, 0 to 18.
    pub scale: u8,
    /// Exact price of a whole unit in the quote currency. `None` only if nobody holds or owes the asset.
    pub price: Option<Decimal>,
    /// Currency of the price; the same for all assets.
    pub quote: String,
}

/// The assets in file order, with an index by symbol.
#[derive(Debug, Default)]
pub(crate) struct Assets {
    pub(crate) list: Vec<Asset>,
    /// Index of each asset in the list.
    by_symbol: HashMap<String, u16>,
    /// The same by the form in which symbols are compared.
    by_key: HashMap<String, u16>,
    refused: Refused,
}

impl Assets {
    /// The number of the asset with this symbol.
    ///
    /// # Errors
    /// What is wrong with the reference; `None` if the asset's own row was refused.
    pub(crate) fn find(&self, symbol: &str) -> Result<u16, Option<String>> {
        self.by_symbol.get(symbol).copied().ok_or_else(|| {
            let near = self.by_key.get(&symbol_key(symbol));
            let near = near.map(|asset| self.list[usize::from(*asset)].symbol.as_str());
            self.refused.unknown("asset", symbol, "assets.csv", near)
        })
    }
}

/// Reads the assets. `None`, with findings, if the file cannot be read.
pub(crate) fn read(
    source: &Source,
    limits: &Limits,
    findings: &mut Findings,
    progress: &dyn Progress,
) -> Result<Option<Assets>, Environment> {
    let mut table = Table::open(source, SNAPSHOT_LINE_BYTES, limits, progress)?;
    if !table.expect_header(&ASSETS_HEADER, findings)? {
        return Ok(None);
    }
    let mut assets = Assets::default();
    let mut first_line_of: HashMap<String, u64> = HashMap::new();
    while let Some(line) = table.next(findings)? {
        let fields = table.fields();
        let (symbol, quote) = (fields.get(0), fields.get(3));
        let mut add = |reason: String| findings.add(&source.name, Some(line), reason);
        if let Some(defect) = name_defect(symbol, MAX_SYMBOL_BYTES) {
            add(format!("symbol {} {defect}", shown(symbol)));
            assets.refused.add(symbol);
            continue;
        }
        if let Some(first) = first_line_of.get(&symbol_key(symbol)) {
            let first_symbol =
                assets.by_key.get(&symbol_key(symbol)).map(|asset| assets.list[usize::from(*asset)].symbol.as_str());
            add(repeated_symbol(symbol, *first, first_symbol));
            assets.refused.add(symbol);
            continue;
        }
        first_line_of.insert(symbol_key(symbol), line);
        let Ok(index) = u16::try_from(assets.list.len()) else {
            continue;
        };
        if assets.list.len() == MAX_ASSETS {
            add(format!("too many assets: a book has at most {MAX_ASSETS}"));
        }
        let scale = parse_scale(fields.get(1));
        if scale.is_none() {
            add(format!("{symbol} scale {} is not an integer from 0 to {MAX_SCALE}", shown(fields.get(1))));
        }
        let price = match fields.get(2) {
            "" => None,
            text => Some(parse_decimal(text).unwrap_or_else(|error| {
                add(format!("{symbol} price {} {error}", shown(text)));
                // a placeholder: with a finding, no snapshot is made
                Decimal { units: 1, scale: 0 }
            })),
        };
        if let Some(defect) = name_defect(quote, MAX_SYMBOL_BYTES) {
            add(format!("{symbol} quote {} {defect}", shown(quote)));
        } else if let Some(first) = assets.list.first()
            && first.quote != quote
        {
            add(format!(
                "{symbol} has the quote currency {quote}, but the first asset has {}; all assets must have the same one",
                first.quote
            ));
        }
        if scale.is_none() {
            // without a scale no quantity of it can be judged
            assets.refused.add(symbol);
            continue;
        }
        assets.by_symbol.insert(symbol.to_owned(), index);
        assets.by_key.insert(symbol_key(symbol), index);
        assets.list.push(Asset {
            symbol: symbol.to_owned(),
            scale: scale.unwrap_or(MAX_SCALE),
            price,
            quote: quote.to_owned(),
        });
    }
    assets.refused.unread(table.unread());
    if table.rows() == 0 {
        findings.add(&source.name, None, "lists no asset");
    }
    Ok(Some(assets))
}

/// What is wrong with a symbol that reads like that of an earlier line.
pub(crate) fn repeated_symbol(symbol: &str, first_line: u64, first: Option<&str>) -> String {
    match first {
        Some(first) if first != symbol => format!(
            "symbol {} differs from {} in line {first_line} only in {}",
            shown(symbol),
            shown(first),
            difference(symbol, first)
        ),
        _ => format!("symbol {} is in line {first_line} already", shown(symbol)),
    }
}

/// A number of decimals, 0 to [`MAX_SCALE`].
pub(crate) fn parse_scale(text: &str) -> Option<u8> {
    // one spelling only: neither "+8" nor "08"
    let scale = text.parse::<u8>().ok().filter(|scale| *scale <= MAX_SCALE)?;
    (scale.to_string() == text).then_some(scale)
}
