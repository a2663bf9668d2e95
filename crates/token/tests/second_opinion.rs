//! josekit's opinion of our tokens, and ours of josekit's: other code, over OpenSSL.
//!
//! Where the two differ, a rule here says which of them and why. josekit is laxer by design: it verifies a JWS and the
//! claims it is asked about, and knows no kinds of tokens.

#[path = "support/sample.rs"]
mod sample;

use core::time::Duration;
use std::path::Path;
use std::time::UNIX_EPOCH;

use josekit::jws::{self, ES256, ES384, ES512, EdDSA, JwsSigner, JwsVerifier, PS256, PS384, PS512, RS256, RS384, RS512};
use josekit::jwt::{self, JwtPayloadValidator};
use procura_token::{
    Algorithm, ClaimRules, IdToken, IdTokenRules, JwkSet, KeySet, Signer as _, SigningKey, Unverified, WorkloadId, base64url,
};
use proptest::prelude::*;
use sample::{AGENT, EXP, Kind, NOW, URI, at, forge, key, keys_of};
use serde_json::{Map, Value, json};

/// Every algorithm, and the published test key that is for it.
const KEYS: [(Algorithm, &str); 11] = [
    (Algorithm::Es256, "issuer-es256"),
    (Algorithm::Es384, "issuer-es384"),
    (Algorithm::Es512, "issuer-es512"),
    (Algorithm::EdDsa, "issuer-ed25519"),
    (Algorithm::Ed25519, "issuer-ed25519"),
    (Algorithm::Rs256, "issuer-rsa"),
    (Algorithm::Rs384, "issuer-rsa"),
    (Algorithm::Rs512, "issuer-rsa"),
    (Algorithm::Ps256, "issuer-rsa"),
    (Algorithm::Ps384, "issuer-rsa"),
    (Algorithm::Ps512, "issuer-rsa"),
];

fn private_jwk(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spec-conformance/vectors/keys.json");
    let keys: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    keys[name].clone()
}

fn public_part(jwk: &Value) -> Value {
    let public = ["kty", "crv", "x", "y", "n", "e"].into_iter().filter(|name| jwk.get(name).is_some());
    public.map(|name| (name.to_owned(), jwk[name].clone())).collect::<Map<_, _>>().into()
}

fn josekit_jwk(jwk: &Value) -> josekit::jwk::Jwk {
    josekit::jwk::Jwk::from_bytes(jwk.to_string()).unwrap()
}

fn josekit_signer(algorithm: Algorithm, jwk: &Value) -> Box<dyn JwsSigner> {
    let jwk = &josekit_jwk(jwk);
    match algorithm {
        Algorithm::Es256 => Box::new(ES256.signer_from_jwk(jwk).unwrap()),
        Algorithm::Es384 => Box::new(ES384.signer_from_jwk(jwk).unwrap()),
        Algorithm::Es512 => Box::new(ES512.signer_from_jwk(jwk).unwrap()),
        Algorithm::Rs256 => Box::new(RS256.signer_from_jwk(jwk).unwrap()),
        Algorithm::Rs384 => Box::new(RS384.signer_from_jwk(jwk).unwrap()),
        Algorithm::Rs512 => Box::new(RS512.signer_from_jwk(jwk).unwrap()),
        Algorithm::Ps256 => Box::new(PS256.signer_from_jwk(jwk).unwrap()),
        Algorithm::Ps384 => Box::new(PS384.signer_from_jwk(jwk).unwrap()),
        Algorithm::Ps512 => Box::new(PS512.signer_from_jwk(jwk).unwrap()),
        _ => Box::new(EdDSA.signer_from_jwk(jwk).unwrap()),
    }
}

fn josekit_verifier(algorithm: Algorithm, public: &Value) -> Box<dyn JwsVerifier> {
    let jwk = &josekit_jwk(&public_part(public));
    match algorithm {
        Algorithm::Es256 => Box::new(ES256.verifier_from_jwk(jwk).unwrap()),
        _ => Box::new(EdDSA.verifier_from_jwk(jwk).unwrap()),
    }
}

