//! The ledger that an adapter writes. It is checked before it gets its name, and whatever [`check`] finds is reported at the line of
//! the published file from which the row was made, so that no import writes what `check` refuses.

use std::collections::BTreeMap;
use std::path::Path;

use num_bigint::BigUint;

use super::adapter::{ImportError, ImportSummary, Options};
use super::assets::{Known, KnownAssets};
use super::origins::{Origins, Place};
use crate::ledger::assets::Asset;
use crate::ledger::check::check;
use crate::ledger::finding::{CheckError, Finding, Findings};
use crate::ledger::limits::MAX_ASSETS;
use crate::ledger::manifest::{Exchange, Manifest, SnapshotInfo, TotalText};
use crate::ledger::source::Source;
use crate::ledger::writer::SnapshotWriter;
use crate::progress::Progress;
use assay_core::decimal::{Decimal, DecimalError, MAX_SCALE, Rounding, format_digits, parse_decimal, parse_rounded};
use assay_core::text::{name_defect, shown, symbol_key};

/// Scale of an asset where neither a file nor its balances ask for more.
const USUAL_SCALE: u8 = 8;

/// An asset of the book that is being made.
#[derive(Debug)]
pub(super) struct BookAsset {
    /// Its symbol as the published files write it.
    written: String,
    pub(super) symbol: String,
    pub(super) price: Option<Decimal>,
    quote: String,
    /// Given by a file; otherwise as small as the balances allow.
    scale: Option<u8>,
    least_scale: u8,
    equity: BigUint,
    debt: BigUint,
    /// The first row in which somebody holds or owes it.
    held_at: Option<Place>,
}

/// An import under way: what an adapter reads with and into.
pub(super) struct Import<'a> {
    pub(super) target: Target<'a>,
    pub(super) findings: Findings,
    pub(super) options: &'a Options,
    pub(super) progress: &'a dyn Progress,
}

/// The ledger that is being written. As soon as there is a finding, no more rows are kept.
pub(super) struct Target<'o> {
    writer: SnapshotWriter,
    options: &'o Options,
    known: KnownAssets,
    pub(super) book: Vec<BookAsset>,
    by_key: BTreeMap<String, usize>,
    files: Vec<String>,
    place: Place,
    accounts: Origins,
    balances: Origins,
    collateral: Origins,
    rounded: u64,
    first_rounded: Option<(Place, String)>,
    notes: Vec<String>,
}

impl<'o> Target<'o> {
    /// # Errors
    /// As [`SnapshotWriter::create`], or if the file of assets cannot be read.
    pub(super) fn create(
        out: &Path,
        options: &'o Options,
        findings: &mut Findings,
        progress: &dyn Progress,
    ) -> Result<Self, ImportError> {
        let known = match &options.assets {
            Some(path) => KnownAssets::read(path, &options.limits, findings, progress)?,
            None => KnownAssets::default(),
        };
        Ok(Self {
            writer: SnapshotWriter::create(out)?,
            options,
            known,
            book: Vec::new(),
            by_key: BTreeMap::new(),
            files: Vec::new(),
            place: Place { file: 0, line: 0 },
            accounts: Origins::default(),
            balances: Origins::default(),
            collateral: Origins::default(),
            rounded: 0,
            first_rounded: None,
            notes: Vec::new(),
        })
    }

    /// Rows that follow come from this file.
    pub(super) fn begin_file(&mut self, source: &Source) {
        self.files.push(source.name.clone());
        self.place = Place { file: self.files.len() as u32 - 1, line: 0 };
    }

    /// Rows that follow come from this line of the file.
    pub(super) fn at(&mut self, line: u64) {
        self.place.line = line;
    }

    /// A line of the file that is being read.
    pub(super) fn place_at(&self, line: u64) -> Place {
        Place { line, ..self.place }
    }

