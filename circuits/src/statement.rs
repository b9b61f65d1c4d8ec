//! The statement: everything public that is claimed, in canonical bytes, and the challenge drawn from them.

use std::collections::{BTreeMap, BTreeSet};

use ff::PrimeField;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256, Sha512};

use crate::{
    claims::{ColumnKind, RuleClaims},
    error::Error,
    field::{F, from_hex, from_wide},
    shape::{ALL_COLUMNS, OPEN_COLUMNS, Shape},
};

/// Name and version of what the solvency family proves.
pub const PROTOCOL: &str = "assay/solvency/1";
/// Name and version of what the compliance family proves.
pub const COMPLIANCE_PROTOCOL: &str = "assay/compliance/1";
/// Largest statement that is read, in bytes.
pub const MAX_STATEMENT_BYTES: usize = 8 << 20;
/// Column indices have 14 bits, and those a prover can spell 24; a challenge below this bound is refused.
const COLUMN_SPACE: u64 = 1 << 24;
/// Integers in JSON stay exact up to here.
const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

/// What no attestation of the solvency family shows; every statement carries these sentences.
pub const NOT_PROVEN: [&str; 5] = [
    "that the stated reserves exist, are the sum of the committed reserves file, are unencumbered, or are the exchange's own",
    "that no account was left out whose owner never checks their inclusion",
    "that two accounts are not one person, or that every account belongs to a customer",
    "that a customer's debts are real or will be repaid: debts are listed beside assets and lower no requirement",
    "anything about the time between snapshots",
];

/// What no attestation of the compliance family shows.
pub const COMPLIANCE_NOT_PROVEN: [&str; 7] = [
    NOT_PROVEN[0],
    NOT_PROVEN[1],
    NOT_PROVEN[2],
    "that a customer's debts are real or will be repaid: they lower a customer's own equity and margin, and lower what must be covered only where the policy says net",
    "that prices, limits, classes and collateral tables are the right ones: they are public, and each is part of the statement",
    "that a customer is in the right class",
    NOT_PROVEN[4],
];

/// Everything public that is claimed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// [`PROTOCOL`] or [`COMPLIANCE_PROTOCOL`].
    pub protocol: String,
    /// Name of the shape.
    pub shape: String,
    /// Digest of the shape's parameters.
    pub parameter_digest: String,
    /// Who claims.
    pub exchange: Exchange,
    /// About which instant.
    pub snapshot: SnapshotInfo,
    /// The assets, in the order of the book.
    pub assets: Vec<Asset>,
    /// The columns with their totals, by ascending index.
    pub columns: Vec<Column>,
    /// The commitment to the lines of the reserves file.
    pub reserves: Reserves,
    /// What the exchange says the numbers must satisfy.
    pub policy: Policy,
    /// Limits and measures: exactly in the compliance family.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<RuleClaims>,
    /// Root of the account tree, 64 hexadecimal digits.
    pub root: String,
    /// Steps that were folded.
    pub steps: u64,
    /// [`NOT_PROVEN`] or [`COMPLIANCE_NOT_PROVEN`].
    pub not_proven: Vec<String>,
}

/// Who claims.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// Name.
    pub name: String,
    /// Internet domain.
    pub domain: String,
    /// Legal entity identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lei: Option<String>,
}

/// Which instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnapshotInfo {
    /// The exchange's name for it; identities and salts depend on it.
    pub id: String,
    /// RFC 3339, UTC.
    pub taken_at: String,
    /// Heights of the chains on which the reserves were read.
    pub block_heights: BTreeMap<String, u64>,
}

/// One asset of the book.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asset {
    /// Symbol, unique.
    pub symbol: String,
    /// Decimals of the smallest unit.
    pub scale: u8,
    /// Price of one whole asset in `quote`, as a decimal, where the ledger has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<String>,
    /// Currency of the price.
    pub quote: String,
    /// Sum of the reserves' lines, in smallest units.
    pub reserves: String,
}

/// One column with its total.
// unknown fields are refused all the same: the bytes would not be canonical
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Index, below 2^14; from 2^13 on for capped columns.
    pub index: u16,
    /// What holding it means.
    #[serde(flatten)]
    pub kind: ColumnKind,
    /// Total over all accounts, in the asset's smallest units, or in contracts.
    pub total: String,
}

/// The commitment to the reserves file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reserves {
    /// Root of the SHA-256 tree over the lines, 64 hexadecimal digits; all zero without lines.
    pub root: String,
    /// Lines.
    pub lines: u64,
}

