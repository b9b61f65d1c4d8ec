//! `manifest.toml`: exchange, snapshot, policy and expected totals.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::finding::{Environment, Findings};
use assay_core::domain::{domain_defect, lei_defect};
use assay_core::text::{name_defect, shown};
use assay_core::time::parse_instant;

pub(crate) const MANIFEST: &str = "manifest.toml";

/// Maximum size of a manifest; 4,096 totals need far less.
const MAX_MANIFEST_BYTES: u64 = 4 << 20;
/// 1,000 %: anything above is a typing error.
const MAX_POLICY_BPS: u32 = 100_000;

/// The manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The exchange.
    pub exchange: Exchange,
    /// Id and time of the snapshot.
    pub snapshot: SnapshotInfo,
    /// Number of rows that the files must have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<Rows>,
    /// Policy that the exchange sets for itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Policy>,
    /// What the exchange hides beyond what the proof hides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub privacy: Option<Privacy>,
    /// Totals that the balances must match, by symbol. Assets that are not listed are not compared.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub totals: BTreeMap<String, TotalText>,
}

/// The exchange.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// Name as customers know it, 1 to 256 bytes.
    pub name: String,
    /// Legal entity identifier (ISO 17442): 18 capital letters and digits, then two check digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lei: Option<String>,
    /// Domain under which it publishes: lower-case letters, digits, hyphens and dots.
    pub domain: String,
}

/// Id and time of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnapshotInfo {
    /// Id chosen by the exchange: 1 to 64 of `A–Z a–z 0–9 . _ -`.
    pub id: String,
    /// Series of snapshots that this one belongs to; by default its own id. Form as for `id`. Customers keep their
    /// identities within a series.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<String>,
    /// RFC 3339 in UTC, ending in `Z`, in the one spelling of [`assay_core::time`].
    pub taken_at: String,
    /// Block height of each chain at which the reserves were read.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub block_heights: BTreeMap<String, u64>,
}

impl SnapshotInfo {
    /// The series; by default the snapshot's own id.
    #[must_use]
    pub fn series(&self) -> &str {
        self.series.as_deref().unwrap_or(&self.id)
    }
}

/// What the exchange hides beyond what the proof hides.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Privacy {
    /// Least number of pages, empty ones included, that the attestation shows. It hides the number of accounts below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pages_at_least: Option<u64>,
}

/// Number of rows that the files must have, without headers. Files that are not listed are not compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rows {
    /// Rows of accounts.csv.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accounts: Option<u64>,
    /// Rows of balances.csv.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balances: Option<u64>,
    /// Rows of reserves.csv.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserves: Option<u64>,
    /// Rows of classes.csv.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classes: Option<u64>,
    /// Rows of instruments.csv.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instruments: Option<u64>,
    /// Rows of limits.csv.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<u64>,
    /// Rows of tiers.csv.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tiers: Option<u64>,
    /// Rows of positions.csv.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub positions: Option<u64>,
    /// Rows of collateral.csv.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collateral: Option<u64>,
}

/// Basis of the coverage.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CoverageBasis {
    /// All customer assets.
    #[default]
    Gross,
    /// Customer assets minus debts.
    Net,
}

/// Policy that the exchange sets for itself. A missing value sets no requirement.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Required ratio of reserves to customer assets, in hundredths of a percent (10,000 = 100 %), 0 to 100,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage_bps: Option<u32>,
    /// Basis of the coverage; default gross.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage_basis: Option<CoverageBasis>,
    /// Maximum number of accounts below their maintenance margin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below_margin_max: Option<u64>,
    /// Required ratio of positive to negative equity, in hundredths of a percent, 0 to 100,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equity_ratio_bps: Option<u32>,
}

/// Totals of one asset as decimal text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TotalText {
    /// Sum of all equity.
    pub equity: String,
    /// Sum of all debt.
    pub debt: String,
}

