//! Keys that no proof may carry.

use crate::cases::flaw::{Flaw, flaw};
use crate::jose::{Key, b64u, unb64u};
use serde_json::{Value, json};

pub(super) const FLAWS: &[Flaw] = &[
    flaw("key-missing", "no `jwk`", &["DPOP-05"], |d, _| drop(d.header.remove("jwk"))),
    flaw("key-null", "`jwk` is null", &["DPOP-05"], |d, _| d.head("jwk", Value::Null)),
    flaw("key-by-kid", "only a `kid`", &["DPOP-05", "F33"], |d, _| {
        d.header.remove("jwk");
        d.head("kid", "agent");
    }),
    flaw("key-private", "the private key is in the header", &["DPOP-06", "F20"], |d, _| d.head("jwk", d.key.private())),
    flaw("key-private-rsa-member", "a private RSA member in the header", &["DPOP-06", "F20"], |d, _| {
        let mut jwk = d.key.public();
        jwk["p"] = "AQAB".into();
        d.head("jwk", jwk);
    }),
    flaw("key-symmetric-member", "a `k` beside the EC key", &["DPOP-06", "F20"], |d, _| {
        let mut jwk = d.key.public();
        jwk["k"] = "AAAA".into();
        d.head("jwk", jwk);
    }),
    flaw("key-oct", "HS256 with the secret in the header", &["DPOP-04", "DPOP-06", "F20"], |d, _| {
        d.head("alg", "HS256");
        d.head("jwk", json!({"kty": "oct", "k": "MDEyMzQ1Njc4OWFiY2RlZg"}));
        d.secret = Some(b"0123456789abcdef".to_vec());
    }),
    flaw("key-other", "signed with another key", &["DPOP-05", "F20", "F21"], |d, _| d.key = Key::generate()),
    flaw("key-off-curve", "a point that is not on the curve", &["BCP-05", "F20"], |d, _| {
        let mut jwk = d.key.public();
        jwk["y"] = jwk["x"].clone();
        d.head("jwk", jwk);
    }),
    flaw("key-loose-coordinate", "`x` in a second spelling", &["THUMB-02", "F27"], |d, _| {
        let mut jwk = d.key.public();
        jwk["x"] = second_spelling(jwk["x"].as_str().unwrap_or_default()).into();
        d.head("jwk", jwk);
    }),
    flaw("key-padded-coordinate", "`x` with padding", &["THUMB-02", "F27"], |d, _| {
        let mut jwk = d.key.public();
        jwk["x"] = format!("{}=", jwk["x"].as_str().unwrap_or_default()).into();
        d.head("jwk", jwk);
    }),
    flaw("key-long-coordinate", "`x` with a leading zero", &["THUMB-02", "F27"], |d, _| {
        let mut jwk = d.key.public();
        let octets = unb64u(jwk["x"].as_str().unwrap_or_default()).unwrap_or_default();
        jwk["x"] = b64u([vec![0], octets].concat()).into();
        d.head("jwk", jwk);
    }),
];

/// 32 octets leave two unused bits in the last of 43 characters.
fn second_spelling(text: &str) -> String {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (head, last) = text.split_at(text.len().saturating_sub(1));
    let place = ALPHABET.find(last).unwrap_or_default();
    let next = ALPHABET.chars().nth(place | 1).unwrap_or('B');
    format!("{head}{next}")
}
