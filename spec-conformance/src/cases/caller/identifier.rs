//! Subjects that are no workload identifier of the trust domain.

use crate::cases::flaw::{Flaw, flaw};
use serde_json::json;

pub(super) const FLAWS: &[Flaw] = &[
    flaw("subject-missing", "no `sub`", &["SPIFFECA-02", "JSVID-07"], |d, _| drop(d.claims.remove("sub"))),
    flaw("subject-array", "`sub` is a list", &["JSVID-07"], |d, w| d.claim("sub", json!([w.options.agent]))),
    flaw("subject-twice", "`sub` twice", &["BCP-19", "F31"], |d, w| {
        d.claims_tail = format!(r#","sub":"spiffe://{}/agent/admin""#, w.options.trust_domain);
    }),
    flaw(
        "subject-other-domain",
        "an identifier of another trust domain",
        &["SPIFFECA-04", "SID-08", "WID-21", "WID-22", "F17", "W3", "W7"],
        |d, _| {
            d.claim("sub", "spiffe://other.example/agent/planner");
        },
    ),
    flaw("subject-suffix-domain", "a trust domain that begins like ours", &["SID-08", "F13", "F17"], |d, w| {
        d.claim("sub", format!("spiffe://{}.evil.example/agent/planner", w.options.trust_domain));
    }),
    flaw("subject-other-scheme", "the same name under `wimse://`", &["WIT-04", "SID-01", "W2"], |d, w| {
        d.claim("sub", w.options.agent.replacen("spiffe", "wimse", 1));
    }),
    flaw("subject-domain-only", "the trust domain itself", &["WID-02", "WID-13", "W8"], |d, w| {
        d.claim("sub", format!("spiffe://{}", w.options.trust_domain));
    }),
    flaw("subject-root", "only a slash as path", &["WID-02", "SID-04", "W8"], |d, w| {
        d.claim("sub", format!("spiffe://{}/", w.options.trust_domain));
    }),
    flaw("subject-percent", "a percent-encoded letter", &["SID-04", "WIT-01", "F13", "W1"], |d, w| {
        d.claim("sub", w.options.agent.replace("/agent/", "/%61gent/"));
    }),
    flaw("subject-dots", "dot segments", &["SID-04", "F13", "W5"], |d, w| {
        d.claim("sub", w.options.agent.replace("/agent/", "/agent/../agent/"));
    }),
    flaw("subject-encoded-dots", "percent-encoded dot segments", &["SID-04", "F13", "W6"], |d, w| {
        d.claim("sub", w.options.agent.replace("/agent/", "/agent/%2e%2e/agent/"));
    }),
    flaw("subject-trailing-slash", "a slash at the end", &["SID-04", "F13"], |d, w| {
        d.claim("sub", format!("{}/", w.options.agent))
    }),
    flaw("subject-double-slash", "an empty segment", &["SID-04", "F13"], |d, w| {
        d.claim("sub", w.options.agent.replace("/agent/", "//agent/"));
    }),
    flaw("subject-upper-case", "the trust domain in capitals", &["SID-02", "SID-07", "F13"], |d, w| {
        let domain = &w.options.trust_domain;
        d.claim("sub", w.options.agent.replacen(domain.as_str(), &domain.to_uppercase(), 1));
    }),
    flaw("subject-port", "a port", &["WID-03", "SID-02", "F13"], |d, w| {
        let domain = &w.options.trust_domain;
        d.claim("sub", w.options.agent.replacen(domain.as_str(), &format!("{domain}:443"), 1));
    }),
    flaw("subject-query", "a query", &["WID-03", "SID-01", "F13"], |d, w| d.claim("sub", format!("{}?x=1", w.options.agent))),
    flaw("subject-fragment", "a fragment", &["WID-03", "SID-01", "F13"], |d, w| d.claim("sub", format!("{}#x", w.options.agent))),
    flaw("subject-look-alike", "a Cyrillic letter", &["SID-04", "F13"], |d, w| {
        d.claim("sub", w.options.agent.replace("/agent/", "/\u{430}gent/"));
    }),
    flaw("subject-long", "an identifier of 4 KiB", &["WID-18", "F37"], |d, w| {
        d.claim("sub", format!("spiffe://{}/{}", w.options.trust_domain, "a".repeat(4096)));
    }),
];
