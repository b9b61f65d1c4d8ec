//! Disclosed reserve lines: some lines of the reserves file, each with its blind, and one proof that they are the lines with
//! these numbers in the list that the statement commits to. Made for an auditor who may see them; checked offline against
//! the statement. The byte format is in `api-spec/reserves.md`.
//!
//! A valid disclosure does not say that the exchange owns the addresses, or that the amounts are there. It says that the
//! exchange committed to exactly these lines when it made the statement.

use std::collections::BTreeMap;

use assay_core::{
    Error,
    check::Checks,
    decimal::{ExactSum, parse_count},
    lines::{HASH_BYTES, LineFields, verify_multiproof},
    sealed::Sealed,
    text::lower_hex,
};
use serde::{Deserialize, Serialize};

use crate::ledger::statement::{Asset, ByStatus, Statement, StatementLabel};

/// Name and version of the format.
pub const RESERVES_PROTOCOL: &str = "assay/reserves/2";
/// Largest disclosure that is read, in bytes.
pub const MAX_DISCLOSURE_BYTES: usize = 64 << 20;

/// Lines of the reserves file with the proof that they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReserveDisclosure {
    /// [`RESERVES_PROTOCOL`].
    pub protocol: String,
    /// SHA-256 of the statement's canonical bytes, 64 hexadecimal digits.
    pub attestation_id: String,
    /// Lines of the whole reserves file.
    pub line_count: u64,
    /// Root of the tree over them, 64 hexadecimal digits.
    pub root: String,
    /// The disclosed lines, by ascending index; at least one.
    pub lines: Vec<DisclosedLine>,
    /// The hashes of the multiproof, 32 bytes each, in hexadecimal digits.
    pub proof: String,
    /// Whether these are all lines of every asset in them. Who claims so is held to it: their sums must be what is stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub complete: Option<bool>,
}

/// One disclosed line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DisclosedLine {
    /// Its place in the reserves file, from 0.
    pub index: u64,
    /// Its fields as the exchange wrote them.
    pub fields: DisclosedFields,
    /// The 32 bytes that kept it from being guessed, 64 hexadecimal digits.
    pub blind: String,
}

/// The fields of a line, in the order in which they are hashed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DisclosedFields {
    /// Symbol of the asset.
    pub asset: String,
    /// Chain, or kind of custodian.
    pub chain: String,
    /// Address, or custodian.
    pub address: String,
    /// Whole assets, as a decimal.
    pub amount: String,
    /// Block height at which it was read; may be empty.
    pub height: String,
    /// Message signed by the address; may be empty.
    pub message: String,
    /// Signatures over it; may be empty.
    pub signature: String,
    /// The token's contract, mint or asset id; empty for the chain's own coin.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub token: String,
    /// `address`, `contract`, `custodian` or `bank`; empty for `address`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// What a verdict on the signatures needs beside the address; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub key: String,
}

impl DisclosedFields {
    /// The fields by their names.
    pub fn of(fields: &LineFields) -> Self {
        let [asset, chain, address, amount, height, message, signature, token, kind, key] = fields.clone();
        Self { asset, chain, address, amount, height, message, signature, token, kind, key }
    }

    /// The fields in the order in which they are hashed.
    pub fn to_fields(&self) -> LineFields {
        let Self { asset, chain, address, amount, height, message, signature, token, kind, key } = self.clone();
        [asset, chain, address, amount, height, message, signature, token, kind, key]
    }
}

/// What was found about a disclosure.
#[derive(Debug, Clone)]
pub struct ReservesReport {
    /// The checks, in order; after one that fails there are no more.
    pub checks: Checks,
    /// What the disclosed lines sum to; only where every line is proved.
    pub assets: Vec<DisclosedAsset>,
    /// Disclosed lines, and lines in all; zero where the file cannot be read.
    pub lines: (u64, u64),
    /// The statement that the file was checked against; only if the file was made for it.
    pub statement: Option<StatementLabel>,
    /// Disclosed lines by what their signatures show; only where all of them were judged.
    pub owners: Option<ByStatus<u64>>,
}

/// The disclosed lines of one asset, in smallest units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisclosedAsset {
    /// Symbol.
    pub symbol: String,
    /// Decimals of the smallest unit.
    pub scale: u8,
    /// Disclosed lines of it.
    pub lines: u64,
    /// Their sum.
    pub disclosed: u128,
    /// The reserves of it that the statement states.
    pub stated: u128,
    /// The sums of its lines by what their signatures show, each rounded down; only where all of them were judged.
    pub owners: Option<ByStatus<u128>>,
}

impl ReservesReport {
    /// Whether every check holds.
    pub fn is_valid(&self) -> bool {
        !self.checks.is_empty() && self.checks.all_passed()
    }
}

/// Checks the disclosure in `file` against the statement of an attestation, which was read or could not be. Both may come
/// from an adversary. That the statement is proved, and who signed for the lines, is not checked here.
pub fn verify_reserves(statement: Result<&Sealed<Statement>, &Error>, file: &[u8]) -> ReservesReport {
    verify_disclosed(statement, file).0
}

/// As [`verify_reserves`], with the disclosure if all checks hold.
pub fn verify_disclosed(
    statement: Result<&Sealed<Statement>, &Error>,
    file: &[u8],
) -> (ReservesReport, Option<ReserveDisclosure>) {
    let mut report =
        ReservesReport { checks: Checks::default(), assets: Vec::new(), lines: (0, 0), statement: None, owners: None };
    let disclosure = verify_into(&mut report, statement, file).filter(|_| report.is_valid());
    (report, disclosure)
}

