//! A strict reader of tokens in the compact form `header.claims.signature` of RFC 7515. Nothing here is verified; the verifier
//! does that.

use std::{collections::BTreeMap, fmt};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::Value;
use time::Duration;

use super::error::TokenError;

/// Maximum difference between two clocks.
pub(super) const LEEWAY: Duration = Duration::seconds(60);

/// Maximum size of a token.
pub(super) const MAX_TOKEN_BYTES: usize = 8 << 10;
/// Maximum length of a text claim; an account reference has at most 128 bytes.
const MAX_TEXT_BYTES: usize = 256;
/// Maximum length of the `scope` claim, which may contain scopes of other services.
const MAX_SCOPE_BYTES: usize = 2048;
/// Maximum number of audiences of a token.
const MAX_AUDIENCES: usize = 16;
/// The last second of the year 9999.
const MAX_INSTANT: i64 = 253_402_300_799;
/// The media type of an access token (RFC 9068) without the optional prefix `application/`.
pub(super) const TYPE: &str = "at+jwt";

/// The three parts of a token, unverified.
pub(super) struct Parts<'a> {
    /// The signed text: header and claims as written.
    pub(super) signed: &'a str,
    /// The signature, base64url.
    pub(super) signature: &'a str,
    /// The header.
    pub(super) header: Header,
    /// The claims.
    pub(super) claims: Claims,
}

/// The header of a token.
pub(super) struct Header {
    /// The stated algorithm. It is compared with the key's algorithm, never followed.
    pub(super) algorithm: String,
    /// The stated key id.
    pub(super) kid: String,
}

impl<'a> Parts<'a> {
    /// Splits and parses a token.
    ///
    /// # Errors
    /// [`TokenError`] for anything but a signed access token without header extensions.
    pub(super) fn read(token: &'a str) -> Result<Self, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::TooLong);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(TokenError::Malformed)?;
        if claims.contains('.') {
            return Err(TokenError::Malformed);
        }
        let header = Header::read(&decode(header)?)?;
        Ok(Self { signed, signature, header, claims: Claims(decode(claims)?) })
    }
}

impl Header {
    fn read(header: &Object) -> Result<Self, TokenError> {
        if header.0.contains_key("crit") {
            return Err(TokenError::Critical);
        }
        // a key that the token itself contains or points to proves nothing
        if ["jwk", "jku", "x5u", "x5c"].iter().any(|name| header.0.contains_key(*name)) {
            return Err(TokenError::KeyInHeader);
        }
        let text = |name, error: TokenError| header.text(name, MAX_TEXT_BYTES).ok_or(error);
        let typ = text("typ", TokenError::Type)?.to_ascii_lowercase();
        if typ.strip_prefix("application/").unwrap_or(&typ) != TYPE {
            return Err(TokenError::Type);
        }
        Ok(Self {
            algorithm: text("alg", TokenError::Algorithm)?.to_owned(),
            kid: text("kid", TokenError::UnknownKey)?.to_owned(),
        })
    }
}

/// The claims of a token. Each method parses one claim.
pub(super) struct Claims(Object);

impl Claims {
    /// A claim of 1 to 256 bytes of visible text.
    pub(super) fn text(&self, name: &'static str) -> Result<&str, TokenError> {
        self.0.text(name, MAX_TEXT_BYTES).ok_or(TokenError::Claim(name))
    }

    /// As [`Claims::text`], for a claim that may be absent.
    pub(super) fn optional_text(&self, name: &'static str) -> Result<Option<&str>, TokenError> {
        if self.0.0.contains_key(name) { self.text(name).map(Some) } else { Ok(None) }
    }

    /// The `scope` claim; a token without it has no scopes.
    pub(super) fn scope(&self) -> Result<&str, TokenError> {
        match self.0.0.get("scope") {
            None => Ok(""),
            Some(Value::String(text)) if text.len() <= MAX_SCOPE_BYTES => Ok(text),
            Some(_) => Err(TokenError::Claim("scope")),
        }
    }

    /// A time in whole seconds since 1970. Fractions, which RFC 7519 allows, are refused as unnecessary.
    pub(super) fn instant(&self, name: &'static str) -> Result<i64, TokenError> {
        let seconds = self.0.0.get(name).and_then(Value::as_i64);
        seconds.filter(|s| (0..=MAX_INSTANT).contains(s)).ok_or(TokenError::Claim(name))
    }

