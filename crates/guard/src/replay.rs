//! The memory of proofs already used.

use core::future::Future;
use core::pin::Pin;

pub use procura_token::Claimed;
use procura_token::{ReplayMemory, ReplayMemoryFull, UnixTime, random_bytes};

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

    /// Names the unbroken memory the store has now. Nonces are of one epoch, so a store that loses its memory and names
    /// another closes the door to proofs it has forgotten. Default: always 0, for a store that never loses anything.
    fn epoch(&self) -> u64 {
        0
    }

    /// When the memory began. Proofs that could have been used before are refused, unless they carry a nonce of the epoch.
    /// Default: `None`, for a store that never loses anything, or where a replay after a loss is no harm.
    fn began(&self) -> Option<UnixTime> {
        None
    }
}

/// A replay store in this process's memory: right for one node, and forgotten when the process ends.
///
/// Each is an epoch of its own: a nonce given before a restart is not recognised after it, even where the secret is the
/// same. It refuses when full rather than forget. One entry takes 40 to 75 bytes.
pub struct MemoryReplayStore {
    memory: ReplayMemory,
    epoch: u64,
    began: Option<UnixTime>,
}

impl MemoryReplayStore {
    /// Room for `capacity` proofs at a time: requests per second times some 120 seconds.
    ///
    /// # Panics
    /// As [`random_bytes`].
    pub fn new(capacity: usize) -> Self {
        Self { memory: ReplayMemory::new(capacity), epoch: u64::from_ne_bytes(random_bytes()), began: None }
    }

    /// Refuses proofs that could have been used before `now`, the start of this process: what an earlier one remembered is
    /// gone. Refused are those that say that they were made before, and for up to five and a half minutes WPTs that do not
    /// say it; DPoP proofs not at all where nonces are on, since the nonce says the same.
    #[must_use]
    pub fn beginning(self, now: UnixTime) -> Self {
        Self { began: Some(now), ..self }
    }
}

impl Default for MemoryReplayStore {
    /// Room for 262,144 proofs: some 2,000 requests a second, 20 MB at most.
    fn default() -> Self {
        Self::new(1 << 18)
    }
}

impl ReplayStore for MemoryReplayStore {
    async fn claim(&self, key: [u8; 32], until: UnixTime, now: UnixTime) -> Result<Claimed, ReplayError> {
        self.memory.claim(&key, until, now).map_err(|ReplayMemoryFull { .. }| ReplayError::Full)
    }

    fn epoch(&self) -> u64 {
        self.epoch
    }

    fn began(&self) -> Option<UnixTime> {
        self.began
    }
}

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// [`ReplayStore`] in a form that can be boxed.
pub(crate) trait AnyReplayStore: Send + Sync {
    fn claim_boxed(&self, key: [u8; 32], until: UnixTime, now: UnixTime) -> BoxFuture<'_, Result<Claimed, ReplayError>>;

    fn epoch(&self) -> u64;

    fn began(&self) -> Option<UnixTime>;
}

impl<S: ReplayStore> AnyReplayStore for S {
    fn claim_boxed(&self, key: [u8; 32], until: UnixTime, now: UnixTime) -> BoxFuture<'_, Result<Claimed, ReplayError>> {
        Box::pin(self.claim(key, until, now))
    }

    fn epoch(&self) -> u64 {
        ReplayStore::epoch(self)
    }

    fn began(&self) -> Option<UnixTime> {
        ReplayStore::began(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_memories_are_two_epochs() {
        let [one, other] = [(), ()].map(|()| MemoryReplayStore::new(1));
        assert_ne!(ReplayStore::epoch(&one), ReplayStore::epoch(&other));
    }
}
