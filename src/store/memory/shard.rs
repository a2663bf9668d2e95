//! A map whose entries expire by the second.

use std::collections::{BTreeMap, HashMap};

use procura_token::UnixTime;

/// What was found under a key.
pub(super) enum Claimed<V> {
    New,
    Known(V),
}

/// Why a key that is not known is not new either.
pub(super) enum Refused {
    Forgotten,
}

/// Entries by key, and their keys by the second after which they are forgotten.
#[derive(Debug)]
pub(super) struct Shard<V> {
    entries: HashMap<[u8; 32], V>,
    seconds: BTreeMap<u64, Vec<[u8; 32]>>,
    /// The latest second of which anything was forgotten.
    forgotten: Option<u64>,
}

impl<V> Default for Shard<V> {
    fn default() -> Self {
        Self { entries: HashMap::new(), seconds: BTreeMap::new(), forgotten: None }
    }
}

impl<V> Shard<V> {
    pub(super) fn get(&self, key: &[u8; 32]) -> Option<&V> {
        self.entries.get(key)
    }

    /// Whether an entry kept until `until` could have been here and gone: true only after `now` went backwards.
    pub(super) fn may_have_forgotten(&self, until: UnixTime) -> bool {
        self.forgotten.is_some_and(|second| second_of(until) <= second)
    }

    /// Enters what is not there yet.
    pub(super) fn insert(&mut self, key: [u8; 32], value: V, until: UnixTime) {
        self.entries.insert(key, value);
        self.seconds.entry(second_of(until)).or_default().push(key);
    }

    /// Forgets what is past at `now` and says how many that were.
    pub(super) fn expire(&mut self, now: UnixTime) -> usize {
        let before = self.entries.len();
        while let Some(second) = self.seconds.first_entry().filter(|second| UnixTime::from_secs(*second.key()) < now) {
            let (second, keys) = second.remove_entry();
            for key in keys {
                self.entries.remove(&key);
            }
            self.forgotten = self.forgotten.max(Some(second));
        }
        before - self.entries.len()
    }

    /// What its tables take, each slot counted whether used or not.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        let slots = self.entries.capacity() * 8 / 7;
        let keys: usize = self.seconds.values().map(|keys| keys.capacity() * 32).sum();
        // A node of the tree holds 11 seconds and is at least half full.
        let nodes = self.seconds.len() * 2 * size_of::<(u64, Vec<[u8; 32]>)>();
        slots * (size_of::<([u8; 32], V)>() + 1) + keys + nodes
    }
}

/// The second at whose end `until` is surely past: rounded up, so that nothing is forgotten early.
fn second_of(until: UnixTime) -> u64 {
    until.as_secs().saturating_add(u64::from(until > until.whole_secs()))
}
