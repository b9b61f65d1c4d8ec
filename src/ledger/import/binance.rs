//! Binance's published user shards: one row per customer, for each token `e_X,d_X,X` (equity, debt, net), then each
//! token's price, the same in every row.
//!
//! Header: `rn,id`, the triples, `X_udst_price` for each token in the same order (so spelled in the published files;
//! `X_usdt_price` is read as well), `total_net_balance_usdt`. That last column is a rounded floating-point sum and is not
//! read. Cells may be in exponent notation; they are read exactly, and equity − debt = net must hold in every one.
//!
//! Scales are Binance's: 8 decimals, and 2 for 27 tokens of very high supply. Binance cuts balances of those tokens to 2
//! decimals; the published rows hold up to 8. Nothing is cut here: such a token gets the fewest decimals, from 2 to 8, that
//! keep every balance exact.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use super::{ImportError, Imported, Options};
use crate::ledger::MAX_ASSETS;
use crate::ledger::assets::Asset;
use crate::ledger::decimal::{Decimal, format_units, parse_decimal, parse_units};
use crate::ledger::finding::Findings;
use crate::ledger::lines::{Fields, Table};
use crate::ledger::manifest::{Exchange, Manifest, SnapshotInfo, TotalText};
use crate::ledger::source::Source;
use crate::ledger::text::{fold, name_defect, shown};
use crate::ledger::writer::SnapshotWriter;
use crate::progress::Progress;

/// Decimals of every published balance, and of all but a few tokens.
const SCALE: u8 = 8;
const PRICE_DECIMALS: u8 = 8;
/// Tokens of very high supply: 2 decimals where that is exact, prices with up to 14.
const HIGH_SUPPLY_SCALE: u8 = 2;
const HIGH_SUPPLY_PRICE_DECIMALS: u8 = 14;
const HIGH_SUPPLY: [&str; 27] = [
    "BTTC",
    "SHIB",
    "LUNC",
    "XEC",
    "WIN",
    "BIDR",
    "SPELL",
    "HOT",
    "DOGE",
    "PEPE",
    "FLOKI",
    "IDRT",
    "DOGS",
    "BONK",
    "1000SATS",
    "NEIRO",
    "1000PEPPER",
    "NOT",
    "NFT",
    "BOME",
    "1MBABYDOGE",
    "HMSTR",
    "WLFI",
    "PUMP",
    "MONKY",
    "1000CHEEMS",
    "IDR",
];

/// A row of 4,096 tokens with 20 characters in each of its 16,000 cells is well below this.
const SHARD_LINE_BYTES: usize = 1 << 20;

/// What is known about one token.
struct Token {
    symbol: String,
    /// The price cell of the first row, and what it says (`None`: empty).
    price: Option<(String, Option<Decimal>)>,
    /// Decimals that keep every balance so far.
    scale: u8,
    /// Largest balance so far in units of 10^-8, and where it stands.
    largest: (u128, String, u64),
    /// Sums in units of 10^-8.
    equity: u128,
    debt: u128,
}

impl Token {
    fn new(symbol: String) -> Self {
        let high_supply = HIGH_SUPPLY.contains(&symbol.as_str());
        Self {
            symbol,
            price: None,
            scale: if high_supply { HIGH_SUPPLY_SCALE } else { SCALE },
            largest: (0, String::new(), 0),
            equity: 0,
            debt: 0,
        }
    }

    fn price_decimals(&self) -> u8 {
        if HIGH_SUPPLY.contains(&self.symbol.as_str()) { HIGH_SUPPLY_PRICE_DECIMALS } else { PRICE_DECIMALS }
    }

    /// Widens the scale to the decimals `units` (of 10^-8) need.
    fn widen(&mut self, units: u128) {
        while self.scale < SCALE && !units.is_multiple_of(10u128.pow(u32::from(SCALE - self.scale))) {
            self.scale += 1;
        }
    }
}

pub(super) fn import(
    paths: &[PathBuf],
    out: &Path,
    options: &Options,
    progress: &dyn Progress,
) -> Result<Imported, ImportError> {
    let mut findings = Findings::new(options.limits.max_errors_kept);
    let mut shards = Shards::default();
    let mut writer = SnapshotWriter::create(out)?;
    for path in paths {
        shards.read(path, options, &mut writer, &mut findings, progress)?;
    }
    shards.judge_sizes(&mut findings);
    if !findings.is_empty() {
        return Err(ImportError::NotValid(findings));
    }
    let imported =
        Imported { accounts: shards.ids.len() as u64, balances: shards.balances, assets: shards.tokens.len() as u64 };
    let (assets, totals) = shards.book();
    let manifest = Manifest {
        exchange: Exchange {
            name: "Binance (published sample)".to_owned(),
            lei: None,
            domain: "binance.com".to_owned(),
        },
        snapshot: SnapshotInfo {
            id: options.snapshot_id.clone(),
            taken_at: options.taken_at.clone(),
            block_heights: BTreeMap::new(),
        },
        rows: None,
        policy: None,
        totals,
    };
    writer.finish(&assets, manifest)?;
    Ok(imported)
}

