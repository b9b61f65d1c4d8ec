//! `GET /v1/attestations/{id}/jws`

use actix_web::{HttpRequest, HttpResponse, web};

use super::view::stored;
use crate::{
    api::{evidence::Part, parse::AttestationId, problem::Problem, state::ApiState},
    store::attestations::Artefact,
};

/// Download the signature
///
/// The service's signature of the statement (RFC 7515, general JSON serialisation). The format is described in api-spec/jws.md.
#[utoipa::path(
    get, path = "/v1/attestations/{id}/jws", tag = "attestations",
    params(("id" = String, Path, description = "SHA-256 of the statement, 64 hexadecimal digits")),
    responses(
        (status = 200, description = "The signature", body = Object, content_type = "application/jose+json"),
        (status = 206, description = "The requested range"), (status = 304, description = "Not modified"),
        (status = 404), (status = 416),
    ),
)]
pub async fn jws(state: web::Data<ApiState>, id: AttestationId, request: HttpRequest) -> Result<HttpResponse, Problem> {
    stored(&state, id, Part::Jws, Artefact::Jws, "application/jose+json").await?.answer(&request)
}
