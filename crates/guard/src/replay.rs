//! The memory of proofs already used.

use core::future::Future;
use core::pin::Pin;
use std::collections::{BTreeSet, HashSet};
use std::sync::{Mutex, PoisonError};

use procura_token::UnixTime;

/// What a claim found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// The key is new and now remembered.
    First,
    /// The key was claimed before.
    Again,
}

/// The store could not remember: then the request is refused with 503, never let through.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// No room left.
    #[error("the replay store is full")]
    Full,
    /// It did not answer in time.
    #[error("the replay store did not answer in time")]
    TimedOut,
    /// It cannot be reached, or answered nonsense.
    #[error("the replay store is unavailable: {0}")]
    Unavailable(Box<dyn core::error::Error + Send + Sync>),
}

/// A promise: of any number of claims of one key, at whatever nodes share the store, exactly one is the first.
///
/// The guard waits two seconds for an answer. Write it as an `async fn`.
pub trait ReplayStore: Send + Sync + 'static {
    /// Claims `key`, in one atomic step, and remembers it at least until `until`.
    ///
    /// # Errors
    /// [`ReplayError`] if that cannot be promised.
    fn claim(&self, key: [u8; 32], until: UnixTime, now: UnixTime) -> impl Future<Output = Result<Claimed, ReplayError>> + Send;
}

/// A replay store in this process's memory: right for one node, and forgotten when the process ends.
///
/// It refuses when full rather than forget. One entry takes about 150 bytes.
pub struct MemoryReplayStore {
    capacity: usize,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    keys: HashSet<[u8; 32]>,
    by_time: BTreeSet<(UnixTime, [u8; 32])>,
}

impl MemoryReplayStore {
    /// Room for `capacity` proofs at a time: requests per second times some 120 seconds.
    pub fn new(capacity: usize) -> Self {
        Self { capacity, seen: Mutex::default() }
    }

    fn claim_now(&self, key: [u8; 32], until: UnixTime, now: UnixTime) -> Result<Claimed, ReplayError> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.forget_before(now);
        if seen.keys.contains(&key) {
            return Ok(Claimed::Again);
        }
        if seen.keys.len() >= self.capacity {
            return Err(ReplayError::Full);
        }
        seen.keys.insert(key);
        seen.by_time.insert((until, key));
        Ok(Claimed::First)
    }
}

impl Default for MemoryReplayStore {
    /// Room for 262,144 proofs: some 2,000 requests a second, 40 MB at most.
    fn default() -> Self {
        Self::new(1 << 18)
    }
}

impl Seen {
    fn forget_before(&mut self, now: UnixTime) {
        while let Some((until, key)) = self.by_time.pop_first() {
            if until > now {
                self.by_time.insert((until, key));
                return;
            }
            self.keys.remove(&key);
        }
    }
}

impl ReplayStore for MemoryReplayStore {
    async fn claim(&self, key: [u8; 32], until: UnixTime, now: UnixTime) -> Result<Claimed, ReplayError> {
        self.claim_now(key, until, now)
    }
}

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// [`ReplayStore`] in a form that can be boxed.
pub(crate) trait AnyReplayStore: Send + Sync {
    fn claim_boxed(&self, key: [u8; 32], until: UnixTime, now: UnixTime) -> BoxFuture<'_, Result<Claimed, ReplayError>>;
}

impl<S: ReplayStore> AnyReplayStore for S {
    fn claim_boxed(&self, key: [u8; 32], until: UnixTime, now: UnixTime) -> BoxFuture<'_, Result<Claimed, ReplayError>> {
        Box::pin(self.claim(key, until, now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_first_once_until_its_time_is_over() {
        let store = MemoryReplayStore::new(10);
        let [now, until] = [100, 160].map(UnixTime::from_secs);
        assert_eq!(store.claim_now([1; 32], until, now).unwrap(), Claimed::First);
        assert_eq!(store.claim_now([1; 32], until, UnixTime::from_secs(159)).unwrap(), Claimed::Again);
        assert_eq!(store.claim_now([1; 32], UnixTime::from_secs(300), until).unwrap(), Claimed::First);
    }

    #[test]
    fn a_full_store_refuses_and_forgets_nothing() {
        let store = MemoryReplayStore::new(2);
        let [now, until] = [100, 160].map(UnixTime::from_secs);
        assert!(store.claim_now([1; 32], until, now).is_ok() && store.claim_now([2; 32], until, now).is_ok());
        assert!(matches!(store.claim_now([3; 32], until, now), Err(ReplayError::Full)));
        assert_eq!(store.claim_now([1; 32], until, now).unwrap(), Claimed::Again);
        assert_eq!(store.claim_now([3; 32], until, until).unwrap(), Claimed::First);
    }
}
