//! The client against servers that want nonces, lie, expire and refuse.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use procura_client::{
    AgentKey, CallError, Client, ClientError, Delegated, ExchangeError, ExchangeRequest, MetadataError, Resource, Secret,
    SvidError, SvidFile, TokenType, UnixTime,
};
use procura_token::access_token_hash;
use serde_json::json;

use crate::server::{Seen, Server};

const NOW: u64 = 1_770_000_000;

async fn svid() -> Result<Secret, SvidError> {
    Ok(Secret::new("svid"))
}

struct World {
    server: Server,
    clock: Arc<AtomicU64>,
    client: Client,
    alice: Delegated,
}

impl World {
    async fn new() -> Self {
        let server = Server::start().await;
        let clock = Arc::new(AtomicU64::new(NOW));
        let time = Arc::clone(&clock);
        let key = AgentKey::generate().unwrap();
        let client = Client::builder(server.url.parse().unwrap(), key, svid)
            .clock(move || UnixTime::from_secs(time.load(Ordering::SeqCst)))
            .discover()
            .await
            .unwrap();
        let resource: Resource = format!("{}/calendar", server.url).parse().unwrap();
        let alice = client.delegated(ExchangeRequest::delegation("id-token", TokenType::IdToken, resource));
        Self { server, clock, client, alice }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server.url)
    }

    fn seen(&self, path: &str) -> Vec<Seen> {
        self.server.seen_at(path)
    }
}

#[tokio::test]
async fn a_call_carries_the_token_and_a_proof_for_it() {
    let world = World::new().await;
    let answer = world.alice.get(&world.url("/calendar?day=monday")).await.unwrap();
    assert_eq!(answer.status(), 200);
    let call = &world.seen("/calendar")[0];
    assert_eq!(call.authorization.as_deref(), Some("DPoP token-1"));
    assert_eq!((&call.proof["htm"], &call.proof["htu"]), (&json!("GET"), &json!(world.url("/calendar"))));
    assert_eq!((&call.proof["ath"], &call.proof["iat"]), (&json!(access_token_hash("token-1")), &json!(NOW)));
}

#[tokio::test]
async fn a_body_and_headers_arrive_and_credentials_of_the_caller_do_not() {
    let world = World::new().await;
    let request = http::Request::post(world.url("/calendar")).header("authorization", "Bearer mine").body(b"lunch".to_vec());
    world.alice.send(request.unwrap()).await.unwrap();
    let call = &world.seen("/calendar")[0];
    assert_eq!((call.body.as_str(), call.authorization.as_deref()), ("lunch", Some("DPoP token-1")));
}

#[tokio::test]
async fn a_wanted_nonce_is_used_in_a_new_proof_and_kept() {
    let world = World::new().await;
    world.server.answer_next(400, &[("dpop-nonce", "n-1")], json!({ "error": "use_dpop_nonce" }));
    world.alice.grant().await.unwrap();
    world.client.exchange(&ExchangeRequest::wit()).await.unwrap_err();
    let [first, second, third] = &world.seen("/token")[..] else { panic!("three requests") };
    assert_eq!((&first.proof["nonce"], &second.proof["nonce"]), (&json!(null), &json!("n-1")));
    assert_eq!(third.proof["nonce"], "n-1");
    assert_ne!(first.proof["jti"], second.proof["jti"]);
}

#[tokio::test]
async fn a_server_that_always_wants_a_nonce_is_asked_twice() {
    let world = World::new().await;
    for _ in 0..3 {
        world.server.answer_next(400, &[("dpop-nonce", "n-1")], json!({ "error": "use_dpop_nonce" }));
    }
    let error = world.alice.grant().await.unwrap_err();
    assert!(matches!(error, ClientError::Exchange(ExchangeError::NonceWanted { .. })), "{error}");
    assert_eq!(world.seen("/token").len(), 2);
}

#[tokio::test]
async fn a_resource_gets_its_own_nonce_after_its_challenge() {
    const CHALLENGE: &[(&str, &str)] = &[("www-authenticate", r#"DPoP error="use_dpop_nonce""#), ("dpop-nonce", "r-1")];
    let world = World::new().await;
    world.alice.grant().await.unwrap();
    world.server.answer_next(401, CHALLENGE, json!({}));
    assert_eq!(world.alice.get(&world.url("/calendar")).await.unwrap().status(), 200);
    let nonces: Vec<_> = world.seen("/calendar").iter().map(|seen| seen.proof["nonce"].clone()).collect();
    assert_eq!(nonces, [json!(null), json!("r-1")]);
}

#[tokio::test]
async fn one_exchange_serves_many_concurrent_calls() {
    let world = World::new().await;
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let (alice, url) = (world.alice.clone(), world.url("/calendar"));
            tokio::spawn(async move { alice.get(&url).await.unwrap().status() })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap(), 200);
    }
    assert_eq!((world.seen("/token").len(), world.seen("/calendar").len()), (1, 20));
}

#[tokio::test]
async fn a_token_is_renewed_thirty_seconds_before_its_end() {
    let world = World::new().await;
    for (second, exchanges) in [(0, 1), (569, 1), (570, 2), (571, 2)] {
        world.clock.store(NOW + second, Ordering::SeqCst);
        world.alice.grant().await.unwrap();
        assert_eq!(world.seen("/token").len(), exchanges, "second {second}");
    }
}

