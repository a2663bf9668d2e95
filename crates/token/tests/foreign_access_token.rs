//! Access tokens of other issuers, as subjects of an exchange: what is one, and for whom it is.

#[path = "support/sample.rs"]
mod sample;

use procura_token::{
    Algorithm, ClaimRules, ClaimValue, Confirmation, ForeignAccessToken, ForeignAccessTokenRules, Issuer, ParseError,
    RequiredClaim, SigningKey, Unverified, Verified, VerifyError,
};
use sample::{AGENT, EXP, NOW, SKEW, URI, at, forge, key, keys_of};
use serde_json::{Value, json};

const TYPED: &str = r#"{"alg":"ES256","typ":"at+jwt"}"#;
const UNTYPED: &str = r#"{"alg":"ES256","typ":"JWT"}"#;
const JKT: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";

fn claims(changes: Value) -> Value {
    let mut claims = json!({
        "iss": URI, "sub": "alice", "aud": "https://api.example", "client_id": "web", "iat": NOW, "exp": EXP, "jti": "1",
        "scope": "calendar.read openid", "groups": ["staff"], "auth_time": NOW - 5, "acr": "1",
    });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| *value != json!("ABSENT"));
    claims
}

fn claim(name: &str, values: &[&str]) -> RequiredClaim {
    let values = values.iter().map(|value| ClaimValue::Text((*value).to_owned())).collect();
    RequiredClaim { name: name.to_owned(), values }
}

/// What judges, with what the configuration may change.
struct Judge {
    signer: SigningKey,
    issuer: Issuer,
    mark: Vec<RequiredClaim>,
    required: Vec<RequiredClaim>,
    groups: &'static str,
    client: Option<&'static str>,
    scope: &'static str,
}

impl Judge {
    fn new() -> Self {
        let (signer, issuer) = (key(Algorithm::Es256), URI.parse().unwrap());
        Self { signer, issuer, mark: vec![], required: vec![], groups: "groups", client: None, scope: "scope" }
    }

    fn judge(&self, header: &str, changes: Value) -> Result<Verified<ForeignAccessToken>, VerifyError> {
        self.judge_at(header, changes, NOW)
    }

    fn judge_at(&self, header: &str, changes: Value, now: u64) -> Result<Verified<ForeignAccessToken>, VerifyError> {
        let claim_rules = ClaimRules {
            required: &self.required,
            groups: self.groups,
            client: self.client,
            scope: self.scope,
            ..ClaimRules::default()
        };
        let rules = ForeignAccessTokenRules {
            issuer: &self.issuer,
            algorithms: &[Algorithm::Es256],
            claims: claim_rules,
            mark: &self.mark,
            skew: SKEW,
        };
        let token = forge(&self.signer, header, &claims(changes).to_string());
        Unverified::<ForeignAccessToken>::parse(&token)?.verify(&keys_of(&self.signer), &rules, at(now))
    }
}

