//! Credentials verified lately, by the hash of their whole text.

use std::sync::Arc;

use procura_token::{KeySet, Verified, VerifyError, sha256};
use quick_cache::sync::Cache;

use super::keys::Keys;

/// How many credentials of one kind are remembered; the least used are forgotten first. About 1 KiB each.
const CAPACITY: usize = 8192;

/// Remembers verified credentials of one kind.
pub(super) struct VerifiedCache<T> {
    entries: Cache<[u8; 32], Entry<T>>,
}

struct Entry<T> {
    keys: u64,
    credential: Arc<Verified<T>>,
}

impl<T> Clone for Entry<T> {
    fn clone(&self) -> Self {
        Self { keys: self.keys, credential: Arc::clone(&self.credential) }
    }
}

impl<T> Default for VerifiedCache<T> {
    fn default() -> Self {
        Self { entries: Cache::new(CAPACITY) }
    }
}

impl<T> VerifiedCache<T> {
    /// The credential of exactly this `text`, verified with exactly these `keys` for this `reader`; else `verify` makes it.
    ///
    /// Only successes are remembered. Time is not judged here.
    pub(super) fn recall(
        &self,
        text: &str,
        reader: &str,
        keys: &Keys,
        verify: impl FnOnce(&KeySet) -> Result<Verified<T>, VerifyError>,
    ) -> Result<Arc<Verified<T>>, VerifyError> {
        // A compact token has no line feed, so that no text and reader can be taken for another pair.
        let name = sha256(&[text.as_bytes(), b"\n", reader.as_bytes()].concat());
        if let Some(entry) = self.entries.get(&name).filter(|entry| entry.keys == keys.version) {
            return Ok(entry.credential);
        }
        let credential = Arc::new(verify(&keys.set)?);
        self.entries.insert(name, Entry { keys: keys.version, credential: Arc::clone(&credential) });
        Ok(credential)
    }
}
