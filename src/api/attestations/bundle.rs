//! `GET /v1/attestations/{id}/bundle.zip`

use actix_web::{HttpRequest, HttpResponse, web};

use crate::{
    api::{artefact::Artefact, evidence::Part, parse::AttestationId, problem::Problem, state::ApiState},
    attest,
    store::attestations,
};

/// Download everything in one file
///
/// A .zip file with statement, proof, signature, README.txt and MANIFEST.sha256, for `assay verify`. Every download has the same
/// bytes.
#[utoipa::path(
    get, path = "/v1/attestations/{id}/bundle.zip", tag = "attestations",
    params(("id" = String, Path, description = "SHA-256 of the statement, 64 hexadecimal digits")),
    responses(
        (status = 200, description = "The bundle", body = String, content_type = "application/zip"),
        (status = 206, description = "The requested range"), (status = 304, description = "Not modified"),
        (status = 404), (status = 416),
    ),
)]
pub async fn bundle(
    state: web::Data<ApiState>,
    id: AttestationId,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let make = async || {
        let attested = state.evidence.attested(&state.store, id).await?;
        let client = state.store.read().await?;
        let proof = attestations::artefact(&client, &id.0, attestations::Artefact::Proof).await?;
        let jws = attestations::artefact(&client, &id.0, attestations::Artefact::Jws).await?;
        drop(client);
        let zip = move || attest::bundle(attested.tree.statement(), &proof, &jws);
        let zip = web::block(zip).await.map_err(Problem::internal)??;
        let name = format!("attestation-{}.zip", &hex::encode(id.0)[..16]);
        Ok(Artefact::new(zip, "application/zip").named(name))
    };
    state.evidence.artefact(id, Part::Bundle, make).await?.answer(&request)
}
