//! `reserves.csv`: `asset,chain,address,amount,height,message,signature`, with or without `token,kind,key`. It lists the reserves that
//! the exchange states, and who signed for them.

use std::collections::{HashMap, hash_map::Entry};

use super::assets::{Asset, Assets};
use super::finding::{Environment, Finding, Findings};
use super::limits::Limits;
use super::lines::{SNAPSHOT_LINE_BYTES, Table};
use super::manifest::{Manifest, custodian_keys, ownership_context};
use super::source::Source;
use crate::progress::Progress;
use assay_core::decimal::ExactSum;
use assay_core::holding::HoldingKeys;
use assay_core::lines::{LINE_COLUMNS, LineFields};
use assay_core::text::{chain_defect, name_defect, shown};
use assay_ownership::{Context, Defect, Kind, Line, Reason, Verdict, judge_listed};
use rayon::prelude::*;

/// The columns that every reserves.csv has; the others are empty where they are missing.
pub(crate) const SHORT_COLUMNS: usize = 7;

/// One reserve: an amount of one asset at one address or with one custodian.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReserveLine {
    /// Number of the asset in the snapshot's list.
    pub asset: u16,
    /// The fields exactly as the exchange wrote them. The evidence tree commits to these bytes.
    pub fields: LineFields,
    /// What the signatures show about the address.
    pub verdict: Verdict,
    /// Its line in reserves.csv.
    pub line: u64,
}

impl ReserveLine {
    /// The line as far as ownership is concerned.
    #[must_use]
    pub fn ownership(&self) -> Line<'_> {
        ownership_line(&self.fields, self.fields[8].parse().unwrap_or_default())
    }
}

fn ownership_line(fields: &LineFields, kind: Kind) -> Line<'_> {
    let [asset, chain, address, amount, _, message, signature, token, _, key] = fields;
    Line { chain, address, asset, amount, message, signature, token, kind, key }
}

/// What lines are judged by: the snapshot that they are signed for, and the third parties that count.
#[derive(Debug)]
pub(crate) struct Judge<'m> {
    pub(crate) context: Context<'m>,
    pub(crate) custodians: Option<HoldingKeys>,
}

impl<'m> Judge<'m> {
    /// As the exchange judges.
    pub(crate) fn of(manifest: &'m Manifest) -> Self {
        Self { context: ownership_context(manifest), custodians: custodian_keys(manifest) }
    }

    fn judge(&self, line: &Line<'_>) -> Result<Verdict, Defect> {
        judge_listed(line, &self.context, self.custodians.as_ref())
    }
}

/// All reserves, and their sum for each asset.
#[derive(Debug, Default)]
pub(crate) struct Reserves {
    pub(crate) lines: Vec<ReserveLine>,
    /// In smallest units, rounded down once.
    pub(crate) sums: Vec<u128>,
    /// The sums that were rounded: number of the asset and exact sum.
    pub(crate) rounded: Vec<(u16, ExactSum)>,
    pub(crate) rows: u64,
    /// What does not stop a proof.
    pub(crate) warnings: Vec<Finding>,
}

