//! `GET /v1/attestations/{id}/log-proof`

use actix_web::{HttpResponse, web};

use super::checkpoint::fresh;
use crate::api::{parse::AttestationId, problem::Problem, state::ApiState};

/// Get the proof of logging
///
/// That the statement is in the transparency log: its position, the path to the root, and the signed checkpoint (C2SP tlog-proof). Save it
/// as log/attestation.tlog-proof beside the attestation, for `assay verify --log-policy`. The answer is 404 for a second or so after the
/// publication, until a checkpoint contains it.
#[utoipa::path(
    get, path = "/v1/attestations/{id}/log-proof", tag = "log",
    params(("id" = String, Path, description = "SHA-256 of the statement, 64 hexadecimal digits")),
    responses((status = 200, description = "The proof", body = String, content_type = "text/plain"), (status = 404)),
)]
pub async fn proof(state: web::Data<ApiState>, id: AttestationId) -> Result<HttpResponse, Problem> {
    Ok(fresh(state.log_proof(id).await?.as_str().to_owned()))
}
