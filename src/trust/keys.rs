//! The keys of one authority, kept fresh.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use procura_token::{JwkSet, KeySet, UnixTime, X509Authorities};

use super::TrustError;
use super::fetch::{Discovery, read_file};

/// Keys older than this are fetched again when next needed.
const MAX_AGE: Duration = Duration::from_secs(10 * 60);
/// However many unknown `kid`s arrive, keys are not fetched more often than this.
const FLOOR: Duration = Duration::from_secs(10);
/// While an authority cannot be reached its last keys are believed this long, not longer.
const MAX_STALE: Duration = Duration::from_secs(24 * 3600);

/// Where an authority's keys come from. Always configuration, never a token.
#[derive(Clone, Debug)]
pub(super) enum KeySource {
    /// A file that holds a JWK Set or SPIFFE bundle.
    File(PathBuf),
    /// OpenID Connect Discovery over HTTPS.
    Discovery(Discovery),
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Discovery(_) => f.write_str("its keys"),
        }
    }
}

/// What a fetched document holds for one use.
pub(super) trait Material: Clone + Default + PartialEq {
    /// Reads the entries of a document that are for one of `uses`; says in the log what of them is odd.
    fn read(document: &[u8], uses: &[Option<&str>], authority: &str) -> Result<Self, String>;

    /// Whether there can be a verdict on a token whose header says `key_id`.
    fn knows(&self, key_id: Option<&str>) -> bool;

    /// Adds what holds besides the fetched: ours, where we are the authority too.
    fn extend(&mut self, own: &Self);
}

impl Material for KeySet {
    fn read(document: &[u8], uses: &[Option<&str>], _: &str) -> Result<Self, String> {
        let set = JwkSet::parse(document).map_err(|cause| format!("not a JWK Set: {cause}"))?;
        Ok(Self::new(&set, uses))
    }

    fn knows(&self, key_id: Option<&str>) -> bool {
        self.knows(key_id)
    }

    fn extend(&mut self, own: &Self) {
        self.extend(own);
    }
}

impl Material for X509Authorities {
    /// There is one use for certificates.
    fn read(document: &[u8], _: &[Option<&str>], authority: &str) -> Result<Self, String> {
        let (authorities, left_out) = Self::parse_bundle(document).map_err(|cause| format!("not a SPIFFE bundle: {cause}"))?;
        for cause in left_out {
            tracing::warn!(authority, %cause, "not all of an x509-svid entry is used");
        }
        Ok(authorities)
    }

    fn knows(&self, _: Option<&str>) -> bool {
        true
    }

    fn extend(&mut self, _: &Self) {}
}

/// The keys at one moment. A new version means that verdicts made with the old one are void.
#[derive(Debug, Default)]
pub(super) struct Keys<M = KeySet> {
    pub(super) version: u64,
    pub(super) set: M,
    fetched: Option<UnixTime>,
}

/// The keys of one authority for one use, fetched again when they grow old or an unknown `kid` appears.
#[derive(Debug)]
pub(super) struct KeyStore<M: Material = KeySet> {
    authority: String,
    source: KeySource,
    uses: &'static [Option<&'static str>],
    /// Keys that hold besides the fetched ones: ours, where we are the authority too.
    own: M,
    current: RwLock<Arc<Keys<M>>>,
    /// Held while fetching, and remembers the last attempt, successful or not.
    attempt: tokio::sync::Mutex<Option<UnixTime>>,
}

impl<M: Material> KeyStore<M> {
    pub(super) fn new(authority: String, source: KeySource, uses: &'static [Option<&'static str>], own: M) -> Self {
        let current = RwLock::new(Arc::new(Keys { version: 0, set: own.clone(), fetched: None }));
        Self { authority, source, uses, own, current, attempt: tokio::sync::Mutex::new(None) }
    }

    /// Reads a file's keys now, so that a missing file stops the start. Discovery waits until it is needed.
    pub(super) async fn open(self, now: UnixTime) -> Result<Self, TrustError> {
        if matches!(self.source, KeySource::File(_)) {
            self.refresh(now).await?;
        }
        Ok(self)
    }

    /// The keys to judge a token by whose header says `key_id`.
    pub(super) async fn keys(&self, key_id: Option<&str>, now: UnixTime) -> Result<Arc<Keys<M>>, TrustError> {
        let keys = self.current();
        let age = keys.fetched.map(|fetched| now.since(fetched));
        let is_fresh = age.is_some_and(|age| age < MAX_AGE);
        if is_fresh && keys.set.knows(key_id) {
            return Ok(keys);
        }
        // Somebody is fetching already: who can go on with what there is does.
        if age.is_some_and(|age| age < MAX_STALE) && keys.set.knows(key_id) && self.attempt.try_lock().is_err() {
            return Ok(keys);
        }
        match self.refresh(now).await {
            Ok(keys) => Ok(keys),
            Err(_) if age.is_some_and(|age| age < MAX_STALE) => Ok(self.current()),
            Err(error) => Err(error),
        }
    }

    /// Fetches, unless that was tried a moment ago. One at a time: the others wait and find the result.
    pub(super) async fn refresh(&self, now: UnixTime) -> Result<Arc<Keys<M>>, TrustError> {
        let mut attempt = self.attempt.lock().await;
        if attempt.is_some_and(|last| now.since(last) < FLOOR) {
            let keys = self.current();
            let never = || self.unavailable("the last attempt failed");
            return if keys.fetched.is_some() { Ok(keys) } else { Err(never()) };
        }
        *attempt = Some(now);
        let fetched = match &self.source {
            KeySource::File(path) => read_file(path),
            KeySource::Discovery(discovery) => {
                discovery.fetch().await.map(|fetched| fetched.body).map_err(|cause| cause.to_string())
            }
        };
        let read = |document: Vec<u8>| M::read(&document, self.uses, &self.authority);
        match fetched.and_then(|document| read(document).map_err(|cause| format!("{}: {cause}", self.source))) {
            Ok(set) => Ok(self.replace(set, now)),
            Err(cause) => {
                tracing::warn!(authority = self.authority, cause, "keys could not be fetched; the last ones stay in use");
                Err(self.unavailable(&cause))
            }
        }
    }

    fn replace(&self, mut set: M, now: UnixTime) -> Arc<Keys<M>> {
        set.extend(&self.own);
        let mut current = self.current.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        let version = if current.set == set { current.version } else { current.version + 1 };
        *current = Arc::new(Keys { version, set, fetched: Some(now) });
        Arc::clone(&current)
    }

    fn current(&self) -> Arc<Keys<M>> {
        Arc::clone(&self.current.read().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    fn unavailable(&self, cause: &str) -> TrustError {
        TrustError::Keys { authority: self.authority.clone(), cause: cause.to_owned() }
    }
}
