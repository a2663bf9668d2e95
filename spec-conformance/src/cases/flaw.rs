//! Things that can be wrong with any token, and with any token that has an expiry.

mod expiring;

pub(super) use expiring::EXPIRING;

use crate::jose::{Draft, b64u, unb64u};
use crate::world::World;
use serde_json::{Value, json};

/// One way to spoil a token.
pub(super) struct Flaw {
    pub(super) slug: &'static str,
    pub(super) shows: &'static str,
    pub(super) covers: &'static [&'static str],
    pub(super) spoil: Spoil,
}

pub(super) type Spoil = fn(&mut Draft, &World);

/// Shorthand for tables.
pub(super) const fn flaw(slug: &'static str, shows: &'static str, covers: &'static [&'static str], spoil: Spoil) -> Flaw {
    Flaw { slug, shows, covers, spoil }
}

/// Shape, signature, algorithm and header of any compact JWS.
pub(super) const ANY: &[Flaw] = &[
    flaw("shape-two-parts", "no signature part", &["BCP-04"], |d, _| d.finish = |t| cut(&t, 2)),
    flaw("shape-four-parts", "a fourth part", &["BCP-04"], |d, _| d.finish = |t| format!("{t}.AAAA")),
    flaw("shape-five-parts", "five parts, as an encrypted token has", &["BCP-04", "F31"], |d, _| {
        d.finish = |t| format!("{t}.AAAA.AAAA")
    }),
    flaw("shape-json", "JSON serialization", &["BCP-16"], |d, _| d.finish = json_form),
    flaw("shape-padding", "`=` after the signature", &["BCP-16", "F27"], |d, _| d.finish = |t| format!("{t}==")),
    flaw("shape-loose", "the last character has unused bits set", &["BCP-16", "THUMB-02", "F27"], |d, _| d.finish = loose),
    flaw("shape-space", "a space between the parts", &["BCP-16"], |d, _| d.finish = |t| t.replacen('.', ". ", 1)),
    flaw("shape-empty-payload", "an empty payload", &["BCP-04"], |d, _| d.payload = Some(Vec::new())),
    flaw("signature-flipped", "one bit of the signature changed", &["BCP-04"], |d, _| d.finish = flipped),
    flaw("signature-empty", "an empty signature", &["BCP-04"], |d, _| d.finish = unsigned),
    flaw("signature-zero", "r = s = 0", &["BCP-04"], |d, _| d.finish = |t| format!("{}.{}", cut(&t, 2), b64u([0; 64]))),
    flaw("algorithm-none", "`alg` none, no signature", &["BCP-02", "BCP-03", "F30"], |d, _| {
        d.head("alg", "none");
        d.finish = unsigned;
    }),
    flaw("algorithm-none-mixed-case", "`alg` noNE, no signature", &["BCP-02", "F30"], |d, _| {
        d.head("alg", "noNE");
        d.finish = unsigned;
    }),
    flaw("algorithm-none-signed", "`alg` none over a good signature", &["BCP-02", "F30"], |d, _| d.head("alg", "none")),
    flaw("algorithm-hs256", "HMAC with the public key as the secret", &["BCP-01", "F30"], |d, _| {
        d.head("alg", "HS256");
        d.secret = Some(d.key.public().to_string().into_bytes());
    }),
    flaw("algorithm-lower-case", "`alg` es256", &["BCP-02"], |d, _| d.head("alg", "es256")),
    flaw("algorithm-missing", "no `alg`", &["BCP-02"], |d, _| drop(d.header.remove("alg"))),
    flaw("algorithm-other-curve", "`ES384` with a P-256 key", &["BCP-01", "F30"], |d, _| d.head("alg", "ES384")),
    flaw("algorithm-other-family", "`RS256` with a P-256 key", &["BCP-01", "F30"], |d, _| d.head("alg", "RS256")),
    flaw("header-crit", "an unknown `crit` entry", &["BCP-18", "F31"], |d, _| {
        d.head("crit", json!(["example.com/x"]));
        d.head("example.com/x", true);
    }),
    flaw("header-crit-empty", "an empty `crit`", &["BCP-18", "F31"], |d, _| d.head("crit", json!([]))),
    flaw("header-b64", "`b64` false, named in `crit`", &["BCP-18", "F31"], |d, _| {
        d.head("crit", json!(["b64"]));
        d.head("b64", false);
    }),
    flaw("header-jku", "`jku` in the header", &["BCP-11", "F33"], |d, _| d.head("jku", "https://attacker.example/jwks.json")),
    flaw("header-x5u", "`x5u` in the header", &["BCP-11", "F33"], |d, _| d.head("x5u", "https://attacker.example/chain.pem")),
    flaw("header-x5c", "`x5c` in the header", &["BCP-11", "F33"], |d, _| d.head("x5c", json!(["MIIB"]))),
    flaw("header-duplicate", "`alg` twice", &["BCP-19", "F31"], |d, _| d.header_tail = r#","alg":"none""#.into()),
    flaw("header-deep", "300 nested arrays in the header", &["F37"], |d, _| d.header_tail = format!(r#","x":{}"#, deep())),
    flaw("payload-duplicate", "a member twice in a nested object", &["BCP-19", "F31"], |d, _| {
        d.claims_tail = r#","x":{"a":1,"a":2}"#.into();
    }),
    flaw("payload-array", "the payload is an array", &["BCP-04"], |d, _| d.payload = Some(b"[]".to_vec())),
    flaw("payload-truncated", "the payload is cut short", &["BCP-04"], |d, _| {
        let mut text = Value::from(d.claims.clone()).to_string().into_bytes();
        text.pop();
        d.payload = Some(text);
    }),
    flaw("payload-not-utf8", "the payload is not UTF-8", &["BCP-06"], |d, _| {
        let text = Value::from(d.claims.clone()).to_string();
        let mut octets = text.trim_end_matches('}').as_bytes().to_vec();
        octets.extend(b",\"x\":\"\xff\"}");
        d.payload = Some(octets);
    }),
    flaw("payload-deep", "300 nested arrays in an unknown claim", &["F37"], |d, _| d.claims_tail = format!(r#","x":{}"#, deep())),
];

/// Times of any token that expires, and the key it names.
pub(super) fn deep() -> String {
    format!("{}{}", "[".repeat(300), "]".repeat(300))
}

fn cut(token: &str, parts: usize) -> String {
    token.split('.').take(parts).collect::<Vec<_>>().join(".")
}

fn unsigned(token: String) -> String {
    format!("{}.", cut(&token, 2))
}

fn json_form(token: String) -> String {
    let parts: Vec<&str> = token.split('.').collect();
    json!({"protected": parts[0], "payload": parts[1], "signature": parts[2]}).to_string()
}

fn flipped(token: String) -> String {
    let (message, signature) = token.rsplit_once('.').unwrap_or((&token, ""));
    let mut octets = unb64u(signature).unwrap_or_default();
    octets.iter_mut().take(1).for_each(|octet| *octet ^= 1);
    format!("{message}.{}", b64u(octets))
}

/// 64 octets leave four unused bits in the last of 86 characters.
fn loose(mut token: String) -> String {
    let last = token.pop().map_or('A', |last| (last as u8 + 1) as char);
    token.push(last);
    token
}