/// [`verify_reserves`]; ends at the first check that does not hold. `None` says only that it ended early.
fn verify_into(
    report: &mut ReservesReport,
    statement: Result<&Sealed<Statement>, &Error>,
    file: &[u8],
) -> Option<ReserveDisclosure> {
    let nothing = |_: &_| String::new();
    let checks = &mut report.checks;
    let read = statement.map_err(ToString::to_string).and_then(|statement| Ok((statement, read(file, statement)?)));
    let title = "the file discloses reserve lines of this attestation";
    let (statement, disclosure) = checks.step("reserves-file", title, read, |_| String::new())?;
    report.lines = (disclosure.lines.len() as u64, disclosure.line_count);
    report.statement = Some(StatementLabel::of(statement));
    let title = "the lines are among those that the statement commits to";
    checks.step("reserves-root", title, prove_lines(&disclosure, statement), String::clone)?;
    let title = "their amounts can be read, and are no more than the reserves stated";
    report.assets = checks.step("reserves-amounts", title, sums(&disclosure, statement), nothing)?;
    if disclosure.complete == Some(true) {
        let short = report.assets.iter().find(|asset| asset.disclosed != asset.stated);
        let outcome = match short {
            None => Ok(String::new()),
            Some(asset) => Err(format!("the lines of {} do not sum to what is stated", asset.symbol)),
        };
        let title = "all lines of these assets are disclosed, and sum to what is stated";
        report.checks.add("reserves-complete", title, outcome);
    }
    Some(disclosure)
}

fn read(file: &[u8], statement: &Sealed<Statement>) -> Result<ReserveDisclosure, String> {
    if file.len() > MAX_DISCLOSURE_BYTES {
        return Err(format!("the file has more than {MAX_DISCLOSURE_BYTES} bytes"));
    }
    let disclosure: ReserveDisclosure =
        serde_json::from_slice(file).map_err(|e| format!("the file cannot be read: {e}"))?;
    if disclosure.protocol != RESERVES_PROTOCOL {
        return Err(format!("the file's protocol is `{}`, not `{RESERVES_PROTOCOL}`", disclosure.protocol));
    }
    if disclosure.attestation_id != statement.digest().to_string() {
        return Err("the file belongs to another attestation".to_owned());
    }
    Ok(disclosure)
}

/// That the lines stand where they say in the list under the statement's root.
fn prove_lines(disclosure: &ReserveDisclosure, statement: &Statement) -> Result<String, String> {
    if disclosure.root != statement.reserves.root || disclosure.line_count != statement.reserves.lines {
        return Err("root or number of lines are not those of the statement".to_owned());
    }
    if disclosure.lines.is_empty() {
        return Err("no lines are disclosed".to_owned());
    }
    if disclosure.lines.windows(2).any(|pair| pair[0].index >= pair[1].index) {
        return Err("the lines are not in ascending order, each once".to_owned());
    }
    let damaged = |what: &str| format!("{what} is not lower-case hexadecimal of the right length");
    let root = hash(&disclosure.root).ok_or_else(|| damaged("the root"))?;
    let proof = lower_hex(&disclosure.proof).ok_or_else(|| damaged("the proof"))?;
    let place = |index: u64| usize::try_from(index).map_err(|_| "a place is too large".to_owned());
    let places: Vec<usize> = disclosure.lines.iter().map(|line| place(line.index)).collect::<Result<_, _>>()?;
    let shown = |line: &DisclosedLine| {
        let blind = hash(&line.blind).ok_or_else(|| damaged(&format!("the blind of line {}", line.index)))?;
        Ok((line.fields.to_fields(), blind))
    };
    let lines: Vec<_> = disclosure.lines.iter().map(shown).collect::<Result<_, String>>()?;
    if !verify_multiproof(&root, place(disclosure.line_count)?, &places, &lines, &proof) {
        return Err("the proof does not lead from these lines to the statement's root".to_owned());
    }
    Ok(format!("{} of {} lines", lines.len(), disclosure.line_count))
}

/// The sums of proved lines, in the order of the book. An amount may have more decimals than its asset: the sum is exact, and
/// rounded down once.
fn sums(disclosure: &ReserveDisclosure, statement: &Statement) -> Result<Vec<DisclosedAsset>, String> {
    let book: BTreeMap<&str, usize> =
        statement.assets.iter().enumerate().map(|(place, asset)| (asset.symbol.as_str(), place)).collect();
    let mut sums: BTreeMap<usize, (ExactSum, u64)> = BTreeMap::new();
    for line in &disclosure.lines {
        let DisclosedFields { asset: symbol, amount, .. } = &line.fields;
        let place =
            book.get(symbol.as_str()).ok_or_else(|| format!("line {}: `{symbol}` is not in the book", line.index))?;
        let (sum, lines) = sums.entry(*place).or_default();
        sum.add(amount).map_err(|e| format!("line {}: {symbol} amount `{amount}` {e}", line.index))?;
        *lines += 1;
    }
    let disclosed = |(place, (sum, lines)): (usize, (ExactSum, u64))| {
        let Asset { symbol, scale, reserves, .. } = &statement.assets[place];
        let stated = parse_count(reserves).map_err(|e| e.to_string())?;
        match sum.units(*scale) {
            Some((disclosed, _)) if disclosed <= stated => {
                Ok(DisclosedAsset { symbol: symbol.clone(), scale: *scale, lines, disclosed, stated, owners: None })
            }
            _ => Err(format!("the disclosed lines of {symbol} sum to more than the statement states")),
        }
    };
    sums.into_iter().map(disclosed).collect()
}

fn hash(text: &str) -> Option<[u8; HASH_BYTES]> {
    lower_hex(text)?.try_into().ok()
}
