//! `GET` and `POST /v1/attestations/{id}/signatures`

use std::{
    path::{Path, PathBuf},
    rc::Rc,
    sync::Arc,
};

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use assay_core::{
    opinion::{OPINION_TYPE, Opinion},
    signature::{Jws, MAX_ENTRIES, SignatureError, TYPE},
    signatures::Signatures,
    signed::SignedDocument,
    text::shown,
    time::parse_instant,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};
use time::{Duration, OffsetDateTime};
use utoipa::ToSchema;

use super::{countersigners::Countersigners, view::stored};
use crate::{
    api::{
        artefact::Artefact,
        auth::Authenticated,
        body,
        caller::{actor, owner},
        evidence::{Part, PublishedAttestation},
        idempotency::{Answer, once},
        parse::AttestationId,
        problem::{Kind, Problem},
        state::ApiState,
    },
    store::{
        self, Tx, attestations,
        audit::audit,
        later::{self, NewSignature, NoticeRow, SignatureKind, SignatureRow},
    },
};

/// How far ahead of this service an auditor's clock may be.
const CLOCK_SKEW: Duration = Duration::MINUTE;

/// A signature that was added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddedSignature {
    /// `countersignature` or `opinion`.
    #[schema(pattern = "^(countersignature|opinion)$", example = "opinion")]
    pub kind: String,
    /// The key that signed.
    pub kid: String,
    /// SHA-256 of the stored JWS, which is in the entry of the transparency log.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub document: String,
}

/// Download all signatures
///
/// Everything that was signed about the attestation, as one file for `assay verify --signatures`: the signatures of the statement (the
/// service's own and countersignatures), auditors' opinions, and notices by which the exchange withdraws or supersedes the attestation. The
/// format is described in api-spec/jws.md. The file can grow.
#[utoipa::path(
    get, path = "/v1/attestations/{id}/signatures", tag = "attestations",
    params(("id" = String, Path, description = "SHA-256 of the statement, 64 hexadecimal digits")),
    responses(
        (status = 200, description = "The signatures", body = Object),
        (status = 206, description = "The requested range"), (status = 304, description = "Not modified"),
        (status = 404), (status = 416),
    ),
)]
pub async fn signatures(
    state: web::Data<ApiState>,
    id: AttestationId,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    file(&state, id).await?.answer(&request)
}

/// signatures.json of the attestation `id`, as it is now.
///
/// # Errors
/// [`Kind::NotFound`]; those of the database.
pub async fn file(state: &ApiState, id: AttestationId) -> Result<Arc<Artefact>, Problem> {
    let client = state.store.read().await?;
    let signed = later::signatures(&client, &id.0).await?;
    let notices = later::notices(&client, &[id.0]).await?;
    drop(client);
    let part = Part::Signatures(later::digest_of(&signed, &notices));
    let make = async || {
        let own = stored(state, id, Part::Jws, attestations::Artefact::Jws, "application/jose+json").await?;
        let attested = state.evidence.attested(&state.store, id).await?;
        let join = move || joined(own.bytes(), attested.tree.statement().bytes(), &signed, &notices);
        let all = web::block(join).await.map_err(Problem::internal)?.map_err(Problem::internal)?;
        Ok(Artefact::new(all.to_bytes(), "application/json").growing())
    };
    state.evidence.artefact(id, part, make).await
}

/// All signatures: the service's `own`, and what was signed later. What is stored is read as strictly as what a stranger sends.
///
/// # Errors
/// What cannot be read.
pub fn joined(
    own: &[u8],
    statement: &[u8],
    signed: &[SignatureRow],
    notices: &[NoticeRow],
) -> Result<Signatures, SignatureError> {
    let (mut countersignatures, mut opinions) = (Vec::new(), Vec::new());
    for SignatureRow { kind, jws } in signed {
        match kind {
            SignatureKind::Countersignature => countersignatures.push(Jws::parse(jws.as_bytes())?),
            SignatureKind::Opinion => opinions.push(SignedDocument::parse(jws.as_bytes())?),
        }
    }
    let all = Jws::parse(own)?.detached().with_all(countersignatures)?;
    let notices = notices.iter().map(|row| SignedDocument::parse(row.jws.as_bytes())).collect::<Result<_, _>>()?;
    Ok(Signatures { statement: all.attached(statement), opinions, notices })
}

/// Countersign an attestation, or give an opinion
///
/// The body is a JWS in general JSON serialisation with one signature (api-spec/jws.md). With the type `assay-attestation+jws` it is over the
/// statement, which may be left out (`"payload": ""`); with `assay-opinion+jws` it is over an opinion. The key must be in the list of
/// `countersigners.jwks_file`. `assay countersign` and `assay opinion` make both. The signature becomes an entry of the transparency log.
#[utoipa::path(
    post, path = "/v1/attestations/{id}/signatures", tag = "attestations",
    params(("id" = String, Path, description = "SHA-256 of the statement, 64 hexadecimal digits")),
    request_body(content = Object, description = "The JWS"),
    responses(
        (status = 201, description = "The signature is published", body = AddedSignature),
        (status = 400), (status = 404), (status = 409), (status = 413), (status = 415), (status = 422),
    ),
)]
pub async fn sign(
    state: web::Data<ApiState>,
    caller: Authenticated,
    id: AttestationId,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let body = body::json::<Jws>(&request, payload, state.reading(&request), None).await?;
    let attested = state.evidence.attested(&state.store, id).await?;
    caller.at(&attested.exchange)?;
    let own = stored(&state, id, Part::Jws, attestations::Artefact::Jws, "application/jose+json").await?;
    let list = state.config.countersigners.list().map(Path::to_owned);
    let received = Arc::new(Received { jws: body.value, attested, own, list, now: state.now() });
    let actor = Rc::<str>::from(actor(&caller));
    // judged in here, so that a request that is made again is answered again, also when the list has changed
    let work = move |tx| {
        let (received, actor) = (Arc::clone(&received), Rc::clone(&actor));
        async move {
            match web::block(move || received.judge()).await {
                Ok(Ok(new)) => add(&tx, id, &new, &actor).await,
                Ok(Err(problem)) => Ok(Err(problem)),
                Err(e) => Ok(Err(Problem::internal(e))),
            }
        }
    };
    once(&state, &request, owner(&caller), &body.bytes, "add_signature", work).await
}

