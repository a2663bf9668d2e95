//! The shape of requests.

use std::collections::HashMap;

use http::Request;
use procura_client::{
    AgentKey, Authentication, AuthorizationDetails, Binding, ExchangeError, ExchangeRequest, Htu, PlatformAssertion, Requester,
    Resource, Secret, Target, TokenType, UnixTime,
};

const NOW: UnixTime = UnixTime::from_secs(1_770_000_000);

fn wire(request: &ExchangeRequest, key: &AgentKey, nonce: Option<&str>) -> Request<Secret> {
    by(request, Authentication::JwtSvid(&Secret::new("svid")), Binding::Key(key), nonce).unwrap()
}

fn by(
    request: &ExchangeRequest,
    authentication: Authentication<'_>,
    binding: Binding<'_>,
    nonce: Option<&str>,
) -> Result<Request<Secret>, ExchangeError> {
    let url: Htu = "https://sts.example/token".parse().unwrap();
    request.to_http(&Requester { token_endpoint: &url, authentication, binding, nonce, now: NOW })
}

/// The form; no parameter stands twice.
fn form(request: &Request<Secret>) -> HashMap<String, String> {
    let pairs: Vec<_> = form_urlencoded::parse(request.body().expose().as_bytes()).into_owned().collect();
    let form: HashMap<_, _> = pairs.iter().cloned().collect();
    assert_eq!(form.len(), pairs.len());
    form
}

fn delegation() -> ExchangeRequest {
    let resource: Resource = "https://api.example/calendar".parse().unwrap();
    ExchangeRequest::delegation("id-token", TokenType::IdToken, resource)
}

