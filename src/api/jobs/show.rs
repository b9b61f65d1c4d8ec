//! `GET /v1/jobs/{id}`

use actix_web::{HttpResponse, web};

use super::view::Job;
use crate::{
    api::{auth::Authenticated, parse::RowId, problem::Problem, state::ApiState},
    store::jobs,
};

/// Show a job
#[utoipa::path(
    get, path = "/v1/jobs/{id}", tag = "jobs",
    params(("id" = uuid::Uuid, Path, description = "Id of the job")),
    responses((status = 200, description = "The job", body = Job), (status = 404)),
)]
pub async fn show(state: web::Data<ApiState>, caller: Authenticated, id: RowId) -> Result<HttpResponse, Problem> {
    let row = jobs::job(&state.store.read().await?, id.0).await?;
    caller.at(&row.exchange_domain)?;
    Ok(HttpResponse::Ok().json(Job::from(row)))
}
