//! Claims and keys of an ID token that are wrong.

use crate::cases::flaw::{Flaw, flaw};
use crate::clock::now;
use crate::jose::{Key, thumbprint};
use serde_json::{Value, json};

pub(super) const FLAWS: &[Flaw] = &[
    flaw("issuer-unknown", "an issuer nobody trusts", &["BCP-07", "F06", "F34"], |d, _| {
        d.claim("iss", "https://unknown.example")
    }),
    flaw("issuer-slash", "a slash more or less in `iss`", &["META-10", "F34"], |d, w| {
        let issuer = &w.options.user_issuer;
        d.claim("iss", issuer.strip_suffix('/').map_or(format!("{issuer}/"), str::to_owned));
    }),
    flaw("issuer-upper-case", "`iss` in capitals", &["META-10", "F34"], |d, w| {
        d.claim("iss", w.options.user_issuer.to_uppercase())
    }),
    flaw("issuer-missing", "no `iss`", &["BCP-07", "F07"], |d, _| drop(d.claims.remove("iss"))),
    flaw("issuer-array", "`iss` is a list", &["BCP-07", "F07"], |d, w| d.claim("iss", json!([w.options.user_issuer]))),
    flaw("issuer-ours", "`iss` is the server itself", &["BCP-07", "F07"], |d, w| d.claim("iss", w.options.issuer.clone())),
    flaw("key-of-workloads", "signed with the key of the trust domain", &["BCP-07", "F33"], |d, w| {
        d.key = w.options.svid_key.clone();
        d.head("kid", w.options.svid_key.kid.clone());
    }),
    flaw("audience-missing", "no `aud`", &["BCP-09", "F06"], |d, _| drop(d.claims.remove("aud"))),
    flaw("audience-null", "`aud` is null", &["BCP-09", "F06"], |d, _| d.claim("aud", Value::Null)),
    flaw("audience-empty", "`aud` is an empty list", &["BCP-09", "F06"], |d, _| d.claim("aud", json!([]))),
    flaw("audience-other", "for another application", &["BCP-09", "F06"], |d, _| d.claim("aud", "https://other.example")),
    flaw("audience-other-agent", "for another agent", &["BCP-09", "F06"], |d, w| {
        d.claim("aud", format!("spiffe://{}/agent/other", w.options.trust_domain));
    }),
    flaw("audience-longer", "`aud` begins with our name", &["BCP-09", "F06"], |d, w| {
        d.claim("aud", format!("{}.evil.example", w.options.issuer));
    }),
    flaw("audience-resource", "for the resource that is asked for", &["BCP-09", "F06"], |d, w| {
        d.claim("aud", w.options.resource.clone())
    }),
    flaw("subject-missing", "no `sub`", &["BCP-08"], |d, _| drop(d.claims.remove("sub"))),
    flaw("subject-empty", "`sub` is empty", &["BCP-08"], |d, _| d.claim("sub", "")),
    flaw("subject-number", "`sub` is a number", &["BCP-08", "F07"], |d, _| d.claim("sub", 7)),
    flaw("subject-twice", "`sub` twice", &["BCP-19", "F31"], |d, _| d.claims_tail = r#","sub":"bob""#.into()),
    flaw("typ-access-token", "an access token declared as ID token", &["TX-05", "BCP-13", "F01"], |d, _| d.head("typ", "at+jwt")),
    flaw("typ-proof", "`typ` is dpop+jwt", &["TX-05", "BCP-13", "F28"], |d, _| d.head("typ", "dpop+jwt")),
    flaw("typ-wit", "`typ` is wit+jwt", &["TX-05", "BCP-13", "F01"], |d, _| d.head("typ", "wit+jwt")),
    flaw("typ-logout", "`typ` is logout+jwt", &["TX-05", "BCP-13", "F01"], |d, _| d.head("typ", "logout+jwt")),
    flaw("exp-just-past", "expired two minutes ago: leeway is a minute", &["TX-18", "F35"], |d, _| d.claim("exp", now() - 120)),
    flaw("may-act-other", "`may_act` names another agent", &["TX-30", "F03"], |d, w| {
        let sub = format!("spiffe://{}/agent/other", w.options.trust_domain);
        d.claim("may_act", json!({"iss": format!("spiffe://{}", w.options.trust_domain), "sub": sub}));
    }),
    flaw("may-act-string", "`may_act` is a string", &["TX-30", "F10"], |d, w| d.claim("may_act", w.options.agent.clone())),
    flaw("may-act-array", "`may_act` is a list", &["TX-30", "F10"], |d, w| d.claim("may_act", json!([{"sub": w.options.agent}]))),
    flaw("act-string", "`act` is a string", &["TX-23", "F10"], |d, w| d.claim("act", w.options.agent.clone())),
    flaw("act-array", "`act` is a list", &["TX-23", "F10"], |d, w| d.claim("act", json!([{"sub": w.options.agent}]))),
    flaw("act-null", "`act` is null", &["TX-23", "F10"], |d, _| d.claim("act", Value::Null)),
    flaw("cnf-other-key", "a subject token bound to a key that is not shown", &["DPOP-14", "F08"], |d, _| {
        d.claim("cnf", json!({"jkt": thumbprint(&Key::generate().public())}));
    }),
];
