//! What real providers send is accepted: the shapes their documentation shows, signed with a test key.

#[path = "support/sample.rs"]
mod sample;

use procura_token::{Algorithm, JwkSet, KeySet, Signer, SigningKey};
use sample::{AGENT, EXP, Kind, NOW, forge, key, keys_of};
use serde_json::{Value, json};

/// Signs with ES256 what the provider signs with RS256: the shape is what is tried here.
fn accepts(signer: &SigningKey, mut header: Value, issuer: &str, audience: &str, mut claims: Value) {
    header["alg"] = "ES256".into();
    header["kid"] = signer.public_key().key_id.clone().into();
    for (name, value) in [("iss", json!(issuer)), ("iat", json!(NOW)), ("exp", json!(EXP))] {
        claims[name] = value;
    }
    let token = forge(signer, &header.to_string(), &claims.to_string());
    let verdict = Kind::IdToken.judge_as_for(&token, &keys_of(signer), issuer, audience, NOW);
    assert!(verdict.is_ok(), "{claims}: {verdict:?}");
}

#[test]
fn id_tokens_as_providers_write_them_are_accepted() {
    let signer = &key(Algorithm::Es256);
    // Google
    let google = "1234987819200.apps.googleusercontent.com";
    let claims = json!({"azp": google, "aud": google, "sub": "10769150350006150715113082367", "at_hash": "HK6E_P6Dh8Y93mRNtsDB1Q",
        "hd": "example.com", "email": "jsmith@example.com", "email_verified": true, "nonce": "0394852", "nbf": NOW, "jti": "a1"});
    accepts(signer, json!({"typ": "JWT"}), "https://accounts.google.com", google, claims);
    // Entra ID, version 2.0
    let tenant = "https://login.microsoftonline.com/9122040d-6c67-4c5b-b112-36a304b66dad/v2.0";
    let app = "6cb04018-a3f5-46a7-b995-940c78f5aef3";
    let claims = json!({"ver": "2.0", "sub": "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ", "aud": app, "nbf": NOW, "name": "Abe",
        "preferred_username": "abe@example.com", "oid": "00000000-0000-0000-66f3-3332eca7ea81", "uti": "x", "rh": "0.AXoA",
        "tid": "9122040d-6c67-4c5b-b112-36a304b66dad", "nonce": "123523", "aio": "Df2UVXL1ix", "groups": ["8ce5ed3e-4c17"],
        "wids": ["b79fbf4d"], "roles": ["task.write"], "amr": ["pwd", "mfa"], "email": null});
    accepts(signer, json!({"typ": "JWT", "x5t": "XRvko8P7A3UaWSnU7bM9nT0MjhA"}), tenant, app, claims);
    // Keycloak
    let claims = json!({"auth_time": NOW - 9, "jti": "7f2", "aud": "app", "sub": "f:5c1b:alice", "typ": "ID", "azp": "app",
        "session_state": "fd5", "sid": "fd5", "acr": "1", "email_verified": false, "groups": ["/staff", "/staff/leads"],
        "at_hash": "1Pp", "realm_access": {"roles": ["user"]}, "nbf": 0});
    accepts(signer, json!({"typ": "JWT"}), "https://sso.example/realms/corp", "app", claims);
    // Okta
    let claims = json!({"sub": "00uid4BxXw6I6TV4m0g3", "ver": 1, "aud": "uAaunofWkaDJxukCFeBx", "auth_time": NOW, "jti": "ID.4ea",
        "amr": ["pwd"], "idp": "00ok1u7AsAkrwdZL3z0g3", "nonce": "n", "zoneinfo": "America/Los_Angeles", "updated_at": NOW,
        "address": {"street_address": "123 Hollywood Blvd."}, "groups": ["Everyone"]});
    accepts(signer, json!({}), "https://example.okta.com/oauth2/default", "uAaunofWkaDJxukCFeBx", claims);
    // Auth0: the issuer ends with a slash
    let claims = json!({"nickname": "alice", "updated_at": "2026-11-22T01:00:00.000Z", "sub": "auth0|507f1f77bcf86cd799439011",
        "aud": ["app"], "sid": "s", "nonce": "n", "https://example.com/roles": ["a"]});
    accepts(signer, json!({"typ": "JWT"}), "https://example.eu.auth0.com/", "app", claims);
}

#[test]
fn a_jwt_svid_and_a_bundle_as_spire_writes_them_are_accepted() {
    let signer = key(Algorithm::Es256);
    let mut jwt = serde_json::to_value(signer.public_key()).unwrap();
    jwt["use"] = "jwt-svid".into();
    jwt.as_object_mut().unwrap().remove("alg");
    let (kid, x, y) = (jwt["kid"].clone(), jwt["x"].clone(), jwt["y"].clone());
    let x509 = json!({"use": "x509-svid", "kty": "EC", "crv": "P-256", "x": x, "y": y, "x5c": ["MIIB"]});
    let bundle = json!({"keys": [x509, jwt], "spiffe_sequence": 1, "spiffe_refresh_hint": 300});
    let set = JwkSet::parse(bundle.to_string().as_bytes()).unwrap();
    let claims =
        json!({"aud": ["https://sts.example/"], "exp": EXP, "iat": NOW, "sub": AGENT, "iss": "https://oidc.prod.example"});
    let token = forge(&signer, &json!({"alg": "ES256", "kid": kid, "typ": "JWT"}).to_string(), &claims.to_string());
    assert!(Kind::JwtSvid.judge(&token, &KeySet::new(&set, &[Some("jwt-svid")]), NOW).is_ok());
    assert!(Kind::JwtSvid.judge(&token, &KeySet::new(&set, &[Some("wit-svid")]), NOW).is_err());
}

/// RSA keys with certificates, keys for encryption, curves we do not know: what is left is used.
#[test]
fn a_key_set_with_strangers_in_it_is_used() {
    let signer = key(Algorithm::Es256);
    let good = serde_json::to_value(signer.public_key()).unwrap();
    let strangers = json!({"keys": [
        {"kty": "RSA", "use": "enc", "alg": "RSA-OAEP", "kid": "e", "n": "AQAB", "e": "AQAB", "x5c": ["MIIC"], "x5t": "a"},
        {"kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA"},
        {"kty": "AKP", "alg": "ML-DSA-65", "pub": "AA"},
        {"kty": "OKP", "crv": "X25519", "x": "AA"},
        {}, [], null, "x", good,
    ]});
    let keys = KeySet::new(&JwkSet::parse(strangers.to_string().as_bytes()).unwrap(), &[None, Some("sig")]);
    let token = Kind::IdToken.issue(&signer);
    assert!(Kind::IdToken.judge(&token, &keys, NOW).is_ok());
}
