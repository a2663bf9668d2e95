//! Client authentication with a JWT-SVID.

mod identifier;
mod svid;

use super::Case;
use super::flaw::{ANY, EXPIRING, Flaw, Spoil, flaw};
use crate::world::{Exchange, World};
use anyhow::Result;
use serde_json::json;
use std::sync::Arc;

pub(super) fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = ANY.iter().chain(EXPIRING).chain(svid::FLAWS).chain(identifier::FLAWS).map(spoiled).collect();
    cases.extend(GOOD.iter().map(varied));
    cases.extend(REQUESTS.iter().map(|(slug, shows, covers, change)| {
        let change = *change;
        Case::new(format!("caller.{slug}"), *shows, covers, move |w| async move {
            let mut exchange = w.exchange();
            change(&mut exchange, &w);
            exchange.send(&w).await?.refusal(&["invalid_client"])
        })
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
    let covers: Vec<&'static str> = [&["ASSERT-03", "ASSERT-04", "SPIFFECA-02"], flaw.covers].concat();
    let spoil = flaw.spoil;
    Case::new(format!("caller.{}", flaw.slug), flaw.shows, &covers, move |w| async move {
        let answer = with_assertion(&w, spoil).send(&w).await?;
        answer.refusal(&["invalid_client"])
    })
}

fn varied(flaw: &Flaw) -> Case {
    let spoil = flaw.spoil;
    Case::new(format!("caller.{}", flaw.slug), flaw.shows, flaw.covers, move |w| async move {
        let answer = with_assertion(&w, spoil).send(&w).await?;
        w.granted(&answer).await.map(drop)
    })
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
    let codes = ["invalid_client", "unauthorized_client", "invalid_request", "invalid_target", "invalid_scope"];
    exchange.send(&world).await?.refusal(&codes)
}

const GOOD: &[Flaw] = &[
    flaw("good", "a good JWT-SVID", &["SPIFFECA-01", "SPIFFECA-02", "JSVID-03", "TX-10"], |_, _| ()),
    flaw("audience-list", "`aud` as a list of one", &["ASSERT-06", "JSVID-08"], |d, w| d.claim("aud", json!([w.options.issuer]))),
    flaw("typ-missing", "`typ` may be absent", &["ASSERT-07", "JSVID-05", "SPIFFECA-16"], |d, _| drop(d.header.remove("typ"))),
    flaw("typ-jose", "`typ` may be `JOSE`", &["JSVID-05", "SPIFFECA-16"], |d, _| d.head("typ", "JOSE")),
    flaw("foreign-issuer-claim", "`iss` is not needed and leads nowhere", &["SPIFFECA-11", "WIT-06"], |d, _| {
        d.claim("iss", "https://elsewhere.example");
    }),
    flaw("more-claims", "unknown claims are ignored", &["JSVID-06", "JSVID-15"], |d, _| {
        d.claim("example.com/x", json!({"a": [1]}))
    }),
    flaw("unknown-header", "an unknown header member is ignored", &["BCP-18"], |d, _| d.head("example.com/x", 1)),
];

type Change = fn(&mut Exchange, &World);
type Row = (&'static str, &'static str, &'static [&'static str], Change);

const REQUESTS: &[Row] = &[
    ("nothing", "no client authentication at all", &["TX-10", "SPIFFECA-17"], |e, _| {
        e.remove("client_assertion");
        e.remove("client_assertion_type");
    }),
    ("only-client-id", "a name without proof of it", &["TX-10", "ASSERT-01"], |e, w| {
        e.remove("client_assertion");
        e.remove("client_assertion_type");
        e.set("client_id", &w.options.agent);
    }),
    ("no-assertion", "a type without an assertion", &["ASSERT-01"], |e, _| e.remove("client_assertion")),
    ("no-assertion-type", "an assertion without its type", &["ASSERT-01"], |e, _| e.remove("client_assertion_type")),
    ("empty-assertion", "an empty assertion counts as none", &["ASSERT-01", "CORE-03"], |e, _| e.set("client_assertion", "")),
    ("type-jwt-bearer", "a JWT-SVID under the type for private_key_jwt", &["SPIFFECA-01"], |e, _| {
        e.set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    }),
    ("type-saml", "SAML is not for new applications", &["ASSERT-09"], |e, _| {
        e.set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer");
    }),
    ("type-upper-case", "the type in capitals", &["SPIFFECA-01", "ASSERT-01"], |e, _| {
        e.set("client_assertion_type", "URN:IETF:PARAMS:OAUTH:CLIENT-ASSERTION-TYPE:JWT-SPIFFE");
    }),
    ("client-id-other", "`client_id` names another workload", &["ASSERT-02"], |e, w| {
        e.set("client_id", &format!("spiffe://{}/agent/other", w.options.trust_domain));
    }),
    ("basic-beside-assertion", "two ways to authenticate", &["CORE-04", "ASSERT-03"], |e, _| {
        e.header("authorization", "Basic YWdlbnQ6c2VjcmV0");
    }),
    ("basic-alone", "a client secret is not a way in", &["CORE-08", "BCP-23"], |e, _| {
        e.remove("client_assertion");
        e.remove("client_assertion_type");
        e.header("authorization", "Basic YWdlbnQ6c2VjcmV0");
    }),
    ("certificate-header", "a certificate in a header that anybody can send", &["MTLSB-10", "BCP-26"], |e, _| {
        e.remove("client_assertion");
        e.remove("client_assertion_type");
        e.header("client-cert", ":MIIB:");
        e.header("x-forwarded-client-cert", "By=spiffe://x/a;URI=spiffe://x/agent");
        e.header("x-ssl-client-verify", "SUCCESS");
    }),
    ("bearer-svid", "a JWT-SVID in `Authorization` does not authenticate a client here", &["SPIFFECA-01"], |e, w| {
        e.remove("client_assertion");
        e.remove("client_assertion_type");
        e.header("authorization", &format!("Bearer {}", w.svid().sign()));
    }),
];
