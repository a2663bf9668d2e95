//! When keys are fetched, and how long they serve.
//!
//! Fetched keys are fresh for ten minutes, or as long as their `max-age` says if that is less. A token that names an unknown
//! key makes them be fetched before; but however many such tokens come, and whatever becomes of those who brought them, there
//! is one attempt in ten seconds, and no `kid` is remembered. While attempts fail, the last keys serve for a day.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use procura_token::UnixTime;

use super::{KeySource, KeyStore, Keys};
use crate::trust::TrustError;
use crate::trust::bundle::Material;
use crate::trust::fetch::read_file;

/// Keys older than this are fetched again when next needed.
pub(super) const MAX_AGE: Duration = Duration::from_secs(10 * 60);
/// Keys are not fetched more often than this, and not believed to be stale sooner.
const FLOOR: Duration = Duration::from_secs(10);
/// While an authority cannot be reached its last keys are believed this long, not longer.
const MAX_STALE: Duration = Duration::from_secs(24 * 3600);

impl<M: Material> Keys<M> {
    /// How long ago they were fetched. Of keys from the future, whose clock was set back since, nobody knows: they are no
    /// longer fresh.
    fn age(&self, now: UnixTime) -> Option<Duration> {
        let age = |fetched| if fetched > now + FLOOR { MAX_AGE } else { now.since(fetched) };
        self.fetched.map(age)
    }

    fn may_serve(&self, now: UnixTime) -> bool {
        self.age(now).is_some_and(|age| age < MAX_STALE)
    }
}

impl<M: Material> KeyStore<M> {
    /// The keys to judge a credential by: the newest, if `suffices` is not content with those at hand.
    pub(in crate::trust) async fn get(
        self: &Arc<Self>,
        suffices: impl Fn(&M) -> bool,
        now: UnixTime,
    ) -> Result<Arc<Keys<M>>, TrustError> {
        if !self.source.can_be_asked() {
            return self.at_hand(now);
        }
        let keys = self.current();
        if suffices(&keys.set) {
            let fresh_for = Duration::from_secs(self.fresh_for.load(Ordering::Relaxed));
            let is_fresh = keys.age(now).is_some_and(|age| age < fresh_for);
            // Somebody is fetching already: who can go on with what there is does.
            if is_fresh || (keys.may_serve(now) && self.attempt.try_lock().is_err()) {
                return Ok(keys);
            }
        }
        match self.refresh(now).await {
            Err(error) => Some(self.current()).filter(|keys| keys.may_serve(now)).ok_or(error),
            keys => keys,
        }
    }

    /// The keys as they are, where nobody can be asked for newer ones.
    fn at_hand(&self, now: UnixTime) -> Result<Arc<Keys<M>>, TrustError> {
        let keys = self.current();
        match keys.fetched {
            _ if matches!(self.source, KeySource::Own) => Ok(keys),
            _ if keys.withdrawn => Err(TrustError::UnknownTrustDomain),
            None => Err(self.unavailable("none came yet")),
            Some(_) if !keys.may_serve(now) => Err(self.unavailable("the last ones are too old")),
            Some(_) => Ok(keys),
        }
    }

    /// Fetches, unless that was tried a moment ago or nobody can be asked. One at a time: the others wait and find the result.
    pub(in crate::trust) async fn refresh(self: &Arc<Self>, now: UnixTime) -> Result<Arc<Keys<M>>, TrustError> {
        if let Ok(attempt) = self.attempt.try_lock()
            && was_lately(*attempt, now)
        {
            return self.after_attempt(now);
        }
        // A task of its own: who goes away does not take the attempt along, and so cannot have another made in its place.
        let store = Arc::clone(self);
        let attempt = tokio::spawn(async move {
            let mut attempt = store.attempt.lock().await;
            if was_lately(*attempt, now) { store.after_attempt(now) } else { store.fetch(&mut attempt, now).await }
        });
        attempt.await.unwrap_or_else(|_| Err(self.unavailable("the attempt was cut short")))
    }

    /// What the last attempt left.
    fn after_attempt(&self, now: UnixTime) -> Result<Arc<Keys<M>>, TrustError> {
        let keys = self.current();
        if keys.may_serve(now) { Ok(keys) } else { Err(self.unavailable("the last attempt failed")) }
    }

    /// Fetches, however lately that was tried, if it ever was: somebody knows that there is something new. Who brings the keys is
    /// told.
    pub(in crate::trust) async fn reload(&self, now: UnixTime) {
        self.wanted.notify_one();
        let mut attempt = self.attempt.lock().await;
        if attempt.is_some() {
            // What went wrong is in the log, and the keys in use stay.
            let _ = self.fetch(&mut attempt, now).await;
        }
    }

    async fn fetch(&self, attempt: &mut Option<UnixTime>, now: UnixTime) -> Result<Arc<Keys<M>>, TrustError> {
        if !self.source.can_be_asked() {
            return self.at_hand(now);
        }
        *attempt = Some(now);
        let document = match &self.source {
            KeySource::File(path) => read_file(path),
            KeySource::Discovery(discovery) => match discovery.fetch().await {
                Ok(fetched) => {
                    let fresh_for = fetched.max_age().map_or(MAX_AGE, |age| age.clamp(FLOOR, MAX_AGE));
                    self.fresh_for.store(fresh_for.as_secs(), Ordering::Relaxed);
                    Ok(fetched.body)
                }
                Err(cause) => Err(cause.to_string()),
            },
            KeySource::Pushed | KeySource::Own => Err("nobody can be asked".to_owned()),
        };
        self.put_document(document, &self.source, now)
    }
}

/// Whether the last attempt is too young for another. One from the future is none: the clock was set back.
fn was_lately(attempt: Option<UnixTime>, now: UnixTime) -> bool {
    attempt.is_some_and(|last| now.since(last) < FLOOR && last <= now + FLOOR)
}
