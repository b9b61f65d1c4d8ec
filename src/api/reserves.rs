//! `GET /v1/reserves/{id}`

use actix_web::{HttpResponse, web};

use super::{auth::Authenticated, parse::AttestationId, problem::Problem, state::ApiState};

/// Lines of the reserves file, and the proof that they are
#[utoipa::path(
    get, path = "/v1/reserves/{id}", tag = "auditors",
    params(("id" = String, Path, description = "SHA-256 of the statement, 64 hexadecimal digits")),
    responses((status = 200, description = "The lines", body = Object), (status = 404)),
)]
pub async fn reserves(
    state: web::Data<ApiState>,
    caller: Authenticated,
    id: AttestationId,
) -> Result<HttpResponse, Problem> {
    let attested = state.evidence.attested(&state, id).await?;
    caller.at(&attested.exchange)?;
    Err(Problem::not_found())
}
