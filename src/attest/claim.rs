//! The statement about a planned ledger.

use assay_circuits::{
    field::to_hex,
    identity::MasterSecret,
    setup::pin,
    statement::{Asset, Column, ColumnKind, Exchange, NOT_PROVEN, PROTOCOL, Policy, Reserves, SnapshotInfo, Statement},
};

use super::{
    AttestError,
    plan::{Plan, asset_column, debt_column},
};
use crate::ledger::{Snapshot, reserves::ReserveTree};

/// The statement: the same snapshot, secret and shape always give the same bytes.
///
/// # Errors
/// [`AttestError::Core`] if the shape is not pinned.
pub fn claim(snapshot: &Snapshot, plan: &Plan<'_>, secret: &MasterSecret) -> Result<Statement, AttestError> {
    let manifest = snapshot.manifest();
    let id = &manifest.snapshot.id;
    let reserves = ReserveTree::build(snapshot.reserves(), |line| secret.reserve_blind(id, line as u64));
    let assets = snapshot.assets().iter().zip(snapshot.reserve_sums());
    let columns = snapshot.assets().iter().zip(snapshot.totals()).enumerate().flat_map(|(i, (asset, totals))| {
        // a book has at most 4,096 assets, so both columns are below 2^13
        let position = i as u16;
        let column =
            |index, kind, total: u128| Column { index, kind, asset: asset.symbol.clone(), total: total.to_string() };
        [
            column(asset_column(position), ColumnKind::Asset, totals.equity),
            column(debt_column(position), ColumnKind::Debt, totals.debt),
        ]
    });
    Ok(Statement {
        protocol: PROTOCOL.to_owned(),
        shape: plan.shape().name.to_owned(),
        parameter_digest: pin(plan.shape())?.parameter_digest,
        exchange: Exchange {
            name: manifest.exchange.name.clone(),
            domain: manifest.exchange.domain.clone(),
            lei: manifest.exchange.lei.clone(),
        },
        snapshot: SnapshotInfo {
            id: id.clone(),
            taken_at: manifest.snapshot.taken_at.clone(),
            block_heights: manifest.snapshot.block_heights.clone(),
        },
        assets: assets
            .map(|(asset, reserves)| Asset {
                symbol: asset.symbol.clone(),
                scale: asset.scale,
                price: asset.price.as_ref().map(ToString::to_string),
                quote: asset.quote.clone(),
                reserves: reserves.to_string(),
            })
            .collect(),
        columns: columns.collect(),
        reserves: Reserves { root: hex::encode(reserves.root()), lines: snapshot.reserves().len() as u64 },
        // a reserves file without lines states nothing
        policy: Policy { coverage_bps: snapshot.coverage_bps().filter(|_| !snapshot.reserves().is_empty()) },
        root: to_hex(&plan.root()),
        steps: plan.steps() as u64,
        not_proven: NOT_PROVEN.map(str::to_owned).to_vec(),
    })
}
