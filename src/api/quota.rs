//! Quotas: what callers share is bounded in all and for each caller, so that one caller cannot take everything. Connections, bytes
//! of answers and of JSON bodies, uploads and event streams are counted this way.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// A quantity that callers share.
pub struct Quota<K> {
    all: u64,
    each: u64,
    taken: Mutex<Taken<K>>,
}

struct Taken<K> {
    all: u64,
    /// Without callers that hold nothing.
    by_caller: HashMap<K, u64>,
}

/// Which bound a request would exceed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exhausted {
    /// The bound for all callers.
    All,
    /// The bound for each caller.
    Caller,
}

impl<K: Clone + Eq + Hash> Quota<K> {
    /// A quota of `all`, of which each caller may hold `each`.
    pub fn new(all: u64, each: u64) -> Arc<Self> {
        Arc::new(Self { all, each, taken: Mutex::new(Taken { all: 0, by_caller: HashMap::new() }) })
    }

    /// Takes `amount` for `caller`, or for nobody in particular. Somebody who holds nothing is given any amount: a single thing
    /// above the bound is refused where it is made, not here.
    ///
    /// # Errors
    /// [`Exhausted`].
    pub fn take(self: &Arc<Self>, caller: Option<K>, amount: u64) -> Result<Share<K>, Exhausted> {
        let mut taken = self.lock();
        let own = caller.as_ref().and_then(|caller| taken.by_caller.get(caller)).copied().unwrap_or(0);
        let exceeds = |held: u64, bound: u64| held > 0 && held.saturating_add(amount) > bound;
        if caller.is_some() && exceeds(own, self.each) {
            return Err(Exhausted::Caller);
        }
        if exceeds(taken.all, self.all) {
            return Err(Exhausted::All);
        }
        taken.all = taken.all.saturating_add(amount);
        if let Some(caller) = &caller {
            taken.by_caller.insert(caller.clone(), own.saturating_add(amount));
        }
        drop(taken);
        Ok(Share { quota: Arc::clone(self), caller, amount })
    }

    /// Whether three quarters of everything, or of what `caller` may hold, are taken.
    pub fn is_crowded(&self, caller: Option<&K>) -> bool {
        let taken = self.lock();
        let own = caller.and_then(|caller| taken.by_caller.get(caller)).copied().unwrap_or(0);
        let crowded = |held: u64, bound: u64| held.saturating_mul(4) >= bound.saturating_mul(3);
        crowded(taken.all, self.all) || crowded(own, self.each)
    }
}

impl<K> Quota<K> {
    fn lock(&self) -> MutexGuard<'_, Taken<K>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A caller's share of a quota, given back when it is dropped.
pub struct Share<K: Eq + Hash> {
    quota: Arc<Quota<K>>,
    caller: Option<K>,
    amount: u64,
}

impl<K: Clone + Eq + Hash> Share<K> {
    /// Whether the quota is crowded for this caller.
    pub fn is_crowded(&self) -> bool {
        self.quota.is_crowded(self.caller.as_ref())
    }
}

impl<K: Eq + Hash> Drop for Share<K> {
    fn drop(&mut self) {
        let mut taken = self.quota.lock();
        taken.all = taken.all.saturating_sub(self.amount);
        let Some(caller) = &self.caller else { return };
        if let Some(own) = taken.by_caller.get_mut(caller) {
            *own = own.saturating_sub(self.amount);
            if *own == 0 {
                taken.by_caller.remove(caller);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn one_caller_cannot_take_what_others_need() {
        let quota = Quota::new(4, 2);
        let greedy: Vec<_> = std::iter::repeat_with(|| quota.take(Some("greedy"), 1)).take(10).collect();
        assert_eq!(greedy.iter().filter(|share| share.is_ok()).count(), 2);
        assert!(greedy.iter().skip(2).all(|share| share.as_ref().err() == Some(&Exhausted::Caller)));
        let others: Vec<_> = ["a", "b"].map(|who| quota.take(Some(who), 1).unwrap()).into();
        assert_eq!(quota.take(Some("c"), 1).err(), Some(Exhausted::All));
        drop(others);
        assert!(quota.take(Some("c"), 1).is_ok());
    }

    #[test]
    fn what_is_dropped_is_given_back_and_nobody_is_remembered() {
        let quota = Quota::new(10, 10);
        for who in 0..1000 {
            drop(quota.take(Some(who), 3).unwrap());
        }
        let taken = quota.lock();
        assert!(taken.all == 0 && taken.by_caller.is_empty());
    }

    #[test]
    fn who_holds_nothing_gets_one_thing_of_any_size() {
        let quota = Quota::new(10, 5);
        let large = quota.take(Some("a"), 7).unwrap();
        assert_eq!(quota.take(Some("a"), 1).err(), Some(Exhausted::Caller));
        assert_eq!(quota.take(Some("b"), 4).err(), Some(Exhausted::All));
        assert!(quota.take(Some("b"), 3).is_ok());
        drop(large);
        assert!(quota.take(Some("a"), 5).is_ok());
    }

    #[test]
    fn three_quarters_are_a_crowd() {
        let quota = Quota::new(8, 4);
        let mut held: Vec<_> = (0..2).map(|_| quota.take(Some("a"), 1).unwrap()).collect();
        assert!(!quota.is_crowded(Some(&"a")));
        held.push(quota.take(Some("a"), 1).unwrap());
        assert!(quota.is_crowded(Some(&"a")) && held[0].is_crowded());
        assert!(!quota.is_crowded(Some(&"b")) && !quota.is_crowded(None));
        held.extend((0..3).map(|_| quota.take(Some("b"), 1).unwrap()));
        assert!(quota.is_crowded(None));
    }
}
