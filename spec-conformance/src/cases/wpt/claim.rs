//! Types and claims of a WPT.

use crate::cases::flaw::{Flaw, flaw};
use crate::clock::now;
use crate::jose::{Key, b64u, sha256, token_hash};
use serde_json::{Value, json};

pub(super) const FLAWS: &[Flaw] = &[
    flaw("typ-missing", "no `typ`", &["WPT-05", "WPT-19"], |d, _| drop(d.header.remove("typ"))),
    flaw("typ-jwt", "`typ` is JWT", &["WPT-05", "WPT-19", "BCP-13"], |d, _| d.head("typ", "JWT")),
    flaw("typ-proof", "`typ` is dpop+jwt", &["WPT-05", "WPT-19", "F28"], |d, _| d.head("typ", "dpop+jwt")),
    flaw("typ-wit", "`typ` is wit+jwt", &["WPT-05", "WPT-19", "F28"], |d, _| d.head("typ", "wit+jwt")),
    flaw("key-other", "signed by another key than the WIT's", &["WPT-18", "WIT-25", "F21"], |d, _| d.key = Key::generate()),
    flaw("key-embedded", "signed by the key that its header brings", &["WPT-18", "F20"], |d, _| {
        d.key = Key::generate();
        d.head("jwk", d.key.public());
    }),
    flaw("jti-missing", "no `jti`", &["WPT-08"], |d, _| drop(d.claims.remove("jti"))),
    flaw("jti-empty", "`jti` is empty", &["WPT-08"], |d, _| d.claim("jti", "")),
    flaw("jti-number", "`jti` is a number", &["WPT-08"], |d, _| d.claim("jti", 1)),
    flaw("jti-long", "`jti` of 4 KiB", &["WPT-08", "F37"], |d, _| d.claim("jti", "j".repeat(4096))),
    flaw("exp-far", "good for an hour", &["WPT-07", "WPT-22", "WIT-50"], |d, _| d.claim("exp", now() + 3600)),
    flaw("exp-just-too-far", "good for six minutes", &["WPT-07", "WPT-22"], |d, _| d.claim("exp", now() + 360)),
    flaw("exp-over", "expired two minutes ago", &["WPT-21", "WPT-38", "WIT-50"], |d, _| {
        d.claim("iat", now() - 180);
        d.claim("exp", now() - 120);
    }),
    flaw("iat-ahead", "made in two minutes", &["WPT-38", "F26"], |d, _| d.claim("iat", now() + 119)),
    flaw("audience-missing", "no `aud`", &["WPT-20", "WPT-40"], |d, _| drop(d.claims.remove("aud"))),
    flaw("audience-null", "`aud` is null", &["WPT-20"], |d, _| d.claim("aud", Value::Null)),
    flaw("audience-empty", "`aud` is an empty list", &["WPT-20"], |d, _| d.claim("aud", json!([]))),
    flaw("audience-two", "`aud` has a second value", &["WPT-20", "F16"], |d, w| {
        d.claim("aud", json!([w.token_endpoint, "https://other.example/token"]));
    }),
    flaw("audience-path", "another path", &["WPT-20", "F22"], |d, w| d.claim("aud", format!("{}/x", w.token_endpoint))),
    flaw("audience-slash", "a slash at the end", &["WPT-20", "F22"], |d, w| d.claim("aud", format!("{}/", w.token_endpoint))),
    flaw("audience-issuer", "the issuer instead of the endpoint", &["WPT-06", "WPT-20"], |d, w| {
        d.claim("aud", w.options.issuer.clone())
    }),
    flaw("audience-host", "another host", &["WPT-20", "WPT-40", "F22"], |d, _| d.claim("aud", "https://other.example/token")),
    flaw("audience-scheme", "another scheme", &["WPT-20", "F22"], |d, w| {
        let endpoint = &w.token_endpoint;
        let rest = endpoint.split_once("://").map_or("", |(_, rest)| rest);
        d.claim("aud", format!("{}://{rest}", if endpoint.starts_with("https") { "http" } else { "https" }));
    }),
    flaw("audience-port", "another port", &["WPT-20", "F22"], |d, w| {
        let (scheme, rest) = w.token_endpoint.split_once("://").unwrap_or_default();
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        d.claim("aud", format!("{scheme}://{}:1/{path}", host.split(':').next().unwrap_or_default()));
    }),
    flaw("wth-missing", "no `wth`", &["WPT-09", "WPT-23"], |d, _| drop(d.claims.remove("wth"))),
    flaw("wth-other", "`wth` of another WIT", &["WPT-09", "WPT-23"], |d, _| d.claim("wth", token_hash("another.wit.token"))),
    flaw("wth-number", "`wth` is a number", &["WPT-09", "WPT-23"], |d, _| d.claim("wth", 1)),
    flaw("wth-padded", "`wth` with padding", &["WPT-09", "WPT-23", "F27"], |d, _| {
        let wth = d.claims["wth"].as_str().unwrap_or_default().to_owned();
        d.claim("wth", format!("{wth}="));
    }),
    flaw("wth-half", "only the left half of the hash", &["WPT-09", "WPT-23"], |d, _| {
        let wth = d.claims["wth"].as_str().unwrap_or_default().to_owned();
        d.claim("wth", wth[..21].to_owned());
    }),
    flaw("oth-unknown", "`oth` covers a field that nobody here knows", &["WPT-11", "WPT-26"], |d, _| {
        d.claim("oth", json!({"x-custom-token": b64u(sha256(b"some-token"))}));
    }),
    flaw("oth-string", "`oth` is a string", &["WPT-11", "WPT-26"], |d, _| d.claim("oth", "x-custom-token")),
    flaw("tth-alone", "`tth` without a transaction token", &["WPT-10", "WPT-25"], |d, _| d.claim("tth", token_hash("a.b.c"))),
    flaw("claim-twice", "`aud` twice", &["BCP-19", "F31"], |d, _| d.claims_tail = r#","aud":"https://other.example""#.into()),
];

pub(super) const GOOD: &[Flaw] = &[
    flaw("typ-long", "`typ` with its `application/`", &["WPT-05", "WPT-19"], |d, _| d.head("typ", "application/wpt+jwt")),
    flaw("without-iat", "`iat` is not needed", &["WPT-07"], |d, _| drop(d.claims.remove("iat"))),
    flaw("exp-five-minutes", "good for five minutes", &["WPT-07", "WPT-22"], |d, _| d.claim("exp", now() + 300)),
    flaw("audience-list", "`aud` as a list of one", &["WPT-20"], |d, w| d.claim("aud", json!([w.token_endpoint]))),
    flaw("audience-query", "query and fragment of `aud` are ignored", &["WPT-06", "WPT-20"], |d, w| {
        d.claim("aud", format!("{}?x=1#y", w.token_endpoint));
    }),
    flaw("audience-case", "scheme and host in capitals name the same URI", &["WPT-20"], |d, w| {
        let (scheme, rest) = w.token_endpoint.split_once("://").unwrap_or_default();
        d.claim("aud", format!("{}://{rest}", scheme.to_uppercase()));
    }),
    flaw("unknown-claim", "unknown claims and header members are ignored", &["WPT-32", "WPT-33"], |d, _| {
        d.claim("example.com/x", 1);
        d.head("example.com/x", 1);
    }),
    flaw("ath", "`ath`, which is no claim of a WPT any more, is ignored", &["WPT-13", "WPT-33"], |d, _| {
        d.claim("ath", token_hash("an.access.token"));
    }),
    flaw("oth-empty", "an empty `oth` covers nothing", &["WPT-11"], |d, _| d.claim("oth", json!({}))),
];
