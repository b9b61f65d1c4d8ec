//! Problem documents as pages, for browsers on addresses that are no endpoint of the API.

use actix_web::{
    HttpRequest,
    body::{BoxBody, MessageBody},
    dev::ServiceResponse,
    http::{
        Method,
        header::{self, HeaderValue},
    },
};

use super::page::{choice, shield_page};
use crate::{
    api::{accept::takes, problem::Document},
    pages::{failure::Failure, frame::Frame},
};

/// Browsers ask for it by name, and programs do not.
const HTML: &str = "text/html";

/// Whether this pattern of a route is that of a page.
pub fn is_page(pattern: &str) -> bool {
    ["/a/", "/e/", "/assets/"].iter().any(|start| pattern.starts_with(start))
        || ["/", "/check", "/operator", "/regulator", "/verify.html"].contains(&pattern)
}

/// The answer as a page, if a browser asked for one. Of an endpoint, browsers get the problem document as well.
pub fn as_page(answer: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    let request = answer.request();
    let wanted = match request.match_pattern().filter(|pattern| !pattern.is_empty()) {
        Some(pattern) => is_page(&pattern),
        None => !request.path().starts_with("/v1/"),
    };
    let reads = [Method::GET, Method::HEAD].contains(request.method());
    if !wanted || !reads || !takes(request.headers(), &header::ACCEPT, HTML) {
        return answer;
    }
    let (request, response) = answer.into_parts();
    let (mut head, body) = response.into_parts();
    let document = match body.try_into_bytes() {
        Ok(bytes) => bytes,
        Err(stream) => return ServiceResponse::new(request, head.set_body(stream)),
    };
    let Some(html) = page(&request, &document) else {
        return ServiceResponse::new(request, head.set_body(document.boxed()));
    };
    let headers = head.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.append(header::VARY, HeaderValue::from_static("accept, accept-language"));
    shield_page(headers);
    ServiceResponse::new(request, head.set_body(html.boxed()))
}

fn page(request: &HttpRequest, document: &[u8]) -> Option<String> {
    let document: Document = serde_json::from_slice(document).ok()?;
    let asked = request.query_string().split('&').find_map(|parameter| parameter.strip_prefix("lang="));
    let failure = Failure { status: document.status, detail: document.detail.as_deref() };
    failure.render(Frame::new(choice(request, asked), &[])).ok()
}
