//! What a caller takes, by the headers that list it with weights.

use actix_web::http::header::{HeaderMap, HeaderName};

/// Whether a header names `what`, and does not refuse it with the weight 0. Patterns such as `*/*` name nothing.
pub fn takes(headers: &HeaderMap, header: &HeaderName, what: &str) -> bool {
    let values = headers.get_all(header).filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|choice| {
        let mut parts = choice.split(';').map(str::trim);
        let refused = |weight: &str| weight.strip_prefix("q=").is_some_and(|q| q.trim_matches(['0', '.']).is_empty());
        parts.next().is_some_and(|name| name.eq_ignore_ascii_case(what)) && !parts.any(refused)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use actix_web::http::header::{self, HeaderValue};

    use super::*;

    fn said(header: HeaderName, value: &str, what: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header.clone(), HeaderValue::from_str(value).unwrap());
        takes(&headers, &header, what)
    }

    #[test]
    fn gzip_is_sent_to_those_who_take_it() {
        let gzip = |value: &str| said(header::ACCEPT_ENCODING, value, "gzip");
        assert!(gzip("gzip") && gzip("br, GZIP;q=0.5") && gzip("deflate,gzip"));
        assert!(!gzip("") && !gzip("br") && !gzip("gzip;q=0") && !gzip("gzip; q=0.000") && !gzip("x-gzip"));
    }

    #[test]
    fn html_is_for_those_who_name_it() {
        let html = |value: &str| said(header::ACCEPT, value, "text/html");
        assert!(html("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"));
        assert!(html("application/json, Text/HTML;q=0.1"));
        for other in ["*/*", "application/json", "text/*", "text/html;q=0", "text/html;q=0.0", ""] {
            assert!(!html(other), "{other}");
        }
    }
}
