//! `GET /v1/attestations/{id}`

use actix_web::{HttpResponse, web};

use super::view::{Attestation, view};
use crate::{
    api::{parse::AttestationId, problem::Problem, state::ApiState},
    store::attestations,
};

/// Show an attestation
#[utoipa::path(
    get, path = "/v1/attestations/{id}", tag = "attestations",
    params(("id" = String, Path, description = "SHA-256 of the statement, 64 hexadecimal digits")),
    responses((status = 200, description = "The attestation", body = Attestation), (status = 404)),
)]
pub async fn show(state: web::Data<ApiState>, id: AttestationId) -> Result<HttpResponse, Problem> {
    let row = attestations::attestation(&state.store.read().await?, &id.0).await?;
    Ok(HttpResponse::Ok().json(view(&state, row).await?))
}
