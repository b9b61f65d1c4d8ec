//! `GET /readyz`

use std::time::Duration as StdDuration;

use actix_web::{HttpResponse, web};
use time::{Duration, OffsetDateTime};

use super::{
    healthz::Health,
    problem::{FieldError, Kind, Problem},
    state::ApiState,
};
use crate::{
    config::Config,
    store::{StoreError, attestations, within},
};

/// Readiness probe
///
/// Checks that the database answers, that workers take tasks from the queue, that the newest attestation is not older than
/// the configured interval, and that the transparency log is signed.
#[utoipa::path(
    get, path = "/readyz", tag = "service",
    responses((status = 200, description = "The service is ready", body = Health), (status = 503)),
)]
pub async fn readyz(state: web::Data<ApiState>) -> Result<HttpResponse, Problem> {
    let errors = state.readiness.get_or_judge(async || judge(&state).await).await;
    if errors.is_empty() {
        return Ok(HttpResponse::Ok().json(Health { status: "ok".to_owned() }));
    }
    Err(Problem::new(Kind::NotReady).with_errors(errors))
}

/// Timeout for the database.
const PATIENCE: StdDuration = StdDuration::from_secs(5);

async fn judge(state: &ApiState) -> Vec<FieldError> {
    match within(PATIENCE, look(state)).await {
        Ok(seen) => {
            let mut errors = broken_promises(&state.config, &seen, state.now());
            // the reason, with paths of this machine, is in the log of the service
            if state.signer.refusal().is_some() {
                let reason = "the transparency log is not signed; the service's log and `assay doctor` say why";
                errors.push(error("log", reason.to_owned()));
            }
            errors
        }
        Err(reason) => {
            tracing::warn!(%reason, "not ready");
            vec![error("database", "cannot be reached, or has another schema version".to_owned())]
        }
    }
}

/// State of the service, as read from the database.
struct ServiceState {
    newest: Option<OffsetDateTime>,
    waiting: Option<StdDuration>,
    heartbeat: Option<OffsetDateTime>,
}

async fn look(state: &ApiState) -> Result<ServiceState, StoreError> {
    state.store.check().await?;
    let client = state.store.read().await?;
    let newest = attestations::newest_published_at(&client).await?;
    let waiting = attestations::queue_age(&client).await?;
    let heartbeat = attestations::newest_heartbeat(&client).await?;
    Ok(ServiceState { newest, waiting, heartbeat })
}

fn broken_promises(config: &Config, seen: &ServiceState, now: OffsetDateTime) -> Vec<FieldError> {
    let seconds = |seconds: u64| Duration::seconds(i64::try_from(seconds).unwrap_or(i64::MAX));
    let mut errors = Vec::new();
    if config.promised_interval_seconds > 0 {
        let promised = config.promised_interval_seconds;
        match seen.newest {
            None => errors.push(error("attestations", "no attestation is published yet".to_owned())),
            Some(newest) if now - newest > seconds(promised) => {
                let age = (now - newest).whole_seconds();
                errors.push(error(
                    "attestations",
                    format!("the newest attestation is {age} s old; promised_interval_seconds is {promised}"),
                ));
            }
            Some(_) => {}
        }
    }
    let patience = config.queue_patience_seconds;
    // a task may wait while a worker folds: a recent heartbeat counts as progress
    let busy = seen.heartbeat.is_some_and(|heartbeat| now - heartbeat <= seconds(patience));
    if let Some(waiting) = seen.waiting.filter(|waiting| waiting.as_secs() > patience && !busy) {
        let reason = format!("a task has waited for {} s without a worker", waiting.as_secs());
        errors.push(error("queue", reason));
    }
    errors
}

fn error(place: &str, reason: String) -> FieldError {
    FieldError { place: place.to_owned(), line: None, reason }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_service_is_ready_while_it_keeps_what_it_promised() {
        let config = Config { promised_interval_seconds: 86_400, queue_patience_seconds: 300, ..Config::default() };
        let now = datetime!(2026-11-24 00:00 UTC);
        let broken = |newest: Option<OffsetDateTime>, waiting: Option<u64>| {
            let seen = ServiceState { newest, waiting: waiting.map(StdDuration::from_secs), heartbeat: None };
            broken_promises(&config, &seen, now).into_iter().map(|e| e.place).collect::<Vec<_>>()
        };
        assert!(broken(Some(now - Duration::hours(24)), None).is_empty());
        assert!(broken(Some(now), Some(300)).is_empty());
        assert_eq!(broken(Some(now - Duration::hours(25)), None), ["attestations"]);
        assert_eq!(broken(None, Some(301)), ["attestations", "queue"]);
        // who promises nothing is ready without an attestation
        let modest = Config { promised_interval_seconds: 0, ..config.clone() };
        assert!(
            broken_promises(&modest, &ServiceState { newest: None, waiting: None, heartbeat: None }, now).is_empty()
        );
    }

    #[test]
    fn a_queue_moves_while_a_worker_is_heard_of() {
        let config = Config { promised_interval_seconds: 0, queue_patience_seconds: 300, ..Config::default() };
        let now = datetime!(2026-11-24 00:00 UTC);
        let stands = |heartbeat: Option<OffsetDateTime>| {
            let seen = ServiceState { newest: None, waiting: Some(StdDuration::from_secs(9_000)), heartbeat };
            !broken_promises(&config, &seen, now).is_empty()
        };
        assert!(!stands(Some(now - Duration::seconds(300))));
        assert!(stands(Some(now - Duration::seconds(301))));
        assert!(stands(None));
    }
}
