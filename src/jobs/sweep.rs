//! Removes old idempotency keys, snapshots that nobody continues, and what interrupted uploads and ended jobs leave behind, at start
//! and every ten minutes.

use std::{fs, sync::Arc, time::Duration};

use uuid::Uuid;

use super::context::Context;
use crate::store::{
    StoreError,
    audit::audit,
    idempotency::sweep_keys,
    jobs,
    pages::sweep_ended,
    room::{delete_snapshot, stale_snapshots},
    snapshots::sweep_chunks,
};

const EVERY: Duration = Duration::from_secs(600);
/// Longer than any upload takes.
const LEFTOVER_AFTER: time::Duration = time::Duration::hours(24);

/// Sweeps until it is aborted.
pub(super) async fn run(context: Arc<Context>) {
    let mut tick = tokio::time::interval(EVERY);
    loop {
        tick.tick().await;
        if let Err(e) = sweep(&context).await {
            tracing::warn!(error = %e, "nothing was swept");
        }
    }
}

async fn sweep(context: &Context) -> Result<(), StoreError> {
    let before = context.now() - LEFTOVER_AFTER;
    let chunks = context.store.run_load("sweep chunks", async |tx| sweep_chunks(&tx, before).await).await?;
    let ended = context.store.run_load("sweep ended jobs", async |tx| sweep_ended(&tx, before).await).await?;
    let keys = sweep_keys(&context.store.read().await?, before).await?;
    let snapshots = sweep_snapshots(context).await?;
    let entries = fs::read_dir(context.home.work_dir()).into_iter().flatten().flatten();
    let mut scratches = 0;
    for entry in entries {
        let Ok(id) = Uuid::parse_str(&entry.file_name().to_string_lossy()) else {
            continue;
        };
        let client = context.store.read().await?;
        let gone = match jobs::job(&client, id).await {
            Ok(job) => job.state.is_final(),
            Err(StoreError::NotFound) => true,
            Err(e) => return Err(e),
        };
        if gone && fs::remove_dir_all(entry.path()).is_ok() {
            scratches += 1;
        }
    }
    if chunks + ended + keys + snapshots + scratches > 0 {
        tracing::info!(chunks, ended, keys, snapshots, scratches, "swept");
    }
    Ok(())
}

/// Deletes snapshots that nobody has continued for days, and the files of those that came to nothing.
async fn sweep_snapshots(context: &Context) -> Result<u64, StoreError> {
    let now = context.now();
    let before = now - time::Duration::days(context.config.bounds.snapshot_days.into());
    let mut swept = 0;
    for id in stale_snapshots(&context.store.read().await?, before).await? {
        let work = async |tx| {
            delete_snapshot(&tx, id).await?;
            audit(&tx, &context.name, "snapshot.sweep", &id.to_string(), None, now).await
        };
        match context.store.run_tx("sweep snapshot", work).await {
            Ok(()) => swept += 1,
            // somebody has deleted it, or requested its attestation
            Err(StoreError::NotFound | StoreError::Conflict(_)) => {}
            Err(e) => return Err(e),
        }
    }
    Ok(swept)
}
