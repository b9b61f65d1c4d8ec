//! `GET /v1/attestations/{id}/inclusion`

use std::sync::Arc;

use actix_web::{HttpResponse, http::header, web};

use crate::api::{auth::Authenticated, evidence::Attested, parse::AttestationId, problem::Problem, state::ApiState};
use crate::attest::{Found, Owner};

/// The caller's own inclusion file
///
/// The pages of the account that the token names, and their path to the root: what `assay verify-inclusion` takes.
/// Described in api-spec/inclusion.md. An account that is not in the snapshot gets the same answer as one of another exchange.
#[utoipa::path(
    get, path = "/v1/attestations/{id}/inclusion", tag = "customers",
    params(("id" = String, Path, description = "SHA-256 of the statement, 64 hexadecimal digits")),
    responses((status = 200, description = "The inclusion file", body = Object), (status = 404)),
)]
pub async fn inclusion(
    state: web::Data<ApiState>,
    caller: Authenticated,
    id: AttestationId,
) -> Result<HttpResponse, Problem> {
    let attested = state.evidence.attested(&state.store, id).await?;
    let (owner, found) = own(&state, &caller, &attested).await?;
    let file = attested.tree.inclusion(&owner, &found)?;
    Ok(HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((header::CACHE_CONTROL, "private, no-store"))
        .insert_header((header::VARY, "authorization"))
        .body(file))
}

/// The caller's account and where its pages are. Looked up before anybody is refused, so that how long a refusal
/// takes does not tell whether there is such an account.
///
/// # Errors
/// [`crate::api::problem::Kind::NotFound`] for whoever has no account in this snapshot, for whatever reason.
pub async fn own<'a>(
    state: &ApiState,
    caller: &'a Authenticated,
    attested: &Arc<Attested>,
) -> Result<(Owner<'a>, Found), Problem> {
    let owner = attested.tree.owner(&state.secret, &caller.subject);
    let found = state.evidence.find(&state.store, attested, &owner).await?;
    caller.at(&attested.exchange)?;
    Ok((owner, found.ok_or_else(Problem::not_found)?))
}
