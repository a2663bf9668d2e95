//! Targets, scopes and the kind of token that is asked for.

use super::{Case, NotTried};
use crate::world::{Exchange, World};
use anyhow::{Context, Result, bail, ensure};
use std::collections::HashSet;
use std::sync::Arc;

pub(super) fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = REFUSED
        .iter()
        .map(|(slug, shows, covers, codes, change)| {
            let (codes, change) = (*codes, *change);
            Case::new(
                format!("target.{slug}"),
                *shows,
                covers,
                move |w| async move {
                    let mut exchange = w.exchange();
                    change(&mut exchange, &w);
                    exchange.send(&w).await?.refusal(codes)
                },
            )
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
    cases.push(Case::new(
        "target.denied",
        "a target that policy denies this agent",
        &["RES-05", "TX-19", "F04"],
        denied,
    ));
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
                granted.body["scope"]
                    .as_str()
                    .is_some_and(|scope| !scope.is_empty()),
                "`scope` is {}",
                granted.body["scope"]
            );
            ensure!(
                granted.body["scope"] == *granted.claim("scope"),
                "answer and token differ"
            );
            Ok(())
        },
    ));
    cases.push(Case::new(
        "scope.not-wider",
        "scopes that do not belong to the target are never granted",
        &["RES-06", "TX-32", "AT-11", "F05"],
        not_wider,
    ));
    cases.push(Case::new(
        "scope.repeated",
        "a scope asked twice is granted once",
        &["CORE-10"],
        |w| async move {
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
        },
    ));
    cases
}

type Change = fn(&mut Exchange, &World);
type Row = (
    &'static str,
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
    Change,
);

const TARGET: &[&str] = &["invalid_target"];
const SYNTAX: &[&str] = &["invalid_target", "invalid_request"];
const SCOPE: &[&str] = &["invalid_scope"];
const REQUEST: &[&str] = &["invalid_request"];

const REFUSED: &[Row] = &[
    (
        "unknown",
        "a resource nobody knows",
        &["TX-19", "RES-03", "RES-05", "F04"],
        TARGET,
        |e, _| e.set("resource", "https://unknown.example/api"),
    ),
    (
        "relative",
        "a relative URI",
        &["TX-06", "RES-01"],
        SYNTAX,
        |e, _| e.set("resource", "/calendar"),
    ),
    (
        "fragment",
        "a fragment",
        &["TX-06", "RES-01"],
        SYNTAX,
        |e, w| e.set("resource", &format!("{}#x", w.options.resource)),
    ),
    (
        "not-a-uri",
        "no URI",
        &["TX-06", "RES-01"],
        SYNTAX,
        |e, _| e.set("resource", "not a uri"),
    ),
    (
        "slash",
        "a slash more",
        &["RES-05", "F04"],
        TARGET,
        |e, w| e.set("resource", &format!("{}/", w.options.resource)),
    ),
    (
        "longer",
        "a path below the target",
        &["RES-05", "F04"],
        TARGET,
        |e, w| e.set("resource", &format!("{}/x", w.options.resource)),
    ),
    (
        "host-case",
        "other letter case",
        &["RES-05", "F04"],
        TARGET,
        |e, w| e.set("resource", &w.options.resource.to_uppercase()),
    ),
    (
        "dots",
        "dot segments",
        &["RES-05", "F04"],
        SYNTAX,
        |e, w| e.set("resource", &format!("{}/../x", w.options.resource)),
    ),
    (
        "ourselves",
        "the server itself",
        &["RES-05", "F04"],
        TARGET,
        |e, w| e.set("resource", &w.options.issuer.clone()),
    ),
    (
        "two",
        "two resources",
        &["TX-12", "AT-11", "TX-06"],
        TARGET,
        |e, _| e.add("resource", "https://unknown.example/api"),
    ),
    ("none", "no target", &["RES-04", "AT-10"], SYNTAX, |e, _| {
        e.remove("resource")
    }),
    (
        "unknown-name",
        "a logical name nobody knows",
        &["TX-07", "TX-19", "F04"],
        TARGET,
        |e, _| {
            e.remove("resource");
            e.set("audience", "nobody");
        },
    ),
    (
        "unknown-scope",
        "a scope the target does not have",
        &["CORE-10", "RES-03", "F05"],
        SCOPE,
        |e, _| e.set("scope", "no.such.scope"),
    ),
    (
        "scope-case",
        "a scope in capitals",
        &["TX-08", "F05"],
        SCOPE,
        |e, w| e.set("scope", &w.options.scope.to_uppercase()),
    ),
    (
        "scope-prefix",
        "only the beginning of a scope",
        &["TX-08", "F05"],
        SCOPE,
        |e, w| {
            let scope = &w.options.scope;
            e.set("scope", &scope[..scope.len() - 1]);
        },
    ),
    ("scope-wildcard", "a wildcard", &["F05"], SCOPE, |e, _| {
        e.set("scope", "*")
    }),
    (
        "scope-quote",
        "a quote in a scope",
        &["TX-08", "CORE-10"],
        SCOPE,
        |e, w| e.set("scope", &format!("{}\"", w.options.scope)),
    ),
    (
        "scope-tab",
        "a tab in a scope",
        &["CORE-10"],
        SCOPE,
        |e, w| e.set("scope", &format!("{}\tx", w.options.scope)),
    ),
    (
        "scope-double-space",
        "two spaces between scopes",
        &["CORE-10"],
        SCOPE,
        |e, w| e.set("scope", &format!("{0}  {0}", w.options.scope)),
    ),
    (
        "scope-not-ascii",
        "a letter outside ASCII in a scope",
        &["CORE-10"],
        SCOPE,
        |e, _| e.set("scope", "calend\u{430}r.read"),
    ),
    (
        "wanted-unknown",
        "an unknown kind of token is asked for",
        &["TX-09"],
        REQUEST,
        |e, _| e.set("requested_token_type", "urn:example:token"),
    ),
    (
        "wanted-refresh-token",
        "a refresh token is asked for",
        &["TX-09", "TX-17"],
        REQUEST,
        |e, _| {
            e.set(
                "requested_token_type",
                "urn:ietf:params:oauth:token-type:refresh_token",
            );
        },
    ),
    (
        "wanted-saml",
        "SAML is asked for",
        &["TX-09"],
        REQUEST,
        |e, _| {
            e.set(
                "requested_token_type",
                "urn:ietf:params:oauth:token-type:saml2",
            );
        },
    ),
    (
        "wanted-wit-for-user",
        "a WIT is asked for with a user as subject",
        &["WIT-17", "TX-05", "F01"],
        REQUEST,
        |e, _| {
            e.set("requested_token_type", "urn:procura:token-type:wit");
        },
    ),
];

