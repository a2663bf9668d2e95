//! Values by key, for a time.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use procura_token::UnixTime;

use super::shard::{Shard, Short};
use crate::store::StoreError;

const SHARDS: usize = 64;

/// What was under a key.
pub(super) enum Found<V> {
    New,
    Known(V),
    /// Nothing, but it could have been there and gone: the clock went backwards.
    Forgotten,
}

/// Things of one kind, spread over locks by their key: at most `capacity`.
#[derive(Debug)]
pub(super) struct Records<V> {
    shards: Box<[Mutex<Shard<V>>]>,
    /// Chosen at random, so that nobody can aim at one shard.
    spread: RandomState,
    capacity: usize,
    entries: AtomicUsize,
}

impl<V: Clone> Records<V> {
    pub(super) fn new(capacity: usize) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { shards, spread: RandomState::new(), capacity, entries: AtomicUsize::new(0) }
    }

    /// Enters `value` through `until` unless there is one under `key`; that one is kept so long if `prolongs` says so.
    pub(super) fn enter(
        &self,
        key: Short,
        value: &V,
        until: UnixTime,
        now: UnixTime,
        prolongs: impl Fn(&V) -> bool,
    ) -> Result<Found<V>, StoreError> {
        for attempt in 0..2 {
            let mut shard = self.shard(&key);
            self.release(shard.sweep(now));
            if let Some(known) = shard.get(&key).cloned() {
                if prolongs(&known) {
                    shard.prolong(&key, until);
                }
                return Ok(Found::Known(known));
            }
            if shard.may_have_forgotten(until) {
                return Ok(Found::Forgotten);
            }
            if self.reserve() {
                shard.insert(key, value.clone(), until);
                return Ok(Found::New);
            }
            drop(shard);
            if attempt == 0 {
                self.make_room(now);
            }
        }
        Err(StoreError::Full { capacity: self.capacity })
    }

    /// What is under `key`.
    pub(super) fn find(&self, key: Short, now: UnixTime) -> Option<V> {
        self.with(key, now, |value| value.clone())
    }

    /// Looks at what is under `key`, or changes it.
    pub(super) fn with<T>(&self, key: Short, now: UnixTime, visit: impl FnOnce(&mut V) -> T) -> Option<T> {
        let mut shard = self.shard(&key);
        self.release(shard.sweep(now));
        shard.get_mut(&key).map(visit)
    }

    /// How many parts they lie in.
    pub(super) const fn parts(&self) -> usize {
        SHARDS
    }

    /// What is in a part under the least `limit` keys beyond `after` whose values `matches`, and how many were looked at.
    pub(super) fn some(
        &self,
        part: usize,
        after: Option<&Short>,
        limit: usize,
        now: UnixTime,
        matches: impl Fn(&V) -> bool,
    ) -> (Vec<(Short, V)>, usize) {
        let Some(shard) = self.shards.get(part) else { return (Vec::new(), 0) };
        let mut shard = lock(shard);
        self.release(shard.sweep(now));
        let is_wanted = |key: &Short, value: &V| after.is_none_or(|after| key > after) && matches(value);
        let mut found: Vec<_> = shard.iter().filter(|(key, value)| is_wanted(key, value)).collect();
        found.sort_unstable_by_key(|(key, _)| **key);
        found.truncate(limit);
        (found.into_iter().map(|(key, value)| (*key, value.clone())).collect(), shard.len())
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.entries.load(Ordering::Relaxed)
    }

    fn shard(&self, key: &Short) -> MutexGuard<'_, Shard<V>> {
        lock(&self.shards[(self.spread.hash_one(key) % SHARDS as u64) as usize])
    }

    /// Sweeps one shard after the other until an entry has gone.
    fn make_room(&self, now: UnixTime) {
        for shard in &self.shards {
            let swept = lock(shard).sweep(now);
            if swept > 0 {
                return self.release(swept);
            }
        }
    }

    fn reserve(&self) -> bool {
        let one_more = |entries| (entries < self.capacity).then_some(entries + 1);
        self.entries.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_ok()
    }

    fn release(&self, entries: usize) {
        if entries > 0 {
            self.entries.fetch_sub(entries, Ordering::Relaxed);
        }
    }
}

/// What the memory looks at of a hash.
pub(super) fn short(key: &[u8; 32]) -> Short {
    key.first_chunk().copied().unwrap_or_default()
}

/// A shard is whole between any two statements that could panic, so a poisoned lock is only a lock.
fn lock<V>(shard: &Mutex<Shard<V>>) -> MutexGuard<'_, Shard<V>> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}
