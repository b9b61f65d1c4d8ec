//! User files (shards) of Binance's proof-of-solvency tool. Each customer has one row. Each token has the columns `e_X,d_X,X` (equity,
//! debt, net), and in the current layout also `vl_X,m_X,pm_X` (the part of the equity that is collateral of a VIP loan, of margin, of
//! portfolio margin). Symbols are in lower case.
//!
//! Header: `rn,id`, these columns, then in the older layout a price for each token in the same order, `X_udst_price` (the spelling of
//! the published files) or `X_usdt_price`, and last `total_net_balance_usdt`. The current layout has no prices: they are in the info
//! file (`cex_assets_info.csv`), which is recognised by its header and also has the collateral tables of the tokens. Six columns for
//! each token require it. With three columns the files do not say what is collateral, so all equity is, by the margin tables.
//! Collateral of a token without a table or without a price counts nothing and is left out.
//!
//! Cells may use exponent notation and are read exactly. In the older layout equity − debt = net must hold in every row. In the
//! current layout the published files do not keep to it (the net is 0, or a floating-point difference), so the net is ignored there,
//! as `total_net_balance_usdt` is everywhere.
//!
//! Two rules of the tool are checked in every row of the current layout: the collateral of all kinds is at most the equity, exactly as
//! written, and the debts are at most what the collateral counts for, of the amounts as they are imported. A row that breaks one is a
//! finding.
//!
//! The scale of a token is 8, or 2 for 27 tokens of very high supply, or the smallest above it that keeps every balance exact.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use num_bigint::BigUint;

use self::info::{KINDS, MARGIN, Step, Tables, Token as Info};
use super::adapter::{ImportError, Options};
use super::target::{Import, Target, exact};
use crate::ledger::finding::Findings;
use crate::ledger::limits::MAX_ASSETS;
use crate::ledger::lines::{Fields, Table};
use crate::ledger::source::Source;
use crate::ledger::tiers::percent;
use crate::ledger::writer::WriteError;
use crate::progress::Progress;
use assay_core::decimal::{Decimal, ExactSum, MAX_SCALE, Rounding, format_digits, parse_decimal, parse_rounded};
use assay_core::text::{fold, name_defect, shown};

mod info;

/// In what exchanges differ that publish the tool's files.
#[derive(Debug)]
pub(super) struct Dialect {
    /// Name of the second column, the customer's id.
    pub(super) id_column: &'static str,
    /// Whether numbers come from floating-point programs: then prices have noise beyond the 18th decimal, and the net is not exactly
    /// equity − debt.
    pub(super) floats: bool,
}

pub(super) const BINANCE: Dialect = Dialect { id_column: "id", floats: false };

/// Decimals of a value: those of a balance plus those of a price, at most.
const VALUE_SCALE: u8 = 2 * MAX_SCALE;
/// Scale of a token, if its balances do not need more.
const SCALE: u8 = 8;
/// The same for a token of very high supply.
const HIGH_SUPPLY_SCALE: u8 = 2;
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

/// Maximum length of a row. 4,096 tokens with 20 characters in each of 25,000 cells need less.
const SHARD_LINE_BYTES: usize = 1 << 20;

/// State of one token.
struct Token {
    symbol: String,
    /// Number in the book.
    asset: usize,
    /// The price cell of the first row.
    price_text: Option<String>,
    tables: Tables,
}

/// Balance of one customer in one token.
struct TokenBalance {
    token: usize,
    equity: Decimal,
    debt: Decimal,
    /// The part of the equity that is collateral, by kind.
    collateral: [Decimal; 3],
}

/// Columns of the shards.
#[derive(Clone, Copy)]
struct Layout {
    /// Columns of each token, without the price: three or six.
    width: usize,
    priced: bool,
}

impl Layout {
    fn by_kind(self) -> bool {
        self.width == KIND_PREFIXES.len()
    }
}

