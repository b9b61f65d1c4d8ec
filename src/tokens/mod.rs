//! Access tokens, and the keys that sign tokens and statements.
//!
//! **In:** the text after `Authorization: Bearer`. **Out:** a [`Caller`], or a [`TokenError`] that names the broken rule without
//! repeating the token. In the other direction [`KeyRing`] makes tokens and signs statements.
//!
//! * `scope`: roles and scopes. `jwt`: strict reading of a token (RFC 7519, RFC 8725, RFC 9068).
//! * `keyring`: the service's own Ed25519 keys. `keydir`: their private directory. `keyfile`: one key on disk.
//! * `signer_key`: the key of an auditor or countersigner, in a file of its own. `private_jwk`: what both kinds of files have in common.
//! * `jwks`: other issuers' published keys. `issuers`: the other issuers and their permissions.
//! * `verifier`: all rules in the order in which they are applied.
//!
//! **Never:** an algorithm, a key or the address of a key is taken from the token itself; one key signs both tokens and statements; an
//! error, log line or `Debug` text contains a token, a private key or an account reference. Formats: `api-spec/jws.md`.

mod error;
mod issuers;
mod jwks;
mod jwt;
mod keydir;
mod keyfile;
mod keyring;
mod private_jwk;
mod scope;
mod signer_key;
mod verifier;

#[cfg(test)]
mod tests;

pub use error::{KeyRingError, TokenError};
pub use issuers::{ForeignIssuer, IssuerError};
pub use keydir::MAX_TTL;
pub use keyfile::Purpose;
pub use keyring::{Grant, KeyRing};
pub use scope::{Role, Scope, UnknownName};
pub use signer_key::{SignerKey, SignerPurpose};
pub use verifier::{Caller, TokenVerifier};
