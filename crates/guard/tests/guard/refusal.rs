//! One test per way to be refused.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use procura_guard::{Cause, Claimed, MemoryReplayStore, Proved, ReplayError, ReplayStore, UnixTime, VerifyError};
use procura_token::Signer;

use crate::world::{NOW, Proof, World, new_key, told};

const TOKEN: (u16, &str) = (401, "invalid_token");
const PROOF: (u16, &str) = (401, "invalid_dpop_proof");

#[tokio::test]
async fn a_good_request_says_who_calls_for_whom() {
    let world = World::new();
    let caller = world.guard().verify(&world.request(), NOW).await.unwrap();
    let grant = caller.require(&"calendar.read".parse().unwrap()).unwrap();
    assert_eq!(grant.subject().as_str(), "dev:alice");
    assert_eq!(grant.actors().unwrap().current().id, caller.workload);
    assert_eq!(grant.client_id(), &caller.workload);
    assert_eq!(grant.delegation().unwrap().id.as_str(), "delegation-1");
    assert_eq!(grant.expires(), NOW + Duration::from_secs(600));
    assert_eq!(caller.proved, Proved::Dpop(world.agent_key.public_key().thumbprint()));
}

#[tokio::test]
async fn a_request_without_credentials_gets_a_challenge_without_error() {
    let world = World::new();
    let mut request = world.request();
    request.headers.remove("authorization");
    let refusal = world.guard().verify(&request, NOW).await.unwrap_err();
    let response = refusal.to_response::<String>();
    let challenge = response.headers()["www-authenticate"].to_str().unwrap();
    assert!(challenge.starts_with("DPoP algs=\"ES256 ") && !challenge.contains("error"), "{challenge}");
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let problem: serde_json::Value = serde_json::from_str(response.body()).unwrap();
    assert_eq!(
        problem,
        serde_json::json!({"type": "urn:procura:problem:no_credentials", "title": "a token and a proof are needed", "status": 401})
    );
}

#[tokio::test]
async fn every_spelling_of_a_bearer_token_ends_in_the_same_refusal() {
    let world = World::new();
    let guard = world.guard();
    let token = world.token();
    for value in [
        format!("Bearer {token}"),
        format!("bearer {token}"),
        format!("BEARER {token}"),
        format!("Bearer  {token}"),
        format!("Bearer\t{token}"),
        format!("Bearer{token}"),
        format!("Bearer {token}, DPoP {token}"),
        format!("DPoP\t{token}"),
        format!("DPoP \t{token}"),
        format!("DPoP{token}"),
        format!("DPoP {token} {token}"),
        format!("DPoP {token},{token}"),
        format!("Basic {token}"),
        "DPoP".to_owned(),
        token.clone(),
        String::new(),
    ] {
        let mut request = world.request();
        request.headers.insert("authorization", HeaderValue::from_str(&value).unwrap());
        let (status, error, cause) = told(guard.verify(&request, NOW).await);
        assert_eq!((status, error), TOKEN, "{value}");
        assert_eq!(cause, Cause::Scheme.to_string(), "{value}");
    }
}

#[tokio::test]
async fn the_scheme_may_be_written_in_any_case() {
    let world = World::new();
    let guard = world.guard();
    for scheme in ["dpop ", "DPOP ", "DPoP   "] {
        let mut request = world.request();
        let value = format!("{scheme}{}", world.token());
        let proof = Proof::for_token(value.trim_start_matches(scheme)).sign(&world.agent_key);
        request.headers.insert("authorization", value.parse().unwrap());
        request.headers.insert("dpop", proof.parse().unwrap());
        guard.verify(&request, NOW).await.unwrap();
    }
}

#[tokio::test]
async fn two_tokens_are_refused_even_if_they_are_equal() {
    let world = World::new();
    let mut twice = world.request();
    twice.headers.append("authorization", twice.headers["authorization"].clone());
    let mut in_query = world.request();
    in_query.uri = "https://api.example/calendar?access_token=x".parse().unwrap();
    for request in [twice, in_query] {
        let (status, error, _) = told(world.guard().verify(&request, NOW).await);
        assert_eq!((status, error), (400, "invalid_request"));
    }
}

