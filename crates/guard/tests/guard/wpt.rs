//! Workloads that show a WIT and a WPT (draft-ietf-wimse-wpt-02).

mod replay;
mod wit;

use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use http::{HeaderName, HeaderValue};
use procura_guard::{Cause, Guard, Keys, MemoryReplayStore, Proved, UnixTime};
use procura_token::{JwkSet, Signer, SigningKey, TokenId};

use crate::world::{DELEGATION, NOW, PLANNER, Proof, URL, World, Wpt, challenges, jws, new_key, parts, told, wpt_request};

const WIT: (u16, &str) = (401, "invalid_wit");
const WPT: (u16, &str) = (401, "invalid_wpt");

fn guard(world: &World) -> Guard {
    world.workloads().build().unwrap()
}

/// A good request with a WIT and a WPT alone.
fn request(world: &World) -> Parts {
    let wit = world.wit();
    parts(wpt_request(&wit, &Wpt::of(&wit).sign(&world.agent_key)))
}

/// With a delegation token that the WPT covers.
fn delegated(world: &World, token: &str) -> Parts {
    let wit = world.wit();
    let wpt = Wpt { others: &[(DELEGATION, token)], ..Wpt::of(&wit) };
    parts(wpt_request(&wit, &wpt.sign(&world.agent_key)).header(DELEGATION, token))
}

/// What a guard says of a request with `wit` and `wpt`.
async fn say(world: &World, wit: &str, wpt: &str) -> (u16, &'static str, String) {
    told(guard(world).verify(&parts(wpt_request(wit, wpt)), NOW).await)
}

/// WPT-01, WPT-14, WPT-18 and WIT-47.
#[tokio::test]
async fn a_workload_alone_is_known_and_has_no_scopes() {
    let world = World::new();
    let caller = guard(&world).verify(&request(&world), NOW).await.unwrap();
    assert_eq!(caller.workload.as_str(), PLANNER);
    assert_eq!(caller.proved, Proved::Wpt(world.agent_key.public_key().thumbprint()));
    assert!(caller.grant.is_none());
    let response = caller.require(&"calendar.read".parse().unwrap()).unwrap_err().to_response::<String>();
    assert_eq!(response.status(), 403);
    let problem: serde_json::Value = serde_json::from_str(response.body()).unwrap();
    assert_eq!(problem["scope"], "calendar.read");
}

/// WPT-02.
#[tokio::test]
async fn the_scheme_has_any_case_and_one_space_or_more() {
    let world = World::new();
    let guard = guard(&world);
    let wit = world.wit();
    for scheme in ["WPT ", "wpt ", "Wpt   "] {
        let mut request = request(&world);
        let wpt = Wpt::of(&wit).sign(&world.agent_key);
        request.headers.insert("workload-identity-token", wit.parse().unwrap());
        request.headers.insert("authorization", format!("{scheme}{wpt}").parse().unwrap());
        guard.verify(&request, NOW).await.unwrap();
    }
    for value in ["WPT\tx", "WPTx", "WPT", "WPT a b", "Bearer a.b.c", "Basic YQ=="] {
        let mut request = request(&world);
        request.headers.insert("authorization", value.parse().unwrap());
        let (status, error, _) = told(guard.verify(&request, NOW).await);
        assert_eq!((status, error), (401, "no_workload_proof"), "{value:?}");
    }
}

/// WPT-11, WPT-30: one request says which workload calls, and for which user.
#[tokio::test]
async fn a_delegation_token_that_the_wpt_covers_says_for_whom() {
    let world = World::new();
    let caller = guard(&world).verify(&delegated(&world, &world.token()), NOW).await.unwrap();
    let grant = caller.require(&"calendar.read".parse().unwrap()).unwrap();
    assert_eq!((grant.subject().as_str(), caller.workload.as_str()), ("dev:alice", PLANNER));
    assert_eq!(caller.proved, Proved::Wpt(world.agent_key.public_key().thumbprint()));
}