/// Reads the reserves. An amount may have more decimals than its asset. `None`, with findings, if the file cannot be read. Without
/// a `judge`, because the manifest cannot be read, signatures are not judged.
pub(crate) fn read(
    source: &Source,
    assets: &Assets,
    judge: Option<&Judge<'_>>,
    limits: &Limits,
    findings: &mut Findings,
    progress: &dyn Progress,
) -> Result<Option<Reserves>, Environment> {
    let mut table = Table::open(source, SNAPSHOT_LINE_BYTES, limits, progress)?;
    if table.expect_one_header(&[&LINE_COLUMNS[..SHORT_COLUMNS], &LINE_COLUMNS], findings)?.is_none() {
        return Ok(None);
    }
    let mut reserves = Reserves::default();
    let mut sums = vec![ExactSum::default(); assets.list.len()];
    let mut last_line_of = vec![0; assets.list.len()];
    let mut first_line_of = HashMap::new();
    while let Some(line) = table.next(findings)? {
        let fields: LineFields = std::array::from_fn(|column| table.fields().get(column).to_owned());
        let mut add = |reason: String| findings.add(&source.name, Some(line), reason);
        let kind = form(&fields, &mut add);
        let [symbol, _, address, amount, ..] = &fields;
        let asset = match assets.find(symbol) {
            Ok(asset) => asset,
            Err(reason) => {
                reason.into_iter().for_each(add);
                continue;
            }
        };
        // coins must not count twice
        match first_line_of.entry((asset, ownership_line(&fields, kind).place())) {
            Entry::Occupied(first) => {
                add(format!("{symbol} at address {} is already in line {}", shown(address), first.get()));
                continue;
            }
            Entry::Vacant(first) => first.insert(line),
        };
        // amounts on a chain have more decimals than balances: the sum is exact, and rounded once
        if let Err(error) = sums[usize::from(asset)].add(amount) {
            add(format!("{symbol} amount {} {error}", shown(amount)));
            continue;
        }
        last_line_of[usize::from(asset)] = line;
        reserves.lines.push(ReserveLine { asset, fields, verdict: Verdict::Unproven(Reason::Unsigned), line });
    }
    for (asset, sum) in sums.into_iter().enumerate() {
        let Asset { symbol, scale, .. } = &assets.list[asset];
        let Some((units, rounded)) = sum.units(*scale) else {
            let line = Some(last_line_of[asset]);
            findings.add(&source.name, line, format_args!("{symbol} reserves sum to {sum}, more than 2^128 - 1 units"));
            reserves.sums.push(0);
            continue;
        };
        reserves.sums.push(units);
        if rounded {
            reserves.rounded.push((asset as u16, sum));
        }
    }
    if let Some(judge) = judge {
        judge_lines(&mut reserves, judge, source, findings);
    }
    reserves.rows = table.rows();
    Ok(Some(reserves))
}

/// What is wrong with the form of a line, and its kind.
fn form(fields: &LineFields, add: &mut impl FnMut(String)) -> Kind {
    let [_, chain, address, _, height, _, _, _, kind, _] = fields;
    for (word, name, defect) in [("chain", chain, chain_defect(chain)), ("address", address, name_defect(address, 256))]
    {
        if let Some(defect) = defect {
            add(format!("{word} {} {defect}", shown(name)));
        }
    }
    if !height.is_empty() && height.parse::<u64>().map(|height| height.to_string()).as_ref() != Ok(height) {
        add(format!("height {} is not a block number", shown(height)));
    }
    kind.parse().unwrap_or_else(|_| {
        add(format!("kind {} is none of address, contract, custodian and bank", shown(kind)));
        Kind::Address
    })
}

/// What the signatures of each line show. A false one, or one that cannot be read, is a finding. An address without signatures that
/// its chain cannot read is a warning: nothing is said about it.
fn judge_lines(reserves: &mut Reserves, judge: &Judge<'_>, source: &Source, findings: &mut Findings) {
    let judged = |line: &ReserveLine| judge.judge(&line.ownership());
    let verdicts: Vec<_> = reserves.lines.par_iter().map(judged).collect();
    let mut warnings = Findings::new(NAMED_ADDRESSES);
    for (line, verdict) in reserves.lines.iter_mut().zip(verdicts) {
        match verdict {
            Ok(verdict) => line.verdict = verdict,
            Err(defect) if line.ownership().is_silent() => {
                warnings.add(&source.name, Some(line.line), format_args!("{defect}; nothing is shown of it"));
            }
            Err(defect) => findings.add(&source.name, Some(line.line), defect),
        }
    }
    let unnamed = warnings.total - warnings.findings.len() as u64;
    reserves.warnings = warnings.findings;
    if unnamed > 0 {
        let reason = format!("{unnamed} more lines without signatures cannot be read");
        reserves.warnings.push(Finding { file: source.name.clone(), line: None, reason });
    }
}

/// Addresses of which a warning tells.
const NAMED_ADDRESSES: usize = 5;
