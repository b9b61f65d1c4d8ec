//! Bytes that many requests share: kept once, compressed once, and known to browsers by their digest.

use std::sync::OnceLock;

use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, http::header};
use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::{
    artefact::if_none_match,
    packing::{gzip, takes_gzip},
};

/// A file, or a page that was written once. All requests share its bytes.
pub struct StaticFile {
    content_type: String,
    plain: Bytes,
    digest: String,
    packed: OnceLock<Option<Bytes>>,
}

impl StaticFile {
    /// A file of a media type.
    pub fn new(content_type: impl Into<String>, plain: impl Into<Bytes>) -> Self {
        let plain = plain.into();
        let digest = hex::encode(Sha256::digest(&plain));
        Self { content_type: content_type.into(), plain, digest, packed: OnceLock::new() }
    }

    /// A file that is packed now and not with the first request for it: packing a large one takes longer than requests should.
    pub fn packed_beforehand(content_type: impl Into<String>, plain: impl Into<Bytes>) -> Self {
        let file = Self::new(content_type, plain);
        file.packed();
        file
    }

    /// Most bytes that it takes in memory, packed and not.
    pub fn weight(&self) -> usize {
        size_of::<Self>() + 2 * self.plain.len()
    }

    /// Answers a request, packed if the caller takes that, or with 304. Caches are told that this depends on the caller.
    pub fn answer(&self, request: &HttpRequest, caching: &'static str) -> HttpResponse {
        let packed = takes_gzip(request.headers()).then(|| self.packed()).flatten();
        let plain_tag = format!("\"{}\"", self.digest);
        // packed bytes are other bytes, so they have another tag
        let packed_tag = format!("\"{}-gzip\"", self.digest);
        let tag = if packed.is_some() { &packed_tag } else { &plain_tag };
        let with_headers = |mut answer: HttpResponseBuilder| {
            answer.insert_header((header::CACHE_CONTROL, caching)).insert_header((header::VARY, "accept-encoding"));
            answer.insert_header((header::ETAG, tag.as_str()));
            answer
        };
        if [&plain_tag, &packed_tag].into_iter().any(|tag| if_none_match(request.headers(), tag)) {
            return with_headers(HttpResponse::NotModified()).finish();
        }
        let mut answer = with_headers(HttpResponse::Ok());
        answer.content_type(self.content_type.as_str());
        match packed {
            Some(packed) => answer.insert_header((header::CONTENT_ENCODING, "gzip")).body(packed),
            None => answer.body(self.plain.clone()),
        }
    }

    fn packed(&self) -> Option<Bytes> {
        // a small file may grow
        let pack = || gzip(&self.plain).filter(|packed| packed.len() < self.plain.len()).map(Bytes::from);
        self.packed.get_or_init(pack).clone()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use actix_web::{body::MessageBody, test::TestRequest};

    use super::*;

    #[test]
    fn a_browser_that_has_a_file_is_told_so_whichever_bytes_it_got() {
        let file = StaticFile::new("text/css", vec![b'a'; 5000]);
        let ask = |coding: &str, known: &str| {
            let request = TestRequest::default().insert_header((header::ACCEPT_ENCODING, coding));
            let request = request.insert_header((header::IF_NONE_MATCH, known)).to_http_request();
            let answer = file.answer(&request, "no-cache");
            let tag = answer.headers().get(header::ETAG).unwrap().to_str().unwrap().to_owned();
            let status = answer.status().as_u16();
            (status, tag, answer.into_body().try_into_bytes().unwrap().len())
        };
        let (plain, packed) = (ask("identity", "\"x\""), ask("gzip", "\"x\""));
        assert_eq!((plain.0, packed.0, plain.2), (200, 200, 5000));
        assert!(packed.2 < 500 && plain.1 != packed.1);
        for (coding, tag) in [("identity", &plain.1), ("gzip", &packed.1), ("gzip", &plain.1), ("identity", &packed.1)]
        {
            assert_eq!(ask(coding, tag).0, 304, "{coding} {tag}");
        }
        let small = StaticFile::new("text/css", "a");
        let request = TestRequest::default().insert_header((header::ACCEPT_ENCODING, "gzip")).to_http_request();
        assert!(!small.answer(&request, "no-cache").headers().contains_key(header::CONTENT_ENCODING));
    }
}
