//! Removes old idempotency keys and what interrupted uploads and ended jobs leave behind, at start and every ten minutes.

use std::{fs, sync::Arc, time::Duration};

use uuid::Uuid;

use super::context::Context;
use crate::store::{StoreError, idempotency::sweep_keys, jobs, pages::sweep_ended, snapshots::sweep_chunks};

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
    if chunks + ended + keys + scratches > 0 {
        tracing::info!(chunks, ended, keys, scratches, "swept");
    }
    Ok(())
}
