//! `DELETE /v1/jobs/{id}`

use actix_web::{HttpResponse, web};

use super::Job;
use crate::{
    api::{
        auth::Authenticated,
        parse::RowId,
        problem::{Kind, Problem},
        state::ApiState,
    },
    store::{audit::audit, jobs},
};

/// Stop a job
///
/// A job that no worker has begun stops at once, any other at its worker's next heartbeat. What is published stays.
#[utoipa::path(
    delete, path = "/v1/jobs/{id}", tag = "jobs",
    params(("id" = uuid::Uuid, Path, description = "The job")),
    responses((status = 202, description = "It will stop, or has", body = Job), (status = 404), (status = 409)),
)]
pub async fn cancel(state: web::Data<ApiState>, caller: Authenticated, id: RowId) -> Result<HttpResponse, Problem> {
    let now = state.now();
    let actor = format!("{} {}", caller.issuer, caller.subject);
    let work = async |tx| {
        let before = jobs::job(&tx, id.0).await?;
        if let Err(problem) = caller.at(&before.exchange_domain) {
            return Ok(Err(problem));
        }
        if before.state.is_final() {
            let ended = format_args!("it is {} already", before.state.as_str()).to_string();
            return Ok(Err(Problem::because(Kind::JobEnded, ended)));
        }
        jobs::ask_cancel(&tx, id.0, now).await?;
        if !before.cancel_asked {
            audit(&tx, &actor, "job.cancel", &id.0.to_string(), None, now).await?;
        }
        Ok(Ok(Job::from(jobs::job(&tx, id.0).await?)))
    };
    let job = state.store.run_tx("cancel_job", work).await??;
    Ok(HttpResponse::Accepted().json(job))
}
