//! A cache of checked tokens.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use time::{Duration, OffsetDateTime};

use crate::tokens::Caller;

/// Maximum number of cached tokens.
const MAX_TOKENS: usize = 1 << 14;

/// Cache of valid tokens by their SHA-256, because checking a token takes longer than most answers. After a token expires it remains
/// valid for the lifetime of its entry. When the service's own keys change, so that one may be revoked, all entries are forgotten.
pub struct TokenCache {
    within: Duration,
    tokens: Mutex<Tokens>,
}

#[derive(Default)]
struct Tokens {
    checked: HashMap<[u8; 32], Entry>,
    /// Of the keys that they were checked with.
    generation: u64,
}

/// The caller of a token, and when the token was checked.
type Entry = (Arc<Caller>, OffsetDateTime);

impl TokenCache {
    /// A cache whose entries live for `seconds`, as far as the settings allow.
    pub fn new(seconds: u64) -> Self {
        Self { within: Duration::seconds(seconds as i64), tokens: Mutex::default() }
    }

    /// The caller of a cached token, if the entry is still valid at `now` and was checked with keys of this `generation`.
    pub fn get(&self, name: &[u8; 32], generation: u64, now: OffsetDateTime) -> Option<Arc<Caller>> {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.forget_others(generation);
        let (caller, checked_at) = tokens.checked.get(name)?;
        self.is_fresh(*checked_at, now).then(|| Arc::clone(caller))
    }

    /// Adds a token that was checked at `now`, with keys of this `generation` or later ones.
    pub fn put(&self, name: [u8; 32], caller: &Arc<Caller>, generation: u64, now: OffsetDateTime) {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.forget_others(generation);
        let tokens = &mut tokens.checked;
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

impl Tokens {
    fn forget_others(&mut self, generation: u64) {
        if self.generation != generation {
            self.checked.clear();
            self.generation = generation;
        }
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
        cache.put([1; 32], &caller("one"), 0, now);
        assert_eq!(cache.get(&[1; 32], 0, now + Duration::seconds(4)).unwrap().subject, "one");
        assert!(cache.get(&[2; 32], 0, now).is_none());
        assert!(cache.get(&[1; 32], 0, now + Duration::seconds(5)).is_none());
        assert!(cache.get(&[1; 32], 0, now - Duration::SECOND).is_none());
        let never = TokenCache::new(0);
        never.put([1; 32], &caller("one"), 0, now);
        assert!(never.get(&[1; 32], 0, now).is_none());
        for i in 0..2 * MAX_TOKENS as u64 {
            let mut name = [0; 32];
            name[..8].copy_from_slice(&i.to_le_bytes());
            cache.put(name, &caller("many"), 0, now);
        }
        assert!(cache.tokens.lock().unwrap().checked.len() <= MAX_TOKENS);
    }

    #[test]
    fn no_token_outlives_the_keys_that_it_was_checked_with() {
        let (cache, now) = (TokenCache::new(60), OffsetDateTime::UNIX_EPOCH);
        let caller = Caller { issuer: "i".to_owned(), subject: "s".to_owned(), scopes: [].into(), exchange: None };
        cache.put([1; 32], &Arc::new(caller), 1, now);
        assert!(cache.get(&[1; 32], 1, now).is_some());
        assert!(cache.get(&[1; 32], 2, now).is_none());
        assert!(cache.get(&[1; 32], 1, now).is_none());
    }
}