    /// A place for a sentence about the file that is being read: its line, and the file if it is another one.
    pub(super) fn named(&self, place: Place) -> String {
        match place.file == self.place.file {
            true => format!("line {}", place.line),
            false => format!("line {} of {}", place.line, shown(&self.files[place.file as usize])),
        }
    }

    /// Says what was read otherwise than it was written.
    pub(super) fn note(&mut self, sentence: String) {
        self.notes.push(sentence);
    }

    /// Adds an asset to the book, or returns its number if it is there. Its symbol becomes that of the file of assets, if there is one.
    ///
    /// # Errors
    /// Why it cannot be an asset, or that another spelling of it came before: to a reader of the files that is another asset.
    pub(super) fn asset(&mut self, symbol: &str) -> Result<usize, String> {
        if let Some(number) = self.by_key.get(&symbol_key(symbol)) {
            let first = &self.book[*number].written;
            return match first == symbol {
                true => Ok(*number),
                false => {
                    Err(format!("asset {} is written {} above; one of them is a mistake", shown(symbol), shown(first)))
                }
            };
        }
        if let Some(defect) = name_defect(symbol, 64) {
            return Err(format!("asset {} {defect}", shown(symbol)));
        }
        if self.book.len() == MAX_ASSETS {
            return Err(format!("asset {} is one too many; a book has at most {MAX_ASSETS}", shown(symbol)));
        }
        let known = self.known.get(symbol).cloned();
        let known =
            known.unwrap_or(Known { symbol: symbol.to_owned(), scale: None, price: None, quote: String::new() });
        self.by_key.insert(symbol_key(symbol), self.book.len());
        self.book.push(BookAsset {
            written: symbol.to_owned(),
            symbol: known.symbol,
            price: known.price,
            quote: known.quote,
            scale: known.scale,
            least_scale: USUAL_SCALE,
            equity: BigUint::ZERO,
            debt: BigUint::ZERO,
            held_at: None,
        });
        Ok(self.book.len() - 1)
    }

    /// Sets what the published files say of an asset, unless the file of assets says it.
    pub(super) fn describe(&mut self, asset: usize, price: Option<Decimal>, quote: &str, least_scale: u8) {
        let asset = &mut self.book[asset];
        asset.price = asset.price.or(price);
        if asset.quote.is_empty() {
            asset.quote = quote.to_owned();
        }
        asset.least_scale = least_scale;
    }

    /// Sets the price that the published files give an asset, unless the file of assets gives one.
    pub(super) fn describe_price(&mut self, asset: usize, price: Option<Decimal>) {
        let asset = &mut self.book[asset];
        asset.price = asset.price.or(price);
    }

    /// An amount as text, with the rounding that the options ask for.
    ///
    /// # Errors
    /// Why it is none, to continue the amount.
    pub(super) fn amount(&mut self, text: &str, rounding: Rounding) -> Result<Decimal, String> {
        let Some(decimals) = self.options.decimals else {
            return parse_decimal(text).map_err(|error| match error {
                DecimalError::TooManyDecimals { .. } => format!("{error}; --decimals N rounds to N decimals"),
                _ => error.to_string(),
            });
        };
        let (amount, rounded) = parse_rounded(text, decimals, rounding).map_err(|error| error.to_string())?;
        if rounded {
            self.rounded += 1;
            self.first_rounded.get_or_insert_with(|| (self.place, format!("{text} as {amount}")));
        }
        Ok(amount)
    }

    /// Equity and debt of an amount that is negative if the customer owes it.
    ///
    /// # Errors
    /// As [`amount`](Self::amount).
    pub(super) fn net_amount(&mut self, text: &str) -> Result<(Decimal, Decimal), String> {
        match text.strip_prefix('-') {
            Some(owed) if !owed.starts_with('-') => Ok((ZERO, self.amount(owed, Rounding::Down)?)),
            _ => Ok((self.amount(text, Rounding::Up)?, ZERO)),
        }
    }

