//! Units and prices of assets that a published file does not contain, from a CSV file with the columns `symbol,price,quote` or
//! `symbol,scale,price,quote`. The second is the form of the ledger's own `assets.csv`.

use std::collections::HashMap;
use std::path::Path;

use crate::ledger::assets::{ASSETS_HEADER, MAX_SYMBOL_BYTES, parse_scale};
use crate::ledger::finding::{Environment, Findings};
use crate::ledger::limits::Limits;
use crate::ledger::lines::{SNAPSHOT_LINE_BYTES, Table};
use crate::ledger::source::Source;
use crate::progress::Progress;
use assay_core::decimal::{Decimal, MAX_SCALE, parse_decimal};
use assay_core::text::{name_defect, shown, symbol_key};

const PRICES_HEADER: [&str; 3] = ["symbol", "price", "quote"];

/// What the file says of one asset.
#[derive(Debug, Clone)]
pub(super) struct Known {
    /// The symbol as it is written there.
    pub(super) symbol: String,
    pub(super) scale: Option<u8>,
    pub(super) price: Option<Decimal>,
    pub(super) quote: String,
}

/// The assets of the file by their folded symbols.
#[derive(Debug, Default)]
pub(super) struct KnownAssets {
    by_key: HashMap<String, Known>,
    /// Name of the file, if one was given.
    pub(super) file: Option<String>,
}

impl KnownAssets {
    /// The asset of that symbol, in any case.
    pub(super) fn get(&self, symbol: &str) -> Option<&Known> {
        self.by_key.get(&symbol_key(symbol))
    }

    pub(super) fn read(
        path: &Path,
        limits: &Limits,
        findings: &mut Findings,
        progress: &dyn Progress,
    ) -> Result<Self, Environment> {
        let source = Source::new(path);
        let mut known = Self { file: Some(source.name.clone()), ..Self::default() };
        let mut table = Table::open(&source, SNAPSHOT_LINE_BYTES, limits, progress)?;
        table.allow_unterminated();
        let Some(columns) = table.expect_one_header(&[&ASSETS_HEADER, &PRICES_HEADER], findings)? else {
            return Ok(known);
        };
        while let Some(line) = table.next(findings)? {
            let fields = table.fields();
            let mut add = |reason: String| findings.add(&source.name, Some(line), reason);
            let symbol = fields.get(0);
            let [price_text, quote] = [2, 1].map(|behind| fields.get(columns - behind));
            for (word, text) in [("symbol", symbol), ("quote", quote)] {
                if let Some(defect) = name_defect(text, MAX_SYMBOL_BYTES) {
                    add(format!("{word} {} {defect}", shown(text)));
                }
            }
            let scale = (columns == ASSETS_HEADER.len()).then(|| fields.get(1));
            if let Some(text) = scale
                && parse_scale(text).is_none()
            {
                add(format!("{} scale {} is not an integer from 0 to {MAX_SCALE}", shown(symbol), shown(text)));
            }
            let price = match price_text {
                "" => None,
                text => parse_decimal(text)
                    .map_err(|error| add(format!("{} price {} {error}", shown(symbol), shown(text))))
                    .ok(),
            };
            let asset =
                Known { symbol: symbol.to_owned(), scale: scale.and_then(parse_scale), price, quote: quote.to_owned() };
            if let Some(other) = known.by_key.insert(symbol_key(symbol), asset) {
                add(format!("symbol {} repeats {}, which stands above", shown(symbol), shown(&other.symbol)));
            }
        }
        Ok(known)
    }
}