/// A token signed by josekit, its header and claims written here.
fn signed_by_josekit(algorithm: Algorithm, private: &Value, mut header: Value, claims: &Value) -> String {
    header["alg"] = algorithm.as_str().into();
    let input = format!("{}.{}", base64url::encode(header.to_string()), base64url::encode(claims.to_string()));
    let signature = josekit_signer(algorithm, private).sign(input.as_bytes()).unwrap();
    format!("{input}.{}", base64url::encode(signature))
}

fn key_set(jwks: &[Value]) -> KeySet {
    KeySet::new(&JwkSet::parse(json!({"keys": jwks}).to_string().as_bytes()).unwrap(), &[None])
}

fn id_claims() -> Value {
    json!({"iss": URI, "sub": "alice", "aud": URI, "iat": NOW, "exp": EXP})
}

#[test]
fn what_we_issue_josekit_verifies() {
    // josekit does not know the name `Ed25519`; its signature is that of `EdDSA`.
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa] {
        let signer = key(algorithm);
        let verifier = josekit_verifier(algorithm, &serde_json::to_value(signer.public_key()).unwrap());
        for kind in Kind::ALL {
            let token = kind.issue(&signer);
            let (claims, header) = jwt::decode_with_verifier(&token, &*verifier).unwrap();
            let payload = token.split('.').nth(1).unwrap();
            let ours: Value = serde_json::from_slice(&base64url::decode(payload).unwrap()).unwrap();
            assert_eq!(Value::Object(claims.claims_set().clone()), ours, "{kind:?}");
            assert_eq!(header.algorithm(), Some(algorithm.as_str()));
        }
    }
}

#[test]
fn what_josekit_signs_we_verify() {
    for (algorithm, name) in KEYS {
        let private = private_jwk(name);
        let mut public = public_part(&private);
        public["kid"] = name.into();
        let keys = key_set(&[public.clone()]);
        let header = |typ: &str| json!({"typ": typ, "kid": name});
        let judge = |kind: Kind, header, claims| {
            kind.judge(&signed_by_josekit(algorithm, &private, header, &claims), &keys, NOW).map(|_| ())
        };
        let is_svid = Algorithm::SVID.contains(&algorithm);

        assert_eq!(judge(Kind::IdToken, header("JWT"), id_claims()), Ok(()), "{algorithm}");
        assert_eq!(judge(Kind::IdToken, json!({"kid": name}), id_claims()), Ok(()), "{algorithm}");

        let whom = json!({"iss": URI, "sub": "alice"});
        let approval = json!({
            "iss": URI, "aud": URI, "sub": "alice", "user": whom, "agent": AGENT, "target": URI, "jti": "1", "iat": NOW, "exp": EXP,
        });
        assert_eq!(judge(Kind::Approval, header("procura-approval+jwt"), approval), Ok(()), "{algorithm}");
        let posture = json!({"iss": URI, "aud": [URI], "sub": AGENT, "posture": {"a": 1}, "jti": "1", "iat": NOW, "exp": EXP});
        assert_eq!(judge(Kind::Posture, header("application/procura-posture+jwt"), posture), Ok(()), "{algorithm}");

        let svid = json!({"sub": AGENT, "aud": [URI], "exp": EXP, "iat": NOW, "iss": "https://oidc.prod.example"});
        assert_eq!(judge(Kind::JwtSvid, header("JWT"), svid.clone()).is_ok(), is_svid, "{algorithm}");
        assert_eq!(judge(Kind::JwtSvid, header("JOSE"), svid).is_ok(), is_svid, "{algorithm}");

        public["alg"] = algorithm.as_str().into();
        let mut wit = json!({"sub": AGENT, "exp": EXP, "cnf": {"jwk": public}});
        assert_eq!(judge(Kind::Wit, header("wit+jwt"), wit.clone()).is_ok(), is_svid, "{algorithm}");
        wit["sub"] = "wimse://prod.example/agent/planner".into();
        assert_eq!(judge(Kind::Wit, header("wit+jwt"), wit), Ok(()), "{algorithm}");

        let proof = json!({"jti": "1", "htm": "POST", "htu": URI, "iat": NOW});
        let carrying = json!({"typ": "dpop+jwt", "jwk": public_part(&private)});
        assert_eq!(judge(Kind::Dpop, carrying, proof), Ok(()), "{algorithm}");
    }
}