/// Reads the files of a tool in this dialect.
pub(super) fn read(dialect: &'static Dialect, paths: &[PathBuf], import: &mut Import<'_>) -> Result<(), ImportError> {
    let Import { target, findings, options, progress } = import;
    let (infos, paths) = split_infos(paths, options)?;
    if paths.is_empty() {
        return Err(WriteError::Argument("none of the files is a user file (shard)".to_owned()).into());
    }
    if let [first, second, ..] = infos.as_slice() {
        findings.add(
            &second.name,
            None,
            format_args!("contains prices and collateral tables, but {} does too; give only one such file", first.name),
        );
    }
    let info = match infos.first() {
        Some(source) => Some(info::read(source, SHARD_LINE_BYTES, &options.limits, findings, *progress)?),
        None => None,
    };
    let layout = Layout { width: PREFIXES.len(), priced: false };
    let mut shards =
        Shards { dialect, header: None, tokens: Vec::new(), info, layout, ids: HashSet::new(), cut_prices: 0 };
    for source in paths {
        shards.read(source, options, target, findings, *progress)?;
    }
    if findings.is_empty() {
        shards.write_tables(target)?;
    }
    if shards.cut_prices > 0 {
        target.note(format!("{} prices have more than 18 decimals and were cut there", shards.cut_prices));
    }
    Ok(())
}

/// Splits the files into info files and shards.
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
struct Shards {
    dialect: &'static Dialect,
    /// Name and header of the first shard; all others must have the same header.
    header: Option<(String, Vec<String>)>,
    tokens: Vec<Token>,
    /// Prices and collateral tables by symbol, if given.
    info: Option<HashMap<String, Info>>,
    layout: Layout,
    ids: HashSet<[u8; 32]>,
    /// Prices that were cut at the 18th decimal.
    cut_prices: u64,
}

impl Shards {
    fn read(
        &mut self,
        source: Source,
        options: &Options,
        target: &mut Target<'_>,
        findings: &mut Findings,
        progress: &dyn Progress,
    ) -> Result<(), ImportError> {
        let mut table = Table::open(&source, SHARD_LINE_BYTES, &options.limits, progress)?;
        // published files end so; the last column is not used, and the number of columns shows whether the row is whole
        table.allow_unterminated();
        target.begin_file(&source);
        if !table.read_header(findings)? {
            return Ok(());
        }
        if let Err(reason) = self.accept_header(&source.name, table.fields(), target) {
            findings.add(&source.name, Some(1), reason);
            return Ok(());
        }
        table.expect_columns(table.fields().len());
        while let Some(line) = table.next(findings)? {
            target.at(line);
            let held = self.read_row(&source.name, line, table.fields(), target, findings);
            let id = table.fields().get(1);
            target.account(id, findings)?;
            for TokenBalance { token, equity, debt, collateral } in held {
                let token = &self.tokens[token];
                target.balance(id, token.asset, [equity, debt], findings)?;
                for (kind, amount) in collateral.into_iter().enumerate() {
                    if amount.units > 0 && !token.table(kind, target).is_empty() {
                        target.collateral(id, token.asset, KINDS[kind], amount, findings)?;
                    }
                }
            }
        }
        if table.rows() == 0 {
            findings.add(&source.name, None, "contains no customer");
        }
        Ok(())
    }

    fn accept_header(&mut self, file: &str, fields: &Fields, target: &mut Target<'_>) -> Result<(), String> {
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
        let (symbols, layout) = parse_header(fields, self.dialect)?;
        self.layout = layout;
        if self.info.is_none() && layout.by_kind() {
            return Err("the columns tell kinds of collateral, but no info file with the collateral tables \
                        (cex_assets_info.csv) is among the files to import"
                .to_owned());
        }
        let mut info = self.info.take().unwrap_or_default();
        for symbol in symbols {
            let known = info.remove(&symbol);
            let asset = target.asset(&symbol)?;
            let scale = if HIGH_SUPPLY.contains(&symbol.as_str()) { HIGH_SUPPLY_SCALE } else { SCALE };
            let price = known.as_ref().map(|known| known.price).filter(|_| !layout.priced);
            target.describe(asset, price, "USDT", scale);
            let tables = known.map(|known| known.tables).unwrap_or_default();
            self.tokens.push(Token { symbol, asset, price_text: None, tables });
        }
        self.header = Some((file.to_owned(), fields.iter().map(str::to_owned).collect()));
        Ok(())
    }