#[tokio::test]
async fn two_proofs_or_none_are_refused() {
    let world = World::new();
    let mut none = world.request();
    none.headers.remove("dpop");
    let mut twice = world.request();
    twice.headers.append("dpop", twice.headers["dpop"].clone());
    let mut joined = world.request();
    let both = format!("{0},{0}", joined.headers["dpop"].to_str().unwrap());
    joined.headers.insert("dpop", both.parse().unwrap());
    for request in [none, twice, joined] {
        let (status, error, cause) = told(world.guard().verify(&request, NOW).await);
        assert_eq!((status, error), PROOF, "{cause}");
    }
}

#[tokio::test]
async fn a_token_that_is_not_for_here_or_not_for_now_is_refused() {
    let world = World::new();
    let guard = world.guard();
    let claims = world.claims();
    let mut other_audience = claims.clone();
    other_audience.aud = "https://api.example/mail".parse().unwrap();
    let mut other_issuer = claims.clone();
    other_issuer.iss = "https://sts.example/".parse().unwrap();
    let mut expired = claims.clone();
    expired.exp = NOW - Duration::from_secs(60);
    let mut early = claims.clone();
    early.iat = NOW + Duration::from_secs(61);
    for (claims, cause) in [
        (other_audience, VerifyError::Audience),
        (other_issuer, VerifyError::Issuer),
        (expired.clone(), VerifyError::Expired { exp: expired.exp, now: NOW }),
        (early.clone(), VerifyError::NotYetValid { from: early.iat, now: NOW }),
    ] {
        let token = claims.issue(&world.issuer_key).unwrap();
        let request = world.request_with(&token, &Proof::for_token(&token).sign(&world.agent_key));
        assert_eq!(told(guard.verify(&request, NOW).await), (TOKEN.0, TOKEN.1, format!("token: {cause}")));
    }
}

#[tokio::test]
async fn a_token_of_another_signer_or_damaged_is_refused() {
    let world = World::new();
    let forged = world.claims().issue(&new_key()).unwrap();
    let mut cut = world.token();
    cut.pop();
    for token in [forged, cut, "x".to_owned()] {
        let request = world.request_with(&token, &Proof::for_token(&token).sign(&world.agent_key));
        let (status, error, cause) = told(world.guard().verify(&request, NOW).await);
        assert_eq!((status, error), TOKEN, "{cause}");
    }
}

#[tokio::test]
async fn a_token_seen_before_still_expires() {
    let world = World::new();
    let guard = world.guard();
    guard.verify(&world.request(), NOW).await.unwrap();
    let token = world.token();
    let first = world.request_with(&token, &Proof::for_token(&token).sign(&world.agent_key));
    guard.verify(&first, NOW).await.unwrap();
    let later = NOW + Duration::from_secs(660);
    let proof = Proof { iat: later, ..Proof::for_token(&token) };
    let (status, error, cause) = told(guard.verify(&world.request_with(&token, &proof.sign(&world.agent_key)), later).await);
    assert_eq!((status, error), TOKEN);
    assert!(cause.contains("expired"), "{cause}");
}

#[tokio::test]
async fn a_stolen_token_is_useless_with_another_key() {
    let world = World::new();
    let token = world.token();
    let request = world.request_with(&token, &Proof::for_token(&token).sign(&new_key()));
    let expected = format!("proof: {}", VerifyError::Binding);
    assert_eq!(told(world.guard().verify(&request, NOW).await), (PROOF.0, PROOF.1, expected));
}

