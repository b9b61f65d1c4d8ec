//! A cache of immutable values, bounded by weight. Concurrent requests for one value compute it once.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::OnceCell;

type Slot<V> = Arc<OnceCell<Arc<V>>>;

/// A cache with two generations. A value that is not used while the younger generation fills up is dropped with the older one. A value
/// that is heavier than half a generation is given out and not kept: two of them would drop everything else.
pub struct Cache<K, V> {
    generations: Mutex<Generations<K, V>>,
    /// Maximum weight of one generation in bytes.
    generation: usize,
    weigh: fn(&V) -> usize,
}

struct Generations<K, V> {
    young: HashMap<K, Slot<V>>,
    old: HashMap<K, Slot<V>>,
    young_weight: usize,
}

impl<K: Hash + Eq + Clone, V> Cache<K, V> {
    /// A cache for at most `max_bytes`, as measured by `weigh`.
    pub fn new(max_bytes: usize, weigh: fn(&V) -> usize) -> Self {
        let generations = Generations { young: HashMap::new(), old: HashMap::new(), young_weight: 0 };
        Self { generations: Mutex::new(generations), generation: max_bytes / 2, weigh }
    }

    /// The value of `key`. `make` computes it if it is not cached. Failures are not cached.
    ///
    /// # Errors
    /// Those of `make`.
    pub async fn get_or_make<E>(&self, key: K, make: impl AsyncFnOnce() -> Result<V, E>) -> Result<Arc<V>, E> {
        let slot = self.slot(&key);
        if let Some(value) = slot.get() {
            return Ok(Arc::clone(value));
        }
        // a caller that disconnects drops this future here
        let _leave = Leave { cache: self, key: &key };
        let mut made = false;
        let value = slot
            .get_or_try_init(|| async {
                let value = Arc::new(make().await?);
                made = true;
                Ok(value)
            })
            .await;
        match (&value, made) {
            (Ok(value), true) => self.settle(&key, &slot, (self.weigh)(value)),
            (Ok(_), false) | (Err(_), _) => {}
        }
        value.map(Arc::clone)
    }

    fn slot(&self, key: &K) -> Slot<V> {
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = generations.young.get(key) {
            return Arc::clone(slot);
        }
        let slot = generations.old.remove(key).unwrap_or_default();
        if let Some(value) = slot.get() {
            let weight = (self.weigh)(value);
            self.grow(&mut generations, weight);
        }
        generations.young.insert(key.clone(), Arc::clone(&slot));
        slot
    }

    /// Adds a new value to the younger generation, unless it is too heavy.
    fn settle(&self, key: &K, slot: &Slot<V>, weight: usize) {
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        generations.old.remove(key);
        if weight > self.generation / 2 {
            generations.young.remove(key);
            return;
        }
        self.grow(&mut generations, weight);
        generations.young.insert(key.clone(), Arc::clone(slot));
    }

    /// Makes room for `weight` in the younger generation.
    fn grow(&self, generations: &mut Generations<K, V>, weight: usize) {
        if generations.young_weight + weight > self.generation {
            generations.old = std::mem::take(&mut generations.young);
            generations.young_weight = 0;
        }
        generations.young_weight += weight;
    }

    /// Removes an empty slot. Otherwise requests for missing values would fill the memory.
    fn forget(&self, key: &K) {
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        if generations.young.get(key).is_some_and(|slot| !slot.initialized()) {
            generations.young.remove(key);
        }
        if generations.old.get(key).is_some_and(|slot| !slot.initialized()) {
            generations.old.remove(key);
        }
    }
}

/// Removes an empty slot when dropped.
struct Leave<'a, K: Hash + Eq + Clone, V> {
    cache: &'a Cache<K, V>,
    key: &'a K,
}

impl<K: Hash + Eq + Clone, V> Drop for Leave<'_, K, V> {
    fn drop(&mut self) {
        self.cache.forget(self.key);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    async fn get(cache: &Cache<u32, Vec<u8>>, key: u32, made: &AtomicUsize) -> Arc<Vec<u8>> {
        let make = async || {
            tokio::task::yield_now().await;
            made.fetch_add(1, Ordering::Relaxed);
            Ok::<_, ()>(vec![0; 10])
        };
        cache.get_or_make(key, make).await.unwrap()
    }

    #[actix_web::test]
    async fn what_is_asked_for_at_the_same_time_is_made_once() {
        let (cache, made) = (Cache::new(1000, Vec::len), AtomicUsize::new(0));
        futures_util::future::join_all((0..20).map(|_| get(&cache, 1, &made))).await;
        get(&cache, 1, &made).await;
        assert_eq!(made.load(Ordering::Relaxed), 1);
    }

    #[actix_web::test]
    async fn memory_is_bounded_and_what_is_asked_for_stays() {
        let (cache, made) = (Cache::new(200, Vec::len), AtomicUsize::new(0));
        for key in 0..1000 {
            get(&cache, key, &made).await;
            get(&cache, 7, &made).await;
        }
        let generations = cache.generations.lock().unwrap();
        assert!(generations.young.len() + generations.old.len() <= 21);
        assert_eq!(made.load(Ordering::Relaxed), 1000);
    }

    #[actix_web::test]
    async fn a_value_that_would_drop_the_others_is_given_out_and_not_kept() {
        let (cache, made) = (Cache::new(200, Vec::len), AtomicUsize::new(0));
        get(&cache, 1, &made).await;
        for key in 2..100 {
            let heavy = cache.get_or_make(key, async || Ok::<_, ()>(vec![0; 51])).await.unwrap();
            assert_eq!(heavy.len(), 51);
        }
        let kept = |cache: &Cache<u32, Vec<u8>>| {
            let generations = cache.generations.lock().unwrap();
            (generations.young.len(), generations.old.len(), generations.young_weight)
        };
        assert_eq!(kept(&cache), (1, 0, 10));
        cache.get_or_make(2, async || Ok::<_, ()>(vec![0; 50])).await.unwrap();
        assert_eq!(kept(&cache), (2, 0, 60));
        get(&cache, 1, &made).await;
        assert_eq!(made.load(Ordering::Relaxed), 1);
    }

    #[actix_web::test]
    async fn who_hangs_up_leaves_nothing() {
        let cache: Cache<u32, Vec<u8>> = Cache::new(200, Vec::len);
        for key in 0..10 {
            let never = cache.get_or_make(key, async || {
                std::future::pending::<()>().await;
                Ok::<_, ()>(vec![])
            });
            assert!(futures_util::future::FutureExt::now_or_never(never).is_none());
        }
        assert!(cache.generations.lock().unwrap().young.is_empty());
    }

    #[actix_web::test]
    async fn a_failure_is_forgotten() {
        let cache: Cache<u32, Vec<u8>> = Cache::new(200, Vec::len);
        for key in 0..1000 {
            assert_eq!(cache.get_or_make(key, async || Err(key)).await, Err(key));
        }
        assert!(cache.generations.lock().unwrap().young.is_empty());
        assert!(cache.get_or_make(1, async || Ok::<_, ()>(vec![])).await.is_ok());
    }
}
