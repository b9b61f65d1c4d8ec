//! `GET /v1/jobs/{id}/events`

use std::{collections::VecDeque, convert::Infallible, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        Method,
        header::{self, HeaderMap},
    },
    web,
};
use bytes::Bytes;
use futures_util::{Stream, stream};
use serde::{Deserialize, Serialize};
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};
use utoipa::ToSchema;
use uuid::Uuid;

use super::view::Job;
use crate::{
    api::{auth::Authenticated, parse::RowId, problem::Problem, quota::Share, state::ApiState},
    store::jobs::{self, JobRow, JobState},
};

/// Interval between two database queries.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Longest silence on a connection; proxies close silent ones.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Longest life of a stream. The caller reconnects with a token that is checked again.
const LONGEST: Duration = Duration::from_secs(15 * 60);
/// Period over which the rate is measured.
const RATE_OVER: Duration = Duration::from_secs(60);

/// A job and its speed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Progress {
    /// The job.
    #[serde(flatten)]
    pub job: Job,
    /// Folded steps per minute, measured over the last minute; absent while unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub steps_per_minute: Option<u64>,
}

/// Follow a job
///
/// Sends server-sent events of type `progress`, one for each change. The stream ends after an event with a final state. With
/// `Last-Event-ID`, the stream sends only newer events, or answers 204 if there will be none.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/events", tag = "jobs",
    params(
        ("id" = Uuid, Path, description = "Id of the job"),
        ("Last-Event-ID" = Option<String>, Header, nullable = false, description = "Id of the last event that the caller received"),
    ),
    responses(
        (status = 200, description = "Stream of events; the data of each event is a Progress object", content_type = "text/event-stream", body = String),
        (status = 204, description = "The job has ended and the caller has received its last event"),
        (status = 404), (status = 503),
    ),
)]
pub async fn events(
    state: web::Data<ApiState>,
    caller: Authenticated,
    id: RowId,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let row = jobs::job(&state.store.read().await?, id.0).await?;
    caller.at(&row.exchange_domain)?;
    let seen = last_event(request.headers());
    if row.state.is_final() && seen.as_deref() == Some(&version(&row)) {
        return Ok(HttpResponse::NoContent().finish());
    }
    let mut answer = HttpResponse::Ok();
    answer
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        // proxies must not buffer the stream
        .insert_header(("x-accel-buffering", "no"));
    if request.method() == Method::HEAD {
        return Ok(answer.streaming(stream::empty::<Result<Bytes, Infallible>>()));
    }
    let share = state.begin_stream(&row.exchange_domain)?;
    let stream = JobStream {
        stopping: state.stopping(),
        state: state.get_ref().clone(),
        job: id.0,
        seen,
        next: Some(row),
        rate: Rate::default(),
        began: Instant::now(),
        spoke: Instant::now(),
        ended: false,
        _share: share,
    };
    Ok(answer.streaming(stream.into_events()))
}

fn last_event(headers: &HeaderMap) -> Option<String> {
    headers.get("last-event-id")?.to_str().ok().map(str::to_owned)
}

/// Version of a job, used as the event id.
fn version(row: &JobRow) -> String {
    format!("{}-{}", row.state.as_str(), row.steps_done)
}

/// An open event stream.
struct JobStream {
    state: ApiState,
    stopping: watch::Receiver<bool>,
    job: Uuid,
    seen: Option<String>,
    next: Option<JobRow>,
    rate: Rate,
    began: Instant,
    spoke: Instant,
    ended: bool,
    _share: Share<String>,
}

impl JobStream {
    fn into_events(self) -> impl Stream<Item = Result<Bytes, Infallible>> {
        stream::unfold(self, |mut stream| async move {
            let text = stream.say().await?;
            Some((Ok(Bytes::from(text)), stream))
        })
    }

