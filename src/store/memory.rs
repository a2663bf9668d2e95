//! The store of a single process.

mod shard;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use procura_token::UnixTime;

use self::shard::{Claimed, Refused, Shard};
use super::{Claim, ClaimError, ClaimStore, DelegationClaim, DelegationRecord, OneTimeUse, StoreError, UseKind};

/// Few enough to sweep, enough that requests seldom wait for one another.
const SHARDS: usize = 16;

/// Keeps claims in the memory of this process: for one copy of the service, and lost when it ends.
///
/// It holds at most `capacity` entries, of whatever kind, and refuses rather than forgets when it is full. A use costs
/// at most 144 bytes where many expire in the same second and 300 where few do; a delegation 150 more, its name included.
/// Expired entries leave in groups of one second, at a cost that does not grow with what remains.
///
/// It never reads the clock. If `now` goes backwards, nothing remembered is forgotten, and what could already have been
/// forgotten is refused as expired.
#[derive(Debug)]
pub struct MemoryStore {
    proofs: Table<()>,
    assertions: Table<()>,
    delegations: Table<DelegationRecord>,
    capacity: usize,
    entries: AtomicUsize,
}

impl MemoryStore {
    /// An empty store for at most `capacity` entries. Memory is taken as entries come.
    pub fn new(capacity: usize) -> Self {
        Self {
            proofs: Table::default(),
            assertions: Table::default(),
            delegations: Table::default(),
            capacity,
            entries: AtomicUsize::new(0),
        }
    }

    fn use_once(&self, used: &OneTimeUse, now: UnixTime) -> Result<(), ClaimError> {
        let table = match used.kind {
            UseKind::DpopProof => &self.proofs,
            UseKind::ClientAssertion => &self.assertions,
        };
        match self.enter(table, used.key, &(), used.until, now)? {
            Ok(Claimed::New) => Ok(()),
            Ok(Claimed::Known(())) => Err(ClaimError::Replayed(used.kind)),
            Err(Refused::Forgotten) => Err(ClaimError::Expired(used.kind)),
        }
    }

    fn begin_or_continue(&self, claim: &DelegationClaim, now: UnixTime) -> Result<DelegationRecord, ClaimError> {
        match self.enter(&self.delegations, claim.key, &claim.proposed, claim.kept_until(), now)? {
            Ok(Claimed::New) => Ok(claim.proposed.clone()),
            Ok(Claimed::Known(record)) => Ok(record),
            Err(Refused::Forgotten) => Err(ClaimError::DelegationOver),
        }
    }

    /// Enters one thing; when the store is full, sweeps out what has expired and tries once more.
    fn enter<V: Clone>(
        &self,
        table: &Table<V>,
        key: [u8; 32],
        value: &V,
        until: UnixTime,
        now: UnixTime,
    ) -> Result<Result<Claimed<V>, Refused>, StoreError> {
        for attempt in 0..2 {
            let mut shard = table.shard(&key);
            self.release(shard.expire(now));
            if let Some(known) = shard.get(&key) {
                return Ok(Ok(Claimed::Known(known.clone())));
            }
            if shard.may_have_forgotten(until) {
                return Ok(Err(Refused::Forgotten));
            }
            if self.reserve() {
                shard.insert(key, value.clone(), until);
                return Ok(Ok(Claimed::New));
            }
            drop(shard);
            if attempt == 0 {
                self.sweep(now);
            }
        }
        Err(StoreError::Full { capacity: self.capacity })
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

    fn sweep(&self, now: UnixTime) {
        self.release(self.proofs.expire(now) + self.assertions.expire(now) + self.delegations.expire(now));
    }
}

#[async_trait]
impl ClaimStore for MemoryStore {
    async fn claim(&self, claim: &Claim, now: UnixTime) -> Result<Option<DelegationRecord>, ClaimError> {
        claim.verify_lifetimes(now)?;
        // Every use is burnt even if an earlier one was refused, as in redis.
        let uses: Vec<_> = claim.uses.iter().map(|used| self.use_once(used, now)).collect();
        uses.into_iter().collect::<Result<(), _>>()?;
        claim.delegation.as_ref().map(|delegation| self.begin_or_continue(delegation, now)).transpose()
    }