/// WPT-11, WPT-12, WPT-26, WPT-27.
#[tokio::test]
async fn a_delegation_token_that_the_wpt_does_not_cover_is_refused() {
    let world = World::new();
    let (wit, token) = (world.wit(), world.token());
    let name = DELEGATION;
    let uncovered = wpt_request(&wit, &Wpt::of(&wit).sign(&world.agent_key)).header(DELEGATION, &token);
    let other = Wpt { others: &[(name, "another")], ..Wpt::of(&wit) }.sign(&world.agent_key);
    let other = wpt_request(&wit, &other).header(DELEGATION, &token);
    let covering = Wpt { others: &[(name, &token)], ..Wpt::of(&wit) }.sign(&world.agent_key);
    let stripped = wpt_request(&wit, &covering);
    let twice = wpt_request(&wit, &covering).header(DELEGATION, &token).header(DELEGATION, &token);
    let unknown = Wpt { others: &[(name, &token), ("x-user", "u")], ..Wpt::of(&wit) }.sign(&world.agent_key);
    let unknown = wpt_request(&wit, &unknown).header(DELEGATION, &token).header("x-user", "u");
    for request in [uncovered, other, stripped, twice, unknown] {
        let (status, error, cause) = told(guard(&world).verify(&parts(request), NOW).await);
        assert_eq!((status, error), WPT, "{cause}");
    }
}

/// WPT-11, WPT-27: fields that the guard does not read must be covered all the same.
#[tokio::test]
async fn other_token_fields_must_be_covered_where_they_are_configured() {
    let world = World::new();
    let guard = world.workloads().token_header(HeaderName::from_static("x-user")).build().unwrap();
    let wit = world.wit();
    let covering = Wpt { others: &[("x-user", "u")], ..Wpt::of(&wit) }.sign(&world.agent_key);
    let good = parts(wpt_request(&wit, &covering).header("x-user", " u "));
    let other = parts(wpt_request(&wit, &covering).header("x-user", "v"));
    let uncovered = parts(wpt_request(&wit, &Wpt::of(&wit).sign(&world.agent_key)).header("x-user", "u"));
    for request in [other, uncovered] {
        let (status, error, _) = told(guard.verify(&request, NOW).await);
        assert_eq!((status, error), WPT);
    }
    guard.verify(&good, NOW).await.unwrap();
}

/// WPT-10, WPT-25.
#[tokio::test]
async fn a_transaction_token_must_be_covered() {
    let world = World::new();
    let wit = world.wit();
    let sign = |transaction_token| Wpt { transaction_token, ..Wpt::of(&wit) }.sign(&world.agent_key);
    let good = wpt_request(&wit, &sign(Some("txn"))).header("txn-token", "txn");
    guard(&world).verify(&parts(good), NOW).await.unwrap();
    let missing = wpt_request(&wit, &sign(None)).header("txn-token", "txn");
    let other = wpt_request(&wit, &sign(Some("other"))).header("txn-token", "txn");
    let stripped = wpt_request(&wit, &sign(Some("txn")));
    let twice = wpt_request(&wit, &sign(Some("txn"))).header("txn-token", "txn").header("txn-token", "txn");
    for request in [missing, other, stripped, twice] {
        let (status, error, cause) = told(guard(&world).verify(&parts(request), NOW).await);
        assert_eq!((status, error), WPT, "{cause}");
    }
}

/// The delegation token is held to the WIT's key, and to the WIT's workload.
#[tokio::test]
async fn a_delegation_token_of_another_key_or_another_workload_is_refused() {
    let world = World::new();
    let mut of_other_key = world.claims();
    of_other_key.cnf = new_key().public_key().thumbprint().into();
    let mut of_certificate = world.claims();
    of_certificate.cnf = procura_token::CertificateThumbprint::of(b"a certificate").into();
    let mut of_other_client = world.claims();
    of_other_client.client_id = "spiffe://dev.procura.test/agent/researcher".parse().unwrap();
    let mut of_other_actor = world.claims();
    let researcher = procura_guard::Actor { id: "spiffe://dev.procura.test/agent/researcher".parse().unwrap(), profile: None };
    of_other_actor.act = Some(procura_guard::ActorChain::new(researcher));
    let mut expired = world.claims();
    expired.exp = NOW - Duration::from_secs(60);
    for claims in [of_other_key, of_certificate, of_other_client, of_other_actor, expired] {
        let token = claims.issue(&world.issuer_key).unwrap();
        let refusal = guard(&world).verify(&delegated(&world, &token), NOW).await.unwrap_err();
        assert_eq!((refusal.status().as_u16(), refusal.error()), (401, "invalid_token"), "{refusal}");
        assert_eq!(challenges(&refusal.to_response::<String>())[0], "WPT");
    }
    for token in ["x", &world.wit(), &request(&world).headers["authorization"].to_str().unwrap()[4..]] {
        let (status, error, _) = told(guard(&world).verify(&delegated(&world, token), NOW).await);
        assert_eq!((status, error), (401, "invalid_token"));
    }
}