#[tokio::test]
async fn a_refused_token_is_not_used_again() {
    let world = World::new().await;
    world.alice.grant().await.unwrap();
    world.server.answer_next(401, &[("www-authenticate", r#"DPoP error="invalid_token""#)], json!({}));
    let error = world.alice.get(&world.url("/calendar")).await.unwrap_err();
    assert!(matches!(&error, CallError::Refused { status: 401, error, .. } if error == "invalid_token"), "{error}");
    world.alice.get(&world.url("/calendar")).await.unwrap();
    assert_eq!(world.seen("/token").len(), 2);
}

#[tokio::test]
async fn a_missing_scope_is_named() {
    const CHALLENGE: &[(&str, &str)] = &[("www-authenticate", r#"DPoP error="insufficient_scope", scope="calendar.write""#)];
    let world = World::new().await;
    world.alice.grant().await.unwrap();
    world.server.answer_next(403, CHALLENGE, json!({}));
    let error = world.alice.get(&world.url("/calendar")).await.unwrap_err().to_string();
    assert_eq!(error, "the resource refused with status 403: insufficient_scope, scope `calendar.write` is needed");
}

#[tokio::test]
async fn a_refused_proof_says_that_the_clock_is_wrong() {
    const CHALLENGE: &[(&str, &str)] =
        &[("www-authenticate", r#"DPoP error="invalid_dpop_proof""#), ("date", "Mon, 02 Feb 2026 02:30:00 GMT")];
    let world = World::new().await;
    world.alice.grant().await.unwrap();
    world.server.answer_next(401, CHALLENGE, json!({}));
    let error = world.alice.get(&world.url("/calendar")).await.unwrap_err().to_string();
    assert!(error.ends_with("(this machine's clock is 10 min ahead of the server)"), "{error}");
}

#[tokio::test]
async fn answers_of_the_application_are_returned_whatever_their_status() {
    let world = World::new().await;
    world.alice.grant().await.unwrap();
    for status in [201, 302, 404, 500] {
        world.server.answer_next(status, &[("location", "https://evil.example/")], json!({}));
        assert_eq!(world.alice.get(&world.url("/calendar")).await.unwrap().status(), status);
    }
}

#[tokio::test]
async fn a_token_goes_nowhere_but_to_its_resource() {
    let world = World::new().await;
    let elsewhere = Server::start().await;
    let error = world.alice.get(&format!("{}/calendar", elsewhere.url)).await.unwrap_err();
    assert!(matches!(error, CallError::OtherOrigin(_)), "{error}");
    let error = world.alice.get("http://api.example/calendar").await.unwrap_err();
    assert!(matches!(error, CallError::Unprotected(_)), "{error}");
    assert!(matches!(world.alice.get("/calendar").await.unwrap_err(), CallError::Url(_)));
    let widened = world.alice.clone().also_at(&elsewhere.url).unwrap();
    widened.get(&format!("{}/calendar", elsewhere.url)).await.unwrap();
    assert_eq!(elsewhere.seen().len(), 1);
}

#[tokio::test]
async fn metadata_of_another_issuer_get_no_credential() {
    let server = Server::start().await;
    server.pretend(json!({ "issuer": "https://sts.example" }));
    let key = AgentKey::generate().unwrap();
    let error = Client::discover(server.url.parse().unwrap(), key, svid).await.unwrap_err();
    assert!(matches!(error, ClientError::Metadata(MetadataError::Issuer { .. })), "{error}");
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn an_issuer_on_another_machine_needs_https() {
    let key = AgentKey::generate().unwrap();
    let error = Client::discover("http://sts.example".parse().unwrap(), key, svid).await.unwrap_err();
    assert!(matches!(error, ClientError::Metadata(MetadataError::Unprotected(_))), "{error}");
}

#[tokio::test]
async fn the_svid_is_read_again_for_every_exchange() {
    let server = Server::start().await;
    let count = AtomicU64::new(0);
    let rotating = move || {
        let number = count.fetch_add(1, Ordering::SeqCst);
        async move { Ok(Secret::new(&format!("svid-{number}"))) }
    };
    let client = Client::discover(server.url.parse().unwrap(), AgentKey::generate().unwrap(), rotating).await.unwrap();
    let resource: Resource = "https://api.example".parse().unwrap();
    let request = ExchangeRequest::delegation("id-token", TokenType::IdToken, resource);
    for _ in 0..2 {
        client.exchange(&request).await.unwrap();
    }
    let bodies: Vec<_> = server.seen().into_iter().map(|seen| seen.body).collect();
    assert!(bodies[0].contains("client_assertion=svid-0&") && bodies[1].contains("client_assertion=svid-1&"));
}

#[tokio::test]
async fn a_missing_svid_file_is_named() {
    let server = Server::start().await;
    let key = AgentKey::generate().unwrap();
    let client = Client::discover(server.url.parse().unwrap(), key, SvidFile::new("no/such.svid")).await.unwrap();
    let error = client.exchange(&ExchangeRequest::wit()).await.unwrap_err().to_string();
    assert!(error.starts_with("the SVID cannot be had: file `no/such.svid`"), "{error}");
}
