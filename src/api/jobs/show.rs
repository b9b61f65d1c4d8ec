//! `GET /v1/jobs/{id}`

use actix_web::{HttpResponse, web};

use super::view::{Job, Unit};
use crate::{
    api::{auth::Authenticated, parse::RowId, problem::Problem, state::ApiState},
    store::{jobs, units},
};

/// Show a job
#[utoipa::path(
    get, path = "/v1/jobs/{id}", tag = "jobs",
    params(("id" = uuid::Uuid, Path, description = "Id of the job")),
    responses((status = 200, description = "The job", body = Job), (status = 404)),
)]
pub async fn show(state: web::Data<ApiState>, caller: Authenticated, id: RowId) -> Result<HttpResponse, Problem> {
    let client = state.store.read().await?;
    let row = jobs::job(&client, id.0).await?;
    caller.at(&row.exchange_domain)?;
    let units = units::units(&client, id.0).await?.into_iter().map(Unit::from).collect();
    Ok(HttpResponse::Ok().json(Job { units, ..Job::from(row) }))
}
