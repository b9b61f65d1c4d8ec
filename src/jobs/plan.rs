//! Stage 2: the statement, and what inclusion paths are made from: pages, the upper tree, the lines of the reserves.

use super::{
    ledger::{materialise, with_prepared},
    stage::{Running, Stage, StageError, still_ours},
};
use crate::store::{
    Conflict,
    jobs::{PlanInfo, advance, enqueue, set_plan},
    pages::{NodeRow, PageRow, load_pages, load_reserves, load_tree},
};

pub(super) async fn run(running: Running) -> Result<(), StageError> {
    let dir = materialise(&running).await?;
    let planned = running
        .blocking(move |running| {
            with_prepared(running, &dir, |prepared| {
                let number = |n: u64| i64::try_from(n).map_err(|_| StageError::Failed("too many pages".to_owned()));
                let info = PlanInfo {
                    shape: prepared.shape().name.to_owned(),
                    accounts: number(prepared.accounts())?,
                    pages: number(prepared.pages())?,
                    steps: i32::try_from(prepared.steps())
                        .map_err(|_| StageError::Failed("too many steps".to_owned()))?,
                    statement: prepared.bytes().to_vec(),
                };
                // records are small beside what proving holds; the copy keeps the database's time out of the plan's
                let records = (0i64..).zip(prepared.page_records());
                let pages: Vec<PageRow> =
                    records.map(|(position, (identity, record))| PageRow { position, identity, record }).collect();
                let nodes: Vec<NodeRow> = prepared
                    .tree_nodes()
                    .into_iter()
                    .map(|(height, position, digest)| NodeRow {
                        height: height as i16,
                        position: position as i64,
                        digest,
                    })
                    .collect();
                Ok((info, pages, nodes, prepared.reserve_lines()))
            })
        })
        .await?;
    let (info, pages, nodes, reserves) = &planned;
    let (context, id, now) = (&running.context, running.job.id, running.context.now());
    let stored = context.store.run_load("store plan", async |tx| {
        load_pages(&tx, id, pages.iter().cloned()).await?;
        load_tree(&tx, id, nodes.iter().cloned()).await?;
        load_reserves(&tx, id, reserves).await?;
        set_plan(&tx, id, info, now).await?;
        let moved = still_ours(&tx, &running).await?
            && advance(&tx, id, &[Stage::Plan.state()], Stage::Fold.state(), now).await?;
        if !moved {
            // what a worker that lost the job has made is not kept
            return Err(Conflict::JobEnded.into());
        }
        enqueue(&tx, Stage::Fold.task(), id).await
    });
    Ok(stored.await?)
}
