//! Compression of answers.

use std::io::Write;

use actix_web::{
    Error,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::header::{self, HeaderMap, HeaderValue},
    middleware::Next,
};
use flate2::{Compression, write::GzEncoder};

use super::accept::takes;

/// Smaller answers are not compressed.
const WORTH_PACKING: usize = 1 << 10;

/// Compresses an answer if the caller accepts gzip. Only for routes without secrets in their answers: the length of a compressed
/// answer can reveal a secret beside text that the caller chooses (BREACH).
///
/// # Errors
/// Those of the inner services.
pub async fn pack(request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse<BoxBody>, Error> {
    let wanted = takes_gzip(request.headers());
    let answer = next.call(request).await?;
    if answer.headers().contains_key(header::CONTENT_ENCODING) || answer.headers().contains_key(header::ETAG) {
        return Ok(answer);
    }
    Ok(answer.map_body(|head, body| {
        let bytes = match body.try_into_bytes() {
            Ok(bytes) => bytes,
            Err(stream) => return stream,
        };
        if bytes.len() < WORTH_PACKING {
            return bytes.boxed();
        }
        head.headers_mut().append(header::VARY, HeaderValue::from_static("accept-encoding"));
        let packed = if wanted { gzip(&bytes) } else { None };
        match packed {
            Some(packed) => {
                head.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                packed.boxed()
            }
            None => bytes.boxed(),
        }
    }))
}

/// `bytes`, compressed.
pub fn gzip(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}

/// Whether the caller accepts gzip.
pub fn takes_gzip(headers: &HeaderMap) -> bool {
    takes(headers, &header::ACCEPT_ENCODING, "gzip")
}