#[tokio::test]
async fn a_proof_for_another_request_or_another_time_is_refused() {
    let world = World::new();
    let token = world.token();
    let good = || Proof::for_token(&token);
    for (proof, cause) in [
        (Proof { ath: None, ..good() }, "`ath`"),
        (Proof { ath: Some(procura_token::access_token_hash("another")), ..good() }, "`ath`"),
        (Proof { ath: good().ath.map(|ath| ath + "="), ..good() }, "`ath`"),
        (Proof { method: "POST", ..good() }, "`htm`"),
        (Proof { method: "get", ..good() }, "`htm`"),
        (Proof { url: "https://api.example/mail", ..good() }, "`htu`"),
        (Proof { url: "https://api.example/calendar/", ..good() }, "`htu`"),
        (Proof { url: "http://api.example/calendar", ..good() }, "`htu`"),
        (Proof { url: "https://api.example:8443/calendar", ..good() }, "`htu`"),
        (Proof { iat: NOW - Duration::from_secs(61), ..good() }, "too old"),
        (Proof { iat: NOW + Duration::from_secs(6), ..good() }, "not valid before"),
    ] {
        let request = world.request_with(&token, &proof.sign(&world.agent_key));
        let (status, error, told) = told(world.guard().verify(&request, NOW).await);
        assert_eq!((status, error), PROOF);
        assert!(told.contains(cause), "{told}");
    }
}

#[tokio::test]
async fn a_forged_host_does_not_move_the_expected_uri() {
    let world = World::new();
    let token = world.token();
    let proof = Proof { url: "https://evil.example/calendar", ..Proof::for_token(&token) };
    let mut request = world.request_with(&token, &proof.sign(&world.agent_key));
    request.uri = "https://evil.example/calendar".parse().unwrap();
    for header in ["host", "x-forwarded-host", "x-original-host"] {
        request.headers.insert(header, HeaderValue::from_static("evil.example"));
    }
    request.headers.insert("forwarded", HeaderValue::from_static("host=evil.example;proto=https"));
    let (status, error, cause) = told(world.guard().verify(&request, NOW).await);
    assert_eq!((status, error), PROOF);
    assert!(cause.contains("`htu`"), "{cause}");
}

#[tokio::test]
async fn the_query_of_the_request_is_not_part_of_the_proof() {
    let world = World::new();
    let mut request = world.request();
    request.uri = "/calendar?day=monday".parse().unwrap();
    request.headers.insert("host", HeaderValue::from_static("10.0.0.7"));
    world.guard().verify(&request, NOW).await.unwrap();
}

#[tokio::test]
async fn a_target_that_is_no_path_fits_no_proof() {
    let world = World::new();
    let token = world.token();
    for target in ["*", "api.example:443"] {
        let proof = Proof { url: "https://api.example*", ..Proof::for_token(&token) };
        let mut request = world.request_with(&token, &proof.sign(&world.agent_key));
        request.uri = target.parse().unwrap();
        assert!(told(world.guard().verify(&request, NOW).await).2.contains("`htu`"), "{target}");
    }
}

#[tokio::test]
async fn a_proof_works_once() {
    let world = World::new();
    let guard = world.guard();
    let request = world.request();
    guard.verify(&request, NOW).await.unwrap();
    for now in [NOW, NOW + Duration::from_secs(60)] {
        let expected = (PROOF.0, PROOF.1, Cause::Replayed.to_string());
        assert_eq!(told(guard.verify(&request, now).await), expected);
    }
}

