//! Callers that authenticate by a WIT and a proof of its key.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use procura_client::{
    AgentKey, Authentication, Binding, Client, ClientError, Credential, ExchangeError, ExchangeRequest, HeldWit, Htu,
    MetadataError, Proof, Requester, Resource, Secret, TokenType, WitError, WitProof, WitProofError,
};
use procura_token::{
    Algorithm, RequestHead, RequestSignatureRules, Unverified, UnverifiedRequestSignature, VerifiedSignature, VerifiedWpt,
    VerifyError, Wpt, WptRules,
};
use serde_json::json;

use crate::server::{Seen, Server, claims};
use crate::workload::{Authority, NOW, fixed, key, key_for, planner};

const PLANNER: &str = "spiffe://prod.example/agent/planner";
const HOUR: Duration = Duration::from_secs(3600);

fn delegation() -> ExchangeRequest {
    let resource: Resource = "https://api.example/calendar".parse().unwrap();
    ExchangeRequest::delegation("id-token", TokenType::IdToken, resource)
}

fn wpt_of(seen: &Seen) -> &str {
    seen.sole("authorization").strip_prefix("WPT ").unwrap()
}

fn verify_wpt(seen: &Seen, authority: &Authority, url: &Htu) -> Result<VerifiedWpt, VerifyError> {
    let wit = authority.verify(seen);
    let rules = WptRules {
        wit: seen.sole("workload-identity-token"),
        confirmation: wit.confirmation(),
        audiences: std::slice::from_ref(url),
        transaction_token: None,
        other_tokens: &[],
        access_token: None,
        algorithms: Algorithm::DEFAULT,
    };
    Unverified::<Wpt>::parse(wpt_of(seen)).unwrap().verify(&rules, NOW)
}

fn verify_signature(seen: &Seen, authority: &Authority, url: &Htu, body: &str) -> Result<VerifiedSignature, VerifyError> {
    let wit = authority.verify(seen);
    let rules = RequestSignatureRules {
        wit: seen.sole("workload-identity-token"),
        confirmation: wit.confirmation(),
        audiences: std::slice::from_ref(url),
        algorithms: Algorithm::DEFAULT,
    };
    let head = RequestHead { method: &seen.method, target: &seen.target, headers: &seen.headers };
    UnverifiedRequestSignature::parse(&head).unwrap().unwrap().verify(&rules, NOW)?.with_body(body.as_bytes())
}

/// WPT-01, WPT-04 to WPT-09, WPT-28, DPOP-18.
#[tokio::test]
async fn a_wpt_proves_the_key_of_the_wit_and_a_dpop_proof_binds_the_token_to_it() {
    let (server, authority) = (Server::start().await, Authority::new());
    let client = planner(&server, &authority, WitProof::Wpt).await;
    client.exchange(&delegation()).await.unwrap();
    let [seen] = &server.seen()[..] else { panic!("one request") };
    let url: Htu = format!("{}/token", server.url).parse().unwrap();
    let proof = verify_wpt(seen, &authority, &url).unwrap();
    let wit = authority.verify(seen);
    assert_eq!((wit.id().as_str(), wit.confirmation().key.thumbprint()), (PLANNER, proof.thumbprint()));
    assert_eq!((&seen.proof["htu"], &seen.proof["htm"]), (&json!(url), &json!("POST")));
    assert!(proof.id().as_str().len() >= 22, "128 bits");
    assert!(!seen.body.contains("client_assertion"), "one way to authenticate");
    let life = claims(wpt_of(seen))["exp"].as_u64().unwrap() - NOW.as_secs();
    assert!((1..=120).contains(&life));
}

/// SIG-01, SIG-02, SIG-04 to SIG-08, SIG-11, SIG-12, SIG-18.
#[tokio::test]
async fn a_signature_covers_the_form() {
    let (server, authority) = (Server::start().await, Authority::new());
    let client = planner(&server, &authority, WitProof::Signature).await;
    client.exchange(&delegation()).await.unwrap();
    let [seen] = &server.seen()[..] else { panic!("one request") };
    let url: Htu = format!("{}/token", server.url).parse().unwrap();
    let signature = verify_signature(seen, &authority, &url, &seen.body).unwrap();
    assert!(!signature.wants_signed_response() && seen.authorization.is_none());
    let changed = seen.body.replace("calendar", "mail");
    assert_eq!(verify_signature(seen, &authority, &url, &changed).unwrap_err(), VerifyError::ContentDigest);
    let input = seen.sole("signature-input");
    assert!(input.starts_with("wimse=(") && input.contains(&format!("wimse-aud=\"{url}\"")), "{input}");
    assert!(input.contains("\"content-type\"") && !input.contains("keyid") && !input.contains(";alg"), "{input}");
}

