//! Verifies a token and returns its caller. All rules are here, in the order in which they are applied.

use std::{collections::BTreeSet, fmt, sync::Arc};

use time::OffsetDateTime;

use super::{
    error::TokenError,
    issuers::{ForeignIssuer, IssuerError, Lookup},
    jwks::{PublicKey, TokenAlgorithm},
    jwt::{Claims, LEEWAY, Parts},
    keydir::MAX_TTL,
    keyring::KeyRing,
    scope::{self, Scope},
};
use crate::config::Config;

/// An authenticated caller.
#[derive(Clone, PartialEq, Eq)]
pub struct Caller {
    /// The issuer of the token.
    pub issuer: String,
    /// The subject; for a customer, the account reference. Must never be logged.
    pub subject: String,
    /// Granted scopes.
    pub scopes: BTreeSet<Scope>,
    /// Domain of the caller's exchange; all exchanges if `None`.
    pub exchange: Option<String>,
}

impl Caller {
    /// Whether the caller has `scope`.
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }

    /// Whether the token is for the exchange with this domain.
    pub fn speaks_for(&self, exchange: &str) -> bool {
        self.exchange.as_deref().is_none_or(|own| own == exchange)
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller")
            .field("issuer", &self.issuer)
            .field("subject", &"…")
            .field("scopes", &self.scopes)
            .field("exchange", &self.exchange)
            .finish()
    }
}

/// Verifies tokens.
#[derive(Debug)]
pub struct TokenVerifier {
    issuer: String,
    audience: String,
    keys: Arc<KeyRing>,
    foreign: Vec<ForeignIssuer>,
}

impl TokenVerifier {
    /// Accepts tokens for `audience` from the service itself (`issuer`, `keys`) and from other issuers.
    ///
    /// # Errors
    /// [`IssuerError`] if two issuers have the same name.
    pub fn new(
        issuer: impl Into<String>,
        audience: impl Into<String>,
        keys: Arc<KeyRing>,
        foreign: Vec<ForeignIssuer>,
    ) -> Result<Self, IssuerError> {
        let verifier = Self { issuer: issuer.into(), audience: audience.into(), keys, foreign };
        let mut names = BTreeSet::from([verifier.issuer.as_str()]);
        if let Some(twice) = verifier.foreign.iter().find(|foreign| !names.insert(&foreign.issuer)) {
            let reason = "another issuer, or this service itself, has the same name".to_owned();
            return Err(IssuerError { issuer: twice.issuer.clone(), reason });
        }
        Ok(verifier)
    }

    /// A verifier from the settings. The service's public address is both issuer and audience.
    ///
    /// # Errors
    /// [`IssuerError`].
    pub fn from_config(config: &Config, keys: Arc<KeyRing>) -> Result<Self, IssuerError> {
        let foreign = config.issuers.iter().map(ForeignIssuer::new).collect::<Result<_, _>>()?;
        Self::new(&config.public_url, &config.public_url, keys, foreign)
    }

    /// Fetches the keys of all other issuers before the first requests. Returns a sentence for each failure and for
    /// each key that cannot be used; the next token of that issuer triggers another attempt. Blocks on the network.
    pub fn warm(&self, now: OffsetDateTime) -> Vec<String> {
        let refresh = |foreign: &ForeignIssuer| {
            let _ = foreign.refresh(now);
            foreign.defects().into_iter().map(|defect| format!("{}: {defect}", foreign.issuer)).collect::<Vec<_>>()
        };
        self.foreign.iter().flat_map(refresh).collect()
    }

    /// A number that changes with this service's own keys. Whoever caches what this verifier has answered must forget it then.
    pub fn generation(&self, now: OffsetDateTime) -> u64 {
        self.keys.generation(now)
    }

    /// The caller of a token at `now`. May block for the keys of another issuer; see [`TokenVerifier::authenticate`].
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn verify(&self, token: &str, now: OffsetDateTime) -> Result<Caller, TokenError> {
        match self.try_verify(token, now)? {
            Outcome::Caller(caller) => Ok(caller),
            Outcome::NeedsKeysOf(foreign) => self.verify_with_new_keys(foreign, token, now),
        }
    }

    /// As [`TokenVerifier::verify`], for the threads that answer requests: whatever waits is done on another thread.
    ///
    /// # Errors
    /// [`TokenError`].
    pub async fn authenticate(self: &Arc<Self>, token: &str, now: OffsetDateTime) -> Result<Caller, TokenError> {
        let index = match self.try_verify(token, now)? {
            Outcome::Caller(caller) => return Ok(caller),
            Outcome::NeedsKeysOf(index) => index,
        };
        let (verifier, token) = (Arc::clone(self), token.to_owned());
        let work = move || verifier.verify_with_new_keys(index, &token, now);
        tokio::task::spawn_blocking(work).await.unwrap_or(Err(TokenError::KeysUnavailable))
    }

