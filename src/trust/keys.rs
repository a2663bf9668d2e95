//! The keys of one authority, kept fresh.

mod freshness;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use procura_token::{KeySet, LeftOut, UnixTime};
use tokio::sync::{Notify, watch};

use super::TrustError;
use super::bundle::Material;
use super::fetch::Discovery;
use super::meter::AuthorityMeter;

/// Where an authority's keys come from. Always configuration, never a token.
#[derive(Clone, Debug)]
pub(super) enum KeySource {
    /// A file that holds a JWK Set or SPIFFE bundle.
    File(PathBuf),
    /// OpenID Connect Discovery over HTTPS.
    Discovery(Discovery),
    /// Whoever has them brings them, by [`KeyStore::put`]. Asking is of no use.
    Pushed,
    /// Nowhere: there are only our own.
    Own,
}

impl KeySource {
    const fn can_be_asked(&self) -> bool {
        matches!(self, Self::File(_) | Self::Discovery(_))
    }
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Discovery(_) | Self::Pushed | Self::Own => f.write_str("its keys"),
        }
    }
}

/// The keys at one moment. A new version means that verdicts made with the old one are void.
#[derive(Debug, Default)]
pub(super) struct Keys<M = KeySet> {
    pub(super) version: u64,
    pub(super) set: M,
    /// When they were last known to be the newest.
    fetched: Option<UnixTime>,
    /// Whether their source says that it has none: then nothing is believed, not even by our own.
    withdrawn: bool,
}

/// The keys of one authority, fetched again when they grow old or an unknown `kid` appears, or brought by somebody.
pub(super) struct KeyStore<M: Material = KeySet> {
    authority: String,
    source: KeySource,
    /// Keys that hold besides the fetched ones: ours, where we are the authority too.
    own: M,
    opened: UnixTime,
    current: RwLock<Arc<Keys<M>>>,
    /// Held while fetching, and remembers the last attempt, successful or not.
    attempt: tokio::sync::Mutex<Option<UnixTime>>,
    /// How long fetched keys are fresh, in seconds.
    fresh_for: AtomicU64,
    /// Why the last attempt failed, if it did: said once, not every time.
    failure: Mutex<Option<String>>,
    begun: watch::Sender<bool>,
    /// Somebody wants them to be brought again.
    wanted: Notify,
    meter: AuthorityMeter,
}

impl<M: Material> KeyStore<M> {
    pub(super) fn new(authority: String, source: KeySource, own: M, now: UnixTime) -> Self {
        let current = RwLock::new(Arc::new(Keys { version: 0, set: own.clone(), fetched: None, withdrawn: false }));
        let meter = AuthorityMeter::new(&authority);
        let (attempt, failure) = (tokio::sync::Mutex::new(None), Mutex::new(None));
        let begun = watch::Sender::new(matches!(source, KeySource::Own));
        let fresh_for = AtomicU64::new(freshness::MAX_AGE.as_secs());
        Self { authority, source, own, opened: now, current, attempt, fresh_for, failure, begun, wanted: Notify::new(), meter }
    }

    /// Reads a file's keys now, so that a missing file stops the start. Discovery waits until it is needed.
    pub(super) async fn open(self, now: UnixTime) -> Result<Arc<Self>, TrustError> {
        let store = Arc::new(self);
        if store.is_file() {
            store.refresh(now).await?;
        }
        Ok(store)
    }

    pub(super) const fn is_file(&self) -> bool {
        matches!(self.source, KeySource::File(_))
    }

    /// Where the keys are from, for people.
    pub(super) fn source(&self) -> String {
        match &self.source {
            KeySource::File(path) => path.display().to_string(),
            KeySource::Discovery(_) => "discovery".to_owned(),
            KeySource::Pushed => "pushed".to_owned(),
            KeySource::Own => "platform rules".to_owned(),
        }
    }

    /// How long ago they changed, for a file, or were fetched.
    pub(super) fn age(&self, now: UnixTime) -> Option<Duration> {
        match &self.source {
            KeySource::File(path) => {
                let changed = std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok()?;
                Some(now.since(UnixTime::new(changed.duration_since(std::time::UNIX_EPOCH).ok()?)))
            }
            _ => self.current().fetched.map(|fetched| now.since(fetched)),
        }
    }

