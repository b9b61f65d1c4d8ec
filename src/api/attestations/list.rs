//! `GET /v1/attestations`

use std::fmt::Write;

use actix_web::{HttpResponse, http::header, web};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};

use super::view::Summary;
use crate::{
    api::{
        parse::{AttestationId, Query, instant},
        problem::{Kind, Problem},
        state::ApiState,
    },
    store::attestations::{self, AttestationRow, Filter},
};

/// Attestations on a page where nobody says how many.
const DEFAULT_LIMIT: u32 = 20;
/// Most attestations on a page.
const MAX_LIMIT: u32 = 100;

/// Which attestations.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// Only those that speak of this instant or a later one.
    #[param(format = "date-time", nullable = false)]
    from: Option<String>,
    /// Only those that speak of this instant or an earlier one.
    #[param(format = "date-time", nullable = false)]
    to: Option<String>,
    /// Only those of the exchange with this domain.
    #[param(nullable = false)]
    exchange: Option<String>,
    /// Goes on where a page ended; from its `Link`.
    #[param(nullable = false)]
    cursor: Option<String>,
    /// How many at most, 20 where it is left out.
    #[param(minimum = 1, maximum = 100, nullable = false)]
    limit: Option<u32>,
}

/// A page of attestations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AttestationList {
    /// Newest first.
    pub attestations: Vec<Summary>,
}

/// What is published
///
/// Newest first. `Link: <…>; rel="next"` leads to the next page, where there is one.
#[utoipa::path(
    get, path = "/v1/attestations", tag = "attestations", params(ListQuery),
    responses(
        (status = 200, description = "A page", body = AttestationList, headers(("Link" = Option<String>, description = "The next page"))),
        (status = 400),
    ),
)]
pub async fn list(state: web::Data<ApiState>, query: Query<ListQuery>) -> Result<HttpResponse, Problem> {
    let Query(query) = query;
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Problem::because(Kind::MalformedRequest, format_args!("`limit` is 1 to {MAX_LIMIT}")));
    }
    let read = |name, text: &Option<String>| text.as_deref().map(|text| instant(name, text)).transpose();
    let filter = Filter {
        exchange: query.exchange.clone(),
        from: read("from", &query.from)?,
        to: read("to", &query.to)?,
        after: query.cursor.as_deref().map(read_cursor).transpose()?,
        // one more tells whether there is a next page
        limit: i64::from(limit) + 1,
    };
    let mut rows = attestations::list(&state.store.read().await?, &filter).await?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let mut answer = HttpResponse::Ok();
    if let Some(last) = rows.last().filter(|_| more) {
        answer.insert_header((header::LINK, next_link(&query, last)));
    }
    Ok(answer.json(AttestationList { attestations: rows.iter().map(Summary::from).collect() }))
}

/// Instant and id of the last attestation of a page: where the next one begins, whatever is published meanwhile.
fn cursor(row: &AttestationRow) -> String {
    format!("{}-{}", row.epoch.unix_timestamp_nanos(), hex::encode(row.id))
}

fn read_cursor(text: &str) -> Result<(OffsetDateTime, [u8; 32]), Problem> {
    let wrong = || Problem::because(Kind::MalformedRequest, "`cursor` is not one of a `Link`");
    let (nanos, id) = text.rsplit_once('-').ok_or_else(wrong)?;
    let epoch = nanos.parse().ok().and_then(|nanos| OffsetDateTime::from_unix_timestamp_nanos(nanos).ok());
    let id = AttestationId::read(id).map_err(|_| wrong())?;
    Ok((epoch.filter(|at| (0..10_000).contains(&at.year())).ok_or_else(wrong)?, id.0))
}

fn next_link(query: &ListQuery, last: &AttestationRow) -> String {
    let mut link = format!("</v1/attestations?cursor={}", cursor(last));
    let given = [("from", &query.from), ("to", &query.to), ("exchange", &query.exchange)];
    for (name, value) in given.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?))) {
        let _ = write!(link, "&{name}={}", encoded(value));
    }
    if let Some(limit) = query.limit {
        let _ = write!(link, "&limit={limit}");
    }
    link + ">; rel=\"next\""
}

fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use time::macros::datetime;
    use uuid::Uuid;

    use super::*;

    fn row() -> AttestationRow {
        AttestationRow {
            id: [0xab; 32],
            exchange_domain: "exchange.example".to_owned(),
            exchange_name: "Example".to_owned(),
            snapshot_name: "2026-11-23".to_owned(),
            job_id: Uuid::nil(),
            epoch: datetime!(2026-11-23 00:00:00.123456 UTC),
            shape: "solvency-64".to_owned(),
            valid: true,
            report: serde_json::Value::Null,
            published_at: datetime!(2026-11-23 01:00:00 UTC),
        }
    }

    #[test]
    fn a_cursor_leads_back_to_where_the_page_ended() {
        assert_eq!(read_cursor(&cursor(&row())).unwrap(), (row().epoch, row().id));
        for wrong in ["", "-", "1", "x-y", "99999999999999999999999999999999-00", &cursor(&row())[1..65]] {
            assert_eq!(read_cursor(wrong).unwrap_err().kind(), Kind::MalformedRequest, "{wrong}");
        }
    }

    #[test]
    fn the_next_page_is_of_the_same_attestations() {
        let query: ListQuery = serde_json::from_value(serde_json::json!({
            "exchange": "bö rse&x=1>", "from": "2026-01-01T00:00:00+01:00", "limit": 5, "cursor": "old",
        }))
        .unwrap();
        let link = next_link(&query, &row());
        let inside = link.strip_prefix("</v1/attestations?").unwrap().strip_suffix(">; rel=\"next\"").unwrap();
        let again = web::Query::<ListQuery>::from_query(inside).unwrap().into_inner();
        assert_eq!((again.exchange, again.from, again.to, again.limit), (query.exchange, query.from, None, Some(5)));
        assert_eq!(read_cursor(&again.cursor.unwrap()).unwrap().1, row().id);
    }
}
