//! `GET /v1/attestations/{id}/statement`

use actix_web::{HttpRequest, HttpResponse, web};

use super::view::stored;
use crate::{
    api::{evidence::Part, parse::AttestationId, problem::Problem, state::ApiState},
    store::attestations::Artefact,
};

/// Download the statement
///
/// The canonical bytes of the statement. Their SHA-256 is the id of the attestation. The format is described in
/// api-spec/statement.md.
#[utoipa::path(
    get, path = "/v1/attestations/{id}/statement", tag = "attestations",
    params(("id" = String, Path, description = "SHA-256 of the statement, 64 hexadecimal digits")),
    responses(
        (status = 200, description = "The statement", body = Object, content_type = "application/json"),
        (status = 206, description = "The requested range"), (status = 304, description = "Not modified"),
        (status = 404), (status = 416),
    ),
)]
pub async fn statement(
    state: web::Data<ApiState>,
    id: AttestationId,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    stored(&state, id, Part::Statement, Artefact::Statement, "application/json").await?.answer(&request)
}