async fn logical_name(world: Arc<World>) -> Result<()> {
    let Some(name) = &world.options.audience else {
        bail!(NotTried("no --audience given"))
    };
    let mut exchange = world.exchange();
    exchange.remove("resource");
    exchange.set("audience", name);
    let granted = world.granted(&exchange.send(&world).await?).await?;
    ensure!(
        granted.claim("aud") == &*world.options.resource,
        "`aud` is {}",
        granted.claim("aud")
    );
    Ok(())
}

async fn name_and_resource(world: Arc<World>) -> Result<()> {
    let Some(name) = &world.options.audience else {
        bail!(NotTried("no --audience given"))
    };
    let mut exchange = world.exchange();
    exchange.set("audience", name);
    let answer = exchange.send(&world).await?;
    if answer.status == 200 {
        let granted = world.granted(&answer).await?;
        ensure!(
            granted.claim("aud") == &*world.options.resource,
            "`aud` is {}",
            granted.claim("aud")
        );
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
    let Some(resource) = &world.options.denied_resource else {
        bail!(NotTried("no --denied-resource given"))
    };
    for scope in [None, Some("files.read"), Some(world.options.scope.as_str())] {
        let mut exchange = world.exchange();
        exchange.set("resource", resource);
        exchange.remove("scope");
        if let Some(scope) = scope {
            exchange.set("scope", scope);
        }
        exchange.send(&world).await?.refusal(&[
            "invalid_target",
            "invalid_scope",
            "invalid_request",
            "unauthorized_client",
        ])?;
    }
    Ok(())
}

async fn not_wider(world: Arc<World>) -> Result<()> {
    let mut exchange = world.exchange();
    exchange.set(
        "scope",
        &format!("{} admin no.such.scope", world.options.scope),
    );
    let answer = exchange.send(&world).await?;
    if answer.status == 400 {
        return answer.refusal(&["invalid_scope"]);
    }
    let granted = world.granted(&answer).await?;
    let told = granted.body["scope"]
        .as_str()
        .context("the answer must say that the scope is another")?;
    ensure!(
        set(Some(told)).is_subset(&set(Some(&world.options.scope))),
        "`{told}` was granted"
    );
    ensure!(granted.claim("scope") == told, "answer and token differ");
    Ok(())
}

fn set(scope: Option<&str>) -> HashSet<&str> {
    scope.unwrap_or_default().split(' ').collect()
}

fn words(scope: Option<&str>) -> usize {
    scope.unwrap_or_default().split(' ').count()
}