#[test]
fn a_delegation_names_subject_caller_and_one_target() {
    let key = AgentKey::generate().unwrap();
    let request = wire(&delegation().scope("b a".parse().unwrap()), &key, None);
    assert_eq!((request.method().as_str(), request.uri().to_string().as_str()), ("POST", "https://sts.example/token"));
    assert_eq!(request.headers()["content-type"], "application/x-www-form-urlencoded");
    let expected = HashMap::from(
        [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe"),
            ("client_assertion", "svid"),
            ("subject_token", "id-token"),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:id_token"),
            ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("resource", "https://api.example/calendar"),
            ("scope", "a b"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    assert_eq!(form(&request), expected);
}

#[test]
fn actor_and_logical_name_are_sent_when_given() {
    let key = AgentKey::generate().unwrap();
    let request = ExchangeRequest::delegation("token", TokenType::AccessToken, Target::Audience("calendar".into()))
        .actor_token("wit", TokenType::Jwt);
    let form = form(&wire(&request, &key, None));
    assert_eq!((form["audience"].as_str(), form.get("resource"), form.get("scope")), ("calendar", None, None));
    assert_eq!((form["actor_token"].as_str(), form["actor_token_type"].as_str()), ("wit", TokenType::Jwt.as_str()));
}

#[test]
fn a_wit_is_asked_for_with_the_callers_own_svid() {
    let form = form(&wire(&ExchangeRequest::wit(), &AgentKey::generate().unwrap(), None));
    assert_eq!((form["subject_token"].as_str(), form["subject_token_type"].as_str()), ("svid", TokenType::Jwt.as_str()));
    assert_eq!(form["requested_token_type"], "urn:procura:token-type:wit");
}

/// ARCH-09.
#[test]
fn a_caller_that_asks_for_itself_names_no_subject() {
    let resource: Resource = "https://api.example/calendar".parse().unwrap();
    let form = form(&wire(&ExchangeRequest::as_self(resource).scope("a".parse().unwrap()), &AgentKey::generate().unwrap(), None));
    assert_eq!((form["grant_type"].as_str(), form["scope"].as_str()), ("client_credentials", "a"));
    assert_eq!((form["client_assertion"].as_str(), form["resource"].as_str()), ("svid", "https://api.example/calendar"));
    assert!(
        !form.keys().any(|name| name.starts_with("subject_") || name.starts_with("actor_") || name.starts_with("requested_"))
    );
}

/// RAR-01.
#[test]
fn authorization_details_are_sent_as_json() {
    let details = r#"[{"actions":["send"],"type":"invitation"}]"#;
    let request = delegation().authorization_details(AuthorizationDetails::parse(details).unwrap());
    let form = form(&wire(&request, &AgentKey::generate().unwrap(), None));
    assert_eq!((form["authorization_details"].as_str(), form.get("scope")), (details, None));
}

#[test]
fn every_attempt_has_a_proof_of_its_own_with_the_nonce() {
    use procura_token::{Algorithm, DpopProof, DpopRules, Freshness, Unverified};
    let key = AgentKey::generate().unwrap();
    let ids: Vec<_> = (0..2)
        .map(|_| {
            let request = wire(&delegation(), &key, Some("n-1"));
            let proof = Unverified::<DpopProof>::parse(request.headers()["dpop"].to_str().unwrap()).unwrap();
            let uris = ["https://sts.example/token".parse().unwrap()];
            let algorithms = &[Algorithm::Es256];
            let freshness = Freshness::default();
            let rules = DpopRules { method: "POST", uris: &uris, access_token: None, algorithms, freshness };
            let proof = proof.verify(&rules, NOW).unwrap();
            assert_eq!((proof.nonce(), proof.thumbprint()), (Some("n-1"), key.thumbprint()));
            proof.id().clone()
        })
        .collect();
    assert_ne!(ids[0], ids[1]);
}

/// SPIFFECA-06, MTLSB-01.
#[test]
fn a_caller_with_a_certificate_names_itself_and_nothing_else() {
    let id = "spiffe://prod.example/agent/planner".parse().unwrap();
    let certificate = procura_token::CertificateThumbprint::of(b"leaf");
    let request = by(&delegation(), Authentication::X509Svid(&id), Binding::Certificate(certificate), None).unwrap();
    let form = form(&request);
    assert_eq!(form["client_id"], "spiffe://prod.example/agent/planner");
    assert!(!form.contains_key("client_assertion") && !form.contains_key("client_assertion_type"));
    assert!(!request.headers().contains_key("dpop"));
    let key = AgentKey::generate().unwrap();
    let request = by(&delegation(), Authentication::X509Svid(&id), Binding::Key(&key), None).unwrap();
    assert!(request.headers().contains_key("dpop"));
}

#[test]
fn what_authenticates_a_caller_is_the_subject_of_its_wit() {
    let key = AgentKey::generate().unwrap();
    let (token, id) = (Secret::new("platform.id.token"), "spiffe://prod.example/agent/planner".parse().unwrap());
    let wit = |authentication| form(&by(&ExchangeRequest::wit(), authentication, Binding::Key(&key), None).unwrap());
    let by_platform = wit(Authentication::Platform(PlatformAssertion::Token, &token));
    assert_eq!(by_platform["client_assertion_type"], "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    assert_eq!(
        (&by_platform["client_assertion"], &by_platform["subject_token"]),
        (&"platform.id.token".into(), &"platform.id.token".into())
    );
    assert_eq!(by_platform["subject_token_type"], "urn:ietf:params:oauth:token-type:jwt");
    let by_certificate = wit(Authentication::X509Svid(&id));
    assert_eq!(by_certificate["subject_token"], "mtls_client_certificate");
    assert_eq!(by_certificate["subject_token_type"], "urn:ietf:params:oauth:token-type:mtls");
    for form in [by_platform, by_certificate] {
        assert_eq!(form["requested_token_type"], "urn:procura:token-type:wit");
    }
}

#[test]
fn only_a_caller_with_a_certificate_gets_a_token_bound_to_one() {
    let certificate = procura_token::CertificateThumbprint::of(b"leaf");
    let request = by(&delegation(), Authentication::JwtSvid(&Secret::new("svid")), Binding::Certificate(certificate), None);
    assert!(matches!(request, Err(ExchangeError::Request(_))));
}

#[test]
fn requests_never_show_their_tokens() {
    let request = wire(&delegation(), &AgentKey::generate().unwrap(), None);
    let shown = format!("{request:?} {:?}", delegation());
    for secret in ["id-token", "svid", request.headers()["dpop"].to_str().unwrap()] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
