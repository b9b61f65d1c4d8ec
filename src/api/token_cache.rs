//! Tokens that were good a moment ago.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use time::{Duration, OffsetDateTime};

use crate::tokens::Caller;

/// Most tokens that are kept at the same time.
const MAX_TOKENS: usize = 1 << 14;

/// Tokens that were good a moment ago, by their SHA-256. Judging one takes longer than most answers. A key that is taken back,
/// or a token that expires, works so much longer.
pub struct TokenCache {
    within: Duration,
    tokens: Mutex<HashMap<[u8; 32], Judged>>,
}

/// Whose token it is, and when that was found out.
type Judged = (Arc<Caller>, OffsetDateTime);

impl TokenCache {
    /// Tokens are believed for `seconds`, a minute at most.
    pub fn new(seconds: u64) -> Self {
        Self { within: Duration::seconds(seconds.min(60) as i64), tokens: Mutex::default() }
    }

    /// Whose token it is, if it was good a moment before `now`.
    pub fn get(&self, name: &[u8; 32], now: OffsetDateTime) -> Option<Arc<Caller>> {
        let tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let (caller, judged) = tokens.get(name)?;
        self.is_fresh(*judged, now).then(|| Arc::clone(caller))
    }

    /// Notes that the token was good at `now`.
    pub fn put(&self, name: [u8; 32], caller: &Arc<Caller>, now: OffsetDateTime) {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        if tokens.len() >= MAX_TOKENS {
            tokens.retain(|_, (_, judged)| self.is_fresh(*judged, now));
            if tokens.len() >= MAX_TOKENS {
                tokens.clear();
            }
        }
        tokens.insert(name, (Arc::clone(caller), now));
    }

    /// A clock that was set back makes nothing fresh.
    fn is_fresh(&self, judged: OffsetDateTime, now: OffsetDateTime) -> bool {
        (Duration::ZERO..self.within).contains(&(now - judged))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_good_token_is_believed_for_a_moment_and_in_bounded_memory() {
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
