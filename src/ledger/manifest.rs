//! `manifest.toml`: exchange, snapshot, policy and expected totals.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::finding::{Environment, Finding, Findings};
use super::manifest_form::{self, Lines, MANIFEST};
use crate::files::{open_file, read_at_most};
use assay_core::domain::{domain_defect, lei_defect};
use assay_core::holding::HoldingKeys;
use assay_core::signature::MAX_JWKS_BYTES;
use assay_core::text::{chain_defect, name_defect, shown, symbol_key};
use assay_core::time::parse_instant;
use assay_ownership::{Anchor, Context};

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
    /// Who counts as having signed for the reserves, and what their message has beside the snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserves: Option<ReserveRules>,
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

/// Who counts as having signed for the reserves, and what the message that their addresses sign has beside the snapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReserveRules {
    /// A text that an auditor asked for: 1 to 64 of `A–Z a–z 0–9 . _ -`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub challenge: Option<String>,
    /// File of [`custodian_keys`](Self::custodian_keys), in the directory of the manifest. Whoever reads the manifest there reads it too,
    /// so it is not written again.
    #[serde(default, skip_serializing)]
    pub custodians: Option<String>,
    /// Public keys of the custodians and banks whose statements count (JWKS with the purpose `holding`), as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custodian_keys: Option<String>,
    /// A block before the snapshot: nothing was signed before it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchor: Option<AnchorBlock>,
}

/// A block of a public chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnchorBlock {
    /// The chain's name.
    pub chain: String,
    /// Its height.
    pub height: u64,
    /// Its hash: 1 to 128 letters and digits.
    pub hash: String,
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
    /// Required share of the stated reserves of each asset that is proven owned, in hundredths of a percent, 0 to 10,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owned_bps: Option<u32>,
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
    /// Parses a manifest from text that the caller has written.
    ///
    /// # Errors
    /// Everything that is wrong with it, the first `max_kept` findings in full. They have no lines: nobody else has seen the text.
    pub fn parse(text: &str, max_kept: usize) -> Result<Self, Findings> {
        let mut findings = Findings::new(max_kept);
        let read = parse(text, &mut findings);
        if read
            .as_ref()
            .is_some_and(|(manifest, _)| manifest.reserves.as_ref().is_some_and(|own| own.custodians.is_some()))
        {
            let reason =
                "reserves.custodians names a file, and there is none beside this text; give reserves.custodian_keys";
            findings.add(MANIFEST, None, reason);
        }
        match read {
            Some((manifest, _)) if findings.is_empty() => Ok(manifest),
            _ => Err(findings.map(|finding| Finding { line: None, ..finding })),
        }
    }
}

/// Reads the manifest and the lines of its keys. `None`, with findings, if it cannot be read.
pub(crate) fn read(path: &Path, findings: &mut Findings) -> Result<Option<(Manifest, Lines)>, Environment> {
    let read =
        open_file(path).and_then(|file| read_at_most(file, MAX_MANIFEST_BYTES)).map_err(Environment::at(path))?;
    let Some(bytes) = read else {
        findings.add(MANIFEST, None, format_args!("is longer than {MAX_MANIFEST_BYTES} bytes"));
        return Ok(None);
    };
    match std::str::from_utf8(&bytes) {
        Ok(text) => {
            let mut read = parse(text, findings);
            if let Some((manifest, lines)) = &mut read {
                read_custodians(path, manifest, lines, findings)?;
            }
            Ok(read)
        }
        Err(error) => {
            let before = &bytes[..error.valid_up_to()];
            let line = memchr::memchr_iter(b'\n', before).count() as u64 + 1;
            findings.add(MANIFEST, Some(line), "is not UTF-8 in this line");
            Ok(None)
        }
    }
}

/// Reads the custodians' keys from the file that the manifest at `path` names.
fn read_custodians(
    path: &Path,
    manifest: &mut Manifest,
    lines: &Lines,
    findings: &mut Findings,
) -> Result<(), Environment> {
    const KEY: &str = "reserves.custodians";
    let Some(rules) = manifest.reserves.as_mut() else { return Ok(()) };
    // a name that is none is a finding already
    let Some(name) = rules.custodians.as_deref().filter(|name| is_key_file(name)) else { return Ok(()) };
    let file = path.with_file_name(name);
    let mut add = |reason: String| findings.add(MANIFEST, lines.get(KEY).copied(), format_args!("{KEY} {reason}"));
    let bytes = match open_file(&file).and_then(|file| read_at_most(file, MAX_JWKS_BYTES as u64)) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => {
            add(format!("is {}, which is longer than {MAX_JWKS_BYTES} bytes", shown(name)));
            return Ok(());
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            add(format!("is {}, and there is no such file beside {MANIFEST}", shown(name)));
            return Ok(());
        }
        Err(error) => return Err(Environment { path: file, source: error }),
    };
    match HoldingKeys::parse(&bytes) {
        // what was parsed is UTF-8
        Ok(_) => rules.custodian_keys = Some(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) => add(format!("is {}, which cannot be used: {error}", shown(name))),
    }
    Ok(())
}

/// Whether `name` is that of a file beside the manifest, and of no table.
pub(crate) fn is_key_file(name: &str) -> bool {
    let stem = name.strip_suffix(".json").unwrap_or_default();
    (1..=64).contains(&stem.len()) && stem.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
}

/// Parses a manifest from text.
fn parse(text: &str, findings: &mut Findings) -> Option<(Manifest, Lines)> {
    let lines = manifest_form::lines(text, findings)?;
    match toml::from_str::<Manifest>(text) {
        Ok(manifest) => {
            judge(&manifest, &lines, findings);
            Some((manifest, lines))
        }
        // its form was compared already; should the two ever disagree, the library's sentence is better than none
        Err(error) => {
            findings.add(MANIFEST, None, error.message());
            None
        }
    }
}

