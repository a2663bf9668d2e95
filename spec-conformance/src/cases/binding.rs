//! Which key a token is bound to, and which proofs fit together.

use super::Case;
use crate::jose::{Key, thumbprint};
use crate::world::{Exchange, Present, Workload, World};
use anyhow::{Context, Result, ensure};
use std::sync::Arc;

const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "binding.proof-by-wit-key",
            "a DPoP proof by the WIT's own key beside the WPT",
            &["DPOP-14", "CNF-02", "WIT-25"],
            |w| async move { with_proof(&w, |workload| workload.key.clone()).await },
        ),
        Case::new(
            "binding.proof-by-other-key",
            "a DPoP proof by another key than the WIT's",
            &["DPOP-14", "F21", "WIT-25"],
            |w| async move { proof_by_other(w).await },
        ),
        Case::new(
            "binding.signature-and-other-proof",
            "a DPoP proof by another key than the one that signed the message",
            &["DPOP-14", "F21", "WIT-25"],
            |w| async move {
                let workload = w.workload().await?;
                w.granted(&w.signed_call(&workload).send(&w).await?).await.context("even without the flaw")?;
                let mut call = w.signed_call(&workload);
                call.exchange.proof = w.proof(&Key::generate());
                call.exchange.present = Present::Once;
                call.send(&w).await?.refusal(&["invalid_dpop_proof"])
            },
        ),
        Case::new(
            "binding.actor-is-caller",
            "the caller's own WIT as actor token",
            &["TX-03", "WIT-25", "CNF-02"],
            |w| async move {
                let workload = w.workload().await?;
                let mut call = w.wpt_call(&workload);
                actor(&mut call.exchange, &workload.wit);
                let granted = w.granted(&call.send(&w).await?).await?;
                bound_to(&granted.claim("cnf")["jkt"], &workload)
            },
        ),
        Case::new(
            "binding.actor-of-other-key",
            "an actor token that is bound to another key than the caller's WIT",
            &["SPIFFECA-17", "WIT-25", "F09", "F21"],
            |w| async move {
                let workload = w.workload().await?;
                let other = w.workload_of(Key::generate()).await?;
                let mut call = w.wpt_call(&workload);
                actor(&mut call.exchange, &workload.wit);
                w.granted(&call.send(&w).await?).await.context("even without the flaw")?;
                let mut call = w.wpt_call(&workload);
                actor(&mut call.exchange, &other.wit);
                call.send(&w).await?.refusal(&["invalid_request", "invalid_dpop_proof"])
            },
        ),
        Case::new(
            "binding.one-key-one-workload",
            "one key is not bound to a second workload",
            &["WIT-56", "WPT-43", "MTLS-18", "F27"],
            one_key_one_workload,
        ),
        Case::new(
            "binding.one-key-race",
            "of two workloads that ask for one key at once, over two nodes, one gets it",
            &["WIT-56", "F15", "F27"],
            one_key_race,
        ),
        Case::new(
            "binding.wit-renewed-by-wpt",
            "a WIT with its WPT buys another WIT for the same key",
            &["WIT-25", "WIT-58", "WSVID-21"],
            renewed,
        ),
        Case::new(
            "binding.nothing-unbound",
            "no way to ask makes a token that is bound to nothing",
            &["BCP-21", "DPOP-18", "F21"],
            |w| async move {
                let mut exchange = w.exchange();
                exchange.present = Present::Never;
                exchange.send(&w).await?.refusal(&["invalid_dpop_proof", "invalid_request"])
            },
        ),
    ]
}

fn actor(exchange: &mut Exchange, wit: &str) {
    exchange.set("actor_token", wit);
    exchange.set("actor_token_type", JWT);
}

fn bound_to(jkt: &serde_json::Value, workload: &Workload) -> Result<()> {
    let key = thumbprint(&workload.key.public());
    ensure!(jkt == &*key, "`cnf.jkt` is {jkt}, the WIT's key {key}");
    Ok(())
}

async fn with_proof(world: &Arc<World>, key: fn(&Workload) -> Key) -> Result<()> {
    let workload = world.workload().await?;
    let mut call = world.wpt_call(&workload);
    call.exchange.proof = world.proof(&key(&workload));
    call.exchange.present = Present::Once;
    let granted = world.granted(&call.send(world).await?).await?;
    bound_to(&granted.claim("cnf")["jkt"], &workload)
}

async fn proof_by_other(world: Arc<World>) -> Result<()> {
    with_proof(&world, |workload| workload.key.clone()).await.context("even without the flaw")?;
    let mut call = world.wpt_call(&*world.workload().await?);
    call.exchange.proof = world.proof(&Key::generate());
    call.exchange.present = Present::Once;
    call.send(&world).await?.refusal(&["invalid_dpop_proof"])
}

/// A workload asks for a WIT for a key.
fn wit_for(world: &World, agent: &str, key: &Key) -> Exchange {
    let mut svid = world.svid();
    svid.claim("sub", agent);
    let svid = svid.sign();
    let mut exchange = world.wit_request(key);
    exchange.set("client_assertion", &svid);
    exchange.set("subject_token", &svid);
    exchange
}

async fn one_key_race(world: Arc<World>) -> Result<()> {
    // Learns the nonce of the moment, so that all ask at once.
    world.exchange().send(&world).await?.success()?;
    let (key, second) = (Key::generate(), world.second_endpoint());
    let mut running = tokio::task::JoinSet::new();
    for number in 0..40 {
        let options = &world.options;
        let agent = if number % 2 == 0 { &options.agent } else { &options.other_agent };
        let mut exchange = wit_for(&world, agent, &key);
        if let Some(second) = second.as_ref().filter(|_| number % 4 > 1) {
            exchange.url.clone_from(second);
        }
        let world = world.clone();
        running.spawn(async move { exchange.send(&world).await });
    }
    let mut holders = std::collections::HashSet::new();
    while let Some(answer) = running.join_next().await {
        let answer = answer??;
        if answer.status == 200 {
            let body = answer.success()?;
            let wit = body["access_token"].as_str().context("no `access_token`")?;
            holders.insert(crate::jose::decode(wit)?.claims["sub"].to_string());
        }
    }
    ensure!(holders.len() == 1, "WITs for one key name {holders:?}");
    Ok(())
}

async fn one_key_one_workload(world: Arc<World>) -> Result<()> {
    let asked = async |agent: &str, key: &Key| wit_for(&world, agent, key).send(&world).await;
    let options = &world.options;
    let key = Key::generate();
    asked(&options.other_agent, &Key::generate()).await?.success().context("even without the flaw")?;
    asked(&options.agent, &key).await?.success().context("even without the flaw")?;
    asked(&options.other_agent, &key).await?.refusal(&["invalid_request", "invalid_dpop_proof"])?;
    asked(&options.agent, &key).await?.success().context("its own workload again").map(drop)
}

async fn renewed(world: Arc<World>) -> Result<()> {
    let workload = world.workload().await?;
    let mut call = world.wpt_call(&workload);
    for name in ["resource", "scope"] {
        call.exchange.remove(name);
    }
    call.exchange.set("subject_token", &workload.wit);
    call.exchange.set("subject_token_type", JWT);
    call.exchange.set("requested_token_type", "urn:procura:token-type:wit");
    let body = call.send(&world).await?.success()?;
    let wit = body["access_token"].as_str().context("no `access_token`")?;
    let parts = crate::jose::verify(wit, &world.bundle().await?, &["wit-svid"])?;
    let jkt = thumbprint(&parts.claims["cnf"]["jwk"]);
    bound_to(&jkt.into(), &workload)
}
