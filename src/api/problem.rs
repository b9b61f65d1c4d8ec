//! What is answered when something is not done: problem documents (RFC 9457) with stable types. `api-spec/problems.md`
//! lists them; a test holds the two together.
//!
//! A document says what the caller can do, and nothing about others or about the inside: what is wrong with the service is
//! logged, not told.

use std::fmt;

use actix_web::{
    HttpResponse, ResponseError,
    body::BoxBody,
    http::{
        StatusCode,
        header::{self, HeaderName, HeaderValue},
    },
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    attest::AttestError,
    ledger::{Finding, Findings},
    store::{Conflict, StoreError},
    tokens::{Scope, TokenError},
};

/// Media type of problem documents.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// Every kind of problem; its type is `/problems/` and its slug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Not HTTP, JSON or parameters as they are described.
    MalformedRequest,
    /// The body is not what its digest says.
    DigestMismatch,
    /// No token, or none that is accepted.
    Unauthorized,
    /// The token does not allow this.
    InsufficientScope,
    /// The token speaks for another exchange.
    WrongExchange,
    /// Nothing there, or nothing for this caller.
    NotFound,
    /// Something there, but not with this method.
    MethodNotAllowed,
    /// The body came too slowly.
    SlowBody,
    /// There is such a snapshot already.
    SnapshotExists,
    /// The snapshot's files cannot change any more.
    SnapshotSealed,
    /// Files are missing.
    SnapshotIncomplete,
    /// The same file is there in another packing.
    FileExists,
    /// The snapshot is being proved.
    JobUnderWay,
    /// The job has ended.
    JobEnded,
    /// The snapshot, or its instant, is attested.
    AlreadyAttested,
    /// Too many bytes.
    TooLarge,
    /// A body of another kind.
    UnsupportedMediaType,
    /// Bytes that an artefact does not have.
    RangeNotSatisfiable,
    /// The snapshot's description breaks rules.
    InvalidSnapshot,
    /// The snapshot's instant is in the future, or not after the newest published one.
    SnapshotTime,
    /// A packed file that cannot be unpacked.
    DamagedFile,
    /// A shape that is not offered.
    UnknownShape,
    /// The key was used for another request.
    IdempotencyMismatch,
    /// Too many requests.
    RateLimited,
    /// A fault of the service.
    Internal,
    /// The service cannot do this now.
    Unavailable,
    /// Alive, but not as promised.
    NotReady,
}

impl Kind {
    /// All of them, in the order of their status.
    pub const ALL: [Self; 27] = [
        Self::MalformedRequest,
        Self::DigestMismatch,
        Self::Unauthorized,
        Self::InsufficientScope,
        Self::WrongExchange,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::SlowBody,
        Self::SnapshotExists,
        Self::SnapshotSealed,
        Self::SnapshotIncomplete,
        Self::FileExists,
        Self::JobUnderWay,
        Self::JobEnded,
        Self::AlreadyAttested,
        Self::TooLarge,
        Self::UnsupportedMediaType,
        Self::RangeNotSatisfiable,
        Self::InvalidSnapshot,
        Self::SnapshotTime,
        Self::DamagedFile,
        Self::UnknownShape,
        Self::IdempotencyMismatch,
        Self::RateLimited,
        Self::Internal,
        Self::Unavailable,
        Self::NotReady,
    ];

    /// Status, slug of the type, title.
    pub const fn parts(self) -> (u16, &'static str, &'static str) {
        match self {
            Self::MalformedRequest => (400, "malformed-request", "The request cannot be read"),
            Self::DigestMismatch => (400, "digest-mismatch", "The body is not what its digest says"),
            Self::Unauthorized => (401, "unauthorized", "A valid token is needed"),
            Self::InsufficientScope => (403, "insufficient-scope", "The token does not allow this"),
            Self::WrongExchange => (403, "wrong-exchange", "The token speaks for another exchange"),
            Self::NotFound => (404, "not-found", "There is nothing here for this caller"),
            Self::MethodNotAllowed => (405, "method-not-allowed", "This method is not offered here"),
            Self::SlowBody => (408, "slow-body", "The body came too slowly"),
            Self::SnapshotExists => (409, "snapshot-exists", "There is such a snapshot already"),
            Self::SnapshotSealed => (409, "snapshot-sealed", "The snapshot's files cannot change any more"),
            Self::SnapshotIncomplete => (409, "snapshot-incomplete", "Files of the snapshot are missing"),
            Self::FileExists => (409, "file-exists", "The file is there under another name"),
            Self::JobUnderWay => (409, "job-under-way", "The snapshot is being proved already"),
            Self::JobEnded => (409, "job-ended", "The job has ended"),
            Self::AlreadyAttested => (409, "already-attested", "This is attested already"),
            Self::TooLarge => (413, "too-large", "Too many bytes"),
            Self::UnsupportedMediaType => (415, "unsupported-media-type", "A body of this kind is not taken"),
            Self::RangeNotSatisfiable => (416, "range-not-satisfiable", "There are no such bytes"),
            Self::InvalidSnapshot => (422, "invalid-snapshot", "The snapshot's description breaks rules"),
            Self::SnapshotTime => (422, "snapshot-time", "The snapshot's instant is not possible"),
            Self::DamagedFile => (422, "damaged-file", "The file cannot be unpacked"),
            Self::UnknownShape => (422, "unknown-shape", "There is no such shape"),
            Self::IdempotencyMismatch => (422, "idempotency-mismatch", "The key was used for another request"),
            Self::RateLimited => (429, "rate-limited", "Too many requests"),
            Self::Internal => (500, "internal", "The service has a fault"),
            Self::Unavailable => (503, "unavailable", "The service cannot do this at present"),
            Self::NotReady => (503, "not-ready", "The service does not keep its promises at present"),
        }
    }

