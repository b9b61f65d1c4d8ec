//! `POST /v1/attestations/{id}/notices`, and notices as answers show them.

use std::rc::Rc;

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use assay_core::{
    notice::{NOTICE_PROTOCOL, Notice, NoticeKind},
    sealed::Document,
    signed::SignedDocument,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    api::{
        auth::Authenticated,
        body::{self, present},
        caller::{actor, owner},
        idempotency::{Answer, once},
        parse::{AttestationId, microseconds, utc},
        problem::{Kind, Problem},
        state::ApiState,
    },
    store::{
        self, Tx,
        audit::audit,
        later::{self, NewNotice, NoticeRow},
    },
};

/// A notice to publish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewNoticeClaim {
    /// `withdrawn`: the exchange no longer stands by the attestation. `superseded`: a later one takes its place.
    #[schema(value_type = String, pattern = "^(withdrawn|superseded)$", example = "withdrawn")]
    pub kind: NoticeKind,
    /// Why, in one line of at most 400 bytes. Everybody can read it.
    #[schema(min_length = 1, max_length = 400, example = "A file of balances was left out.")]
    pub reason: String,
    /// Id of the attestation that takes its place; for `superseded`.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schema(nullable = false, pattern = "^[0-9a-f]{64}$")]
    pub by: Option<String>,
}

/// What the exchange said of an attestation later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NoticeClaim {
    /// `withdrawn` or `superseded`.
    #[schema(value_type = String, pattern = "^(withdrawn|superseded)$", example = "withdrawn")]
    pub kind: NoticeKind,
    /// Why.
    #[schema(example = "A file of balances was left out.")]
    pub reason: String,
    /// When it was published.
    #[schema(format = "date-time")]
    pub issued_at: String,
    /// Id of the attestation that takes its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, pattern = "^[0-9a-f]{64}$")]
    pub by: Option<String>,
}

impl NoticeClaim {
    fn of(notice: &Notice) -> Self {
        let Notice { by, issued_at, kind, reason, .. } = notice.clone();
        Self { kind, reason, issued_at, by }
    }
}

/// The notices in these rows, about the attestation `id`. A stored notice that cannot be read is told to the log, and takes away no list.
pub fn notices_about(rows: &[NoticeRow], id: &[u8; 32]) -> Vec<NoticeClaim> {
    let read = |row: &NoticeRow| match SignedDocument::<Notice>::parse(row.jws.as_bytes()) {
        Ok(signed) => Some(NoticeClaim::of(signed.document())),
        Err(reason) => {
            tracing::error!(attestation = %hex::encode(id), reason = %reason, "a stored notice cannot be read");
            None
        }
    };
    rows.iter().filter(|row| row.attestation == *id).filter_map(read).collect()
}

/// Withdraw or supersede an attestation
///
/// The notice is signed with the exchange's statement key, becomes an entry of the transparency log, and is shown wherever the attestation
/// is. It cannot be taken back. The attestation and its proof stay as they are.
#[utoipa::path(
    post, path = "/v1/attestations/{id}/notices", tag = "attestations",
    params(("id" = String, Path, description = "SHA-256 of the statement, 64 hexadecimal digits")),
    request_body = NewNoticeClaim,
    responses(
        (status = 201, description = "The notice is published", body = NoticeClaim),
        (status = 400), (status = 404), (status = 409), (status = 413), (status = 415), (status = 422),
    ),
)]
pub async fn notify(
    state: web::Data<ApiState>,
    caller: Authenticated,
    id: AttestationId,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let body = body::json::<NewNoticeClaim>(&request, payload, state.reading(&request), None).await?;
    let attested = state.evidence.attested(&state.store, id).await?;
    caller.at(&attested.exchange)?;
    let NewNoticeClaim { kind, reason, by } = body.value;
    let superseded_by = by.as_deref().map(AttestationId::read).transpose()?.map(|by| by.0);
    let issued_at = microseconds(state.now());
    let notice = Notice {
        by,
        exchange: attested.exchange.clone(),
        issued_at: utc(issued_at),
        kind,
        protocol: NOTICE_PROTOCOL.to_owned(),
        reason,
        statement: hex::encode(id.0),
    };
    notice.validate().map_err(|e| Problem::because(Kind::InvalidNotice, e))?;
    let (keys, document) = (state.keys.clone(), notice.clone());
    let sign = move || keys.sign_document(document, issued_at);
    let signed = web::block(sign).await.map_err(Problem::internal)?.map_err(Problem::internal)?;
    let jws = String::from_utf8(signed.jws().to_bytes()).map_err(Problem::internal)?;
    let created_by = actor(&caller);
    let new = Rc::new(NewNotice { attestation: id.0, kind, superseded_by, jws, issued_at, created_by });
    let claim = Rc::new(NoticeClaim::of(&notice));
    let work = move |tx| add(tx, Rc::clone(&new), Rc::clone(&claim));
    once(&state, &request, owner(&caller), &body.bytes, "add_notice", work).await
}

async fn add(tx: Tx, new: Rc<NewNotice>, claim: Rc<NoticeClaim>) -> store::Result<Result<Answer, Problem>> {
    later::add_notice(&tx, &new).await?;
    let detail = json!({ "kind": claim.kind, "by": claim.by });
    let object = hex::encode(new.attestation);
    audit(&tx, &new.created_by, "attestation.notice", &object, Some(detail), new.issued_at).await?;
    Ok(Answer::json(StatusCode::CREATED, &*claim))
}
