//! Bundles of trust domains, from three streams of one server.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use procura_token::{Bundle, KeySet, LeftOut, TrustDomain, UnixTime, X509Authorities};
use tokio::task::JoinSet;

use super::client::Client;
use super::endpoint::WorkloadApiEndpoint;
use super::message::{JwtBundles, WitBundles, X509Bundles};
use super::part::{Part, State};
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

/// One kind of keys and the stream that brings them. Which kind it is the call says, not what the keys say of themselves: a key
/// never counts for another kind (Workload API section 5.2).
trait Kind: 'static {
    type Message: prost::Message + Default + 'static;
    type Set: Clone;
    const RPC: &'static str;

    fn bundles(message: Self::Message) -> BTreeMap<String, Vec<u8>>;
    fn parse(bundle: &[u8]) -> Result<(Self::Set, Vec<LeftOut>), String>;
    fn part(parts: &mut Parts) -> &mut Part<Self::Set>;
}

struct X509;
struct Jwt;
struct Wit;

impl Kind for X509 {
    type Message = X509Bundles;
    type Set = X509Authorities;
    const RPC: &'static str = "/SpiffeWorkloadAPI/FetchX509Bundles";

    fn bundles(message: X509Bundles) -> BTreeMap<String, Vec<u8>> {
        message.bundles
    }

    fn parse(bundle: &[u8]) -> Result<(X509Authorities, Vec<LeftOut>), String> {
        X509Authorities::from_der(bundle).map_err(|cause| cause.to_string())
    }

    fn part(parts: &mut Parts) -> &mut Part<X509Authorities> {
        &mut parts.x509
    }
}

impl Kind for Jwt {
    type Message = JwtBundles;
    type Set = KeySet;
    const RPC: &'static str = "/SpiffeWorkloadAPI/FetchJWTBundles";

    fn bundles(message: JwtBundles) -> BTreeMap<String, Vec<u8>> {
        message.bundles
    }

    fn parse(bundle: &[u8]) -> Result<(KeySet, Vec<LeftOut>), String> {
        Bundle::parse_keys(bundle, "jwt-svid").map_err(|cause| cause.to_string())
    }

    fn part(parts: &mut Parts) -> &mut Part<KeySet> {
        &mut parts.jwt
    }
}

impl Kind for Wit {
    type Message = WitBundles;
    type Set = KeySet;
    const RPC: &'static str = "/SpiffeWorkloadAPI/FetchWITBundles";

    fn bundles(message: WitBundles) -> BTreeMap<String, Vec<u8>> {
        message.bundles.into_iter().map(|(domain, bundle)| (domain, bundle.into_bytes())).collect()
    }

    fn parse(bundle: &[u8]) -> Result<(KeySet, Vec<LeftOut>), String> {
        Bundle::parse_keys(bundle, "wit-svid").map_err(|cause| cause.to_string())
    }

    fn part(parts: &mut Parts) -> &mut Part<KeySet> {
        &mut parts.wit
    }
}

/// What the streams said.
#[derive(Default)]
struct Parts {
    x509: Part<X509Authorities>,
    jwt: Part<KeySet>,
    wit: Part<KeySet>,
}

/// Joins what the streams say, and gives each store its share.
struct Feed {
    stores: Stores,
    parts: Mutex<Parts>,
    now: Now,
}

impl Feed {
    fn take<K: Kind>(&self, event: Event<K::Message>) {
        let now = (self.now)();
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Message(message) => K::part(&mut parts).replace(self.read::<K>(message), now),
            Event::Lost(cause) => {
                K::part(&mut parts).lose();
                for store in self.stores.values() {
                    store.fail(&cause);
                }
                return;
            }
            Event::Denied(cause) | Event::Refused(cause) => {
                tracing::info!(rpc = K::RPC, cause, "the Workload API does not tell");
                K::part(&mut parts).silence();
            }
        }
        self.publish(&parts, now);
    }

    /// What a message says of the trust domains we believe; `None` if it cannot be read.
    fn read<K: Kind>(&self, message: K::Message) -> HashMap<TrustDomain, Option<(K::Set, Vec<LeftOut>)>> {
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
        if [parts.x509.state, parts.jwt.state, parts.wit.state].contains(&State::Waiting) {
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

impl Parts {
    /// When everything that was said of `domain` was last known to be the newest; `None` if nothing was said.
    fn good(&self, domain: &TrustDomain) -> Option<UnixTime> {
        let x509 = self.x509.of(domain).map(|told| told.good);
        let jwt = self.jwt.of(domain).map(|told| told.good);
        let wit = self.wit.of(domain).map(|told| told.good);
        [x509, jwt, wit].into_iter().flatten().min()
    }

    fn bundle(&self, domain: &TrustDomain) -> (Bundle, Vec<LeftOut>) {
        let (mut bundle, mut left_out) = (Bundle::default(), Vec::new());
        if let Some(told) = self.x509.of(domain) {
            bundle.x509 = told.set.clone();
            left_out.extend_from_slice(&told.left_out);
        }
        if let Some(told) = self.jwt.of(domain) {
            bundle.jwt = told.set.clone();
            left_out.extend_from_slice(&told.left_out);
        }
        if let Some(told) = self.wit.of(domain) {
            bundle.wit = told.set.clone();
            left_out.extend_from_slice(&told.left_out);
        }
        (bundle, left_out)
    }

    /// Whether no stream is broken: then who is not named is unknown, and that is news of this instant.
    fn is_whole(&self) -> bool {
        [self.x509.state, self.jwt.state, self.wit.state].iter().all(|state| matches!(state, State::Open | State::Silent))
    }
}