    /// Reads one row and returns the balances.
    fn read_row(
        &mut self,
        file: &str,
        line: u64,
        fields: &Fields,
        target: &mut Target<'_>,
        findings: &mut Findings,
    ) -> Vec<TokenBalance> {
        let mut held = Vec::new();
        let mut add = |reason: String| findings.add(file, Some(line), reason);
        if fields.get(0).parse::<u64>().is_err() {
            add(format!("rn {} is not a row number", shown(fields.get(0))));
        }
        let mut id = [0; 32];
        match hex::decode_to_slice(fields.get(1), &mut id) {
            Err(_) => add(format!("{} {} is not 64 hexadecimal digits", self.dialect.id_column, shown(fields.get(1)))),
            Ok(()) if !self.ids.insert(id) => add(format!("customer {} occurs twice", fields.get(1))),
            Ok(()) => {}
        }
        let Layout { width, priced } = self.layout;
        let count = self.tokens.len();
        let net_is_exact = !self.dialect.floats && !self.layout.by_kind();
        let mut understood = true;
        for number in 0..count {
            let cell = |cell: usize| fields.get(2 + width * number + cell);
            if (0..width).any(|number| cell(number) != "0.0") {
                let read = read_cells([0, 1, 2].map(cell), net_is_exact, target).and_then(|(equity, debt)| {
                    let pledged =
                        if width == 3 { [NOTHING; 3] } else { read_collateral([3, 4, 5].map(cell), cell(0), target)? };
                    Ok((equity, debt, pledged))
                });
                match read {
                    Err(reason) => {
                        understood = false;
                        add(format!("{} {reason}", self.tokens[number].symbol));
                    }
                    Ok((equity, debt, _)) if equity.units == 0 && debt.units == 0 => {}
                    Ok((equity, debt, collateral)) => {
                        held.push(TokenBalance { token: number, equity, debt, collateral });
                    }
                }
            }
            if priced && let Err(reason) = self.read_price(number, fields.get(2 + width * count + number), target) {
                understood = false;
                add(reason);
            }
        }
        if self.layout.by_kind()
            && understood
            && let Err(reason) = self.judge_debts(&held, target)
        {
            add(format!("customer {} {reason}", shown(fields.get(1))));
        }
        held
    }

    /// Checks that a customer's collateral covers the debts, without rounding a value.
    fn judge_debts(&self, held: &[TokenBalance], target: &Target<'_>) -> Result<(), String> {
        let mut owed = BigUint::ZERO;
        let mut secured = BigUint::ZERO;
        for held in held.iter() {
            let token = &self.tokens[held.token];
            owed += token.value(held.debt, target) * 10_000u32;
            for (kind, amount) in held.collateral.iter().enumerate() {
                secured += counted(&token.value(*amount, target), token.table(kind, target));
            }
        }
        let text = |value: &BigUint| format_digits(&value.to_string(), VALUE_SCALE + 4);
        if owed > secured {
            return Err(format!("owes {} USDT, but the collateral counts for {} only", text(&owed), text(&secured)));
        }
        Ok(())
    }