    /// The status it is answered with.
    pub fn status(self) -> StatusCode {
        StatusCode::from_u16(self.parts().0).expect("every kind's status is between 400 and 599")
    }

    /// `/problems/…`.
    pub fn type_uri(self) -> String {
        format!("/problems/{}", self.parts().1)
    }

    /// The kind that says best what a bare status of the HTTP library means.
    fn of_status(status: StatusCode) -> Self {
        match status.as_u16() {
            401 => Self::Unauthorized,
            403 => Self::InsufficientScope,
            404 => Self::NotFound,
            405 => Self::MethodNotAllowed,
            408 => Self::SlowBody,
            413 => Self::TooLarge,
            415 => Self::UnsupportedMediaType,
            416 => Self::RangeNotSatisfiable,
            429 => Self::RateLimited,
            503 => Self::Unavailable,
            500.. => Self::Internal,
            _ => Self::MalformedRequest,
        }
    }
}

/// A problem document as it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Problem)]
pub struct Document {
    /// Stable name of the kind of problem, relative to this service; `api-spec/problems.md` lists all.
    #[serde(rename = "type")]
    #[schema(example = "/problems/not-found")]
    pub type_uri: String,
    /// The kind in words; always the same for one type.
    pub title: String,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    pub status: u16,
    /// What it is in this case, for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub detail: Option<String>,
    /// Single findings, where there are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

/// One of several findings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FieldError {
    /// The file, table or field.
    pub place: String,
    /// Line or row there, the first being 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub line: Option<u64>,
    /// What is wrong.
    pub reason: String,
}

impl From<Finding> for FieldError {
    fn from(finding: Finding) -> Self {
        Self { place: finding.file, line: finding.line, reason: finding.reason }
    }
}

/// Why a request is not done.
#[derive(Debug)]
pub struct Problem {
    kind: Kind,
    detail: Option<String>,
    errors: Vec<FieldError>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// A problem about which the type says everything.
    pub fn new(kind: Kind) -> Self {
        Self { kind, detail: None, errors: Vec::new(), headers: Vec::new() }
    }

    /// With a sentence on this case.
    pub fn because(kind: Kind, detail: impl fmt::Display) -> Self {
        Self { detail: Some(detail.to_string()), ..Self::new(kind) }
    }

    /// Nothing there for this caller. All callers get the same document, whether there is something for others or not.
    pub fn not_found() -> Self {
        Self::new(Kind::NotFound)
    }

    /// A token is needed, and none came.
    pub fn no_token() -> Self {
        Self::because(Kind::Unauthorized, "send a token as `Authorization: Bearer …`")
            .with_header(header::WWW_AUTHENTICATE, "Bearer realm=\"assay\"")
    }

    /// A token came that does not allow this.
    pub fn insufficient_scope(scope: Scope) -> Self {
        Self::because(Kind::InsufficientScope, format_args!("this needs a token with the scope {scope}")).with_header(
            header::WWW_AUTHENTICATE,
            &format!("Bearer realm=\"assay\", error=\"insufficient_scope\", scope=\"{scope}\""),
        )
    }

    /// A fault of the service: `cause` is for the log and must hold nothing of a customer's.
    pub fn internal(cause: impl fmt::Display) -> Self {
        tracing::error!(cause = %cause, "a request failed for a reason that is a fault");
        Self::new(Kind::Internal)
    }

    /// Something that will work later.
    pub fn unavailable(detail: impl fmt::Display) -> Self {
        Self::because(Kind::Unavailable, detail).retry_after(RETRY_SECONDS)
    }

    /// The findings of a check.
    pub fn findings(kind: Kind, findings: &Findings) -> Self {
        let errors = findings.findings.iter().cloned().map(FieldError::from).collect();
        Self { errors, ..Self::new(kind) }
    }

    /// With single findings.
    #[must_use]
    pub fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.errors = errors;
        self
    }

    /// With a header more. A value that cannot be one is left out.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    /// Says when to try again.
    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        self.with_header(header::RETRY_AFTER, &seconds.to_string())
    }

    /// What it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The document.
    pub fn document(&self) -> Document {
        let (status, _, title) = self.kind.parts();
        Document {
            type_uri: self.kind.type_uri(),
            title: title.to_owned(),
            status,
            detail: self.detail.clone(),
            errors: self.errors.clone(),
        }
    }

    /// The document for an answer of the HTTP library that is not one.
    pub fn of_status(status: StatusCode) -> Self {
        Self::new(Kind::of_status(status))
    }
}

