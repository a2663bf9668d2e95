//! The parameters of a signature.

use super::Row;
use crate::clock::now;

pub(super) const REFUSED: &[Row] = &[
    ("no-created", "no `created`", &["SIG-05"], |c, _| c.signing.without("created")),
    ("no-expires", "no `expires`", &["SIG-05", "SIG-07"], |c, _| c.signing.without("expires")),
    ("no-nonce", "no `nonce`", &["SIG-05", "SIG-13"], |c, _| c.signing.without("nonce")),
    ("no-tag", "no `tag`", &["SIG-05", "SIG-06"], |c, _| c.signing.without("tag")),
    ("no-audience", "no `wimse-aud`", &["SIG-08"], |c, _| c.signing.without("wimse-aud")),
    ("empty-nonce", "an empty nonce", &["SIG-05", "SIG-32"], |c, _| c.signing.set("nonce", "\"\"")),
    ("nonce-bytes", "a nonce that is no string", &["SIG-05"], |c, _| c.signing.set("nonce", ":AAAA:")),
    ("keyid", "`keyid` is there", &["SIG-11"], |c, _| c.signing.set("keyid", "\"agent\"")),
    ("alg", "`alg` is there", &["SIG-11", "SIG-17"], |c, _| c.signing.set("alg", "\"ecdsa-p256-sha256\"")),
    ("tag-old", "`tag` of earlier drafts", &["SIG-06"], |c, _| c.signing.set("tag", "\"wimse-service-to-service\"")),
    ("tag-token", "`tag` without its quotes", &["SIG-06"], |c, _| c.signing.set("tag", "wimse-workload-to-workload")),
    ("created-ahead", "created in two minutes", &["SIG-07", "WIT-50"], |c, _| {
        c.signing.set("created", now() + 120);
        c.signing.set("expires", now() + 240);
    }),
    ("created-string", "`created` is a string", &["SIG-05"], |c, _| c.signing.set("created", format!("\"{}\"", now()))),
    ("created-decimal", "`created` has a fraction", &["SIG-05"], |c, _| c.signing.set("created", format!("{}.5", now()))),
    ("created-negative", "`created` is negative", &["SIG-05"], |c, _| c.signing.set("created", -1)),
    ("expired", "expired two minutes ago", &["SIG-07", "WIT-50"], |c, _| {
        c.signing.set("created", now() - 240);
        c.signing.set("expires", now() - 120);
    }),
    ("long-life", "good for an hour", &["SIG-07"], |c, _| c.signing.set("expires", now() + 3600)),
    ("just-too-long", "good for six minutes", &["SIG-07"], |c, _| c.signing.set("expires", now() + 360)),
    ("expires-first", "it expires before it was created", &["SIG-07"], |c, _| {
        c.signing.set("created", now() + 10);
        c.signing.set("expires", now() + 5);
    }),
    ("audience-other", "`wimse-aud` is somebody else", &["SIG-19", "F22"], |c, _| {
        c.signing.set("wimse-aud", "\"https://other.example/token\"");
    }),
    ("audience-issuer", "`wimse-aud` is the issuer, not the endpoint", &["SIG-18", "SIG-19"], |c, w| {
        c.signing.set("wimse-aud", format!("\"{}\"", w.options.issuer));
    }),
    ("audience-token", "`wimse-aud` without its quotes", &["SIG-08"], |c, _| c.signing.set("wimse-aud", "token")),
    ("parameter-twice", "`wimse-aud` twice, the first one somebody else", &["SIG-08", "SIG-34"], |c, _| {
        c.signing.parameters.insert(4, ("wimse-aud".to_owned(), Some("\"https://other.example/token\"".to_owned())));
    }),
    ("sign-response-number", "`wimse-sign-response` is a number", &["SIG-09"], |c, _| c.signing.set("wimse-sign-response", 1)),
    ("sign-response-string", "`wimse-sign-response` is a string", &["SIG-09"], |c, _| {
        c.signing.set("wimse-sign-response", "\"true\"");
    }),
];

pub(super) const ACCEPTED: &[Row] = &[
    ("five-minutes", "good for five minutes", &["SIG-07"], |c, _| {
        c.signing.set("created", now() - 1);
        c.signing.set("expires", now() + 298);
    }),
    ("unknown-parameter", "a parameter nobody knows", &["SIG-34"], |c, _| c.signing.set("example-x", "\"y\"")),
    ("parameters-reversed", "parameters in another order", &["SIG-34"], |c, _| c.signing.parameters.reverse()),
    ("sign-response-false", "`wimse-sign-response` is false", &["SIG-09", "SIG-20"], |c, _| {
        c.signing.set("wimse-sign-response", "?0");
    }),
];
