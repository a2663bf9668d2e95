//! Approvals and posture statements: read back as they were made, and refused for everything that would make them say more.

#[path = "support/sample.rs"]
mod sample;

use std::collections::BTreeMap;

use procura_token::{
    Algorithm, ApprovalToken, Issuer, PostureToken, Signer as _, SigningKey, Statement, StatementRules, UnixTime, Unverified,
    Verified, VerifyError,
};
use proptest::prelude::*;
use sample::{NOW, SKEW, URI, approval, at, forge, key, keys_of, posture};
use serde_json::{Value, json};

fn judge_at<T: Statement>(token: &str, signer: &SigningKey, now: UnixTime) -> Result<Verified<T>, VerifyError> {
    let us: Issuer = URI.parse().unwrap();
    let rules = StatementRules { issuer: &us, audience: &us, algorithms: Algorithm::DEFAULT, skew: SKEW };
    Unverified::<T>::parse(token)?.verify(&keys_of(signer), &rules, now)
}

fn judge<T: Statement>(token: &str, signer: &SigningKey) -> Result<Verified<T>, VerifyError> {
    judge_at(token, signer, at(NOW))
}

/// A statement whose claims are those of a good one but for `changes`; `"ABSENT"` takes one away.
fn changed<T: Statement>(signer: &SigningKey, changes: &Value) -> String {
    let mut claims = match T::TYP {
        "procura-approval+jwt" => serde_json::to_value(approval()).unwrap(),
        _ => serde_json::to_value(posture()).unwrap(),
    };
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| *value != json!("ABSENT"));
    forge(signer, &json!({"alg": "ES256", "typ": T::TYP}).to_string(), &claims.to_string())
}

fn refuses<T: Statement>(all: &[Value]) {
    let signer = key(Algorithm::Es256);
    judge::<T>(&changed::<T>(&signer, &json!({})), &signer).map(|_| ()).unwrap();
    for changes in all {
        let verdict = judge::<T>(&changed::<T>(&signer, changes), &signer).map(|_| ());
        assert!(matches!(verdict, Err(VerifyError::Malformed(_))), "{changes}: {verdict:?}");
    }
}

