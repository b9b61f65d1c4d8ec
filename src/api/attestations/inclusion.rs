//! `GET /v1/attestations/{id}/inclusion`

use std::sync::Arc;

use actix_web::{HttpResponse, http::header, web};

use crate::api::{
    auth::Authenticated,
    evidence::PublishedAttestation,
    parse::AttestationId,
    problem::{Kind, Problem},
    state::ApiState,
};
use crate::attest::{Found, Owner, with_log_proof};

/// Download your inclusion file
///
/// The pages of the account in the token and their paths to the root, for `assay verify-inclusion`. With the proof that the statement is in the transparency log. The
/// format is described in api-spec/inclusion.md. The answer is 404 if the account is not in the snapshot or belongs to another exchange.
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
    let file = match state.log_proof(id).await {
        Ok(proof) => with_log_proof(file, &proof),
        // a customer gets their file whatever becomes of the log
        Err(problem) => {
            if problem.kind() != Kind::NotFound {
                tracing::warn!(attestation = %hex::encode(id.0), "an inclusion file was given out without its proof of logging");
            }
            file
        }
    };
    Ok(HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((header::CACHE_CONTROL, "private, no-store"))
        .insert_header((header::VARY, "authorization"))
        .body(file))
}

/// The caller's account and the location of its pages. The lookup comes before the access check, so that the response time of
/// a refusal does not reveal whether the account exists.
///
/// # Errors
/// [`crate::api::problem::Kind::NotFound`] if the caller has no account in this snapshot.
pub async fn own<'a>(
    state: &ApiState,
    caller: &'a Authenticated,
    attested: &Arc<PublishedAttestation>,
) -> Result<(Owner<'a>, Found), Problem> {
    let owner = attested.tree.owner(&state.secret, &caller.subject);
    let found = state.evidence.find(&state.store, attested, &owner).await?;
    caller.at(&attested.exchange)?;
    Ok((owner, found.ok_or_else(Problem::not_found)?))
}