    /// Adds an account, or does nothing after a finding.
    pub(super) fn account(&mut self, account: &str, findings: &Findings) -> Result<(), ImportError> {
        if findings.is_empty() {
            self.writer.account(account, 0)?;
            self.accounts.push(self.place);
        }
        Ok(())
    }

    /// Adds a balance, unless it is zero. After a finding it is only counted towards what the asset is.
    pub(super) fn balance(
        &mut self,
        account: &str,
        asset: usize,
        [equity, debt]: [Decimal; 2],
        findings: &Findings,
    ) -> Result<(), ImportError> {
        if equity.units == 0 && debt.units == 0 {
            return Ok(());
        }
        let entry = &mut self.book[asset];
        entry.held_at.get_or_insert(self.place);
        entry.least_scale = entry.least_scale.max(equity.scale).max(debt.scale);
        entry.equity += exact(equity);
        entry.debt += exact(debt);
        if findings.is_empty() {
            self.writer.balance(account, &entry.symbol, &equity.to_string(), &debt.to_string())?;
            self.balances.push(self.place);
        }
        Ok(())
    }

    /// Adds a row of collateral, or does nothing after a finding.
    pub(super) fn collateral(
        &mut self,
        account: &str,
        asset: usize,
        kind: &str,
        amount: Decimal,
        findings: &Findings,
    ) -> Result<(), ImportError> {
        let entry = &mut self.book[asset];
        entry.least_scale = entry.least_scale.max(amount.scale);
        if findings.is_empty() {
            self.writer.collateral(&[account, &self.book[asset].symbol, kind, &amount.to_string()])?;
            self.collateral.push(self.place);
        }
        Ok(())
    }

    pub(super) fn writer(&mut self) -> &mut SnapshotWriter {
        &mut self.writer
    }

    /// Reports assets whose smallest unit is not known, for formats that count smallest units.
    pub(super) fn require_scales(&self, findings: &mut Findings) {
        for asset in self.book.iter().filter(|asset| asset.scale.is_none() && asset.held_at.is_some()) {
            let place = asset.held_at;
            self.add(
                place,
                format!(
                    "{} is counted in smallest units, and nothing says how many of them are one {}: {}",
                    shown(&asset.symbol),
                    asset.symbol,
                    self.where_to_give("scale")
                ),
                findings,
            );
        }
    }

    /// Units of 10^-scale of an asset whose scale is known, as an amount.
    pub(super) fn smallest_units(&self, asset: usize, units: u128) -> Decimal {
        let mut amount = Decimal { units, scale: self.book[asset].scale.unwrap_or(0) };
        while amount.scale > 0 && amount.units.is_multiple_of(10) {
            amount = Decimal { units: amount.units / 10, scale: amount.scale - 1 };
        }
        amount
    }

    /// Checks the ledger and gives it its name.
    ///
    /// # Errors
    /// [`ImportError::NotValid`] with everything that was found so far or that [`check`] finds; then nothing is left on the disk.
    pub(super) fn finish(
        mut self,
        mut findings: Findings,
        progress: &dyn Progress,
    ) -> Result<ImportSummary, ImportError> {
        for asset in self.book.iter().filter(|asset| asset.held_at.is_some() && asset.price.is_none()) {
            let reason = format!("{} has a balance but no price: {}", asset.symbol, self.where_to_give("price"));
            self.add(asset.held_at, reason, &mut findings);
        }
        if !findings.is_empty() {
            return Err(ImportError::NotValid(findings));
        }
        let mut summary = ImportSummary {
            accounts: self.accounts.rows(),
            balances: self.balances.rows(),
            assets: self.book.len() as u64,
            notes: self.all_notes(),
        };
        let (assets, totals) = self.assets_and_totals();
        let manifest = Manifest { totals, ..manifest_of(self.options) };
        self.writer.stage(&assets, manifest)?;
        match check(self.writer.staging(), &self.options.limits, progress) {
            Ok(snapshot) => {
                summary.notes.extend(snapshot.warnings().iter().map(|warning| format!("Warning: {warning}")))
            }
            Err(CheckError::NotValid(found)) => return Err(ImportError::NotValid(self.at_their_origin(found))),
            Err(CheckError::Environment(error)) => return Err(error.into()),
        }
        self.writer.publish()?;
        Ok(summary)
    }

