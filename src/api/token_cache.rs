//! A cache of checked tokens.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use time::{Duration, OffsetDateTime};

use crate::tokens::Caller;

/// Maximum number of cached tokens.
const MAX_TOKENS: usize = 1 << 14;

/// Cache of valid tokens by their SHA-256, because checking a token takes longer than most answers. After a key is revoked or a
/// token expires, cached tokens remain valid for the lifetime of an entry.
pub struct TokenCache {
    within: Duration,
    tokens: Mutex<HashMap<[u8; 32], Entry>>,
}

/// The caller of a token, and when the token was checked.
type Entry = (Arc<Caller>, OffsetDateTime);

impl TokenCache {
    /// A cache whose entries live for `seconds`, at most a minute.
    pub fn new(seconds: u64) -> Self {
        Self { within: Duration::seconds(seconds.min(60) as i64), tokens: Mutex::default() }
    }

    /// The caller of a cached token, if the entry is still valid at `now`.
    pub fn get(&self, name: &[u8; 32], now: OffsetDateTime) -> Option<Arc<Caller>> {
        let tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let (caller, checked_at) = tokens.get(name)?;
        self.is_fresh(*checked_at, now).then(|| Arc::clone(caller))
    }

    /// Adds a token that was checked at `now`.
    pub fn put(&self, name: [u8; 32], caller: &Arc<Caller>, now: OffsetDateTime) {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        if tokens.len() >= MAX_TOKENS {
            tokens.retain(|_, (_, checked_at)| self.is_fresh(*checked_at, now));
            if tokens.len() >= MAX_TOKENS {
                tokens.clear();
            }
        }
        tokens.insert(name, (Arc::clone(caller), now));
    }

    /// Whether an entry is still valid. A clock that was set back does not extend its life.
    fn is_fresh(&self, checked_at: OffsetDateTime, now: OffsetDateTime) -> bool {
        (Duration::ZERO..self.within).contains(&(now - checked_at))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_valid_token_is_cached_briefly_and_in_bounded_memory() {
        let caller = |subject: &str| {
            let (issuer, subject) = ("https://assay.example".to_owned(), subject.to_owned());
            Arc::new(Caller { issuer, subject, scopes: [].into(), exchange: None })
        };
        let (cache, now) = (TokenCache::new(5), OffsetDateTime::UNIX_EPOCH);
        cache.put([1; 32], &caller("one"), now);
        assert_eq!(cache.get(&[1; 32], now + Duration::seconds(4)).unwrap().subject, "one");
        assert!(cache.get(&[2; 32], now).is_none());
        assert!(cache.get(&[1; 32], now + Duration::seconds(5)).is_none());
        assert!(cache.get(&[1; 32], now - Duration::SECOND).is_none());
        let never = TokenCache::new(0);
        never.put([1; 32], &caller("one"), now);
        assert!(never.get(&[1; 32], now).is_none());
        for i in 0..2 * MAX_TOKENS as u64 {
            let mut name = [0; 32];
            name[..8].copy_from_slice(&i.to_le_bytes());
            cache.put(name, &caller("many"), now);
        }
        assert!(cache.tokens.lock().unwrap().len() <= MAX_TOKENS);
    }
}