    /// Always: a full store is not down, it refuses what is new until something expires.
    async fn ready(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// Things of one kind, spread over locks by their key.
#[derive(Debug)]
struct Table<V>([Mutex<Shard<V>>; SHARDS]);

impl<V> Default for Table<V> {
    fn default() -> Self {
        Self(core::array::from_fn(|_| Mutex::new(Shard::default())))
    }
}

impl<V> Table<V> {
    fn shard(&self, key: &[u8; 32]) -> MutexGuard<'_, Shard<V>> {
        lock(&self.0[usize::from(key[0]) % SHARDS])
    }

    fn expire(&self, now: UnixTime) -> usize {
        self.0.iter().map(|shard| lock(shard).expire(now)).sum()
    }
}

/// A shard is whole between any two statements that could panic, so a poisoned lock is only a lock.
fn lock<V>(shard: &Mutex<Shard<V>>) -> MutexGuard<'_, Shard<V>> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use procura_token::sha256;

    const NOW: UnixTime = UnixTime::from_secs(1_770_000_000);

    fn proof(n: usize, until: UnixTime) -> OneTimeUse {
        OneTimeUse { kind: UseKind::DpopProof, key: sha256(&n.to_le_bytes()), until }
    }

    fn later(seconds: u64) -> UnixTime {
        UnixTime::from_secs(NOW.as_secs() + seconds)
    }

    #[test]
    fn a_full_store_refuses_what_is_new_and_knows_what_is_old() {
        let store = MemoryStore::new(2);
        for n in 0..2 {
            store.use_once(&proof(n, later(60)), NOW).unwrap();
        }
        let full = store.use_once(&proof(2, later(60)), NOW).unwrap_err();
        assert!(matches!(full, ClaimError::Unavailable(StoreError::Full { capacity: 2 })), "{full}");
        assert!(matches!(store.use_once(&proof(0, later(60)), NOW), Err(ClaimError::Replayed(UseKind::DpopProof))));
    }

    #[test]
    fn a_full_store_serves_again_once_something_expired_in_any_shard() {
        let store = MemoryStore::new(100);
        for n in 0..100 {
            store.use_once(&proof(n, later(60)), NOW).unwrap();
        }
        for n in 100..200 {
            store.use_once(&proof(n, later(120)), later(61)).unwrap();
        }
        assert_eq!(store.entries.load(Ordering::Relaxed), 100);
    }

    #[test]
    fn a_clock_that_goes_backwards_neither_forgets_nor_resurrects() {
        let store = MemoryStore::new(10);
        store.use_once(&proof(1, later(60)), NOW).unwrap();
        assert!(matches!(
            store.use_once(&proof(1, later(60)), NOW - core::time::Duration::from_secs(600)),
            Err(ClaimError::Replayed(_))
        ));
        // The clock leaps ahead, which makes the store forget, and is set right again.
        store.sweep(later(3600));
        assert_eq!(store.entries.load(Ordering::Relaxed), 0);
        assert!(matches!(store.use_once(&proof(1, later(60)), NOW), Err(ClaimError::Expired(_))));
        store.use_once(&proof(1, later(62)), NOW).unwrap();
    }

    #[test]
    fn an_entry_costs_no_more_than_documented() {
        for entries in [1_000, 7_400, 20_000, 30_000] {
            let store = MemoryStore::new(entries);
            for n in 0..entries {
                store.use_once(&proof(n, later(60)), NOW).unwrap();
            }
            assert!(store.proofs.bytes() <= entries * 144, "{} bytes for {entries} in one second", store.proofs.bytes());

            let store = MemoryStore::new(entries);
            for n in 0..entries {
                store.use_once(&proof(n, later(n as u64)), NOW).unwrap();
            }
            assert!(store.proofs.bytes() <= entries * 300, "{} bytes for {entries} in as many seconds", store.proofs.bytes());
        }
        let id_of_22_bytes_and_its_allocation = 48;
        assert!(size_of::<DelegationRecord>() * 16 / 7 + id_of_22_bytes_and_its_allocation <= 150);
    }

    impl<V> Table<V> {
        fn bytes(&self) -> usize {
            self.0.iter().map(|shard| lock(shard).bytes()).sum()
        }
    }
}