    fn where_to_give(&self, column: &str) -> String {
        match &self.known.file {
            Some(file) => format!("add it to {file}, with a {column}"),
            None => format!("give a file with the columns symbol,scale,price,quote as --assets FILE, with a {column}"),
        }
    }

    fn add(&self, place: Option<Place>, reason: String, findings: &mut Findings) {
        match place {
            Some(place) => findings.add(&self.files[place.file as usize], Some(place.line), reason),
            None => findings.add(self.files.first().map_or("", String::as_str), None, reason),
        }
    }

    fn all_notes(&mut self) -> Vec<String> {
        let mut notes = std::mem::take(&mut self.notes);
        if let Some((place, example)) = &self.first_rounded {
            notes.push(format!(
                "{} amounts were rounded, what the exchange owes up and what it is owed down; the first is in {} line {}: {example}",
                self.rounded, self.files[place.file as usize], place.line
            ));
        }
        notes
    }

    fn assets_and_totals(&self) -> (Vec<Asset>, BTreeMap<String, TotalText>) {
        let text = |sum: &BigUint| format_digits(&sum.to_string(), MAX_SCALE);
        let usual =
            self.book.iter().map(|asset| asset.quote.as_str()).find(|quote| !quote.is_empty()).unwrap_or("USDT");
        let of = |asset: &BookAsset| {
            let quote = if asset.quote.is_empty() { usual } else { &asset.quote };
            let row = Asset {
                symbol: asset.symbol.clone(),
                scale: asset.scale.unwrap_or(asset.least_scale),
                price: asset.price,
                quote: quote.to_owned(),
            };
            (row, (asset.symbol.clone(), TotalText { equity: text(&asset.equity), debt: text(&asset.debt) }))
        };
        self.book.iter().map(of).unzip()
    }

    /// The findings of the ledger's files, at the lines that their rows were made from.
    fn at_their_origin(&self, found: Findings) -> Findings {
        found.map(|Finding { file, line, reason }| {
            let origins = match file.as_str() {
                "accounts.csv" => Some(&self.accounts),
                "balances.csv" => Some(&self.balances),
                "collateral.csv" => Some(&self.collateral),
                _ => None,
            };
            let row = line.and_then(|line| line.checked_sub(2));
            match origins.zip(row).and_then(|(origins, row)| origins.of(row)) {
                Some(place) => {
                    Finding { file: self.files[place.file as usize].clone(), line: Some(place.line), reason }
                }
                None => Finding { reason: format!("in the ledger as it would be written: {reason}"), file, line },
            }
        })
    }
}

/// Nothing.
pub(super) const ZERO: Decimal = Decimal { units: 0, scale: 0 };

/// An amount in units of 10^-18.
pub(super) fn exact(amount: Decimal) -> BigUint {
    BigUint::from(amount.units) * 10u128.pow(u32::from(MAX_SCALE - amount.scale))
}

/// The manifest that the options give, without totals.
pub(super) fn manifest_of(options: &Options) -> Manifest {
    let exchange = &options.exchange;
    Manifest {
        exchange: Exchange { name: exchange.name.clone(), lei: exchange.lei.clone(), domain: exchange.domain.clone() },
        snapshot: SnapshotInfo {
            id: options.snapshot_id.clone(),
            series: None,
            taken_at: options.taken_at.clone(),
            block_heights: BTreeMap::new(),
        },
        rows: None,
        policy: None,
        privacy: None,
        reserves: None,
        totals: BTreeMap::new(),
    }
}
