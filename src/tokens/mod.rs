//! Who may do what: tokens, and the keys that sign them.
//!
//! In comes the text after `Authorization: Bearer`; out goes a [`Caller`], or a [`TokenError`] that says which rule was
//! broken without repeating the token. The other way, [`KeyRing`] makes tokens, and signs what is published.
//!
//! * `scope`: roles, and what each may do. `jwt`: the strict reading of a token (RFC 7519, RFC 8725, RFC 9068).
//! * `keyring`: our own Ed25519 keys in a private directory; `keyfile` is one of them on disk.
//! * `jwks`: the published keys of others; `issuers`: who else may issue tokens, and for what.
//! * `verifier`: all of it together.
//!
//! What never happens here: an algorithm, a key or the place of a key is never taken from the token itself; a key that
//! signs tokens never signs statements, nor the other way round; no error, log line or `Debug` text holds a token, a
//! private key or an account reference. What each byte of a token and of a signature means stands in
//! `api-spec/jws.md`.

mod error;
mod issuers;
mod jwks;
mod jwt;
mod keyfile;
mod keyring;
mod scope;
mod verifier;

#[cfg(test)]
mod tests;

pub use error::{KeyRingError, TokenError};
pub use issuers::{ForeignIssuer, IssuerError};
pub use keyfile::Purpose;
pub use keyring::{Grant, KeyRing, MAX_TTL};
pub use scope::{Role, Scope, UnknownName};
pub use verifier::{Caller, TokenVerifier};
