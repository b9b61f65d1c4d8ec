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
    store::{
        attestations::{self, AttestationRow, Filter},
        later,
    },
};

/// Default number of attestations on a page.
const DEFAULT_LIMIT: u32 = 20;
/// Maximum number of attestations on a page.
const MAX_LIMIT: u32 = 100;

/// Filter of the list.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// Earliest time of the snapshot.
    #[param(format = "date-time", nullable = false)]
    from: Option<String>,
    /// Latest time of the snapshot.
    #[param(format = "date-time", nullable = false)]
    to: Option<String>,
    /// Domain of an exchange.
    #[param(nullable = false)]
    exchange: Option<String>,
    /// Position of the next page, from the `Link` header.
    #[param(nullable = false)]
    cursor: Option<String>,
    /// Maximum number of attestations on a page; default 20.
    #[param(minimum = 1, maximum = 100, nullable = false)]
    limit: Option<u32>,
}

/// A page of attestations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AttestationList {
    /// Attestations, newest first.
    pub attestations: Vec<Summary>,
}

/// List attestations
///
/// Newest first. If there are more, `Link: <…>; rel="next"` contains the address of the next page.
#[utoipa::path(
    get, path = "/v1/attestations", tag = "attestations", params(ListQuery),
    responses(
        (status = 200, description = "A page of attestations", body = AttestationList, headers(("Link" = Option<String>, description = "Address of the next page"))),
        (status = 400),
    ),
)]
pub async fn list(state: web::Data<ApiState>, query: Query<ListQuery>) -> Result<HttpResponse, Problem> {
    let Query(query) = query;
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Problem::because(
            Kind::MalformedRequest,
            format_args!("`limit` is {limit}; it must be from 1 to {MAX_LIMIT}"),
        ));
    }
    let read = |name, text: &Option<String>| text.as_deref().map(|text| instant(name, text)).transpose();
    let filter = Filter {
        exchange: query.exchange.clone(),
        from: read("from", &query.from)?,
        to: read("to", &query.to)?,
        after: query.cursor.as_deref().map(read_cursor).transpose()?,
        // one more, to find out whether there is a next page
        limit: i64::from(limit) + 1,
    };
    let client = state.store.read().await?;
    let mut rows = attestations::list(&client, &filter).await?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let ids: Vec<[u8; 32]> = rows.iter().map(|row| row.id).collect();
    let notices = later::notices(&client, &ids).await?;
    drop(client);
    let mut answer = HttpResponse::Ok();
    if let Some(last) = rows.last().filter(|_| more) {
        answer.insert_header((header::LINK, next_link(&query, last)));
    }
    let summary = |row: &AttestationRow| Summary::from(row).noticed(row, &notices);
    Ok(answer.json(AttestationList { attestations: rows.iter().map(summary).collect() }))
}

/// Time and id of the last attestation of a page. The next page starts after it, even if more are published meanwhile.
pub fn cursor(epoch: OffsetDateTime, id: &[u8; 32]) -> String {
    format!("{}-{}", epoch.unix_timestamp_nanos(), hex::encode(id))
}

/// The time and the id in a cursor.
///
/// # Errors
/// [`Kind::MalformedRequest`].
pub fn read_cursor(text: &str) -> Result<(OffsetDateTime, [u8; 32]), Problem> {
    let wrong = || Problem::because(Kind::MalformedRequest, "`cursor` is not from a `Link` header of this list");
    let (nanos, id) = text.rsplit_once('-').ok_or_else(wrong)?;
    let epoch = nanos.parse().ok().and_then(|nanos| OffsetDateTime::from_unix_timestamp_nanos(nanos).ok());
    let id = AttestationId::read(id).map_err(|_| wrong())?;
    Ok((epoch.filter(|at| (0..10_000).contains(&at.year())).ok_or_else(wrong)?, id.0))
}

fn next_link(query: &ListQuery, last: &AttestationRow) -> String {
    let mut link = format!("</v1/attestations?cursor={}", cursor(last.epoch, &last.id));
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
        assert_eq!(read_cursor(&cursor(row().epoch, &row().id)).unwrap(), (row().epoch, row().id));
        for wrong in
            ["", "-", "1", "x-y", "99999999999999999999999999999999-00", &cursor(row().epoch, &row().id)[1..65]]
        {
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
