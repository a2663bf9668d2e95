use super::{Flaw, flaw};
use crate::clock::now;
use crate::jose::Key;
use serde_json::{Value, json};

pub(in crate::cases) const EXPIRING: &[Flaw] = &[
    flaw("exp-missing", "no `exp`", &["F32"], |d, _| drop(d.claims.remove("exp"))),
    flaw("exp-string", "`exp` is a string", &["BCP-20", "F32"], |d, _| d.claim("exp", (now() + 300).to_string())),
    flaw("exp-null", "`exp` is null", &["BCP-20", "F32"], |d, _| d.claim("exp", Value::Null)),
    flaw("exp-overflow", "`exp` is 1e400", &["BCP-20", "F32"], |d, _| d.raw_claim("exp", "1e400")),
    flaw("exp-negative", "`exp` is negative", &["BCP-20", "F32"], |d, _| d.claim("exp", -1)),
    flaw("exp-array", "`exp` is an array", &["BCP-20", "F32"], |d, _| d.claim("exp", json!([now() + 300]))),
    flaw("exp-past", "expired ten minutes ago", &["F35"], |d, _| d.claim("exp", now() - 600)),
    flaw("nbf-future", "not valid for ten minutes", &["F35"], |d, _| d.claim("nbf", now() + 600)),
    flaw("nbf-string", "`nbf` is a string", &["BCP-20", "F32"], |d, _| d.claim("nbf", now().to_string())),
    flaw("nbf-null", "`nbf` is null", &["BCP-20", "F32"], |d, _| d.claim("nbf", Value::Null)),
    flaw("iat-string", "`iat` is a string", &["BCP-20", "F32"], |d, _| d.claim("iat", now().to_string())),
    flaw("key-unknown", "a `kid` nobody knows", &["BCP-07", "F33"], |d, _| d.head("kid", "nobody")),
    flaw("key-hostile-kid", "a `kid` that tries to be a path and a query", &["BCP-10", "F33", "F36"], |d, _| {
        d.head("kid", "../../etc/passwd' OR '1'='1\u{0}\r\n");
    }),
    flaw("key-long-kid", "a `kid` of 8 KiB", &["BCP-10", "F33"], |d, _| d.head("kid", "k".repeat(8192))),
    flaw("key-number-kid", "`kid` is a number", &["BCP-10"], |d, _| d.head("kid", 1)),
    flaw("key-other", "signed by another key under this `kid`", &["BCP-07", "F33"], |d, _| {
        d.key = Key::generate();
    }),
    flaw("key-embedded", "signed by the key that its header brings", &["BCP-11", "F33"], |d, _| {
        d.key = Key::generate();
        d.header.remove("kid");
        d.head("jwk", d.key.public());
    }),
];
