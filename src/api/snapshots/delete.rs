//! `DELETE /v1/snapshots/{id}`

use actix_web::{HttpResponse, web};

use crate::api::caller::actor;
use crate::{
    api::{auth::Authenticated, parse::RowId, problem::Problem, state::ApiState},
    store::{audit::audit, room::delete_snapshot, snapshots::snapshot},
};

/// Delete a snapshot
///
/// Deletes a snapshot whose attestation was not requested yet; its id can be used again. If its jobs were all refused, failed or
/// cancelled, its files are deleted and the snapshot stays. A published snapshot cannot be deleted.
#[utoipa::path(
    delete, path = "/v1/snapshots/{id}", tag = "snapshots",
    params(("id" = uuid::Uuid, Path, description = "Id of the snapshot")),
    responses((status = 204, description = "The snapshot, or its files, are deleted"), (status = 404), (status = 409)),
)]
pub async fn delete(state: web::Data<ApiState>, caller: Authenticated, id: RowId) -> Result<HttpResponse, Problem> {
    let (now, actor) = (state.now(), actor(&caller));
    let work = async |tx| {
        if let Err(problem) = caller.at(&snapshot(&tx, id.0).await?.exchange_domain) {
            return Ok(Err(problem));
        }
        delete_snapshot(&tx, id.0).await?;
        audit(&tx, &actor, "snapshot.delete", &id.0.to_string(), None, now).await?;
        Ok(Ok(()))
    };
    state.store.run_tx("delete_snapshot", work).await??;
    Ok(HttpResponse::NoContent().finish())
}
