//! Calls that show a WIT: with a WPT, or signed.

use procura_client::{
    CallError, Client, Delegated, ExchangeRequest, Htu, Resource, ResponseSignature, TokenType, WitProof, WitProofError,
};
use procura_token::{
    Algorithm, RequestHead, RequestSignatureRules, Unverified, UnverifiedRequestSignature, VerifiedSignature, VerifiedWpt,
    VerifyError, Wpt, WptRules, access_token_hash,
};
use serde_json::json;

use crate::server::{Seen, Server, claims};
use crate::workload::{Authority, NOW, fixed, key, planner};

const FIELD: &str = "delegation-token";

struct World {
    server: Server,
    authority: Authority,
    alice: Delegated,
}

impl World {
    async fn new() -> Self {
        let (server, authority) = (Server::start().await, Authority::new());
        let client = planner(&server, &authority, WitProof::Wpt).await;
        let alice = client.delegated(delegation(&server));
        alice.grant().await.unwrap();
        Self { server, authority, alice }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server.url)
    }

    fn calls(&self) -> Vec<Seen> {
        self.server.seen_at("/calendar")
    }

    fn verify_wpt(
        &self,
        seen: &Seen,
        audience: &str,
        transaction_token: Option<&str>,
        other_tokens: &[(&str, &str)],
    ) -> Result<VerifiedWpt, VerifyError> {
        let wit = self.authority.verify(seen);
        let audience: Htu = audience.parse().unwrap();
        let rules = WptRules {
            wit: seen.sole("workload-identity-token"),
            confirmation: wit.confirmation(),
            audiences: &[audience],
            transaction_token,
            other_tokens,
            access_token: None,
            algorithms: Algorithm::DEFAULT,
        };
        Unverified::<Wpt>::parse(seen.sole("authorization").strip_prefix("WPT ").unwrap()).unwrap().verify(&rules, NOW)
    }

    fn verify_signature(&self, seen: &Seen, audience: &str) -> Result<VerifiedSignature, VerifyError> {
        let wit = self.authority.verify(seen);
        let audience: Htu = audience.parse().unwrap();
        let rules = RequestSignatureRules {
            wit: seen.sole("workload-identity-token"),
            confirmation: wit.confirmation(),
            audiences: &[audience],
            algorithms: Algorithm::DEFAULT,
        };
        let head = RequestHead { method: &seen.method, target: &seen.target, headers: &seen.headers };
        UnverifiedRequestSignature::parse(&head).unwrap().unwrap().verify(&rules, NOW)?.with_body(seen.body.as_bytes())
    }
}

fn delegation(server: &Server) -> ExchangeRequest {
    let resource: Resource = format!("{}/calendar", server.url).parse().unwrap();
    ExchangeRequest::delegation("id-token", TokenType::IdToken, resource)
}

/// WPT-01, WPT-06, WPT-09, WPT-11, WPT-28 to WPT-30.
#[tokio::test]
async fn a_wpt_stands_alone_in_authorization_and_covers_the_token_in_its_field() {
    let world = World::new().await;
    let alice = world.alice.clone().with_wpt("Delegation-Token", &[]).unwrap();
    let request = http::Request::get(world.url("/calendar?day=monday"));
    let request = request.header("authorization", "Bearer mine").header("authorization", "Basic mine").header("dpop", "mine");
    alice.send(request.body(Vec::new()).unwrap()).await.unwrap();
    let [call] = &world.calls()[..] else { panic!("one call") };
    let token = call.sole(FIELD);
    assert_eq!(token, "token-1");
    world.verify_wpt(call, &world.url("/calendar"), None, &[(FIELD, token)]).unwrap();
    assert!(!call.headers.contains_key("dpop"));
    assert!(!claims(call.sole("authorization"))["aud"].as_str().unwrap().contains("monday"));
    assert_eq!(
        world.verify_wpt(call, &world.url("/calendar"), None, &[(FIELD, "token-2")]).unwrap_err(),
        VerifyError::OtherTokenHash
    );
}

/// WPT-10, WPT-11.
#[tokio::test]
async fn other_tokens_of_the_request_are_covered_too() {
    let world = World::new().await;
    let alice = world.alice.clone().with_wpt(FIELD, &["X-User", "x-absent"]).unwrap();
    let request = http::Request::get(world.url("/calendar")).header("txn-token", "t.x.n").header("x-user", "alice");
    alice.send(request.body(Vec::new()).unwrap()).await.unwrap();
    let call = &world.calls()[0];
    let others = [(FIELD, "token-1"), ("x-user", "alice")];
    world.verify_wpt(call, &world.url("/calendar"), Some("t.x.n"), &others).unwrap();
    assert!(world.verify_wpt(call, &world.url("/calendar"), None, &others).is_err());
}

