//! `authorization_details` (RFC 9396), with one object that the agent may have.

mod refused;

use super::{Case, NotTried};
use crate::jose::Key;
use crate::world::{Exchange, Granted, TYPE, World};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::sync::Arc;

const CODE: &[&str] = &["invalid_authorization_details"];

pub(super) fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = refused::ROWS
        .iter()
        .map(|(slug, shows, covers, change)| {
            let change = *change;
            Case::new(format!("details.{slug}"), *shows, covers, move |w| async move {
                granted(&w, &json!([detail(&w)?])).await.context("without the flaw")?;
                let flawed = change(detail(&w)?);
                asking(&w, &flawed).send(&w).await?.refusal(CODE)
            })
        })
        .collect();
    cases.push(Case::new(
        "details.granted",
        "what is granted is in the token and in the answer, and no scope beside it",
        &["RAR-01", "RAR-08", "RAR-09"],
        |w| async move {
            let granted = granted(&w, &json!([detail(&w)?])).await?;
            ensure!(granted.claim("scope").is_null(), "nobody asked for a scope: {}", granted.claim("scope"));
            Ok(())
        },
    ));
    cases.push(Case::new("details.repeated-type", "two objects of one type", &["RAR-01", "RAR-02"], |w| async move {
        let granted = granted(&w, &json!([detail(&w)?, detail(&w)?])).await?;
        ensure!(granted.claim("authorization_details").as_array().is_some_and(|all| all.len() == 2));
        Ok(())
    }));
    cases.push(Case::new("details.with-scope", "a scope beside details: both are granted", &["RAR-04"], with_scope));
    cases.push(Case::new("details.metadata", "the metadata list the type", &["RAR-11"], metadata));
    cases.push(Case::new("details.locations", "locations of others are not in the token", &["RAR-05", "RAR-09"], locations));
    cases.push(Case::new("details.elsewhere", "no location at the target", &["RAR-09", "RES-05", "F04"], |w| async move {
        let elsewhere = json!([with(&detail(&w)?, "locations", json!(["https://elsewhere.example/"]))]);
        asking(&w, &elsewhere).send(&w).await?.refusal(CODE)
    }));
    cases.push(Case::new(
        "details.subject-ceiling",
        "the user's token permits something else",
        &["RAR-06", "F05"],
        subject_ceiling,
    ));
    cases.push(Case::new(
        "details.onward",
        "a token of the server's own hands on what it permits",
        &["RAR-06", "RAR-07"],
        onward,
    ));
    cases.push(Case::new("details.onward-wider", "and nothing more", &["RAR-06", "RAR-07", "F05"], onward_wider));
    cases.push(Case::new("details.twice", "the parameter twice", &["CORE-02"], |w| async move {
        let mut exchange = asking(&w, &json!([detail(&w)?]));
        exchange.add("authorization_details", &json!([detail(&w)?]).to_string());
        exchange.send(&w).await?.refusal(&["invalid_request"])
    }));
    cases
}

/// The object that the agent may have.
fn detail(world: &World) -> Result<Value> {
    world.options.detail.clone().ok_or(NotTried("no --detail was given").into())
}

fn with(detail: &Value, name: &str, value: Value) -> Value {
    let mut changed = detail.clone();
    changed[name] = value;
    changed
}

/// A request for these, and for no scope.
fn asking(world: &World, details: &Value) -> Exchange {
    let mut exchange = world.exchange();
    exchange.remove("scope");
    exchange.set("authorization_details", &details.to_string());
    exchange
}

/// What was granted; the token and the answer agree on it, and it is what was asked for.
async fn granted(world: &World, details: &Value) -> Result<Granted> {
    let granted = world.granted(&asking(world, details).send(world).await?).await?;
    let (said, told) = (granted.claim("authorization_details"), &granted.body["authorization_details"]);
    ensure!(said == told, "token and answer differ: {said} {told}");
    ensure!(same(said, details), "asked for {details}, got {said}");
    Ok(granted)
}

