//! `GET /v1/attestations/{id}/evidence.zip`

use actix_web::{HttpRequest, HttpResponse, web};
use sha2::{Digest, Sha256};

use super::{signatures::file, view::stored};
use crate::{
    api::{
        artefact::Artefact,
        evidence::Part,
        parse::AttestationId,
        problem::{Kind, Problem},
        state::ApiState,
    },
    attest,
    store::attestations,
};

/// Download everything, with what came later
///
/// A .zip file with the files of bundle.zip, `signatures.json` (countersignatures, opinions and notices), and
/// `log/attestation.tlog-proof` once the attestation is in a signed checkpoint of the transparency log. `assay verify` reads it. It grows, so
/// its bytes change; those of bundle.zip never do.
#[utoipa::path(
    get, path = "/v1/attestations/{id}/evidence.zip", tag = "attestations",
    params(("id" = String, Path, description = "SHA-256 of the statement, 64 hexadecimal digits")),
    responses(
        (status = 200, description = "The evidence", body = String, content_type = "application/zip"),
        (status = 206, description = "The requested range"), (status = 304, description = "Not modified"),
        (status = 404), (status = 416),
    ),
)]
pub async fn evidence(
    state: web::Data<ApiState>,
    id: AttestationId,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let signatures = file(&state, id).await?;
    let log_proof = match state.log_proof(id).await {
        Ok(proof) => Some(proof),
        Err(problem) if problem.kind() == Kind::NotFound => None,
        Err(problem) => return Err(problem),
    };
    let mut digest = Sha256::new();
    digest.update(signatures.etag());
    digest.update(log_proof.as_ref().map_or("", |proof| proof.as_str()));
    let make = async || {
        let attested = state.evidence.attested(&state.store, id).await?;
        let proof = stored(&state, id, Part::Proof, attestations::Artefact::Proof, "application/octet-stream").await?;
        let jws = stored(&state, id, Part::Jws, attestations::Artefact::Jws, "application/jose+json").await?;
        let zip = move || {
            let log_proof = log_proof.as_ref().map(|proof| proof.as_bytes());
            let later = attest::Later { signatures: signatures.bytes(), log_proof };
            attest::evidence(attested.tree.statement(), proof.bytes(), jws.bytes(), later)
        };
        let zip = web::block(zip).await.map_err(Problem::internal)??;
        let name = format!("evidence-{}.zip", &hex::encode(id.0)[..16]);
        Ok(Artefact::new(zip, "application/zip").named(name).growing())
    };
    let part = Part::Evidence(digest.finalize().into());
    state.evidence.artefact(id, part, make).await?.answer(&request)
}