#[test]
fn a_token_signed_for_one_algorithm_does_not_pass_as_another() {
    for (made, name) in KEYS {
        let private = private_jwk(name);
        for (named, _) in KEYS {
            let same = made == named || [made, named].iter().all(|one| matches!(one, Algorithm::EdDsa | Algorithm::Ed25519));
            let header = base64url::encode(json!({"alg": named}).to_string());
            let input = format!("{header}.{}", base64url::encode(id_claims().to_string()));
            let signature = josekit_signer(made, &private).sign(input.as_bytes()).unwrap();
            let token = format!("{input}.{}", base64url::encode(signature));
            let keys = key_set(&[public_part(&private)]);
            assert_eq!(Kind::IdToken.judge(&token, &keys, NOW).is_ok(), same, "{made} as {named}");
            let mut only = public_part(&private);
            only["alg"] = made.as_str().into();
            assert_eq!(Kind::IdToken.judge(&token, &key_set(&[only]), NOW).is_ok(), same, "{made} as {named}");
        }
    }
}

/// A public key, known to all, is no secret to sign with (CVE-2015-9235).
#[test]
fn an_hmac_with_the_public_key_is_refused() {
    let signer = key(Algorithm::Es256);
    let public = serde_json::to_string(signer.public_key()).unwrap();
    let hmac = jws::HS256.signer_from_bytes(public.as_bytes()).unwrap();
    let input = format!("{}.{}", base64url::encode(r#"{"alg":"HS256"}"#), base64url::encode(id_claims().to_string()));
    let token = format!("{input}.{}", base64url::encode(hmac.sign(input.as_bytes()).unwrap()));
    assert!(Kind::IdToken.judge(&token, &keys_of(&signer), NOW).is_err());
}

/// josekit, asked what we ask: who signed it, issuer, audience, and the time without leeway.
fn josekit_accepts(token: &str, verifier: &dyn JwsVerifier) -> bool {
    let Ok((claims, _)) = jwt::decode_with_verifier(token, verifier) else { return false };
    let now = UNIX_EPOCH + Duration::from_secs(NOW);
    let mut validator = JwtPayloadValidator::new();
    validator.set_base_time(now);
    validator.set_max_issued_time(now);
    validator.set_issuer(URI);
    validator.set_audience(URI);
    validator.validate(&claims).is_ok()
}

fn we_accept(token: &str, keys: &KeySet) -> bool {
    let issuer = URI.parse().unwrap();
    let rules = IdTokenRules {
        issuer: &issuer,
        audiences: &[URI],
        algorithms: Algorithm::DEFAULT,
        claims: ClaimRules::default(),
        not: &[],
        skew: Duration::ZERO,
    };
    Unverified::<IdToken>::parse(token).is_ok_and(|token| token.verify(keys, &rules, at(NOW)).is_ok())
}

fn is_time(value: &Value) -> bool {
    value.as_f64().is_some_and(|seconds| (0.0..9_007_199_254_740_992.0).contains(&seconds))
}

fn strings(value: &Value) -> Option<Vec<&str>> {
    value.as_array()?.iter().map(Value::as_str).collect()
}

/// Why we may refuse an ID token that josekit accepts.
fn our_rule(header: &Value, claims: &Value, kid: &str) -> Option<&'static str> {
    let present = |object: &Value, names: &[&str]| names.iter().any(|name| object.get(name).is_some());
    let all = |names: &[&str], rule: fn(&Value) -> bool| names.iter().all(|name| claims.get(name).is_none_or(rule));
    let media_type = |typ: &str| typ.to_ascii_lowercase().trim_start_matches("application/") == "jwt";
    let audience = |aud: &Value| match aud {
        Value::String(one) => one == URI,
        several => strings(several).is_some_and(|all| all.contains(&URI) && all.len() <= 16 && !all.contains(&"")),
    };
    let subject =
        |sub: &str| !sub.is_empty() && sub.len() <= 2048 && !sub.contains(char::is_control) && sub.parse::<WorkloadId>().is_err();
    if present(header, &["crit", "b64", "jku", "x5u", "x5c", "jwk", "enc", "zip"]) {
        return Some("RFC 8725 section 3.10 and RFC 7515 section 4.1.11: parameters that choose keys or meaning");
    }
    if header.get("typ").is_some_and(|typ| !typ.as_str().is_some_and(media_type)) {
        return Some("RFC 8725 section 3.11: another kind of token");
    }
    if header.get("kid").is_some_and(|given| given.as_str() != Some(kid)) {
        return Some("RFC 8725 section 3.8: the key that was named, or none");
    }
    if !["iss", "sub", "aud", "iat", "exp"].iter().all(|name| claims.get(name).is_some()) {
        return Some("OpenID Connect Core section 2: a required claim is missing");
    }
    if !all(&["iat", "exp", "nbf", "auth_time"], is_time) {
        return Some("RFC 7519 section 2: not a time");
    }
    if !all(&["acr", "azp"], Value::is_string) || !all(&["amr", "groups"], |value| strings(value).is_some()) {
        return Some("OpenID Connect Core section 2: a claim of another type");
    }
    if !audience(&claims["aud"]) {
        return Some("OpenID Connect Core section 3.1.3.7: `aud`");
    }
    if !claims["sub"].as_str().is_some_and(subject) {
        return Some("the subject is empty, too long, a workload, or has control characters");
    }
    if claims["exp"].as_f64().is_some_and(|exp| exp.floor() <= NOW as f64) {
        return Some("the fraction of a second is dropped");
    }
    present(claims, &["events", "act", "cnf"]).then_some("RFC 8417, RFC 8693, RFC 7800: not an ID token's claim")
}

/// Why josekit may refuse an ID token that we accept.
fn josekit_rule(header: &Value, claims: &Value) -> Option<&'static str> {
    let unread = ["cty", "url", "x5t", "x5t#S256", "nonce"];
    if unread.iter().any(|name| header.get(name).is_some()) || claims.get("jti").is_some() {
        return Some("RFC 7515 section 4: josekit judges parameters and claims that we do not read");
    }
    if header["alg"] == "Ed25519" {
        return Some("RFC 9864 is younger than josekit");
    }
    ["iat", "exp", "nbf"]
        .iter()
        .any(|name| claims.get(name).is_some_and(Value::is_f64))
        .then_some("RFC 7519 section 2: fractions")
}

