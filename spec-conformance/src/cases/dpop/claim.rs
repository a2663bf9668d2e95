//! Types and claims of a proof that are wrong.

use crate::cases::flaw::{Flaw, flaw};
use crate::clock::now;
use serde_json::Value;

pub(super) const FLAWS: &[Flaw] = &[
    flaw("typ-missing", "no `typ`", &["DPOP-03", "F28"], |d, _| drop(d.header.remove("typ"))),
    flaw("typ-jwt", "`typ` is JWT", &["DPOP-03", "BCP-13", "F28"], |d, _| d.head("typ", "JWT")),
    flaw("typ-access-token", "`typ` is at+jwt", &["DPOP-03", "BCP-13", "F28"], |d, _| d.head("typ", "at+jwt")),
    flaw("typ-wit", "`typ` is wit+jwt", &["DPOP-03", "BCP-13", "F28"], |d, _| d.head("typ", "wit+jwt")),
    flaw("jti-missing", "no `jti`", &["DPOP-07"], |d, _| drop(d.claims.remove("jti"))),
    flaw("jti-empty", "`jti` is empty", &["DPOP-07"], |d, _| d.claim("jti", "")),
    flaw("jti-number", "`jti` is a number", &["DPOP-07"], |d, _| d.claim("jti", 1)),
    flaw("jti-long", "`jti` of 4 KiB", &["DPOP-17", "F37"], |d, _| d.claim("jti", "j".repeat(4096))),
    flaw("method-missing", "no `htm`", &["DPOP-07"], |d, _| drop(d.claims.remove("htm"))),
    flaw("method-get", "`htm` is GET", &["DPOP-08", "F26"], |d, _| d.claim("htm", "GET")),
    flaw("method-lower-case", "`htm` is post", &["DPOP-08", "F26"], |d, _| d.claim("htm", "post")),
    flaw("method-number", "`htm` is a number", &["DPOP-07"], |d, _| d.claim("htm", 1)),
    flaw("uri-missing", "no `htu`", &["DPOP-07"], |d, _| drop(d.claims.remove("htu"))),
    flaw("uri-number", "`htu` is a number", &["DPOP-07"], |d, _| d.claim("htu", 1)),
    flaw("time-missing", "no `iat`", &["DPOP-07"], |d, _| drop(d.claims.remove("iat"))),
    flaw("time-string", "`iat` is a string", &["DPOP-07", "BCP-20", "F26"], |d, _| d.claim("iat", now().to_string())),
    flaw("time-null", "`iat` is null", &["DPOP-07", "BCP-20", "F26"], |d, _| d.claim("iat", Value::Null)),
    flaw("time-negative", "`iat` is negative", &["DPOP-07", "F26"], |d, _| d.claim("iat", -1)),
    flaw("time-fraction", "`iat` has a fraction", &["DPOP-07", "F26"], |d, _| d.raw_claim("iat", &format!("{}.5", now()))),
    flaw("time-huge", "`iat` is 2^64", &["DPOP-07", "F26"], |d, _| d.raw_claim("iat", "18446744073709551616")),
    flaw("time-overflow", "`iat` is 1e400", &["DPOP-07", "BCP-20", "F26"], |d, _| d.raw_claim("iat", "1e400")),
    flaw("time-old", "ten minutes old", &["DPOP-12", "WIT-50", "F26", "F35"], |d, _| d.claim("iat", now() - 600)),
    flaw("time-ahead", "made in ten minutes", &["DPOP-12", "F26", "F35"], |d, _| d.claim("iat", now() + 600)),
    flaw("claim-twice", "`htm` twice", &["BCP-19", "F31"], |d, _| d.claims_tail = r#","htm":"GET""#.into()),
];
