//! Adapters for the reserve lines that exchanges publish: addresses with amounts and signatures, as a ledger's reserves.csv.
//!
//! **In:** published files. **Out:** one reserves.csv with every line, or every finding at once, each with the line of the published
//! file. Signatures get the name of the scheme in which they are valid. What they are signed over never names a snapshot, so no
//! published line is more than undated.

mod htx;
mod layout;
mod okx;

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use assay_core::decimal::ExactSum;
use assay_core::lines::{LINE_COLUMNS, LineFields};
use assay_core::text::{chain_defect, name_defect, shown, visible};
use assay_ownership::{Chain, Context, Kind, Line, Place, judge, recognise};

use self::htx::Groups;
use self::layout::{Coins, Layout, Published};
use super::adapter::{ImportError, UNNAMED};
use crate::durable::{self, Access};
use crate::ledger::finding::{Environment, Findings};
use crate::ledger::limits::Limits;
use crate::ledger::lines::SNAPSHOT_LINE_BYTES;
use crate::ledger::source::{Source, Stream};
use crate::ledger::writer::WriteError;
use crate::progress::Progress;

/// A published format of reserve lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReservesFormat {
    /// The address files of OKX, with or without the column `Type`.
    Okx,
    /// The address file of HTX.
    Htx,
}

/// All formats by name.
pub const RESERVES_FORMATS: [(&str, ReservesFormat); 2] =
    [("okx-reserves", ReservesFormat::Okx), ("htx-reserves", ReservesFormat::Htx)];

impl FromStr for ReservesFormat {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        RESERVES_FORMATS.into_iter().find(|(known, _)| *known == name).map(|(_, format)| format).ok_or(())
    }
}

/// What an import of reserves wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReservesSummary {
    /// The file.
    pub file: PathBuf,
    /// Its lines.
    pub lines: u64,
    /// What was left out or is not known, as sentences.
    pub notes: Vec<String>,
}

/// Reads `paths` (each plain, `.gz` or `.zst`), in the order given, and writes reserves.csv into the directory `out`, which is made if it
/// is not there. A ledger that is there must not have one.
///
/// # Errors
/// See [`ImportError`]; nothing is written then.
pub fn import_reserves(
    format: ReservesFormat,
    paths: &[PathBuf],
    out: &Path,
    limits: &Limits,
    progress: &dyn Progress,
) -> Result<ReservesSummary, ImportError> {
    for end in ["", ".gz", ".zst"] {
        let taken = out.join(format!("reserves.csv{end}"));
        if taken.symlink_metadata().is_ok() {
            let reason = format!("{} exists already; nothing is overwritten", taken.display());
            return Err(WriteError::Argument(reason).into());
        }
    }
    let mut import = Import {
        format,
        lines: Vec::new(),
        first: HashMap::new(),
        without_rule: BTreeMap::new(),
        owners: 0,
        unused: 0,
    };
    let mut findings = Findings::new(limits.max_errors_kept);
    for path in paths {
        let source = Source::new(path);
        let stream = source.open(limits)?;
        progress.begin(&format!("read {}", source.name), 0, "lines");
        let read = import.read(&source, stream, &mut findings, progress);
        progress.end();
        read?;
    }
    if !findings.is_empty() {
        return Err(ImportError::NotValid(findings));
    }
    let file = out.join("reserves.csv");
    std::fs::create_dir_all(out).map_err(Environment::at(out))?;
    let bytes = import.bytes().map_err(Environment::at(&file))?;
    durable::create_new(&file, Access::Public, &bytes).map_err(Environment::at(&file))?;
    Ok(ReservesSummary { file, lines: import.lines.len() as u64, notes: import.notes() })
}

/// Longest line that a file can have: that of a reserves.csv.
const MAX_LINE_BYTES: u64 = SNAPSHOT_LINE_BYTES as u64;

/// An import under way.
struct Import {
    format: ReservesFormat,
    lines: Vec<LineFields>,
    /// Where each place of an asset was first named.
    first: HashMap<(String, Place), String>,
    /// Chains about which nothing can be shown, with their lines.
    without_rule: BTreeMap<String, u64>,
    /// Rows of owners, which have no amount.
    owners: u64,
    /// Lines whose owners are not used.
    unused: u64,
}