/// DPOP-32, DPOP-35, WPT-08, SIG-13.
#[tokio::test]
async fn every_attempt_has_new_proofs() {
    for proof in [WitProof::Wpt, WitProof::Signature] {
        let (server, authority) = (Server::start().await, Authority::new());
        let client = planner(&server, &authority, proof).await;
        server.answer_next(400, &[("dpop-nonce", "n-1")], json!({ "error": "use_dpop_nonce" }));
        client.exchange(&delegation()).await.unwrap();
        server.answer_next(503, &[("dpop-nonce", "n-2")], json!({}));
        client.exchange(&delegation()).await.unwrap_err();
        client.exchange(&delegation()).await.unwrap();
        let seen = server.seen();
        let url: Htu = format!("{}/token", server.url).parse().unwrap();
        let name = |seen: &Seen| match proof {
            WitProof::Wpt => verify_wpt(seen, &authority, &url).unwrap().id().to_string(),
            WitProof::Signature => verify_signature(seen, &authority, &url, &seen.body).unwrap().nonce().to_string(),
        };
        assert_eq!(seen.iter().map(name).collect::<HashSet<_>>().len(), 4, "{proof:?}");
        assert_eq!(seen.iter().map(|seen| seen.proof["jti"].to_string()).collect::<HashSet<_>>().len(), 4);
        let nonces: Vec<_> = seen.iter().map(|seen| seen.proof["nonce"].clone()).collect();
        assert_eq!(nonces, [json!(null), json!("n-1"), json!("n-1"), json!("n-2")]);
    }
}

#[tokio::test]
async fn a_wit_is_the_subject_when_another_is_asked_for() {
    let (server, authority) = (Server::start().await, Authority::new());
    let client = planner(&server, &authority, WitProof::Wpt).await;
    client.exchange(&ExchangeRequest::wit()).await.unwrap_err();
    let seen = &server.seen()[0];
    assert!(seen.body.contains(&format!("subject_token={}&", seen.sole("workload-identity-token"))), "{}", seen.body);
}

