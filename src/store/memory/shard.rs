//! A map whose entries expire by the second and may be prolonged.

use std::collections::{BTreeMap, HashMap};

use procura_token::UnixTime;

/// Half a SHA-256.
pub(super) type Short = [u8; 16];

/// The most ended entries one access sweeps out or lists anew. It enters at most one, so the sweep catches up.
const SWEEP: usize = 16;

/// Entries by key, and their keys by a second at or before the one after which they are forgotten.
#[derive(Debug)]
pub(super) struct Shard<V> {
    entries: HashMap<Short, Entry<V>>,
    seconds: BTreeMap<u64, Vec<Short>>,
    /// The latest second of which anything was forgotten.
    forgotten: Option<u64>,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    last: u64,
}

impl<V> Default for Shard<V> {
    fn default() -> Self {
        Self { entries: HashMap::new(), seconds: BTreeMap::new(), forgotten: None }
    }
}

impl<V> Shard<V> {
    pub(super) fn get(&self, key: &Short) -> Option<&V> {
        self.entries.get(key).map(|entry| &entry.value)
    }

    pub(super) fn get_mut(&mut self, key: &Short) -> Option<&mut V> {
        self.entries.get_mut(key).map(|entry| &mut entry.value)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Short, &V)> {
        self.entries.iter().map(|(key, entry)| (key, &entry.value))
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether an entry kept until `until` could have been here and gone: true only after `now` went backwards.
    pub(super) fn may_have_forgotten(&self, until: UnixTime) -> bool {
        self.forgotten.is_some_and(|second| second_of(until) <= second)
    }

    /// Enters what is not there yet.
    pub(super) fn insert(&mut self, key: Short, value: V, until: UnixTime) {
        let last = second_of(until);
        self.entries.insert(key, Entry { value, last });
        self.seconds.entry(last).or_default().push(key);
    }

    /// Keeps what is there until `until` at least.
    pub(super) fn prolong(&mut self, key: &Short, until: UnixTime) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.last = entry.last.max(second_of(until));
        }
    }

    /// Forgets a few of those past at `now`, the oldest first, and says how many.
    pub(super) fn sweep(&mut self, now: UnixTime) -> usize {
        let before = self.entries.len();
        let is_past = |second: u64| UnixTime::from_secs(second) < now;
        for _ in 0..SWEEP {
            let Some(mut listed) = self.seconds.first_entry().filter(|listed| is_past(*listed.key())) else { break };
            let (second, key) = (*listed.key(), listed.get_mut().pop());
            if listed.get().is_empty() {
                listed.remove();
            }
            let Some((key, last)) = key.and_then(|key| Some((key, self.entries.get(&key)?.last))) else { continue };
            if is_past(last) {
                self.entries.remove(&key);
                self.forgotten = self.forgotten.max(Some(second.max(last)));
            } else {
                self.seconds.entry(last).or_default().push(key);
            }
        }
        before - self.entries.len()
    }
}

/// The second at whose end `until` is surely past: rounded up, so that nothing is forgotten early.
fn second_of(until: UnixTime) -> u64 {
    until.as_secs().saturating_add(u64::from(until > until.whole_secs()))
}