/// WPT-05, WPT-08, WPT-16, WPT-19, WPT-21, F28: other tokens are no WPTs, and a WPT has all its claims.
#[tokio::test]
async fn a_malformed_wpt_is_refused() {
    let world = World::new();
    let wit = world.wit();
    let good = serde_json::json!({
        "aud": URL, "exp": NOW.as_secs() + 60, "iat": NOW.as_secs(), "jti": "j", "wth": procura_token::access_token_hash(&wit)
    });
    let header = |typ: &str| serde_json::json!({"alg": "ES256", "typ": typ});
    let sign = |typ: &str, claims: &serde_json::Value| jws(&header(typ), claims, &world.agent_key);
    guard(&world).verify(&parts(wpt_request(&wit, &sign("wpt+jwt", &good))), NOW).await.unwrap();
    let mut bad: Vec<String> = ["JWT", "dpop+jwt", "wit+jwt", "at+jwt", ""].map(|typ| sign(typ, &good)).to_vec();
    for name in ["aud", "exp", "jti", "wth"] {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().remove(name);
        bad.push(sign("wpt+jwt", &claims));
    }
    for (name, value) in [
        ("jti", serde_json::json!(7)),
        ("jti", serde_json::json!("")),
        ("jti", serde_json::json!("x".repeat(300))),
        ("exp", serde_json::json!("soon")),
        ("aud", serde_json::json!([URL, URL])),
        ("aud", serde_json::json!([])),
        ("wth", serde_json::json!(null)),
        ("oth", serde_json::json!([])),
        ("oth", serde_json::json!({"x": 1})),
        ("tth", serde_json::json!(1)),
    ] {
        let mut claims = good.clone();
        claims[name] = value;
        bad.push(sign("wpt+jwt", &claims));
    }
    let proof = Proof::for_token(&wit).sign(&world.agent_key);
    bad.extend([proof, world.token(), wit.clone(), "a.b".into(), "a.b.c".into(), "....".into(), "x==".into()]);
    for wpt in bad {
        let (status, error, cause) = say(&world, &wit, &wpt).await;
        assert_eq!((status, error), WPT, "{cause}");
    }
}

/// WPT-04, WPT-17, WPT-18.
#[tokio::test]
async fn a_wpt_by_another_key_or_another_algorithm_is_refused() {
    let world = World::new();
    let wit = world.wit();
    assert_eq!(say(&world, &wit, &Wpt::of(&wit).sign(&new_key())).await.1, "invalid_wpt");
    let claims =
        serde_json::json!({"aud": URL, "exp": NOW.as_secs() + 60, "jti": "j", "wth": procura_token::access_token_hash(&wit)});
    for alg in ["none", "HS256", "ES384", "EdDSA", "es256"] {
        let wpt = jws(&serde_json::json!({"alg": alg, "typ": "wpt+jwt"}), &claims, &world.agent_key);
        assert_eq!(say(&world, &wit, &wpt).await.1, "invalid_wpt", "{alg}");
    }
}

/// WPT-17: `EdDSA` and `Ed25519` name one algorithm, and are two names.
#[tokio::test]
async fn the_algorithm_is_compared_letter_for_letter() {
    let world = World::new();
    let keys = Keys::fixed(&JwkSet { keys: vec![world.domain_key.public_key().clone()] });
    let builder = world.builder().wimse_trust_domain(&"dev.procura.test".parse().unwrap(), keys).workload_proof_tokens();
    let guard = builder.build().unwrap();
    let key = SigningKey::generate(procura_guard::Algorithm::Ed25519).unwrap();
    let wit = world.wit_of("wimse://dev.procura.test/agent/planner", &key);
    let claims = |jti: &str| serde_json::json!({"aud": URL, "exp": NOW.as_secs() + 60, "jti": jti, "wth": procura_token::access_token_hash(&wit)});
    for (alg, is_good) in [("Ed25519", true), ("EdDSA", false)] {
        let wpt = jws(&serde_json::json!({"alg": alg, "typ": "wpt+jwt"}), &claims(alg), &key);
        assert_eq!(guard.verify(&parts(wpt_request(&wit, &wpt)), NOW).await.is_ok(), is_good, "{alg}");
    }
}

