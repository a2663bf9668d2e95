//! The memory of what was used once, for one process.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, HashSet};
use std::hash::BuildHasher as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::UnixTime;

/// What a claim found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// The key is new and now remembered.
    First,
    /// The key was claimed before; or its time is over, so that nobody can say any more.
    Again,
}

/// A memory that may hold no more, and forgets nothing early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the replay memory is full: {capacity} entries")]
pub struct ReplayMemoryFull {
    /// The most it may hold.
    pub capacity: usize,
}

/// Sixteen bytes of a SHA-256: nobody can find a second key that is the same so far.
type Short = [u8; 16];

/// The fewest shards, so that requests seldom wait for one another.
const SHARDS: usize = 64;
/// The most entries a shard has on average when the memory is full: so many move when its table grows.
const SHARD_ENTRIES: usize = 1 << 14;
/// The most ended entries one claim sweeps out. It enters at most one, so the sweep catches up.
const SWEEP: usize = 16;

/// Remembers keys until their time is over; refuses when full rather than forget.
///
/// Of any number of concurrent claims of one key, exactly one is [`Claimed::First`]. A claim takes constant time, amortised,
/// and none is slow because many entries end at once: each sweeps out a few. An entry costs 40 to 75 bytes. Memory is taken
/// as entries come and kept for those that follow.
///
/// The memory has no clock. When `now` goes backwards nothing is forgotten, and a key that could have been swept out before
/// counts as [`Claimed::Again`].
///
/// # Not done
/// It does not survive the process, and no other process can see it.
#[derive(Debug)]
pub struct ReplayMemory {
    shards: Box<[Mutex<Shard>]>,
    /// Chosen at random, so that nobody can aim at one shard.
    spread: RandomState,
    capacity: usize,
    entries: AtomicUsize,
}

impl ReplayMemory {
    /// An empty memory for at most `capacity` entries.
    pub fn new(capacity: usize) -> Self {
        let shards = (capacity / SHARD_ENTRIES).clamp(SHARDS, 1 << 12).next_power_of_two();
        Self {
            shards: (0..shards).map(|_| Mutex::default()).collect(),
            spread: RandomState::new(),
            capacity,
            entries: AtomicUsize::new(0),
        }
    }

    /// Claims `key`, a SHA-256 of which the first 16 bytes count, and remembers it through `until`. What is remembered
    /// already keeps its time.
    ///
    /// # Errors
    /// [`ReplayMemoryFull`] if the key is new and there is no room.
    pub fn claim(&self, key: &[u8; 32], until: UnixTime, now: UnixTime) -> Result<Claimed, ReplayMemoryFull> {
        let key = short(key);
        for attempt in 0..2 {
            let mut shard = self.shard(&key);
            self.release(shard.sweep(now));
            if until < now || shard.keys.contains(&key) || shard.may_have_forgotten(until) {
                return Ok(Claimed::Again);
            }
            if self.reserve() {
                shard.insert(key, until);
                return Ok(Claimed::First);
            }
            drop(shard);
            if attempt == 0 {
                self.make_room(now);
            }
        }
        Err(ReplayMemoryFull { capacity: self.capacity })
    }

    /// Whether `key` is remembered at `now`. By the time of the answer another may have claimed it.
    pub fn remembers(&self, key: &[u8; 32], now: UnixTime) -> bool {
        let key = short(key);
        let mut shard = self.shard(&key);
        self.release(shard.sweep(now));
        shard.keys.contains(&key)
    }

