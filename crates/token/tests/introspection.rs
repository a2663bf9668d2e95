//! What issuers answer about access tokens that only they can read.

use core::time::Duration;

use procura_token::{
    ClaimRules, ClaimValue, Introspected, IntrospectionRules, Issuer, RequiredClaim, UnixTime, VerifyError, sha256,
};
use serde_json::{Value, json};

const NOW: u64 = 1_800_000_000;
const TOKEN: &str = "2YotnFZFEjr1zCsicMWpAA";
const JKT: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";

fn at(seconds: u64) -> UnixTime {
    UnixTime::from_secs(seconds)
}

fn judge_with(claims: ClaimRules<'_>, body: &str) -> Result<Option<Introspected>, VerifyError> {
    let issuer: Issuer = "https://login.example".parse().unwrap();
    let rules = IntrospectionRules { issuer: &issuer, claims, skew: Duration::from_secs(60) };
    Introspected::judge(TOKEN, body.as_bytes(), &rules, at(NOW))
}

fn judge(changes: Value) -> Result<Option<Introspected>, VerifyError> {
    let mut answer = json!({
        "active": true, "sub": "alice", "client_id": "web", "scope": "calendar.read", "exp": NOW + 600, "token_type": "Bearer",
        "username": "Alice", "ext": {"anything": [1, 2]},
    });
    for (name, value) in changes.as_object().unwrap() {
        answer[name] = value.clone();
    }
    answer.as_object_mut().unwrap().retain(|_, value| *value != json!("ABSENT"));
    judge_with(ClaimRules::default(), &answer.to_string())
}

/// INTRO-03.
#[test]
fn an_active_token_is_what_its_issuer_says() {
    let token = judge(json!({"aud": "https://api.example", "iss": "https://login.example"})).unwrap().unwrap();
    assert_eq!((token.subject().as_str(), token.client(), token.expires()), ("alice", "web", at(NOW + 600)));
    assert_eq!(token.issuer().as_str(), "https://login.example");
    assert_eq!(token.fingerprint(), &sha256(TOKEN.as_bytes()));
    assert!(token.is_for(&["https://api.example"], &[]) && !token.is_for(&["web"], &[]));
    let without = judge(json!({})).unwrap().unwrap();
    assert!(without.audience().is_none() && without.is_for(&[], &["web"]));
}

/// INTRO-04.
#[test]
fn an_inactive_token_is_nothing_whatever_else_is_said() {
    assert!(judge(json!({"active": false})).unwrap().is_none());
    assert!(judge_with(ClaimRules::default(), r#"{"active":false}"#).unwrap().is_none());
    assert!(judge_with(ClaimRules::default(), r#"{"active":false,"exp":"x","act":1}"#).unwrap().is_none());
}

/// INTRO-03, BCP-19, BCP-20.
#[test]
fn an_answer_of_another_shape_is_refused() {
    for body in [
        "",
        "{}",
        "[]",
        "true",
        "null",
        "[true]",
        r#"{"active":"true"}"#,
        r#"{"active":1}"#,
        r#"{"active":null}"#,
        r#"{"active":false,"active":true}"#,
        r#"{"active":true}"#,
        r#"{"active":true} x"#,
        r#"{"token_introspection":{"active":true}}"#,
    ] {
        assert!(judge_with(ClaimRules::default(), body).is_err(), "{body}");
    }
}

/// INTRO-05, F06, F07.
#[test]
fn what_is_not_said_or_breaks_a_rule_is_refused() {
    for (name, value) in [
        ("exp", json!("ABSENT")),
        ("exp", json!(NOW - 60)),
        ("exp", json!("9999999999")),
        ("nbf", json!(NOW + 61)),
        ("sub", json!("ABSENT")),
        ("sub", json!("web")),
        ("sub", json!("spiffe://prod.example/agent")),
        ("client_id", json!("ABSENT")),
        ("scope", json!("ABSENT")),
        ("iss", json!("https://login.example/")),
        ("iss", json!("https://LOGIN.example")),
        ("iss", json!(null)),
        ("act", json!({"sub": "mallory"})),
        ("token_type", json!("refresh_token")),
        ("token_type", json!("Refresh")),
        ("token_type", json!("N_A")),
        ("token_type", json!(null)),
        ("token_type", json!("DPoP")),
        ("typ", json!("Refresh")),
        ("typ", json!("ID")),
        ("cnf", json!({})),
        ("cnf", json!(null)),
    ] {
        assert!(judge(json!({ name: value })).is_err(), "{name}: {value}");
    }
}

/// DPOP-29.
#[test]
fn what_the_token_is_bound_to_is_kept() {
    let bound = judge(json!({"cnf": {"jkt": JKT}, "token_type": "dpop"})).unwrap().unwrap();
    assert!(bound.confirmation().is_some());
    assert!(judge(json!({"cnf": {"x5t#S256": JKT}, "token_type": "ABSENT"})).unwrap().unwrap().confirmation().is_some());
}

#[test]
fn claims_that_are_required_must_be_said() {
    let required = [RequiredClaim { name: "tenant".to_owned(), values: vec![ClaimValue::Text("a".to_owned())] }];
    let rules = ClaimRules { required: &required, ..ClaimRules::default() };
    let body = |tenant: &str| {
        json!({"active": true, "sub": "alice", "client_id": "web", "scope": "", "exp": NOW + 1, "tenant": tenant}).to_string()
    };
    assert!(judge_with(rules, &body("a")).unwrap().is_some());
    assert_eq!(judge_with(rules, &body("b")).map(|_| ()), Err(VerifyError::Claim("tenant".to_owned())));
}

/// INTRO-07: time goes on.
#[test]
fn an_answer_ends_with_the_token() {
    let token = judge(json!({})).unwrap().unwrap();
    let skew = Duration::from_secs(60);
    assert!(token.verify_time(at(NOW + 659), skew).is_ok());
    assert!(token.verify_time(at(NOW + 660), skew).is_err());
}