/// AT-03, AT-12.
#[test]
fn a_token_of_rfc_9068_says_for_whom_by_whom_and_for_what() {
    let token = Judge::new().judge(TYPED, json!({})).unwrap();
    assert_eq!((token.issuer().as_str(), token.subject().as_str(), token.client()), (URI, "alice", "web"));
    assert_eq!(token.scope().unwrap().to_string(), "calendar.read openid");
    assert_eq!((token.groups(), token.expires()), (["staff".to_owned()].as_slice(), at(EXP)));
    assert_eq!(token.authentication().auth_time, Some(at(NOW - 5)));
    assert!(token.confirmation().is_none());
    assert!(Judge::new().judge(r#"{"alg":"ES256","typ":"application/AT+JWT"}"#, json!({})).is_ok());
}

/// AT-03, BCP-13: F01.
#[test]
fn a_token_of_another_type_is_refused() {
    let typs = ["JWT", "", "wit+jwt", "dpop+jwt", "txntoken+jwt", "logout+jwt", "id-jag+jwt", "token-introspection+jwt", "JOSE"];
    for typ in typs {
        let header = json!({"alg": "ES256", "typ": typ}).to_string();
        let verdict = Judge::new().judge(&header, json!({})).map(|_| ());
        assert_eq!(verdict, Err(VerifyError::Malformed(ParseError::Typ)), "{typ}");
    }
    let untyped = Judge::new().judge(r#"{"alg":"ES256"}"#, json!({})).map(|_| ());
    assert_eq!(untyped, Err(VerifyError::Malformed(ParseError::Typ)));
}

/// AT-04, BCP-20, F32: what is missing or of another type is not taken for absent.
#[test]
fn a_claim_that_is_missing_or_odd_is_refused() {
    for name in ["iss", "sub", "aud", "client_id", "iat", "exp", "scope"] {
        assert!(Judge::new().judge(TYPED, json!({ name: "ABSENT" })).is_err(), "{name}");
        assert!(Judge::new().judge(TYPED, json!({ name: null })).is_err(), "{name}");
        assert!(Judge::new().judge(TYPED, json!({ name: {"a": 1} })).is_err(), "{name}");
    }
    for (name, value) in [
        ("exp", json!("9999999999")),
        ("nbf", json!("0")),
        ("iat", json!(-1)),
        ("scope", json!(["calendar.read"])),
        ("groups", json!("staff")),
        ("groups", json!(null)),
        ("aud", json!([])),
        ("client_id", json!("")),
        ("azp", json!("other")),
        ("auth_time", json!("now")),
    ] {
        assert!(Judge::new().judge(TYPED, json!({ name: value })).is_err(), "{name}: {value}");
    }
}

/// F03, F10, BCP-27, BCP-13.
#[test]
fn a_token_whose_meaning_would_be_lost_is_refused() {
    for (name, value) in [
        ("act", json!({"sub": "mallory"})),
        ("act", json!(null)),
        ("act", json!([])),
        ("events", json!({})),
        ("sub", json!(AGENT)),
        ("sub", json!("web")),
        ("may_act", json!("mallory")),
        ("typ", json!("ID")),
        ("typ", json!("Refresh")),
        ("token_use", json!("id")),
        ("cnf", json!({})),
        ("cnf", json!({"kid": "k"})),
        ("cnf", json!({"jkt": JKT, "x5t#S256": JKT})),
        ("cnf", json!({"jkt": "short"})),
        ("cnf", json!(null)),
        ("cnf", json!([JKT])),
    ] {
        assert!(Judge::new().judge(TYPED, json!({ name: value })).is_err(), "{name}: {value}");
    }
}

#[test]
fn what_a_token_is_bound_to_is_kept() {
    let token = Judge::new().judge(TYPED, json!({"cnf": {"jkt": JKT}})).unwrap();
    assert_eq!(token.confirmation(), Some(&Confirmation::Key(JKT.parse().unwrap())));
    let token = Judge::new().judge(TYPED, json!({"cnf": {"x5t#S256": JKT}})).unwrap();
    assert_eq!(token.confirmation(), Some(&Confirmation::Certificate(JKT.parse().unwrap())));
}

/// AT-12, BCP-07.
#[test]
fn issuer_algorithm_signature_and_time_are_judged() {
    let judge = Judge::new();
    let refusal = |changes: Value, now| judge.judge_at(TYPED, changes, now).map(|_| ()).unwrap_err();
    assert_eq!(refusal(json!({"iss": "https://sts.example"}), NOW), VerifyError::Issuer);
    assert_eq!(refusal(json!({}), EXP + 60), VerifyError::Expired { exp: at(EXP), now: at(EXP + 60) });
    assert_eq!(refusal(json!({"nbf": NOW + 90}), NOW), VerifyError::NotYetValid { from: at(NOW + 90), now: at(NOW) });
    let token = forge(&key(Algorithm::Es256), TYPED, &claims(json!({})).to_string());
    let rules = ForeignAccessTokenRules {
        issuer: &judge.issuer,
        algorithms: &[Algorithm::Es256],
        claims: ClaimRules::default(),
        mark: &[],
        skew: SKEW,
    };
    let judged = |rules| Unverified::<ForeignAccessToken>::parse(&token).unwrap().verify(&keys_of(&judge.signer), rules, at(NOW));
    assert_eq!(judged(&rules).map(|_| ()), Err(VerifyError::Signature));
    let rules = ForeignAccessTokenRules { algorithms: &[Algorithm::Rs256], ..rules };
    assert_eq!(judged(&rules).map(|_| ()), Err(VerifyError::AlgorithmNotAllowed(Algorithm::Es256)));
}

/// F06.
#[test]
fn a_token_is_for_its_audience_and_for_its_client() {
    let token = Judge::new().judge(TYPED, json!({"aud": ["https://api.example", "calendar"]})).unwrap();
    for (audiences, clients, is_for) in [
        (vec!["calendar"], vec![], true),
        (vec![], vec!["web"], true),
        (vec!["calendar "], vec!["web2"], false),
        (vec!["web"], vec!["calendar"], false),
        (vec!["https://api.example/"], vec![""], false),
        (vec![], vec![], false),
    ] {
        assert_eq!(token.is_for(&audiences, &clients), is_for, "{audiences:?} {clients:?}");
    }
    let by_azp = Judge::new().judge(TYPED, json!({"client_id": "ABSENT", "azp": "web"})).unwrap();
    assert_eq!(by_azp.client(), "web");
}

/// AT-03, BCP-13, F01: the mark tells untyped access tokens from ID tokens.
#[test]
fn an_untyped_token_needs_the_mark_of_its_issuer() {
    let judge = Judge { mark: vec![claim("typ", &["Bearer"]), claim("sid", &[])], ..Judge::new() };
    let marked = json!({"typ": "Bearer", "sid": "s", "aud": "ABSENT"});
    assert!(judge.judge(UNTYPED, marked.clone()).is_ok());
    assert!(judge.judge(r#"{"alg":"ES256"}"#, marked.clone()).is_ok());
    assert!(judge.judge(TYPED, json!({})).is_ok(), "who has the type needs no mark");
    for (name, value) in
        [("typ", "ABSENT"), ("sid", "ABSENT"), ("typ", "DPoP"), ("nonce", "n"), ("at_hash", "h"), ("c_hash", "h")]
    {
        let mut changes = marked.clone();
        changes[name] = value.into();
        assert_eq!(judge.judge(UNTYPED, changes).map(|_| ()), Err(VerifyError::OtherKind), "{name}: {value}");
    }
    assert!(matches!(judge.judge(r#"{"alg":"ES256","typ":"wit+jwt"}"#, marked), Err(VerifyError::Malformed(ParseError::Typ))));
}

#[test]
fn claims_that_are_required_must_be_there_with_the_value() {
    let judge = Judge {
        required: vec![
            claim("tenant", &["a", "b"]),
            RequiredClaim { name: "verified".to_owned(), values: vec![ClaimValue::Flag(true)] },
            RequiredClaim { name: "level".to_owned(), values: vec![ClaimValue::Number(3)] },
        ],
        ..Judge::new()
    };
    let good = json!({"tenant": "b", "verified": true, "level": 3});
    assert!(judge.judge(TYPED, good.clone()).is_ok());
    for (name, value, accepted) in [
        ("tenant", json!("a"), true),
        ("tenant", json!(["x", "a"]), true),
        ("tenant", json!(["x"]), false),
        ("tenant", json!("A"), false),
        ("tenant", json!("ABSENT"), false),
        ("tenant", json!([["a"]]), false),
        ("tenant", json!({"a": "a"}), false),
        ("verified", json!("true"), false),
        ("verified", json!(1), false),
        ("level", json!("3"), false),
        ("level", json!(3.5), false),
    ] {
        let mut changes = good.clone();
        changes[name] = value.clone();
        let verdict = judge.judge(TYPED, changes).map(|_| ());
        let expected = if accepted { Ok(()) } else { Err(VerifyError::Claim(name.to_owned())) };
        assert_eq!(verdict, expected, "{name}: {value}");
    }
}

/// AT-17.
#[test]
fn groups_and_scope_may_have_other_names() {
    let judge = Judge { groups: "roles", scope: "scp", ..Judge::new() };
    let said = |changes| {
        let token = judge.judge(TYPED, changes)?;
        Ok::<_, VerifyError>((token.groups().join(","), token.scope().unwrap().to_string()))
    };
    let named = json!({"roles": ["admin"], "scp": "a b", "groups": 7});
    assert_eq!(said(named).unwrap(), ("admin".to_owned(), "a b".to_owned()));
    assert_eq!(said(json!({"scp": ["b", "a"]})).unwrap(), (String::new(), "a b".to_owned()));
    for changes in [json!({}), json!({"scp": 7}), json!({"scp": ["a\""]}), json!({"scp": "a", "roles": "admin"})] {
        assert!(said(changes.clone()).is_err(), "{changes}");
    }
}

/// BCP-27, F07.
#[test]
fn the_application_may_have_another_name() {
    let judge = Judge { client: Some("cid"), ..Judge::new() };
    let made_for = |changes| judge.judge(TYPED, changes).map(|token| token.client().to_owned());
    assert_eq!(made_for(json!({"cid": "web", "client_id": "ABSENT"})).unwrap(), "web");
    assert_eq!(made_for(json!({"cid": "app"})).unwrap(), "app");
    for changes in [json!({}), json!({"cid": ""}), json!({"cid": ["web"]}), json!({"cid": "alice"})] {
        assert!(made_for(changes.clone()).is_err(), "{changes}");
    }
}