fn refuses_what_no_statement_may_say<T: Statement>() {
    for name in ["iss", "aud", "sub", "jti", "iat", "exp"] {
        refuses::<T>(&[json!({ name: "ABSENT" }), json!({ name: null }), json!({ name: [] }), json!({ name: {} })]);
    }
    let longest = T::LONGEST.as_secs();
    refuses::<T>(&[
        json!({"exp": NOW}),
        json!({"exp": NOW - 1}),
        json!({"exp": NOW + longest + 1}),
        json!({"nbf": NOW + 1}),
        json!({"nbf": null}),
        json!({"act": {"sub": "spiffe://prod.example/agent/planner"}}),
        json!({"act": null}),
        json!({"cnf": {"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}}),
        json!({"events": {}}),
    ]);
}

fn is_for_us_alone_by_its_issuer_in_its_time<T: Statement>() {
    let signer = key(Algorithm::Es256);
    let verdict = |changes: Value| judge::<T>(&changed::<T>(&signer, &changes), &signer).map(|_| ()).unwrap_err();
    for aud in [json!([URI, "https://other.example"]), json!("https://other.example"), json!([URI, URI]), json!("us")] {
        assert_eq!(verdict(json!({ "aud": aud })), VerifyError::Audience, "{aud}");
    }
    assert_eq!(verdict(json!({"iss": "https://other.example"})), VerifyError::Issuer);
    assert!(matches!(verdict(json!({"iat": NOW + 61, "exp": NOW + 300})), VerifyError::NotYetValid { .. }));
    let lasts_long = json!({"exp": NOW + T::LONGEST.as_secs()});
    let text = changed::<T>(&signer, &lasts_long);
    for (seconds, good) in [(0, true), (T::LONGEST.as_secs() + 59, true), (T::LONGEST.as_secs() + 60, false)] {
        assert_eq!(judge_at::<T>(&text, &signer, at(NOW + seconds)).is_ok(), good, "{seconds}");
    }
    // What was believed is believed until then and no longer.
    let verified = judge::<T>(&text, &signer).unwrap();
    assert!(verified.verify_time(at(NOW + 60), SKEW).is_ok());
    assert!(verified.verify_time(at(NOW + T::LONGEST.as_secs() + 60), SKEW).is_err());
}

#[test]
fn an_approval_says_all_that_it_must() {
    refuses_what_no_statement_may_say::<ApprovalToken>();
    for name in ["user", "agent", "target"] {
        refuses::<ApprovalToken>(&[json!({ name: "ABSENT" }), json!({ name: null }), json!({ name: 1 })]);
    }
    refuses::<ApprovalToken>(&[
        json!({"user": "alice"}),
        json!({"user": {"sub": "alice"}}),
        json!({"user": {"iss": "https://idp.example"}}),
        json!({"user": ["https://idp.example", "alice"]}),
        json!({"user": {"iss": "idp", "sub": "alice"}}),
        json!({"agent": "planner"}),
        json!({"agent": "spiffe://prod.example/agent/*"}),
        json!({"target": "calendar"}),
        json!({"target": ["https://api.example/"]}),
        json!({"scope": ""}),
        json!({"scope": null}),
        json!({"scope": ["a"]}),
        json!({"scope": "a  b"}),
    ]);
}

#[test]
fn a_posture_is_flat_and_small() {
    refuses_what_no_statement_may_say::<PostureToken>();
    let many: serde_json::Map<String, Value> = (0..33).map(|n| (n.to_string(), json!(true))).collect();
    refuses::<PostureToken>(&[
        json!({"sub": "alice"}),
        json!({"sub": "spiffe://prod.example"}),
        json!({"posture": "ABSENT"}),
        json!({"posture": {}}),
        json!({"posture": []}),
        json!({"posture": null}),
        json!({"posture": {"a": null}}),
        json!({"posture": {"a": []}}),
        json!({"posture": {"a": {}}}),
        json!({"posture": {"a": "x".repeat(257)}}),
        json!({"posture": {"a": 1e300}}),
        json!({"posture": {"": "x"}}),
        json!({"posture": {"a b": "x"}}),
        json!({"posture": {"x".repeat(65): "x"}}),
        json!({ "posture": many }),
    ]);
}

#[test]
fn a_statement_is_for_us_alone_by_its_issuer_and_in_its_time() {
    is_for_us_alone_by_its_issuer_in_its_time::<ApprovalToken>();
    is_for_us_alone_by_its_issuer_in_its_time::<PostureToken>();
}

#[test]
fn a_member_twice_is_refused_where_the_second_would_say_more() {
    let signer = key(Algorithm::Es256);
    for (typ, claims) in [
        (
            ApprovalToken::TYP,
            serde_json::to_string(&approval()).unwrap().replacen("\"scope\":", "\"scope\":\"admin\",\"scope\":", 1),
        ),
        (PostureToken::TYP, serde_json::to_string(&posture()).unwrap().replacen("\"edr\":", "\"edr\":\"bad\",\"edr\":", 1)),
    ] {
        let token = forge(&signer, &json!({"alg": "ES256", "typ": typ}).to_string(), &claims);
        let twice = |error| matches!(&error, VerifyError::Malformed(cause) if cause.to_string().contains("duplicate"));
        let is_approval = typ == ApprovalToken::TYP;
        let refusal = if is_approval {
            judge::<ApprovalToken>(&token, &signer).err()
        } else {
            judge::<PostureToken>(&token, &signer).err()
        };
        assert!(refusal.is_some_and(twice), "{claims}");
    }
}

#[test]
fn numbers_and_truth_values_of_a_posture_become_text_and_equal_ones_the_same() {
    let signer = key(Algorithm::Es256);
    let said =
        r#"{"yes":true,"no":false,"seven":7,"seven_too":7.0,"less":-3,"score":7.25,"large":1e21,"nothing":-0.0,"text":"7.0"}"#;
    let token = changed::<PostureToken>(&signer, &json!({"posture": serde_json::from_str::<Value>(said).unwrap()}));
    let read = judge::<PostureToken>(&token, &signer).unwrap().posture.clone();
    let expected = [
        ("large", "1000000000000000000000"),
        ("less", "-3"),
        ("no", "false"),
        ("nothing", "0"),
        ("score", "7.25"),
        ("seven", "7"),
        ("seven_too", "7"),
        ("text", "7.0"),
        ("yes", "true"),
    ];
    assert_eq!(read, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
}

fn posture_of_any_kind() -> impl Strategy<Value = BTreeMap<String, Value>> {
    let finding = prop_oneof![
        "\\PC{0,40}".prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i32>().prop_map(|eighths| Value::from(f64::from(eighths) / 8.0)),
    ];
    prop::collection::btree_map("[!-~]{1,64}", finding, 1..=32)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_approval_is_read_back_as_it_was_issued(
        sub in "[^\\p{Cc}]{1,100}", user in "[^\\p{Cc}]{1,100}", agent in "spiffe://[a-z0-9._-]{1,20}(/[a-zA-Z0-9_-]{1,12}){1,4}",
        target in "https://[a-z]{1,10}(/[a-z0-9]{1,10}){0,3}", life in 1..=ApprovalToken::LONGEST.as_secs(),
        scope in prop::option::of(prop::collection::vec("[!#-\\[\\]-~]{1,20}", 1..20)),
    ) {
        let signer = key(Algorithm::Es256);
        let mut made = approval();
        (made.sub, made.user.sub) = (sub.parse().unwrap(), user.parse().unwrap());
        (made.agent, made.target) = (agent.parse().unwrap(), target.parse().unwrap());
        (made.exp, made.scope) = (at(NOW + life), scope.map(|scope| scope.join(" ").parse().unwrap()));
        let read = judge::<ApprovalToken>(&made.issue(&signer).unwrap(), &signer).unwrap();
        prop_assert_eq!(&*read, &made);
    }

    #[test]
    fn a_posture_is_read_as_text_and_issued_again_the_same(said in posture_of_any_kind()) {
        let signer = key(Algorithm::Es256);
        let read = judge::<PostureToken>(&changed::<PostureToken>(&signer, &json!({ "posture": said })), &signer).unwrap();
        prop_assert!(read.posture.keys().eq(said.keys()));
        for (name, value) in &said {
            let text = &read.posture[name];
            match value {
                Value::String(said) => prop_assert_eq!(text, said),
                Value::Bool(said) => prop_assert_eq!(text.parse(), Ok(*said)),
                number => {
                    prop_assert!(!text.contains(['e', 'E']), "{}", text);
                    prop_assert_eq!(text.parse::<f64>().ok(), number.as_f64());
                }
            }
        }
        let again = judge::<PostureToken>(&read.issue(&signer).unwrap(), &signer).unwrap();
        prop_assert_eq!(&*again, &*read);
    }

    /// Whatever is in the claims: no panic, and what is believed keeps the limits.
    #[test]
    fn no_posture_grows_beyond_its_limits(said in prop::collection::btree_map("\\PC{0,70}", "\\PC{0,100}", 0..40)) {
        let signer = key(Algorithm::Es256);
        if let Ok(read) = judge::<PostureToken>(&changed::<PostureToken>(&signer, &json!({ "posture": said })), &signer) {
            prop_assert!((1..=32).contains(&read.posture.len()));
            prop_assert!(read.posture.iter().all(|(name, value)| (1..=64).contains(&name.len()) && value.len() <= 256));
        }
    }

    #[test]
    fn the_window_of_an_approval_is_what_it_says(life in 1..=ApprovalToken::LONGEST.as_secs(), later in 0_u64..200_000) {
        let signer = key(Algorithm::Es256);
        let made = ApprovalToken { exp: at(NOW + life), ..approval() };
        let verdict = judge_at::<ApprovalToken>(&made.issue(&signer).unwrap(), &signer, at(NOW + later));
        prop_assert_eq!(verdict.is_ok(), later < life + SKEW.as_secs());
    }
}

#[test]
fn a_statement_that_brings_its_own_key_is_refused() {
    let signer = key(Algorithm::Es256);
    let public = serde_json::to_value(signer.public_key()).unwrap();
    for typ in [ApprovalToken::TYP, PostureToken::TYP] {
        let header = json!({"alg": "ES256", "typ": typ, "jwk": public}).to_string();
        let token = forge(&signer, &header, &serde_json::to_string(&approval()).unwrap());
        assert!(judge::<ApprovalToken>(&token, &signer).is_err() && judge::<PostureToken>(&token, &signer).is_err());
    }
}