    /// How many entries it holds, those included that have ended and not been swept out.
    pub fn len(&self) -> usize {
        self.entries.load(Ordering::Relaxed)
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn shard(&self, key: &Short) -> MutexGuard<'_, Shard> {
        // The remainder is below the length, which is far below 2^32.
        let index = (self.spread.hash_one(key) % self.shards.len() as u64) as usize;
        #[expect(clippy::indexing_slicing, reason = "a remainder is below its divisor")]
        lock(&self.shards[index])
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

/// Keys, and the same keys by the second after which they are forgotten.
#[derive(Debug, Default)]
struct Shard {
    keys: HashSet<Short>,
    seconds: BTreeMap<u64, Vec<Short>>,
    /// The latest second of which anything was forgotten.
    forgotten: Option<u64>,
}

impl Shard {
    /// Whether an entry kept until `until` could have been here and gone: true only after `now` went backwards.
    fn may_have_forgotten(&self, until: UnixTime) -> bool {
        self.forgotten.is_some_and(|second| second_of(until) <= second)
    }

    fn insert(&mut self, key: Short, until: UnixTime) {
        self.keys.insert(key);
        self.seconds.entry(second_of(until)).or_default().push(key);
    }

    /// Forgets a few of those past at `now`, the oldest first, and says how many.
    fn sweep(&mut self, now: UnixTime) -> usize {
        let mut swept = 0;
        while let Some(mut second) = self.seconds.first_entry().filter(|second| UnixTime::from_secs(*second.key()) < now) {
            self.forgotten = self.forgotten.max(Some(*second.key()));
            let keys = second.get_mut();
            while swept < SWEEP
                && let Some(key) = keys.pop()
            {
                self.keys.remove(&key);
                swept += 1;
            }
            if !keys.is_empty() {
                break;
            }
            second.remove();
        }
        swept
    }
}

fn short(key: &[u8; 32]) -> Short {
    key.first_chunk().copied().unwrap_or_default()
}

/// The second at whose end `until` is surely past: rounded up, so that nothing is forgotten early.
fn second_of(until: UnixTime) -> u64 {
    until.as_secs().saturating_add(u64::from(until > until.whole_secs()))
}

/// A shard is whole between any two statements that could panic, so a poisoned lock is only a lock.
fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sha256;
    use core::time::Duration;

    const NOW: UnixTime = UnixTime::from_secs(1_770_000_000);

    fn key(n: usize) -> [u8; 32] {
        sha256(&n.to_le_bytes())
    }

    fn later(seconds: u64) -> UnixTime {
        UnixTime::from_secs(NOW.as_secs() + seconds)
    }

    #[test]
    fn a_key_is_first_once_through_its_last_instant() {
        let memory = ReplayMemory::new(10);
        assert_eq!(memory.claim(&key(1), later(60), NOW), Ok(Claimed::First));
        for (until, now) in [(60, 0), (60, 60), (90, 60)] {
            assert_eq!(memory.claim(&key(1), later(until), later(now)), Ok(Claimed::Again), "{now}");
        }
        let past = later(60) + Duration::from_nanos(1);
        assert_eq!(memory.claim(&key(1), later(90), past), Ok(Claimed::First));
    }

    #[test]
    fn what_is_past_already_counts_as_used_and_takes_no_room() {
        let memory = ReplayMemory::new(10);
        assert_eq!(memory.claim(&key(1), later(60), later(61)), Ok(Claimed::Again));
        assert!(memory.is_empty() && !memory.remembers(&key(1), NOW));
    }

    #[test]
    fn a_full_memory_refuses_what_is_new_and_knows_what_is_old() {
        let memory = ReplayMemory::new(2);
        for n in 0..2 {
            assert_eq!(memory.claim(&key(n), later(60), NOW), Ok(Claimed::First));
        }
        assert_eq!(memory.claim(&key(2), later(60), NOW), Err(ReplayMemoryFull { capacity: 2 }));
        assert_eq!(memory.claim(&key(0), later(60), NOW), Ok(Claimed::Again));
    }

    #[test]
    fn a_full_memory_serves_again_once_something_ended_in_any_shard() {
        let memory = ReplayMemory::new(100);
        for n in 0..100 {
            assert_eq!(memory.claim(&key(n), later(60), NOW), Ok(Claimed::First));
        }
        for n in 100..200 {
            assert_eq!(memory.claim(&key(n), later(120), later(61)), Ok(Claimed::First), "{n}");
        }
        assert_eq!(memory.len(), 100);
    }

    #[test]
    fn a_claim_sweeps_out_a_few_and_the_sweep_catches_up() {
        let memory = ReplayMemory::new(20_000);
        for n in 0..10_000 {
            memory.claim(&key(n), later(60), NOW).unwrap();
        }
        memory.claim(&key(10_000), later(200), later(61)).unwrap();
        assert!(memory.len() > 10_000 - SWEEP, "{}", memory.len());
        for n in 10_001..13_000 {
            memory.claim(&key(n), later(200), later(61)).unwrap();
        }
        assert_eq!(memory.len(), 3_000);
    }

    #[test]
    fn a_clock_that_goes_backwards_neither_forgets_nor_resurrects() {
        let memory = ReplayMemory::new(1);
        memory.claim(&key(1), later(60), NOW).unwrap();
        assert_eq!(memory.claim(&key(1), later(60), NOW - Duration::from_secs(600)), Ok(Claimed::Again));
        // The clock leaps ahead, which makes the memory forget, and is set right again.
        memory.make_room(later(3600));
        assert!(memory.is_empty());
        assert_eq!(memory.claim(&key(1), later(60), NOW), Ok(Claimed::Again));
        assert_eq!(memory.claim(&key(1), later(62), NOW), Ok(Claimed::First));
    }

    #[test]
    fn of_claims_at_once_one_is_first() {
        let memory = ReplayMemory::new(1000);
        let claim = || (0..1000).filter(|n| memory.claim(&key(*n), later(60), NOW) == Ok(Claimed::First)).count();
        let first: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(claim)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(first, 1000);
    }
}
