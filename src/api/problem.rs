//! Problem documents (RFC 9457): the answer to every request that fails. Their types are stable; `api-spec/problems.md` lists
//! them, and a test compares the list with this module.
//!
//! A document says what the caller can do. It says nothing about other callers or about internals: faults of the service go
//! to the log.

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

/// Every kind of problem. Its type is `/problems/` followed by its slug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The HTTP request, its JSON or a parameter is malformed.
    MalformedRequest,
    /// The body does not match its digest.
    DigestMismatch,
    /// The token is missing or not accepted.
    Unauthorized,
    /// The token lacks the required scope.
    InsufficientScope,
    /// The token is for another exchange.
    WrongExchange,
    /// The key that signed is none whose signatures the service takes.
    UnknownSigner,
    /// There is no such resource, or none that this caller may see.
    NotFound,
    /// The resource does not support this method.
    MethodNotAllowed,
    /// The body arrived too slowly.
    SlowBody,
    /// A snapshot with this id or time exists already.
    SnapshotExists,
    /// The snapshot is sealed; its files can no longer change.
    SnapshotSealed,
    /// Required files are missing.
    SnapshotIncomplete,
    /// The table exists as a file with another compression.
    FileExists,
    /// The snapshot has a running job.
    JobUnderWay,
    /// The job has ended.
    JobEnded,
    /// The snapshot, or its time, is attested already.
    AlreadyAttested,
    /// The key has signed the attestation already.
    AlreadySigned,
    /// The attestation has a notice of this kind already.
    NoticeExists,
    /// The exchange has too many snapshots whose attestation was not requested.
    TooManySnapshots,
    /// The content exceeds a size limit.
    TooLarge,
    /// The media type of the body is not supported.
    UnsupportedMediaType,
    /// The requested range is outside the artefact.
    RangeNotSatisfiable,
    /// The snapshot description is not valid.
    InvalidSnapshot,
    /// The snapshot's time is in the future, or not after the newest published attestation.
    SnapshotTime,
    /// The file cannot be decompressed.
    DamagedFile,
    /// The shape does not exist.
    UnknownShape,
    /// The signature does not verify, is of another kind, or is about something else.
    InvalidSignature,
    /// The notice breaks a rule of its format.
    InvalidNotice,
    /// The idempotency key was used for another request.
    IdempotencyMismatch,
    /// Too many requests.
    RateLimited,
    /// An internal error.
    Internal,
    /// The service is temporarily unavailable.
    Unavailable,
    /// The service is not ready.
    NotReady,
    /// There is no room for the file.
    InsufficientStorage,
}

impl Kind {
    /// All kinds, ordered by status.
    pub const ALL: [Self; 34] = [
        Self::MalformedRequest,
        Self::DigestMismatch,
        Self::Unauthorized,
        Self::InsufficientScope,
        Self::WrongExchange,
        Self::UnknownSigner,
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
        Self::AlreadySigned,
        Self::NoticeExists,
        Self::TooManySnapshots,
        Self::TooLarge,
        Self::UnsupportedMediaType,
        Self::RangeNotSatisfiable,
        Self::InvalidSnapshot,
        Self::SnapshotTime,
        Self::DamagedFile,
        Self::UnknownShape,
        Self::InvalidSignature,
        Self::InvalidNotice,
        Self::IdempotencyMismatch,
        Self::RateLimited,
        Self::Internal,
        Self::Unavailable,
        Self::NotReady,
        Self::InsufficientStorage,
    ];

