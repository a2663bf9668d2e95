//! What a server does when an issuer that it trusts for users is out for harm (or was taken over).

use super::{Case, NotTried};
use crate::clock::now;
use crate::hostile::{Hostile, LONG, SECRET, TRAPS, Trap};
use crate::jose::{Draft, unique};
use crate::world::{Answer, Exchange, World};
use anyhow::{Context, Result, ensure};
use std::sync::Arc;

/// The longest a request may hang on an issuer, in seconds.
const PATIENCE: i64 = 12;
/// How much of a document without end a server may take, sockets included.
const ENOUGH: u64 = 16 << 20;

pub(super) fn cases() -> Vec<Case> {
    TRAPS
        .iter()
        .map(|trap| {
            let covers = trap.covers;
            Case::new(format!("hostile.{}", trap.slug), trap.shows, covers, move |w| async move {
                match trap.slug {
                    "good" => good(&w).await,
                    "flood" => flood(&w).await,
                    _ => sprung(&w, trap).await,
                }
            })
        })
        .collect()
}

fn hostile(world: &World) -> Result<&Arc<Hostile>> {
    world.hostile.as_ref().context(NotTried("no --hostile-address given"))
}

/// The agent asks for a token on behalf of this issuer's user.
fn exchange(world: &World, token: &Draft) -> Result<Exchange> {
    let mut exchange = world.exchange();
    exchange.url = world.guest_endpoint()?;
    exchange.set("subject_token", &token.sign());
    Ok(exchange)
}

async fn good(world: &World) -> Result<()> {
    let token = hostile(world)?.id_token(&world.options, "good");
    world.granted(&exchange(world, &token)?.send(world).await?).await.map(drop)
}

async fn sprung(world: &Arc<World>, trap: &Trap) -> Result<()> {
    let hostile = hostile(world)?;
    good(world).await.context("even without the flaw")?;
    let mut token = hostile.id_token(&world.options, trap.slug);
    if trap.slug == "keys-symmetric" {
        token.head("alg", "HS256");
        token.secret = Some(SECRET.to_vec());
    }
    let begun = now();
    let answer = exchange(world, &token)?.send(world).await?;
    let took = now() - begun;
    refused(&answer)?;
    ensure!(took <= PATIENCE, "the request hung for {took} s");
    let base = format!("/{}", trap.slug);
    // Nobody need be asked about an algorithm that is not allowed.
    let asked = hostile.hits(&format!("{base}/.well-known/openid-configuration")) > 0;
    ensure!(asked || trap.slug == "keys-symmetric", "the issuer was never asked");
    ensure!(hostile.hits("victim") == 0, "somebody was sent to where nobody may be sent to");
    for place in [format!("{base}/.well-known/openid-configuration"), format!("{base}/keys")] {
        let taken = hostile.sent(&place);
        ensure!(taken < ENOUGH, "{taken} octets of {LONG} were taken");
    }
    good(world).await.context("afterwards, the good issuer")
}

/// The token is refused, or nothing can be said of it.
fn refused(answer: &Answer) -> Result<()> {
    if answer.status == 503 {
        let error = answer.error();
        ensure!(error.as_deref() == Some("temporarily_unavailable"), "503 with {error:?}");
        return answer.uncacheable();
    }
    answer.refusal(&["invalid_request"])
}

/// Whoever makes up names of keys does not choose how often an issuer is asked.
async fn flood(world: &World) -> Result<()> {
    let hostile = hostile(world)?;
    let token = hostile.id_token(&world.options, "flood");
    world.granted(&exchange(world, &token)?.send(world).await?).await.context("even without the flaw")?;
    let before = hostile.hits("/flood/keys");
    for _ in 0..40 {
        let mut token = hostile.id_token(&world.options, "flood");
        token.head("kid", unique());
        refused(&exchange(world, &token)?.send(world).await?)?;
    }
    let asked = hostile.hits("/flood/keys") - before;
    ensure!(asked <= 4, "40 tokens made the server ask for the keys {asked} times");
    world.granted(&exchange(world, &hostile.id_token(&world.options, "flood"))?.send(world).await?).await.map(drop)
}