    /// The next event; `None` at the end.
    async fn say(&mut self) -> Option<String> {
        loop {
            if self.ended {
                return None;
            }
            if let Some(row) = self.next.take() {
                self.ended = row.state.is_final();
                self.rate.note(&row, Instant::now());
                let version = version(&row);
                if self.seen.as_ref() != Some(&version) {
                    let event = event(&version, row, self.rate.steps_per_minute());
                    (self.seen, self.spoke) = (Some(version), Instant::now());
                    return Some(event);
                }
                continue;
            }
            tokio::select! {
                _ = self.stopping.wait_for(|stopping| *stopping) => return None,
                () = sleep(LOOK_EVERY) => {}
            }
            if self.began.elapsed() > LONGEST {
                return None;
            }
            // a short database outage does not end the stream
            if let Ok(client) = self.state.store.read().await {
                self.next = jobs::job(&client, self.job).await.ok();
            }
            if self.spoke.elapsed() >= KEEP_ALIVE {
                self.spoke = Instant::now();
                return Some(": still here\n\n".to_owned());
            }
        }
    }
}

fn event(version: &str, row: JobRow, steps_per_minute: Option<u64>) -> String {
    let progress = Progress { job: row.into(), steps_per_minute };
    // JSON on one line: a line break would end the event
    let data = serde_json::to_string(&progress).unwrap_or_default();
    format!("event: progress\nid: {version}\nretry: 3000\ndata: {data}\n\n")
}

/// Rate of folded steps.
#[derive(Debug, Default)]
struct Rate(VecDeque<(Instant, u64)>);

impl Rate {
    fn note(&mut self, row: &JobRow, now: Instant) {
        if row.state == JobState::Folding {
            self.add(u64::try_from(row.steps_done).unwrap_or(0), now);
        } else {
            self.0.clear();
        }
    }

    fn add(&mut self, steps: u64, now: Instant) {
        self.0.push_back((now, steps));
        while self.0.len() > 2 && self.0.front().is_some_and(|(at, _)| now - *at > RATE_OVER) {
            self.0.pop_front();
        }
    }

    fn steps_per_minute(&self) -> Option<u64> {
        let ((first, before), (last, after)) = (self.0.front()?, self.0.back()?);
        let millis = u64::try_from((*last - *first).as_millis()).ok().filter(|millis| *millis > 0)?;
        Some(after.saturating_sub(*before).saturating_mul(60_000) / millis)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use time::OffsetDateTime;

    use super::*;

    fn row(state: JobState, steps_done: i32) -> JobRow {
        JobRow {
            id: Uuid::nil(),
            snapshot_id: Uuid::nil(),
            exchange_domain: "exchange.example".to_owned(),
            shape: "solvency-64".to_owned(),
            shards: Some(1),
            state,
            steps_done,
            steps: Some(10),
            accounts: Some(3),
            pages: Some(4),
            detail: Some("two\nlines".to_owned()),
            findings: None,
            attestation_id: None,
            worker: None,
            heartbeat_at: None,
            created_at: OffsetDateTime::UNIX_EPOCH,
            updated_at: OffsetDateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn an_event_is_one_frame_whatever_the_job_says() {
        let row = row(JobState::Folding, 4);
        let text = event(&version(&row), row, Some(30));
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[..3], ["event: progress", "id: folding-4", "retry: 3000"]);
        let data: Progress = serde_json::from_str(lines[3].strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!((data.job.steps_done, data.steps_per_minute), (4, Some(30)));
        assert!(text.ends_with("}\n\n") && lines.len() == 5);
    }

    #[test]
    fn the_rate_is_that_of_the_last_minute() {
        let (start, mut rate) = (Instant::now(), Rate::default());
        assert_eq!(rate.steps_per_minute(), None);
        for second in 0..=120u64 {
            rate.add(if second <= 60 { 0 } else { 2 * (second - 60) }, start + Duration::from_secs(second));
        }
        assert_eq!(rate.steps_per_minute(), Some(120));
        rate.note(&row(JobState::Compressing, 10), start + Duration::from_secs(121));
        assert_eq!(rate.steps_per_minute(), None);
    }
}
