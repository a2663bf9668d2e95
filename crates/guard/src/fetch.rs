//! Keys fetched from where they are published, and kept.

use core::time::Duration;
use std::sync::{Arc, Mutex, PoisonError};

use procura_token::{Issuer, JwkSet, UnixTime, parse_json, sha256};
use reqwest::{Certificate, Client, StatusCode, Url, redirect};
use serde::Deserialize;

use crate::KeysError;
use crate::key::{CurrentKeys, Use};

const TIMEOUT: Duration = Duration::from_secs(5);
const MAX_DOCUMENT: usize = 256 * 1024;
/// Age at which keys are fetched again in the background.
const FRESH: Duration = Duration::from_secs(300);
/// Age to which keys serve while fetching fails.
const STALE: Duration = Duration::from_secs(3600);
/// Between two attempts while there are keys.
const FLOOR: Duration = Duration::from_secs(30);
/// Between two attempts while there are none.
const FLOOR_WITHOUT_KEYS: Duration = Duration::from_secs(2);

/// Where keys are published.
pub(crate) enum Origin {
    /// The `jwks_uri` of an issuer's metadata.
    Issuer(Issuer),
    /// A JWK Set or SPIFFE bundle at this very URL.
    Document(Box<str>),
}

impl Origin {
    fn as_str(&self) -> &str {
        match self {
            Self::Issuer(issuer) => issuer.as_str(),
            Self::Document(url) => url,
        }
    }
}

pub(crate) struct FetchedKeys {
    origin: Origin,
    public_key_use: Use,
    client: Client,
    state: Mutex<State>,
    /// Held by the one that fetches.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Clone, Default)]
struct State {
    keys: Option<(Arc<CurrentKeys>, UnixTime)>,
    attempted: Option<UnixTime>,
    failure: Option<KeysError>,
}

impl FetchedKeys {
    pub(crate) fn new(origin: Origin, public_key_use: Use, roots: Option<&[u8]>) -> Result<Self, KeysError> {
        if !is_protected(origin.as_str(), origin.as_str()) {
            return Err(KeysError::Unprotected(origin.as_str().to_owned()));
        }
        let setup = |error: reqwest::Error| KeysError::Client(error.to_string());
        let mut builder = Client::builder().timeout(TIMEOUT).redirect(redirect::Policy::none()).no_proxy();
        if let Some(pem) = roots {
            builder = builder.tls_certs_only(Certificate::from_pem_bundle(pem).map_err(setup)?);
        } else if origin.as_str().starts_with("http://") {
            // Loopback without TLS must work on machines that have no certificates at all.
            builder = builder.tls_certs_only([]);
        }
        let client = builder.build().map_err(setup)?;
        Ok(Self { origin, public_key_use, client, state: Mutex::default(), turn: tokio::sync::Mutex::default() })
    }

    /// Keys of at most [`STALE`] age; waits for them only if there are none.
    pub(crate) async fn current(self: &Arc<Self>, now: UnixTime) -> Result<Arc<CurrentKeys>, KeysError> {
        let state = self.state();
        if state.usable(now).is_none() {
            return self.newer(now).await;
        }
        // While one task fetches, the others that come by need not queue up behind it.
        if state.age(now) >= FRESH && state.may_attempt(now) && self.turn.try_lock().is_ok() {
            tokio::spawn(Arc::clone(self).attempt(now));
        }
        state.usable(now).ok_or(KeysError::NotYet)
    }

    /// The keys after an attempt, if it is time for one.
    pub(crate) async fn newer(self: &Arc<Self>, now: UnixTime) -> Result<Arc<CurrentKeys>, KeysError> {
        if self.state().may_attempt(now) {
            // A task of its own: a client that goes away must not take the attempt along.
            let attempt = tokio::spawn(Arc::clone(self).attempt(now));
            attempt.await.map_err(|error| KeysError::Client(error.to_string()))?;
        }
        let state = self.state();
        state.usable(now).ok_or(state.failure.unwrap_or(KeysError::NotYet))
    }

