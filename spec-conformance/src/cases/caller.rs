//! Client authentication with a JWT-SVID.

use super::Case;
use super::flaw::{ANY, EXPIRING, Flaw, Spoil, flaw};
use crate::clock::now;
use crate::world::{Exchange, World};
use anyhow::Result;
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = ANY.iter().chain(EXPIRING).chain(OWN).map(spoiled).collect();
    cases.extend(GOOD.iter().map(varied));
    cases.extend(REQUESTS.iter().map(|(slug, shows, covers, change)| {
        let change = *change;
        Case::new(
            format!("caller.{slug}"),
            *shows,
            covers,
            move |w| async move {
                let mut exchange = w.exchange();
                change(&mut exchange, &w);
                exchange.send(&w).await?.refusal(&["invalid_client"])
            },
        )
    }));
    cases.push(Case::new(
        "caller.client-id",
        "`client_id` may be sent if it is the assertion's",
        &["ASSERT-02"],
        |w| async move {
            let mut exchange = w.exchange();
            exchange.set("client_id", &w.options.agent);
            w.granted(&exchange.send(&w).await?).await.map(drop)
        },
    ));
    cases.push(Case::new(
        "caller.unknown-workload",
        "a good SVID whose name only begins like a known agent's",
        &["SPIFFECA-05", "WID-25", "F13", "W4"],
        |w| async move { unknown_workload(w).await },
    ));
    cases
}

fn spoiled(flaw: &Flaw) -> Case {
    let covers: Vec<&'static str> =
        [&["ASSERT-03", "ASSERT-04", "SPIFFECA-02"], flaw.covers].concat();
    let spoil = flaw.spoil;
    Case::new(
        format!("caller.{}", flaw.slug),
        flaw.shows,
        &covers,
        move |w| async move {
            let answer = with_assertion(&w, spoil).send(&w).await?;
            answer.refusal(&["invalid_client"])
        },
    )
}

fn varied(flaw: &Flaw) -> Case {
    let spoil = flaw.spoil;
    Case::new(
        format!("caller.{}", flaw.slug),
        flaw.shows,
        flaw.covers,
        move |w| async move {
            let answer = with_assertion(&w, spoil).send(&w).await?;
            w.granted(&answer).await.map(drop)
        },
    )
}

fn with_assertion(world: &World, spoil: Spoil) -> Exchange {
    let mut svid = world.svid();
    spoil(&mut svid, world);
    let mut exchange = world.exchange();
    exchange.set("client_assertion", &svid.sign());
    exchange
}

async fn unknown_workload(world: Arc<World>) -> Result<()> {
    let mut svid = world.svid();
    svid.claim("sub", format!("{}-evil", world.options.agent));
    let mut exchange = world.exchange();
    exchange.set("client_assertion", &svid.sign());
    let codes = [
        "invalid_client",
        "unauthorized_client",
        "invalid_request",
        "invalid_target",
        "invalid_scope",
    ];
    exchange.send(&world).await?.refusal(&codes)
}

const GOOD: &[Flaw] = &[
    flaw(
        "good",
        "a good JWT-SVID",
        &["SPIFFECA-01", "SPIFFECA-02", "JSVID-03", "TX-10"],
        |_, _| (),
    ),
    flaw(
        "audience-list",
        "`aud` as a list of one",
        &["ASSERT-06", "JSVID-08"],
        |d, w| d.claim("aud", json!([w.options.issuer])),
    ),
    flaw(
        "typ-missing",
        "`typ` may be absent",
        &["ASSERT-07", "JSVID-05", "SPIFFECA-16"],
        |d, _| drop(d.header.remove("typ")),
    ),
    flaw(
        "typ-jose",
        "`typ` may be `JOSE`",
        &["JSVID-05", "SPIFFECA-16"],
        |d, _| d.head("typ", "JOSE"),
    ),
    flaw(
        "foreign-issuer-claim",
        "`iss` is not needed and leads nowhere",
        &["SPIFFECA-11", "WIT-06"],
        |d, _| {
            d.claim("iss", "https://elsewhere.example");
        },
    ),
    flaw(
        "more-claims",
        "unknown claims are ignored",
        &["JSVID-06", "JSVID-15"],
        |d, _| d.claim("example.com/x", json!({"a": [1]})),
    ),
    flaw(
        "unknown-header",
        "an unknown header member is ignored",
        &["BCP-18"],
        |d, _| d.head("example.com/x", 1),
    ),
];

