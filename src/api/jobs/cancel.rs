//! `DELETE /v1/jobs/{id}`

use actix_web::{HttpResponse, web};

use super::view::Job;
use crate::{
    api::{
        auth::Authenticated,
        parse::RowId,
        problem::{Kind, Problem},
        state::ApiState,
    },
    store::{
        audit::audit,
        jobs::{self, JobState},
    },
};

/// Cancel a job
///
/// Cancels the job immediately; its worker notices at the next heartbeat. A published attestation cannot be cancelled.
/// Cancelling a cancelled job has no effect.
#[utoipa::path(
    delete, path = "/v1/jobs/{id}", tag = "jobs",
    params(("id" = uuid::Uuid, Path, description = "Id of the job")),
    responses((status = 202, description = "The job is cancelled", body = Job), (status = 404), (status = 409)),
)]
pub async fn cancel(state: web::Data<ApiState>, caller: Authenticated, id: RowId) -> Result<HttpResponse, Problem> {
    let now = state.now();
    let actor = format!("{} {}", caller.issuer, caller.subject);
    let work = async |tx| {
        let before = jobs::job(&tx, id.0).await?;
        if let Err(problem) = caller.at(&before.exchange_domain) {
            return Ok(Err(problem));
        }
        if before.state == JobState::Cancelled {
            return Ok(Ok((Job::from(before), false)));
        }
        if before.state.is_final() {
            let ended = format_args!("the job is {} already", before.state.as_str()).to_string();
            return Ok(Err(Problem::because(Kind::JobEnded, ended)));
        }
        jobs::cancel(&tx, id.0, now).await?;
        audit(&tx, &actor, "job.cancel", &id.0.to_string(), None, now).await?;
        Ok(Ok((Job::from(jobs::job(&tx, id.0).await?), true)))
    };
    let (job, cancelled_now) = state.store.run_tx("cancel_job", work).await??;
    if cancelled_now {
        metrics::counter!("assay_jobs_total", "state" => "cancelled").increment(1);
    }
    Ok(HttpResponse::Accepted().json(job))
}
