//! Users named by access tokens that only their issuer can read (RFC 7662).

use serde_json::{Value, json};

use crate::support::{Agent, Answer, INTROSPECT, Page, Provider, Service, World, claims, now, procura, run};

const PLANNER: &str = "spiffe://dev.procura.test/agent/planner";
const TOKEN: &str = "ya29.a0AfB_by~opaque+/==";

struct Scene {
    world: World,
    service: Service,
    planner: Agent,
}

/// A running service that asks these providers, in this order.
async fn scene(providers: &[&Provider]) -> Scene {
    let world = World::new();
    // Each is put before those that are there.
    for (n, provider) in providers.iter().enumerate().rev() {
        provider.trusted_as(&world, &format!("idp{n}"), &provider.introspection());
    }
    let (service, planner) = (world.serve(), Agent::new(&world, "/agent/planner"));
    Scene { world, service, planner }
}

impl Scene {
    async fn present(&self, token: &str) -> Answer {
        self.service.exchange(&self.planner, &self.planner.delegation_by_access_token(token)).await
    }

    #[track_caller]
    fn refused(&self, answer: &Answer, reason: &str) {
        assert_eq!(answer.refusal(), (400, "invalid_request".to_owned()), "{reason}: {answer:?}");
        let last = self.world.audit().pop().unwrap();
        assert!(last["error.reason"].as_str().unwrap().contains(reason), "{reason}: {last}");
    }

    #[track_caller]
    fn unavailable(&self, answer: &Answer, reason: &str) {
        assert_eq!(answer.refusal(), (503, "temporarily_unavailable".to_owned()), "{reason}: {answer:?}");
        let last = self.world.audit().pop().unwrap();
        assert!(last["error.reason"].as_str().unwrap().contains(reason), "{reason}: {last}");
    }
}

async fn provider() -> Provider {
    Provider::new().await.start().await
}

/// What an issuer says of a token that the planner may present.
fn active(changes: Value) -> Value {
    let mut answer = json!({
        "active": true, "sub": "alice", "client_id": PLANNER, "scope": "calendar.read", "exp": now() + 600,
        "token_type": "Bearer", "groups": ["staff"],
    });
    for (name, value) in changes.as_object().unwrap() {
        answer[name] = value.clone();
    }
    answer.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    answer
}

/// INTRO-03, INTRO-07, CORE-05.
#[tokio::test]
async fn a_token_that_its_issuer_calls_active_makes_a_delegation() {
    let provider = provider().await;
    let scene = scene(&[&provider]).await;
    provider.knows(TOKEN, active(json!({ "auth_time": now() - 5, "exp": now() + 90 })));
    let answer = scene.present(TOKEN).await;
    let said = claims(&answer.token());
    assert_eq!(
        (&said["sub"], &said["scope"], &said["act"]["sub"]),
        (&json!("idp0:alice"), &json!("calendar.read"), &json!(PLANNER))
    );
    assert!(said["exp"].as_u64().unwrap() <= now() + 90, "{said}");
    // The answer counts for half a minute.
    assert_eq!(scene.present(TOKEN).await.status, 200);
    assert_eq!(provider.asked(INTROSPECT), 1);
    // One token, one agent, one target: one delegation.
    let events = scene.world.audit();
    let granted: Vec<_> = events.iter().filter(|event| event["outcome"] == "granted").collect();
    assert!(granted.len() == 2 && granted[0]["delegation.id"] == granted[1]["delegation.id"], "{granted:?}");
    assert_eq!(granted[0]["subject.token"], "introspected");
    // Neither the token nor the secret is written down.
    let written = scene.service.log() + &std::fs::read_to_string(scene.world.path("audit/events.jsonl")).unwrap();
    for secret in [TOKEN, "s3cret", "czNjcmV0"] {
        assert!(!written.contains(secret), "{secret}");
    }
}

