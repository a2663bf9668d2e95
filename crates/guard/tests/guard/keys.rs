//! Keys fetched from an issuer that changes, fails and lies.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use procura_guard::{Guard, Issuer, JwkSet, Keys, KeysError, UnixTime};
use procura_token::{Signer, SigningKey};

use crate::world::{AUDIENCE, NOW, Proof, World, new_key, told};

/// An issuer on the loopback interface whose documents the test can change.
struct Origin {
    issuer: Issuer,
    documents: Arc<Documents>,
}

struct Documents {
    metadata: Mutex<String>,
    keys: Mutex<Option<JwkSet>>,
    fetches: AtomicUsize,
}

impl Origin {
    async fn start(keys: JwkSet) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let metadata = format!(r#"{{"issuer":"{url}","jwks_uri":"{url}/jwks.json","token_endpoint":"{url}/token"}}"#);
        let documents =
            Arc::new(Documents { metadata: Mutex::new(metadata), keys: Mutex::new(Some(keys)), fetches: AtomicUsize::new(0) });
        let router = Router::new()
            .route("/.well-known/oauth-authorization-server", get(metadata_of))
            .route("/jwks.json", get(keys_of))
            .route("/elsewhere", get(|| async { Redirect::temporary("/jwks.json") }))
            .with_state(Arc::clone(&documents));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { issuer: url.parse().unwrap(), documents }
    }

    fn publish(&self, keys: Option<JwkSet>) {
        *self.documents.keys.lock().unwrap() = keys;
    }

    fn describe(&self, metadata: String) {
        *self.documents.metadata.lock().unwrap() = metadata;
    }

    fn fetches(&self) -> usize {
        self.documents.fetches.load(Ordering::SeqCst)
    }

    fn guard(&self) -> Guard {
        let builder = Guard::builder(self.issuer.clone(), AUDIENCE.parse().unwrap()).public_url("https://api.example");
        builder.keys(Keys::of_issuer(&self.issuer).unwrap()).build().unwrap()
    }

    /// Asks at `now` with a token signed by `key`; how it ended.
    async fn ask(&self, guard: &Guard, world: &World, key: &SigningKey, now: UnixTime) -> Result<(), u16> {
        let mut claims = world.claims();
        claims.iss = self.issuer.clone();
        claims.exp = now + Duration::from_secs(600);
        let token = claims.issue(key).unwrap();
        let proof = Proof { iat: now, ..Proof::for_token(&token) }.sign(&world.agent_key);
        guard.verify(&world.request_with(&token, &proof), now).await.map(drop).map_err(|refusal| refusal.status().as_u16())
    }
}

async fn metadata_of(State(documents): State<Arc<Documents>>) -> String {
    documents.metadata.lock().unwrap().clone()
}