fn any_value() -> impl Strategy<Value = Value> {
    let values = [
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(NOW as f64 + 0.5),
        json!(NOW),
        json!(NOW + 1),
        json!(NOW - 1),
        json!(EXP),
        // Not more: josekit panics where it says that a token is not valid before the year 10000.
        json!(200_000_000_000_u64),
        json!(NOW.to_string()),
        json!(""),
        json!("JWT"),
        json!("jose"),
        json!("at+jwt"),
        json!("application/jwt"),
        json!("ES256"),
        json!("Ed25519"),
        json!("none"),
        json!("HS256"),
        json!("kid"),
        json!("x\u{0}y"),
        json!("alice"),
        json!(AGENT),
        json!(URI),
        json!([]),
        json!([URI]),
        json!(["other", URI]),
        json!(["other", ""]),
        json!([URI, 1]),
        json!({}),
        json!({"a": {"b": [1]}}),
    ];
    prop::sample::select(values.to_vec())
}

/// A member and its new value, or nothing to take it away.
fn mutations(names: &'static [&'static str]) -> impl Strategy<Value = Vec<(&'static str, Option<Value>)>> {
    prop::collection::vec((prop::sample::select(names), prop::option::weighted(0.8, any_value())), 0..3)
}

fn mutate(object: &mut Value, mutations: Vec<(&str, Option<Value>)>) {
    let object = object.as_object_mut().unwrap();
    for (name, value) in mutations {
        match value {
            Some(value) => object.insert(name.to_owned(), value),
            None => object.remove(name),
        };
    }
}