    /// Status, slug and title.
    pub const fn parts(self) -> (u16, &'static str, &'static str) {
        match self {
            Self::MalformedRequest => (400, "malformed-request", "Malformed request"),
            Self::DigestMismatch => (400, "digest-mismatch", "The body does not match its digest"),
            Self::Unauthorized => (401, "unauthorized", "A valid access token is required"),
            Self::InsufficientScope => (403, "insufficient-scope", "The token lacks the required scope"),
            Self::WrongExchange => (403, "wrong-exchange", "The token is for another exchange"),
            Self::UnknownSigner => (403, "unknown-signer", "The service takes no signatures by this key"),
            Self::NotFound => (404, "not-found", "Not found"),
            Self::MethodNotAllowed => (405, "method-not-allowed", "Method not allowed"),
            Self::SlowBody => (408, "slow-body", "The body arrived too slowly"),
            Self::SnapshotExists => (409, "snapshot-exists", "The snapshot exists already"),
            Self::SnapshotSealed => (409, "snapshot-sealed", "The snapshot is sealed"),
            Self::SnapshotIncomplete => (409, "snapshot-incomplete", "The snapshot is incomplete"),
            Self::FileExists => (409, "file-exists", "The table exists under another file name"),
            Self::JobUnderWay => (409, "job-under-way", "The snapshot has a running job"),
            Self::JobEnded => (409, "job-ended", "The job has ended"),
            Self::AlreadyAttested => (409, "already-attested", "The snapshot or its time is attested already"),
            Self::AlreadySigned => (409, "already-signed", "The key has signed the attestation already"),
            Self::NoticeExists => (409, "notice-exists", "The attestation has a notice of this kind already"),
            Self::TooManySnapshots => (409, "too-many-snapshots", "The exchange has too many open snapshots"),
            Self::TooLarge => (413, "too-large", "Content too large"),
            Self::UnsupportedMediaType => (415, "unsupported-media-type", "Unsupported media type"),
            Self::RangeNotSatisfiable => (416, "range-not-satisfiable", "Range not satisfiable"),
            Self::InvalidSnapshot => (422, "invalid-snapshot", "The snapshot description is not valid"),
            Self::SnapshotTime => (422, "snapshot-time", "The snapshot time is not allowed"),
            Self::DamagedFile => (422, "damaged-file", "The file cannot be decompressed"),
            Self::UnknownShape => (422, "unknown-shape", "Unknown shape"),
            Self::InvalidSignature => (422, "invalid-signature", "The signature is not valid"),
            Self::InvalidNotice => (422, "invalid-notice", "The notice is not valid"),
            Self::IdempotencyMismatch => {
                (422, "idempotency-mismatch", "The idempotency key was used for another request")
            }
            Self::RateLimited => (429, "rate-limited", "Too many requests"),
            Self::Internal => (500, "internal", "Internal error"),
            Self::Unavailable => (503, "unavailable", "Service unavailable"),
            Self::NotReady => (503, "not-ready", "The service is not ready"),
            Self::InsufficientStorage => (507, "insufficient-storage", "There is no room for the file"),
        }
    }

    /// The HTTP status.
    pub fn status(self) -> StatusCode {
        StatusCode::from_u16(self.parts().0).expect("every kind's status is between 400 and 599")
    }

    /// `/problems/…`.
    pub fn type_uri(self) -> String {
        format!("/problems/{}", self.parts().1)
    }

    /// The kind for a bare status of the HTTP library.
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
            507 => Self::InsufficientStorage,
            500.. => Self::Internal,
            _ => Self::MalformedRequest,
        }
    }
}

/// A problem document (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Problem)]
pub struct Document {
    /// Stable identifier of the kind of problem, relative to this service. api-spec/problems.md lists all of them.
    #[serde(rename = "type")]
    #[schema(example = "/problems/not-found")]
    pub type_uri: String,
    /// Short description; the same for every problem of one type.
    pub title: String,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    pub status: u16,
    /// Explanation of this occurrence for a person; the text may change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub detail: Option<String>,
    /// Individual findings, if there are any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FieldError {
    /// File, table or field.
    pub place: String,
    /// Line or row, counted from 1.
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

/// Why a request failed.
#[derive(Debug)]
pub struct Problem {
    kind: Kind,
    detail: Option<String>,
    errors: Vec<FieldError>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// A problem without details.
    pub fn new(kind: Kind) -> Self {
        Self { kind, detail: None, errors: Vec::new(), headers: Vec::new() }
    }

    /// A problem with a sentence about this occurrence.
    pub fn because(kind: Kind, detail: impl fmt::Display) -> Self {
        Self { detail: Some(detail.to_string()), ..Self::new(kind) }
    }

    /// The answer for a resource that does not exist or that the caller may not see; both get the same document.
    pub fn not_found() -> Self {
        Self::new(Kind::NotFound)
    }

    /// The request has no token.
    pub fn no_token() -> Self {
        Self::because(Kind::Unauthorized, "send a token as `Authorization: Bearer …`")
            .with_header(header::WWW_AUTHENTICATE, "Bearer realm=\"assay\"")
    }

