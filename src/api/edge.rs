//! Common to all requests and answers: request id, log line, metrics, security headers, and a problem document for every error
//! status.
//!
//! The log contains method, route pattern, status, request id and scopes. It never contains the requested path (which may
//! identify a resource), a query, a header, a body or a subject.

use std::{sync::Arc, time::Instant};

use actix_web::{
    Error, HttpRequest, ResponseError,
    body::{BoxBody, EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        ConnectionType, Method, StatusCode,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
    middleware::Next,
};
use tracing::{Instrument, Span, field};
use uuid::Uuid;

use super::{
    answers,
    connection::Requests,
    pages::failure,
    problem::{MEDIA_TYPE, Problem},
    state::ApiState,
};

/// Header with the request id.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Maximum length of a request id from a caller.
const MAX_REQUEST_ID: usize = 64;
/// Answers may not load or run anything in a browser.
const NOTHING_RUNS: &str = "default-src 'none'; frame-ancestors 'none'";

/// The outermost middleware.
///
/// # Errors
/// Those of the inner services.
pub async fn edge(
    state: ApiState,
    request: ServiceRequest,
    next: Next<EitherBody<BoxBody>>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let start = Instant::now();
    let answering = request.request().conn_data::<Arc<Requests>>().map(Requests::begin);
    let id = request_id(request.headers());
    let span = tracing::info_span!(
        "request",
        request_id = %id,
        method = bounded_method(request.method()),
        route = field::Empty,
        scopes = field::Empty,
        status = field::Empty,
    );
    let answer = next.call(request).instrument(span.clone()).await?;
    drop(answering);
    let mut answer = if answer.status().is_client_error() || answer.status().is_server_error() {
        let problem = as_problem(answer);
        if state.config.pages.enabled { failure::as_page(problem) } else { problem }
    } else {
        answer.map_into_boxed_body()
    };
    answer = answers::leaving(&state, answer);
    if state.connections.is_crowded(answer.request().peer_addr().map(|peer| peer.ip())) {
        answer.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    let is_https = state.config.public_url.starts_with("https://");
    let id = HeaderValue::from_str(&id).unwrap_or_else(|_| HeaderValue::from_static("none"));
    finish_headers(answer.headers_mut(), id, is_https);
    note(&state, &span, &answer, start);
    Ok(answer)
}

/// The caller's own id for the request if it is well-formed, otherwise a new one.
fn request_id(headers: &HeaderMap) -> String {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let own = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
    match own.filter(|id| (1..=MAX_REQUEST_ID).contains(&id.len()) && id.bytes().all(allowed)) {
        Some(id) => id.to_owned(),
        None => Uuid::new_v4().to_string(),
    }
}

/// Replaces bare error answers of the HTTP library with problem documents.
fn as_problem(answer: ServiceResponse<EitherBody<BoxBody>>) -> ServiceResponse<BoxBody> {
    let status = answer.status();
    answer.map_body(|head, body| {
        let is_document = head.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == MEDIA_TYPE);
        if is_document {
            return body.boxed();
        }
        let document = Problem::of_status(status).document();
        head.status = Problem::of_status(status).status_code();
        head.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        head.headers_mut().remove(header::CONTENT_ENCODING);
        serde_json::to_vec(&document).unwrap_or_default().boxed()
    })
}

fn finish_headers(headers: &mut HeaderMap, request_id: HeaderValue, is_https: bool) {
    let mut default = |name: HeaderName, value: &'static str| {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    };
    default(header::CONTENT_SECURITY_POLICY, NOTHING_RUNS);
    default(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    default(header::REFERRER_POLICY, "no-referrer");
    // by default, answers are not cached
    default(header::CACHE_CONTROL, "no-store");
    if is_https {
        default(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000; includeSubDomains");
    }
    headers.insert(REQUEST_ID, request_id);
}

/// Pattern of the route in the table, or `none` for unknown paths.
fn pattern(request: &HttpRequest) -> String {
    request.match_pattern().filter(|pattern| !pattern.is_empty()).unwrap_or_else(|| "none".to_owned())
}

/// The method, or `other`: callers can invent methods of any length, and each would be a time series of its own.
fn bounded_method(method: &Method) -> &'static str {
    let known = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"];
    known.into_iter().find(|known| method == known).unwrap_or("other")
}

fn note(state: &ApiState, span: &Span, answer: &ServiceResponse<BoxBody>, start: Instant) {
    let (route, status, took) = (pattern(answer.request()), answer.status().as_u16(), start.elapsed());
    let method = bounded_method(answer.request().method());
    span.record("route", route.as_str());
    span.record("status", status);
    let labels = [("method", method.to_owned()), ("route", route.clone()), ("status", status.to_string())];
    metrics::counter!("assay_http_requests_total", &labels).increment(1);
    metrics::histogram!("assay_http_request_seconds", "route" => route.clone()).record(took.as_secs_f64());
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    if status == StatusCode::TOO_MANY_REQUESTS.as_u16() {
        // summed up once a minute: who is above the limit must not fill the log
        state.count_refused();
    }
    span.in_scope(|| match (status, route.as_str()) {
        (429, _) | (_, "/healthz" | "/readyz") => tracing::debug!(micros, "answered"),
        _ => tracing::info!(micros, "answered"),
    });
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_well_formed_request_id_is_kept_and_any_other_is_replaced() {
        let id = |value: &str| {
            request_id(TestRequest::default().insert_header((REQUEST_ID, value)).to_http_request().headers())
        };
        assert_eq!(id("abc-1.2_3"), "abc-1.2_3");
        for wrong in ["", "a b", "a\"b", "ü", &"x".repeat(65)] {
            assert!(Uuid::try_parse(&id(wrong)).is_ok(), "{wrong}");
        }
        let without = TestRequest::default().to_http_request();
        assert_ne!(request_id(without.headers()), request_id(without.headers()));
    }

    #[test]
    fn an_invented_method_is_logged_in_five_letters() {
        let method = |name: &str| bounded_method(&Method::from_bytes(name.as_bytes()).unwrap());
        assert_eq!((method("GET"), method("get"), method(&"X".repeat(60_000))), ("GET", "other", "other"));
    }

    #[test]
    fn an_answer_keeps_what_its_endpoint_said_about_caching() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public"));
        finish_headers(&mut headers, HeaderValue::from_static("id"), false);
        assert_eq!(headers.get(header::CACHE_CONTROL).unwrap(), "public");
        assert!(!headers.contains_key(header::STRICT_TRANSPORT_SECURITY));
        let mut headers = HeaderMap::new();
        finish_headers(&mut headers, HeaderValue::from_static("id"), true);
        assert_eq!(headers.get(header::CACHE_CONTROL).unwrap(), "no-store");
        assert!(headers.contains_key(header::STRICT_TRANSPORT_SECURITY));
    }
}
