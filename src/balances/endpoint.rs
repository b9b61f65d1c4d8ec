//! The address of a node, which may hold a secret.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use ureq::http::Uri;

use crate::client::is_loopback;

/// Where a node answers. A user and password before the host are sent as HTTP Basic; whatever stands behind the host may be a key. Only
/// the host is ever shown.
#[derive(Clone)]
pub struct Endpoint {
    url: String,
    authorization: Option<String>,
    host: String,
    /// User, password, path and query.
    secrets: Vec<String>,
}

/// Why a text is no address of a node; `Display` goes on after the text's name, and shows none of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// It is no address.
    #[error("is not an address such as https://node.example or http://user:password@127.0.0.1:8332")]
    Form,
    /// Others could read what is asked, and answer in the node's place.
    #[error("is not encrypted; use https (http is accepted only for this machine, such as http://127.0.0.1:8545)")]
    Unencrypted,
}

impl Endpoint {
    /// Reads an address.
    ///
    /// # Errors
    /// [`EndpointError`].
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        if text.contains('#') {
            return Err(EndpointError::Form);
        }
        let uri: Uri = text.parse().map_err(|_| EndpointError::Form)?;
        let (Some(scheme), Some(authority), Some(host)) = (uri.scheme_str(), uri.authority(), uri.host()) else {
            return Err(EndpointError::Form);
        };
        match scheme {
            _ if host.is_empty() => return Err(EndpointError::Form),
            "https" => {}
            "http" if is_loopback(host) => {}
            "http" => return Err(EndpointError::Unencrypted),
            _ => return Err(EndpointError::Form),
        }
        let (user, place) = match authority.as_str().rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, authority.as_str()),
        };
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let user = user.map(percent_decoded).transpose()?;
        let parts = user.iter().flat_map(|user| user.split(':')).chain(path.split(['/', '?', '&', '=']));
        Ok(Self {
            secrets: parts.filter(|part| !part.is_empty()).map(str::to_owned).collect(),
            url: format!("{scheme}://{place}{path}"),
            authorization: user.map(|user| format!("Basic {}", STANDARD.encode(user))),
            host: place.to_owned(),
        })
    }

    /// Whether a text repeats a part of the address that is not shown.
    pub(super) fn is_repeated_in(&self, text: &str) -> bool {
        self.secrets.iter().any(|secret| text.contains(secret.as_str()))
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn authorization(&self) -> Option<&str> {
        self.authorization.as_deref()
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.url.starts_with("https:")
    }
}

/// A user and password as they are written in an address.
fn percent_decoded(text: &str) -> Result<String, EndpointError> {
    let mut pieces = text.split('%');
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        let (digits, rest) = piece.split_at_checked(2).ok_or(EndpointError::Form)?;
        bytes.extend(hex::decode(digits).map_err(|_| EndpointError::Form)?);
        bytes.extend(rest.as_bytes());
    }
    String::from_utf8(bytes).map_err(|_| EndpointError::Form)
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({})", self.host)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_secret_is_sent_and_never_shown() {
        let own = Endpoint::parse("https://user:pass@node.example:8332/v3/SECRET?key=HIDDEN").unwrap();
        assert_eq!(own.url(), "https://node.example:8332/v3/SECRET?key=HIDDEN");
        assert_eq!(own.authorization(), Some("Basic dXNlcjpwYXNz"));
        assert_eq!(
            (own.to_string(), format!("{own:?}")),
            ("node.example:8332".into(), "Endpoint(node.example:8332)".into())
        );
        assert!(
            own.is_repeated_in("no such key: SECRET") && own.is_repeated_in("x HIDDEN") && own.is_repeated_in("pass")
        );
        assert!(!own.is_repeated_in("the method does not exist"));
        let encoded = Endpoint::parse("https://user:p%40ss%3a%C3%A9@node.example").unwrap();
        assert_eq!(encoded.authorization(), Some(format!("Basic {}", STANDARD.encode("user:p@ss:é")).as_str()));
        assert!(Endpoint::parse("https://user:p%4@node.example").is_err());
        assert_eq!(Endpoint::parse("http://127.0.0.1:8545").unwrap().url(), "http://127.0.0.1:8545/");
        assert!(Endpoint::parse("http://[::1]:8545").is_ok());
    }

    #[test]
    fn what_others_could_read_is_refused() {
        for text in ["http://node.example", "http://10.0.0.1:8545", "http://127.0.0.1@node.example/"] {
            assert_eq!(Endpoint::parse(text).unwrap_err(), EndpointError::Unencrypted, "{text}");
        }
        for text in
            ["", "node.example", "ws://node.example", "https://", "https://node.example/#a", "file:///etc/passwd"]
        {
            assert_eq!(Endpoint::parse(text).unwrap_err(), EndpointError::Form, "{text}");
        }
    }
}
