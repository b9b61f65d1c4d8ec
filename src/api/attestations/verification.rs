//! `POST /v1/attestations/{id}/verification`

use actix_web::{HttpRequest, HttpResponse, web};
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use utoipa::ToSchema;

use super::inclusion::own;
use crate::{
    api::{
        auth::Authenticated,
        body,
        idempotency::{Answer, once},
        parse::AttestationId,
        problem::Problem,
        state::ApiState,
    },
    attest::Owner,
    store::attestations,
};

/// Result of a customer's verification.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Verification {
    /// Whether the customer's balances are included exactly.
    pub included: bool,
}

/// Report your verification
///
/// Each account is counted once; a later report replaces an earlier one. The stored report does not identify the account.
#[utoipa::path(
    post, path = "/v1/attestations/{id}/verification", tag = "customers",
    params(
        ("id" = String, Path, description = "SHA-256 of the statement, 64 hexadecimal digits"),
    ),
    request_body = Verification,
    responses((status = 204, description = "The report is counted"), (status = 400), (status = 404), (status = 409), (status = 413), (status = 415), (status = 422)),
)]
pub async fn verification(
    state: web::Data<ApiState>,
    caller: Authenticated,
    id: AttestationId,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let body = body::json::<Verification>(&request, payload, state.reading(&request), None).await?;
    let attested = state.evidence.attested(&state.store, id).await?;
    let (owner, _) = own(&state, &caller, &attested).await?;
    let nullifier = keyed(&owner, b"assay/verification/v1", &id);
    let subject = format!("customer {}", hex::encode(keyed(&owner, b"assay/idempotency/v1", &id)));
    let included = body.value.included;
    let work = move |tx| async move {
        attestations::count_verification(&tx, &id.0, &nullifier, included).await?;
        Ok(Ok(Answer::done()))
    };
    once(&state, &request, subject, &body.bytes, "count_verification", work).await
}

/// A value that is unique to this account and attestation. Without the master secret nobody can trace it to the account.
fn keyed(owner: &Owner<'_>, purpose: &[u8], id: &AttestationId) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(owner.salt()).expect("HMAC takes keys of any length");
    mac.update(purpose);
    mac.update(&id.0);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use assay_programs::ledger::shape::Shape;

    use super::*;
    use crate::attest::testing::Stored;

    #[test]
    fn each_account_is_counted_once_in_each_attestation_and_named_in_none() {
        let stored = Stored::new(Shape::named("solvency-8").unwrap(), 3);
        let tree = stored.tree();
        let (first, second) = (AttestationId([1; 32]), AttestationId([2; 32]));
        let number = |account: &str, purpose: &[u8], id| keyed(&tree.owner(&stored.secret, account), purpose, id);
        assert_eq!(number("a", b"p", &first), number("a", b"p", &first));
        assert_ne!(number("a", b"p", &first), number("b", b"p", &first));
        assert_ne!(number("a", b"p", &first), number("a", b"p", &second));
        assert_ne!(number("a", b"p", &first), number("a", b"q", &first));
        assert_ne!(&number("a", b"p", &first), tree.owner(&stored.secret, "a").salt());
    }
}