    /// As [`Claims::instant`], for a claim that may be absent.
    pub(super) fn optional_instant(&self, name: &'static str) -> Result<Option<i64>, TokenError> {
        if self.0.0.contains_key(name) { self.instant(name).map(Some) } else { Ok(None) }
    }

    /// Whether `aud` is `audience` or a list that contains it, compared byte by byte.
    pub(super) fn is_for(&self, audience: &str) -> Result<bool, TokenError> {
        match self.0.0.get("aud") {
            Some(Value::String(one)) => Ok(one == audience),
            Some(Value::Array(several)) if (1..=MAX_AUDIENCES).contains(&several.len()) => {
                let texts: Option<Vec<&str>> = several.iter().map(Value::as_str).collect();
                Ok(texts.ok_or(TokenError::Claim("aud"))?.contains(&audience))
            }
            _ => Err(TokenError::Claim("aud")),
        }
    }
}

fn decode(part: &str) -> Result<Object, TokenError> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Malformed)?;
    serde_json::from_slice(&bytes).map_err(|_| TokenError::Malformed)
}

/// A JSON object without duplicate names: otherwise two readers of one token could see different claims.
struct Object(BTreeMap<String, Value>);

impl Object {
    fn text(&self, name: &str, limit: usize) -> Option<&str> {
        let text = self.0.get(name)?.as_str()?;
        let fine = (1..=limit).contains(&text.len()) && !text.chars().any(char::is_control);
        fine.then_some(text)
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor)
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Object;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object without duplicate names")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
        let mut object = BTreeMap::new();
        while let Some((name, value)) = map.next_entry()? {
            if object.insert(name, value).is_some() {
                return Err(serde::de::Error::custom("duplicate name"));
            }
        }
        Ok(Object(object))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn claims(json: &str) -> Claims {
        Claims(serde_json::from_str(json).unwrap())
    }

    #[test]
    fn a_name_that_stands_twice_is_refused_even_with_the_same_value() {
        assert!(serde_json::from_str::<Object>(r#"{"sub":"a","sub":"a"}"#).is_err());
        assert!(serde_json::from_str::<Object>(r#"{"sub":"a","\u0073ub":"b"}"#).is_err());
        assert!(serde_json::from_str::<Object>(r#"["sub","a"]"#).is_err());
        assert!(serde_json::from_str::<Object>(r#"{"sub":"a"}"#).is_ok());
    }

    #[test]
    fn an_instant_is_a_whole_number_of_seconds_before_the_year_10000() {
        for good in ["0", "1764115200", "253402300799"] {
            assert!(claims(&format!(r#"{{"exp":{good}}}"#)).instant("exp").is_ok(), "{good}");
        }
        for bad in ["-1", "1.5", "1e9", "253402300800", "\"1764115200\"", "null", "18446744073709551616", "[1]"] {
            let claims = claims(&format!(r#"{{"exp":{bad}}}"#));
            assert_eq!(claims.instant("exp").unwrap_err(), TokenError::Claim("exp"), "{bad}");
        }
        assert!(claims("{}").instant("exp").is_err());
        assert_eq!(claims("{}").optional_instant("nbf").unwrap(), None);
    }

    #[test]
    fn an_audience_is_compared_byte_by_byte() {
        let ours = "https://assay.example";
        for good in [r#""https://assay.example""#, r#"["https://other.example","https://assay.example"]"#] {
            assert!(claims(&format!(r#"{{"aud":{good}}}"#)).is_for(ours).unwrap(), "{good}");
        }
        for other in [r#""https://assay.example/""#, r#""HTTPS://assay.example""#, r#"["https://other.example"]"#] {
            assert!(!claims(&format!(r#"{{"aud":{other}}}"#)).is_for(ours).unwrap(), "{other}");
        }
        for bad in ["1", "[]", r#"[1,"https://assay.example"]"#, "{}", "null"] {
            assert!(claims(&format!(r#"{{"aud":{bad}}}"#)).is_for(ours).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_text_is_short_and_visible() {
        assert!(claims(r#"{"sub":"Börse 用户"}"#).text("sub").is_ok());
        for bad in [r#""""#, r#""a\nb""#, "7", &format!("\"{}\"", "x".repeat(257))] {
            assert!(claims(&format!(r#"{{"sub":{bad}}}"#)).text("sub").is_err(), "{bad}");
        }
    }
}