    /// Stores the price of the first row and compares all others with it.
    fn read_price(&mut self, number: usize, text: &str, target: &mut Target<'_>) -> Result<(), String> {
        let token = &mut self.tokens[number];
        if token.price_text.as_deref() == Some(text) {
            return Ok(());
        }
        let symbol = &token.symbol;
        let read = |text: &str| match text {
            "" => Ok((None, false)),
            _ if self.dialect.floats => {
                parse_rounded(text, MAX_SCALE, Rounding::Down).map(|(price, cut)| (Some(price), cut))
            }
            _ => parse_decimal(text).map(|price| (Some(price), false)),
        };
        let (price, cut) = read(text).map_err(|error| format!("{symbol} price {} {error}", shown(text)))?;
        match &token.price_text {
            Some(first) if read(first).is_ok_and(|(first, _)| first == price) => Ok(()),
            Some(first) => {
                Err(format!("{symbol} price {} is not {}, that of the first row", shown(text), shown(first)))
            }
            None => {
                self.cut_prices += u64::from(cut);
                target.describe_price(token.asset, price);
                token.price_text = Some(text.to_owned());
                Ok(())
            }
        }
    }

    /// Writes the tables of all tokens with tables.
    fn write_tables(&self, target: &mut Target<'_>) -> Result<(), WriteError> {
        let by_kind = self.layout.by_kind();
        let mut any = false;
        for token in &self.tokens {
            for (kind, name) in KINDS.iter().enumerate().filter(|(kind, _)| by_kind || *kind == MARGIN) {
                for step in token.table(kind, target) {
                    any = true;
                    let symbol = target.book[token.asset].symbol.clone();
                    let from = step.from.to_string();
                    let to = step.to.map(|to| to.to_string()).unwrap_or_default();
                    let percent = percent(step.percent_bps).to_string();
                    if by_kind {
                        target.writer().tier_by_kind(&[&symbol, name, &from, &to, &percent])?;
                    } else {
                        target.writer().tier(&[&symbol, &from, &to, &percent])?;
                    }
                }
            }
        }
        if by_kind && any {
            target.writer().begin_collateral()?;
        }
        Ok(())
    }
}

impl Token {
    /// The table of a kind; empty if there is none or the token has no price.
    fn table(&self, kind: usize, target: &Target<'_>) -> &[Step] {
        match target.book[self.asset].price {
            Some(price) if price.units > 0 => &self.tables[kind],
            _ => &[],
        }
    }

    /// Value of an amount in units of 10^-36 USDT; zero without a price.
    fn value(&self, amount: Decimal, target: &Target<'_>) -> BigUint {
        target.book[self.asset].price.map_or(BigUint::ZERO, |price| exact(amount) * exact(price))
    }
}

/// The part of a value (in units of 10^-36 USDT) that counts by the table, in units of 10^-40.
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
const LAST_COLUMN: &str = "total_net_balance_usdt";