const OWN: &[Flaw] = &[
    flaw(
        "typ-access-token",
        "`typ` is at+jwt",
        &["SPIFFECA-16", "BCP-13", "JSVID-05", "SID-11"],
        |d, _| d.head("typ", "at+jwt"),
    ),
    flaw(
        "typ-wit",
        "`typ` is wit+jwt",
        &["SPIFFECA-16", "BCP-13", "JSVID-05"],
        |d, _| d.head("typ", "wit+jwt"),
    ),
    flaw(
        "typ-proof",
        "`typ` is dpop+jwt",
        &["BCP-13", "JSVID-05", "F28"],
        |d, _| d.head("typ", "dpop+jwt"),
    ),
    flaw(
        "algorithm-eddsa",
        "`EdDSA` is not one of the nine",
        &["JSVID-03", "SPIFFECA-16"],
        |d, _| d.head("alg", "EdDSA"),
    ),
    flaw(
        "audience-missing",
        "no `aud`",
        &["SPIFFECA-02", "JSVID-08"],
        |d, _| drop(d.claims.remove("aud")),
    ),
    flaw("audience-null", "`aud` is null", &["JSVID-08"], |d, _| {
        d.claim("aud", Value::Null)
    }),
    flaw(
        "audience-empty",
        "`aud` is an empty list",
        &["JSVID-08"],
        |d, _| d.claim("aud", json!([])),
    ),
    flaw(
        "audience-other",
        "`aud` is somebody else",
        &["SPIFFECA-14", "JSVID-08", "F16"],
        |d, _| d.claim("aud", "https://other.example"),
    ),
    flaw(
        "audience-token-endpoint",
        "`aud` is the token endpoint",
        &["SPIFFECA-03", "ASSERT-06", "F16"],
        |d, w| {
            d.claim("aud", w.token_endpoint.clone());
        },
    ),
    flaw(
        "audience-two",
        "`aud` has a second value",
        &["SPIFFECA-03", "ASSERT-06", "BCP-29", "F16"],
        |d, w| {
            d.claim("aud", json!([w.options.issuer, "https://other.example"]));
        },
    ),
    flaw(
        "audience-two-ours-last",
        "`aud` has a first value that is not ours",
        &["SPIFFECA-03", "ASSERT-06", "F16"],
        |d, w| {
            d.claim("aud", json!(["https://other.example", w.options.issuer]));
        },
    ),
    flaw(
        "audience-slash",
        "`aud` with one more or one less slash",
        &["ASSERT-06", "META-10", "F34"],
        |d, w| {
            let issuer = &w.options.issuer;
            d.claim(
                "aud",
                issuer
                    .strip_suffix('/')
                    .map_or(format!("{issuer}/"), str::to_owned),
            );
        },
    ),
    flaw(
        "audience-upper-case",
        "`aud` in capitals",
        &["ASSERT-06", "META-10", "F34"],
        |d, w| {
            d.claim("aud", w.options.issuer.to_uppercase());
        },
    ),
    flaw(
        "audience-longer",
        "`aud` begins with our name",
        &["BCP-09", "F34"],
        |d, w| {
            d.claim("aud", format!("{}.evil.example", w.options.issuer));
        },
    ),
    flaw(
        "subject-missing",
        "no `sub`",
        &["SPIFFECA-02", "JSVID-07"],
        |d, _| drop(d.claims.remove("sub")),
    ),
    flaw("subject-array", "`sub` is a list", &["JSVID-07"], |d, w| {
        d.claim("sub", json!([w.options.agent]))
    }),
    flaw(
        "subject-twice",
        "`sub` twice",
        &["BCP-19", "F31"],
        |d, w| {
            d.claims_tail = format!(
                r#","sub":"spiffe://{}/agent/admin""#,
                w.options.trust_domain
            );
        },
    ),
    flaw(
        "subject-other-domain",
        "an identifier of another trust domain",
        &["SPIFFECA-04", "SID-08", "WID-21", "WID-22", "F17"],
        |d, _| {
            d.claim("sub", "spiffe://other.example/agent/planner");
        },
    ),
    flaw(
        "subject-suffix-domain",
        "a trust domain that begins like ours",
        &["SID-08", "F13", "F17"],
        |d, w| {
            d.claim(
                "sub",
                format!(
                    "spiffe://{}.evil.example/agent/planner",
                    w.options.trust_domain
                ),
            );
        },
    ),
    flaw(
        "subject-other-scheme",
        "the same name under `wimse://`",
        &["WIT-04", "SID-01", "W2"],
        |d, w| {
            d.claim("sub", w.options.agent.replacen("spiffe", "wimse", 1));
        },
    ),
    flaw(
        "subject-domain-only",
        "the trust domain itself",
        &["WID-02", "WID-13", "W8"],
        |d, w| {
            d.claim("sub", format!("spiffe://{}", w.options.trust_domain));
        },
    ),
    flaw(
        "subject-root",
        "only a slash as path",
        &["WID-02", "SID-04", "W8"],
        |d, w| {
            d.claim("sub", format!("spiffe://{}/", w.options.trust_domain));
        },
    ),
    flaw(
        "subject-percent",
        "a percent-encoded letter",
        &["SID-04", "WIT-01", "F13", "W1"],
        |d, w| {
            d.claim("sub", w.options.agent.replace("/agent/", "/%61gent/"));
        },
    ),
    flaw(
        "subject-dots",
        "dot segments",
        &["SID-04", "F13", "W5"],
        |d, w| {
            d.claim(
                "sub",
                w.options.agent.replace("/agent/", "/agent/../agent/"),
            );
        },
    ),
    flaw(
        "subject-encoded-dots",
        "percent-encoded dot segments",
        &["SID-04", "F13", "W6"],
        |d, w| {
            d.claim(
                "sub",
                w.options.agent.replace("/agent/", "/agent/%2e%2e/agent/"),
            );
        },
    ),
    flaw(
        "subject-trailing-slash",
        "a slash at the end",
        &["SID-04", "F13"],
        |d, w| d.claim("sub", format!("{}/", w.options.agent)),
    ),
    flaw(
        "subject-double-slash",
        "an empty segment",
        &["SID-04", "F13"],
        |d, w| {
            d.claim("sub", w.options.agent.replace("/agent/", "//agent/"));
        },
    ),
    flaw(
        "subject-upper-case",
        "the trust domain in capitals",
        &["SID-02", "SID-07", "F13"],
        |d, w| {
            let domain = &w.options.trust_domain;
            d.claim(
                "sub",
                w.options
                    .agent
                    .replacen(domain.as_str(), &domain.to_uppercase(), 1),
            );
        },
    ),
    flaw(
        "subject-port",
        "a port",
        &["WID-03", "SID-02", "F13"],
        |d, w| {
            let domain = &w.options.trust_domain;
            d.claim(
                "sub",
                w.options
                    .agent
                    .replacen(domain.as_str(), &format!("{domain}:443"), 1),
            );
        },
    ),
    flaw(
        "subject-query",
        "a query",
        &["WID-03", "SID-01", "F13"],
        |d, w| d.claim("sub", format!("{}?x=1", w.options.agent)),
    ),
    flaw(
        "subject-fragment",
        "a fragment",
        &["WID-03", "SID-01", "F13"],
        |d, w| d.claim("sub", format!("{}#x", w.options.agent)),
    ),
    flaw(
        "subject-look-alike",
        "a Cyrillic letter",
        &["SID-04", "F13"],
        |d, w| {
            d.claim("sub", w.options.agent.replace("/agent/", "/\u{430}gent/"));
        },
    ),
    flaw(
        "subject-long",
        "an identifier of 4 KiB",
        &["WID-18", "F37"],
        |d, w| {
            d.claim(
                "sub",
                format!("spiffe://{}/{}", w.options.trust_domain, "a".repeat(4096)),
            );
        },
    ),
    flaw(
        "key-of-users",
        "signed with the key of the user issuer",
        &["SPIFFECA-04", "WIT-07", "F17", "F33"],
        |d, w| {
            d.key = w.options.user_key.clone();
            d.head("kid", w.options.user_key.kid.clone());
        },
    ),
    flaw(
        "exp-just-past",
        "expired two minutes ago: leeway is a minute",
        &["JSVID-10", "F35"],
        |d, _| d.claim("exp", now() - 120),
    ),
];

