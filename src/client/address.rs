//! Where a service is, and whether a token may be sent there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use assay_core::text::shown;
use ureq::http::Uri;

use super::error::ClientError;

/// The address of a service, without a slash at its end. A token may be sent there: the connection is encrypted, or it does not
/// leave this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    base: String,
    encrypted: bool,
}

impl Address {
    /// Reads an address such as `https://assay.exchange.example`.
    ///
    /// # Errors
    /// [`ClientError::Address`] if it is none, or if a token must not be sent there.
    pub fn parse(text: &str) -> Result<Self, ClientError> {
        let refused =
            |reason: &str| ClientError::Address { address: shown(text).to_string(), reason: reason.to_owned() };
        let example = "is not an address such as https://assay.exchange.example";
        // the text may hold a fragment, which `Uri` drops
        if text.contains(['#', '?']) {
            return Err(refused("has a query or a fragment; leave it out"));
        }
        let uri: Uri = text.parse().map_err(|_| refused(example))?;
        let (Some(scheme), Some(authority), Some(host)) = (uri.scheme_str(), uri.authority(), uri.host()) else {
            return Err(refused(example));
        };
        if authority.as_str().contains('@') {
            return Err(refused("has a user or a password; leave them out, since addresses are shown in messages"));
        }
        if host.is_empty() {
            return Err(refused(example));
        }
        let encrypted = match scheme {
            "https" => true,
            "http" if is_loopback(host) => false,
            "http" => {
                return Err(refused(
                    "is not encrypted, and everyone on the way could read what is sent; use https (http is accepted only for this \
                     machine, such as http://127.0.0.1:8080)",
                ));
            }
            _ => return Err(refused(example)),
        };
        Ok(Self { base: text.trim_end_matches('/').to_owned(), encrypted })
    }

    /// The service that listens in this process.
    pub fn own(listening: SocketAddr) -> Self {
        let ip = match listening.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
            ip => ip,
        };
        Self { base: format!("http://{}", SocketAddr::new(ip, listening.port())), encrypted: false }
    }

    /// The address as a text.
    pub fn as_str(&self) -> &str {
        &self.base
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.encrypted
    }
}

/// Whether a host is this machine.
pub(crate) fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_token_is_sent_encrypted_or_to_this_machine() {
        for good in [
            "https://a.example",
            "https://a.example:8443/assay/",
            "http://127.0.0.1:1",
            "http://[::1]:1/",
            "http://localhost",
        ] {
            assert_eq!(Address::parse(good).unwrap().as_str(), good.trim_end_matches('/'));
        }
        for wrong in [
            "",
            "a.example",
            "/path",
            "ftp://a.example",
            "http://a.example",
            "http://10.0.0.1",
            "http://localhost.example",
            "http://127.0.0.1.example",
            "http://127.0.0.1@a.example",
            "https://user:word@a.example",
            "https://a.example?x=1",
            "https://a.example/#x",
        ] {
            assert!(Address::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_service_that_listens_on_all_addresses_is_reached_on_this_machine() {
        for (listening, base) in [
            ("0.0.0.0:80", "http://127.0.0.1:80"),
            ("[::]:80", "http://[::1]:80"),
            ("10.0.0.1:8080", "http://10.0.0.1:8080"),
        ] {
            assert_eq!(Address::own(listening.parse().unwrap()).as_str(), base);
        }
    }
}