/// What the numbers must satisfy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Reserves over customer assets, per asset, in hundredths of a percent; absent where no reserves are stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage_bps: Option<u32>,
    /// What must be covered; absent means gross.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage_basis: Option<CoverageBasis>,
    /// Most accounts whose margin excess may be negative; exactly in the compliance family.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below_margin_max: Option<u64>,
    /// Sum of all positive equity over the sum of all negative equity, in hundredths of a percent; exactly in the
    /// compliance family.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equity_ratio_bps: Option<u32>,
}

/// What the reserves of an asset are compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CoverageBasis {
    /// Customer assets, whatever customers owe.
    Gross,
    /// Customer assets less what customers owe; only where no account may be below its margin.
    Net,
}

/// An unsigned decimal integer in its one spelling.
///
/// # Errors
/// [`Error::Malformed`] for anything else, or from 2^128 on.
pub fn parse_units(text: &str) -> Result<u128, Error> {
    let canonical =
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    let value = if canonical { text.parse().ok() } else { None };
    value.ok_or_else(|| Error::Malformed(format!("`{text}` is not a whole number of smallest units")))
}

/// 1 to 64 bytes without control characters or white space around them.
pub(crate) fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.trim() == text && !text.chars().any(char::is_control)
}

/// A decimal without exponent, superfluous zeros or sign.
pub(crate) fn is_decimal(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').map_or((text, None), |(w, f)| (w, Some(f)));
    let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    text.len() <= 64
        && digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(|f| digits(f) && !f.ends_with('0'))
}

/// `2026-01-01T00:00:00Z`, with or without a fraction of a second.
fn is_utc_time(text: &str) -> bool {
    let Some((seconds, fraction)) = text.strip_suffix('Z').and_then(|t| t.split_at_checked(19)) else {
        return false;
    };
    let shape = seconds.bytes().zip("0000-00-00T00:00:00".bytes());
    let matches = shape.into_iter().all(|(b, form)| if form == b'0' { b.is_ascii_digit() } else { b == form });
    matches
        && (fraction.is_empty()
            || fraction
                .strip_prefix('.')
                .is_some_and(|f| (1..=9).contains(&f.len()) && f.bytes().all(|b| b.is_ascii_digit())))
}