const HEADER: &[&str] =
    &["alg", "typ", "kid", "cty", "crit", "b64", "jku", "x5u", "x5c", "x5t", "jwk", "enc", "zip", "nonce", "unknown"];
const CLAIMS: &[&str] = &[
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "auth_time",
    "acr",
    "amr",
    "azp",
    "groups",
    "events",
    "act",
    "cnf",
    "unknown",
];

fn es256_key() -> &'static SigningKey {
    static KEY: std::sync::LazyLock<SigningKey> = std::sync::LazyLock::new(|| key(Algorithm::Es256));
    &KEY
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_two_differ_only_by_rule(in_header in mutations(HEADER), in_claims in mutations(CLAIMS)) {
        let signer = es256_key();
        let kid = signer.public_key().key_id.as_deref().unwrap();
        let (mut header, mut claims) = (json!({"alg": "ES256", "kid": kid}), id_claims());
        mutate(&mut header, in_header);
        mutate(&mut claims, in_claims);
        let token = forge(signer, &header.to_string(), &claims.to_string());
        let verifier = josekit_verifier(Algorithm::Es256, &serde_json::to_value(signer.public_key()).unwrap());
        match (we_accept(&token, &keys_of(signer)), josekit_accepts(&token, &*verifier)) {
            (true, false) => prop_assert!(josekit_rule(&header, &claims).is_some(), "only we accept {header} {claims}"),
            (false, true) => prop_assert!(our_rule(&header, &claims, kid).is_some(), "only josekit accepts {header} {claims}"),
            (true, true) => prop_assert_eq!(our_rule(&header, &claims, kid), None, "both accept {} {}", header, claims),
            (false, false) => {}
        }
    }

    #[test]
    fn what_josekit_refuses_of_the_bytes_we_refuse(at: prop::sample::Index, to in "[A-Za-z0-9_.=-]{0,3}", cut in 0_usize..4) {
        let signer = es256_key();
        let token = Kind::IdToken.issue(signer);
        let at = at.index(token.len());
        let changed = format!("{}{to}{}", &token[..at], token.get(at + cut..).unwrap_or_default());
        let verifier = josekit_verifier(Algorithm::Es256, &serde_json::to_value(signer.public_key()).unwrap());
        if Kind::IdToken.judge(&changed, &keys_of(signer), NOW).is_ok() {
            prop_assert_eq!(&changed, &token);
            prop_assert!(jwt::decode_with_verifier(&changed, &*verifier).is_ok());
        }
    }
}

/// josekit takes the last of two members (RFC 7519 section 4 permits it); we take neither.
#[test]
fn josekit_is_laxer_about_members_twice_and_an_empty_crit() {
    let signer = es256_key();
    let verifier = josekit_verifier(Algorithm::Es256, &serde_json::to_value(signer.public_key()).unwrap());
    let claims = id_claims().to_string();
    let twice = claims.replacen('{', r#"{"sub":"mallory","#, 1);
    for (header, claims) in [
        (r#"{"alg":"ES256"}"#, twice),
        (r#"{"alg":"ES256","alg":"ES256"}"#, claims.clone()),
        (r#"{"alg":"ES256","crit":[]}"#, claims),
    ] {
        let token = forge(signer, header, &claims);
        assert!(josekit_accepts(&token, &*verifier), "{header} {claims}");
        assert!(!we_accept(&token, &keys_of(signer)), "{header} {claims}");
    }
}
