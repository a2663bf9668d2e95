use std::sync::atomic::{AtomicU64, Ordering};

use procura_token::{Algorithm, JwkSet, Signer as _, SigningKey};

use super::super::message::{JwtBundles, WitBundles, X509Bundles};
use super::*;
use crate::trust::TrustError;
use crate::trust::keys::KeySource;

const NOW: u64 = 1_800_000_000;
const DAY: u64 = 24 * 3600;

/// A feed for two trust domains, at a time that a test sets.
struct World {
    feed: Feed,
    time: Arc<AtomicU64>,
}

impl World {
    fn new() -> Self {
        let time = Arc::new(AtomicU64::new(NOW));
        let now: Now = Arc::new({
            let time = Arc::clone(&time);
            move || UnixTime::from_secs(time.load(Ordering::SeqCst))
        });
        let store = |name: &str| {
            let source = KeySource::Pushed;
            let store = KeyStore::new(name.to_owned(), source, Bundle::default(), UnixTime::from_secs(NOW));
            (name.parse().unwrap(), Arc::new(store))
        };
        let stores = Stores::from([store("a.test"), store("b.test")]);
        Self { feed: Feed { stores, parts: Mutex::default(), now }, time }
    }

    fn at(&self, seconds: u64) -> &Self {
        self.time.store(NOW + seconds, Ordering::SeqCst);
        self
    }

    /// Which `kid` of `keys` the bundle of a trust domain has, or why there is none.
    async fn knows(&self, domain: &str, keys: &[&SigningKey]) -> Result<Vec<bool>, &'static str> {
        let bundle = self.feed.stores[domain].get(|_| true, (self.feed.now)()).await;
        match bundle {
            Ok(bundle) => Ok(keys.iter().map(|key| bundle.set.jwt.knows(key.public_key().key_id.as_deref())).collect()),
            Err(TrustError::UnknownTrustDomain) => Err("unknown"),
            Err(TrustError::Keys { .. }) => Err("unavailable"),
            Err(error) => panic!("{error}"),
        }
    }

    fn x509(&self) {
        let bundles = [("spiffe://a.test".to_owned(), Vec::new())].into();
        self.feed.take::<X509>(Event::Message(X509Bundles { bundles }));
    }

    fn jwt(&self, bundles: &[(&str, &[&SigningKey])]) {
        let set = |keys: &[&SigningKey]| JwkSet { keys: keys.iter().map(|key| key.public_key().clone()).collect() };
        let named = bundles.iter().map(|(domain, keys)| (format!("spiffe://{domain}"), serde_json::to_vec(&set(keys)).unwrap()));
        self.feed.take::<Jwt>(Event::Message(JwtBundles { bundles: named.collect() }));
    }

    fn no_wit(&self) {
        self.feed.take::<Wit>(Event::Refused("not implemented".to_owned()));
    }
}

fn key() -> SigningKey {
    SigningKey::generate(Algorithm::Es256).unwrap()
}

#[tokio::test]
async fn nothing_is_believed_before_every_stream_has_answered() {
    let (world, key) = (World::new(), key());
    world.jwt(&[("a.test", &[&key])]);
    world.no_wit();
    assert_eq!(world.knows("a.test", &[&key]).await, Err("unavailable"));
    // Who does not know us yet may know us soon; that is no answer.
    world.feed.take::<X509>(Event::Denied("no identity".to_owned()));
    world.feed.take::<X509>(Event::Lost("away".to_owned()));
    assert_eq!(world.knows("a.test", &[&key]).await, Err("unavailable"));
    world.x509();
    assert_eq!(world.knows("a.test", &[&key]).await, Ok(vec![true]));
    // WAPI-07.
    assert_eq!(world.knows("b.test", &[&key]).await, Err("unknown"));
}

