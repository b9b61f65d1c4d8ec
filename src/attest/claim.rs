//! The statement about a planned ledger, in two strokes: everything public, from which the first challenge is drawn, and
//! then, where there are rules, the commitment to the private sums that answer it.

use assay_core::{field::{F, to_hex}, identity::MasterSecret};
use assay_fold::pins::Pin;
use assay_programs::ledger::{Ledger, book::{FedColumn, private_digest}, shape::Shape, statement::{Asset, COMPLIANCE_NOT_PROVEN, COMPLIANCE_PROTOCOL, CoverageBasis, Exchange, NOT_PROVEN, PROTOCOL, Policy, Reserves, SnapshotInfo, Statement}};
use ff::Field;

use super::{AttestError, book::Book, plan::Plan};
use crate::ledger::{self, Snapshot, reserves::ReserveTree};

/// Accounts that may be below their margin where the manifest does not say.
const DEFAULT_BELOW_MARGIN: u64 = 0;
/// Positive over negative equity where the manifest does not say, in hundredths of a percent.
const DEFAULT_EQUITY_RATIO_BPS: u32 = 10_000;

/// The statement with the private sums it commits to: the same snapshot, secret and shape always give the same bytes.
///
/// # Errors
/// [`AttestError::Core`] if the shape is not pinned, or the ledger cannot be stated.
pub fn claim(
    snapshot: &Snapshot,
    plan: &Plan<'_>,
    secret: &MasterSecret,
) -> Result<(Statement, Vec<FedColumn>), AttestError> {
    let mut statement = draft(snapshot, plan.book(), secret)?;
    statement.shape = plan.shape().name.to_owned();
    statement.parameter_digest = pin(plan.shape())?.parameter_digest;
    statement.root = to_hex(&plan.root());
    statement.steps = plan.steps() as u64;
    if let Some(rules) = &mut statement.rules {
        rules.results = plan.results().claims();
    }
    if statement.rules.is_none() {
        return Ok((statement, Vec::new()));
    }
    let columns = plan.columns(&statement, secret)?;
    if let Some(rules) = &mut statement.rules {
        rules.private = Some(to_hex(&private_digest(&columns)));
    }
    Ok((statement, columns))
}

/// Everything that is known before pages are made: who claims, the book, totals, reserves, policy.
///
/// # Errors
/// [`AttestError::Core`] if the catalogue lacks a shape, which is a defect.
pub fn draft(snapshot: &Snapshot, book: &Book, secret: &MasterSecret) -> Result<Statement, AttestError> {
    let manifest = snapshot.manifest();
    let id = &manifest.snapshot.id;
    let reserves = ReserveTree::build(snapshot.reserves(), |line| secret.reserve_blind(id, line as u64));
    let assets = snapshot.assets().iter().zip(snapshot.reserve_sums());
    let with_rules = book.rules().is_some();
    // any shape of the family will do until the plan has chosen one
    let shape = Shape::named(if with_rules { "compliance-64" } else { "solvency-64" })?;
    let not_proven = if with_rules { &COMPLIANCE_NOT_PROVEN[..] } else { &NOT_PROVEN[..] };
    let policy = snapshot.policy();
    let own = |value: Option<u64>, default| with_rules.then(|| value.unwrap_or(default));
    Ok(Statement {
        protocol: if with_rules { COMPLIANCE_PROTOCOL } else { PROTOCOL }.to_owned(),
        shape: shape.name.to_owned(),
        parameter_digest: to_hex(&F::ZERO),
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
        columns: book.columns().to_vec(),
        reserves: Reserves { root: hex::encode(reserves.root()), lines: snapshot.reserves().len() as u64 },
        // a reserves file without lines states nothing
        policy: Policy {
            coverage_bps: snapshot.coverage_bps().filter(|_| !snapshot.reserves().is_empty()),
            coverage_basis: match policy.coverage_basis {
                Some(ledger::CoverageBasis::Net) if !snapshot.reserves().is_empty() => Some(CoverageBasis::Net),
                _ => None,
            },
            below_margin_max: own(policy.below_margin_max, DEFAULT_BELOW_MARGIN),
            equity_ratio_bps: with_rules.then(|| policy.equity_ratio_bps.unwrap_or(DEFAULT_EQUITY_RATIO_BPS)),
        },
        rules: book.rules().cloned(),
        root: to_hex(&F::ZERO),
        steps: 1,
        not_proven: not_proven.iter().map(|s| (*s).to_owned()).collect(),
    })
}
