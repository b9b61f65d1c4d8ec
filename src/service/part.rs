//! What runs beside the requests and the jobs of a service, and who notices when it ends.

use std::{
    convert::Infallible,
    future::{Future, pending},
    sync::{Mutex, PoisonError, Weak},
    time::Duration,
};

use futures_util::future::select_all;
use tokio::task::JoinHandle;

use crate::{api::ApiState, pg::Cluster};

/// Interval between two reports of refused callers.
const REPORT_EVERY: Duration = Duration::from_secs(60);
/// How often the private cluster is checked.
const LOOK_AFTER_CLUSTER: Duration = Duration::from_secs(2);

/// A part of the service ended without having been asked to.
#[derive(Debug, thiserror::Error)]
#[error("{part} ended: {reason}; the service has stopped")]
pub struct Ended {
    /// The part.
    pub part: &'static str,
    /// Why it ended.
    pub reason: String,
}

/// A part of the service, which runs until it is stopped.
pub(super) struct Part {
    name: &'static str,
    /// Ends with the reason why it ended.
    task: JoinHandle<String>,
}

impl Part {
    /// Starts `work`, which ends with a reason.
    pub(super) fn new(name: &'static str, work: impl Future<Output = String> + Send + 'static) -> Self {
        Self { name, task: tokio::spawn(work) }
    }

    /// Starts a task that goes on until it is aborted.
    pub(super) fn upkeep(name: &'static str, work: impl Future<Output = Infallible> + Send + 'static) -> Self {
        Self::new(name, async { match work.await {} })
    }

    /// Ends it.
    pub(super) fn abort(&self) {
        self.task.abort();
    }
}

/// The first part that ends: nobody has asked it to.
pub(super) async fn first_end(parts: &mut [Part]) -> Ended {
    if parts.is_empty() {
        return pending().await;
    }
    let (ended, place, _) = select_all(parts.iter_mut().map(|part| &mut part.task)).await;
    let reason = ended.unwrap_or_else(|e| if e.is_panic() { "it panicked".to_owned() } else { e.to_string() });
    Ended { part: parts[place].name, reason }
}

/// Starts the private cluster again if it ends, since nobody else would. Ends when there is no cluster any more.
pub(super) async fn look_after(cluster: Weak<Mutex<Option<Cluster>>>) -> String {
    loop {
        tokio::time::sleep(LOOK_AFTER_CLUSTER).await;
        let Some(cluster) = cluster.upgrade() else { return "there is no cluster".to_owned() };
        let looked = tokio::task::spawn_blocking(move || {
            let mut cluster = cluster.lock().unwrap_or_else(PoisonError::into_inner);
            Some(cluster.as_mut()?.revive())
        });
        match looked.await {
            Ok(Some(Ok(false))) => {}
            Ok(Some(Ok(true))) => tracing::warn!("the private Postgres had ended and was started again"),
            Ok(Some(Err(e))) => tracing::error!(error = %e, "the private Postgres has ended and cannot be started"),
            Ok(None) => return "there is no cluster".to_owned(),
            Err(e) => return e.to_string(),
        }
    }
}

/// Reports once a minute how many callers were refused.
pub(super) async fn report_refused(state: ApiState) -> Infallible {
    loop {
        tokio::time::sleep(REPORT_EVERY).await;
        state.report_refused();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whichever_part_ends_unasked_is_named_with_its_reason() {
        let goes_on = || Part::new("the one that goes on", pending());
        let fails = Part::new("the server", async { "cannot accept".to_owned() });
        let error = first_end(&mut [goes_on(), fails, goes_on()]).await.to_string();
        assert_eq!(error, "the server ended: cannot accept; the service has stopped");
        let panics = Part::new("the queue", async { panic!("on purpose") });
        let error = first_end(&mut [panics, goes_on()]).await.to_string();
        assert_eq!(error, "the queue ended: it panicked; the service has stopped");
        let aborted = Part::new("the watch", pending());
        aborted.task.abort();
        let error = first_end(&mut [goes_on(), aborted]).await.to_string();
        assert!(error.starts_with("the watch ended: "), "{error}");
    }

    #[tokio::test]
    async fn parts_that_go_on_end_nothing() {
        let wait = Duration::from_millis(50);
        assert!(tokio::time::timeout(wait, first_end(&mut [])).await.is_err());
        assert!(tokio::time::timeout(wait, first_end(&mut [Part::new("it", pending())])).await.is_err());
    }
}