/// WIT-57, WPT-04, WPT-43.
#[tokio::test]
async fn a_wit_that_cannot_be_proved_is_not_sent() {
    let (server, authority) = (Server::start().await, Authority::new());
    let (_, public) = key();
    let (ed25519, ed25519_public) = key_for(Algorithm::Ed25519);
    let named_otherwise =
        authority.wit("wimse://prod.example/agent/planner", &ed25519_public.for_algorithm(Algorithm::EdDsa), NOW + HOUR);
    let other = authority.wit(PLANNER, &public, NOW + HOUR);
    let (agent, own) = key();
    let ended = authority.wit(PLANNER, &own, NOW);
    let is_malformed = |error: &WitError| matches!(error, WitError::Malformed(_));
    for (agent, wit, expected) in [
        (agent.clone(), other, WitError::OtherKey),
        (agent.clone(), ended, WitError::Expired),
        (ed25519, named_otherwise, WitError::OtherAlgorithm { wanted: Algorithm::EdDsa, ours: Algorithm::Ed25519 }),
    ] {
        let credential = Credential::wit(fixed(wit), WitProof::Wpt);
        let client = Client::builder(server.url.parse().unwrap(), agent, credential).clock(|| NOW).discover().await.unwrap();
        let error = client.exchange(&delegation()).await.unwrap_err();
        assert_eq!(error, ClientError::Exchange(ExchangeError::Proof(WitProofError::Wit(expected))));
    }
    let credential = Credential::wit(fixed("not.a.wit".to_owned()), WitProof::Wpt);
    let client = Client::builder(server.url.parse().unwrap(), agent, credential).discover().await.unwrap();
    let error = client.exchange(&delegation()).await.unwrap_err();
    assert!(matches!(&error, ClientError::Wit(cause) if is_malformed(cause)), "{error}");
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn the_wit_is_read_again_for_every_exchange() {
    let (server, authority) = (Server::start().await, Authority::new());
    let (agent, public) = key();
    let wits = [1, 2].map(|hours| authority.wit(PLANNER, &public, NOW + HOUR * hours));
    let (count, source) = (AtomicU64::new(0), wits.clone());
    let source = move || {
        let wit = source[count.fetch_add(1, Ordering::SeqCst) as usize].clone();
        async move { Ok(Secret::new(&wit)) }
    };
    let credential = Credential::wit(source, WitProof::Wpt);
    let client = Client::builder(server.url.parse().unwrap(), agent, credential).clock(|| NOW).discover().await.unwrap();
    for wit in &wits {
        client.exchange(&delegation()).await.unwrap();
        assert_eq!(server.seen().last().unwrap().sole("workload-identity-token"), wit);
    }
}

#[tokio::test]
async fn a_server_that_does_not_offer_the_method_gets_no_credential() {
    let server = Server::start().await;
    server.pretend(json!({ "token_endpoint_auth_methods_supported": ["spiffe_jwt"] }));
    let (agent, _) = key();
    for (proof, name) in [(WitProof::Wpt, "wimse_wpt"), (WitProof::Signature, "wimse_http_signature")] {
        let credential = Credential::wit(fixed("w.i.t".to_owned()), proof);
        let error = Client::discover(server.url.parse().unwrap(), agent.clone(), credential).await.unwrap_err();
        assert_eq!(error, ClientError::Metadata(MetadataError::Method(name)));
    }
    assert!(Client::discover(server.url.parse().unwrap(), agent, fixed("svid".to_owned())).await.is_ok());
}

/// DPOP-15, WPT-08, SIG-13, SIG-32.
#[test]
fn a_hundred_thousand_proofs_have_names_of_their_own() {
    let authority = Authority::new();
    let (agent, public) = key();
    let wit = HeldWit::parse(&authority.wit(PLANNER, &public, NOW + HOUR)).unwrap();
    let url: Htu = "https://sts.example/token".parse().unwrap();
    let names = |proof: WitProof, agent: &AgentKey| -> HashSet<String> {
        let binding = Binding::Key(agent);
        let authentication = Authentication::Wit(&wit, proof);
        let requester = Requester { token_endpoint: &url, authentication, binding, nonce: None, now: NOW };
        let mut names = HashSet::new();
        for _ in 0..12_500 {
            let request = delegation().to_http(&requester).unwrap();
            let text = |name: &str| request.headers()[name].to_str().unwrap();
            assert!(names.insert(claims(text("dpop"))["jti"].to_string()));
            assert!(names.insert(match proof {
                WitProof::Wpt => claims(text("authorization"))["jti"].to_string(),
                WitProof::Signature => text("signature-input").split("nonce=").nth(1).unwrap()[..24].to_owned(),
            }));
        }
        names
    };
    let made = std::thread::scope(|scope| {
        let names = &names;
        let spawned = [WitProof::Wpt, WitProof::Signature].map(|proof| (proof, agent.clone()));
        spawned.map(|(proof, agent)| scope.spawn(move || names(proof, &agent))).map(|made| made.join().unwrap())
    });
    let dpop = || agent.prove(&Proof { method: "GET", url: &url, access_token: Some("a.b.c"), nonce: None, now: NOW }).unwrap();
    let dpop = (0..50_000).map(|_| claims(&dpop())["jti"].to_string());
    assert_eq!(made.into_iter().flatten().chain(dpop).collect::<HashSet<_>>().len(), 100_000);
}

#[test]
fn credentials_and_wits_are_never_shown() {
    let authority = Authority::new();
    let (_, public) = key();
    let text = authority.wit(PLANNER, &public, NOW + HOUR);
    let wit = HeldWit::parse(&text).unwrap();
    let credential = Credential::wit(fixed(text.clone()), WitProof::Wpt);
    let shown = format!("{wit:?} {credential:?} {:?}", Authentication::Wit(&wit, WitProof::Wpt));
    assert!(!shown.contains(&text) && !shown.contains(text.split('.').nth(2).unwrap()), "{shown}");
}
