//! Targets, scopes and the kind of token that is asked for.

mod refused;

use super::{Case, NotTried};
use crate::world::{Exchange, World};
use anyhow::{Context, Result, bail, ensure};
use std::collections::HashSet;
use std::sync::Arc;

pub(super) fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = refused::ROWS
        .iter()
        .map(|(slug, shows, covers, codes, change)| {
            let (codes, change) = (*codes, *change);
            Case::new(format!("target.{slug}"), *shows, covers, move |w| async move {
                let mut exchange = w.exchange();
                change(&mut exchange, &w);
                exchange.send(&w).await?.refusal(codes)
            })
        })
        .collect();
    cases.push(Case::new(
        "target.logical-name",
        "a target by its logical name gives the same audience",
        &["TX-07", "RES-02"],
        logical_name,
    ));
    cases.push(Case::new(
        "target.name-and-resource",
        "name and resource of one target together",
        &["TX-07", "TX-12"],
        name_and_resource,
    ));
    cases.push(Case::new(
        "target.name-of-another",
        "name and resource of different targets",
        &["TX-12", "AT-11"],
        name_of_another,
    ));
    cases.push(Case::new("target.denied", "a target that policy denies this agent", &["RES-05", "TX-19", "F04"], denied));
    cases.push(Case::new(
        "scope.absent",
        "without `scope` the answer says what was granted",
        &["TX-16", "CORE-10", "AT-08", "F05"],
        |w| async move {
            let mut exchange = w.exchange();
            exchange.remove("scope");
            let answer = exchange.send(&w).await?;
            if answer.error().as_deref() == Some("invalid_scope") {
                return Ok(());
            }
            let granted = w.granted(&answer).await?;
            ensure!(
                granted.body["scope"].as_str().is_some_and(|scope| !scope.is_empty()),
                "`scope` is {}",
                granted.body["scope"]
            );
            ensure!(granted.body["scope"] == *granted.claim("scope"), "answer and token differ");
            Ok(())
        },
    ));
    cases.push(Case::new(
        "scope.not-wider",
        "scopes that do not belong to the target are never granted",
        &["RES-06", "TX-32", "AT-11", "F05"],
        not_wider,
    ));
    cases.push(Case::new("scope.repeated", "a scope asked twice is granted once", &["CORE-10"], |w| async move {
        let mut exchange = w.exchange();
        exchange.set("scope", &format!("{0} {0}", w.options.scope));
        let answer = exchange.send(&w).await?;
        if answer.status == 400 {
            return answer.refusal(&["invalid_scope"]);
        }
        let granted = w.granted(&answer).await?;
        ensure!(
            set(granted.body["scope"].as_str()).len() == words(granted.body["scope"].as_str()),
            "`scope` is {}",
            granted.body["scope"]
        );
        Ok(())
    }));
    cases
}

type Change = fn(&mut Exchange, &World);
type Row = (&'static str, &'static str, &'static [&'static str], &'static [&'static str], Change);

async fn logical_name(world: Arc<World>) -> Result<()> {
    let Some(name) = &world.options.audience else { bail!(NotTried("no --audience given")) };
    let mut exchange = world.exchange();
    exchange.remove("resource");
    exchange.set("audience", name);
    let granted = world.granted(&exchange.send(&world).await?).await?;
    ensure!(granted.claim("aud") == &*world.options.resource, "`aud` is {}", granted.claim("aud"));
    Ok(())
}

async fn name_and_resource(world: Arc<World>) -> Result<()> {
    let Some(name) = &world.options.audience else { bail!(NotTried("no --audience given")) };
    let mut exchange = world.exchange();
    exchange.set("audience", name);
    let answer = exchange.send(&world).await?;
    if answer.status == 200 {
        let granted = world.granted(&answer).await?;
        ensure!(granted.claim("aud") == &*world.options.resource, "`aud` is {}", granted.claim("aud"));
        return Ok(());
    }
    answer.refusal(&["invalid_target"])
}

async fn name_of_another(world: Arc<World>) -> Result<()> {
    let mut exchange = world.exchange();
    exchange.set("audience", "nobody");
    exchange.send(&world).await?.refusal(&["invalid_target"])
}

async fn denied(world: Arc<World>) -> Result<()> {
    let Some(resource) = &world.options.denied_resource else { bail!(NotTried("no --denied-resource given")) };
    for scope in [None, Some("files.read"), Some(world.options.scope.as_str())] {
        let mut exchange = world.exchange();
        exchange.set("resource", resource);
        exchange.remove("scope");
        if let Some(scope) = scope {
            exchange.set("scope", scope);
        }
        exchange.send(&world).await?.refusal(&["invalid_target", "invalid_scope", "invalid_request", "unauthorized_client"])?;
    }
    Ok(())
}

async fn not_wider(world: Arc<World>) -> Result<()> {
    let mut exchange = world.exchange();
    exchange.set("scope", &format!("{} admin no.such.scope", world.options.scope));
    let answer = exchange.send(&world).await?;
    if answer.status == 400 {
        return answer.refusal(&["invalid_scope"]);
    }
    let granted = world.granted(&answer).await?;
    let told = granted.body["scope"].as_str().context("the answer must say that the scope is another")?;
    ensure!(set(Some(told)).is_subset(&set(Some(&world.options.scope))), "`{told}` was granted");
    ensure!(granted.claim("scope") == told, "answer and token differ");
    Ok(())
}

fn set(scope: Option<&str>) -> HashSet<&str> {
    scope.unwrap_or_default().split(' ').collect()
}

fn words(scope: Option<&str>) -> usize {
    scope.unwrap_or_default().split(' ').count()
}
