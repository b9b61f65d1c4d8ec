//! Published bytes, identified by their SHA-256 (a strong `ETag`), with support for ranges. Most never change and are cacheable for ever.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        Method, StatusCode,
        header::{self, HeaderMap},
    },
};
use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::problem::{Kind, Problem};

/// Cacheable for a year without revalidation.
pub const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// May be kept, and is asked for again each time: there may be more of it now.
const ASKED_AGAIN: &str = "public, no-cache";

/// Published bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artefact {
    bytes: Bytes,
    etag: String,
    media_type: &'static str,
    /// File name of a download; without one, a browser shows the bytes.
    download: Option<String>,
    caching: &'static str,
}

impl Artefact {
    /// Bytes of a media type.
    pub fn new(bytes: Vec<u8>, media_type: &'static str) -> Self {
        let etag = format!("\"{}\"", hex::encode(Sha256::digest(&bytes)));
        Self { bytes: bytes.into(), etag, media_type, download: None, caching: FOR_EVER }
    }

    /// Sets the file name of a download, in ASCII without quotes.
    #[must_use]
    pub fn named(mut self, name: String) -> Self {
        self.download = Some(name);
        self
    }

    /// Says that other bytes may take the place of these.
    #[must_use]
    pub fn growing(self) -> Self {
        Self { caching: ASKED_AGAIN, ..self }
    }

    /// The bytes.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The strong tag, which has their SHA-256.
    pub fn etag(&self) -> &str {
        &self.etag
    }

    /// Approximate size in memory.
    pub fn weight(&self) -> usize {
        size_of::<Self>() + self.bytes.len()
    }

    /// Answers a request with all bytes, a range of them, or 304.
    ///
    /// # Errors
    /// [`Kind::RangeNotSatisfiable`].
    pub fn answer(&self, request: &HttpRequest) -> Result<HttpResponse, Problem> {
        let headers = request.headers();
        if if_none_match(headers, &self.etag) {
            let mut answer = HttpResponse::NotModified();
            return Ok(answer
                .insert_header((header::ETAG, self.etag.as_str()))
                .insert_header((header::CACHE_CONTROL, self.caching))
                .finish());
        }
        let length = self.bytes.len();
        let wanted = match request.method() {
            &Method::GET if if_range(headers, &self.etag) => range(headers, length)?,
            _ => None,
        };
        let status = if wanted.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
        let mut answer = HttpResponse::build(status);
        answer
            .content_type(self.media_type)
            .insert_header((header::ETAG, self.etag.as_str()))
            .insert_header((header::CACHE_CONTROL, self.caching))
            .insert_header((header::ACCEPT_RANGES, "bytes"));
        if let Some(name) = &self.download {
            answer.insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")));
        }
        Ok(match wanted {
            Some((first, last)) => {
                answer.insert_header((header::CONTENT_RANGE, format!("bytes {first}-{last}/{length}")));
                answer.body(self.bytes.slice(first..=last))
            }
            None => answer.body(self.bytes.clone()),
        })
    }
}

/// Whether the caller says that it has what this tag names.
pub fn if_none_match(headers: &HeaderMap, etag: &str) -> bool {
    let values = headers.get_all(header::IF_NONE_MATCH).filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim).any(|known| {
        // If-None-Match compares weakly
        known == "*" || known.strip_prefix("W/").unwrap_or(known) == etag
    })
}

/// Whether the caller's earlier part, if any, belongs to these bytes.
fn if_range(headers: &HeaderMap, etag: &str) -> bool {
    headers.get(header::IF_RANGE).is_none_or(|known| known.as_bytes() == etag.as_bytes())
}

/// First and last requested byte. Several ranges and malformed ranges are answered with all bytes, as RFC 9110 allows.
fn range(headers: &HeaderMap, length: usize) -> Result<Option<(usize, usize)>, Problem> {
    let Some((first, last)) = headers.get(header::RANGE).and_then(|value| single_range(value.to_str().ok()?)) else {
        return Ok(None);
    };
    let unsatisfiable = || {
        Problem::because(Kind::RangeNotSatisfiable, format_args!("the range is outside the {length} bytes"))
            .with_header(header::CONTENT_RANGE, &format!("bytes */{length}"))
    };
    let end = length.checked_sub(1).ok_or_else(unsatisfiable)?;
    match (first, last) {
        (Some(first), last) if first <= end => Ok(Some((first, last.unwrap_or(end).min(end)))),
        (None, Some(suffix)) if suffix > 0 => Ok(Some((length.saturating_sub(suffix), end))),
        _ => Err(unsatisfiable()),
    }
}

