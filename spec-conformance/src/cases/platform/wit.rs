//! A WIT for what a platform said: once, and no longer than that.

use crate::cases::Case;
use crate::jose::{decode, thumbprint, verify};
use crate::world::{Exchange, Platform, World};
use anyhow::{Context, Result, ensure};
use std::sync::Arc;

const REFUSED: &[&str] = &["invalid_request", "invalid_client"];

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "platform.wit",
            "a WIT names the job, holds the proof's key and ends with the job's token",
            &["PRAC-03", "PRAC-05", "WIT-11", "WIT-17", "WIT-21"],
            good,
        ),
        Case::new("platform.wit-once", "a job's token buys one WIT", &["PRAC-05", "F09", "F23"], |w| async move {
            let token = w.platform_token()?.sign();
            w.platform_wit_request(&token)?.send(&w).await?.success()?;
            w.platform_wit_request(&token)?.send(&w).await?.refusal(REFUSED)
        }),
        Case::new("platform.wit-for-another", "a WIT for another job", &["WIT-11", "F09"], |w| async move {
            let mut other = w.platform_token()?;
            other.claim("repository_id", "2003");
            let mut exchange = w.platform_wit_request(&w.platform_token()?.sign())?;
            exchange.set("subject_token", &other.sign());
            exchange.send(&w).await?.refusal(REFUSED)
        }),
        Case::new(
            "platform.wit-for-agent",
            "a WIT for an agent of another trust domain",
            &["WIT-11", "F09", "F17"],
            |w| async move {
                let mut exchange = w.platform_wit_request(&w.platform_token()?.sign())?;
                exchange.set("subject_token", &w.svid().sign());
                exchange.send(&w).await?.refusal(REFUSED)
            },
        ),
    ]
}

async fn good(world: Arc<World>) -> Result<()> {
    let token = world.platform_token()?.sign();
    let exchange: Exchange = world.platform_wit_request(&token)?;
    let body = exchange.send(&world).await?.success()?;
    let wit = body["access_token"].as_str().context("no `access_token`")?;
    let node = world.guests()?.node.trim_end_matches('/');
    let bundle = world.get(&format!("{node}/spiffe/bundle")).await?.json()?;
    let parts = verify(wit, &bundle, &["wit-svid"])?;
    ensure!(parts.claims["sub"] == *Platform::id("2002"), "`sub` is {}", parts.claims["sub"]);
    let jwk = &parts.claims["cnf"]["jwk"];
    ensure!(thumbprint(jwk) == thumbprint(&exchange.proof.key.public()), "`cnf.jwk` is {jwk}");
    let ends = decode(&token)?.claims["exp"].as_i64();
    ensure!(parts.claims["exp"].as_i64() <= ends, "the WIT ends at {}, the token at {ends:?}", parts.claims["exp"]);
    Ok(())
}