impl Statement {
    /// The canonical bytes: JSON as in RFC 8785 (sorted keys, no spaces), of strings, small integers, arrays and objects.
    ///
    /// # Errors
    /// [`Error::Malformed`] if the statement breaks a rule that [`Statement::parse`] checks.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        self.validate()?;
        let value = serde_json::to_value(self).map_err(|e| Error::Malformed(e.to_string()))?;
        let mut out = String::new();
        write_canonical(&value, &mut out);
        Ok(out.into_bytes())
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    /// [`Error::Malformed`] unless the bytes are a complete statement in its one spelling that keeps every rule below.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > MAX_STATEMENT_BYTES {
            return Err(Error::Malformed(format!("the statement has more than {MAX_STATEMENT_BYTES} bytes")));
        }
        let statement: Self = serde_json::from_slice(bytes)
            .map_err(|e| Error::Malformed(format!("the statement cannot be read: {e}")))?;
        if statement.to_bytes()? != bytes {
            return Err(Error::Malformed("the statement's bytes are not in canonical form".to_owned()));
        }
        Ok(statement)
    }

    fn validate(&self) -> Result<(), Error> {
        let refuse = |reason: String| Err(Error::Malformed(format!("the statement is refused: {reason}")));
        let shape = Shape::named(&self.shape)?;
        let (protocol, not_proven) = match shape.rules {
            None => (PROTOCOL, &NOT_PROVEN[..]),
            Some(_) => (COMPLIANCE_PROTOCOL, &COMPLIANCE_NOT_PROVEN[..]),
        };
        if self.protocol != protocol {
            return refuse(format!("its protocol is `{}`, that of {} is `{protocol}`", self.protocol, shape.name));
        }
        if self.rules.is_some() != shape.rules.is_some() {
            return refuse(format!("{} has rules exactly if its statement has", shape.name));
        }
        from_hex(&self.parameter_digest)?;
        from_hex(&self.root)?;
        if self.reserves.root.len() != 64
            || !self.reserves.root.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        {
            return refuse("the root of the reserves is not 64 lower-case hexadecimal digits".to_owned());
        }
        if self.steps == 0 || self.steps > shape.max_steps() as u64 {
            return refuse(format!("{} steps; {} takes 1 to {}", self.steps, shape.name, shape.max_steps()));
        }
        if self.reserves.lines > MAX_SAFE_INTEGER || self.snapshot.block_heights.values().any(|h| *h > MAX_SAFE_INTEGER)
        {
            return refuse("an integer above 2^53 − 1".to_owned());
        }
        if !self.not_proven.iter().map(String::as_str).eq(not_proven.iter().copied()) {
            return refuse("its list of what is not proven is not this protocol's".to_owned());
        }
        for (what, text) in [
            ("the exchange's name", &self.exchange.name),
            ("the exchange's domain", &self.exchange.domain),
            ("the snapshot's id", &self.snapshot.id),
            ("the snapshot's time", &self.snapshot.taken_at),
        ] {
            if text.is_empty() || text.len() > 256 || text.chars().any(char::is_control) {
                return refuse(format!("{what} is empty, longer than 256 bytes, or holds control characters"));
            }
        }
        self.validate_texts()?;
        self.validate_reserves()?;
        self.validate_columns()?;
        self.validate_rules()
    }

    /// Free text is for people to read: bounded, visible, and of the form its field promises.
    fn validate_texts(&self) -> Result<(), Error> {
        let refuse = |reason: String| Err(Error::Malformed(format!("the statement is refused: {reason}")));
        if !is_utc_time(&self.snapshot.taken_at) {
            return refuse("the snapshot's time is not RFC 3339 in UTC".to_owned());
        }
        if self.exchange.lei.as_ref().is_some_and(|l| l.len() != 20 || !l.bytes().all(|b| b.is_ascii_alphanumeric())) {
            return refuse("the legal entity identifier is not 20 letters and digits".to_owned());
        }
        // ASCII keys: there RFC 8785's order is the order of bytes
        if self
            .snapshot
            .block_heights
            .keys()
            .any(|chain| !is_name(chain) || !chain.bytes().all(|b| b.is_ascii_graphic()))
        {
            return refuse("a chain's name is not 1 to 64 visible ASCII characters".to_owned());
        }
        for asset in &self.assets {
            if !is_name(&asset.symbol) || !is_name(&asset.quote) {
                return refuse(format!("`{}` in `{}`: no usable symbols", asset.symbol, asset.quote));
            }
            if asset.price.as_ref().is_some_and(|p| !is_decimal(p)) {
                return refuse(format!("the price of {} is not a decimal in its shortest form", asset.symbol));
            }
        }
        Ok(())
    }

    /// Either no reserves are stated at all, or there are lines, a root and a policy.
    fn validate_reserves(&self) -> Result<(), Error> {
        let refuse = |reason: &str| Err(Error::Malformed(format!("the statement is refused: {reason}")));
        let stated = self.reserves.lines > 0;
        if self.reserves.root.bytes().all(|b| b == b'0') == stated {
            return refuse("reserves have a root exactly if they have lines");
        }
        if self.policy.coverage_bps.is_some() != stated {
            return refuse("there is a policy on coverage exactly if reserves are stated");
        }
        if !stated && self.assets.iter().any(|a| a.reserves != "0") {
            return refuse("reserves of an asset are stated without any line");
        }
        Ok(())
    }

    fn validate_columns(&self) -> Result<(), Error> {
        let refuse = |reason: String| Err(Error::Malformed(format!("the statement is refused: {reason}")));
        if self.assets.is_empty() {
            return refuse("it has no assets".to_owned());
        }
        let mut symbols = BTreeSet::new();
        for asset in &self.assets {
            parse_units(&asset.reserves)?;
            if asset.scale > 38 {
                return refuse(format!("asset {} has {} decimals", asset.symbol, asset.scale));
            }
            if !symbols.insert(asset.symbol.as_str()) {
                return refuse(format!("asset {} is listed twice", asset.symbol));
            }
        }
        if self.columns.windows(2).any(|w| w[0].index >= w[1].index) {
            return refuse("its columns are not listed by ascending index, each once".to_owned());
        }
        for column in &self.columns {
            parse_units(&column.total)?;
            if column.index >= ALL_COLUMNS || (column.index >= OPEN_COLUMNS) != column.kind.cap()?.is_some() {
                return refuse(format!("column {} has the index of another kind of column", column.index));
            }
            if column.kind.asset().is_some_and(|asset| !symbols.contains(asset)) {
                return refuse(format!("column {} is of an unlisted asset", column.index));
            }
            if self.rules.is_none() && !matches!(column.kind, ColumnKind::Asset { .. } | ColumnKind::Debt { .. }) {
                return refuse(format!("column {} is not of this family", column.index));
            }
        }
        let mut seen = BTreeSet::new();
        for column in &self.columns {
            if let ColumnKind::Asset { asset } | ColumnKind::Debt { asset } = &column.kind
                && !seen.insert((asset, matches!(column.kind, ColumnKind::Asset { .. })))
            {
                return refuse(format!("two columns of one kind for {asset}"));
            }
        }
        for asset in &self.assets {
            let owed = |c: &Column| c.kind.is_owed() && c.kind.asset() == Some(asset.symbol.as_str());
            if !self.columns.iter().any(owed) {
                return refuse("an asset without a column".to_owned());
            }
        }
        Ok(())
    }

    /// SHA-256 of the canonical bytes.
    pub fn digest(bytes: &[u8]) -> [u8; 32] {
        Sha256::digest(bytes).into()
    }

    /// What is owed to customers of `asset`: the sum over its columns, collateral included.
    pub fn customer_assets(&self, asset: &str) -> u128 {
        self.sum(|kind| kind.is_owed() && kind.asset() == Some(asset))
    }

    /// What customers owe of `asset`.
    pub fn debts(&self, asset: &str) -> u128 {
        self.sum(|kind| matches!(kind, ColumnKind::Debt { asset: of } if of == asset))
    }

    fn sum(&self, which: impl Fn(&ColumnKind) -> bool) -> u128 {
        let totals = self.columns.iter().filter(|c| which(&c.kind)).map(|c| parse_units(&c.total).unwrap_or(0));
        totals.fold(0, u128::saturating_add)
    }

    /// The bytes that the first challenge is drawn from: everything but the commitment that answers it.
    ///
    /// # Errors
    /// Those of [`Statement::to_bytes`].
    pub fn first_bytes(&self) -> Result<Vec<u8>, Error> {
        let mut first = self.clone();
        if let Some(rules) = &mut first.rules {
            rules.private = None;
        }
        first.to_bytes()
    }

    /// The column of `index`.
    pub fn column(&self, index: u16) -> Option<&Column> {
        let at = self.columns.binary_search_by_key(&index, |c| c.index).ok()?;
        self.columns.get(at)
    }

    /// Σ total / (γ − index) over the columns: what the fold's fractions must sum to.
    ///
    /// # Errors
    /// [`Error::OutOfBounds`] for a γ that could be a column's index.
    pub fn fractions(&self, gamma: F) -> Result<F, Error> {
        check_challenge(gamma)?;
        self.columns.iter().try_fold(F::from(0), |sum, column| {
            let total = F::from_u128(parse_units(&column.total)?);
            let difference = gamma - F::from(u64::from(column.index));
            let inverse = Option::<F>::from(ff::Field::invert(&difference)).expect("γ is no column's index");
            Ok(sum + total * inverse)
        })
    }
}