    /// Takes the document that `place` gave, or why it gave none.
    pub(super) fn put_document(
        &self,
        document: Result<Vec<u8>, String>,
        place: impl fmt::Display,
        now: UnixTime,
    ) -> Result<Arc<Keys<M>>, TrustError> {
        let parse = |document: Vec<u8>| M::parse(&document).map_err(|cause| format!("{place}: {cause}"));
        self.put(document.and_then(parse), now)
    }

    /// Takes what was fetched, with what of it was left out, or why nothing could be; unless it is older than what is in use.
    pub(super) fn put(&self, fetched: Result<(M, Vec<LeftOut>), String>, now: UnixTime) -> Result<Arc<Keys<M>>, TrustError> {
        let newer = fetched.and_then(|(set, left_out)| match set.objection(&self.current().set) {
            Some(objection) => Err(objection),
            None => Ok((set, left_out)),
        });
        match newer {
            Ok((set, left_out)) => {
                self.meter.good.increment(1);
                if self.failed(None) {
                    tracing::info!(authority = self.authority, "keys can be fetched again");
                }
                Ok(self.replace(set, &left_out, now))
            }
            Err(cause) => {
                self.fail(&cause);
                Err(self.unavailable(&cause))
            }
        }
    }

    /// Nothing could be fetched. The log says so once, and again when the cause is another.
    pub(super) fn fail(&self, cause: &str) {
        self.meter.failed.increment(1);
        if self.failed(Some(cause)) {
            tracing::warn!(authority = self.authority, cause, "keys could not be fetched; the last ones stay in use");
        }
    }

    /// What is in use is the newest still: its source says so.
    pub(super) fn confirm(&self, now: UnixTime) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.fetched.is_some() {
            let Keys { version, ref set, withdrawn, .. } = **current;
            *current = Arc::new(Keys { version, set: set.clone(), fetched: Some(now), withdrawn });
        }
    }

    /// The source says that there are no keys of this authority.
    pub(super) fn withdraw(&self, now: UnixTime) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if !current.withdrawn {
            tracing::warn!(authority = self.authority, "its source knows it not: nothing of it is believed");
        }
        let version = if current.withdrawn { current.version } else { current.version + 1 };
        *current = Arc::new(Keys { version, set: self.own.clone(), fetched: Some(now), withdrawn: true });
        self.begun.send_replace(true);
    }

    /// Whether keys came, or word that there are none.
    pub(super) fn has_begun(&self) -> bool {
        *self.begun.borrow()
    }

    /// Waits until that is so.
    pub(super) async fn begun(&self) {
        // Fails if the sender is gone, which is `self`.
        let _ = self.begun.subscribe().wait_for(|begun| *begun).await;
    }

    /// Waits until somebody wants the keys to be brought again.
    pub(super) async fn wanted(&self) {
        self.wanted.notified().await;
    }

    /// Tells the metrics how old the keys are; those that never came are as old as this store.
    pub(super) fn measure(&self, now: UnixTime) {
        if !matches!(self.source, KeySource::Own) {
            self.meter.age.set(now.since(self.current().fetched.unwrap_or(self.opened)).as_secs_f64());
        }
    }

    /// Remembers how the last attempt ended; whether that is news.
    fn failed(&self, cause: Option<&str>) -> bool {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = failure.as_deref() != cause;
        *failure = cause.map(str::to_owned);
        is_news
    }

    fn replace(&self, mut set: M, left_out: &[LeftOut], now: UnixTime) -> Arc<Keys<M>> {
        set.extend(&self.own);
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let is_same = current.set == set && !current.withdrawn && current.fetched.is_some();
        if !is_same {
            for cause in left_out {
                tracing::warn!(authority = self.authority, %cause, "not all of its keys are used");
            }
        }
        let version = if is_same { current.version } else { current.version + 1 };
        *current = Arc::new(Keys { version, set, fetched: Some(now), withdrawn: false });
        self.begun.send_replace(true);
        Arc::clone(&current)
    }

    pub(super) fn current(&self) -> Arc<Keys<M>> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn unavailable(&self, cause: &str) -> TrustError {
        TrustError::Keys { authority: self.authority.clone(), cause: cause.to_owned() }
    }
}

impl KeyStore {
    /// The keys to judge a token by whose header says `key_id`.
    pub(super) async fn keys(self: &Arc<Self>, key_id: Option<&str>, now: UnixTime) -> Result<Arc<Keys>, TrustError> {
        self.get(|set| set.knows(key_id), now).await
    }
}

impl<M: Material> fmt::Debug for KeyStore<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyStore").field("authority", &self.authority).field("source", &self.source).finish_non_exhaustive()
    }
}
