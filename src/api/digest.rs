//! Digest headers (RFC 9530): the caller announces the SHA-256 of a body, so that transmission errors are detected.

use actix_web::http::header::HeaderMap;
use base64::{Engine, engine::general_purpose::STANDARD};

use super::problem::{Kind, Problem};

/// The supported headers. Bodies have no content encoding, so both mean the same here.
const HEADERS: [&str; 2] = ["content-digest", "repr-digest"];

/// The announced SHA-256, if there is one. Digests of other algorithms are ignored.
///
/// # Errors
/// [`Kind::MalformedRequest`] if a digest is malformed, or two digests differ.
pub fn announced(headers: &HeaderMap) -> Result<Option<[u8; 32]>, Problem> {
    let mut found = None;
    for (name, value) in HEADERS.iter().flat_map(|name| headers.get_all(*name).map(move |value| (name, value))) {
        let wrong = || Problem::because(Kind::MalformedRequest, format_args!("{name} is not `sha-256=:…:`"));
        let members = value.to_str().map_err(|_| wrong())?.split(',');
        for member in members.map(str::trim) {
            let Some(encoded) = member.strip_prefix("sha-256=") else {
                continue;
            };
            let encoded = encoded.strip_prefix(':').and_then(|e| e.strip_suffix(':')).ok_or_else(wrong)?;
            let digest: [u8; 32] =
                STANDARD.decode(encoded).ok().and_then(|bytes| bytes.try_into().ok()).ok_or_else(wrong)?;
            if found.is_some_and(|before| before != digest) {
                return Err(Problem::because(
                    Kind::MalformedRequest,
                    "the digest headers contain two different SHA-256 values",
                ));
            }
            found = Some(digest);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use actix_web::test::TestRequest;
    use sha2::{Digest, Sha256};

    use super::*;

    fn read(headers: &[(&'static str, &str)]) -> Result<Option<[u8; 32]>, Problem> {
        let request = headers.iter().fold(TestRequest::default(), |r, (name, value)| r.append_header((*name, *value)));
        announced(request.to_http_request().headers())
    }

    #[test]
    fn a_digest_is_read_from_either_header_among_others() {
        let digest: [u8; 32] = Sha256::digest(b"hello").into();
        let text = format!("sha-256=:{}:", STANDARD.encode(digest));
        assert_eq!(read(&[]).unwrap(), None);
        assert_eq!(read(&[("content-digest", &text)]).unwrap(), Some(digest));
        assert_eq!(read(&[("repr-digest", &format!("sha-512=:AAAA:, {text}"))]).unwrap(), Some(digest));
        assert_eq!(read(&[("content-digest", &text), ("repr-digest", &text)]).unwrap(), Some(digest));
        assert_eq!(read(&[("content-digest", "md5=:AAAA:")]).unwrap(), None);
    }

    #[test]
    fn what_is_no_digest_or_two_different_ones_is_refused() {
        let digest = |of: &[u8]| format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(of)));
        for wrong in ["sha-256=", "sha-256=:AAAA:", "sha-256=::", "sha-256=:!:"] {
            assert!(read(&[("content-digest", wrong)]).is_err(), "{wrong}");
        }
        assert!(read(&[("content-digest", &digest(b"a")), ("repr-digest", &digest(b"b"))]).is_err());
    }
}
