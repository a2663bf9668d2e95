//! What an attester says of an agent, and what is no such statement.

use super::Case;
use super::flaw::{ANY, EXPIRING, Flaw, flaw};
use crate::clock::now;
use crate::world::{Answer, Evidence, World};
use anyhow::{Context, Result, ensure};
use serde_json::json;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        Case::new("posture.good", "what an attester says opens what policy asks it for", &["AUD-02"], |w| async move {
            good(&w).await
        }),
        Case::new("posture.none", "without a statement it stays closed", &["AUD-02"], |w| async move {
            good(&w).await.context("even with one")?;
            w.evidence_exchange("healthy")?.send(&w).await?.refusal(&["invalid_scope", "invalid_target"])
        }),
        Case::new("posture.sick", "a statement that says otherwise leaves it closed", &["AUD-02"], |w| async move {
            let mut posture = w.posture()?;
            posture.claim("posture", json!({"state": "infected"}));
            send(&w, &posture.sign()).await?.refusal(&["invalid_scope", "invalid_target"])
        }),
        Case::new("posture.twice", "two statements", &["CORE-02"], |w| async move {
            let mut exchange = w.evidence_exchange("healthy")?;
            let posture = w.posture()?.sign();
            exchange.set("posture_token", &posture);
            exchange.add("posture_token", &posture);
            exchange.send(&w).await?.refusal(&["invalid_request"])
        }),
        Case::new("posture.as-subject", "a posture is no ID token", &["BCP-13", "TX-05", "F01", "F28"], |w| async move {
            let mut exchange = w.evidence_exchange("free")?;
            exchange.set("subject_token", &w.posture()?.sign());
            exchange.send(&w).await?.refusal(&["invalid_request"])
        }),
    ];
    cases.extend(ANY.iter().chain(EXPIRING).chain(OWN).map(spoiled));
    cases
}

async fn send(world: &World, posture: &str) -> Result<Answer> {
    let mut exchange = world.evidence_exchange("healthy")?;
    exchange.set("posture_token", posture);
    exchange.send(world).await
}

async fn good(world: &World) -> Result<()> {
    let posture = world.posture()?;
    let granted = world.granted(&send(world, &posture.sign()).await?).await?;
    ensure!(granted.claim("scope") == "healthy", "`scope` is {}", granted.claim("scope"));
    ensure!(granted.claim("exp").as_u64() <= posture.claims["exp"].as_u64(), "it outlives the statement");
    Ok(())
}

fn spoiled(flaw: &Flaw) -> Case {
    let covers: Vec<&'static str> = [&["AUD-02"], flaw.covers].concat();
    let spoil = flaw.spoil;
    Case::new(format!("posture.{}", flaw.slug), flaw.shows, &covers, move |w| async move {
        good(&w).await.context("even without the flaw")?;
        let mut posture = w.posture()?;
        spoil(&mut posture, &w);
        send(&w, &posture.sign()).await?.refusal(&["invalid_request"])
    })
}

const OWN: &[Flaw] = &[
    flaw("other-workload", "of another workload", &["F09"], |d, w| {
        d.claim("sub", format!("spiffe://{}/agent/other", w.options.trust_domain));
    }),
    flaw("outside", "of a workload that the attester may not speak of", &["F13"], |d, w| {
        d.claim("sub", format!("spiffe://{}/server/planner", w.options.trust_domain));
    }),
    flaw("prefix", "of a path that only begins like those it may speak of", &["F13"], |d, w| {
        d.claim("sub", format!("spiffe://{}/agents/planner", w.options.trust_domain));
    }),
    flaw("other-domain", "of the same path in another trust domain", &["F17"], |d, _| {
        d.claim("sub", "spiffe://other.example/agent/planner");
    }),
    flaw("user", "of a user", &["F07"], |d, _| d.claim("sub", "alice")),
    flaw("issuer-unknown", "by somebody unknown", &["F34"], |d, _| d.claim("iss", "https://other.example")),
    flaw("issuer-approver", "by the approver, who is no attester", &["F34"], |d, w| {
        d.claim("iss", Evidence::APPROVER);
        if let Ok(guests) = w.guests() {
            d.key = guests.approver.clone();
            d.head("kid", d.key.kid.clone());
        }
    }),
    flaw("audience-other", "for another service", &["F16"], |d, _| d.claim("aud", "https://other.example")),
    flaw("audience-two", "for us and another service", &["F16"], |d, w| {
        d.claim("aud", json!([w.options.issuer, "https://other.example"]));
    }),
    flaw("too-long", "for more than an hour", &["F35"], |d, _| d.claim("exp", now() + 2 * 3600)),
    flaw("empty", "that says nothing", &["F37"], |d, _| d.claim("posture", json!({}))),
    flaw("nested", "an object in an object", &["F37"], |d, _| d.claim("posture", json!({"state": {"is": "healthy"}}))),
    flaw("null", "a finding that is null", &["F37"], |d, _| d.claim("posture", json!({"state": null}))),
    flaw("too-many", "33 findings", &["F37"], |d, _| {
        let findings: serde_json::Map<_, _> = (0..33).map(|n| (format!("n{n}"), json!(n))).collect();
        d.claim("posture", findings);
    }),
    flaw("long-value", "a value of 257 bytes", &["F37"], |d, _| d.claim("posture", json!({"state": "x".repeat(257)}))),
    flaw("with-cnf", "bound to a key that nobody proves", &["F08"], |d, _| d.claim("cnf", json!({"jkt": "x"}))),
    flaw("typ-jwt", "`typ` is JWT", &["BCP-13", "F01"], |d, _| d.head("typ", "JWT")),
    flaw("typ-approval", "`typ` is that of an approval", &["BCP-13", "F01"], |d, _| d.head("typ", "procura-approval+jwt")),
    flaw("typ-eat", "`typ` is that of an entity attestation token", &["BCP-13", "F01"], |d, _| d.head("typ", "eat+jwt")),
];
