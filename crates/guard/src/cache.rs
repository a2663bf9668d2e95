//! Credentials that were verified before.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use procura_token::{Verified, sha256};

use crate::key::Revision;

/// The most credentials of one generation; two generations are kept.
const GENERATION: usize = 4096;

type Digest = [u8; 32];
type Entry<T> = (Revision, Arc<Verified<T>>);

/// Remembers verified credentials of one kind by the SHA-256 of their whole text, signature included.
///
/// An entry counts only under the very keys it was verified with, so a withdrawn key takes its credentials along. Time is not
/// judged here: the caller judges it on every use.
pub(crate) struct Cache<T> {
    generations: Mutex<Generations<T>>,
}

struct Generations<T> {
    young: HashMap<Digest, Entry<T>>,
    old: HashMap<Digest, Entry<T>>,
}

impl<T> Default for Cache<T> {
    fn default() -> Self {
        Self { generations: Mutex::new(Generations { young: HashMap::new(), old: HashMap::new() }) }
    }
}

impl<T> Cache<T> {
    /// The credential and the keys it was verified with.
    pub(crate) fn get(&self, text: &str) -> Option<Entry<T>> {
        let digest = sha256(text.as_bytes());
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((revision, credential)) = generations.young.get(&digest) {
            return Some((*revision, Arc::clone(credential)));
        }
        let (revision, credential) = generations.old.remove(&digest)?;
        generations.insert(digest, (revision, Arc::clone(&credential)));
        Some((revision, credential))
    }

    pub(crate) fn insert(&self, text: &str, revision: Revision, credential: Arc<Verified<T>>) {
        let digest = sha256(text.as_bytes());
        self.generations.lock().unwrap_or_else(PoisonError::into_inner).insert(digest, (revision, credential));
    }
}

impl<T> Generations<T> {
    fn insert(&mut self, digest: Digest, entry: Entry<T>) {
        if self.young.len() >= GENERATION {
            self.old = core::mem::take(&mut self.young);
        }
        self.young.insert(digest, entry);
    }
}