/// INTRO-04, INTRO-05: each time anew, since what is inactive now may be active in a moment.
#[tokio::test]
async fn a_token_that_nobody_calls_active_is_refused() {
    let provider = provider().await;
    let scene = scene(&[&provider]).await;
    for _ in 0..2 {
        scene.refused(&scene.present(TOKEN).await, "no issuer says that it is active");
    }
    assert_eq!(provider.asked(INTROSPECT), 2);
    provider.knows(TOKEN, active(json!({})));
    assert_eq!(scene.present(TOKEN).await.status, 200);
}

/// F06, F07, F08.
#[tokio::test]
async fn what_is_active_is_judged_like_every_access_token() {
    let provider = provider().await;
    let scene = scene(&[&provider]).await;
    for (n, (changes, reason)) in [
        (json!({ "client_id": "web" }), "neither meant for the caller nor made for it"),
        (json!({ "client_id": "web", "aud": ["other"] }), "neither meant for the caller nor made for it"),
        (json!({ "client_id": null }), "nobody says for whom it was made"),
        (json!({ "sub": null }), "missing field `sub`"),
        (json!({ "sub": PLANNER }), "a workload"),
        (json!({ "sub": "web", "client_id": "web", "aud": PLANNER }), "the application itself"),
        (json!({ "exp": null }), "missing field `exp`"),
        (json!({ "exp": now() - 61 }), "expired"),
        (json!({ "scope": null }), "missing field `scope`"),
        (json!({ "iss": "https://other.test" }), "the issuer is not the expected one"),
        (json!({ "iss": format!("{}/", provider.url) }), "the issuer is not the expected one"),
        (json!({ "act": { "sub": "mallory" } }), "acts with already"),
        (json!({ "token_type": "refresh_token" }), "of another kind"),
        (json!({ "token_type": "DPoP" }), "of another kind"),
        (json!({ "cnf": { "jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" } }), "bound to what was not proved"),
    ]
    .into_iter()
    .enumerate()
    {
        let token = format!("opaque-{n}");
        provider.knows(&token, active(changes));
        scene.refused(&scene.present(&token).await, reason);
    }
    let (audience, own_key) =
        (json!({ "client_id": "web", "aud": PLANNER, "iss": provider.url }), scene.planner.key_thumbprint());
    provider.knows("audience", active(audience));
    provider.knows("bound", active(json!({ "token_type": "DPoP", "cnf": { "jkt": own_key.to_string() } })));
    for token in ["audience", "bound"] {
        assert_eq!(scene.present(token).await.status, 200, "{token}");
    }
    // An answer that is remembered is nobody else's licence.
    let other = Agent::new(&scene.world, "/agent/researcher");
    let answer = scene.service.exchange(&other, &other.delegation_by_access_token("audience")).await;
    scene.refused(&answer, "neither meant for the caller nor made for it");
}

/// F31: a JWT is its keys' affair; what its issuer would say of it otherwise does not matter.
#[tokio::test]
async fn a_jwt_is_never_asked_about() {
    let provider = provider().await;
    let scene = scene(&[&provider]).await;
    let expired = provider.access_token(&scene.world, json!({ "aud": PLANNER, "exp": now() - 100 }));
    let unsigned = format!("{}.", expired.rsplit_once('.').unwrap().0);
    for jwt in [expired.as_str(), &unsigned, "eyJhbGciOiJub25lIn0.e30.", "e30.e30.AQ"] {
        provider.knows(jwt, active(json!({})));
        scene.refused(&scene.present(jwt).await, "");
    }
    assert_eq!(provider.asked(INTROSPECT), 0);
    // Five parts are a JWE: its issuer alone can read it.
    let jwe = "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA";
    provider.knows(jwe, active(json!({})));
    assert_eq!(scene.present(jwe).await.status, 200);
}

#[tokio::test]
async fn without_anybody_to_ask_an_opaque_token_is_refused() {
    let provider = provider().await;
    let world = World::new();
    provider.trusted_as(&world, "idp", "token_kinds = [\"id_token\", \"access_token\"]");
    let (service, planner) = (world.serve(), Agent::new(&world, "/agent/planner"));
    let scene = Scene { world, service, planner };
    scene.refused(&scene.present(TOKEN).await, "not a JWS");
    assert_eq!(provider.asked(INTROSPECT), 0);
    for token in ["with space", "line\r\nfeed", "\u{e9}", "nul\0"] {
        scene.refused(&scene.present(token).await, "characters that no access token has");
    }
}

