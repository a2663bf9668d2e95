//! Claims of a job's token that are wrong.

use crate::cases::flaw::{Flaw, flaw};
use crate::clock::now;
use crate::jose::{Key, thumbprint};
use crate::world::Platform;
use serde_json::{Value, json};

pub(super) const FLAWS: &[Flaw] = &[
    flaw("audience-other", "for another service", &["PRAC-02", "F06", "F16"], |d, _| d.claim("aud", "https://other.example")),
    flaw("audience-owner", "`aud` as the platform sets it when nobody asks", &["PRAC-02", "F06"], |d, _| {
        d.claim("aud", "https://github.com/octo");
    }),
    flaw("audience-missing", "no `aud`", &["PRAC-02", "F06"], |d, _| drop(d.claims.remove("aud"))),
    flaw("audience-empty", "`aud` is an empty list", &["PRAC-02", "F06"], |d, _| d.claim("aud", json!([]))),
    flaw("audience-two", "`aud` has a second value", &["PRAC-02", "ASSERT-06", "BCP-29", "F16"], |d, w| {
        d.claim("aud", json!([w.options.issuer, "https://other.example"]));
    }),
    flaw("audience-two-ours-last", "`aud` has a first value that is not ours", &["PRAC-02", "ASSERT-06", "F16"], |d, w| {
        d.claim("aud", json!(["https://other.example", w.options.issuer]));
    }),
    flaw("audience-token-endpoint", "`aud` is the token endpoint", &["PRAC-02", "ASSERT-06", "F16"], |d, w| {
        d.claim("aud", w.token_endpoint.clone());
    }),
    flaw("audience-slash", "`aud` with one more or one less slash", &["ASSERT-06", "META-10", "F34"], |d, w| {
        let issuer = &w.options.issuer;
        d.claim("aud", issuer.strip_suffix('/').map_or(format!("{issuer}/"), str::to_owned));
    }),
    flaw("issuer-unknown", "an issuer nobody trusts", &["BCP-07", "PRAC-06", "F06", "F34"], |d, _| {
        d.claim("iss", "https://ci.example")
    }),
    flaw("issuer-tenant", "an issuer below the trusted one", &["PRAC-06", "F34"], |d, _| {
        d.claim("iss", format!("{}/other", Platform::ISSUER));
    }),
    flaw("issuer-slash", "a slash more in `iss`", &["META-10", "F34"], |d, _| d.claim("iss", format!("{}/", Platform::ISSUER))),
    flaw("issuer-upper-case", "`iss` in capitals", &["META-10", "F34"], |d, _| d.claim("iss", Platform::ISSUER.to_uppercase())),
    flaw("issuer-users", "`iss` is the users' issuer", &["BCP-07", "F07"], |d, w| d.claim("iss", w.options.user_issuer.clone())),
    flaw("issuer-missing", "no `iss`", &["BCP-07", "F07"], |d, _| drop(d.claims.remove("iss"))),
    flaw("issuer-array", "`iss` is a list", &["BCP-07", "F07"], |d, _| d.claim("iss", json!([Platform::ISSUER]))),
    flaw("key-of-users", "signed with the key of the users' issuer", &["BCP-07", "F17", "F33"], |d, w| {
        d.key = w.options.user_key.clone();
        d.head("kid", w.options.user_key.kid.clone());
    }),
    flaw("key-of-workloads", "signed with the key of the trust domain", &["BCP-07", "F17", "F33"], |d, w| {
        d.key = w.options.svid_key.clone();
        d.head("kid", w.options.svid_key.kid.clone());
    }),
    flaw("algorithm-ps256", "`PS256` over a signature of the older kind", &["BCP-01", "F30"], |d, _| d.head("alg", "PS256")),
    flaw("algorithm-es256", "ES256, which this platform does not sign with", &["BCP-01", "F30"], |d, _| {
        d.key = Key::generate();
        d.head("alg", "ES256");
    }),
    flaw("owner-other", "another tenant", &["PRAC-06", "W7"], |d, _| d.claim("repository_owner_id", "1002")),
    flaw("owner-longer", "a tenant that begins like ours", &["PRAC-06", "F13", "W4"], |d, _| {
        d.claim("repository_owner_id", format!("{}1", Platform::OWNER));
    }),
    flaw("owner-space", "our tenant and a space", &["PRAC-06", "F13"], |d, _| {
        d.claim("repository_owner_id", format!("{} ", Platform::OWNER));
    }),
    flaw("owner-list", "our tenant in a list", &["PRAC-06", "F13"], |d, _| {
        d.claim("repository_owner_id", json!([Platform::OWNER]));
    }),
    flaw("owner-list-of-two", "our tenant and another in a list", &["PRAC-06", "F13"], |d, _| {
        d.claim("repository_owner_id", json!([Platform::OWNER, "1002"]));
    }),
    flaw("owner-empty", "a tenant without a name", &["PRAC-06", "W8"], |d, _| d.claim("repository_owner_id", "")),
    flaw("owner-null", "the tenant is null", &["PRAC-06", "W8"], |d, _| d.claim("repository_owner_id", Value::Null)),
    flaw("owner-missing", "no tenant", &["PRAC-06", "W8"], |d, _| drop(d.claims.remove("repository_owner_id"))),
    flaw("owner-by-name", "another tenant that has taken our name", &["PRAC-06", "F13", "W10"], |d, _| {
        d.claim("repository_owner_id", "1002");
        d.claim("repository_owner", "octo");
    }),
    flaw("owner-twice", "two tenants", &["BCP-19", "PRAC-06", "F31"], |d, _| {
        d.claims_tail = r#","repository_owner_id":"1002""#.into();
    }),
    flaw("repository-empty", "a workload without a name", &["WID-02", "W8"], |d, _| d.claim("repository_id", "")),
    flaw("repository-missing", "no workload", &["WID-02", "W8"], |d, _| drop(d.claims.remove("repository_id"))),
    flaw("repository-object", "the workload is an object", &["PRAC-06"], |d, _| d.claim("repository_id", json!({"id": "2002"}))),
    flaw("event-of-strangers", "a job that anybody can start in the project's name", &["PRAC-06"], |d, _| {
        d.claim("event_name", "pull_request_target");
    }),
    flaw("subject-missing", "no `sub`", &["ASSERT-04"], |d, _| drop(d.claims.remove("sub"))),
    flaw("subject-workload", "`sub` names a workload of a trust domain", &["SID-08", "F07", "F17"], |d, w| {
        d.claim("sub", w.options.agent.clone());
    }),
    flaw("typ-access-token", "`typ` is at+jwt", &["PRAC-01", "BCP-13", "F01"], |d, _| d.head("typ", "at+jwt")),
    flaw("typ-proof", "`typ` is dpop+jwt", &["PRAC-01", "BCP-13", "F28"], |d, _| d.head("typ", "dpop+jwt")),
    flaw("typ-wit", "`typ` is wit+jwt", &["PRAC-01", "BCP-13", "F01"], |d, _| d.head("typ", "wit+jwt")),
    flaw("typ-event", "`typ` is secevent+jwt", &["PRAC-01", "BCP-13", "F01"], |d, _| d.head("typ", "secevent+jwt")),
    flaw("act", "somebody acts for the job", &["BCP-12", "F10"], |d, w| d.claim("act", json!({"sub": w.options.agent}))),
    flaw("cnf", "a token bound to a key that is not shown", &["DPOP-14", "F08"], |d, _| {
        d.claim("cnf", json!({"jkt": thumbprint(&Key::generate().public())}));
    }),
    flaw("events", "a security event", &["BCP-12", "F01"], |d, _| d.claim("events", json!({"https://schemas.example/e": {}}))),
    flaw("exp-just-past", "expired two minutes ago: leeway is a minute", &["PRAC-03", "F35"], |d, _| d.claim("exp", now() - 120)),
];
