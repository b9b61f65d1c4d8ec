//! Why a token is refused, and why our own keys cannot be used.

use std::path::{Path, PathBuf};

/// Why a token is refused. The sentences never repeat anything of the token, so that they may be logged and answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// More than 8 KiB.
    #[error("the token is too long")]
    TooLong,
    /// Not three parts of base64url with a JSON object in the first two, or a name in one of them stands twice.
    #[error("the token is not a signed token in compact form")]
    Malformed,
    /// Another `typ`: an ID token, a signed statement.
    #[error("the token is not an access token (typ at+jwt)")]
    Type,
    /// A `crit` header: it asks for what we do not know.
    #[error("the token asks for extensions that are not understood")]
    Critical,
    /// A header that brings a key or says where to find one.
    #[error("the token brings its own key")]
    KeyInHeader,
    /// An algorithm that its issuer does not use, or that is not that of its key.
    #[error("the token's algorithm is not one that is accepted from its issuer")]
    Algorithm,
    /// Nobody we know issued it.
    #[error("the token's issuer is not accepted here")]
    Issuer,
    /// Its issuer has no such key, or no more.
    #[error("the token is signed by a key that its issuer does not have")]
    UnknownKey,
    /// The issuer's keys could not be fetched: not the caller's fault.
    #[error("the issuer's keys are not available at present")]
    KeysUnavailable,
    /// The signature does not hold.
    #[error("the token's signature does not hold")]
    Signature,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// Its time has not come, or it was issued in the future.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// Made to live longer than our own tokens may.
    #[error("the token lives longer than tokens of its issuer may")]
    Lifetime,
    /// Meant for another service.
    #[error("the token is for another audience")]
    Audience,
    /// A claim that must be there is missing or of another form.
    #[error("the token's claim `{0}` is missing or not usable")]
    Claim(&'static str),
    /// It speaks for an exchange that its issuer may not speak for, or for none where it must.
    #[error("the token does not speak for an exchange that its issuer may speak for")]
    Exchange,
}

impl TokenError {
    /// Whether trying again later may help: 503 rather than 401.
    pub fn is_temporary(self) -> bool {
        self == Self::KeysUnavailable
    }
}

/// Why keys cannot be used, or a token cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum KeyRingError {
    /// The token asked for cannot be.
    #[error("{0}")]
    Grant(String),
    /// The machine or the directory is not as it must be.
    #[error("{0}")]
    Environment(String),
    /// A file that cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl KeyRingError {
    pub(super) fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }
}
