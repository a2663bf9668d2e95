//! Credentials verified lately, by the hash of their whole text.

use std::sync::Arc;

use procura_token::{Verified, sha256};
use quick_cache::sync::Cache;

use super::keys::Keys;

/// How many credentials of one kind are remembered; the least used are forgotten first. About 1 KiB each.
const CAPACITY: usize = 8192;

/// Remembers verified credentials of one kind.
pub(super) struct VerifiedCache<T> {
    entries: Cache<[u8; 32], Known<T>>,
}

/// A credential that was believed. Its time has to be judged anew, and it is void when its authority has other keys now.
pub(super) struct Known<T> {
    pub(super) keys: u64,
    pub(super) credential: Arc<Verified<T>>,
}

/// The hash of a credential's whole text and of who presents it.
pub(super) struct Name([u8; 32]);

impl Name {
    pub(super) fn new(text: &str, reader: &str) -> Self {
        // A compact token has no line feed, so that no text and reader can be taken for another pair.
        Self(sha256(&[text.as_bytes(), b"\n", reader.as_bytes()].concat()))
    }
}

impl<T> Clone for Known<T> {
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
    /// The credential called `name`, and the version of the keys it was verified with.
    pub(super) fn get(&self, name: &Name) -> Option<Known<T>> {
        self.entries.get(&name.0)
    }

    /// Remembers a credential that was verified with `keys`. Only successes are remembered.
    pub(super) fn remember(&self, name: Name, keys: &Keys, credential: Verified<T>) -> Arc<Verified<T>> {
        let credential = Arc::new(credential);
        self.entries.insert(name.0, Known { keys: keys.version, credential: Arc::clone(&credential) });
        credential
    }
}