async fn add(tx: &Tx, id: AttestationId, new: &NewSignature, actor: &str) -> store::Result<Result<Answer, Problem>> {
    // the file of all signatures has the service's own beside these
    if later::signatures(tx, &id.0).await?.len() + 1 >= MAX_ENTRIES {
        let most = MAX_ENTRIES - 1;
        return Ok(Err(Problem::because(
            Kind::AlreadySigned,
            format_args!("the attestation has {most} signatures, which is the maximum"),
        )));
    }
    later::add_signature(tx, &id.0, new).await?;
    let NewSignature { kid, kind, jws, now } = new;
    let detail = json!({ "kind": kind.as_str(), "kid": kid });
    audit(tx, actor, "attestation.sign", &hex::encode(id.0), Some(detail), *now).await?;
    let document = hex::encode(Sha256::digest(jws));
    let added = AddedSignature { kind: kind.as_str().to_owned(), kid: kid.clone(), document };
    Ok(Answer::json(StatusCode::CREATED, &added))
}

/// The list of countersigners cannot be used, which only the operator can mend.
fn no_list(reason: &str) -> Problem {
    tracing::error!(reason, "the list of countersigners cannot be used");
    Problem::unavailable("the service's list of countersigners cannot be read")
}

/// A signature that somebody sent, with what it is judged by.
struct Received {
    jws: Jws,
    attested: Arc<PublishedAttestation>,
    /// The service's own signature.
    own: Arc<Artefact>,
    /// The file of the countersigners' keys.
    list: Option<PathBuf>,
    now: OffsetDateTime,
}

impl Received {
    /// Which signature of which key this is, if the service takes it.
    fn judge(&self) -> Result<NewSignature, Problem> {
        let (jws, attested, now) = (self.jws.clone(), &self.attested, self.now);
        let invalid = |reason: &dyn std::fmt::Display| Problem::because(Kind::InvalidSignature, reason);
        let unknown = |kid: &str| {
            Problem::because(
                Kind::UnknownSigner,
                format_args!("the key {kid} is not in the service's list of countersigners"),
            )
        };
        let keys = Countersigners::read(self.list.as_deref()).map_err(|reason| no_list(&reason))?;
        let statement = attested.tree.statement().bytes();
        let (kind, kid, jws) = match jws.only_type().map_err(|e| invalid(&e))?.as_str() {
            TYPE => {
                let jws = jws.attached(statement);
                let kid = jws.kids().map_err(|e| invalid(&e))?.swap_remove(0);
                if !keys.statements.has(&kid) {
                    return Err(unknown(&kid));
                }
                jws.verify(statement, &keys.statements).map_err(|e| invalid(&e))?;
                (SignatureKind::Countersignature, kid, jws.detached())
            }
            OPINION_TYPE => {
                let signed = SignedDocument::<Opinion>::of(jws).map_err(|e| invalid(&e))?;
                let opinion = signed.document();
                if opinion.statement != hex::encode(attested.id.0) {
                    return Err(invalid(&"the opinion is about another statement"));
                }
                if keys.auditors.signer(&signed).map_err(|e| invalid(&e))?.is_none() {
                    return Err(unknown(signed.kid()));
                }
                let signed_at = parse_instant(&opinion.signed_at).map_err(|e| invalid(&e))?;
                if signed_at > now + CLOCK_SKEW {
                    return Err(invalid(&format_args!(
                        "it is signed at {}, which is in the future",
                        opinion.signed_at
                    )));
                }
                let taken_at = &attested.tree.statement().snapshot.taken_at;
                if parse_instant(taken_at).is_ok_and(|taken_at| signed_at < taken_at) {
                    let signed_at = &opinion.signed_at;
                    return Err(invalid(&format_args!(
                        "it is signed at {signed_at}, before the snapshot of {taken_at}"
                    )));
                }
                (SignatureKind::Opinion, signed.kid().to_owned(), signed.jws().clone())
            }
            other => {
                return Err(invalid(&format_args!(
                    "its type is {}; it must be {TYPE} or {OPINION_TYPE}",
                    shown(other)
                )));
            }
        };
        if Jws::parse(self.own.bytes()).and_then(|own| own.kids()).map_err(Problem::internal)?.contains(&kid) {
            return Err(Problem::because(Kind::AlreadySigned, "this key signed the statement when it was published"));
        }
        let jws = String::from_utf8(jws.to_bytes()).map_err(Problem::internal)?;
        Ok(NewSignature { kid, kind, jws, now })
    }
}