/// WPT-06, WPT-20, WPT-40.
#[tokio::test]
async fn a_wpt_for_another_url_is_refused() {
    let world = World::new();
    let wit = world.wit();
    for url in [
        "https://api.example/mail",
        "https://api.example/calendar/",
        "http://api.example/calendar",
        "https://api.example:8443/calendar",
        "https://evil.example/calendar",
    ] {
        let (status, error, _) = say(&world, &wit, &Wpt { url, ..Wpt::of(&wit) }.sign(&world.agent_key)).await;
        assert_eq!((status, error), WPT, "{url}");
    }
    let mut with_query = request(&world);
    with_query.uri = "/calendar?day=monday".parse().unwrap();
    guard(&world).verify(&with_query, NOW).await.unwrap();
}

/// WPT-41, WPT-42.
#[tokio::test]
async fn a_forged_host_does_not_move_the_audience() {
    let world = World::new();
    let wit = world.wit();
    let wpt = Wpt { url: "https://evil.example/calendar", ..Wpt::of(&wit) }.sign(&world.agent_key);
    let mut request = parts(wpt_request(&wit, &wpt));
    request.uri = "https://evil.example/calendar".parse().unwrap();
    for header in ["host", "x-forwarded-host", "x-original-host"] {
        request.headers.insert(header, HeaderValue::from_static("evil.example"));
    }
    let (status, error, _) = told(guard(&world).verify(&request, NOW).await);
    assert_eq!((status, error), WPT);
}

/// WPT-07, WPT-21, WPT-22, WPT-38.
#[tokio::test]
async fn a_wpt_outside_its_time_is_refused() {
    let world = World::new();
    let wit = world.wit();
    let at = |seconds: i64| UnixTime::from_secs(NOW.as_secs().checked_add_signed(seconds).unwrap());
    for (iat, exp, is_good) in [
        (0, 60, true),
        (-60, 1, true),
        (30, 330, true),
        (-60, 0, false),
        (-90, -30, false),
        (31, 60, false),
        (0, 331, false),
        (0, 86_400, false),
    ] {
        let wpt = Wpt { iat: at(iat), exp: at(exp), ..Wpt::of(&wit) }.sign(&world.agent_key);
        let result = guard(&world).verify(&parts(wpt_request(&wit, &wpt)), NOW).await;
        assert_eq!(result.is_ok(), is_good, "{iat} {exp}");
    }
}

/// WPT-09, WPT-23.
#[tokio::test]
async fn a_wpt_for_another_wit_is_refused() {
    let world = World::new();
    let wpt = Wpt::of(&world.wit()).sign(&world.agent_key);
    let (status, error, _) = say(&world, &world.wit(), &wpt).await;
    assert_eq!((status, error), WPT);
}

/// WPT-33.
#[tokio::test]
async fn unknown_claims_are_ignored() {
    let world = World::new();
    let wit = world.wit();
    let claims = serde_json::json!({
        "aud": [URL], "exp": NOW.as_secs() + 60, "jti": "j", "wth": procura_token::access_token_hash(&wit), "ath": "x", "new": {}
    });
    let wpt = jws(&serde_json::json!({"alg": "ES256", "typ": "application/wpt+jwt"}), &claims, &world.agent_key);
    guard(&world).verify(&parts(wpt_request(&wit, &wpt)), NOW).await.unwrap();
}

/// WPT-15, WPT-28: two `Authorization` fields, or two proofs.
#[tokio::test]
async fn a_second_authorization_or_a_second_proof_is_refused() {
    let world = World::new();
    let mut twice = request(&world);
    twice.headers.append("authorization", twice.headers["authorization"].clone());
    let mut with_bearer = request(&world);
    with_bearer.headers.append("authorization", format!("Bearer {}", world.token()).parse().unwrap());
    let mut with_signature = request(&world);
    with_signature.headers.insert("signature-input", HeaderValue::from_static("x=()"));
    let mut with_legacy = request(&world);
    with_legacy.headers.insert("workload-proof-token", HeaderValue::from_static("x"));
    let mut in_query = request(&world);
    in_query.uri = "/calendar?access_token=x".parse().unwrap();
    for request in [twice, with_bearer, with_signature, with_legacy, in_query] {
        let (status, error, cause) = told(guard(&world).verify(&request, NOW).await);
        assert_eq!((status, error), (400, "invalid_request"), "{cause}");
    }
}