/// What the shards read so far have in common.
#[derive(Default)]
struct Shards {
    /// The first shard's name and header; all others must have the same.
    header: Option<(String, Vec<String>)>,
    tokens: Vec<Token>,
    ids: HashSet<[u8; 32]>,
    balances: u64,
}

impl Shards {
    fn read(
        &mut self,
        path: &Path,
        options: &Options,
        writer: &mut SnapshotWriter,
        findings: &mut Findings,
        progress: &dyn Progress,
    ) -> Result<(), ImportError> {
        let source = Source::new(path);
        let mut table = Table::open(&source, SHARD_LINE_BYTES, &options.limits, progress)?;
        if table.next(findings)? != Some(1) {
            findings.add(&source.name, Some(1), "there is no readable header");
            return Ok(());
        }
        if let Err(reason) = self.accept_header(&source.name, table.fields()) {
            findings.add(&source.name, Some(1), reason);
            return Ok(());
        }
        table.expect_columns(table.fields().len());
        while let Some(line) = table.next(findings)? {
            let held = self.read_row(&source.name, line, table.fields(), findings);
            // Once anything is wrong nothing will be kept, so nothing needs to be written.
            if findings.is_empty() {
                let id = table.fields().get(1);
                writer.account(id, 0)?;
                for (token, equity, debt) in held {
                    let text = |units| format_units(units, SCALE);
                    writer.balance(id, &self.tokens[token].symbol, &text(equity), &text(debt))?;
                    self.balances += 1;
                }
            }
        }
        if table.rows() == 0 {
            findings.add(&source.name, None, "holds no customer");
        }
        Ok(())
    }

    fn accept_header(&mut self, file: &str, fields: &Fields) -> Result<(), String> {
        if let Some((first, header)) = &self.header {
            let same = fields.len() == header.len();
            return match fields.iter().zip(header).position(|(found, expected)| found != expected) {
                None if same => Ok(()),
                None => Err(format!("the header has {} columns, that of {first} has {}", fields.len(), header.len())),
                Some(column) => Err(format!(
                    "column {} is {}, in {first} it is {}; all shards must have the same columns in the same order",
                    column + 1,
                    shown(fields.get(column)),
                    shown(&header[column])
                )),
            };
        }
        self.tokens = parse_header(fields)?;
        self.header = Some((file.to_owned(), fields.iter().map(str::to_owned).collect()));
        Ok(())
    }

    /// Takes one row in; returns what is held, in units of 10^-8.
    fn read_row(
        &mut self,
        file: &str,
        line: u64,
        fields: &Fields,
        findings: &mut Findings,
    ) -> Vec<(usize, u128, u128)> {
        let mut held = Vec::new();
        let mut add = |reason: String| findings.add(file, Some(line), reason);
        if fields.get(0).parse::<u64>().is_err() {
            add(format!("rn {} is not a row number", shown(fields.get(0))));
        }
        let mut id = [0; 32];
        match hex::decode_to_slice(fields.get(1), &mut id) {
            Err(_) => add(format!("id {} is not 64 hexadecimal digits", shown(fields.get(1)))),
            Ok(()) if !self.ids.insert(id) => add(format!("customer {} was read before", fields.get(1))),
            Ok(()) => {}
        }
        let count = self.tokens.len();
        for (number, token) in self.tokens.iter_mut().enumerate() {
            let cells = [0, 1, 2].map(|cell| fields.get(2 + 3 * number + cell));
            if cells != ["0.0"; 3] {
                match read_cells(cells) {
                    Err(reason) => add(format!("{} {reason}", token.symbol)),
                    Ok((0, 0)) => {}
                    Ok((equity, debt)) => {
                        token.widen(equity);
                        token.widen(debt);
                        if equity.max(debt) > token.largest.0 {
                            token.largest = (equity.max(debt), file.to_owned(), line);
                        }
                        // A sum that no longer fits has a balance in it that does not fit 64 bits either.
                        token.equity = token.equity.saturating_add(equity);
                        token.debt = token.debt.saturating_add(debt);
                        held.push((number, equity, debt));
                    }
                }
            }
            if let Err(reason) = read_price(token, fields.get(2 + 3 * count + number)) {
                add(reason);
            }
        }
        held
    }

