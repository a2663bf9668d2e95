//! Credentials verified lately, by the hash of their whole text.

use std::sync::Arc;

use procura_token::{PeerCertificate, sha256};
use quick_cache::sync::Cache;

/// How many credentials of one kind are remembered; the least used are forgotten first. About 1 KiB each.
const CAPACITY: usize = 8192;

/// Remembers verified credentials of one kind: `T` is one that was verified.
pub(super) struct VerifiedCache<T> {
    entries: Cache<[u8; 32], Known<T>>,
}

/// A credential that was believed. Its time has to be judged anew, and it is void when its authority has other keys now.
pub(super) struct Known<T> {
    pub(super) keys: u64,
    pub(super) credential: Arc<T>,
}

/// The hash of a credential's whole text and of who presents it, or of a chain of certificates.
pub(super) struct Name([u8; 32]);

impl Name {
    pub(super) fn new(text: &str, reader: &str) -> Self {
        // A compact token has no line feed, so that no text and reader can be taken for another pair.
        Self(sha256(&[text.as_bytes(), b"\n", reader.as_bytes()].concat()))
    }

    /// The name of a chain, hashed when its connection was made.
    pub(super) const fn of_chain(peer: &PeerCertificate) -> Self {
        Self(*peer.fingerprint())
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

    /// Remembers a credential that was verified with that version of the keys. Only successes are remembered.
    pub(super) fn remember(&self, name: Name, keys_version: u64, credential: T) -> Arc<T> {
        let credential = Arc::new(credential);
        self.entries.insert(name.0, Known { keys: keys_version, credential: Arc::clone(&credential) });
        credential
    }
}
