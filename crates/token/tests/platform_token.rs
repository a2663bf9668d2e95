//! Platform tokens: the shape of an ID token, one audience, every claim kept.

#[path = "support/sample.rs"]
mod sample;

use procura_token::{
    Algorithm, KeySet, ParseError, PlatformToken, PlatformTokenRules, Signer as _, SigningKey, Unverified, Verified, VerifyError,
};
use sample::{AGENT, EXP, Kind, NOW, SKEW, URI, at, forge, key, keys_of};
use serde_json::{Value, json};

fn claims(changes: Value) -> Value {
    let mut claims = json!({
        "iss": URI, "sub": "repo:octo/cat", "aud": URI, "iat": NOW, "nbf": NOW - 300, "exp": EXP, "jti": "1",
        "repository_id": "74", "kubernetes.io": { "pod": { "name": "p" } }, "list": [1, 2], "nothing": null,
    });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

fn without(name: &str) -> Value {
    let mut claims = claims(json!({}));
    claims.as_object_mut().unwrap().remove(name);
    claims
}

fn token(signer: &SigningKey, header: &Value, claims: &Value) -> String {
    let mut whole = json!({ "alg": "ES256", "kid": signer.public_key().key_id });
    whole.as_object_mut().unwrap().extend(header.as_object().unwrap().clone());
    forge(signer, &whole.to_string(), &claims.to_string())
}

fn judge(token: &str, keys: &KeySet, now: u64) -> Result<Verified<PlatformToken>, VerifyError> {
    let (issuer, audiences) = (URI.parse().unwrap(), [URI.to_owned(), "other name of ours".to_owned()]);
    let rules = PlatformTokenRules { issuer: &issuer, audiences: &audiences, algorithms: Algorithm::DEFAULT, skew: SKEW };
    Unverified::<PlatformToken>::parse(token)?.verify(keys, &rules, at(now))
}

#[test]
fn every_claim_is_kept() {
    let signer = key(Algorithm::Es256);
    let keys = keys_of(&signer);
    for typ in [json!({}), json!({ "typ": "JWT" }), json!({ "typ": "JOSE", "x5t": "AQID" })] {
        let said = claims(json!({}));
        let verified = judge(&token(&signer, &typ, &said), &keys, NOW).unwrap();
        let claims = verified.claims().iter().map(|(name, value)| (name.to_owned(), value.clone()));
        assert_eq!(Value::Object(claims.collect()), said);
        assert_eq!((verified.issuer().as_str(), verified.audience().sole()), (URI, Some(URI)));
        assert_eq!((verified.expires(), verified.issued_at(), verified.valid_from()), (at(EXP), Some(at(NOW)), Some(at(NOW))));
    }
    // `nbf` and `iat` may be missing.
    let verified = judge(&token(&signer, &json!({}), &without("iat")), &keys, NOW).unwrap();
    assert_eq!((verified.issued_at(), verified.valid_from()), (None, Some(at(NOW - 300))));
}

/// F16: whoever a token was meant for as well could present it here.
#[test]
fn the_audience_is_one_and_ours() {
    let signer = key(Algorithm::Es256);
    let keys = keys_of(&signer);
    let judge = |aud: Value| judge(&token(&signer, &json!({}), &claims(json!({ "aud": aud }))), &keys, NOW);
    for good in [json!(URI), json!([URI]), json!("other name of ours")] {
        assert!(judge(good.clone()).is_ok(), "{good}");
    }
    for wrong in [json!([URI, "x"]), json!("x"), json!([URI, URI]), json!(URI.trim_end_matches('/')), json!(URI.to_uppercase())] {
        assert_eq!(judge(wrong.clone()).unwrap_err(), VerifyError::Audience, "{wrong}");
    }
}

#[test]
fn a_claim_that_is_missing_or_mistyped_makes_no_token() {
    let signer = key(Algorithm::Es256);
    let keys = keys_of(&signer);
    let malformed = |claims: &Value| {
        let error = judge(&token(&signer, &json!({}), claims), &keys, NOW).unwrap_err();
        assert!(matches!(error, VerifyError::Malformed(_)), "{claims}: {error:?}");
    };
    for name in ["iss", "sub", "aud", "exp"] {
        malformed(&without(name));
        malformed(&claims(json!({ name: null })));
    }
    // F32: a time of the wrong type is not one that is absent.
    for (name, value) in [("exp", json!("1")), ("nbf", json!("1")), ("nbf", json!(null)), ("iat", json!(-1)), ("iat", json!({}))]
    {
        malformed(&claims(json!({ name: value })));
    }
    // What means something else.
    for (name, value) in
        [("act", json!({})), ("cnf", json!(null)), ("events", json!({})), ("sub", json!(AGENT)), ("sub", json!(""))]
    {
        malformed(&claims(json!({ name: value })));
    }
}

#[test]
fn it_lasts_from_the_later_of_iat_and_nbf_until_exp() {
    let signer = key(Algorithm::Es256);
    let keys = keys_of(&signer);
    let token = token(&signer, &json!({}), &claims(json!({ "nbf": NOW + 10 })));
    for (now, good) in [(NOW - 51, false), (NOW - 50, true), (EXP + 59, true), (EXP + 60, false)] {
        assert_eq!(judge(&token, &keys, now).is_ok(), good, "{now}");
    }
}

#[test]
fn issuer_algorithm_and_key_are_the_configured_ones() {
    let (signer, other) = (key(Algorithm::Es256), key(Algorithm::Es256));
    let keys = keys_of(&signer);
    let good = claims(json!({}));
    assert_eq!(judge(&token(&other, &json!({}), &good), &keys, NOW).unwrap_err(), VerifyError::UnknownKey);
    let forged = token(&other, &json!({ "kid": signer.public_key().key_id }), &good);
    assert_eq!(judge(&forged, &keys, NOW).unwrap_err(), VerifyError::Signature);
    let elsewhere = claims(json!({ "iss": "https://sts.example" }));
    assert_eq!(judge(&token(&signer, &json!({}), &elsewhere), &keys, NOW).unwrap_err(), VerifyError::Issuer);
    let (issuer, audiences) = (URI.parse().unwrap(), [URI.to_owned()]);
    let rules = PlatformTokenRules { issuer: &issuer, audiences: &audiences, algorithms: &[Algorithm::Rs256], skew: SKEW };
    let unverified = Unverified::<PlatformToken>::parse(&token(&signer, &json!({}), &good)).unwrap();
    assert_eq!(unverified.verify(&keys, &rules, at(NOW)).unwrap_err(), VerifyError::AlgorithmNotAllowed(Algorithm::Es256));
}

/// What a platform confirmed needs no signature of ours, and everything else still.
#[test]
fn confirmation_stands_for_the_signature_alone() {
    let signer = key(Algorithm::Es256);
    let (issuer, audiences) = (URI.parse().unwrap(), [URI.to_owned()]);
    let rules = PlatformTokenRules { issuer: &issuer, audiences: &audiences, algorithms: &[], skew: SKEW };
    let confirmed = |changes: Value, now| {
        let token = token(&signer, &json!({}), &claims(changes));
        Unverified::<PlatformToken>::parse(&token).unwrap().confirmed_by_its_platform(&rules, at(now))
    };
    assert!(confirmed(json!({}), NOW).is_ok());
    assert_eq!(confirmed(json!({ "aud": "x" }), NOW).unwrap_err(), VerifyError::Audience);
    assert_eq!(confirmed(json!({ "iss": "https://x.example" }), NOW).unwrap_err(), VerifyError::Issuer);
    assert!(matches!(confirmed(json!({}), EXP + 60).unwrap_err(), VerifyError::Expired { .. }));
}

/// Other kinds are no platform tokens: but for ID tokens, which they are the shape of. Issuers tell these apart.
#[test]
fn only_an_id_token_looks_like_one() {
    let signer = key(Algorithm::Es256);
    let keys = keys_of(&signer);
    for kind in Kind::ALL {
        let verdict = judge(&kind.issue(&signer), &keys, NOW);
        assert_eq!(verdict.is_ok(), kind == Kind::IdToken, "{kind:?}: {verdict:?}");
    }
    for typ in ["at+jwt", "wit+jwt", "dpop+jwt", "logout+jwt", "secevent+jwt", "client-authentication+jwt"] {
        let error = judge(&token(&signer, &json!({ "typ": typ }), &claims(json!({}))), &keys, NOW).unwrap_err();
        assert_eq!(error, VerifyError::Malformed(ParseError::Typ), "{typ}");
    }
}
