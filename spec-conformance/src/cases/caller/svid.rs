//! What can be wrong with a JWT-SVID beside its identifier.

use crate::cases::flaw::{Flaw, flaw};
use crate::clock::now;
use serde_json::{Value, json};

pub(super) const FLAWS: &[Flaw] = &[
    flaw("typ-access-token", "`typ` is at+jwt", &["SPIFFECA-16", "BCP-13", "JSVID-05", "SID-11"], |d, _| d.head("typ", "at+jwt")),
    flaw("typ-wit", "`typ` is wit+jwt", &["SPIFFECA-16", "BCP-13", "JSVID-05"], |d, _| d.head("typ", "wit+jwt")),
    flaw("typ-proof", "`typ` is dpop+jwt", &["BCP-13", "JSVID-05", "F28"], |d, _| d.head("typ", "dpop+jwt")),
    flaw("algorithm-eddsa", "`EdDSA` is not one of the nine", &["JSVID-03", "SPIFFECA-16"], |d, _| d.head("alg", "EdDSA")),
    flaw("audience-missing", "no `aud`", &["SPIFFECA-02", "JSVID-08"], |d, _| drop(d.claims.remove("aud"))),
    flaw("audience-null", "`aud` is null", &["JSVID-08"], |d, _| d.claim("aud", Value::Null)),
    flaw("audience-empty", "`aud` is an empty list", &["JSVID-08"], |d, _| d.claim("aud", json!([]))),
    flaw("audience-other", "`aud` is somebody else", &["SPIFFECA-14", "JSVID-08", "F16"], |d, _| {
        d.claim("aud", "https://other.example")
    }),
    flaw("audience-token-endpoint", "`aud` is the token endpoint", &["SPIFFECA-03", "ASSERT-06", "F16"], |d, w| {
        d.claim("aud", w.token_endpoint.clone());
    }),
    flaw("audience-two", "`aud` has a second value", &["SPIFFECA-03", "ASSERT-06", "BCP-29", "F16"], |d, w| {
        d.claim("aud", json!([w.options.issuer, "https://other.example"]));
    }),
    flaw("audience-two-ours-last", "`aud` has a first value that is not ours", &["SPIFFECA-03", "ASSERT-06", "F16"], |d, w| {
        d.claim("aud", json!(["https://other.example", w.options.issuer]));
    }),
    flaw("audience-slash", "`aud` with one more or one less slash", &["ASSERT-06", "META-10", "F34"], |d, w| {
        let issuer = &w.options.issuer;
        d.claim("aud", issuer.strip_suffix('/').map_or(format!("{issuer}/"), str::to_owned));
    }),
    flaw("audience-upper-case", "`aud` in capitals", &["ASSERT-06", "META-10", "F34"], |d, w| {
        d.claim("aud", w.options.issuer.to_uppercase());
    }),
    flaw("audience-longer", "`aud` begins with our name", &["BCP-09", "F34"], |d, w| {
        d.claim("aud", format!("{}.evil.example", w.options.issuer));
    }),
    flaw("key-of-users", "signed with the key of the user issuer", &["SPIFFECA-04", "WIT-07", "F17", "F33"], |d, w| {
        d.key = w.options.user_key.clone();
        d.head("kid", w.options.user_key.kid.clone());
    }),
    flaw("exp-just-past", "expired two minutes ago: leeway is a minute", &["JSVID-10", "F35"], |d, _| {
        d.claim("exp", now() - 120)
    }),
];
