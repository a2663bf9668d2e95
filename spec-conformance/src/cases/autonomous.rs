//! A workload that acts in its own name (`client_credentials`, RFC 6749 section 4.4), and how that is told from a delegation.

use super::{Case, NotTried};
use crate::jose::Key;
use crate::world::{Exchange, Granted, Own, TYPE, World};
use anyhow::{Context, Result, ensure};
use std::sync::Arc;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        Case::new(
            "autonomous.granted",
            "the token names the workload alone: it is `sub`, and nobody acts",
            &["ARCH-09", "AT-05", "AT-04", "F07"],
            |w| async move {
                let (token, own) = (granted(&w, &Key::generate()).await?, own(&w)?);
                for name in ["sub", "client_id"] {
                    ensure!(*token.claim(name) == own.agent, "`{name}` is {}", token.claim(name));
                }
                for name in ["act", "may_act", "delegation", "auth_time", "acr", "amr"] {
                    ensure!(token.claim(name).is_null(), "`{name}` is {}", token.claim(name));
                }
                ensure!(*token.claim("aud") == own.resource && *token.claim("scope") == own.scope);
                Ok(())
            },
        ),
        Case::new("autonomous.bound", "it is bound to the key of the proof", &["DPOP-25", "CNF-02", "F08"], |w| async move {
            let key = Key::generate();
            let token = granted(&w, &key).await?;
            ensure!(token.claim("cnf")["jkt"] == crate::jose::thumbprint(&key.public()), "`cnf` is {}", token.claim("cnf"));
            ensure!(token.body["token_type"].as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("dpop")));
            Ok(())
        }),
        Case::new("autonomous.metadata", "the metadata list the grant", &["ARCH-09"], |w| async move {
            own(&w)?;
            let grants = w.metadata["grant_types_supported"].as_array().context("no list of grants")?;
            ensure!(grants.iter().any(|grant| grant == "client_credentials"), "{grants:?}");
            Ok(())
        }),
        Case::new(
            "autonomous.not-delegable",
            "nobody acts on with it: it is nobody's delegation",
            &["ARCH-09", "F02"],
            not_delegable,
        ),
        Case::new(
            "autonomous.no-fallback",
            "an exchange without its subject does not fall back to the workload's own rights",
            &["TX-02", "F02"],
            no_fallback,
        ),
        Case::new("autonomous.not-permitted", "an agent without rights of its own", &["CORE-07", "ARCH-09"], |w| async move {
            own(&w)?;
            let mut exchange = w.own_request(&Key::generate(), &w.options.agent.clone());
            exchange.set("resource", &w.options.resource);
            exchange.send(&w).await?.refusal(&["unauthorized_client", "invalid_target", "invalid_scope"])
        }),
        Case::new("autonomous.unproved", "without a proof", &["DPOP-18", "BCP-21"], |w| async move {
            let mut exchange = asking(&w, &Key::generate())?;
            exchange.present = crate::world::Present::Never;
            exchange.send(&w).await?.refusal(&["invalid_dpop_proof", "invalid_request"])
        }),
        Case::new("autonomous.other-scope", "a scope beyond its own", &["CORE-10", "F05"], |w| async move {
            let mut exchange = asking(&w, &Key::generate())?;
            exchange.set("scope", "no.such.scope");
            exchange.send(&w).await?.refusal(&["invalid_scope"])
        }),
        Case::new("autonomous.unknown-target", "a target nobody knows", &["RES-03", "F04"], |w| async move {
            let mut exchange = asking(&w, &Key::generate())?;
            exchange.set("resource", "https://unknown.example/api");
            exchange.send(&w).await?.refusal(&["invalid_target"])
        }),
    ];
    for (slug, name, value) in [
        ("subject-token", "subject_token", None),
        ("subject-type", "subject_token_type", Some("id_token")),
        ("actor-token", "actor_token", None),
        ("wanted", "requested_token_type", Some("access_token")),
    ] {
        cases.push(Case::new(
            format!("autonomous.{slug}"),
            format!("`{name}` beside it"),
            &["ARCH-09", "F02"],
            move |w| async move {
                let mut exchange = asking(&w, &Key::generate())?;
                let token = || w.id_token().sign();
                exchange.set(name, &value.map_or_else(token, |kind| format!("{TYPE}{kind}")));
                exchange.send(&w).await?.refusal(&["invalid_request"])
            },
        ));
    }
    cases
}

fn own(world: &World) -> Result<&Own> {
    world.options.own.as_ref().ok_or(NotTried("no --own-agent was given").into())
}

/// The workload asks for itself.
fn asking(world: &World, key: &Key) -> Result<Exchange> {
    let own = own(world)?;
    let mut exchange = world.own_request(key, &own.agent);
    exchange.set("resource", &own.resource);
    exchange.set("scope", &own.scope);
    Ok(exchange)
}

async fn granted(world: &World, key: &Key) -> Result<Granted> {
    world.own_granted(&asking(world, key)?.send(world).await?).await
}

async fn not_delegable(world: Arc<World>) -> Result<()> {
    let (key, own) = (Key::generate(), own(&world)?);
    let token = granted(&world, &key).await?.token;
    let mut exchange = world.own_request(&key, &own.agent);
    exchange.set("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange");
    exchange.set("subject_token", &token);
    exchange.set("subject_token_type", &format!("{TYPE}access_token"));
    exchange.set("resource", &own.resource);
    exchange.send(&world).await?.refusal(&["invalid_request", "invalid_target"])
}

async fn no_fallback(world: Arc<World>) -> Result<()> {
    let mut exchange = asking(&world, &Key::generate())?;
    exchange.set("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange");
    exchange.send(&world).await?.refusal(&["invalid_request"])?;
    exchange.set("subject_token", "");
    exchange.set("subject_token_type", &format!("{TYPE}id_token"));
    exchange.send(&world).await?.refusal(&["invalid_request"])
}