/// WPT-12.
#[tokio::test]
async fn a_covered_field_that_occurs_twice_is_not_sent() {
    let world = World::new().await;
    let alice = world.alice.clone().with_wpt(FIELD, &["x-user"]).unwrap();
    for name in ["x-user", "txn-token"] {
        let request = http::Request::get(world.url("/calendar")).header(name, "alice").header(name, "bob");
        let error = alice.send(request.body(Vec::new()).unwrap()).await.unwrap_err();
        assert!(matches!(error, CallError::Proof(WitProofError::Header(_))), "{error}");
    }
    assert!(world.calls().is_empty());
}

/// WPT-34.
#[tokio::test]
async fn a_refused_wpt_is_an_error_and_the_token_is_not_used_again() {
    let world = World::new().await;
    let alice = world.alice.clone().with_wpt(FIELD, &[]).unwrap();
    world.server.answer_next(401, &[("www-authenticate", "WPT"), ("date", "Mon, 02 Feb 2026 02:30:00 GMT")], json!({}));
    let error = alice.get(&world.url("/calendar")).await.unwrap_err();
    assert!(matches!(&error, CallError::Refused { status: 401, error, clock: Some(_), .. } if error == "WPT"), "{error}");
    alice.get(&world.url("/calendar")).await.unwrap();
    let [first, second] = &world.calls()[..] else { panic!("two calls") };
    assert_ne!(first.sole(FIELD), second.sole(FIELD));
}

/// SIG-01, SIG-02, SIG-04 to SIG-09, SIG-18, DPOP-32, DPOP-36.
#[tokio::test]
async fn a_signed_call_carries_token_and_dpop_proof_and_covers_them() {
    const CHALLENGE: &[(&str, &str)] = &[("www-authenticate", r#"DPoP error="use_dpop_nonce""#), ("dpop-nonce", "r-1")];
    let world = World::new().await;
    let alice = world.alice.clone().with_signature(ResponseSignature::NotExpected);
    world.server.answer_next(401, CHALLENGE, json!({}));
    let request = http::Request::post(world.url("/calendar?day=mon%20day&x={y}|z")).header("content-type", "text/plain");
    let request = request.header("txn-token", "t.x.n").header("signature", "mine").body(b"lunch".to_vec()).unwrap();
    alice.send(request).await.unwrap();
    let calls = world.calls();
    assert_eq!(calls.len(), 2);
    let signatures = [0, 1].map(|at| world.verify_signature(&calls[at], &world.url("/calendar")).unwrap());
    assert_ne!(signatures[0].nonce(), signatures[1].nonce());
    assert!(!signatures[0].wants_signed_response());
    for (call, nonce) in calls.iter().zip([json!(null), json!("r-1")]) {
        assert_eq!(call.sole("authorization"), "DPoP token-1");
        assert_eq!((&call.proof["ath"], &call.proof["nonce"]), (&json!(access_token_hash("token-1")), &nonce));
        let input = call.sole("signature-input");
        for covered in ["@method", "@request-target", "content-type", "content-digest", "authorization", "txn-token"] {
            assert!(input.contains(&format!("\"{covered}\"")), "{covered} in {input}");
        }
        assert!(call.target.starts_with("/calendar?day=mon%20day"), "{}", call.target);
    }
    let mut changed = calls[1].clone();
    changed.body = "dinner".into();
    assert_eq!(world.verify_signature(&changed, &world.url("/calendar")).unwrap_err(), VerifyError::ContentDigest);
    let mut elsewhere = calls[1].clone();
    elsewhere.target = "/calendar".into();
    assert_eq!(world.verify_signature(&elsewhere, &world.url("/calendar")).unwrap_err(), VerifyError::Signature);
}

/// SIG-18, WPT-06: a deployment may define another value.
#[tokio::test]
async fn another_audience_can_be_named() {
    let world = World::new().await;
    let behind_gateway: Htu = "https://api.example/calendar".parse().unwrap();
    let alice = world.alice.clone().audience(behind_gateway.clone());
    alice.clone().with_wpt(FIELD, &[]).unwrap().get(&world.url("/calendar")).await.unwrap();
    alice.with_signature(ResponseSignature::NotExpected).get(&world.url("/calendar")).await.unwrap();
    let calls = world.calls();
    world.verify_wpt(&calls[0], behind_gateway.as_str(), None, &[(FIELD, "token-1")]).unwrap();
    world.verify_signature(&calls[1], behind_gateway.as_str()).unwrap();
    assert_eq!(calls[1].proof["htu"], json!(world.url("/calendar")), "DPoP names the URL");
}

#[tokio::test]
async fn a_client_without_a_wit_cannot_show_one() {
    let server = Server::start().await;
    let client = Client::discover(server.url.parse().unwrap(), key().0, fixed("svid".to_owned())).await.unwrap();
    let alice = client.delegated(delegation(&server));
    let url = format!("{}/calendar", server.url);
    let error = alice.clone().with_wpt(FIELD, &[]).unwrap().get(&url).await.unwrap_err();
    assert!(matches!(error, CallError::NoWit), "{error}");
    let error = alice.with_signature(ResponseSignature::NotExpected).get(&url).await.unwrap_err();
    assert!(matches!(error, CallError::NoWit), "{error}");
    assert!(server.seen_at("/calendar").is_empty());
}
