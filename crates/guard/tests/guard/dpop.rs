//! DPoP proofs at a resource server, row by row (RFC 9449).

use std::time::Duration;

use http::HeaderValue;
use procura_guard::{Algorithm, Guard, MemoryReplayStore, SigningKey, UnixTime};
use procura_token::{Nonces, Signer, access_token_hash};
use serde_json::{Value, json};

use crate::world::{NOW, Proof, URL, World, challenges, jws, told};

const PROOF: (u16, &str) = (401, "invalid_dpop_proof");

fn header(key: &SigningKey) -> Value {
    let jwk = serde_json::to_value(key.public_key()).unwrap();
    json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": {"kty": jwk["kty"], "crv": jwk["crv"], "x": jwk["x"], "y": jwk["y"]}})
}

fn claims(token: &str, jti: &str) -> Value {
    json!({"jti": jti, "htm": "GET", "htu": URL, "iat": NOW.as_secs(), "ath": access_token_hash(token)})
}

async fn say(guard: &Guard, world: &World, token: &str, proof: &str) -> Result<(), (u16, &'static str)> {
    let result = guard.verify(&world.request_with(token, proof), NOW).await;
    result.map(drop).map_err(|refusal| (refusal.status().as_u16(), refusal.error()))
}

/// DPOP-02, DPOP-03, F28.
#[tokio::test]
async fn something_else_than_one_dpop_jwt_is_refused() {
    let world = World::new();
    let (guard, token) = (world.guard(), world.token());
    let sign = |typ: Value| {
        let mut header = header(&world.agent_key);
        header["typ"] = typ;
        jws(&header, &claims(&token, "j"), &world.agent_key)
    };
    let good = sign("dpop+jwt".into());
    let [head, payload, signature]: [&str; 3] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
    let mut bad = ["JWT", "at+jwt", "wit+jwt", "wpt+jwt", ""].map(|typ| sign(typ.into())).to_vec();
    bad.push(sign(Value::Null));
    bad.extend([
        format!("{head}.{payload}"),
        format!("{head}.{payload}."),
        format!(".{payload}.{signature}"),
        format!("{good}.x"),
        format!("{good}.x.x"),
        format!("{good}="),
        format!("{head}. {payload}.{signature}"),
        format!("{{\"payload\":\"{payload}\"}}"),
        String::new(),
        token.clone(),
        world.wit(),
    ]);
    for proof in bad {
        assert_eq!(say(&guard, &world, &token, &proof).await, Err(PROOF), "{proof}");
    }
    assert_eq!(say(&guard, &world, &token, &good).await, Ok(()));
}

/// DPOP-04, DPOP-05, DPOP-06, F20.
#[tokio::test]
async fn a_proof_must_be_signed_by_the_public_key_it_carries_with_an_algorithm_that_is_allowed() {
    let world = World::new();
    let (guard, token) = (world.guard(), world.token());
    for alg in ["none", "None", "HS256", "ES384", "RS256", "ES256K", "EdDSA"] {
        let mut header = header(&world.agent_key);
        header["alg"] = alg.into();
        let proof = jws(&header, &claims(&token, "j"), &world.agent_key);
        assert_eq!(say(&guard, &world, &token, &proof).await, Err(PROOF), "{alg}");
    }
    for (member, value) in [("d", "AA"), ("p", "AA"), ("k", "AA"), ("kty", "oct"), ("crv", "P-384"), ("x", "AA")] {
        let mut header = header(&world.agent_key);
        header["jwk"][member] = value.into();
        let proof = jws(&header, &claims(&token, "j"), &world.agent_key);
        assert_eq!(say(&guard, &world, &token, &proof).await, Err(PROOF), "{member}");
    }
    for member in ["jku", "x5u", "x5c", "crit", "b64"] {
        let mut header = header(&world.agent_key);
        header[member] = json!(["x"]);
        let proof = jws(&header, &claims(&token, "j"), &world.agent_key);
        assert_eq!(say(&guard, &world, &token, &proof).await, Err(PROOF), "{member}");
    }
    let by_another = jws(&header(&world.agent_key), &claims(&token, "j"), &world.issuer_key);
    assert_eq!(say(&guard, &world, &token, &by_another).await, Err(PROOF));
    let fewer = world.builder().proof_algorithms(&[Algorithm::Rs256]).build().unwrap();
    let refusal = fewer.verify(&world.request(), NOW).await.unwrap_err();
    assert_eq!(challenges(&refusal.to_response::<String>()), ["DPoP error=\"invalid_dpop_proof\", algs=\"RS256\""]);
}

