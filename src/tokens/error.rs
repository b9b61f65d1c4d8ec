//! Errors of tokens and keys.

use std::path::{Path, PathBuf};

use crate::files;

/// Why a token is refused. The sentences contain nothing from the token, so they can be logged and sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// More than 8 KiB.
    #[error("the token is too long")]
    TooLong,
    /// Not three parts of base64url with a JSON object in the first two, or an object with a duplicate name.
    #[error("the token is not a signed token in compact form")]
    Malformed,
    /// Another `typ`, such as an ID token or a signed statement.
    #[error("the token is not an access token (typ at+jwt)")]
    Type,
    /// A `crit` header requires an unsupported extension.
    #[error("the token requires extensions (crit) that are not supported")]
    Critical,
    /// The header contains a key or the address of a key.
    #[error("the token contains its own key")]
    KeyInHeader,
    /// The algorithm is not allowed for the issuer, or differs from that of the key.
    #[error("the token's algorithm is not allowed for its issuer")]
    Algorithm,
    /// The issuer is not configured.
    #[error("the token's issuer is not accepted")]
    Issuer,
    /// The issuer does not have this key, or no longer has it.
    #[error("the token's key does not belong to its issuer")]
    UnknownKey,
    /// The issuer's keys could not be fetched.
    #[error("the issuer's keys are not available at present")]
    KeysUnavailable,
    /// The signature is not valid.
    #[error("the token's signature is not valid")]
    Signature,
    /// The token has expired.
    #[error("the token has expired")]
    Expired,
    /// The token is not valid yet, or was issued in the future.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// The lifetime exceeds that of the service's own tokens.
    #[error("the token's lifetime exceeds the maximum of its issuer")]
    Lifetime,
    /// The token is for another service.
    #[error("the token is for another audience")]
    Audience,
    /// A required claim is missing or malformed.
    #[error("the token's claim `{0}` is missing or malformed")]
    Claim(&'static str),
    /// The issuer may not issue tokens for this exchange, or a required exchange is missing.
    #[error("the token needs an exchange that its issuer may issue tokens for")]
    Exchange,
}

impl TokenError {
    /// Whether trying again later may help: 503 rather than 401.
    pub fn is_temporary(self) -> bool {
        self == Self::KeysUnavailable
    }
}

/// Error of the key ring.
#[derive(Debug, thiserror::Error)]
pub enum KeyRingError {
    /// The requested token is not allowed.
    #[error("{0}")]
    Grant(String),
    /// The system or the directory of keys is not usable.
    #[error("{0}")]
    Environment(String),
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl KeyRingError {
    /// Whether the system has no means left to read anything, whatever is in the directory.
    pub(super) fn is_exhaustion(&self) -> bool {
        matches!(self, Self::File { source, .. } if files::is_exhaustion(source))
    }

    pub(super) fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }
}
