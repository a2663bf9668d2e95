//! Proofs at the token endpoint.

mod claim;
mod key;
mod uri;

use super::Case;
use super::flaw::{ANY, Flaw, flaw};
use crate::clock::now;
use crate::world::{Present, World};
use anyhow::{Result, ensure};
use std::sync::Arc;

pub(super) fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = ANY.iter().chain(key::FLAWS).chain(claim::FLAWS).chain(uri::FLAWS).map(spoiled).collect();
    cases.extend(GOOD.iter().map(varied));
    for (slug, shows, covers, present) in [
        ("missing", "no proof", &["DPOP-18", "DPOP-24", "BCP-21"][..], Present::Never),
        ("two-headers", "two `DPoP` headers", &["DPOP-01", "F26"], Present::TwoHeaders),
        ("joined-headers", "two proofs in one `DPoP` header", &["DPOP-01", "F26"], Present::OneHeaderJoined),
    ] {
        cases.push(Case::new(format!("dpop.{slug}"), shows, covers, move |w| async move {
            let mut exchange = w.exchange();
            exchange.present = present;
            exchange.send(&w).await?.refusal(&["invalid_dpop_proof", "invalid_request"])
        }));
    }
    cases.push(Case::new("dpop.query-on-request", "a query in the request does not count", &["DPOP-09"], |w| async move {
        let mut exchange = w.exchange();
        exchange.url = format!("{}?x=1", w.token_endpoint);
        w.granted(&exchange.send(&w).await?).await.map(drop)
    }));
    cases.push(Case::new(
        "dpop.forged-host",
        "no forwarding header and no `Host` decides `htu`",
        &["BCP-26", "F22"],
        forged_host,
    ));
    cases.push(Case::new(
        "dpop.host-of-attacker-in-proof",
        "`htu` that agrees with a forged `Host`",
        &["BCP-26", "DPOP-09", "F22"],
        agreeing_host,
    ));
    cases
}

fn spoiled(flaw: &Flaw) -> Case {
    let covers: Vec<&'static str> = [&["DPOP-19"], flaw.covers].concat();
    let spoil = flaw.spoil;
    Case::new(format!("dpop.{}", flaw.slug), flaw.shows, &covers, move |w| async move {
        let mut exchange = w.exchange();
        spoil(&mut exchange.proof, &w);
        exchange.send(&w).await?.refusal(&["invalid_dpop_proof"])
    })
}

fn varied(flaw: &Flaw) -> Case {
    let spoil = flaw.spoil;
    Case::new(format!("dpop.{}", flaw.slug), flaw.shows, flaw.covers, move |w| async move {
        let mut exchange = w.exchange();
        spoil(&mut exchange.proof, &w);
        w.granted(&exchange.send(&w).await?).await.map(drop)
    })
}

async fn forged_host(world: Arc<World>) -> Result<()> {
    let mut exchange = world.exchange();
    for (name, value) in [
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-port", "444"),
        ("x-forwarded-prefix", "/evil"),
        ("x-original-url", "/evil"),
        ("forwarded", "host=evil.example;proto=https"),
    ] {
        exchange.header(name, value);
    }
    world.granted(&exchange.send(&world).await?).await.map(drop)
}

async fn agreeing_host(world: Arc<World>) -> Result<()> {
    let mut exchange = world.exchange();
    exchange.header("x-forwarded-host", "evil.example");
    exchange.header("x-forwarded-proto", "https");
    exchange.header("forwarded", "host=evil.example;proto=https");
    exchange.proof.claim("htu", "https://evil.example/token");
    let answer = exchange.send(&world).await?;
    ensure!(answer.status != 200, "the forged host was believed");
    answer.refusal(&["invalid_dpop_proof"])
}

const GOOD: &[Flaw] = &[
    flaw("good", "a good proof", &["DPOP-02", "DPOP-03", "DPOP-05", "DPOP-07", "DPOP-18", "DPOP-20"], |_, _| ()),
    flaw("unknown-claim", "unknown claims and header members are ignored", &["DPOP-07"], |d, _| {
        d.claim("example.com/x", 1);
        d.head("example.com/x", 1);
    }),
    flaw("uri-scheme-case", "scheme and host in capitals name the same URI", &["DPOP-10"], |d, w| {
        d.claim("htu", capitals(&w.token_endpoint))
    }),
    flaw("uri-percent", "a percent-encoded letter names the same URI", &["DPOP-10"], |d, w| {
        d.claim("htu", w.token_endpoint.replacen("/token", "/%74oken", 1));
    }),
    flaw("uri-dots", "dot segments name the same URI", &["DPOP-10"], |d, w| {
        d.claim("htu", w.token_endpoint.replacen("/token", "/a/../token", 1));
    }),
    flaw("uri-query", "query and fragment in `htu` are ignored", &["DPOP-09", "DPOP-10"], |d, w| {
        d.claim("htu", format!("{}?x=1#y", w.token_endpoint));
    }),
    flaw("age-half-a-minute", "half a minute old", &["DPOP-12"], |d, _| d.claim("iat", now() - 30)),
    flaw("jwk-more-members", "`kid`, `use` and `alg` in the `jwk` are public", &["DPOP-06"], |d, _| {
        let mut jwk = d.key.public();
        jwk["kid"] = "a".into();
        jwk["use"] = "sig".into();
        jwk["alg"] = "ES256".into();
        d.head("jwk", jwk);
    }),
];

fn capitals(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    format!("{}://{}/{path}", scheme.to_uppercase(), host.to_uppercase())
}