    fn verify_with_new_keys(&self, index: usize, token: &str, now: OffsetDateTime) -> Result<Caller, TokenError> {
        // told to the log; the keys that are left decide
        let _ = self.foreign[index].refresh(now);
        match self.try_verify(token, now)? {
            Outcome::Caller(caller) => Ok(caller),
            Outcome::NeedsKeysOf(_) => Err(TokenError::KeysUnavailable),
        }
    }

    fn try_verify(&self, token: &str, now: OffsetDateTime) -> Result<Outcome, TokenError> {
        let parts = Parts::read(token)?;
        let issuer = parts.claims.text("iss")?;
        if issuer == self.issuer {
            return self.by_ourselves(&parts, now).map(Outcome::Caller);
        }
        let index = self.foreign.iter().position(|foreign| foreign.issuer == issuer).ok_or(TokenError::Issuer)?;
        let foreign = &self.foreign[index];
        if !foreign.algorithms.iter().any(|algorithm| algorithm.as_str() == parts.header.algorithm) {
            return Err(TokenError::Algorithm);
        }
        let key = match foreign.key(&parts.header.kid, now) {
            Lookup::Found(key) => key,
            Lookup::Unknown => return Err(TokenError::UnknownKey),
            Lookup::Unavailable => return Err(TokenError::KeysUnavailable),
            Lookup::Fetch => return Ok(Outcome::NeedsKeysOf(index)),
        };
        check_signature(&parts, &key)?;
        self.check_claims(&parts.claims, now)?;
        let named = parts.claims.optional_text("exchange")?;
        let exchange = match (&foreign.exchange, named) {
            (Some(own), Some(named)) if own != named => return Err(TokenError::Exchange),
            (Some(own), _) => Some(own.clone()),
            (None, named) => named.map(str::to_owned),
        };
        let scopes = scope::split(parts.claims.scope()?).intersection(&foreign.scopes).copied().collect();
        caller(&parts.claims, scopes, exchange).map(Outcome::Caller)
    }

    fn by_ourselves(&self, parts: &Parts<'_>, now: OffsetDateTime) -> Result<Caller, TokenError> {
        if parts.header.algorithm != TokenAlgorithm::EdDsa.as_str() {
            return Err(TokenError::Algorithm);
        }
        let key = self.keys.token_key(&parts.header.kid, now).ok_or(TokenError::UnknownKey)?;
        check_signature(parts, &PublicKey::ed25519(&key))?;
        self.check_claims(&parts.claims, now)?;
        // a key stays published only for this long after its last token
        if parts.claims.instant("exp")? - parts.claims.instant("iat")? > MAX_TTL.whole_seconds() {
            return Err(TokenError::Lifetime);
        }
        let exchange = parts.claims.optional_text("exchange")?.map(str::to_owned);
        caller(&parts.claims, scope::split(parts.claims.scope()?), exchange)
    }

    /// Checks times, audience, and the claims that RFC 9068 requires.
    fn check_claims(&self, claims: &Claims, now: OffsetDateTime) -> Result<(), TokenError> {
        let now = now.unix_timestamp();
        let leeway = LEEWAY.whole_seconds();
        if now >= claims.instant("exp")? + leeway {
            return Err(TokenError::Expired);
        }
        let starts = [Some(claims.instant("iat")?), claims.optional_instant("nbf")?];
        if starts.into_iter().flatten().any(|start| start > now + leeway) {
            return Err(TokenError::NotYetValid);
        }
        if !claims.is_for(&self.audience)? {
            return Err(TokenError::Audience);
        }
        for name in ["sub", "jti", "client_id"] {
            claims.text(name)?;
        }
        Ok(())
    }
}

/// Result of a check that must not block.
enum Outcome {
    Caller(Caller),
    /// The keys of the issuer with this index must be fetched first.
    NeedsKeysOf(usize),
}

/// The key determines the algorithm; the header must match it.
fn check_signature(parts: &Parts<'_>, key: &PublicKey) -> Result<(), TokenError> {
    if key.algorithm().as_str() != parts.header.algorithm {
        return Err(TokenError::Algorithm);
    }
    if key.holds(parts.signed, parts.signature) { Ok(()) } else { Err(TokenError::Signature) }
}

fn caller(claims: &Claims, scopes: BTreeSet<Scope>, exchange: Option<String>) -> Result<Caller, TokenError> {
    // an account reference is unique only within an exchange
    if scopes.contains(&Scope::InclusionRead) && exchange.is_none() {
        return Err(TokenError::Exchange);
    }
    Ok(Caller { issuer: claims.text("iss")?.to_owned(), subject: claims.text("sub")?.to_owned(), scopes, exchange })
}