/// DPOP-07, DPOP-13, DPOP-17, F26.
#[tokio::test]
async fn every_claim_is_there_and_of_its_type() {
    let world = World::new();
    let (guard, token) = (world.guard(), world.token());
    for name in ["jti", "htm", "htu", "iat", "ath"] {
        let mut claims = claims(&token, "j");
        claims.as_object_mut().unwrap().remove(name);
        let proof = jws(&header(&world.agent_key), &claims, &world.agent_key);
        assert_eq!(say(&guard, &world, &token, &proof).await, Err(PROOF), "{name}");
    }
    for (name, value) in [
        ("iat", json!(NOW.as_secs().to_string())),
        ("iat", json!(-1)),
        ("iat", json!(NOW.as_secs() as f64 + 0.5)),
        ("iat", json!(1_u64 << 60)),
        ("iat", json!(null)),
        ("jti", json!(7)),
        ("jti", json!("")),
        ("jti", json!("x".repeat(65_536))),
        ("htm", json!(["GET"])),
        ("htu", json!("calendar")),
        ("htu", json!("https://user@api.example/calendar")),
        ("ath", json!(7)),
        ("nonce", json!(7)),
        ("nonce", json!("x".repeat(513))),
    ] {
        let mut claims = claims(&token, "j");
        claims[name] = value;
        let proof = jws(&header(&world.agent_key), &claims, &world.agent_key);
        assert_eq!(say(&guard, &world, &token, &proof).await, Err(PROOF), "{name}");
    }
}

/// DPOP-09, DPOP-10, F22.
#[tokio::test]
async fn the_uri_is_compared_in_normal_form() {
    let world = World::new();
    let (guard, token) = (world.guard(), world.token());
    for (index, (url, is_good)) in [
        ("HTTPS://API.Example:443/calendar", true),
        ("https://api.example/%63alendar", true),
        ("https://api.example/x/../calendar", true),
        ("https://api.example/calendar?x=1#f", true),
        ("https://api.example/calendar%2F", false),
        ("https://api.example/Calendar", false),
        ("https://api.example//calendar", false),
        ("https://api.example.evil/calendar", false),
    ]
    .into_iter()
    .enumerate()
    {
        let mut claims = claims(&token, &index.to_string());
        claims["htu"] = url.into();
        let proof = jws(&header(&world.agent_key), &claims, &world.agent_key);
        assert_eq!(say(&guard, &world, &token, &proof).await.is_ok(), is_good, "{url}");
    }
}

/// DPOP-12, F35: to the second.
#[tokio::test]
async fn a_proof_is_fresh_for_sixty_seconds_back_and_five_ahead() {
    let world = World::new();
    let (guard, token) = (world.guard(), world.token());
    for (offset, is_good) in [(-61, false), (-60, true), (0, true), (5, true), (6, false)] {
        let mut claims = claims(&token, &format!("j{offset}"));
        claims["iat"] = json!(NOW.as_secs().checked_add_signed(offset).unwrap());
        let proof = jws(&header(&world.agent_key), &claims, &world.agent_key);
        assert_eq!(say(&guard, &world, &token, &proof).await.is_ok(), is_good, "{offset}");
    }
}

/// DPOP-16, F23: at the very end of its acceptance, by a clock that lags as far as it may, it is still remembered.
#[tokio::test]
async fn a_proof_is_remembered_for_as_long_as_it_is_accepted() {
    let world = World::new();
    let (guard, token) = (world.guard(), world.token());
    let made = NOW + Duration::from_secs(5);
    let request = world.request_with(&token, &Proof { iat: made, ..Proof::for_token(&token) }.sign(&world.agent_key));
    guard.verify(&request, NOW).await.unwrap();
    for seconds in [0, 5, 60, 65] {
        let (status, error, cause) = told(guard.verify(&request, NOW + Duration::from_secs(seconds)).await);
        assert_eq!((status, error), PROOF);
        assert!(cause.contains("used before"), "{seconds}: {cause}");
    }
    assert!(told(guard.verify(&request, NOW + Duration::from_secs(66)).await).2.contains("too old"));
}

/// DPOP-25, DPOP-27: a token without `cnf.jkt` is no token here.
#[tokio::test]
async fn a_token_that_is_bound_to_nothing_is_refused() {
    let world = World::new();
    let mut unbound = serde_json::to_value(world.claims()).unwrap();
    let header = json!({"typ": "at+jwt", "alg": "ES256", "kid": world.issuer_key.public_key().key_id});
    for cnf in [None, Some(json!({})), Some(json!({"jkt": "x"})), Some(json!({"kid": "x"})), Some(json!(null))] {
        match cnf {
            None => drop(unbound.as_object_mut().unwrap().remove("cnf")),
            Some(cnf) => unbound["cnf"] = cnf,
        }
        let token = jws(&header, &unbound, &world.issuer_key);
        let proof = Proof::for_token(&token).sign(&world.agent_key);
        assert_eq!(say(&world.guard(), &world, &token, &proof).await, Err((401, "invalid_token")));
    }
}

