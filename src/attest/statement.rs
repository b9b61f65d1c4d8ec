//! The statement about a ledger, made in two steps. [`draft`] gives everything public, and the first challenge is drawn from
//! it. In the compliance family, [`finish`] adds the commitment to the private sums under that challenge.

use assay_core::{
    decimal::ExactSum,
    field::{F, to_hex},
    identity::MasterSecret,
    lines::ReserveTree,
};
use assay_fold::pins::Pin;
use assay_programs::ledger::{
    Ledger,
    book::{FedColumn, private_digest},
    shape::{Family, Shape},
    statement::{
        AnchorBlock, Asset, CoverageBasis, Evidence, Exchange, MAX_UNDATED_TEXTS, OWNERSHIP_RULES, OwnedAsset, Policy,
        Reserves, Shard, SnapshotInfo, Statement,
    },
};
use assay_verifier::owners::Shown;
use ff::Field;

use super::{book::Book, error::AttestError};
use crate::ledger::{self, Snapshot};

/// Number of accounts that may be below their margin, unless the manifest gives it.
const DEFAULT_BELOW_MARGIN: u64 = 0;
/// Least ratio of positive to negative equity, in hundredths of a percent, unless the manifest gives it.
const DEFAULT_EQUITY_RATIO_BPS: u32 = 10_000;

/// The draft with the commitments to the private sums: `columns` of each shard, which are empty in the solvency family.
pub fn finish(draft: &Statement, columns: &[Vec<FedColumn>]) -> Statement {
    let mut statement = draft.clone();
    for (shard, columns) in statement.shards.iter_mut().zip(columns) {
        if let Some(rules) = &mut shard.rules {
            rules.private = Some(to_hex(&private_digest(columns)));
        }
    }
    statement
}

/// The statement as far as it is known before pages are made: exchange, shape, book, totals, reserves, policy. What is said
/// of the shards is a placeholder, but for their number.
///
/// # Errors
/// [`AttestError::Core`] if the shape is not pinned.
pub fn draft(
    snapshot: &Snapshot,
    book: &Book,
    shape: &Shape,
    shards: u32,
    secret: &MasterSecret,
) -> Result<Statement, AttestError> {
    let manifest = snapshot.manifest();
    let (domain, id) = (&manifest.exchange.domain, &manifest.snapshot.id);
    let reserves = ReserveTree::over(snapshot.reserves().iter().map(|line| &line.fields), |line| {
        secret.reserve_blind(domain, id, line as u64)
    });
    let assets = snapshot.assets().iter().zip(snapshot.reserve_sums());
    let family = book.family();
    let compliance = family == Family::Compliance;
    let policy = snapshot.policy();
    Ok(Statement {
        protocol: family.protocol().to_owned(),
        shape: shape.name.to_owned(),
        parameter_digest: Pin::of::<Ledger>(shape)?.parameter_digest,
        exchange: Exchange {
            name: manifest.exchange.name.clone(),
            domain: manifest.exchange.domain.clone(),
            lei: manifest.exchange.lei.clone(),
        },
        snapshot: SnapshotInfo {
            id: id.clone(),
            series: manifest.snapshot.series().to_owned(),
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
        reserves: Reserves {
            root: hex::encode(reserves.root()),
            lines: snapshot.reserves().len() as u64,
            evidence: evidence(snapshot)?,
        },
        // an empty reserves file claims no coverage
        policy: Policy {
            coverage_bps: snapshot.coverage_bps().filter(|_| !snapshot.reserves().is_empty()),
            coverage_basis: match policy.coverage_basis {
                Some(ledger::CoverageBasis::Net) if !snapshot.reserves().is_empty() => Some(CoverageBasis::Net),
                _ => None,
            },
            owned_bps: policy.owned_bps.filter(|_| !snapshot.reserves().is_empty()),
            below_margin_max: compliance.then(|| policy.below_margin_max.unwrap_or(DEFAULT_BELOW_MARGIN)),
            equity_ratio_bps: compliance.then(|| policy.equity_ratio_bps.unwrap_or(DEFAULT_EQUITY_RATIO_BPS)),
        },
        rules: book.rules().cloned(),
        shards: vec![Shard { root: to_hex(&F::ZERO), steps: 1, rules: None }; shards as usize],
        not_proven: family.not_proven().iter().map(|s| (*s).to_owned()).collect(),
    })
}

/// Who signed for the reserves; nothing without reserves.
fn evidence(snapshot: &Snapshot) -> Result<Option<Evidence>, AttestError> {
    if snapshot.reserves().is_empty() {
        return Ok(None);
    }
    let mut shown = Shown::default();
    for line in snapshot.reserves() {
        let [_, _, _, amount, ..] = &line.fields;
        let refused = |e| AttestError::NotValid(format!("reserves.csv line {}: {e}", line.line));
        shown.add(line.asset, amount, &line.verdict).map_err(refused)?;
    }
    let Shown { sums, lines, texts, .. } = shown;
    let mut assets = Vec::new();
    for (number, (asset, stated)) in snapshot.assets().iter().zip(snapshot.reserve_sums()).enumerate() {
        if *stated == 0 {
            continue;
        }
        // each part rounded down is no more than the whole rounded down; the rest counts as unproven
        let part = |sum: Option<&ExactSum>| sum.and_then(|sum| sum.units(asset.scale)).map_or(0, |(units, _)| units);
        let own = u16::try_from(number).ok().and_then(|number| sums.get(&number));
        let fresh = part(own.map(|own| &own.fresh));
        let undated = part(own.map(|own| &own.undated));
        let third_party = part(own.map(|own| &own.third_party));
        assets.push(OwnedAsset {
            symbol: asset.symbol.clone(),
            fresh: fresh.to_string(),
            undated: undated.to_string(),
            third_party: third_party.to_string(),
            unproven: (stated - fresh - undated - third_party).to_string(),
        });
    }
    let message = snapshot.manifest().reserves.as_ref();
    let anchor = message.and_then(|message| message.anchor.as_ref());
    Ok(Some(Evidence {
        rules: OWNERSHIP_RULES.to_owned(),
        challenge: message.and_then(|message| message.challenge.clone()),
        anchor: anchor.map(|block| AnchorBlock {
            chain: block.chain.clone(),
            height: block.height,
            hash: block.hash.clone(),
        }),
        assets,
        lines,
        undated_texts: texts.len() as u64,
        texts: texts.into_iter().take(MAX_UNDATED_TEXTS).collect(),
    }))
}

#[cfg(test)]
mod tests {
    #[test]
    fn statements_and_the_judge_of_signatures_name_the_same_rules() {
        assert_eq!(super::OWNERSHIP_RULES, assay_ownership::RULES);
    }
}