/// WIT-25, WIT-26, WIT-42: a WIT is no bearer token, and its presence rules out calling without its proof.
#[tokio::test]
async fn a_wit_without_a_proof_is_refused_even_beside_a_good_token() {
    let world = World::new();
    let guard = guard(&world);
    let mut alone = request(&world);
    alone.headers.remove("authorization");
    let mut beside_token = world.request();
    beside_token.headers.insert("workload-identity-token", world.wit().parse().unwrap());
    for request in [alone, beside_token] {
        let refusal = guard.verify(&request, NOW).await.unwrap_err();
        assert_eq!((refusal.status().as_u16(), refusal.error()), (401, "no_workload_proof"));
        assert_eq!(challenges(&refusal.to_response::<String>())[0], "WPT");
    }
    let bearer = world.request_with(&world.wit(), "x");
    assert_eq!(told(guard.verify(&bearer, NOW).await).1, "invalid_token");
}

/// The delegation field means something beside a WPT only.
#[tokio::test]
async fn a_delegation_field_beside_a_dpop_token_is_a_second_token() {
    let world = World::new();
    let mut request = world.request();
    request.headers.insert(DELEGATION, world.token().parse().unwrap());
    let (status, error, _) = told(guard(&world).verify(&request, NOW).await);
    assert_eq!((status, error), (400, "invalid_request"));
}

/// WPT-34: 401, the challenge `WPT` without parameters, and a problem whose `type` does not change.
#[tokio::test]
async fn a_refused_wpt_is_told_by_challenge_and_problem() {
    let world = World::new();
    let wit = world.wit();
    let refusal = guard(&world).verify(&parts(wpt_request(&wit, "x")), NOW).await.unwrap_err();
    let response = refusal.to_response::<String>();
    let told = challenges(&response);
    assert_eq!(told[0], "WPT");
    assert!(told[1].starts_with("DPoP algs=") && told.len() == 2, "{told:?}");
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let problem: serde_json::Value = serde_json::from_str(response.body()).unwrap();
    assert_eq!(
        problem,
        serde_json::json!({"type": "urn:procura:problem:invalid_wpt", "title": "the WPT is not accepted", "status": 401})
    );
    let mut nothing = request(&world);
    nothing.headers.clear();
    let response = guard(&world).verify(&nothing, NOW).await.unwrap_err().to_response::<String>();
    assert!(challenges(&response).iter().all(|challenge| !challenge.contains("error")));
    assert!(challenges(&response).contains(&"WPT".to_owned()));
}

/// WPT-39.
#[tokio::test]
async fn refusals_repeat_neither_wit_nor_wpt() {
    let world = World::new();
    let wit = world.wit();
    let wpt = Wpt { url: "https://api.example/mail", ..Wpt::of(&wit) }.sign(&world.agent_key);
    let refusal = guard(&world).verify(&parts(wpt_request(&wit, &wpt)), NOW).await.unwrap_err();
    let texts = format!("{refusal} {refusal:?} {:?}", refusal.to_response::<String>());
    assert!(!texts.contains("eyJ"), "{texts}");
}

/// WPT-03, WPT-35: the transport of wpt-00 and -01, off unless it is switched on.
#[tokio::test]
async fn the_old_header_counts_only_where_it_is_switched_on() {
    let world = World::new();
    let wit = world.wit();
    let old = || {
        let mut request = request(&world);
        request.headers.remove("authorization");
        request.headers.insert("workload-identity-token", wit.parse().unwrap());
        request.headers.insert("workload-proof-token", Wpt::of(&wit).sign(&world.agent_key).parse().unwrap());
        request
    };
    assert_eq!(told(guard(&world).verify(&old(), NOW).await).1, "no_workload_proof");
    assert_eq!(told(world.guard().verify(&old(), NOW).await).1, "no_credentials");
    let legacy = world.workloads().legacy_workload_proof_header().build().unwrap();
    let caller = legacy.verify(&old(), NOW).await.unwrap();
    assert_eq!(caller.proved, Proved::Wpt(world.agent_key.public_key().thumbprint()));
    let mut damaged = old();
    damaged.headers.insert("workload-proof-token", HeaderValue::from_static("x"));
    let mut twice = old();
    twice.headers.append("workload-proof-token", HeaderValue::from_static("x"));
    for request in [damaged, twice] {
        let refusal = legacy.verify(&request, NOW).await.unwrap_err();
        assert_eq!((refusal.status().as_u16(), refusal.error()), (400, "invalid_wpt"));
        assert!(challenges(&refusal.to_response::<String>()).is_empty());
    }
    for authorization in [format!("WPT {}", Wpt::of(&wit).sign(&world.agent_key)), format!("Bearer {}", world.token())] {
        let mut both = old();
        both.headers.insert("authorization", authorization.parse().unwrap());
        let (status, error, cause) = told(legacy.verify(&both, NOW).await);
        assert_eq!((status, error), (400, "invalid_request"), "{cause}");
    }
}

