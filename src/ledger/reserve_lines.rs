//! `reserves.csv`: `asset,chain,address,amount,height,message,signature`. It lists the reserves that the exchange states.

use std::collections::HashMap;

use super::assets::{Asset, Assets};
use super::finding::{Environment, Findings};
use super::limits::Limits;
use super::lines::{SNAPSHOT_LINE_BYTES, Table};
use super::source::Source;
use crate::progress::Progress;
use assay_core::decimal::ExactSum;
use assay_core::text::{chain_defect, fold, name_defect, shown};

/// Columns of reserves.csv.
pub const RESERVES_HEADER: [&str; 7] = ["asset", "chain", "address", "amount", "height", "message", "signature"];

/// One reserve: an amount of one asset at one address or with one custodian.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReserveLine {
    /// Number of the asset in the snapshot's list.
    pub asset: u16,
    /// The seven fields exactly as the exchange wrote them: asset, chain, address, amount, height, message, signature. The
    /// evidence tree commits to these bytes.
    pub fields: [String; 7],
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
}

/// Reads the reserves. An amount may have more decimals than its asset. `None`, with findings, if the file cannot be read.
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
    let mut reserves = Reserves::default();
    let mut sums = vec![ExactSum::default(); assets.list.len()];
    let mut last_line_of = vec![0; assets.list.len()];
    let mut first_line_of: HashMap<(u16, String, String), u64> = HashMap::new();
    while let Some(line) = table.next(findings)? {
        let fields: [String; 7] = std::array::from_fn(|column| table.fields().get(column).to_owned());
        let [symbol, chain, address, amount, height, _, _] = &fields;
        let mut add = |reason: String| findings.add(&source.name, Some(line), reason);
        for (word, name, defect) in
            [("chain", chain, chain_defect(chain)), ("address", address, name_defect(address, 256))]
        {
            if let Some(defect) = defect {
                add(format!("{word} {} {defect}", shown(name)));
            }
        }
        if !height.is_empty() && height.parse::<u64>().map(|height| height.to_string()).as_ref() != Ok(height) {
            add(format!("height {} is not a block number", shown(height)));
        }
        let asset = match assets.find(symbol) {
            Ok(asset) => asset,
            Err(reason) => {
                reason.into_iter().for_each(add);
                continue;
            }
        };
        // An address must not count twice. Case is ignored, because it has no meaning in hexadecimal addresses, and no two real
        // addresses of other kinds differ only in case.
        let place = (asset, fold(chain).into_owned(), fold(address).into_owned());
        if let Some(first) = first_line_of.get(&place) {
            add(format!("{symbol} at address {} is already in line {first}", shown(address)));
            continue;
        }
        first_line_of.insert(place, line);
        // amounts on a chain have more decimals than balances: the sum is exact, and rounded once
        if let Err(error) = sums[usize::from(asset)].add(amount) {
            add(format!("{symbol} amount {} {error}", shown(amount)));
            continue;
        }
        last_line_of[usize::from(asset)] = line;
        reserves.lines.push(ReserveLine { asset, fields });
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
    reserves.rows = table.rows();
    Ok(Some(reserves))
}