/// The first rule that a manifest breaks.
pub(crate) fn first_defect(manifest: &Manifest) -> Option<String> {
    let mut findings = Findings::new(1);
    judge(manifest, &Lines::new(), &mut findings);
    findings.findings.pop().map(|finding| finding.reason)
}

fn judge(manifest: &Manifest, lines: &Lines, findings: &mut Findings) {
    let Manifest { exchange, snapshot, policy, .. } = manifest;
    let mut add = |key: &str, reason: String| {
        findings.add(MANIFEST, lines.get(key).copied(), format_args!("{key} {reason}"));
    };
    if let Some(defect) = name_defect(&exchange.name, 256) {
        add("exchange.name", format!("{} {defect}", shown(&exchange.name)));
    }
    if let Some(defect) = domain_defect(&exchange.domain) {
        add("exchange.domain", format!("{} {defect}", shown(&exchange.domain)));
    }
    if let Some((lei, defect)) = exchange.lei.as_ref().and_then(|lei| Some((lei, lei_defect(lei)?))) {
        add("exchange.lei", format!("{} {defect}", shown(lei)));
    }
    if let Some(defect) = snapshot_id_defect(&snapshot.id) {
        add("snapshot.id", format!("{} {defect}", shown(&snapshot.id)));
    }
    if let Some(defect) = snapshot.series.as_deref().and_then(snapshot_id_defect) {
        add("snapshot.series", format!("{} {defect}", shown(snapshot.series.as_deref().unwrap_or_default())));
    }
    if let Err(e) = parse_instant(&snapshot.taken_at) {
        add("snapshot.taken_at", e.to_string());
    }
    let mut chains = BTreeSet::new();
    for (chain, height) in &snapshot.block_heights {
        let key = format!("snapshot.block_heights.{chain}");
        if !chains.insert(symbol_key(chain)) {
            add(&key, format!("is listed twice: another name looks the same as {}", shown(chain)));
        }
        if let Some(defect) = chain_defect(chain) {
            add(&key, format!("has a name that is none of a chain: {} {defect}", shown(chain)));
        }
        if *height > MAX_HEIGHT {
            add(&key, format!("is {height}; the maximum is {MAX_HEIGHT}"));
        }
    }
    // the other parts of the message have findings of their own
    let own = Context { domain: "a.b", snapshot: "a", taken_at: "2000-01-01T00:00:00Z", ..ownership_context(manifest) };
    if let Err(defect) = own.message("bitcoin", "address") {
        add("reserves", defect.to_string());
    }
    if let Some(rules) = &manifest.reserves {
        if let Some(name) = rules.custodians.as_ref().filter(|name| !is_key_file(name)) {
            let form = "is no file beside manifest.toml: 1 to 64 letters, digits, underscores or hyphens, then .json";
            add("reserves.custodians", format!("{} {form}", shown(name)));
        }
        match &rules.custodian_keys {
            Some(_) if rules.custodians.is_some() => {
                add("reserves.custodian_keys", "is given beside reserves.custodians; give one of them".to_owned());
            }
            Some(keys) => {
                if let Err(error) = HoldingKeys::parse(keys.as_bytes()) {
                    add("reserves.custodian_keys", format!("cannot be used: {error}"));
                }
            }
            None => {}
        }
    }
    if let Some(block) = manifest.reserves.as_ref().and_then(|message| message.anchor.as_ref())
        && block.height > MAX_HEIGHT
    {
        add("reserves.anchor.height", format!("is {}; the maximum is {MAX_HEIGHT}", block.height));
    }
    let policy = policy.unwrap_or_default();
    for (key, bps, most) in [
        ("policy.coverage_bps", policy.coverage_bps, MAX_POLICY_BPS),
        ("policy.equity_ratio_bps", policy.equity_ratio_bps, MAX_POLICY_BPS),
        ("policy.owned_bps", policy.owned_bps, MAX_OWNED_BPS),
    ] {
        if let Some(bps) = bps
            && bps > most
        {
            add(key, format!("is {bps}; the maximum is {most}"));
        }
    }
}

/// What a signature of a reserve must name to be made for this snapshot.
#[must_use]
pub fn ownership_context(manifest: &Manifest) -> Context<'_> {
    let message = manifest.reserves.as_ref();
    let anchor = message.and_then(|message| message.anchor.as_ref());
    Context {
        domain: &manifest.exchange.domain,
        snapshot: &manifest.snapshot.id,
        taken_at: &manifest.snapshot.taken_at,
        anchor: anchor.map(|block| Anchor { chain: &block.chain, height: block.height, hash: &block.hash }),
        challenge: message.and_then(|message| message.challenge.as_deref()),
    }
}

/// The keys of custodians and banks that the exchange accepts; nothing without a list, or with one that is a finding.
pub(crate) fn custodian_keys(manifest: &Manifest) -> Option<HoldingKeys> {
    HoldingKeys::parse(manifest.reserves.as_ref()?.custodian_keys.as_ref()?.as_bytes()).ok()
}

/// All of it.
const MAX_OWNED_BPS: u32 = 10_000;

/// Largest integer that every JSON reader keeps exact.
const MAX_HEIGHT: u64 = (1 << 53) - 1;

/// Why `id` is not a valid snapshot id.
pub(crate) fn snapshot_id_defect(id: &str) -> Option<&'static str> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    // "." and ".." consist of allowed characters but are directories
    (id.is_empty() || id.len() > 64 || !id.bytes().all(allowed) || matches!(id, "." | ".."))
        .then_some("is not 1 to 64 letters, digits, dots, underscores or hyphens")
}
