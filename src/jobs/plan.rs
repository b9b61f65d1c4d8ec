//! Stage 2: stores the statement, and the input of inclusion paths: pages, the upper tree, the reserves' lines.

use assay_core::{check::Checks, lines::LineFields};
use assay_programs::ledger::{
    policy::{asset_lines, policy_checks},
    statement::Statement,
};
use tokio::runtime::Handle;

use super::{
    ledger::{materialise, prepare},
    stage::{Running, Stage, StageError, still_ours},
};
use crate::{
    attest::Prepared,
    store::{
        Conflict, Result, Tx,
        jobs::{PlanInfo, advance, set_plan, warn},
        pages::{NodeRow, load_pages, load_reserves, load_tree},
        units::{add_units, enqueue_unit},
    },
};

pub(super) async fn run(running: Running) -> Result<(), StageError> {
    let dir = materialise(&running).await?;
    let runtime = Handle::current();
    running
        .blocking(move |running| {
            let (snapshot, prepared) = prepare(running, &dir)?;
            let reserves: Vec<LineFields> = snapshot.reserves().iter().map(|line| line.fields.clone()).collect();
            drop(snapshot);
            let info = info(&prepared)?;
            // pages are made one by one while they are loaded; a retry of the transaction makes them again
            let work = async |tx| store(&tx, running, &prepared, &reserves, &info).await;
            Ok(runtime.block_on(running.context.store.run_load("store plan", work))?)
        })
        .await
}

fn info(prepared: &Prepared) -> Result<PlanInfo, StageError> {
    let number = |n: u64| i64::try_from(n).map_err(|_| StageError::Failed("too many pages".to_owned()));
    Ok(PlanInfo {
        shape: prepared.shape().name.to_owned(),
        accounts: number(prepared.accounts())?,
        pages: number(prepared.pages())?,
        steps: (0..prepared.shards()).map(|shard| prepared.steps(shard) as i32).collect(),
        statement: prepared.statement().bytes().to_vec(),
    })
}

/// Which policies the statement breaks. It can be proved and published all the same, which takes hours: whoever has uploaded a
/// wrong file should know before.
fn broken_policies(statement: &Statement) -> Option<String> {
    let mut checks = Checks::default();
    policy_checks(&mut checks, &asset_lines(statement), statement);
    let broken: Vec<_> = checks.iter().filter(|check| !check.passed).collect();
    if broken.is_empty() {
        return None;
    }
    let broken: Vec<_> = broken.iter().map(|check| format!("{}: {}", check.title, check.detail)).collect();
    Some(format!("the attestation will not be valid, because the ledger breaks its policy: {}", broken.join("; ")))
}

async fn store(
    tx: &Tx,
    running: &Running,
    prepared: &Prepared,
    reserves: &[LineFields],
    info: &PlanInfo,
) -> Result<()> {
    let (id, now) = (running.job.id, running.context.now());
    let nodes = prepared.tree_nodes().map(|node| NodeRow {
        height: node.height as i16,
        position: node.position as i64,
        digest: node.digest,
    });
    load_pages(tx, id, prepared.page_records().map(|(position, record)| (position as i64, record))).await?;
    load_tree(tx, id, nodes).await?;
    load_reserves(tx, id, reserves).await?;
    set_plan(tx, id, info, now).await?;
    if let Some(detail) = broken_policies(prepared.statement()) {
        warn(tx, id, &detail).await?;
    }
    add_units(tx, id, &info.steps).await?;
    let moved =
        still_ours(tx, running).await? && advance(tx, id, &[Stage::Plan.state()], Stage::Fold.state(), now).await?;
    if !moved {
        // a worker that lost the job must not store its result
        return Err(Conflict::JobEnded.into());
    }
    for shard in 0..info.steps.len() as i32 {
        enqueue_unit(tx, Stage::Fold.task(), id, shard).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use assay_programs::{
        ledger::shape::Shape,
        testing::{test_pages, test_statement},
    };

    use super::*;

    #[test]
    fn a_broken_policy_is_named_before_the_proof() {
        let shape = Shape::named("solvency-8").unwrap();
        let mut statement = test_statement(shape, &"01".repeat(32), &test_pages(shape, 9, 4));
        assert_eq!(broken_policies(&statement), None);
        statement.policy.coverage_bps = Some(u32::MAX);
        statement.assets[0].reserves = "0".to_owned();
        let sentence = broken_policies(&statement).unwrap();
        assert!(sentence.contains("will not be valid") && sentence.contains("reserves"), "{sentence}");
        assert!(sentence.contains(&format!("too little of {}", statement.assets[0].symbol)), "{sentence}");
    }
}
