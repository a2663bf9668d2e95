//! Tokens that were verified before.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use procura_token::{AccessToken, Verified, sha256};

use crate::key::Revision;

/// The most tokens of one generation; two generations are kept.
const GENERATION: usize = 4096;

type Digest = [u8; 32];
type Entry = (Revision, Arc<Verified<AccessToken>>);

/// Remembers verified tokens by the SHA-256 of their whole text, signature included.
///
/// An entry counts only under the very keys it was verified with, so a withdrawn key takes its tokens along. Time is not
/// judged here: the caller judges it on every use.
#[derive(Default)]
pub(crate) struct TokenCache {
    generations: Mutex<Generations>,
}

#[derive(Default)]
struct Generations {
    young: HashMap<Digest, Entry>,
    old: HashMap<Digest, Entry>,
}

impl TokenCache {
    pub(crate) fn get(&self, text: &str, revision: Revision) -> Option<Arc<Verified<AccessToken>>> {
        let digest = sha256(text.as_bytes());
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        let (verified_with, token) = match generations.young.get(&digest) {
            Some(entry) => entry.clone(),
            None => {
                let entry = generations.old.remove(&digest)?;
                generations.insert(digest, entry.clone());
                entry
            }
        };
        (verified_with == revision).then_some(token)
    }

    pub(crate) fn insert(&self, text: &str, revision: Revision, token: Arc<Verified<AccessToken>>) {
        let digest = sha256(text.as_bytes());
        self.generations.lock().unwrap_or_else(PoisonError::into_inner).insert(digest, (revision, token));
    }
}

impl Generations {
    fn insert(&mut self, digest: Digest, entry: Entry) {
        if self.young.len() >= GENERATION {
            self.old = core::mem::take(&mut self.young);
        }
        self.young.insert(digest, entry);
    }
}
