//! What answers are believed.

use std::time::Duration;

use http::Response;
use procura_client::{
    AgentKey, AuthorizationDetails, CertificateThumbprint, Confirmation, ErrorCode, ExchangeError, ExchangeRequest, Expectations,
    Grant, OAuthError, Resource, TokenType, UnixTime, judge_exchange,
};
use procura_token::base64url;
use serde_json::{Value, json};

const NOW: UnixTime = UnixTime::from_secs(1_770_000_000);

fn expectations(key: &AgentKey) -> Expectations {
    let resource: Resource = "https://api.example/calendar".parse().unwrap();
    let request = ExchangeRequest::delegation("id-token", TokenType::IdToken, resource).scope("a b".parse().unwrap());
    request.expectations(key.thumbprint(), NOW)
}

fn response(status: u16, body: &str, headers: &[(&str, &str)]) -> Response<Vec<u8>> {
    let mut response = Response::builder().status(status).header("content-type", "application/json; charset=utf-8");
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(body.into()).unwrap()
}

fn answer() -> Value {
    json!({ "access_token": "a.b.c", "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
            "token_type": "DPoP", "expires_in": 600, "scope": "a" })
}

/// The good answer with some members changed, judged.
fn judge(changes: &Value) -> Result<Grant, ExchangeError> {
    let mut answer = answer();
    for (name, value) in changes.as_object().unwrap() {
        answer[name] = value.clone();
    }
    judge_exchange(&response(200, &answer.to_string(), &[]), &expectations(&AgentKey::generate().unwrap()))
}

#[test]
fn a_bound_token_with_no_more_scope_than_asked_for_is_granted() {
    let grant = judge(&json!({ "token_type": "dpop", "unknown": 1 })).unwrap();
    assert_eq!((grant.token.expose(), grant.expires_in), ("a.b.c", Some(Duration::from_secs(600))));
    assert_eq!(grant.scope.unwrap().to_string(), "a");
}

#[test]
fn scope_that_the_answer_leaves_out_is_what_was_asked_for() {
    let grant = judge(&json!({ "scope": null })).unwrap();
    assert_eq!(grant.scope.unwrap().to_string(), "a b");
}

/// RES-07.
#[test]
fn a_token_for_something_else_is_thrown_away() {
    for same in [json!(["https://api.example/calendar"]), json!("https://api.example/calendar"), json!(null)] {
        assert!(judge(&json!({ "resource": same })).is_ok(), "{same}");
    }
    assert!(judge(&json!({ "resource": [] })).is_err());
    for other in [
        json!(["https://api.example/mail"]),
        json!(["https://api.example/calendar", "https://api.example/mail"]),
        json!("https://api.example/calendar/"),
    ] {
        let refused = judge(&json!({ "resource": other }));
        assert!(matches!(refused, Err(ExchangeError::OtherResource { .. })), "{other}: {refused:?}");
    }
}

