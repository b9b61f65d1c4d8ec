//! Request bodies: limited in size and time, and read as exact bytes.

use std::{net::IpAddr, sync::Arc, time::Duration};

use actix_web::{HttpRequest, error::PayloadError, http::header, web};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use std::collections::BTreeMap;
use tokio::time::{Instant, timeout};

use super::{
    problem::{Kind, Problem},
    quota::Quota,
};

/// Maximum size of a JSON body.
pub const MAX_JSON_BYTES: usize = 1 << 20;
/// How fast a body must arrive.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// How long the caller may fall behind the rate.
    pub patience: Duration,
    /// The least rate, on average.
    pub bytes_per_second: u64,
    /// Longest time for the whole body.
    pub longest: Duration,
}

/// A streamed body.
pub struct Body {
    payload: web::Payload,
    pace: Pace,
    deadline: Instant,
    /// How long the caller may still be waited for. Bytes that arrive add to it; the time that the service itself takes does not
    /// count.
    credit: Duration,
}

impl Body {
    /// The body of a request.
    pub fn new(payload: web::Payload, pace: Pace) -> Self {
        Self { payload, pace, deadline: Instant::now() + pace.longest, credit: pace.patience }
    }

    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// [`Kind::SlowBody`]; [`Kind::MalformedRequest`] if the body is incomplete.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        let began = Instant::now();
        let left = self.deadline.saturating_duration_since(began);
        let piece = timeout(self.credit.min(left), self.payload.next()).await.map_err(|_| self.too_slow(left))?;
        self.credit = self.credit.saturating_sub(began.elapsed());
        match piece {
            None => Ok(None),
            Some(Err(error)) => Err(broken_off(&error)),
            Some(Ok(bytes)) => {
                let earned = bytes.len() as u64 * 1_000_000 / self.pace.bytes_per_second;
                // what was sent fast does not pay for a long silence later
                self.credit = (self.credit + Duration::from_micros(earned)).min(self.pace.patience);
                Ok(Some(bytes))
            }
        }
    }

    fn too_slow(&self, left: Duration) -> Problem {
        let Pace { patience, bytes_per_second, longest } = self.pace;
        if left < self.credit {
            let longest = longest.as_secs();
            return Problem::because(Kind::SlowBody, format_args!("the body did not arrive within {longest} seconds"));
        }
        let patience = patience.as_secs();
        Problem::because(
            Kind::SlowBody,
            format_args!("the body fell {patience} seconds behind the least rate of {bytes_per_second} bytes a second"),
        )
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

/// Refuses the forms that `curl -d` and `curl -F` send. They change a file: the one drops its line breaks, the other wraps it.
///
/// # Errors
/// [`Kind::UnsupportedMediaType`].
pub fn refuse_forms(request: &HttpRequest) -> Result<(), Problem> {
    let kind = request.headers().get(header::CONTENT_TYPE).map(|value| value.as_bytes().to_ascii_lowercase());
    let is_form =
        |kind: &[u8]| kind.starts_with(b"application/x-www-form-urlencoded") || kind.starts_with(b"multipart/");
    if kind.as_deref().is_some_and(is_form) {
        return Err(Problem::because(
            Kind::UnsupportedMediaType,
            "the body is a form, which changes a file; send the file itself as application/octet-stream, for example with \
             curl --upload-file balances.csv, not with --data or --form",
        ));
    }
    Ok(())
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

/// How JSON bodies are read, which are in memory while they arrive.
pub struct Reading<'a> {
    /// How fast they must arrive.
    pub pace: Pace,
    /// Bytes of bodies that are on their way, by address.
    pub bodies: &'a Arc<Quota<IpAddr>>,
    /// The address that the body counts for.
    pub address: IpAddr,
}

/// Reads a JSON body. An empty body gives `empty`, if there is one.
///
/// # Errors
/// [`Kind::UnsupportedMediaType`], [`Kind::TooLarge`], [`Kind::SlowBody`], [`Kind::MalformedRequest`]; [`Kind::Unavailable`] if
/// the caller's address sends too many bodies at once.
pub async fn json<T: DeserializeOwned>(
    request: &HttpRequest,
    payload: web::Payload,
    reading: Reading<'_>,
    empty: Option<T>,
) -> Result<Json<T>, Problem> {
    refuse_content_encoding(request)?;
    let length = announced_length(request, MAX_JSON_BYTES as u64)?.unwrap_or(MAX_JSON_BYTES as u64);
    let share = reading.bodies.take(Some(reading.address), length);
    let _share =
        share.map_err(|_| Problem::unavailable("too many bodies are on their way; send them one after the other"))?;
    let mut body = Body::new(payload, reading.pace);
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

    const PACE: Pace =
        Pace { patience: Duration::from_millis(600), bytes_per_second: 64 << 10, longest: Duration::from_millis(1500) };

    fn reading(bodies: &Arc<Quota<IpAddr>>) -> Reading<'_> {
        Reading { pace: PACE, bodies, address: IpAddr::from([192, 0, 2, 1]) }
    }

    async fn read(request: TestRequest, empty: Option<Small>) -> Result<Small, Kind> {
        let (request, mut payload) = request.to_http_parts();
        let payload = web::Payload::from_request(&request, &mut payload).await.unwrap();
        json(&request, payload, reading(&Quota::new(u64::MAX, u64::MAX)), empty)
            .await
            .map(|json| json.value)
            .map_err(|p| p.kind())
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
        let receive = async |first: usize, piece: usize, every: u64| {
            let pieces = futures_util::stream::unfold(0, move |sent| async move {
                tokio::time::sleep(Duration::from_millis(every)).await;
                let bytes = if sent == 0 { first } else { piece };
                (sent < 10).then(|| (Ok::<_, PayloadError>(Bytes::from(vec![b'x'; bytes])), sent + 1))
            });
            let pieces: std::pin::Pin<Box<dyn futures_util::Stream<Item = _>>> = Box::pin(pieces);
            let mut payload = actix_web::dev::Payload::from(pieces);
            let payload = web::Payload::from_request(&TestRequest::default().to_http_request(), &mut payload).await;
            let mut body = Body::new(payload.unwrap(), PACE);
            let mut bytes = 0;
            loop {
                match body.next().await {
                    Ok(Some(piece)) => bytes += piece.len(),
                    Ok(None) => return Ok(bytes),
                    Err(problem) => return Err((bytes, problem.kind(), problem.to_string())),
                }
            }
        };
        const KIB: usize = 1 << 10;
        assert_eq!(receive(16 * KIB, 16 * KIB, 100).await, Ok(160 * KIB));
        // slow from the first byte, or below the least rate, or silent after a fast beginning
        for (first, piece, every) in [(KIB, KIB, 900), (1, 1, 100), (KIB, KIB, 100), (10_000 * KIB, 1, 200)] {
            let (_, kind, detail) = receive(first, piece, every).await.unwrap_err();
            assert_eq!(kind, Kind::SlowBody, "{first} {piece} {every}");
            assert!(detail.contains("65536 bytes a second"), "{detail}");
        }
        // fast enough, and yet too long
        let (bytes, kind, detail) = receive(64 * KIB, 64 * KIB, 300).await.unwrap_err();
        assert!(bytes > 0 && kind == Kind::SlowBody && detail.contains("did not arrive within"), "{detail}");
    }

    #[actix_web::test]
    async fn bodies_of_one_address_take_bounded_memory() {
        let bodies = Quota::new(u64::MAX, 2 * MAX_JSON_BYTES as u64);
        let read = async |request: TestRequest| {
            let (request, mut payload) = request.to_http_parts();
            let payload = web::Payload::from_request(&request, &mut payload).await.unwrap();
            json::<Small>(&request, payload, reading(&bodies), None).await.map(|_| ()).map_err(|p| p.kind())
        };
        let small = || with("application/json", r#"{"map":{}}"#).insert_header((header::CONTENT_LENGTH, "10"));
        let held = bodies.take(Some(IpAddr::from([192, 0, 2, 1])), 2 * MAX_JSON_BYTES as u64).unwrap();
        assert_eq!(read(small()).await, Err(Kind::Unavailable));
        drop(held);
        assert_eq!(read(small()).await, Ok(()));
        // without a length, the longest is assumed
        let _held = bodies.take(Some(IpAddr::from([192, 0, 2, 1])), MAX_JSON_BYTES as u64 + 1).unwrap();
        assert_eq!(read(small()).await, Ok(()));
        assert_eq!(read(small().insert_header((header::CONTENT_LENGTH, "unknown"))).await, Err(Kind::Unavailable));
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