/// After how long to try again what is not available.
const RETRY_SECONDS: u64 = 5;

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.detail.as_deref().unwrap_or(self.kind.parts().2))
    }
}

impl std::error::Error for Problem {}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.kind.status()
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        let mut answer = HttpResponse::build(self.status_code());
        answer.content_type(MEDIA_TYPE);
        for (name, value) in &self.headers {
            answer.insert_header((name.clone(), value.clone()));
        }
        // a document of strings and numbers can always be written
        answer.body(serde_json::to_vec(&self.document()).unwrap_or_default())
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(reason) => {
                tracing::warn!(reason, "the database is not available");
                Self::unavailable("the database cannot be reached; nothing was changed")
            }
            StoreError::CommitUnknown { name } => {
                tracing::warn!(transaction = name, "it is not known whether a transaction was committed");
                Self::unavailable("the database was lost in the last moment: ask again whether this was done")
            }
            StoreError::Conflict(conflict) => conflict.into(),
            StoreError::NotFound => Self::not_found(),
            StoreError::Database { .. } | StoreError::Corrupt(_) => Self::internal(error),
        }
    }
}

impl From<Conflict> for Problem {
    fn from(conflict: Conflict) -> Self {
        let kind = match conflict {
            Conflict::SnapshotName | Conflict::SnapshotEpoch => Kind::SnapshotExists,
            Conflict::EpochNotAfterPublished | Conflict::EpochInFuture => Kind::SnapshotTime,
            Conflict::Sealed => Kind::SnapshotSealed,
            Conflict::JobUnderWay => Kind::JobUnderWay,
            Conflict::JobEnded => Kind::JobEnded,
            Conflict::AttestationExists => Kind::AlreadyAttested,
            // no request can lead there
            Conflict::FileIncomplete
            | Conflict::StatementDiffers
            | Conflict::SignatureExists
            | Conflict::InsertOnly => return Self::internal(conflict),
        };
        Self::because(kind, conflict)
    }
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        if error.is_temporary() {
            return Self::unavailable(error);
        }
        let challenge = format!("Bearer realm=\"assay\", error=\"invalid_token\", error_description=\"{error}\"");
        Self::because(Kind::Unauthorized, error).with_header(header::WWW_AUTHENTICATE, &challenge.replace('`', "'"))
    }
}

impl From<AttestError> for Problem {
    /// What is kept was made by this service: if it cannot be used, that is a fault.
    fn from(error: AttestError) -> Self {
        Self::internal(error)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    #[test]
    fn problems_md_lists_exactly_the_problems_there_are() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("api-spec/problems.md");
        let text = fs::read_to_string(path).unwrap();
        let listed: Vec<Vec<&str>> = text
            .lines()
            .filter(|line| line.starts_with("| `/problems/"))
            .map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`')).collect())
            .collect();
        let known: Vec<Vec<String>> = Kind::ALL
            .iter()
            .map(|kind| vec![kind.type_uri(), kind.parts().0.to_string(), kind.parts().2.to_owned()])
            .collect();
        let listed: Vec<_> = listed.iter().map(|row| row[..3].to_vec()).collect();
        assert_eq!(listed, known);
    }

    #[test]
    fn every_kind_is_listed_once_in_the_order_of_its_status() {
        let slugs: BTreeSet<_> = Kind::ALL.iter().map(|kind| kind.parts().1).collect();
        assert_eq!(slugs.len(), Kind::ALL.len());
        assert!(Kind::ALL.is_sorted_by_key(|kind| kind.parts().0));
        assert!(Kind::ALL.iter().all(|kind| kind.status().is_client_error() || kind.status().is_server_error()));
    }

    #[test]
    fn every_bare_status_becomes_a_problem_of_its_class() {
        for status in 400..600 {
            let status = StatusCode::from_u16(status).unwrap();
            let kind = Kind::of_status(status);
            assert_eq!(kind.status().is_client_error(), status.is_client_error(), "{status}");
        }
    }

    #[test]
    fn a_refused_token_is_told_which_rule_it_breaks_and_how_to_come_back() {
        let answer = Problem::from(TokenError::Claim("aud")).error_response();
        assert_eq!(answer.status(), 401);
        let challenge = answer.headers().get("www-authenticate").unwrap().to_str().unwrap();
        assert!(challenge.contains("invalid_token") && challenge.contains("'aud'"), "{challenge}");
        let answer = Problem::from(TokenError::KeysUnavailable).error_response();
        assert_eq!(answer.status(), 503);
        assert!(answer.headers().contains_key("retry-after"));
    }

    #[test]
    fn a_fault_is_not_explained_to_the_caller() {
        let document = Problem::from(StoreError::Corrupt("a page of alice".to_owned())).document();
        assert_eq!((document.status, document.detail), (500, None));
    }
}
