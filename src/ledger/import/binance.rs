//! Binance's published user files (shards). Each customer has one row. Each token has the columns `e_X,d_X,X` (equity, debt, net)
//! and, in newer files, `vl_X,m_X,pm_X` (the part of the equity that is collateral of a VIP loan, of margin, of portfolio margin),
//! followed by the token's price, which is the same in every row.
//!
//! Header: `rn,id`, these columns, `X_udst_price` for each token in the same order (the spelling of the published files;
//! `X_usdt_price` is accepted too), `total_net_balance_usdt`. The last column is a rounded floating-point sum and is ignored. A
//! `cex_assets_info.csv`, recognised by its header, may accompany the shards with the collateral tables of the tokens. Six columns
//! for each token require it. With three columns the files do not say what is collateral, so all equity is, by the margin tables.
//! Collateral of a token without a table or without a price counts nothing and is left out. Cells may use exponent notation. They
//! are read exactly, and equity − debt = net must hold in every row.
//!
//! The scales are Binance's: 8 decimals, and 2 for 27 tokens of very high supply. Binance rounds balances of those tokens to 2
//! decimals, but the published rows have up to 8. This adapter never rounds: such a token gets the smallest scale from 2 to 8 that
//! keeps every balance exact.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use num_bigint::BigUint;

use self::info::{KINDS, MARGIN, Step, Tables};
use super::adapter::{ImportError, ImportSummary, Options};
use crate::ledger::assets::Asset;
use crate::ledger::finding::Findings;
use crate::ledger::limits::MAX_ASSETS;
use crate::ledger::lines::{Fields, Table};
use crate::ledger::manifest::{Exchange, Manifest, SnapshotInfo, TotalText};
use crate::ledger::source::Source;
use crate::ledger::tiers::percent;
use crate::ledger::writer::{SnapshotWriter, WriteError};
use crate::progress::Progress;
use assay_core::decimal::{Decimal, MAX_SCALE, format_digits, format_units, parse_decimal, parse_units};
use assay_core::text::{fold, name_defect, shown};

mod info;

/// Decimals of every published balance, and scale of most tokens.
const SCALE: u8 = 8;
/// Decimals of a value: those of a balance plus the maximum of a price.
const VALUE_SCALE: u8 = SCALE + MAX_SCALE;
const PRICE_DECIMALS: u8 = 8;
/// Tokens of very high supply: 2 decimals if that is exact, prices with up to 14.
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

/// Maximum length of a row. 4,096 tokens with 20 characters in each of 16,000 cells need less.
const SHARD_LINE_BYTES: usize = 1 << 20;

/// State of one token.
struct Token {
    symbol: String,
    /// The price cell of the first row and its value (`None` if empty).
    price: Option<(String, Option<Decimal>)>,
    /// Decimals that keep every balance so far exact.
    scale: u8,
    /// Largest balance so far in units of 10^-8, and its position.
    largest: (u128, String, u64),
    /// Sums in units of 10^-8.
    equity: u128,
    debt: u128,
    tables: Tables,
}

/// Balance of one customer in one token, in units of 10^-8.
struct TokenBalance {
    token: usize,
    equity: u128,
    debt: u128,
    /// The part of the equity that is collateral, by kind.
    collateral: [u128; 3],
}

impl Token {
    fn new(symbol: String, tables: Tables) -> Self {
        let high_supply = HIGH_SUPPLY.contains(&symbol.as_str());
        Self {
            symbol,
            price: None,
            scale: if high_supply { HIGH_SUPPLY_SCALE } else { SCALE },
            largest: (0, String::new(), 0),
            equity: 0,
            debt: 0,
            tables,
        }
    }

    fn price_decimals(&self) -> u8 {
        if HIGH_SUPPLY.contains(&self.symbol.as_str()) { HIGH_SUPPLY_PRICE_DECIMALS } else { PRICE_DECIMALS }
    }

    /// The table of a kind; empty if there is none or the token has no price.
    fn table(&self, kind: usize) -> &[Step] {
        match self.price {
            Some((_, Some(price))) if price.units > 0 => &self.tables[kind],
            _ => &[],
        }
    }

    /// Value of `units` of 10^-8, in units of 10^-26 USDT; zero without a price.
    fn value(&self, units: u128) -> BigUint {
        match self.price {
            Some((_, Some(price))) => {
                BigUint::from(units) * price.units * 10u128.pow(u32::from(VALUE_SCALE - SCALE - price.scale))
            }
            _ => BigUint::ZERO,
        }
    }