async fn keys_of(State(documents): State<Arc<Documents>>) -> Response {
    documents.fetches.fetch_add(1, Ordering::SeqCst);
    match &*documents.keys.lock().unwrap() {
        Some(keys) => serde_json::to_string(keys).unwrap().into_response(),
        None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn set(keys: &[&SigningKey]) -> JwkSet {
    JwkSet { keys: keys.iter().map(|key| key.public_key().clone()).collect() }
}

const fn after(seconds: u64) -> UnixTime {
    UnixTime::from_secs(NOW.as_secs() + seconds)
}

#[tokio::test]
async fn keys_are_fetched_once_for_many_requests() {
    let world = World::new();
    let origin = Origin::start(world.key_set()).await;
    let guard = origin.guard();
    for _ in 0..5 {
        origin.ask(&guard, &world, &world.issuer_key, NOW).await.unwrap();
    }
    assert_eq!(origin.fetches(), 1);
}

#[tokio::test]
async fn a_new_key_is_learned_when_a_token_names_it() {
    let world = World::new();
    let origin = Origin::start(world.key_set()).await;
    let guard = origin.guard();
    origin.ask(&guard, &world, &world.issuer_key, NOW).await.unwrap();
    let next = new_key();
    origin.publish(Some(set(&[&world.issuer_key, &next])));
    origin.ask(&guard, &world, &next, after(30)).await.unwrap();
    assert_eq!(origin.fetches(), 2);
}

#[tokio::test]
async fn invented_keys_cause_one_fetch_in_thirty_seconds() {
    let world = World::new();
    let origin = Origin::start(world.key_set()).await;
    let guard = origin.guard();
    for second in 0..30 {
        assert_eq!(origin.ask(&guard, &world, &new_key(), after(second)).await, Err(401));
    }
    assert_eq!(origin.fetches(), 1);
}

#[tokio::test]
async fn a_withdrawn_key_takes_its_tokens_along() {
    let world = World::new();
    let origin = Origin::start(world.key_set()).await;
    let guard = origin.guard();
    let mut claims = world.claims();
    claims.iss = origin.issuer.clone();
    let token = claims.issue(&world.issuer_key).unwrap();
    let request = |now| world.request_with(&token, &Proof { iat: now, ..Proof::for_token(&token) }.sign(&world.agent_key));
    guard.verify(&request(NOW), NOW).await.unwrap();
    let next = new_key();
    origin.publish(Some(set(&[&next])));
    origin.ask(&guard, &world, &next, after(30)).await.unwrap();
    assert_eq!(told(guard.verify(&request(after(31)), after(31)).await).0, 401);
}

#[tokio::test]
async fn known_keys_serve_for_an_hour_of_failures_and_no_longer() {
    let world = World::new();
    let origin = Origin::start(world.key_set()).await;
    let guard = origin.guard();
    origin.ask(&guard, &world, &world.issuer_key, NOW).await.unwrap();
    origin.publish(None);
    for seconds in [300, 1800, 3599] {
        origin.ask(&guard, &world, &world.issuer_key, after(seconds)).await.unwrap();
    }
    assert_eq!(origin.ask(&guard, &world, &world.issuer_key, after(3700)).await, Err(503));
    origin.publish(Some(world.key_set()));
    origin.ask(&guard, &world, &world.issuer_key, after(3710)).await.unwrap();
}

#[tokio::test]
async fn metadata_of_another_issuer_give_no_keys() {
    let world = World::new();
    let origin = Origin::start(world.key_set()).await;
    origin.describe(format!(r#"{{"issuer":"{0}/","jwks_uri":"{0}/jwks.json"}}"#, origin.issuer));
    assert_eq!(origin.ask(&origin.guard(), &world, &world.issuer_key, NOW).await, Err(503));
    assert_eq!(origin.fetches(), 0);
}

#[tokio::test]
async fn redirects_and_addresses_of_other_machines_are_not_followed() {
    let world = World::new();
    let origin = Origin::start(world.key_set()).await;
    let issuer = &origin.issuer;
    for jwks_uri in [format!("{issuer}/elsewhere"), "http://169.254.169.254/latest".to_owned(), "file:///etc/passwd".to_owned()] {
        origin.describe(format!(r#"{{"issuer":"{issuer}","jwks_uri":"{jwks_uri}"}}"#));
        assert_eq!(origin.ask(&origin.guard(), &world, &world.issuer_key, NOW).await, Err(503), "{jwks_uri}");
    }
    assert_eq!(origin.fetches(), 0);
}

#[tokio::test]
async fn an_endless_document_is_not_read_to_its_end() {
    let world = World::new();
    let origin = Origin::start(world.key_set()).await;
    origin.describe(format!(r#"{{"issuer":"{}","jwks_uri":"x","pad":"{}"}}"#, origin.issuer, "x".repeat(300_000)));
    assert_eq!(origin.ask(&origin.guard(), &world, &world.issuer_key, NOW).await, Err(503));
}

#[test]
fn an_issuer_on_another_machine_needs_https() {
    let issuer = "http://sts.example".parse().unwrap();
    assert!(matches!(Keys::of_issuer(&issuer), Err(KeysError::Unprotected(_))));
}
