//! From the text of a token to a caller. Every rule is here, in the order in which it is applied.

use std::{collections::BTreeSet, fmt, sync::Arc};

use time::OffsetDateTime;

use super::{
    error::TokenError,
    issuers::{ForeignIssuer, IssuerError, Lookup},
    jwks::{PublicKey, TokenAlgorithm},
    jwt::{Claims, LEEWAY, Parts},
    keyring::{KeyRing, MAX_TTL},
    scope::{self, Scope},
};
use crate::config::Config;

/// Who calls, and what they may do.
#[derive(Clone, PartialEq, Eq)]
pub struct Caller {
    /// Who vouches for them.
    pub issuer: String,
    /// Who they are there; of a customer the account reference. Never to be logged.
    pub subject: String,
    /// What they may do.
    pub scopes: BTreeSet<Scope>,
    /// Domain of the exchange they speak for; of all exchanges where there is none.
    pub exchange: Option<String>,
}

impl Caller {
    /// Whether they may do this.
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }

    /// Whether they speak for the exchange of this domain.
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

/// Everything needed to judge a token.
#[derive(Debug)]
pub struct TokenVerifier {
    issuer: String,
    audience: String,
    keys: Arc<KeyRing>,
    foreign: Vec<ForeignIssuer>,
}

impl TokenVerifier {
    /// Accepts tokens for `audience` by ourselves, as `issuer` with `keys`, and by others.
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
            let reason = "there is another issuer of this name, or it is this service itself".to_owned();
            return Err(IssuerError { issuer: twice.issuer.clone(), reason });
        }
        Ok(verifier)
    }

    /// As configured: this service is issuer and audience under its public address.
    ///
    /// # Errors
    /// [`IssuerError`].
    pub fn from_config(config: &Config, keys: Arc<KeyRing>) -> Result<Self, IssuerError> {
        let foreign = config.issuers.iter().map(ForeignIssuer::new).collect::<Result<_, _>>()?;
        Self::new(&config.public_url, &config.public_url, keys, foreign)
    }

    /// Fetches the keys of all other issuers, so that the first requests find them. Returns a sentence for each whose keys
    /// cannot be had now; they are tried again when a token of theirs comes. Waits for the network.
    pub fn warm(&self, now: OffsetDateTime) -> Vec<String> {
        let refresh = |foreign: &ForeignIssuer| foreign.refresh(now).err().map(|e| format!("{}: {e}", foreign.issuer));
        self.foreign.iter().filter_map(refresh).collect()
    }

    /// Who calls with this token at `now`. May wait for the keys of another issuer; see [`TokenVerifier::authenticate`].
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn verify(&self, token: &str, now: OffsetDateTime) -> Result<Caller, TokenError> {
        match self.try_verify(token, now)? {
            Verdict::Caller(caller) => Ok(caller),
            Verdict::NeedsKeysOf(foreign) => self.verify_with_new_keys(foreign, token, now),
        }
    }

    /// As [`TokenVerifier::verify`], for the threads that answer requests: whatever waits is done on another thread.
    ///
    /// # Errors
    /// [`TokenError`].
    pub async fn authenticate(self: &Arc<Self>, token: &str, now: OffsetDateTime) -> Result<Caller, TokenError> {
        let index = match self.try_verify(token, now)? {
            Verdict::Caller(caller) => return Ok(caller),
            Verdict::NeedsKeysOf(index) => index,
        };
        let (verifier, token) = (Arc::clone(self), token.to_owned());
        let work = move || verifier.verify_with_new_keys(index, &token, now);
        tokio::task::spawn_blocking(work).await.unwrap_or(Err(TokenError::KeysUnavailable))
    }

    fn verify_with_new_keys(&self, index: usize, token: &str, now: OffsetDateTime) -> Result<Caller, TokenError> {
        let foreign = &self.foreign[index];
        if let Err(reason) = foreign.refresh(now) {
            tracing::warn!(issuer = %foreign.issuer, reason, "an issuer's keys cannot be fetched");
        }
        match self.try_verify(token, now)? {
            Verdict::Caller(caller) => Ok(caller),
            Verdict::NeedsKeysOf(_) => Err(TokenError::KeysUnavailable),
        }
    }

    fn try_verify(&self, token: &str, now: OffsetDateTime) -> Result<Verdict, TokenError> {
        let parts = Parts::read(token)?;
        let issuer = parts.claims.text("iss")?;
        if issuer == self.issuer {
            return self.by_ourselves(&parts, now).map(Verdict::Caller);
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
            Lookup::Fetch => return Ok(Verdict::NeedsKeysOf(index)),
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
        caller(&parts.claims, scopes, exchange).map(Verdict::Caller)
    }

    fn by_ourselves(&self, parts: &Parts<'_>, now: OffsetDateTime) -> Result<Caller, TokenError> {
        if parts.header.algorithm != TokenAlgorithm::EdDsa.as_str() {
            return Err(TokenError::Algorithm);
        }
        let key = self.keys.token_key(&parts.header.kid, now).ok_or(TokenError::UnknownKey)?;
        check_signature(parts, &PublicKey::ed25519(key.as_bytes()))?;
        self.check_claims(&parts.claims, now)?;
        // our keys are published for that long after the last token they signed, and not longer
        if parts.claims.instant("exp")? - parts.claims.instant("iat")? > MAX_TTL.whole_seconds() {
            return Err(TokenError::Lifetime);
        }
        let exchange = parts.claims.optional_text("exchange")?.map(str::to_owned);
        caller(&parts.claims, scope::split(parts.claims.scope()?), exchange)
    }

    /// Times, audience, and the claims that RFC 9068 demands.
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

/// What a first look says.
enum Verdict {
    Caller(Caller),
    /// The keys of the issuer at this place have to be fetched first.
    NeedsKeysOf(usize),
}

/// The key decides on the algorithm; the header may only agree.
fn check_signature(parts: &Parts<'_>, key: &PublicKey) -> Result<(), TokenError> {
    if key.algorithm().as_str() != parts.header.algorithm {
        return Err(TokenError::Algorithm);
    }
    if key.holds(parts.signed, parts.signature) { Ok(()) } else { Err(TokenError::Signature) }
}

fn caller(claims: &Claims, scopes: BTreeSet<Scope>, exchange: Option<String>) -> Result<Caller, TokenError> {
    // account references are each exchange's own: without an exchange they name nobody
    if scopes.contains(&Scope::InclusionRead) && exchange.is_none() {
        return Err(TokenError::Exchange);
    }
    Ok(Caller { issuer: claims.text("iss")?.to_owned(), subject: claims.text("sub")?.to_owned(), scopes, exchange })
}