type Change = fn(&mut Exchange, &World);
type Row = (&'static str, &'static str, &'static [&'static str], Change);

const REQUESTS: &[Row] = &[
    (
        "nothing",
        "no client authentication at all",
        &["TX-10", "SPIFFECA-17"],
        |e, _| {
            e.remove("client_assertion");
            e.remove("client_assertion_type");
        },
    ),
    (
        "only-client-id",
        "a name without proof of it",
        &["TX-10", "ASSERT-01"],
        |e, w| {
            e.remove("client_assertion");
            e.remove("client_assertion_type");
            e.set("client_id", &w.options.agent);
        },
    ),
    (
        "no-assertion",
        "a type without an assertion",
        &["ASSERT-01"],
        |e, _| e.remove("client_assertion"),
    ),
    (
        "no-assertion-type",
        "an assertion without its type",
        &["ASSERT-01"],
        |e, _| e.remove("client_assertion_type"),
    ),
    (
        "empty-assertion",
        "an empty assertion counts as none",
        &["ASSERT-01", "CORE-03"],
        |e, _| e.set("client_assertion", ""),
    ),
    (
        "type-jwt-bearer",
        "a JWT-SVID under the type for private_key_jwt",
        &["SPIFFECA-01"],
        |e, _| {
            e.set(
                "client_assertion_type",
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            );
        },
    ),
    (
        "type-saml",
        "SAML is not for new applications",
        &["ASSERT-09"],
        |e, _| {
            e.set(
                "client_assertion_type",
                "urn:ietf:params:oauth:client-assertion-type:saml2-bearer",
            );
        },
    ),
    (
        "type-upper-case",
        "the type in capitals",
        &["SPIFFECA-01", "ASSERT-01"],
        |e, _| {
            e.set(
                "client_assertion_type",
                "URN:IETF:PARAMS:OAUTH:CLIENT-ASSERTION-TYPE:JWT-SPIFFE",
            );
        },
    ),
    (
        "client-id-other",
        "`client_id` names another workload",
        &["ASSERT-02"],
        |e, w| {
            e.set(
                "client_id",
                &format!("spiffe://{}/agent/other", w.options.trust_domain),
            );
        },
    ),
    (
        "basic-beside-assertion",
        "two ways to authenticate",
        &["CORE-04", "ASSERT-03"],
        |e, _| {
            e.header("authorization", "Basic YWdlbnQ6c2VjcmV0");
        },
    ),
    (
        "basic-alone",
        "a client secret is not a way in",
        &["CORE-08", "BCP-23"],
        |e, _| {
            e.remove("client_assertion");
            e.remove("client_assertion_type");
            e.header("authorization", "Basic YWdlbnQ6c2VjcmV0");
        },
    ),
    (
        "certificate-header",
        "a certificate in a header that anybody can send",
        &["MTLSB-10", "BCP-26"],
        |e, _| {
            e.remove("client_assertion");
            e.remove("client_assertion_type");
            e.header("client-cert", ":MIIB:");
            e.header(
                "x-forwarded-client-cert",
                "By=spiffe://x/a;URI=spiffe://x/agent",
            );
            e.header("x-ssl-client-verify", "SUCCESS");
        },
    ),
    (
        "bearer-svid",
        "a JWT-SVID in `Authorization` does not authenticate a client here",
        &["SPIFFECA-01"],
        |e, w| {
            e.remove("client_assertion");
            e.remove("client_assertion_type");
            e.header("authorization", &format!("Bearer {}", w.svid().sign()));
        },
    ),
];
