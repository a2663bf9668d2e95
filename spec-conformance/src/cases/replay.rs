//! A proof buys one answer, on one node and on many.

mod flushed;
mod wit;

use super::{Case, NotTried};
use crate::jose::Key;
use crate::world::{Exchange, World};
use anyhow::{Result, bail, ensure};
use std::sync::Arc;
use tokio::task::JoinSet;

/// How many copies of one proof race.
const COPIES: usize = 1000;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = by_dpop();
    cases.extend(wit::cases());
    cases.extend(flushed::cases());
    cases
}

fn by_dpop() -> Vec<Case> {
    vec![
        Case::new("replay.twice", "a proof is refused the second time", &["DPOP-16", "F15", "F23"], |w| async move {
            let exchange = w.exchange();
            let proof = first_use(&w, &exchange).await?;
            exchange.send_once(&w, &proof).await?.refusal(&["invalid_dpop_proof"])
        }),
        Case::new(
            "replay.other-body",
            "with another body it is the same proof",
            &["DPOP-16", "DPOP-41", "F27"],
            |w| async move {
                let mut exchange = w.exchange();
                let proof = first_use(&w, &exchange).await?;
                exchange.set("subject_token", &w.id_token().sign());
                exchange.send_once(&w, &proof).await?.refusal(&["invalid_dpop_proof"])
            },
        ),
        Case::new(
            "replay.other-uri-spelling",
            "a `jti` counts for every spelling of the URI",
            &["DPOP-16", "F23"],
            |w| async move {
                let mut exchange = w.exchange();
                first_use(&w, &exchange).await?;
                exchange.proof.claim("htu", format!("{}?again", w.token_endpoint));
                exchange.send(&w).await?.refusal(&["invalid_dpop_proof"])
            },
        ),
        Case::new("replay.other-time", "a `jti` counts for a new `iat` too", &["DPOP-16", "F23"], |w| async move {
            let mut exchange = w.exchange();
            first_use(&w, &exchange).await?;
            exchange.proof.claim("iat", crate::clock::now() - 1);
            exchange.send(&w).await?.refusal(&["invalid_dpop_proof"])
        }),
        Case::new("replay.other-key", "the same `jti` under another key is another proof", &["DPOP-16", "F23"], |w| async move {
            let exchange = w.exchange();
            first_use(&w, &exchange).await?;
            let mut other = w.exchange_with(&Key::generate());
            other.proof.claims.insert("jti".into(), exchange.proof.claims["jti"].clone());
            w.granted(&other.send(&w).await?).await.map(drop)
        }),
        Case::new(
            "replay.not-burnt",
            "a forged proof does not use up the `jti` of the true one",
            &["DPOP-16", "F23"],
            |w| async move {
                let exchange = w.exchange();
                let mut forged = exchange.clone();
                forged.proof.key = Key::generate();
                forged.send(&w).await?.refusal(&["invalid_dpop_proof"])?;
                w.granted(&exchange.send(&w).await?).await.map(drop)
            },
        ),
        Case::new(
            "replay.thousand",
            "of 1,000 copies at once exactly one succeeds",
            &["DPOP-16", "F15", "F23"],
            |w| async move { race(&w, |_| None).await },
        ),
        Case::new(
            "replay.one-delegation",
            "fifty exchanges of one subject token at once begin one delegation",
            &["TX-32", "F11"],
            one_delegation,
        ),
        Case::new(
            "replay.second-node",
            "a proof used at one node is refused at the other",
            &["DPOP-16", "F15", "F23"],
            |w| async move {
                let Some(second) = w.second_endpoint() else { bail!(NotTried("no --second-issuer-url given")) };
                let mut exchange = w.exchange();
                let proof = first_use(&w, &exchange).await?;
                exchange.url = second;
                exchange.send_once(&w, &proof).await?.refusal(&["invalid_dpop_proof"])
            },
        ),
        Case::new(
            "replay.thousand-over-two-nodes",
            "of 1,000 copies over two nodes exactly one succeeds",
            &["DPOP-16", "F15", "F23"],
            |w| async move {
                let Some(second) = w.second_endpoint() else { bail!(NotTried("no --second-issuer-url given")) };
                race(&w, move |number| (number % 2 == 1).then(|| second.clone())).await
            },
        ),
        Case::new(
            "replay.nonce-of-other-node",
            "a nonce of one node is good at the other",
            &["DPOP-11", "F25"],
            |w| async move {
                let Some(second) = w.second_endpoint() else { bail!(NotTried("no --second-issuer-url given")) };
                first_use(&w, &w.exchange()).await?;
                let mut exchange = w.exchange();
                exchange.url = second;
                let proof = exchange.signed_proof(&w);
                w.granted(&exchange.send_once(&w, &proof).await?).await.map(drop)
            },
        ),
    ]
}

/// Makes sure there is a good nonce, uses the proof once, and returns it.
async fn first_use(world: &World, exchange: &Exchange) -> Result<String> {
    world.granted(&world.exchange().send(world).await?).await?;
    let proof = exchange.signed_proof(world);
    world.granted(&exchange.send_once(world, &proof).await?).await?;
    Ok(proof)
}

async fn one_delegation(world: Arc<World>) -> Result<()> {
    world.granted(&world.exchange().send(&world).await?).await?;
    let subject = world.id_token().sign();
    let mut running = JoinSet::new();
    for _ in 0..50 {
        let (world, mut exchange) = (world.clone(), world.exchange());
        exchange.set("subject_token", &subject);
        running.spawn(async move { world.granted(&exchange.send(&world).await?).await });
    }
    let mut seen = std::collections::HashSet::new();
    while let Some(granted) = running.join_next().await {
        seen.insert(granted??.claim("delegation").to_string());
    }
    ensure!(seen.len() == 1, "{} delegations: {seen:?}", seen.len());
    Ok(())
}

async fn race(world: &Arc<World>, place: impl Fn(usize) -> Option<String>) -> Result<()> {
    world.granted(&world.exchange().send(world).await?).await?;
    let exchange = world.exchange();
    let proof = exchange.signed_proof(world);
    let mut running = JoinSet::new();
    for number in 0..COPIES {
        let (world, proof, mut exchange) = (world.clone(), proof.clone(), exchange.clone());
        if let Some(url) = place(number) {
            exchange.url = url;
        }
        running.spawn(async move { exchange.send_once(&world, &proof).await.map(|answer| (answer.status, answer.error())) });
    }
    let (mut granted, mut replayed, mut other) = (0, 0, 0);
    while let Some(done) = running.join_next().await {
        match done {
            Ok(Ok((200, _))) => granted += 1,
            Ok(Ok((400, Some(code)))) if code == "invalid_dpop_proof" => replayed += 1,
            _ => other += 1,
        }
    }
    ensure!(granted == 1, "{granted} succeeded, {replayed} were refused as replays, {other} failed in another way");
    Ok(())
}