#[tokio::test]
async fn an_invalid_request_does_not_use_up_its_proof() {
    let world = World::new();
    let guard = world.guard();
    let request = world.request();
    let mut elsewhere = request.clone();
    elsewhere.uri = "/mail".parse().unwrap();
    guard.verify(&elsewhere, NOW).await.unwrap_err();
    guard.verify(&request, NOW).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_thousand_concurrent_copies_one_succeeds() {
    let world = World::new();
    let guard = world.guard();
    let request = Arc::new(world.request());
    let copies: Vec<_> = (0..1000)
        .map(|_| {
            let (guard, request) = (guard.clone(), Arc::clone(&request));
            tokio::spawn(async move { guard.verify(&request, NOW).await.is_ok() })
        })
        .collect();
    let mut successes = 0;
    for copy in copies {
        successes += usize::from(copy.await.unwrap());
    }
    assert_eq!(successes, 1);
}

#[tokio::test]
async fn a_proof_needs_a_recent_nonce_of_this_server_when_nonces_are_on() {
    let world = World::new();
    let guard = world.builder().nonces([1; 32]).build().unwrap();
    let other = world.builder().nonces([2; 32]).build().unwrap();
    let token = world.token();
    let ask = |nonce: Option<String>, now: UnixTime| {
        let proof = Proof { nonce, iat: now, ..Proof::for_token(&token) };
        world.request_with(&token, &proof.sign(&world.agent_key))
    };
    let wanted = |refusal: procura_guard::Refusal| {
        let response = refusal.to_response::<String>();
        assert_eq!(response.status(), 401);
        assert!(response.headers()["www-authenticate"].to_str().unwrap().starts_with("DPoP error=\"use_dpop_nonce\", algs="));
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert_eq!(response.headers().get_all("dpop-nonce").iter().count(), 1);
        response.headers()["dpop-nonce"].to_str().unwrap().to_owned()
    };
    let nonce = wanted(guard.verify(&ask(None, NOW), NOW).await.unwrap_err());
    let foreign = wanted(other.verify(&ask(None, NOW), NOW).await.unwrap_err());
    wanted(guard.verify(&ask(Some(foreign), NOW), NOW).await.unwrap_err());
    wanted(guard.verify(&ask(Some(nonce.split_at(20).0.to_owned()), NOW), NOW).await.unwrap_err());
    let stale = NOW + Duration::from_secs(120);
    wanted(guard.verify(&ask(Some(nonce.clone()), stale), stale).await.unwrap_err());
    guard.verify(&ask(Some(nonce), NOW), NOW).await.unwrap();
}

#[tokio::test]
async fn a_missing_scope_is_named() {
    let world = World::new();
    let caller = world.guard().verify(&world.request(), NOW).await.unwrap();
    caller.require(&"calendar.read".parse().unwrap()).unwrap();
    let response = caller.require(&"calendar.write".parse().unwrap()).unwrap_err().to_response::<String>();
    assert_eq!(response.status(), 403);
    assert_eq!(response.headers()["www-authenticate"], "DPoP error=\"insufficient_scope\", scope=\"calendar.write\"");
}

#[tokio::test]
async fn a_full_replay_memory_refuses_with_503() {
    let world = World::new();
    let guard = world.builder().replay_store(MemoryReplayStore::new(0)).build().unwrap();
    let response = guard.verify(&world.request(), NOW).await.unwrap_err().to_response::<String>();
    assert_eq!(response.status(), 503);
    assert!(response.headers().contains_key("retry-after") && !response.headers().contains_key("www-authenticate"));
}

#[tokio::test]
async fn a_replay_store_that_does_not_answer_refuses_with_503() {
    struct Silent;
    impl ReplayStore for Silent {
        async fn claim(&self, _: [u8; 32], _: UnixTime, _: UnixTime) -> Result<Claimed, ReplayError> {
            std::future::pending().await
        }
    }
    let world = World::new();
    let guard = world.builder().replay_store(Silent).build().unwrap();
    assert_eq!(told(guard.verify(&world.request(), NOW).await).0, 503);
}

#[tokio::test]
async fn refusals_never_repeat_a_token() {
    let world = World::new();
    let mut request = world.request();
    request.headers.insert("dpop", "eyJhbGciOiJub25lIn0.secret.secret".parse().unwrap());
    let refusal = world.guard().verify(&request, NOW).await.unwrap_err();
    let texts = format!("{refusal} {refusal:?} {:?}", refusal.to_response::<String>());
    assert!(!texts.contains("secret") && !texts.contains(&world.token()[..40]), "{texts}");
}