/// The symbols of a header, in upper case, and its layout.
fn parse_header(fields: &Fields, dialect: &Dialect) -> Result<(Vec<String>, Layout), String> {
    let columns: Vec<&str> = fields.iter().collect();
    let wrong = |place: usize, expected: &str| {
        let found = columns.get(place).map_or("missing".to_owned(), |found| shown(found));
        let hint = match columns.get(place) {
            Some(&"main_uid_hashed") => "; this is the layout of gate: assay import gate",
            Some(&"id") if place == 1 => "; this is the layout of binance: assay import binance",
            _ => "",
        };
        Err(format!("column {} is {found}, not {expected}{hint}", place + 1))
    };
    for (place, expected) in ["rn", dialect.id_column].into_iter().enumerate() {
        if columns.get(place) != Some(&expected) {
            return wrong(place, expected);
        }
    }
    let end = columns.len() - 1;
    if columns[end] != LAST_COLUMN {
        return Err(format!("the last column, number {}, is {}, not {LAST_COLUMN}", end + 1, shown(columns[end])));
    }
    let by_kind = columns.get(5).is_some_and(|column| column.starts_with("vl_"));
    let prefixes: &[&str] = if by_kind { &KIND_PREFIXES } else { &PREFIXES };
    let mut names: Vec<&str> = Vec::new();
    let mut place = 2;
    while place < end && !names.first().is_some_and(|first| is_price_of(columns[place], first)) {
        let Some(name) = columns[place].strip_prefix("e_") else {
            return wrong(place, "e_ and a token, with which its columns begin");
        };
        for (behind, prefix) in prefixes.iter().enumerate() {
            let expected = format!("{prefix}{name}");
            if columns[place + behind..].first() != Some(&expected.as_str()) {
                return wrong(place + behind, &expected);
            }
        }
        names.push(name);
        place += prefixes.len();
    }
    if names.is_empty() || names.len() > MAX_ASSETS {
        return Err(format!("the header names {} tokens; a book may have 1 to {MAX_ASSETS}", names.len()));
    }
    let priced = place < end;
    if priced {
        for (behind, name) in names.iter().enumerate() {
            if !columns.get(place + behind).is_some_and(|column| is_price_of(column, name)) {
                return wrong(place + behind, &format!("{name}_usdt_price"));
            }
        }
        if place + names.len() != end {
            return wrong(place + names.len(), LAST_COLUMN);
        }
    }
    let mut seen = HashSet::new();
    let mut symbols = Vec::with_capacity(names.len());
    for name in names {
        let symbol = name.to_uppercase();
        if let Some(defect) = name_defect(&symbol, 64) {
            return Err(format!("token {} {defect}", shown(name)));
        }
        if !seen.insert(fold(&symbol).into_owned()) {
            return Err(format!("token {symbol} occurs twice in the header"));
        }
        symbols.push(symbol);
    }
    Ok((symbols, Layout { width: prefixes.len(), priced }))
}

fn is_price_of(column: &str, name: &str) -> bool {
    column.strip_prefix(name).is_some_and(|rest| rest == "_udst_price" || rest == "_usdt_price")
}

const NOTHING: Decimal = Decimal { units: 0, scale: 0 };

/// Equity and debt of one token. If `net_is_exact`, the net must be their difference.
fn read_cells(
    [equity_text, debt_text, net_text]: [&str; 3],
    net_is_exact: bool,
    target: &mut Target<'_>,
) -> Result<(Decimal, Decimal), String> {
    let mut read = |word: &str, text: &str, rounding| {
        target.amount(text, rounding).map_err(|error| format!("{word} {} {error}", shown(text)))
    };
    let equity = read("equity", equity_text, Rounding::Up)?;
    let debt = read("debt", debt_text, Rounding::Down)?;
    if net_is_exact {
        let net = |text: &str| parse_decimal(text).map_err(|error| format!("net {} {error}", shown(text)));
        let (lesser, net, greater) = match net_text.strip_prefix('-') {
            Some(shortfall) => (equity, net(shortfall)?, debt),
            None => (debt, net(net_text)?, equity),
        };
        if exact(lesser) + exact(net) != exact(greater) {
            return Err(format!("equity {equity_text} minus debt {debt_text} is not the net balance {net_text}"));
        }
    }
    Ok((equity, debt))
}

/// Collateral of one token by kind; the sum is at most the equity.
fn read_collateral(texts: [&str; 3], equity: &str, target: &mut Target<'_>) -> Result<[Decimal; 3], String> {
    let mut amounts = [NOTHING; 3];
    let mut exact = ExactSum::default();
    for (kind, text) in texts.into_iter().enumerate() {
        let refused = |error: String| format!("{} collateral {} {error}", KINDS[kind], shown(text));
        amounts[kind] = target.amount(text, Rounding::Down).map_err(refused)?;
        exact.add(text).map_err(|error| refused(error.to_string()))?;
    }
    let mut owned = ExactSum::default();
    owned.add(equity).map_err(|error| format!("equity {} {error}", shown(equity)))?;
    if exact > owned {
        return Err(format!("collateral {} exceeds the equity {owned} in total", texts.join(" and ")));
    }
    Ok(amounts)
}

#[cfg(test)]
mod tests;
