//! Signed well, and refused all the same.

#[path = "support/sample.rs"]
mod sample;

use procura_token::{Algorithm, Jwk, JwkSet, KeySet, ParseError, Signer, SigningKey, VerifyError};
use sample::{AGENT, EXP, Kind, NOW, URI, forge, key, keys_of};
use serde_json::{Value, json};

const HEADER: &str = r#"{"alg":"ES256","typ":"JWT"}"#;

fn id_claims() -> Value {
    json!({"iss": URI, "sub": "alice", "aud": URI, "iat": NOW, "exp": EXP})
}

fn access_claims(signer: &SigningKey) -> Value {
    serde_json::to_value(sample::access_token(signer)).unwrap()
}

#[test]
fn a_header_written_as_an_array_is_refused() {
    let signer = key(Algorithm::Es256);
    let keys = keys_of(&signer);
    let claims = json!({"sub": AGENT, "aud": URI, "exp": EXP}).to_string();
    assert!(Kind::JwtSvid.judge(&forge(&signer, HEADER, &claims), &keys, NOW).is_ok());
    for header in [r#"["ES256"]"#, r#"["ES256","JWT"]"#] {
        assert!(Kind::JwtSvid.judge(&forge(&signer, header, &claims), &keys, NOW).is_err(), "{header}");
    }
}

#[test]
fn claims_written_as_an_array_are_refused() {
    let signer = key(Algorithm::Es256);
    let claims = json!([AGENT, URI, EXP]).to_string();
    assert!(Kind::JwtSvid.judge(&forge(&signer, HEADER, &claims), &keys_of(&signer), NOW).is_err());
}

#[test]
fn a_confirmation_an_actor_or_a_delegation_written_as_an_array_is_refused() {
    let signer = key(Algorithm::Es256);
    let keys = keys_of(&signer);
    let header = r#"{"alg":"ES256","typ":"at+jwt"}"#;
    let good = access_claims(&signer);
    assert!(Kind::AccessToken.judge(&forge(&signer, header, &good.to_string()), &keys, NOW).is_ok());
    for (claim, value) in [
        ("cnf", json!([good["cnf"]["jkt"]])),
        ("act", json!([good["act"]["iss"], good["act"]["sub"]])),
        ("delegation", json!([good["delegation"]["id"], EXP])),
    ] {
        let mut claims = good.clone();
        claims[claim] = value;
        assert!(Kind::AccessToken.judge(&forge(&signer, header, &claims.to_string()), &keys, NOW).is_err(), "{claims}");
    }
}

#[test]
fn a_key_written_as_an_array_is_refused() {
    let jwk = serde_json::to_value(key(Algorithm::Es256).public_key()).unwrap();
    let array = json!(["EC", "P-256", jwk["x"], jwk["y"]]);
    assert!(Jwk::parse(array.to_string().as_bytes()).is_err());
    let set = json!({"keys": [array, jwk]});
    assert_eq!(JwkSet::parse(set.to_string().as_bytes()).unwrap().keys.len(), 1);
    assert!(JwkSet::parse(json!([[jwk]]).to_string().as_bytes()).is_err());
}

#[test]
fn a_logout_token_without_typ_is_no_id_token() {
    let signer = key(Algorithm::Es256);
    let keys = keys_of(&signer);
    assert!(Kind::IdToken.judge(&forge(&signer, HEADER, &id_claims().to_string()), &keys, NOW).is_ok());
    for (claim, value) in [
        ("events", json!({"http://schemas.openid.net/event/backchannel-logout": {}})),
        ("act", json!({"sub": "mallory"})),
        ("cnf", json!({"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"})),
        ("sub", json!(AGENT)),
    ] {
        let mut claims = id_claims();
        claims[claim] = value;
        let verdict = Kind::IdToken.judge(&forge(&signer, HEADER, &claims.to_string()), &keys, NOW);
        assert!(matches!(verdict, Err(VerifyError::Malformed(ParseError::Value { .. }))), "{claims}: {verdict:?}");
    }
}

#[test]
fn a_may_act_that_is_no_object_with_a_subject_is_refused() {
    let signer = key(Algorithm::Es256);
    for (may_act, accepted) in [
        (json!({"sub": AGENT}), true),
        (json!([null, AGENT]), false),
        (json!(["spiffe://prod.example", AGENT]), false),
        (json!({}), false),
        (json!(AGENT), false),
        (Value::Null, false),
    ] {
        let mut claims = id_claims();
        claims["may_act"] = may_act;
        let verdict = Kind::IdToken.judge(&forge(&signer, HEADER, &claims.to_string()), &keys_of(&signer), NOW);
        assert_eq!(verdict.is_ok(), accepted, "{claims}");
    }
}

#[test]
fn an_access_token_that_begins_later_than_it_was_issued_is_refused() {
    let signer = key(Algorithm::Es256);
    let keys = keys_of(&signer);
    for (nbf, accepted) in [(json!(NOW), true), (json!(NOW + 300), false), (json!("0"), false), (Value::Null, false)] {
        let mut claims = access_claims(&signer);
        claims["nbf"] = nbf;
        let token = forge(&signer, r#"{"alg":"ES256","typ":"at+jwt"}"#, &claims.to_string());
        assert_eq!(Kind::AccessToken.judge(&token, &keys, NOW).is_ok(), accepted, "{claims}");
    }
}

#[test]
fn a_private_key_whose_alg_is_not_its_own_is_refused() {
    for (made, named, accepted) in [
        (Algorithm::Es256, "ES384", false),
        (Algorithm::Es256, "RS256", false),
        (Algorithm::Ed25519, "ES256", false),
        (Algorithm::Ed25519, "EdDSA", true),
        (Algorithm::Es256, "ES256", true),
    ] {
        let mut jwk: Value = serde_json::from_str(&key(made).to_private_jwk().unwrap()).unwrap();
        jwk["alg"] = named.into();
        let read = SigningKey::from_jwk(jwk.to_string().as_bytes());
        assert_eq!(read.is_ok(), accepted, "{made} {named}");
        assert!(read.is_err() || read.unwrap().algorithm().as_str() == named);
    }
}

#[test]
fn keys_of_two_types_may_share_a_kid_and_keys_of_one_type_may_not() {
    let (ec, ed, other) = (key(Algorithm::Es256), key(Algorithm::EdDsa), key(Algorithm::Es256));
    let named = |signer: &SigningKey| {
        let mut jwk = signer.public_key().clone();
        jwk.key_id = Some("k".into());
        jwk
    };
    let keys = |signers: &[&SigningKey]| KeySet::new(&JwkSet { keys: signers.iter().map(|key| named(key)).collect() }, &[None]);
    let token = forge(&ec, r#"{"alg":"ES256","kid":"k"}"#, &id_claims().to_string());
    let without_kid = forge(&ec, r#"{"alg":"ES256"}"#, &id_claims().to_string());
    let judge = |token: &str, signers: &[&SigningKey]| Kind::IdToken.judge(token, &keys(signers), NOW).map(|_| ());
    assert_eq!(judge(&token, &[&ec, &ed]), Ok(()));
    assert_eq!(judge(&token, &[&ed]), Err(VerifyError::KeyMismatch(Algorithm::Es256)));
    assert_eq!(judge(&token, &[&ec, &other]), Err(VerifyError::UnknownKey));
    assert_eq!(judge(&without_kid, &[&ec]), Ok(()));
    assert_eq!(judge(&without_kid, &[&ec, &ed]), Err(VerifyError::UnknownKey));
}
