//! Nonces of the token endpoint.

use super::{Case, NotTried};
use crate::jose::unb64u;
use crate::world::{Answer, Nonce, World};
use anyhow::{Context, Result, bail, ensure};
use std::sync::Arc;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "nonce.challenge",
            "a proof without nonce gets a challenge with exactly one nonce",
            &["DPOP-33", "DPOP-38"],
            |w| async move {
                let answer = challenge(&w).await?;
                ensure!(answer.count("dpop-nonce") == 1, "{} `DPoP-Nonce` headers", answer.count("dpop-nonce"));
                answer.refusal(&["use_dpop_nonce"])
            },
        ),
        Case::new("nonce.uncacheable", "an answer with a nonce is kept by no cache", &["DPOP-35", "F25"], |w| async move {
            challenge(&w).await?.uncacheable()
        }),
        Case::new("nonce.charset", "a nonce has only the characters of RFC 9449", &["DPOP-34"], |w| async move {
            let nonce = given(&challenge(&w).await?)?;
            let allowed = |c: char| matches!(c, '!'..='~') && c != '"' && c != '\\';
            ensure!(nonce.len() >= 16 && nonce.chars().all(allowed), "the nonce is `{nonce}`");
            Ok(())
        }),
        Case::new(
            "nonce.unpredictable",
            "nonces of one second differ, or hide a secret of 128 bits",
            &["DPOP-34", "F25"],
            unpredictable,
        ),
        Case::new("nonce.answered", "the same proof with the nonce succeeds", &["DPOP-11", "DPOP-33"], |w| async move {
            let mut exchange = w.exchange();
            exchange.nonce = Nonce::Absent;
            let challenge = exchange.send(&w).await?;
            challenge.refusal(&["use_dpop_nonce"])?;
            exchange.nonce = Nonce::Fixed(given(&challenge)?);
            w.granted(&exchange.send(&w).await?).await.map(drop)
        }),
        wrong("forged", "a nonce the server never gave", |_| "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned()),
        wrong("truncated", "all but the last four characters of a good nonce", |nonce| {
            nonce[..nonce.len().saturating_sub(4)].to_owned()
        }),
        wrong("longer", "a good nonce and one more character", |nonce| format!("{nonce}A")),
        wrong("changed", "a good nonce with its first character changed", |nonce| {
            let first = if nonce.starts_with('A') { 'B' } else { 'A' };
            format!("{first}{}", &nonce[1..])
        }),
        wrong("empty", "an empty nonce", |_| String::new()),
        Case::new("nonce.number", "a nonce that is a number", &["DPOP-11", "F25"], |w| async move {
            let mut exchange = w.exchange();
            exchange.nonce = Nonce::Absent;
            exchange.proof.claim("nonce", 7);
            exchange.send(&w).await?.refusal(&["use_dpop_nonce", "invalid_dpop_proof"])
        }),
    ]
}

fn wrong(slug: &'static str, shows: &'static str, spoil: fn(&str) -> String) -> Case {
    Case::new(format!("nonce.{slug}"), shows, &["DPOP-11", "DPOP-38", "F25"], move |w| async move {
        let nonce = given(&challenge(&w).await?)?;
        let mut exchange = w.exchange();
        exchange.nonce = Nonce::Fixed(spoil(&nonce));
        let answer = exchange.send(&w).await?;
        answer.refusal(&["use_dpop_nonce", "invalid_dpop_proof"])?;
        ensure!(
            answer.error().as_deref() != Some("use_dpop_nonce") || answer.count("dpop-nonce") == 1,
            "a challenge without a nonce"
        );
        Ok(())
    })
}

async fn challenge(world: &Arc<World>) -> Result<Answer> {
    let mut exchange = world.exchange();
    exchange.nonce = Nonce::Absent;
    let answer = exchange.send(world).await?;
    if answer.status == 200 {
        bail!(NotTried("this server asks for no nonce"));
    }
    Ok(answer)
}

fn given(answer: &Answer) -> Result<String> {
    Ok(answer.header("dpop-nonce").context("no `DPoP-Nonce` header")?.to_owned())
}

async fn unpredictable(world: Arc<World>) -> Result<()> {
    let (one, two) = (given(&challenge(&world).await?)?, given(&challenge(&world).await?)?);
    let octets = unb64u(&one).map_or(one.len(), |octets| octets.len());
    ensure!(one != two || octets >= 16, "the nonce `{one}` is short and repeats");
    Ok(())
}