/// RAR-08.
#[test]
fn authorization_details_of_a_type_that_was_not_asked_for_are_thrown_away() {
    let details = |text: &str| AuthorizationDetails::parse(text).unwrap();
    let key = AgentKey::generate().unwrap();
    let resource: Resource = "https://api.example/calendar".parse().unwrap();
    let request = ExchangeRequest::delegation("id-token", TokenType::IdToken, resource);
    let asked = request
        .authorization_details(details(r#"[{"type":"invitation","locations":["https://a.example","https://b.example"]}]"#));
    let granted = |expected: &Expectations, granted: Value| {
        let mut answer = answer();
        answer["authorization_details"] = granted;
        judge_exchange(&response(200, &answer.to_string(), &[]), expected).map(|grant| grant.authorization_details)
    };
    let narrowed = r#"[{"type":"invitation","locations":["https://a.example"]}]"#;
    let expected = asked.expectations(key.thumbprint(), NOW);
    assert_eq!(granted(&expected, serde_json::from_str(narrowed).unwrap()), Ok(Some(details(narrowed))));
    let other = json!([{ "type": "invitation" }, { "type": "payment" }]);
    assert_eq!(granted(&expected, other), Err(ExchangeError::Widened));
    assert_eq!(granted(&expectations(&key), json!([{ "type": "invitation" }])), Err(ExchangeError::Widened));
    assert!(matches!(granted(&expected, json!({ "type": "invitation" })), Err(ExchangeError::Malformed { .. })));
}

#[test]
fn anything_weaker_or_other_than_asked_for_is_thrown_away() {
    let other = AgentKey::generate().unwrap().thumbprint();
    for changes in [json!({ "token_type": "Bearer" }), json!({ "token_type": "N_A" })] {
        assert!(matches!(judge(&changes), Err(ExchangeError::Downgraded { .. })), "{changes}");
    }
    let kind = json!({ "issued_token_type": "urn:ietf:params:oauth:token-type:jwt" });
    assert!(matches!(judge(&kind), Err(ExchangeError::OtherKind { .. })));
    assert_eq!(judge(&json!({ "scope": "a c" })).unwrap_err(), ExchangeError::Widened);
    assert_eq!(judge(&json!({ "cnf": { "jkt": other } })).unwrap_err(), ExchangeError::Binding);
}

#[test]
fn answers_that_cannot_be_read_are_errors() {
    for changes in [
        json!({ "access_token": "" }),
        json!({ "access_token": "a b" }),
        json!({ "access_token": "a\r\nx: y" }),
        json!({ "access_token": 7 }),
        json!({ "token_type": null }),
        json!({ "issued_token_type": null }),
        json!({ "expires_in": -1 }),
        json!({ "expires_in": "600" }),
        json!({ "scope": "a  b" }),
    ] {
        assert!(matches!(judge(&changes), Err(ExchangeError::Malformed { status: 200, .. })), "{changes}");
    }
    let expected = expectations(&AgentKey::generate().unwrap());
    for body in ["", "[]", "<html>", r#"{"access_token":"a.b.c","access_token":"d.e.f"}"#] {
        assert!(matches!(judge_exchange(&response(200, body, &[]), &expected), Err(ExchangeError::Malformed { .. })), "{body}");
    }
    let mut html = response(200, &answer().to_string(), &[]);
    html.headers_mut().insert("content-type", "text/html".parse().unwrap());
    assert!(matches!(judge_exchange(&html, &expected), Err(ExchangeError::Malformed { .. })));
}

#[test]
fn a_wit_must_be_bound_to_our_key() {
    let key = AgentKey::generate().unwrap();
    let expected = ExchangeRequest::wit().expectations(key.thumbprint(), NOW);
    let judge = |token_type: &str, cnf: Value| {
        let answer = json!({ "access_token": "w.i.t", "issued_token_type": "urn:procura:token-type:wit",
                             "token_type": token_type, "expires_in": 600, "cnf": cnf });
        judge_exchange(&response(200, &answer.to_string(), &[]), &expected).map(|grant| grant.issued_token_type)
    };
    let ours = json!({ "jkt": key.thumbprint() });
    assert_eq!(judge("N_A", ours.clone()), Ok(TokenType::Wit));
    assert_eq!(judge("N_A", Value::Null), Err(ExchangeError::Binding));
    assert_eq!(judge("N_A", json!({ "jkt": AgentKey::generate().unwrap().thumbprint() })), Err(ExchangeError::Binding));
    assert!(matches!(judge("DPoP", ours), Err(ExchangeError::Downgraded { .. })));
}

/// DPOP-21, MTLSB-05: `Bearer` is good for one thing only.
#[test]
fn a_bearer_token_must_name_our_certificate_and_only_if_that_was_asked_for() {
    let [ours, other] = [b"ours", b"else"].map(|der| CertificateThumbprint::of(der));
    let request = ExchangeRequest::delegation("id-token", TokenType::IdToken, "https://api.example".parse::<Resource>().unwrap());
    let token = |claims: Value| format!("e30.{}.AA", base64url::encode(claims.to_string()));
    let judge = |token: String, token_type: &str, cnf: Value| {
        let mut answer = answer();
        answer["access_token"] = token.into();
        answer["token_type"] = token_type.into();
        if !cnf.is_null() {
            answer["cnf"] = cnf;
        }
        judge_exchange(&response(200, &answer.to_string(), &[]), &request.expectations(ours, NOW))
    };
    let bound = || token(json!({ "cnf": { "x5t#S256": ours } }));
    assert_eq!(judge(bound(), "Bearer", Value::Null).unwrap().binding, Confirmation::Certificate(ours));
    assert!(judge(bound(), "bearer", json!({ "x5t#S256": ours })).is_ok());
    assert_eq!(judge(bound(), "Bearer", json!({ "x5t#S256": other })).unwrap_err(), ExchangeError::Binding);
    let elsewhere = token(json!({ "cnf": { "x5t#S256": other } }));
    assert_eq!(judge(elsewhere, "Bearer", Value::Null).unwrap_err(), ExchangeError::Binding);
    for unbound in [
        token(json!({})),
        token(json!({ "cnf": {} })),
        token(json!({ "cnf": { "jkt": AgentKey::generate().unwrap().thumbprint(), "x5t#S256": ours } })),
        "opaque".to_owned(),
    ] {
        assert!(matches!(judge(unbound, "Bearer", Value::Null), Err(ExchangeError::Downgraded { .. })));
    }
    assert!(matches!(judge(bound(), "DPoP", Value::Null), Err(ExchangeError::Downgraded { .. })));
    let key = AgentKey::generate().unwrap();
    let mut bearer = answer();
    (bearer["access_token"], bearer["token_type"]) = (bound().into(), "Bearer".into());
    let judged = judge_exchange(&response(200, &bearer.to_string(), &[]), &request.expectations(key.thumbprint(), NOW));
    assert!(matches!(judged, Err(ExchangeError::Downgraded { .. })), "a key was asked for");
}

#[test]
fn refusals_are_typed() {
    let expected = expectations(&AgentKey::generate().unwrap());
    let judge =
        |status, body: &str, headers: &[(&str, &str)]| judge_exchange(&response(status, body, headers), &expected).unwrap_err();
    let refused = |code, description: Option<&str>| ExchangeError::Refused {
        error: OAuthError { code, description: description.map(str::to_owned) },
        clock: None,
    };
    assert_eq!(judge(401, r#"{"error":"invalid_client"}"#, &[]), refused(ErrorCode::InvalidClient, None));
    assert_eq!(
        judge(400, r#"{"error":"invalid_target","error_description":"no\nsuch \u001b[31mtarget"}"#, &[]),
        refused(ErrorCode::InvalidTarget, Some("no?such ?[31mtarget"))
    );
    assert_eq!(judge(400, r#"{"error":"new_code"}"#, &[]), refused(ErrorCode::Other("new_code".into()), None));
    let wanted = r#"{"error":"use_dpop_nonce"}"#;
    assert_eq!(judge(400, wanted, &[("dpop-nonce", "n-1")]), ExchangeError::NonceWanted { nonce: Some("n-1".into()) });
    assert_eq!(judge(400, wanted, &[]), ExchangeError::NonceWanted { nonce: None });
    let twice = [("dpop-nonce", "n-1"), ("dpop-nonce", "n-2")];
    assert_eq!(judge(400, wanted, &twice), ExchangeError::NonceWanted { nonce: None });
    let needed = r#"{"error":"consent_required","procura_approval_required":
        {"agent":"spiffe://prod.example/agent/planner","target":"https://api.example/pay","scope":"pay.send"}}"#;
    match judge(400, needed, &[]) {
        ExchangeError::ApprovalRequired(needed) => {
            assert_eq!(needed.to_string(), "spiffe://prod.example/agent/planner at https://api.example/pay for `pay.send`");
        }
        other => panic!("{other:?}"),
    }
    // One that does not say what, or nothing that can be shown to a user.
    for body in [
        r#"{"error":"consent_required"}"#,
        r#"{"error":"consent_required","procura_approval_required":{"agent":"planner","target":"https://a.example","scope":"a"}}"#,
    ] {
        assert_eq!(judge(400, body, &[]), refused(ErrorCode::ConsentRequired, None));
    }
    let later = ExchangeError::Unavailable { retry_after: Some(Duration::from_secs(5)) };
    assert_eq!(judge(503, "", &[("retry-after", "5")]), later);
    assert!(matches!(judge(502, "<html>", &[]), ExchangeError::Malformed { status: 502, .. }));
    assert!(matches!(judge(302, "", &[("location", "https://evil.example")]), ExchangeError::Malformed { status: 302, .. }));
}

#[test]
fn a_refused_proof_says_how_far_the_clocks_are_apart() {
    let expected = expectations(&AgentKey::generate().unwrap());
    // Ten minutes before NOW.
    let date = [("date", "Mon, 02 Feb 2026 02:30:00 GMT")];
    let judge = |code: &str| {
        let body = format!(r#"{{"error":"{code}"}}"#);
        judge_exchange(&response(400, &body, &date), &expected).unwrap_err().to_string()
    };
    assert_eq!(
        judge("invalid_dpop_proof"),
        "the server refused: invalid_dpop_proof (this machine's clock is 10 min ahead of the server)"
    );
    assert!(judge("invalid_client").ends_with("ahead of the server)"));
    assert_eq!(judge("invalid_scope"), "the server refused: invalid_scope");
}