/// DPOP-30.
#[tokio::test]
async fn a_token_for_a_proxy_is_none() {
    let world = World::new();
    let mut request = world.request();
    let token = request.headers.remove("authorization").unwrap();
    request.headers.insert("proxy-authorization", token);
    let refusal = world.guard().verify(&request, NOW).await.unwrap_err();
    assert_eq!((refusal.status().as_u16(), refusal.error()), (401, "no_credentials"));
    let mut beside = world.request();
    beside.headers.insert("proxy-authorization", HeaderValue::from_static("DPoP x"));
    world.guard().verify(&beside, NOW).await.unwrap();
}

/// DPOP-11, DPOP-36, DPOP-38, F25: nonces of a token endpoint that shares the secret are not ours.
#[tokio::test]
async fn a_nonce_of_another_server_is_none() {
    let world = World::new();
    let guard = world.builder().nonces([1; 32]).build().unwrap();
    let token = world.token();
    for purpose in ["token endpoint", "https://api.example/mail", ""] {
        let nonce = Nonces::new(&[1; 32], purpose, Duration::from_secs(60)).give(NOW, 0);
        let proof = Proof { nonce: Some(nonce), ..Proof::for_token(&token) }.sign(&world.agent_key);
        assert_eq!(say(&guard, &world, &token, &proof).await, Err((401, "use_dpop_nonce")), "{purpose}");
    }
}

/// DPOP-34, DPOP-37, F25: shared by all nodes, rotated, one `DPoP-Nonce` at a time.
#[tokio::test]
async fn a_nonce_given_by_one_node_is_taken_by_another_until_it_is_old() {
    let world = World::new();
    let node = || world.builder().replay_store(Shared).nonces([1; 32]).build().unwrap();
    let (one, other) = (node(), node());
    let token = world.token();
    let response = one.verify(&world.request(), NOW).await.unwrap_err().to_response::<String>();
    assert_eq!(response.headers().get_all("dpop-nonce").iter().count(), 1);
    let nonce = response.headers()["dpop-nonce"].to_str().unwrap().to_owned();
    assert!(nonce.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)));
    for (seconds, is_good) in [(0, true), (59, true), (120, false)] {
        let now = UnixTime::from_secs(NOW.as_secs() + seconds);
        let proof = Proof { nonce: Some(nonce.clone()), iat: now, ..Proof::for_token(&token) }.sign(&world.agent_key);
        assert_eq!(other.verify(&world.request_with(&token, &proof), now).await.is_ok(), is_good, "{seconds}");
    }
}

/// F23: what a memory that has just begun may have forgotten is refused; a nonce of its own shows that a proof is younger.
#[tokio::test]
async fn a_store_that_forgot_refuses_what_could_be_old() {
    let world = World::new();
    let token = world.token();
    let store = || MemoryReplayStore::new(10).beginning(NOW);
    let guard = world.builder().replay_store(store()).build().unwrap();
    for (seconds, is_good) in [(0, false), (5, false), (6, true)] {
        let now = NOW + Duration::from_secs(seconds);
        let proof = Proof { iat: now, ..Proof::for_token(&token) }.sign(&world.agent_key);
        assert_eq!(guard.verify(&world.request_with(&token, &proof), now).await.is_ok(), is_good, "{seconds}");
    }
    let guard = world.builder().replay_store(store()).nonces([1; 32]).build().unwrap();
    let response = guard.verify(&world.request(), NOW).await.unwrap_err().to_response::<String>();
    let nonce = Some(response.headers()["dpop-nonce"].to_str().unwrap().to_owned());
    let proof = Proof { nonce, ..Proof::for_token(&token) }.sign(&world.agent_key);
    assert_eq!(say(&guard, &world, &token, &proof).await, Ok(()));
}

/// DPOP-38: nonces of a memory that is gone are not recognised.
#[tokio::test]
async fn a_nonce_of_a_memory_before_a_restart_is_none() {
    let world = World::new();
    let token = world.token();
    let node = || world.builder().nonces([1; 32]).build().unwrap();
    let response = node().verify(&world.request(), NOW).await.unwrap_err().to_response::<String>();
    let nonce = Some(response.headers()["dpop-nonce"].to_str().unwrap().to_owned());
    let proof = Proof { nonce, ..Proof::for_token(&token) }.sign(&world.agent_key);
    assert_eq!(say(&node(), &world, &token, &proof).await, Err((401, "use_dpop_nonce")));
}

/// Nodes that share a store name one epoch.
struct Shared;

impl procura_guard::ReplayStore for Shared {
    async fn claim(&self, _: [u8; 32], _: UnixTime, _: UnixTime) -> Result<procura_guard::Claimed, procura_guard::ReplayError> {
        Ok(procura_guard::Claimed::First)
    }
}