    /// The token lacks `scope`.
    pub fn insufficient_scope(scope: Scope) -> Self {
        Self::because(Kind::InsufficientScope, format_args!("this request needs a token with the scope {scope}"))
            .with_header(
                header::WWW_AUTHENTICATE,
                &format!("Bearer realm=\"assay\", error=\"insufficient_scope\", scope=\"{scope}\""),
            )
    }

    /// An internal error. `cause` goes to the log and must not contain customer data.
    pub fn internal(cause: impl fmt::Display) -> Self {
        tracing::error!(cause = %cause, "internal error");
        Self::new(Kind::Internal)
    }

    /// A temporary failure; the caller may try again.
    pub fn unavailable(detail: impl fmt::Display) -> Self {
        Self::because(Kind::Unavailable, detail).retry_after(RETRY_SECONDS)
    }

    /// A problem with the findings of a check.
    pub fn findings(kind: Kind, findings: &Findings) -> Self {
        let errors = findings.findings.iter().cloned().map(FieldError::from).collect();
        Self { errors, ..Self::new(kind) }
    }

    /// Adds individual findings.
    #[must_use]
    pub fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.errors = errors;
        self
    }

    /// Adds a header. An invalid value is ignored.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    /// Adds `Retry-After`.
    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        self.with_header(header::RETRY_AFTER, &seconds.to_string())
    }

    /// The kind of the problem.
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

    /// The problem for a bare error status of the HTTP library.
    pub fn of_status(status: StatusCode) -> Self {
        Self::new(Kind::of_status(status))
    }
}

/// `Retry-After` of temporary failures.
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
                tracing::warn!(transaction = name, "the outcome of a transaction is unknown");
                Self::unavailable(
                    "the connection to the database was lost during the commit: check whether the request took effect",
                )
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
            Conflict::FileOfTable => Kind::FileExists,
            Conflict::JobUnderWay => Kind::JobUnderWay,
            Conflict::JobEnded => Kind::JobEnded,
            Conflict::AttestationExists => Kind::AlreadyAttested,
            Conflict::SignatureExists => Kind::AlreadySigned,
            Conflict::NoticeExists => Kind::NoticeExists,
            Conflict::NotLater => Kind::InvalidNotice,
            Conflict::OpenSnapshots => Kind::TooManySnapshots,
            Conflict::StoredBytes => Kind::InsufficientStorage,
            // no request leads to these
            Conflict::FileIncomplete | Conflict::StatementDiffers | Conflict::InsertOnly => {
                return Self::internal(conflict);
            }
        };
        Self::because(kind, conflict)
    }
}

impl Problem {
    /// A token that is refused by the service at `public_url`.
    pub fn of_token(error: TokenError, public_url: &str) -> Self {
        if error.is_temporary() {
            return Self::unavailable(error);
        }
        let sentence = match error {
            TokenError::Issuer | TokenError::Audience => {
                format!("{error}; this service's own tokens name {public_url} (public_url)")
            }
            error => error.to_string(),
        };
        let challenge = format!("Bearer realm=\"assay\", error=\"invalid_token\", error_description=\"{sentence}\"");
        Self::because(Kind::Unauthorized, sentence).with_header(header::WWW_AUTHENTICATE, &challenge.replace('`', "'"))
    }
}

impl From<AttestError> for Problem {
    /// Stored data was written by this service, so unusable data is an internal error.
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
        let answer = Problem::of_token(TokenError::Claim("aud"), "https://assay.example").error_response();
        assert_eq!(answer.status(), 401);
        let challenge = answer.headers().get("www-authenticate").unwrap().to_str().unwrap();
        assert!(challenge.contains("invalid_token") && challenge.contains("'aud'"), "{challenge}");
        let answer = Problem::of_token(TokenError::KeysUnavailable, "https://assay.example").error_response();
        assert_eq!(answer.status(), 503);
        assert!(answer.headers().contains_key("retry-after"));
    }

    #[test]
    fn a_fault_is_not_explained_to_the_caller() {
        let document = Problem::from(StoreError::Corrupt("a page of alice".to_owned())).document();
        assert_eq!((document.status, document.detail), (500, None));
    }
}
