//! The traps: each an issuer of its own, below the one address.

use super::Hostile;
use super::reply::Reply;
use crate::jose::{Key, b64u};
use serde_json::json;

/// What an issuer publishes. All but the first are wrong in one thing.
pub(crate) struct Trap {
    pub(crate) slug: &'static str,
    pub(crate) shows: &'static str,
    pub(crate) covers: &'static [&'static str],
    pub(super) metadata: Answer,
    pub(super) keys: Answer,
}

type Answer = fn(&Hostile, &str) -> Reply;

/// What symmetric keys are in key sets of traps.
pub(crate) const SECRET: &[u8] = b"what everybody can read in the key set";
/// How long the longest document is.
pub(crate) const LONG: u64 = 100 << 20;

const URLS: &[&str] = &["PRAC-07", "F34"];
const DOCUMENTS: &[&str] = &["META-10", "F34"];

/// All traps.
pub(crate) const TRAPS: &[Trap] = &[
    trap("good", "an issuer that does nothing wrong", &["META-10", "BCP-07"], good, keys),
    trap("issuer-other", "the metadata name another issuer", DOCUMENTS, |h, t| metadata(h, "good", &at(h, t)), keys),
    trap(
        "issuer-slash",
        "the metadata name the issuer with a slash",
        DOCUMENTS,
        |h, t| metadata(h, &format!("{t}/"), &at(h, t)),
        keys,
    ),
    trap(
        "issuer-case",
        "the metadata name the issuer in capitals",
        DOCUMENTS,
        |h, t| metadata(h, &t.to_uppercase(), &at(h, t)),
        keys,
    ),
    trap("issuer-missing", "the metadata name no issuer", DOCUMENTS, |h, t| Reply::json(&json!({"jwks_uri": at(h, t)})), keys),
    trap(
        "issuer-twice",
        "the metadata name two issuers",
        &["BCP-19", "F31", "F34"],
        |h, t| {
            let (issuer, other, keys) = (h.issuer(t), h.issuer("good"), at(h, t));
            Reply::text(format!(r#"{{"issuer":"{other}","issuer":"{issuer}","jwks_uri":"{keys}"}}"#))
        },
        keys,
    ),
    trap(
        "redirect",
        "the metadata are elsewhere, at the good issuer's",
        URLS,
        |h, _| Reply::redirect(302, format!("{}/.well-known/openid-configuration", h.issuer("good"))),
        keys,
    ),
    trap(
        "redirect-to-victim",
        "the metadata are at an address nobody may be sent to",
        URLS,
        |h, _| Reply::redirect(307, format!("http://{}/", h.victim())),
        keys,
    ),
    trap("redirect-keys", "the keys are elsewhere, at the good issuer's", URLS, good, |h, _| {
        Reply::redirect(301, format!("{}/keys", h.issuer("good")))
    }),
    trap("redirect-keys-to-victim", "the keys are at an address nobody may be sent to", URLS, good, |h, _| {
        Reply::redirect(308, format!("http://{}/", h.victim()))
    }),
    trap("keys-at-victim", "`jwks_uri` is an address nobody may be sent to", URLS, |h, t| elsewhere(h, t, "127.0.0.2"), keys),
    trap("keys-at-number", "that address as one number", URLS, |h, t| elsewhere(h, t, "2130706434"), keys),
    trap("keys-at-hexadecimal", "that address in hexadecimal", URLS, |h, t| elsewhere(h, t, "0x7f.0.0.2"), keys),
    trap("keys-at-short", "that address with two numbers", URLS, |h, t| elsewhere(h, t, "127.2"), keys),
    trap("keys-at-mapped", "that address mapped into IPv6", URLS, |h, t| elsewhere(h, t, "[::ffff:127.0.0.2]"), keys),
    trap(
        "keys-at-metadata-service",
        "`jwks_uri` is the metadata service of a cloud",
        URLS,
        |h, t| metadata(h, t, "http://169.254.169.254/latest/meta-data/iam/"),
        keys,
    ),
    trap(
        "keys-at-user",
        "`jwks_uri` with user information",
        URLS,
        |h, t| metadata(h, t, &at(h, t).replacen("//", "//admin@", 1)),
        keys,
    ),
    trap("keys-in-file", "`jwks_uri` is a file", URLS, |h, t| metadata(h, t, "file:///etc/hostname"), keys),
    trap(
        "keys-over-http",
        "`jwks_uri` is http to another machine",
        URLS,
        |h, t| metadata(h, t, "http://keys.example/jwks"),
        keys,
    ),
    trap("keys-missing", "the metadata name no keys", DOCUMENTS, |h, t| Reply::json(&json!({"issuer": h.issuer(t)})), keys),
    trap("keys-error", "the keys come with status 500", DOCUMENTS, good, |h, _| Reply::json(&h.keys()).but(500)),
    trap("keys-text", "the keys are no JSON", DOCUMENTS, good, |_, _| Reply::text("<html>keys</html>")),
    trap("keys-twice", "two `keys` in one document", &["BCP-19", "F31"], good, |h, _| {
        Reply::text(format!(r#"{{"keys":[],"keys":{}}}"#, h.keys()["keys"]))
    }),
    trap("keys-encoded", "an encoding nobody asked for", DOCUMENTS, good, |h, _| {
        Reply::json(&h.keys()).with("content-encoding", "x-procura")
    }),
    trap("keys-many", "10,000 keys, the right one last", &["F33", "F37"], good, |h, _| {
        let other = Key::generate().public();
        let mut all = vec![other; 10_000];
        all.extend(h.keys()["keys"].as_array().cloned().unwrap_or_default());
        Reply::json(&json!({ "keys": all }))
    }),
    trap("keys-symmetric", "a symmetric key in the set, and a token by it", &["BCP-01", "F30"], good, |_, _| {
        Reply::json(&json!({"keys": [{"kty": "oct", "kid": "of-the-issuer", "k": b64u(SECRET), "use": "sig"}]}))
    }),
    trap("long", "metadata of 100 MiB", &["F34", "F37"], |_, _| Reply::long(LONG), keys),
    trap("long-keys", "keys of 100 MiB", &["F34", "F37"], good, |_, _| Reply::long(LONG)),
    trap("deep", "metadata of 100,000 nested arrays", &["F37"], |_, _| Reply::text("[".repeat(100_000)), keys),
    trap("slow", "metadata that never end", &["F34", "F37"], |_, _| Reply::slow(), keys),
    trap("slow-keys", "keys that never end", &["F34", "F37"], good, |_, _| Reply::slow()),
    trap("silent", "no answer", &["F34", "F37"], |_, _| Reply::silence(), keys),
    trap("flood", "forty tokens whose `kid` nobody knows", &["F33"], good, keys),
];

const fn trap(slug: &'static str, shows: &'static str, covers: &'static [&'static str], metadata: Answer, keys: Answer) -> Trap {
    Trap { slug, shows, covers, metadata, keys }
}

fn good(hostile: &Hostile, trap: &str) -> Reply {
    metadata(hostile, trap, &at(hostile, trap))
}

fn keys(hostile: &Hostile, _: &str) -> Reply {
    Reply::json(&hostile.keys())
}

/// Where the keys of a trap are.
fn at(hostile: &Hostile, trap: &str) -> String {
    format!("{}/keys", hostile.issuer(trap))
}

fn metadata(hostile: &Hostile, name: &str, keys: &str) -> Reply {
    Reply::json(&json!({"issuer": hostile.issuer(name), "jwks_uri": keys}))
}

fn elsewhere(hostile: &Hostile, trap: &str, host: &str) -> Reply {
    metadata(hostile, trap, &format!("http://{host}:{}/{trap}/keys", hostile.address.port()))
}