    /// Raises the scale to the decimals that `units` (of 10^-8) need.
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
) -> Result<ImportSummary, ImportError> {
    let mut findings = Findings::new(options.limits.max_errors_kept);
    let mut shards = Shards::default();
    let mut writer = SnapshotWriter::create(out)?;
    let (infos, paths) = split_infos(paths, options)?;
    if let [first, second, ..] = infos.as_slice() {
        findings.add(
            &second.name,
            None,
            format_args!("contains collateral tables, but {} does too; give only one such file", first.name),
        );
    }
    if let Some(source) = infos.first() {
        shards.info = Some(info::read(source, SHARD_LINE_BYTES, &options.limits, &mut findings, progress)?);
    }
    if paths.is_empty() {
        return Err(WriteError::Argument("none of the files is a user file (shard)".to_owned()).into());
    }
    for source in paths {
        shards.read(source, options, &mut writer, &mut findings, progress)?;
    }
    shards.judge_sizes(&mut findings);
    if !findings.is_empty() {
        return Err(ImportError::NotValid(findings));
    }
    shards.write_tables(&mut writer)?;
    let imported = ImportSummary {
        accounts: shards.ids.len() as u64,
        balances: shards.balances,
        assets: shards.tokens.len() as u64,
    };
    let (assets, totals) = shards.book();
    let manifest = Manifest {
        exchange: Exchange {
            name: "Binance (published sample)".to_owned(),
            lei: None,
            domain: "binance.com".to_owned(),
        },
        snapshot: SnapshotInfo {
            id: options.snapshot_id.clone(),
            series: None,
            taken_at: options.taken_at.clone(),
            block_heights: BTreeMap::new(),
        },
        rows: None,
        policy: None,
        privacy: None,
        totals,
    };
    writer.finish(&assets, manifest)?;
    Ok(imported)
}

/// Splits the files into collateral tables and shards.
fn split_infos(paths: &[PathBuf], options: &Options) -> Result<(Vec<Source>, Vec<Source>), ImportError> {
    let (mut infos, mut shards) = (Vec::new(), Vec::new());
    for path in paths {
        let source = Source::new(path);
        let list = if info::is_info(&source, SHARD_LINE_BYTES, &options.limits)? { &mut infos } else { &mut shards };
        list.push(source);
    }
    Ok((infos, shards))
}

/// State shared by all shards.
#[derive(Default)]
struct Shards {
    /// Name and header of the first shard; all others must have the same header.
    header: Option<(String, Vec<String>)>,
    tokens: Vec<Token>,
    /// Collateral tables by symbol, if given.
    info: Option<HashMap<String, Tables>>,
    /// Whether the columns distinguish the kinds of collateral.
    by_kind: bool,
    ids: HashSet<[u8; 32]>,
    balances: u64,
}

