//! What a value must be, one function for each kind. Each error names the setting, its value and what is allowed.

use std::{collections::BTreeSet, fmt::Display, net::Ipv6Addr, ops::RangeInclusive};

use actix_web::http::Uri;
use assay_core::text::shown;

/// A setting that is missing, unknown, of the wrong type or out of its range.
#[derive(Debug, thiserror::Error)]
#[error("configuration: {0}")]
pub struct ConfigError(String);

impl ConfigError {
    /// An error with a sentence for the operator.
    pub(crate) fn new(sentence: String) -> Self {
        Self(sentence)
    }
}

/// Longest text of a setting that a token repeats.
const MAX_TEXT_BYTES: usize = 256;

/// The value of `key` is refused: `expected` says what it must be.
pub(super) fn refuse(key: &str, value: impl Display, expected: impl Display) -> ConfigError {
    ConfigError(format!("{key} is {value}; it must be {expected}"))
}

/// A whole number in its range.
pub(super) fn whole<T: PartialOrd + Display>(key: &str, value: T, range: RangeInclusive<T>) -> Result<(), ConfigError> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(refuse(key, value, format_args!("from {} to {}", range.start(), range.end())))
}

/// A text that tokens repeat byte for byte.
pub(super) fn text(key: &str, value: &str) -> Result<(), ConfigError> {
    let fits = (1..=MAX_TEXT_BYTES).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_graphic());
    let expected = format_args!("1 to {MAX_TEXT_BYTES} visible ASCII characters without spaces").to_string();
    if fits { Ok(()) } else { Err(refuse(key, shown(value), expected)) }
}

/// An address that clients can open: scheme, host, and a port or a path where there is one.
pub(super) fn public_address(key: &str, value: &str) -> Result<(), ConfigError> {
    text(key, value)?;
    let fits = parts(value).is_some_and(|uri| uri.query().is_none()) && !value.ends_with('/');
    let expected =
        "an address such as https://assay.exchange.example, without user, query, fragment or a slash at its end";
    if fits { Ok(()) } else { Err(refuse(key, shown(value), expected)) }
}

/// An origin as browsers send it in a header: scheme and host, the port unless it is the usual one, all in lower case.
pub(super) fn origin(key: &str, value: &str) -> Result<(), ConfigError> {
    let usual =
        |uri: &Uri| matches!((uri.scheme_str(), uri.port_u16()), (Some("https"), Some(443)) | (Some("http"), Some(80)));
    let exact = |uri: &Uri| {
        let authority = uri.authority().map(|authority| authority.as_str()).unwrap_or_default();
        value == format!("{}://{authority}", uri.scheme_str().unwrap_or_default())
            && value == value.to_ascii_lowercase()
    };
    let fits = value == "*" || parts(value).is_some_and(|uri| exact(&uri) && !usual(&uri));
    let expected = "* or an origin as browsers send it, such as https://www.exchange.example: lower case, without path, without \
                    the ports 80 and 443";
    if fits { Ok(()) } else { Err(refuse(key, shown(value), expected)) }
}

/// An https address without user or fragment.
pub(super) fn https(key: &str, value: &str) -> Result<(), ConfigError> {
    let fits = value.starts_with("https://") && parts(value).is_some();
    if fits { Ok(()) } else { Err(refuse(key, shown(value), "an address that begins with https:// and names a host")) }
}

/// Names without repetition, at least one.
pub(super) fn names(key: &str, values: &[String]) -> Result<(), ConfigError> {
    let mut seen = BTreeSet::new();
    if let Some(twice) = values.iter().find(|value| !seen.insert(value.as_str())) {
        return Err(refuse(key, shown(twice), "listed once"));
    }
    if values.is_empty() { Err(refuse(key, "empty", "a list with at least one entry")) } else { Ok(()) }
}

/// The parts of an http or https address with a host, without user and fragment.
fn parts(value: &str) -> Option<Uri> {
    let uri: Uri = value.parse().ok()?;
    let authority = uri.authority()?;
    let host = authority.host();
    // the parser takes any digits for a port
    let port_fits = authority.as_str() == host || authority.port_u16().is_some_and(|port| port > 0);
    let known = matches!(uri.scheme_str(), Some("http" | "https"));
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let is_address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_address = is_address.is_some_and(|host| host.parse::<Ipv6Addr>().is_ok());
    let host_fits = !host.is_empty() && (is_address || host.bytes().all(is_name));
    let fits = known && host_fits && port_fits && !authority.as_str().contains('@') && !value.contains('#');
    fits.then_some(uri)
}
