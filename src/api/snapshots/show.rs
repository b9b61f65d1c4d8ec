//! `GET /v1/snapshots/{id}`

use actix_web::{HttpResponse, web};

use super::view::Snapshot;
use crate::{
    api::{auth::Authenticated, parse::RowId, problem::Problem, state::ApiState},
    store::snapshots,
};

/// Show a snapshot
///
/// Lists the complete files and whether they can still change, so that an interrupted upload can be resumed.
#[utoipa::path(
    get, path = "/v1/snapshots/{id}", tag = "snapshots",
    params(("id" = uuid::Uuid, Path, description = "Id of the snapshot")),
    responses((status = 200, description = "The snapshot", body = Snapshot), (status = 404)),
)]
pub async fn show(state: web::Data<ApiState>, caller: Authenticated, id: RowId) -> Result<HttpResponse, Problem> {
    let client = state.store.read().await?;
    let row = snapshots::snapshot(&client, id.0).await?;
    caller.at(&row.exchange_domain)?;
    let files = snapshots::snapshot_files(&client, id.0).await?;
    Ok(HttpResponse::Ok().json(Snapshot::new(&row, &files)))
}
