//! Bundles of trust domains, from three streams of one server.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use procura_token::{Bundle, LeftOut, TrustDomain, UnixTime};
use tokio::task::JoinSet;

use super::client::Client;
use super::endpoint::WorkloadApiEndpoint;
use super::kind::{Jwt, Kind, Parts, Wit, X509};
use super::stream::{Event, keep};
use crate::trust::Now;
use crate::trust::keys::KeyStore;

/// How often streams that are open are taken for a sign that what they said holds.
const CONFIRM: Duration = Duration::from_secs(10);
/// The most bytes of one trust domain's bundle.
const MAX_BUNDLE: usize = 256 * 1024;

/// The stores that one server fills, by trust domain: its own and those federated with it.
pub(in crate::trust) type Stores = HashMap<TrustDomain, Arc<KeyStore<Bundle>>>;

/// Fills `stores` from the Workload API at `endpoint`, until `tasks` are dropped. Nothing is in a store until all three streams
/// have answered; a trust domain that none of them names is unknown.
pub(in crate::trust) fn follow_bundles(endpoint: &WorkloadApiEndpoint, stores: Stores, now: &Now, tasks: &mut JoinSet<()>) {
    let client = Client::new(endpoint);
    let feed = Arc::new(Feed { stores, parts: Mutex::default(), now: Arc::clone(now) });
    spawn::<X509>(&client, &feed, tasks);
    spawn::<Jwt>(&client, &feed, tasks);
    spawn::<Wit>(&client, &feed, tasks);
    tasks.spawn(async move {
        let mut every = tokio::time::interval(CONFIRM);
        loop {
            every.tick().await;
            feed.confirm();
        }
    });
}

fn spawn<K: Kind>(client: &Client, feed: &Arc<Feed>, tasks: &mut JoinSet<()>) {
    let (client, feed) = (client.clone(), Arc::clone(feed));
    tasks.spawn(async move {
        let now = Arc::clone(&feed.now);
        keep::<K::Message>(client, K::RPC, now, |event| feed.take::<K>(event)).await;
    });
}

/// Joins what the streams say, and gives each store its share.
struct Feed {
    stores: Stores,
    parts: Mutex<Parts>,
    now: Now,
}

/// What a message says of trust domains; `None` of one whose bundle cannot be read.
type Readings<K> = HashMap<TrustDomain, Option<(<K as Kind>::Set, Vec<LeftOut>)>>;

impl Feed {
    fn take<K: Kind>(&self, event: Event<K::Message>) {
        let now = (self.now)();
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        let failure = match event {
            Event::Message(message) => {
                K::part(&mut parts).replace(self.read::<K>(message), now);
                self.publish(&parts, now);
                None
            }
            Event::Lost(cause) => {
                K::part(&mut parts).lose();
                Some(cause)
            }
            Event::Denied(cause) => {
                if K::part(&mut parts).deny() {
                    self.publish(&parts, now);
                }
                Some(cause)
            }
            Event::Refused(cause) => {
                tracing::info!(rpc = K::RPC, cause, "the Workload API does not tell");
                K::part(&mut parts).silence();
                self.publish(&parts, now);
                None
            }
        };
        if let Some(cause) = failure {
            self.stores.values().for_each(|store| store.fail(&cause));
        }
    }

    /// What a message says of the trust domains we believe.
    fn read<K: Kind>(&self, message: K::Message) -> Readings<K> {
        let mut read = HashMap::new();
        for (id, bundle) in K::bundles(message) {
            let Some(domain) = id.strip_prefix("spiffe://").and_then(|name| name.parse::<TrustDomain>().ok()) else {
                tracing::warn!(rpc = K::RPC, ?id, "the Workload API names what is no trust domain");
                continue;
            };
            if !self.stores.contains_key(&domain) {
                continue;
            }
            let bundle = if bundle.len() > MAX_BUNDLE { Err("larger than 256 KiB".to_owned()) } else { K::parse(&bundle) };
            if let Err(cause) = &bundle {
                tracing::warn!(rpc = K::RPC, %domain, cause, "a bundle cannot be read; the last one stays in use");
            }
            read.insert(domain, bundle.ok());
        }
        read
    }

    /// Gives every store its bundle, once all streams have said something.
    fn publish(&self, parts: &Parts, now: UnixTime) {
        if parts.is_waiting() {
            return;
        }
        for (domain, store) in &self.stores {
            let Some(good) = parts.good(domain) else {
                store.withdraw(now);
                continue;
            };
            let (bundle, left_out) = parts.bundle(domain);
            // A bundle without a sequence is never older than another.
            let _ = store.put(Ok((bundle, left_out)), good);
        }
    }

    fn confirm(&self) {
        let now = (self.now)();
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        parts.x509.confirm(now);
        parts.jwt.confirm(now);
        parts.wit.confirm(now);
        for (domain, store) in &self.stores {
            let good = parts.good(domain).or_else(|| parts.is_whole().then_some(now));
            if let Some(good) = good {
                store.confirm(good);
            }
        }
    }
}

#[cfg(test)]
mod tests;