impl Shards {
    fn read(
        &mut self,
        source: Source,
        options: &Options,
        writer: &mut SnapshotWriter,
        findings: &mut Findings,
        progress: &dyn Progress,
    ) -> Result<(), ImportError> {
        let mut table = Table::open(&source, SHARD_LINE_BYTES, &options.limits, progress)?;
        if table.next(findings)? != Some(1) {
            findings.add(&source.name, Some(1), "the header cannot be read");
            return Ok(());
        }
        if let Err(reason) = self.accept_header(&source.name, table.fields()) {
            findings.add(&source.name, Some(1), reason);
            return Ok(());
        }
        table.expect_columns(table.fields().len());
        while let Some(line) = table.next(findings)? {
            let held = self.read_row(&source.name, line, table.fields(), findings);
            // after the first finding nothing is kept, so nothing is written
            if findings.is_empty() {
                let id = table.fields().get(1);
                writer.account(id, 0)?;
                for TokenBalance { token, equity, debt, collateral } in held {
                    let text = |units| format_units(units, SCALE);
                    let token = &self.tokens[token];
                    writer.balance(id, &token.symbol, &text(equity), &text(debt))?;
                    self.balances += 1;
                    for (kind, amount) in collateral.into_iter().enumerate() {
                        if amount > 0 && !token.table(kind).is_empty() {
                            writer.collateral(&[id, &token.symbol, KINDS[kind], &text(amount)])?;
                        }
                    }
                }
            }
        }
        if table.rows() == 0 {
            findings.add(&source.name, None, "contains no customer");
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
        let (symbols, width) = parse_header(fields)?;
        self.by_kind = width == KIND_PREFIXES.len();
        if self.by_kind && self.info.is_none() {
            return Err(
                "the columns tell kinds of collateral, but no cex_assets_info.csv with their tables is among the \
                        files to import"
                    .to_owned(),
            );
        }
        let mut info = self.info.take().unwrap_or_default();
        let token = |symbol: String| {
            let tables = info.remove(&symbol).unwrap_or_default();
            Token::new(symbol, tables)
        };
        self.tokens = symbols.into_iter().map(token).collect();
        self.header = Some((file.to_owned(), fields.iter().map(str::to_owned).collect()));
        Ok(())
    }

    /// Reads one row and returns the balances.
    fn read_row(&mut self, file: &str, line: u64, fields: &Fields, findings: &mut Findings) -> Vec<TokenBalance> {
        let mut held = Vec::new();
        let mut add = |reason: String| findings.add(file, Some(line), reason);
        if fields.get(0).parse::<u64>().is_err() {
            add(format!("rn {} is not a row number", shown(fields.get(0))));
        }
        let mut id = [0; 32];
        match hex::decode_to_slice(fields.get(1), &mut id) {
            Err(_) => add(format!("id {} is not 64 hexadecimal digits", shown(fields.get(1)))),
            Ok(()) if !self.ids.insert(id) => add(format!("customer {} occurs twice", fields.get(1))),
            Ok(()) => {}
        }
        let (count, width) = (self.tokens.len(), if self.by_kind { KIND_PREFIXES.len() } else { 3 });
        let mut understood = true;
        for (number, token) in self.tokens.iter_mut().enumerate() {
            let cell = |cell: usize| fields.get(2 + width * number + cell);
            if (0..width).any(|number| cell(number) != "0.0") {
                let read = read_cells([0, 1, 2].map(cell)).and_then(|(equity, debt)| {
                    let pledged = if width == 3 { [0; 3] } else { read_collateral([3, 4, 5].map(cell), equity)? };
                    Ok((equity, debt, pledged))
                });
                match read {
                    Err(reason) => {
                        understood = false;
                        add(format!("{} {reason}", token.symbol));
                    }
                    Ok((0, 0, _)) => {}
                    Ok((equity, debt, collateral)) => {
                        for units in [equity, debt].into_iter().chain(collateral) {
                            token.widen(units);
                        }
                        if equity.max(debt) > token.largest.0 {
                            token.largest = (equity.max(debt), file.to_owned(), line);
                        }
                        // if a sum does not fit, one of its balances does not fit 64 bits either
                        token.equity = token.equity.saturating_add(equity);
                        token.debt = token.debt.saturating_add(debt);
                        held.push(TokenBalance { token: number, equity, debt, collateral });
                    }
                }
            }
            if let Err(reason) = read_price(token, fields.get(2 + width * count + number)) {
                understood = false;
                add(reason);
            }
        }
        if self.by_kind
            && understood
            && let Err(reason) = self.judge_debts(&held)
        {
            add(format!("customer {} {reason}", shown(fields.get(1))));
        }
        held
    }

    /// Checks exactly, without rounding, that a customer's collateral covers the debts.
    fn judge_debts(&self, held: &[TokenBalance]) -> Result<(), String> {
        let mut owed = BigUint::ZERO;
        let mut secured = BigUint::ZERO;
        for held in held.iter() {
            let token = &self.tokens[held.token];
            owed += token.value(held.debt) * 10_000u32;
            for (kind, amount) in held.collateral.iter().enumerate() {
                secured += counted(&token.value(*amount), token.table(kind));
            }
        }
        let text = |value: &BigUint| format_digits(&value.to_string(), VALUE_SCALE + 4);
        if owed > secured {
            return Err(format!("owes {} USDT, but the collateral counts for {} only", text(&owed), text(&secured)));
        }
        Ok(())
    }

    /// Writes the tables of all tokens with tables.
    fn write_tables(&self, writer: &mut SnapshotWriter) -> Result<(), WriteError> {
        let mut any = false;
        for token in &self.tokens {
            for (kind, name) in KINDS.iter().enumerate().filter(|(kind, _)| self.by_kind || *kind == MARGIN) {
                for step in token.table(kind) {
                    any = true;
                    let from = step.from.to_string();
                    let to = step.to.map(|to| to.to_string()).unwrap_or_default();
                    let percent = percent(step.percent_bps).to_string();
                    if self.by_kind {
                        writer.tier_by_kind(&[&token.symbol, name, &from, &to, &percent])?;
                    } else {
                        writer.tier(&[&token.symbol, &from, &to, &percent])?;
                    }
                }
            }
        }
        if self.by_kind && any {
            writer.begin_collateral()?;
        }
        Ok(())
    }

    /// Reports balances that do not fit 64 bits at the final scale of their token.
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

/// The part of a value (in units of 10^-26 USDT) that counts by the table, in units of 10^-30.
fn counted(value: &BigUint, table: &[Step]) -> BigUint {
    let scaled = |whole: u64| BigUint::from(whole) * 10u128.pow(u32::from(VALUE_SCALE));
    let mut sum = BigUint::ZERO;
    for step in table {
        let from = scaled(step.from);
        let end = step.to.map_or_else(|| value.clone(), |to| scaled(to).min(value.clone()));
        if end > from {
            sum += (end - from) * step.percent_bps;
        }
    }
    sum
}

/// Prefixes of a token's columns, without and with the kinds of collateral.
const PREFIXES: [&str; 3] = ["e_", "d_", ""];
const KIND_PREFIXES: [&str; 6] = ["e_", "d_", "", "vl_", "m_", "pm_"];

/// The symbols of a header and the number of columns of each, without the price.
fn parse_header(fields: &Fields) -> Result<(Vec<String>, usize), String> {
    let columns: Vec<&str> = fields.iter().collect();
    let [first, second, middle @ .., last] = columns.as_slice() else {
        return Err("the header has fewer than three columns".to_owned());
    };
    let by_kind = middle.get(3).is_some_and(|column| column.strip_prefix("vl_") == Some(middle[2]));
    let prefixes: &[&str] = if by_kind { &KIND_PREFIXES } else { &PREFIXES };
    let width = prefixes.len();
    if (*first, *second, *last) != ("rn", "id", "total_net_balance_usdt") || !middle.len().is_multiple_of(width + 1) {
        return Err("the header is not rn,id, then three or six columns and a price for each token, then \
                    total_net_balance_usdt"
            .to_owned());
    }
    let count = middle.len() / (width + 1);
    if count == 0 || count > MAX_ASSETS {
        return Err(format!("the header names {count} tokens; a book may have 1 to {MAX_ASSETS}"));
    }
    let (columns, prices) = middle.split_at(width * count);
    let mut symbols = Vec::with_capacity(count);
    let mut seen = HashSet::new();
    for (columns, price) in columns.chunks_exact(width).zip(prices) {
        let name = columns[2];
        let named = |column: &str, prefix: &str, suffix: &str| {
            column.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(suffix)) == Some(name)
        };
        if !columns.iter().zip(prefixes).all(|(column, prefix)| named(column, prefix, "")) {
            return Err(format!("the columns {} do not belong to the same token", columns.join(",")));
        }
        if !named(price, "", "_udst_price") && !named(price, "", "_usdt_price") {
            return Err(format!("column {price} is in the position of the price of {name}"));
        }
        let symbol = name.to_uppercase();
        if let Some(defect) = name_defect(&symbol, 64) {
            return Err(format!("token {} {defect}", shown(name)));
        }
        if !seen.insert(fold(&symbol).into_owned()) {
            return Err(format!("token {symbol} occurs twice in the header"));
        }
        symbols.push(symbol);
    }
    Ok((symbols, width))
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
        return Err(format!("equity {equity_text} minus debt {debt_text} is not the net balance {net_text}"));
    }
    Ok((equity, debt))
}

/// Collateral of one token by kind, in units of 10^-8; the sum is at most the equity.
fn read_collateral(texts: [&str; 3], equity: u128) -> Result<[u128; 3], String> {
    let (mut amounts, mut left) = ([0; 3], Some(equity));
    for (kind, text) in texts.into_iter().enumerate() {
        amounts[kind] =
            parse_units(text, SCALE).map_err(|error| format!("{} collateral {} {error}", KINDS[kind], shown(text)))?;
        left = left.and_then(|left| left.checked_sub(amounts[kind]));
    }
    match left {
        Some(_) => Ok(amounts),
        None => Err(format!(
            "collateral {} exceeds the equity {} in total",
            texts.join(" and "),
            format_units(equity, SCALE)
        )),
    }
}

/// Stores the price of the first row and compares all others with it.
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