    async fn attempt(self: Arc<Self>, now: UnixTime) {
        let _turn = self.turn.lock().await;
        if !self.state().may_attempt(now) {
            return;
        }
        let fetched = self.fetch().await;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.attempted = Some(now);
        match fetched {
            Ok(keys) => {
                state.keys = Some((Arc::new(keys), now));
                state.failure = None;
            }
            Err(error) => {
                tracing::warn!(%error, "keys could not be fetched");
                state.failure = Some(error);
            }
        }
    }

    fn state(&self) -> State {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn fetch(&self) -> Result<CurrentKeys, KeysError> {
        let issuer = match &self.origin {
            Origin::Issuer(issuer) => issuer,
            Origin::Document(url) => return self.fetch_set(url).await,
        };
        let keys = self.fetch_set(&self.jwks_uri(issuer).await?).await?;
        if keys.keys.is_empty() { Err(KeysError::NoKey) } else { Ok(keys) }
    }

    async fn jwks_uri(&self, issuer: &Issuer) -> Result<String, KeysError> {
        #[derive(Deserialize)]
        struct Metadata {
            issuer: String,
            jwks_uri: String,
        }
        let url = issuer.metadata_url();
        let document = self.get(&url).await?;
        let metadata: Metadata = parse_json(&document).map_err(|cause| KeysError::Malformed { url, cause })?;
        if metadata.issuer == issuer.as_str() { Ok(metadata.jwks_uri) } else { Err(KeysError::Issuer) }
    }

    /// A bundle without keys is one: the domain vouches for nobody any more.
    async fn fetch_set(&self, url: &str) -> Result<CurrentKeys, KeysError> {
        let document = self.get(url).await?;
        let set = JwkSet::parse(&document).map_err(|cause| KeysError::Malformed { url: url.to_owned(), cause })?;
        Ok(CurrentKeys::new(&set, self.public_key_use, sha256(&document)))
    }

    async fn get(&self, url: &str) -> Result<Vec<u8>, KeysError> {
        let failed = |reason: String| KeysError::Fetch { url: url.to_owned(), reason };
        if !is_protected(url, self.origin.as_str()) {
            return Err(KeysError::Unprotected(url.to_owned()));
        }
        let mut response = self.client.get(url).send().await.map_err(|error| failed(innermost(&error)))?;
        if response.status() != StatusCode::OK {
            return Err(failed(format!("status {}", response.status().as_u16())));
        }
        let mut document = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| failed(innermost(&error)))? {
            if document.len() + chunk.len() > MAX_DOCUMENT {
                return Err(KeysError::TooLong(url.to_owned()));
            }
            document.extend_from_slice(&chunk);
        }
        Ok(document)
    }
}

/// `https`; or, for an origin on the loopback interface, `http` that stays there.
fn is_protected(url: &str, origin: &str) -> bool {
    let Ok(url) = Url::parse(url) else { return false };
    let is_local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    let is_bare = url.username().is_empty() && url.password().is_none();
    is_bare && (url.scheme() == "https" || (url.scheme() == "http" && is_local && origin.starts_with("http://")))
}

impl State {
    fn usable(&self, now: UnixTime) -> Option<Arc<CurrentKeys>> {
        self.keys.as_ref().filter(|(_, fetched)| now.since(*fetched) < STALE).map(|(keys, _)| Arc::clone(keys))
    }

    fn age(&self, now: UnixTime) -> Duration {
        self.keys.as_ref().map_or(Duration::MAX, |(_, fetched)| now.since(*fetched))
    }

    /// A clock that was set back does not hold attempts up.
    fn may_attempt(&self, now: UnixTime) -> bool {
        let floor = if self.usable(now).is_some() { FLOOR } else { FLOOR_WITHOUT_KEYS };
        self.attempted.is_none_or(|last| last > now + FLOOR || now >= last + floor)
    }
}

/// The deepest cause: reqwest's own text only repeats the URL.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn core::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
