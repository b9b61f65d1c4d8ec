//! Parsers for parts of a URL. A malformed id is answered with 404, like an unknown one.

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use assay_core::{sealed::StatementDigest, time::format_instant};
use serde::de::DeserializeOwned;
use std::future::{Ready, ready};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

use super::problem::{Kind, Problem};

/// The id of an attestation: SHA-256 of its statement, 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttestationId(pub [u8; 32]);

impl AttestationId {
    /// Parses 64 lower-case hexadecimal digits.
    ///
    /// # Errors
    /// [`Kind::NotFound`].
    pub fn read(text: &str) -> Result<Self, Problem> {
        let digest = StatementDigest::parse(text).map_err(|_| Problem::not_found())?;
        Ok(Self(digest.0))
    }
}

/// The `{id}` of a path that names a snapshot or a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowId(pub Uuid);

impl RowId {
    fn read(text: &str) -> Result<Self, Problem> {
        // one spelling only
        let id = Uuid::try_parse(text).ok().filter(|id| id.hyphenated().to_string() == text);
        id.map(Self).ok_or_else(Problem::not_found)
    }
}

fn id_of(request: &HttpRequest) -> &str {
    request.match_info().get("id").unwrap_or_default()
}

impl FromRequest for AttestationId {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _body: &mut Payload) -> Self::Future {
        ready(Self::read(id_of(request)))
    }
}

impl FromRequest for RowId {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _body: &mut Payload) -> Self::Future {
        ready(Self::read(id_of(request)))
    }
}

/// The query string. Unknown names are refused if the type says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Query<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _body: &mut Payload) -> Self::Future {
        let query = actix_web::web::Query::<T>::from_query(request.query_string());
        let refused = |e| Problem::because(Kind::MalformedRequest, format_args!("the query string is not valid: {e}"));
        // the database cannot store NUL in text
        if request.query_string().contains("%00") {
            return ready(Err(Problem::because(Kind::MalformedRequest, "the query string contains a NUL character")));
        }
        ready(query.map(|query| Self(query.into_inner())).map_err(refused))
    }
}

/// A time in a query, RFC 3339 with any offset. A leap second and a fraction finer than a microsecond are refused: they would become
/// other times.
///
/// # Errors
/// [`Kind::MalformedRequest`].
pub fn instant(name: &str, text: &str) -> Result<OffsetDateTime, Problem> {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let is_exact = text.get(17..19) != Some("60")
        && text.get(19..).and_then(|rest| rest.strip_prefix('.')).is_none_or(|f| digits(f) <= 6);
    let at = OffsetDateTime::parse(text, &Rfc3339).ok().filter(|at| is_exact && (0..10_000).contains(&at.year()));
    at.ok_or_else(|| {
        Problem::because(
            Kind::MalformedRequest,
            format_args!("`{name}` is not an RFC 3339 time such as 2026-11-23T00:00:00Z"),
        )
    })
}

/// The time as the database keeps it, in microseconds.
pub fn microseconds(at: OffsetDateTime) -> OffsetDateTime {
    at.replace_nanosecond(at.nanosecond() / 1000 * 1000).unwrap_or(at)
}

/// A time in an answer: RFC 3339 in UTC.
pub fn utc(at: OffsetDateTime) -> String {
    format_instant(at)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_id_has_one_spelling() {
        let id = "0123456789abcdef".repeat(4);
        assert!(AttestationId::read(&id).is_ok());
        for wrong in [&id.to_uppercase()[..], &id[1..], "", "latest", &format!("{id}00")] {
            assert!(AttestationId::read(wrong).is_err(), "{wrong}");
        }
        let id = "01936f3c-2b7a-7cc0-8000-000000000001";
        assert!(RowId::read(id).is_ok());
        for wrong in [&id.to_uppercase()[..], &id.replace('-', ""), &format!("{{{id}}}"), "", "1"] {
            assert!(RowId::read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn instants_are_answered_in_utc() {
        let at = instant("from", "2026-01-01T02:00:00+02:00").unwrap();
        assert_eq!(utc(at), "2026-01-01T00:00:00Z");
        assert_eq!(utc(instant("from", "2026-01-01T00:00:00.123456Z").unwrap()), "2026-01-01T00:00:00.123456Z");
        for wrong in [
            "2026-01-01",
            "yesterday",
            "",
            "2026-01-01T00:00:00",
            "2026-06-30T23:59:60Z",
            "2026-06-30T23:59:60.5+02:00",
            "2026-01-01T00:00:00.1234567Z",
        ] {
            assert!(instant("from", wrong).is_err(), "{wrong}");
        }
    }
}