/// The challenge γ of a statement: SHA-512 over a label and its canonical bytes, reduced from 64 bytes.
pub fn challenge(statement_bytes: &[u8]) -> F {
    draw(b"assay/challenge/gamma/v1\0", statement_bytes)
}

/// The challenge ρ, drawn before the private sums are committed to, from [`Statement::first_bytes`].
pub fn first_challenge(first_bytes: &[u8]) -> F {
    draw(b"assay/challenge/rho/v1\0", first_bytes)
}

/// SHA-512 over a label, the length of the bytes and the bytes, reduced modulo p.
pub(crate) fn draw(label: &[u8], bytes: &[u8]) -> F {
    let mut hasher = Sha512::new();
    hasher.update(label);
    hasher.update((bytes.len() as u64).to_le_bytes());
    hasher.update(bytes);
    from_wide(&hasher.finalize().into())
}

/// Refuses a challenge that could be a column's index: there a fraction's denominator would vanish.
///
/// # Errors
/// [`Error::OutOfBounds`] for such a γ.
pub fn check_challenge(gamma: F) -> Result<(), Error> {
    let repr = gamma.to_repr();
    let bytes = repr.as_ref();
    let small = bytes[8..].iter().all(|b| *b == 0)
        && u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes")) < COLUMN_SPACE;
    if small {
        return Err(Error::OutOfBounds("the challenge is a possible column index".to_owned()));
    }
    Ok(())
}

/// JSON with sorted keys and no spaces. Keys are ASCII here, so byte order is RFC 8785's order.
pub(crate) fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            let sorted: BTreeMap<&String, &Value> = map.iter().collect();
            out.push('{');
            for (i, (key, item)) in sorted.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                out.push_str(&Value::String(key.clone()).to_string());
                out.push(':');
                write_canonical(item, out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write_canonical(item, out);
            }
            out.push(']');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}