impl Import {
    /// Reads a file: sums, names of columns, lines.
    fn read(
        &mut self,
        source: &Source,
        stream: Stream,
        findings: &mut Findings,
        progress: &dyn Progress,
    ) -> Result<(), ImportError> {
        let (mut layout, mut groups, before) = (None, Groups::default(), self.lines.len());
        let total = findings.total;
        let Stream { mut bytes, disk, .. } = stream;
        let mut line = 0;
        loop {
            let mut text = Vec::new();
            line += 1;
            let unread = match bytes.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut text) {
                Ok(0) => break,
                Ok(read) if read as u64 == MAX_LINE_BYTES => Some(format!("has more than {MAX_LINE_BYTES} bytes")),
                Ok(_) => None,
                Err(error) if disk.failed.get() => {
                    return Err(Environment { path: source.path.clone(), source: error }.into());
                }
                Err(error) => Some(format!("cannot be read: {}", visible(&error.to_string()))),
            };
            if let Some(reason) = unread {
                findings.add(&source.name, Some(line), reason);
                return Ok(());
            }
            let record = match record(&text) {
                Ok(Some(record)) => record,
                Ok(None) => continue,
                Err(error) => {
                    let reason = format!("cannot be read as CSV: {}", visible(&error.to_string()));
                    findings.add(&source.name, Some(line), reason);
                    continue;
                }
            };
            progress.advance(1);
            let row: Vec<&str> = record.iter().map(str::trim).collect();
            let refused = if Layout::is_header(&row) {
                self.layout(&row).map(|found| layout = Some(found))
            } else {
                match &layout {
                    _ if row.iter().all(|field| field.is_empty()) => Ok(()),
                    None => {
                        groups.take(row[0]);
                        Ok(())
                    }
                    Some(layout) => {
                        let place = format!("{} line {line}", source.name);
                        layout.read(&row).and_then(|own| self.take(&own, &groups, place))
                    }
                }
            };
            if let Err(reason) = refused {
                findings.add(&source.name, Some(line), reason);
                // without names of columns no line can be read
                if layout.is_none() {
                    return Ok(());
                }
            }
        }
        if findings.total == total && self.lines.len() == before {
            let missing = if layout.is_none() {
                "has no line with the columns coin and address"
            } else {
                "has no lines with amounts"
            };
            findings.add(&source.name, None, format_args!("{missing}: it is no list of published reserves"));
        }
        Ok(())
    }

    /// The layout of a row of names, if it is one of this format.
    fn layout(&self, row: &[&str]) -> Result<Layout, String> {
        let layout = Layout::of(row)?;
        match (self.format, layout.has_network()) {
            (ReservesFormat::Okx, false) => {
                Err("there is no column Network; without one this may be the layout of htx-reserves".to_owned())
            }
            (ReservesFormat::Htx, true) => {
                Err("there is a column Network; this may be the layout of okx-reserves".to_owned())
            }
            _ => Ok(layout),
        }
    }

    /// Takes a line, but for one of an owner, which has no amount.
    fn take(&mut self, line: &Published<'_>, groups: &Groups, place: String) -> Result<(), String> {
        if self.format == ReservesFormat::Htx && line.amount.is_empty() && line.height.is_empty() {
            self.owners += 1;
            return Ok(());
        }
        let coins = match self.format {
            ReservesFormat::Okx => okx::coins(line)?,
            ReservesFormat::Htx => htx::coins(line, groups)?,
        };
        check_texts(line, &coins)?;
        let (fields, kind) = self.fields(line, coins)?;
        let [asset, chain, address, _, _, _, _, token, _, _] = &fields;
        let own = Line { chain, address, token, kind, ..Line::default() };
        if let Some(first) = self.first.insert((asset.clone(), own.place()), place) {
            return Err(format!("{} at address {} is already in {first}", shown(asset), shown(address)));
        }
        self.lines.push(fields);
        Ok(())
    }

    /// The line of reserves.csv.
    fn fields(&mut self, line: &Published<'_>, coins: Coins) -> Result<(LineFields, Kind), String> {
        let Coins { asset, chain, token } = coins;
        let family = Chain::parse(&chain).map(|known| known.family());
        if family.is_none() {
            *self.without_rule.entry(chain.clone()).or_default() += 1;
        }
        let is_contract =
            !line.owners.is_empty() && family.as_deref().is_some_and(|name| ["evm", "tron"].contains(&name));
        self.unused += u64::from(!line.owners.is_empty() && !is_contract);
        let kind = if is_contract { Kind::Contract } else { Kind::Address };
        let key = match (is_contract, line.key) {
            (true, _) => {
                let threshold = line.signatures.len().clamp(1, line.owners.len());
                format!("safe:{threshold}:{}", line.owners.join(","))
            }
            (false, key) => key_of(family.as_deref(), key),
        };
        let signature = signatures(line, &chain, kind, &key)?;
        let kind_text = if is_contract { "contract" } else { "" };
        let texts: [&str; LINE_COLUMNS.len()] =
            [&asset, &chain, line.address, line.amount, line.height, line.message, &signature, &token, kind_text, &key];
        Ok((texts.map(str::to_owned), kind))
    }

    fn bytes(&self) -> std::io::Result<Vec<u8>> {
        let mut csv = csv::Writer::from_writer(Vec::new());
        csv.write_record(LINE_COLUMNS)?;
        for line in &self.lines {
            csv.write_record(line)?;
        }
        csv.into_inner().map_err(|error| std::io::Error::other(error.to_string()))
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if !self.without_rule.is_empty() {
            let chains: Vec<_> =
                self.without_rule.iter().map(|(chain, lines)| format!("{} ({lines})", shown(chain))).collect();
            notes.push(format!("Nothing can be shown of lines on chains without a rule: {}.", chains.join(", ")));
        }
        if self.owners > 0 {
            notes.push(format!("{} rows of owners without an amount were left out.", self.owners));
        }
        if self.unused > 0 {
            notes.push(format!(
                "{} lines name owners on chains where owners show nothing; these were left out.",
                self.unused
            ));
        }
        notes
    }
}

