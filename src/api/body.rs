//! Request bodies: limited in size and time, and read as exact bytes.

use std::time::Duration;

use actix_web::{HttpRequest, error::PayloadError, http::header, web};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use std::collections::BTreeMap;
use tokio::time::{Instant, timeout_at};

use super::problem::{Kind, Problem};

/// Maximum size of a JSON body.
pub const MAX_JSON_BYTES: usize = 1 << 20;
/// Bytes that must arrive before the timeout restarts, so that single bytes do not count as progress.
const PROGRESS_BYTES: usize = 16 << 10;

/// A streamed body.
pub struct Body {
    payload: web::Payload,
    patience: Duration,
    deadline: Instant,
    since: usize,
}

impl Body {
    /// The body of a request. Each 16 KiB, or the end, must arrive within `patience`.
    pub fn new(payload: web::Payload, patience: Duration) -> Self {
        Self { payload, patience, deadline: Instant::now() + patience, since: 0 }
    }

    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// [`Kind::SlowBody`]; [`Kind::MalformedRequest`] if the body is incomplete.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        let piece = timeout_at(self.deadline, self.payload.next()).await.map_err(|_| {
            let seconds = self.patience.as_secs();
            Problem::because(
                Kind::SlowBody,
                format_args!("less than 16 KiB of the body arrived within {seconds} seconds"),
            )
        })?;
        match piece {
            None => Ok(None),
            Some(Err(error)) => Err(broken_off(&error)),
            Some(Ok(bytes)) => {
                self.since += bytes.len();
                if self.since >= PROGRESS_BYTES {
                    (self.since, self.deadline) = (0, Instant::now() + self.patience);
                }
                Ok(Some(bytes))
            }
        }
    }
}

fn broken_off(error: &PayloadError) -> Problem {
    match error {
        PayloadError::Overflow => Problem::new(Kind::TooLarge),
        _ => Problem::because(Kind::MalformedRequest, "the body is incomplete"),
    }
}

/// Refuses bodies with a content encoding.
///
/// # Errors
/// [`Kind::UnsupportedMediaType`].
pub fn refuse_content_encoding(request: &HttpRequest) -> Result<(), Problem> {
    match request.headers().get(header::CONTENT_ENCODING) {
        Some(coding) if coding != "identity" => Err(Problem::because(
            Kind::UnsupportedMediaType,
            "Content-Encoding is not supported; upload a compressed file under its own name, such as balances.csv.zst",
        )),
        _ => Ok(()),
    }
}

/// The announced length of the body, if there is one.
///
/// # Errors
/// [`Kind::TooLarge`] if that is more than `limit`.
pub fn announced_length(request: &HttpRequest, limit: u64) -> Result<Option<u64>, Problem> {
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    match length {
        Some(length) if length > limit => Err(too_large(limit)),
        length => Ok(length),
    }
}

/// The problem for a body above `limit` bytes.
pub fn too_large(limit: u64) -> Problem {
    Problem::because(Kind::TooLarge, format_args!("the body must have at most {limit} bytes"))
}

/// A JSON body and its bytes.
pub struct Json<T> {
    /// The parsed value.
    pub value: T,
    /// The bytes as received.
    pub bytes: Bytes,
}

/// Reads a JSON body. An empty body gives `empty`, if there is one.
///
/// # Errors
/// [`Kind::UnsupportedMediaType`], [`Kind::TooLarge`], [`Kind::SlowBody`], [`Kind::MalformedRequest`].
pub async fn json<T: DeserializeOwned>(
    request: &HttpRequest,
    payload: web::Payload,
    patience: Duration,
    empty: Option<T>,
) -> Result<Json<T>, Problem> {
    refuse_content_encoding(request)?;
    announced_length(request, MAX_JSON_BYTES as u64)?;
    let mut body = Body::new(payload, patience);
    let mut bytes = BytesMut::new();
    while let Some(piece) = body.next().await? {
        if bytes.len() + piece.len() > MAX_JSON_BYTES {
            return Err(too_large(MAX_JSON_BYTES as u64));
        }
        bytes.extend_from_slice(&piece);
    }
    let bytes = bytes.freeze();
    if let Some(value) = empty.filter(|_| bytes.is_empty()) {
        return Ok(Json { value, bytes });
    }
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = kind.and_then(|kind| kind.split(';').next()).map(str::trim).unwrap_or_default();
    if !essence.eq_ignore_ascii_case("application/json") {
        return Err(Problem::because(Kind::UnsupportedMediaType, "the body must be application/json"));
    }
    let value = serde_json::from_slice(&bytes)
        .map_err(|e| Problem::because(Kind::MalformedRequest, format_args!("the JSON body is not valid: {e}")))?;
    Ok(Json { value, bytes })
}

