//! Callers that show a WIT and a WPT (draft-ietf-wimse-wpt-02).

mod claim;
mod key;
mod transport;
mod wit;

use super::Case;
use super::flaw::{ANY, EXPIRING, Flaw, Spoil};
use crate::jose::thumbprint;
use crate::world::{Answer, Granted, World, WptCall};
use anyhow::{Context, Result, ensure};
use std::sync::Arc;

pub(super) type Change = fn(&mut WptCall, &World);
pub(super) type Row = (&'static str, &'static str, &'static [&'static str], Change);

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![Case::new(
        "wpt.good",
        "a WIT with a WPT authenticates, and the token is bound to the WIT's key",
        &["WPT-01", "WPT-04", "WPT-05", "WPT-06", "WPT-07", "WPT-08", "WPT-09", "WPT-16", "WPT-18", "WIT-28", "WPT-36", "CNF-01"],
        good,
    )];
    let timed = EXPIRING.iter().filter(|flaw| flaw.slug.starts_with("exp-") || flaw.slug == "iat-string");
    cases.extend(ANY.iter().chain(timed).map(|flaw| spoiled(flaw, &["WPT-16", "WPT-18", "WPT-34"])));
    cases.extend(claim::FLAWS.iter().map(|flaw| spoiled(flaw, &["WPT-34"])));
    cases.extend(claim::GOOD.iter().map(varied));
    cases.extend(transport::REFUSED.iter().map(refused));
    cases.extend(transport::ACCEPTED.iter().map(accepted));
    cases.extend(key::cases());
    cases.extend(wit::cases());
    cases
}

/// The answer to a caller who failed with a WPT (wpt-02 section 2.1; RFC 6749 section 5.2).
pub(super) fn unauthorized(answer: &Answer) -> Result<()> {
    answer.unauthenticated()?;
    let challenge = answer.header("www-authenticate").context("a 401 without `WWW-Authenticate`")?;
    let has_wpt = challenge.split(',').any(|part| part.split_whitespace().next() == Some("WPT"));
    ensure!(has_wpt, "`WWW-Authenticate` is `{challenge}`, without WPT");
    Ok(())
}

/// The request as it would be without a flaw, so that the flaw alone explains what follows.
pub(super) async fn unspoiled(world: &World) -> Result<Granted> {
    let workload = world.workload().await?;
    world.granted(&world.wpt_call(&workload).send(world).await?).await.context("even without the flaw")
}

fn spoiled(flaw: &Flaw, more: &[&'static str]) -> Case {
    let covers: Vec<&'static str> = [more, flaw.covers].concat();
    let spoil = flaw.spoil;
    Case::new(format!("wpt.{}", flaw.slug), flaw.shows, &covers, move |w| async move {
        unspoiled(&w).await?;
        let answer = with_wpt(&w, spoil).await?.send(&w).await?;
        unauthorized(&answer)
    })
}

fn varied(flaw: &Flaw) -> Case {
    let spoil = flaw.spoil;
    Case::new(format!("wpt.{}", flaw.slug), flaw.shows, flaw.covers, move |w| async move {
        let answer = with_wpt(&w, spoil).await?.send(&w).await?;
        w.granted(&answer).await.map(drop)
    })
}

async fn with_wpt(world: &World, spoil: Spoil) -> Result<WptCall> {
    let mut call = world.wpt_call(&*world.workload().await?);
    spoil(&mut call.wpt, world);
    Ok(call)
}

fn refused((slug, shows, covers, change): &Row) -> Case {
    let change = *change;
    Case::new(format!("wpt.{slug}"), *shows, covers, move |w| async move {
        unspoiled(&w).await?;
        let mut call = w.wpt_call(&*w.workload().await?);
        change(&mut call, &w);
        call.send(&w).await?.unauthenticated()
    })
}

fn accepted((slug, shows, covers, change): &Row) -> Case {
    let change = *change;
    Case::new(format!("wpt.{slug}"), *shows, covers, move |w| async move {
        let mut call = w.wpt_call(&*w.workload().await?);
        change(&mut call, &w);
        w.granted(&call.send(&w).await?).await.map(drop)
    })
}

async fn good(world: Arc<World>) -> Result<()> {
    let workload = world.workload().await?;
    let granted = world.granted(&world.wpt_call(&workload).send(&world).await?).await?;
    let key = thumbprint(&workload.key.public());
    ensure!(granted.body["token_type"] == "DPoP", "`token_type` is {}", granted.body["token_type"]);
    ensure!(granted.claim("cnf")["jkt"] == key, "`cnf` is {}, the key {key}", granted.claim("cnf"));
    ensure!(granted.claim("client_id") == &*world.options.agent, "`client_id` is {}", granted.claim("client_id"));
    ensure!(granted.claim("act")["sub"] == *world.options.agent, "`act` is {}", granted.claim("act"));
    Ok(())
}
