//! The actor token.

use super::Case;
use super::flaw::{ANY, EXPIRING, Flaw, flaw};
use crate::jose::Key;
use crate::world::{Exchange, World};
use anyhow::{Result, ensure};
use serde_json::json;
use std::sync::Arc;

const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

pub(super) fn cases() -> Vec<Case> {
    let chosen = |flaw: &&Flaw| !flaw.slug.starts_with("shape-") || flaw.slug == "shape-json";
    let mut cases: Vec<Case> = ANY.iter().chain(EXPIRING).filter(chosen).chain(OWN).map(spoiled).collect();
    cases.push(Case::new("actor.svid", "a JWT-SVID that names the caller", &["TX-03", "TX-25"], |w| async move {
        let mut exchange = w.exchange();
        exchange.set("actor_token", &w.svid().sign());
        exchange.set("actor_token_type", JWT);
        let granted = w.granted(&exchange.send(&w).await?).await?;
        ensure!(granted.claim("act")["sub"] == *w.options.agent, "`act` is {}", granted.claim("act"));
        Ok(())
    }));
    cases.push(Case::new("actor.without-type", "an actor token without its type", &["TX-03"], |w| async move {
        let mut exchange = w.exchange();
        exchange.set("actor_token", &w.svid().sign());
        refused(&w, exchange).await
    }));
    cases.push(Case::new("actor.type-alone", "an actor token type without a token", &["TX-04", "CORE-03"], |w| async move {
        let mut exchange = w.exchange();
        exchange.set("actor_token_type", JWT);
        refused(&w, exchange).await
    }));
    cases.push(Case::new("actor.twice", "two actor tokens", &["CORE-02", "TX-03"], |w| async move {
        let mut exchange = w.exchange();
        let svid = w.svid().sign();
        exchange.set("actor_token", &svid);
        exchange.add("actor_token", &svid);
        exchange.set("actor_token_type", JWT);
        refused(&w, exchange).await
    }));
    cases.push(Case::new("actor.user", "the user's ID token as actor token", &["TX-05", "F01", "F09"], |w| async move {
        let mut exchange = w.exchange();
        exchange.set("actor_token", &w.id_token().sign());
        exchange.set("actor_token_type", JWT);
        refused(&w, exchange).await
    }));
    cases.push(Case::new("actor.svid-as-id-token", "a JWT-SVID declared as ID token", &["TX-05", "F01"], |w| async move {
        let mut exchange = w.exchange();
        exchange.set("actor_token", &w.svid().sign());
        exchange.set("actor_token_type", "urn:ietf:params:oauth:token-type:id_token");
        refused(&w, exchange).await
    }));
    cases.push(Case::new(
        "actor.wit",
        "a WIT with its own key as proof key",
        &["TX-03", "SPIFFECA-17", "WSVID-21"],
        wit_with_its_key,
    ));
    cases.push(Case::new("actor.wit-again", "a WIT may be shown again with a new proof", &["WSVID-11"], |w| async move {
        let key = Key::generate();
        let wit = wit_of(&w, &key).await?;
        for _ in 0..2 {
            let mut exchange = w.exchange_with(&key);
            exchange.set("actor_token", &wit);
            exchange.set("actor_token_type", JWT);
            w.granted(&exchange.send(&w).await?).await?;
        }
        Ok(())
    }));
    cases.push(Case::new(
        "actor.wit-other-key",
        "a WIT without its key is refused",
        &["SPIFFECA-17", "WIT-25", "WSVID-21", "F09"],
        wit_without_its_key,
    ));
    cases
}

fn spoiled(flaw: &Flaw) -> Case {
    let covers: Vec<&'static str> = [&["TX-18"], flaw.covers].concat();
    let spoil = flaw.spoil;
    Case::new(format!("actor.{}", flaw.slug), flaw.shows, &covers, move |w| async move {
        let mut svid = w.svid();
        spoil(&mut svid, &w);
        let mut exchange = w.exchange();
        exchange.set("actor_token", &svid.sign());
        exchange.set("actor_token_type", JWT);
        refused(&w, exchange).await
    })
}

async fn refused(world: &World, exchange: Exchange) -> Result<()> {
    exchange.send(world).await?.refusal(&["invalid_request"])
}

const OWN: &[Flaw] = &[
    flaw("other-workload", "an SVID of another workload than the caller", &["F09"], |d, w| {
        d.claim("sub", format!("spiffe://{}/agent/other", w.options.trust_domain));
    }),
    flaw("other-domain", "an identifier of another trust domain", &["SID-08", "F17"], |d, _| {
        d.claim("sub", "spiffe://other.example/agent/planner")
    }),
    flaw("other-audience", "an SVID for another service", &["JSVID-08", "F09"], |d, _| d.claim("aud", "https://other.example")),
    flaw("two-audiences", "an SVID for us and for another service", &["JSVID-09", "F16"], |d, w| {
        d.claim("aud", json!([w.options.issuer, "https://other.example"]));
    }),
    flaw("with-act", "an actor token that has an actor itself", &["F09", "F10"], |d, w| {
        d.claim("act", json!({"sub": w.options.agent}))
    }),
    flaw("typ-wit-without-cnf", "`typ` wit+jwt on a token without key", &["WIT-21", "BCP-13", "F01"], |d, _| {
        d.head("typ", "wit+jwt")
    }),
    flaw("typ-access-token", "`typ` is at+jwt", &["BCP-13", "F01"], |d, _| d.head("typ", "at+jwt")),
];

async fn wit_of(world: &World, key: &Key) -> Result<String> {
    Ok(super::wit::issued(world, key).await?.token)
}

async fn wit_with_its_key(world: Arc<World>) -> Result<()> {
    let key = Key::generate();
    let mut exchange = world.exchange_with(&key);
    exchange.set("actor_token", &wit_of(&world, &key).await?);
    exchange.set("actor_token_type", JWT);
    let granted = world.granted(&exchange.send(&world).await?).await?;
    ensure!(granted.claim("cnf")["jkt"] == crate::jose::thumbprint(&key.public()), "`cnf` is {}", granted.claim("cnf"));
    Ok(())
}

async fn wit_without_its_key(world: Arc<World>) -> Result<()> {
    let mut exchange = world.exchange();
    exchange.set("actor_token", &wit_of(&world, &Key::generate()).await?);
    exchange.set("actor_token_type", JWT);
    exchange.send(&world).await?.refusal(&["invalid_request", "invalid_dpop_proof"])
}