/// Which of several knows the token, nobody can see: they are asked in the order of the configuration.
#[tokio::test]
async fn several_issuers_are_asked_until_one_knows() {
    let (first, second) = (provider().await, provider().await);
    let scene = scene(&[&first, &second]).await;
    second.knows(TOKEN, active(json!({})));
    assert_eq!(claims(&scene.present(TOKEN).await.token())["sub"], "idp1:alice");
    first.knows("other", active(json!({})));
    assert_eq!(claims(&scene.present("other").await.token())["sub"], "idp0:alice");
    assert_eq!((first.asked(INTROSPECT), second.asked(INTROSPECT)), (2, 1));
    // Who breaks a rule ends the search.
    first.knows("third", active(json!({ "scope": null })));
    second.knows("third", active(json!({})));
    scene.refused(&scene.present("third").await, "missing field `scope`");
    assert_eq!(second.asked(INTROSPECT), 1);
}

/// F34: whoever cannot be asked may be the one that knows.
#[tokio::test]
async fn an_issuer_that_cannot_be_asked_is_no_answer() {
    let (first, second) = (provider().await, provider().await);
    let scene = scene(&[&first, &second]).await;
    let page = |status, location: Option<&str>, body: String| Page { status, location: location.map(str::to_owned), body };
    for (page, reason) in [
        (page(500, None, active(json!({})).to_string()), "500"),
        (page(401, None, "{}".to_owned()), "401"),
        (page(302, Some("/elsewhere"), active(json!({})).to_string()), "302"),
        (page(200, None, "<html>".to_owned()), "does not say"),
        (page(200, None, "{\"active\":\"true\"}".to_owned()), "does not say"),
        (page(200, None, "{\"active\":false,\"active\":true}".to_owned()), "does not say"),
        (page(200, None, format!("{{\"active\":true,\"x\":\"{}\"}}", "y".repeat(256 * 1024))), "larger than 256 KiB"),
    ] {
        first.put(INTROSPECT, page);
        scene.unavailable(&scene.present(TOKEN).await, reason);
    }
    assert_eq!(first.asked("/elsewhere"), 0);
    second.knows(TOKEN, active(json!({})));
    assert_eq!(claims(&scene.present(TOKEN).await.token())["sub"], "idp1:alice");
}

/// F34: who is slow is left behind before the others' users are.
#[tokio::test]
async fn an_issuer_that_does_not_answer_costs_two_seconds() {
    let (first, second) = (provider().await, provider().await);
    let scene = scene(&[&first, &second]).await;
    first.keep_silent(INTROSPECT);
    second.knows(TOKEN, active(json!({})));
    let began = tokio::time::Instant::now();
    assert_eq!(claims(&scene.present(TOKEN).await.token())["sub"], "idp1:alice");
    assert!(began.elapsed() >= std::time::Duration::from_secs(2), "{:?}", began.elapsed());
    scene.unavailable(&scene.present("unknown").await, "took longer than 2 seconds");
}

/// W10: whoever is disabled gets no tokens to see.
#[tokio::test]
async fn a_disabled_issuer_is_neither_believed_nor_asked() {
    let provider = provider().await;
    let scene = scene(&[&provider]).await;
    provider.knows(TOKEN, active(json!({})));
    assert_eq!(scene.present(TOKEN).await.status, 200);
    let list = ["trust", "disable", "--reason", "broken into", "--issuer", &provider.url, "--config"];
    assert_eq!(run(procura(&list).arg(scene.world.config())).code, 0);
    let refused = async { while scene.present(TOKEN).await.status == 200 {} };
    tokio::time::timeout(std::time::Duration::from_secs(120), refused).await.unwrap();
    let asked = provider.asked(INTROSPECT);
    scene.refused(&scene.present("another").await, "is disabled");
    assert_eq!(provider.asked(INTROSPECT), asked);
}