/// The same but for the order of entries in lists, which means nothing.
fn same(one: &Value, other: &Value) -> bool {
    let sorted = |list: &[Value]| -> Vec<String> {
        let mut texts: Vec<String> = list.iter().map(ToString::to_string).collect();
        texts.sort();
        texts
    };
    match (one, other) {
        (Value::Array(one), Value::Array(other)) if one.iter().all(Value::is_string) => sorted(one) == sorted(other),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len() && one.iter().all(|(name, value)| other.get(name).is_some_and(|other| same(value, other)))
        }
        _ => one == other,
    }
}

async fn with_scope(world: Arc<World>) -> Result<()> {
    let mut exchange = asking(&world, &json!([detail(&world)?]));
    exchange.set("scope", &world.options.scope);
    let granted = world.granted(&exchange.send(&world).await?).await?;
    ensure!(*granted.claim("scope") == world.options.scope, "`scope` is {}", granted.claim("scope"));
    ensure!(same(granted.claim("authorization_details"), &json!([detail(&world)?])));
    Ok(())
}

async fn metadata(world: Arc<World>) -> Result<()> {
    let kind = detail(&world)?["type"].clone();
    let listed = world.metadata["authorization_details_types_supported"].as_array().context("no list of types")?;
    ensure!(listed.contains(&kind), "{kind} is not among {listed:?}");
    Ok(())
}

async fn locations(world: Arc<World>) -> Result<()> {
    let ours = &world.options.resource;
    let asked = with(&detail(&world)?, "locations", json!([ours, "https://elsewhere.example/"]));
    let granted = world.granted(&asking(&world, &json!([asked])).send(&world).await?).await?;
    let locations = &granted.claim("authorization_details")[0]["locations"];
    ensure!(*locations == json!([ours]), "`locations` is {locations}");
    Ok(())
}

async fn subject_ceiling(world: Arc<World>) -> Result<()> {
    let mut user = world.id_token();
    user.claim("authorization_details", json!([{ "type": "urn:example:something-else" }]));
    let mut exchange = asking(&world, &json!([detail(&world)?]));
    exchange.set("subject_token", &user.sign());
    exchange.send(&world).await?.refusal(CODE)
}

/// A request for `details` by a token that permits one detail, with its key.
async fn further(world: &World, details: &Value) -> Result<Exchange> {
    let (key, one) = (Key::generate(), json!([detail(world)?]));
    let onward = |token: &str, details: &Value| {
        let mut exchange = world.exchange_with(&key);
        exchange.remove("scope");
        exchange.set("subject_token", token);
        exchange.set("subject_token_type", &format!("{TYPE}access_token"));
        exchange.set("authorization_details", &details.to_string());
        exchange
    };
    let mut first = asking(world, &one);
    first.proof = world.proof(&key);
    let token = world.granted(&first.send(world).await?).await?.token;
    if onward(&token, &one).send(world).await?.status != 200 {
        return Err(NotTried("the server exchanges none of its own tokens").into());
    }
    Ok(onward(&token, details))
}

async fn onward(world: Arc<World>) -> Result<()> {
    let details = json!([detail(&world)?]);
    let granted = world.granted(&further(&world, &details).await?.send(&world).await?).await?;
    ensure!(same(granted.claim("authorization_details"), &details), "got {}", granted.claim("authorization_details"));
    Ok(())
}

/// What limits the object, left out; it itself, twice, if it has a number.
async fn onward_wider(world: Arc<World>) -> Result<()> {
    let detail = detail(&world)?;
    let limits = detail.as_object().context("--detail is no object")?.keys().filter(|name| *name != "type");
    for limit in limits {
        let mut wider = detail.clone();
        wider.as_object_mut().and_then(|members| members.remove(limit));
        let answer = further(&world, &json!([wider])).await?.send(&world).await?;
        answer.refusal(CODE).with_context(|| format!("without `{limit}`"))?;
    }
    Ok(())
}