/// WAPI-05: the newest message is all there is, and what is absent is unloaded.
#[tokio::test]
async fn each_message_replaces_all_of_its_kind_and_nothing_else() {
    let (world, old, new) = (World::new(), key(), key());
    world.x509();
    world.no_wit();
    world.jwt(&[("a.test", &[&old]), ("b.test", &[&old])]);
    world.jwt(&[("b.test", &[&new])]);
    // The authorities of its certificates are still named.
    assert_eq!(world.knows("a.test", &[&old, &new]).await, Ok(vec![false, false]));
    assert_eq!(world.knows("b.test", &[&old, &new]).await, Ok(vec![false, true]));
    world.feed.take::<X509>(Event::Message(X509Bundles::default()));
    assert_eq!(world.knows("a.test", &[&old]).await, Err("unknown"));
    world.feed.take::<Wit>(Event::Message(WitBundles::default()));
    assert_eq!(world.knows("b.test", &[&new]).await, Ok(vec![true]));
}

#[tokio::test]
async fn a_bundle_is_as_old_as_the_stream_that_broke_first_and_ends_after_a_day() {
    let (world, key) = (World::new(), key());
    world.x509();
    world.no_wit();
    world.jwt(&[("a.test", &[&key])]);
    // Streams that are open say that all is as it was, for as long as they are.
    world.at(10 * DAY).feed.confirm();
    assert_eq!(world.knows("a.test", &[&key]).await, Ok(vec![true]));
    world.feed.take::<Jwt>(Event::Lost("away".to_owned()));
    world.at(11 * DAY - 1).feed.confirm();
    assert_eq!(world.knows("a.test", &[&key]).await, Ok(vec![true]));
    world.at(11 * DAY).feed.confirm();
    assert_eq!(world.knows("a.test", &[&key]).await, Err("unavailable"));
    world.jwt(&[("a.test", &[&key])]);
    assert_eq!(world.knows("a.test", &[&key]).await, Ok(vec![true]));
}

/// WAPI-06.
#[tokio::test]
async fn what_cannot_be_read_leaves_what_was_said_before_which_grows_old() {
    let (world, key) = (World::new(), key());
    world.x509();
    world.no_wit();
    world.jwt(&[("a.test", &[&key])]);
    let broken = [("spiffe://a.test".to_owned(), b"[]".to_vec()), ("spiffe://b.test".to_owned(), vec![])];
    world.feed.take::<Jwt>(Event::Message(JwtBundles { bundles: broken.into() }));
    assert_eq!(world.knows("a.test", &[&key]).await, Ok(vec![true]));
    assert_eq!(world.knows("b.test", &[&key]).await, Err("unknown"));
    world.at(DAY).feed.confirm();
    assert_eq!(world.knows("a.test", &[&key]).await, Err("unavailable"));
}

/// WAPI-11.
#[tokio::test]
async fn what_is_denied_after_it_was_told_is_void() {
    let (world, key) = (World::new(), key());
    world.x509();
    world.no_wit();
    world.jwt(&[("a.test", &[&key])]);
    world.feed.take::<Jwt>(Event::Denied("no identity".to_owned()));
    assert_eq!(world.knows("a.test", &[&key]).await, Ok(vec![false]));
    world.feed.take::<X509>(Event::Denied("no identity".to_owned()));
    assert_eq!(world.knows("a.test", &[&key]).await, Err("unknown"));
}

/// BUNDLE-01, WAPI-10: bundles have the SPIFFE ID of their trust domain, and no other name.
#[tokio::test]
async fn a_bundle_under_any_other_name_is_nobodys() {
    let (world, key) = (World::new(), key());
    world.x509();
    world.no_wit();
    let set = serde_json::to_vec(&JwkSet { keys: vec![key.public_key().clone()] }).unwrap();
    for name in ["b.test", "spiffe://b.test/", "spiffe://b.test/x", "SPIFFE://b.test", "spiffe://B.test", "https://b.test", ""] {
        let bundles = [(name.to_owned(), set.clone())].into();
        world.feed.take::<Jwt>(Event::Message(JwtBundles { bundles }));
        assert_eq!(world.knows("b.test", &[&key]).await, Err("unknown"), "{name}");
    }
}
