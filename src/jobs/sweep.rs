//! Removes old idempotency keys, snapshots that nobody continues, and what interrupted uploads and ended jobs leave behind, at start
//! and every ten minutes.

use std::{fs, sync::Arc, time::Duration};

use time::OffsetDateTime;
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
        sweep(&context).await;
    }
}

/// Sweeps one kind after the other. What this worker is not allowed to delete keeps it from nothing else.
async fn sweep(context: &Context) {
    let before = context.now() - LEFTOVER_AFTER;
    let store = &context.store;
    let chunks = store.run_load("sweep chunks", async |tx| sweep_chunks(&tx, before).await).await;
    let chunks = swept("chunks of files", chunks);
    let ended = store.run_load("sweep ended jobs", async |tx| sweep_ended(&tx, before).await).await;
    let ended = swept("pages of ended jobs", ended);
    let keys = swept("idempotency keys", sweep_idempotency_keys(context, before).await);
    let snapshots = swept("snapshots", sweep_snapshots(context).await);
    let scratches = swept("scratch directories", sweep_scratches(context).await);
    if chunks + ended + keys + snapshots + scratches > 0 {
        tracing::info!(chunks, ended, keys, snapshots, scratches, "swept");
    }
}

/// How many were swept, with a line in the log if they could not be.
fn swept(what: &'static str, outcome: Result<u64, StoreError>) -> u64 {
    outcome.unwrap_or_else(|error| {
        tracing::warn!(what, %error, "not swept");
        0
    })
}

async fn sweep_idempotency_keys(context: &Context, before: OffsetDateTime) -> Result<u64, StoreError> {
    sweep_keys(&context.store.read().await?, before).await
}

/// Deletes what jobs that have ended left in the home.
async fn sweep_scratches(context: &Context) -> Result<u64, StoreError> {
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
    Ok(scratches)
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
