//! `reserves.csv`: `asset,chain,address,amount,height,message,signature`. It lists the reserves that the exchange states.

use std::collections::HashMap;

use super::assets::Assets;
use super::finding::{Environment, Findings};
use super::limits::Limits;
use super::lines::{SNAPSHOT_LINE_BYTES, Table};
use super::source::Source;
use crate::progress::Progress;
use assay_core::decimal::parse_units;
use assay_core::text::{fold, name_defect, shown};

/// Columns of reserves.csv.
pub const RESERVES_HEADER: [&str; 7] = ["asset", "chain", "address", "amount", "height", "message", "signature"];

/// One reserve: an amount of one asset at one address or with one custodian.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReserveLine {
    /// Number of the asset in the snapshot's list.
    pub asset: u16,
    /// The amount in units of 10^-scale of that asset.
    pub units: u128,
    /// The seven fields exactly as the exchange wrote them: asset, chain, address, amount, height, message, signature. The
    /// evidence tree commits to these bytes.
    pub fields: [String; 7],
}

/// All reserves, and their sum for each asset.
#[derive(Debug, Default)]
pub(crate) struct Reserves {
    pub(crate) lines: Vec<ReserveLine>,
    pub(crate) sums: Vec<u128>,
    pub(crate) rows: u64,
}

/// Reads the reserves. `None`, with findings, if the file cannot be read.
pub(crate) fn read(
    source: &Source,
    assets: &Assets,
    limits: &Limits,
    findings: &mut Findings,
    progress: &dyn Progress,
) -> Result<Option<Reserves>, Environment> {
    let mut table = Table::open(source, SNAPSHOT_LINE_BYTES, limits, progress)?;
    if !table.expect_header(&RESERVES_HEADER, findings)? {
        return Ok(None);
    }
    let mut reserves = Reserves { sums: vec![0; assets.list.len()], ..Reserves::default() };
    let mut first_line_of: HashMap<(u16, String, String), u64> = HashMap::new();
    while let Some(line) = table.next(findings)? {
        let fields: [String; 7] = std::array::from_fn(|column| table.fields().get(column).to_owned());
        let [symbol, chain, address, amount, height, _, _] = &fields;
        let mut add = |reason: String| findings.add(&source.name, Some(line), reason);
        for (word, name, max_bytes) in [("chain", chain, 64), ("address", address, 256)] {
            if let Some(defect) = name_defect(name, max_bytes) {
                add(format!("{word} {} {defect}", shown(name)));
            }
        }
        if !height.is_empty() && height.parse::<u64>().map(|height| height.to_string()).as_ref() != Ok(height) {
            add(format!("height {} is not a block number", shown(height)));
        }
        let Some(asset) = assets.by_symbol.get(symbol).copied() else {
            add(format!("asset {} is not in assets.csv", shown(symbol)));
            continue;
        };
        // An address must not count twice. Case is ignored, because it has no meaning in hexadecimal addresses, and no two real
        // addresses of other kinds differ only in case.
        let place = (asset, fold(chain).into_owned(), fold(address).into_owned());
        if let Some(first) = first_line_of.get(&place) {
            add(format!("{symbol} at address {} is already in line {first}", shown(address)));
            continue;
        }
        first_line_of.insert(place, line);
        let units = match parse_units(amount, assets.list[usize::from(asset)].scale) {
            Ok(units) => units,
            Err(error) => {
                add(format!("{symbol} amount {} {error}", shown(amount)));
                continue;
            }
        };
        let sum = &mut reserves.sums[usize::from(asset)];
        match sum.checked_add(units) {
            Some(larger) => *sum = larger,
            None => add(format!("{symbol} reserves sum to more than 2^128 - 1 units")),
        }
        reserves.lines.push(ReserveLine { asset, units, fields });
    }
    reserves.rows = table.rows();
    Ok(Some(reserves))
}