/// The fields of a line; nothing if it is empty. No published field has a line end.
fn record(line: &[u8]) -> Result<Option<csv::StringRecord>, csv::Error> {
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    let mut csv = csv::ReaderBuilder::new().has_headers(false).buffer_capacity(1 << 10).from_reader(line);
    csv.records().next().transpose()
}

/// What `check` would refuse of a line, whatever is signed.
fn check_texts(line: &Published<'_>, coins: &Coins) -> Result<(), String> {
    for (word, text, defect) in [
        ("asset", coins.asset.as_str(), name_defect(&coins.asset, 64)),
        ("chain", coins.chain.as_str(), chain_defect(&coins.chain)),
        ("address", line.address, name_defect(line.address, 256)),
    ] {
        if let Some(defect) = defect {
            return Err(format!("{word} {} {defect}", shown(text)));
        }
    }
    if !line.height.is_empty()
        && line.height.parse::<u64>().map(|height| height.to_string()).as_deref() != Ok(line.height)
    {
        return Err(format!("height {} is not a block number", shown(line.height)));
    }
    ExactSum::default().add(line.amount).map_err(|error| format!("amount {} {error}", shown(line.amount)))
}

/// The column `key`. A script is written where a chain has scripts; a public key has 33 bytes there.
fn key_of(family: Option<&str>, key: &str) -> String {
    let has_scripts = ["bitcoin", "bitcoin-cash", "bitcoin-sv", "litecoin", "dogecoin", "dash"];
    match family {
        _ if key.is_empty() => String::new(),
        Some(family) if has_scripts.contains(&family) && key.len() != 66 => format!("script:{key}"),
        _ => key.to_owned(),
    }
}

/// The column `signature`, each with the scheme in which it is valid.
fn signatures(line: &Published<'_>, chain: &str, kind: Kind, key: &str) -> Result<String, String> {
    let text = line.signatures.join(" ");
    if text.is_empty() {
        return Ok(text);
    }
    if line.message.is_empty() {
        return Err("there is a signature, and nothing says what was signed".to_owned());
    }
    // what is published names no snapshot, so any will do
    let context = Context {
        domain: UNNAMED.1,
        snapshot: "imported",
        taken_at: "1970-01-01T00:00:00Z",
        anchor: None,
        challenge: None,
    };
    let own =
        Line { chain, address: line.address, message: line.message, signature: &text, kind, key, ..Line::default() };
    match recognise(&own, &context) {
        Some(scheme) => Ok(line.signatures.iter().map(|text| format!("{scheme}:{text}")).collect::<Vec<_>>().join(" ")),
        // nothing false and nothing shown, such as a script that is not stated
        None => judge(&own, &context).map(|_| text.clone()).map_err(|defect| {
            format!(
                "{} on {}: {defect}; no scheme of the chain makes the signature valid",
                shown(line.address),
                shown(chain)
            )
        }),
    }
}

#[cfg(test)]
mod tests;