    /// Balances that do not fit 64 bits at the scale their token ended up with.
    fn judge_sizes(&self, findings: &mut Findings) {
        for token in &self.tokens {
            let (units, file, line) = &token.largest;
            if units / 10u128.pow(u32::from(SCALE - token.scale)) > u128::from(u64::MAX) {
                findings.add(
                    file,
                    Some(*line),
                    format_args!(
                        "{} balance {} is too large: with {} decimals at most {} fits",
                        token.symbol,
                        format_units(*units, SCALE),
                        token.scale,
                        format_units(u64::MAX.into(), token.scale)
                    ),
                );
            }
        }
    }

    fn book(self) -> (Vec<Asset>, BTreeMap<String, TotalText>) {
        self.tokens
            .into_iter()
            .map(|token| {
                let total =
                    TotalText { equity: format_units(token.equity, SCALE), debt: format_units(token.debt, SCALE) };
                let asset = Asset {
                    symbol: token.symbol.clone(),
                    scale: token.scale,
                    price: token.price.and_then(|(_, price)| price),
                    quote: "USDT".to_owned(),
                };
                (asset, (token.symbol, total))
            })
            .unzip()
    }
}

/// The tokens a header names, or what is wrong with it.
fn parse_header(fields: &Fields) -> Result<Vec<Token>, String> {
    let columns: Vec<&str> = fields.iter().collect();
    let [first, second, middle @ .., last] = columns.as_slice() else {
        return Err("the header has fewer than three columns".to_owned());
    };
    if (*first, *second, *last) != ("rn", "id", "total_net_balance_usdt") || !middle.len().is_multiple_of(4) {
        return Err(
            "the header is not rn,id, then three columns and a price for each token, then total_net_balance_usdt"
                .to_owned(),
        );
    }
    let count = middle.len() / 4;
    if count == 0 || count > MAX_ASSETS {
        return Err(format!("the header names {count} tokens; a book has 1 to {MAX_ASSETS}"));
    }
    let (triples, prices) = middle.split_at(3 * count);
    let mut tokens = Vec::with_capacity(count);
    let mut seen = HashSet::new();
    for (triple, price) in triples.chunks_exact(3).zip(prices) {
        let name = triple[2];
        let named = |column: &str, prefix: &str, suffix: &str| {
            column.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(suffix)) == Some(name)
        };
        if !named(triple[0], "e_", "") || !named(triple[1], "d_", "") {
            return Err(format!("columns {} do not belong to one token", triple.join(",")));
        }
        if !named(price, "", "_udst_price") && !named(price, "", "_usdt_price") {
            return Err(format!("column {price} stands where the price of {name} belongs"));
        }
        let symbol = name.to_uppercase();
        if let Some(defect) = name_defect(&symbol, 64) {
            return Err(format!("token {} {defect}", shown(name)));
        }
        if !seen.insert(fold(&symbol).into_owned()) {
            return Err(format!("token {symbol} is named twice"));
        }
        tokens.push(Token::new(symbol));
    }
    Ok(tokens)
}

/// Equity and debt of one token in units of 10^-8; the net must be their difference.
fn read_cells([equity_text, debt_text, net_text]: [&str; 3]) -> Result<(u128, u128), String> {
    let read =
        |word: &str, text: &str| parse_units(text, SCALE).map_err(|error| format!("{word} {} {error}", shown(text)));
    let equity = read("equity", equity_text)?;
    let debt = read("debt", debt_text)?;
    let (lesser, net) = match net_text.strip_prefix('-') {
        Some(shortfall) => (equity, (debt, read("net", shortfall)?)),
        None => (debt, (equity, read("net", net_text)?)),
    };
    if lesser.checked_add(net.1) != Some(net.0) {
        return Err(format!("equity {equity_text} less debt {debt_text} is not the net {net_text}"));
    }
    Ok((equity, debt))
}

/// Notes the price of the first row, and compares all others with it.
fn read_price(token: &mut Token, text: &str) -> Result<(), String> {
    if let Some((first, _)) = &token.price
        && first == text
    {
        return Ok(());
    }
    let symbol = &token.symbol;
    let price = match text {
        "" => None,
        _ => Some(parse_decimal(text).map_err(|error| format!("{symbol} price {} {error}", shown(text)))?),
    };
    if let Some(price) = price
        && price.scale > token.price_decimals()
    {
        return Err(format!(
            "{symbol} price {text} has {} decimals, the format allows {}",
            price.scale,
            token.price_decimals()
        ));
    }
    match &token.price {
        Some((_, first)) if *first == price => Ok(()),
        Some((first, _)) => {
            Err(format!("{symbol} price {} is not {}, that of the first row", shown(text), shown(first)))
        }
        None => {
            token.price = Some((text.to_owned(), price));
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests;