/// `bytes=first-last`, `bytes=first-` or `bytes=-count`.
fn single_range(text: &str) -> Option<(Option<usize>, Option<usize>)> {
    let (first, last) = text.trim().strip_prefix("bytes=")?.split_once('-')?;
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        // an overlong number counts as the largest one
        digits.then(|| text.parse().unwrap_or(usize::MAX))
    };
    match (number(first), number(last)) {
        (Some(first), Some(last)) => (first <= last).then_some((Some(first), Some(last))),
        (Some(first), None) => last.is_empty().then_some((Some(first), None)),
        (None, last) => (first.is_empty() && last.is_some()).then_some((None, last)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use actix_web::{body::MessageBody, test::TestRequest};

    use super::*;

    fn artefact() -> Artefact {
        Artefact::new(b"0123456789".to_vec(), "application/octet-stream")
    }

    fn ask(request: TestRequest) -> (u16, HeaderMap, Bytes) {
        match artefact().answer(&request.to_http_request()) {
            Ok(answer) => {
                let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
                (status, headers, answer.into_body().try_into_bytes().unwrap())
            }
            Err(problem) => (problem.document().status, HeaderMap::new(), Bytes::new()),
        }
    }

    fn part(range: &str) -> (u16, String) {
        let (status, _, body) = ask(TestRequest::get().insert_header((header::RANGE, range)));
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[test]
    fn all_of_it_is_given_with_its_digest_and_may_be_kept_for_ever() {
        let (status, headers, body) = ask(TestRequest::get());
        assert_eq!((status, &body[..]), (200, &b"0123456789"[..]));
        let digest = hex::encode(Sha256::digest(b"0123456789"));
        assert_eq!(headers.get("etag").unwrap(), &format!("\"{digest}\""));
        assert!(headers.get("cache-control").unwrap().to_str().unwrap().contains("immutable"));
        assert_eq!(headers.get("accept-ranges").unwrap(), "bytes");
    }

    #[test]
    fn parts_are_given_as_they_are_asked_for() {
        assert_eq!(part("bytes=0-0"), (206, "0".to_owned()));
        assert_eq!(part("bytes=3-5"), (206, "345".to_owned()));
        assert_eq!(part("bytes=7-"), (206, "789".to_owned()));
        assert_eq!(part("bytes=7-99999999999999999999999"), (206, "789".to_owned()));
        assert_eq!(part("bytes=-2"), (206, "89".to_owned()));
        assert_eq!(part("bytes=-100"), (206, "0123456789".to_owned()));
        let (_, headers, _) = ask(TestRequest::get().insert_header((header::RANGE, "bytes=3-5")));
        assert_eq!(headers.get("content-range").unwrap(), "bytes 3-5/10");
    }

    #[test]
    fn bytes_that_are_not_there_are_refused_and_what_is_no_range_is_not_looked_at() {
        for beyond in ["bytes=10-", "bytes=10-20", "bytes=-0"] {
            assert_eq!(part(beyond).0, 416, "{beyond}");
        }
        for other in ["lines=1-2", "bytes=1-2,4-5", "bytes=5-3", "bytes=-", "bytes=a-b", "bytes", "bytes=+1-2"] {
            assert_eq!(part(other), (200, "0123456789".to_owned()), "{other}");
        }
        // a range of something else, and HEAD, get no part
        let other =
            TestRequest::get().insert_header((header::RANGE, "bytes=1-2")).insert_header((header::IF_RANGE, "\"x\""));
        assert_eq!(ask(other).0, 200);
        let head = TestRequest::default().method(Method::HEAD).insert_header((header::RANGE, "bytes=1-2"));
        assert_eq!(ask(head).0, 200);
    }

    #[test]
    fn who_has_it_already_is_told_so() {
        let etag = artefact().etag;
        for known in [etag.clone(), format!("W/{etag}"), format!("\"x\", {etag}"), "*".to_owned()] {
            let (status, headers, body) = ask(TestRequest::get().insert_header((header::IF_NONE_MATCH, known)));
            assert_eq!((status, body.len()), (304, 0));
            assert_eq!(headers.get("etag").unwrap(), &etag);
        }
        assert_eq!(ask(TestRequest::get().insert_header((header::IF_NONE_MATCH, "\"x\""))).0, 200);
    }
}