impl Manifest {
    /// Parses a manifest from text.
    ///
    /// # Errors
    /// Everything that is wrong with it, the first `max_kept` findings in full.
    pub fn parse(text: &str, max_kept: usize) -> Result<Self, Findings> {
        let mut findings = Findings::new(max_kept);
        parse(text, &mut findings).filter(|_| findings.is_empty()).ok_or(findings)
    }
}

/// Reads the manifest. `None`, with findings, if it cannot be read.
pub(crate) fn read(path: &Path, findings: &mut Findings) -> Result<Option<Manifest>, Environment> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_MANIFEST_BYTES + 1).read_to_end(&mut bytes))
        .map_err(Environment::at(path))?;
    if bytes.len() as u64 > MAX_MANIFEST_BYTES {
        findings.add(MANIFEST, None, format_args!("is longer than {MAX_MANIFEST_BYTES} bytes"));
        return Ok(None);
    }
    let Ok(text) = String::from_utf8(bytes) else {
        findings.add(MANIFEST, None, "is not UTF-8");
        return Ok(None);
    };
    Ok(parse(&text, findings))
}

/// Parses a manifest from text.
fn parse(text: &str, findings: &mut Findings) -> Option<Manifest> {
    match toml::from_str::<Manifest>(text) {
        Ok(manifest) => {
            judge(&manifest, findings);
            Some(manifest)
        }
        Err(error) => {
            let line = error
                .span()
                .and_then(|span| text.get(..span.start))
                .map(|before| before.matches('\n').count() as u64 + 1);
            findings.add(MANIFEST, line, error.message());
            None
        }
    }
}

fn judge(manifest: &Manifest, findings: &mut Findings) {
    let Manifest { exchange, snapshot, policy, .. } = manifest;
    let mut add = |reason: String| findings.add(MANIFEST, None, reason);
    if let Some(defect) = name_defect(&exchange.name, 256) {
        add(format!("exchange.name {defect}"));
    }
    if let Some(defect) = domain_defect(&exchange.domain) {
        add(format!("exchange.domain {} {defect}", shown(&exchange.domain)));
    }
    if let Some((lei, defect)) = exchange.lei.as_ref().and_then(|lei| Some((lei, lei_defect(lei)?))) {
        add(format!("exchange.lei {} {defect}", shown(lei)));
    }
    if let Some(defect) = snapshot_id_defect(&snapshot.id) {
        add(format!("snapshot.id {defect}"));
    }
    if let Some(defect) = snapshot.series.as_deref().and_then(snapshot_id_defect) {
        add(format!("snapshot.series {defect}"));
    }
    if let Err(e) = parse_instant(&snapshot.taken_at) {
        add(format!("snapshot.taken_at {e}"));
    }
    for (chain, height) in &snapshot.block_heights {
        if let Some(defect) = name_defect(chain, 64) {
            add(format!("a chain in snapshot.block_heights {defect}"));
        } else if !chain.bytes().all(|b| b.is_ascii_graphic()) {
            add(format!(
                "snapshot.block_heights.{chain}: a chain name must consist of letters, digits and symbols without spaces"
            ));
        }
        if *height > MAX_HEIGHT {
            add(format!("snapshot.block_heights.{chain} is {height}; the maximum is {MAX_HEIGHT}"));
        }
    }
    let policy = policy.unwrap_or_default();
    for (name, bps) in [("coverage_bps", policy.coverage_bps), ("equity_ratio_bps", policy.equity_ratio_bps)] {
        if let Some(bps) = bps
            && bps > MAX_POLICY_BPS
        {
            add(format!("policy.{name} is {bps}; the maximum is {MAX_POLICY_BPS}"));
        }
    }
}

/// Largest integer that every JSON reader keeps exact.
const MAX_HEIGHT: u64 = (1 << 53) - 1;

/// Why `id` is not a valid snapshot id.
pub(crate) fn snapshot_id_defect(id: &str) -> Option<&'static str> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    // "." and ".." consist of allowed characters but are directories
    (id.is_empty() || id.len() > 64 || !id.bytes().all(allowed) || matches!(id, "." | ".."))
        .then_some("is not 1 to 64 letters, digits, dots, underscores or hyphens")
}