/// A member that may be left out but is not `null`: two spellings of one request would be two.
///
/// # Errors
/// Those of the format, `null` included.
pub fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// A map that refuses duplicate names, because JSON readers disagree on which value counts.
///
/// # Errors
/// Those of the format, and one for a duplicate name.
pub fn unique<'de, D, V>(deserializer: D) -> Result<BTreeMap<String, V>, D::Error>
where
    D: Deserializer<'de>,
    V: Deserialize<'de>,
{
    struct Unique<V>(std::marker::PhantomData<V>);

    impl<'de, V: Deserialize<'de>> serde::de::Visitor<'de> for Unique<V> {
        type Value = BTreeMap<String, V>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: serde::de::MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
            let mut map = BTreeMap::new();
            while let Some((name, value)) = access.next_entry::<String, V>()? {
                if map.contains_key(&name) {
                    return Err(serde::de::Error::custom(format_args!("duplicate name `{name}`")));
                }
                map.insert(name, value);
            }
            Ok(map)
        }
    }

    deserializer.deserialize_map(Unique(std::marker::PhantomData))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use actix_web::{FromRequest, test::TestRequest};
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Small {
        #[serde(deserialize_with = "unique")]
        map: BTreeMap<String, u64>,
    }

    async fn read(request: TestRequest, empty: Option<Small>) -> Result<Small, Kind> {
        let (request, mut payload) = request.to_http_parts();
        let payload = web::Payload::from_request(&request, &mut payload).await.unwrap();
        json(&request, payload, Duration::from_secs(5), empty).await.map(|json| json.value).map_err(|p| p.kind())
    }

    fn with(kind: &str, body: impl Into<Bytes>) -> TestRequest {
        TestRequest::post().insert_header((header::CONTENT_TYPE, kind.to_owned())).set_payload(body)
    }

    #[actix_web::test]
    async fn json_is_read_strictly() {
        let good = read(with("application/json; charset=utf-8", r#"{"map":{"a":1}}"#), None).await.unwrap();
        assert_eq!(good.map["a"], 1);
        for (wrong, kind) in [
            (with("text/plain", "{}"), Kind::UnsupportedMediaType),
            (with("application/json", ""), Kind::MalformedRequest),
            (with("application/json", "{"), Kind::MalformedRequest),
            (with("application/json", r#"{"map":{},"more":1}"#), Kind::MalformedRequest),
            (with("application/json", r#"{"map":{},"map":{}}"#), Kind::MalformedRequest),
            (with("application/json", r#"{"map":{"a":1,"a":2}}"#), Kind::MalformedRequest),
            (with("application/json", r#"{"map":{}} x"#), Kind::MalformedRequest),
            (
                with("application/json", "{}").insert_header((header::CONTENT_ENCODING, "gzip")),
                Kind::UnsupportedMediaType,
            ),
        ] {
            assert_eq!(read(wrong, None).await.unwrap_err(), kind);
        }
    }

    #[actix_web::test]
    async fn a7_a_body_that_trickles_in_is_given_up() {
        let receive = async |piece: usize, every: u64| {
            let pieces = futures_util::stream::unfold(0, move |sent| async move {
                tokio::time::sleep(Duration::from_millis(every)).await;
                (sent < 10).then(|| (Ok::<_, PayloadError>(Bytes::from(vec![b'x'; piece])), sent + 1))
            });
            let pieces: std::pin::Pin<Box<dyn futures_util::Stream<Item = _>>> = Box::pin(pieces);
            let mut payload = actix_web::dev::Payload::from(pieces);
            let payload = web::Payload::from_request(&TestRequest::default().to_http_request(), &mut payload).await;
            let mut body = Body::new(payload.unwrap(), Duration::from_millis(600));
            let mut bytes = 0;
            loop {
                match body.next().await {
                    Ok(Some(piece)) => bytes += piece.len(),
                    Ok(None) => return Ok(bytes),
                    Err(problem) => return Err((bytes, problem.kind())),
                }
            }
        };
        // a slow connection makes progress; single bytes do not
        assert_eq!(receive(PROGRESS_BYTES, 100).await, Ok(10 * PROGRESS_BYTES));
        assert!(matches!(receive(1, 100).await, Err((1..10, Kind::SlowBody))));
        assert_eq!(receive(PROGRESS_BYTES, 900).await, Err((0, Kind::SlowBody)));
    }

    #[actix_web::test]
    async fn an_empty_body_is_the_default_where_there_is_one() {
        let default = || Some(Small { map: BTreeMap::new() });
        assert!(read(TestRequest::post(), default()).await.is_ok());
        assert!(read(TestRequest::post(), None).await.is_err());
    }

    #[actix_web::test]
    async fn a7_a_body_that_is_too_large_is_refused_before_and_while_it_comes() {
        let text = format!(r#"{{"map":{{"{}":1}}}}"#, "x".repeat(MAX_JSON_BYTES));
        let announced = with("application/json", text.clone()).insert_header((header::CONTENT_LENGTH, text.len()));
        assert_eq!(read(announced, None).await.unwrap_err(), Kind::TooLarge);
        let unannounced = with("application/json", text);
        assert_eq!(read(unannounced, None).await.unwrap_err(), Kind::TooLarge);
    }
}