/// Everything about WITs is off unless it is configured.
#[tokio::test]
async fn a_guard_without_trust_domains_does_not_look_at_wits() {
    let world = World::new();
    assert_eq!(told(world.guard().verify(&request(&world), NOW).await).1, "invalid_token");
    let mut beside_token = world.request();
    beside_token.headers.insert("workload-identity-token", HeaderValue::from_static("x"));
    world.guard().verify(&beside_token, NOW).await.unwrap();
}

/// A WIT that was seen before still ends.
/// The request of wpt-02 figure 5; in the old header it is refused.
#[tokio::test]
async fn the_published_example_is_accepted() {
    const WIT: &str = "eyJhbGciOiJFUzI1NiIsImtpZCI6Ikp1bmUgNSIsInR5cCI6IndpdCtqd3QifQ.eyJjbmYiOnsiandrIjp7ImFsZyI6IkVkRFNBIiwiY3J2IjoiRWQyNTUxOSIsImt0eSI6Ik9LUCIsIngiOiIxQ1hYdmZsTl9MVlZzSXNZWHNVdkIwM0ptbEdXZUNIcVFWdW91Q0Y5MmJnIn19LCJleHAiOjE3NDU1MTI1MTAsImlhdCI6MTc0NTUwODkxMCwianRpIjoieC1fMUNUTDJjY2EzQ1NFNGN3Yl9sIiwic3ViIjoid2ltc2U6Ly9leGFtcGxlLmNvbS9zcGVjaWZpYy13b3JrbG9hZCJ9.ohKJ50QaW8ydALJwaA0Sz4ys3hcN_1S-aTZBytMGc3u8QWUmn5uxUDSonoZFAfZk1Ro1kR4vE_xa7mvoE37R-Q";
    const WPT: &str = "eyJhbGciOiJFZERTQSIsInR5cCI6IndwdCtqd3QifQ.eyJhdWQiOiJodHRwczovL3dvcmtsb2FkLmV4YW1wbGUuY29tL3BhdGgiLCJleHAiOjE3NDU1MTAwMTYsImp0aSI6Il9fYndjNEVTQzNhY2MyTFRDMS1feCIsInd0aCI6Ilg5d2lQZ3EzamxTR3pBZWdIQ0doTk8xbEpnVWJEb0kxTWprYXQ1UUhKQjAifQ.sa5ZYHTeCx4AsurafaBJ2rrMnE7TBHBB47ZUT7yoiyz2lcGY5XAnpGPjPnzeRroJJiR7Nr_C5J7mexxrsHM3CQ";
    const KEYS: &str = r#"{"keys":[{"kty":"EC","kid":"June 5","crv":"P-256","x":"kXqnA2Op7hgd4zRMbw0iFcc_hDxUxhojxOFVGjE2gks","y":"n__VndPMR021-59UAs0b9qDTFT-EZtT6xSNs_xFskLo"}]}"#;
    let now = UnixTime::from_secs(1_745_510_000);
    let keys = Keys::fixed(&JwkSet::parse(KEYS.as_bytes()).unwrap());
    let issuer = "https://sts.example".parse().unwrap();
    let guard = Guard::builder(issuer, "https://workload.example.com".parse().unwrap())
        .public_url("https://workload.example.com")
        .wimse_trust_domain(&"example.com".parse().unwrap(), keys)
        .workload_proof_tokens()
        .build()
        .unwrap();
    let request = http::Request::post("/path").header("workload-identity-token", WIT);
    let caller = guard.verify(&parts(request.header("authorization", format!("WPT {WPT}"))), now).await.unwrap();
    assert_eq!(caller.workload.as_str(), "wimse://example.com/specific-workload");
    let old = http::Request::post("/path").header("workload-identity-token", WIT).header("workload-proof-token", WPT);
    assert_eq!(told(guard.verify(&parts(old), now).await).1, "no_workload_proof");
}
