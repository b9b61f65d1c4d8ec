//! `GET /v1/attestations/{id}/proof`

use actix_web::{HttpRequest, HttpResponse, web};

use super::view::stored;
use crate::{
    api::{evidence::Part, parse::AttestationId, problem::Problem, state::ApiState},
    store::attestations::Artefact,
};

/// Download the proof
///
/// The zero-knowledge proof of the statement, in the format that `assay verify` reads.
#[utoipa::path(
    get, path = "/v1/attestations/{id}/proof", tag = "attestations",
    params(("id" = String, Path, description = "SHA-256 of the statement, 64 hexadecimal digits")),
    responses(
        (status = 200, description = "The proof", body = String, content_type = "application/octet-stream"),
        (status = 206, description = "The requested range"), (status = 304, description = "Not modified"),
        (status = 404), (status = 416),
    ),
)]
pub async fn proof(
    state: web::Data<ApiState>,
    id: AttestationId,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    stored(&state, id, Part::Proof, Artefact::Proof, "application/octet-stream").await?.answer(&request)
}
