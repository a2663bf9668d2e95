//! Workload identity tokens from the token endpoint.

mod token;

use super::Case;
use crate::jose::{Key, mirrored, thumbprint, verify};
use crate::world::{Exchange, Granted, Present, World};
use anyhow::{Context, Result, ensure};
use std::sync::Arc;

/// Asks for a WIT and verifies it with the bundle.
pub(super) async fn issued(world: &World, key: &Key) -> Result<Granted> {
    let answer = world.wit_request(key).send(world).await?;
    let body = answer.success()?;
    let token = body["access_token"].as_str().context("no `access_token`")?.to_owned();
    let parts = verify(&token, &world.bundle().await?, &["wit-svid"])?;
    Ok(Granted { token, parts, body })
}

type Judge = fn(&World, &Granted, &Key) -> Result<()>;
type Row = (&'static str, &'static str, &'static [&'static str], Judge);

pub(super) fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = token::ROWS
        .iter()
        .map(|(slug, shows, covers, judge)| {
            let judge = *judge;
            Case::new(format!("wit.{slug}"), *shows, covers, move |w| async move {
                let key = Key::generate();
                judge(&w, &issued(&w, &key).await?, &key)
            })
        })
        .collect();
    cases.extend(REFUSED.iter().map(|(slug, shows, covers, change)| {
        let change = *change;
        Case::new(format!("wit.{slug}"), *shows, covers, move |w| async move {
            let mut exchange = w.wit_request(&Key::generate());
            change(&mut exchange, &w);
            exchange.send(&w).await?.refusal(&["invalid_request", "invalid_dpop_proof", "invalid_client", "unauthorized_client"])
        })
    }));
    cases.push(Case::new("wit.svid-once", "one JWT-SVID buys one WIT", &["SPIFFECA-17", "F09", "F23"], svid_once));
    cases.push(Case::new(
        "wit.svid-once-mirrored",
        "the same JWT-SVID with its other signature is the same",
        &["SPIFFECA-17", "F23", "F27"],
        svid_once_mirrored,
    ));
    cases.push(Case::new(
        "wit.svid-once-race",
        "fifty requests at once with one JWT-SVID buy one WIT",
        &["SPIFFECA-17", "F15", "F23"],
        svid_once_race,
    ));
    cases.push(Case::new(
        "wit.renewed",
        "a WIT with its key buys another for that key, which ends no later",
        &["WIT-25", "WSVID-21", "TX-32"],
        renewed,
    ));
    cases.push(Case::new(
        "wit.renewed-other-key",
        "a WIT without its key buys nothing",
        &["WIT-25", "WSVID-21", "WSVID-22", "F09"],
        |w| async move {
            let wit = issued(&w, &Key::generate()).await?.token;
            let mut exchange = w.wit_request(&Key::generate());
            exchange.set("subject_token", &wit);
            exchange.send(&w).await?.refusal(&["invalid_request", "invalid_dpop_proof"])
        },
    ));
    cases.push(Case::new("wit.names", "each WIT has a `jti` of its own", &["WSVID-10", "WIT-20"], |w| async move {
        let mut names = std::collections::HashSet::new();
        for _ in 0..5 {
            let wit = issued(&w, &Key::generate()).await?;
            ensure!(names.insert(wit.claim("jti").to_string()), "two WITs are called {}", wit.claim("jti"));
        }
        Ok(())
    }));
    cases.push(Case::new(
        "wit.not-in-access-keys",
        "a WIT is not signed with a key for access tokens",
        &["WSVID-24", "BCP-13"],
        |w| async move {
            let granted = issued(&w, &Key::generate()).await?;
            ensure!(verify(&granted.token, &w.jwks().await?, &["sig"]).is_err(), "the key is in `jwks_uri` too");
            Ok(())
        },
    ));
    cases
}

type Change = fn(&mut Exchange, &World);

const REFUSED: &[(&str, &str, &[&str], Change)] = &[
    ("without-proof", "no proof, no key to bind", &["WIT-21", "DPOP-18"], |e, _| e.present = Present::Never),
    ("for-another", "for another workload than the caller", &["WIT-11", "F09"], |e, w| {
        let mut svid = w.svid();
        svid.claim("sub", format!("spiffe://{}/agent/other", w.options.trust_domain));
        e.set("subject_token", &svid.sign());
    }),
    ("for-user", "for a user", &["WIT-17", "F01"], |e, w| {
        e.set("subject_token", &w.id_token().sign());
        e.set("subject_token_type", "urn:ietf:params:oauth:token-type:id_token");
    }),
    ("subject-without-key", "`typ` wit+jwt on a subject without key", &["WIT-21", "WSVID-08"], |e, w| {
        let mut svid = w.svid();
        svid.head("typ", "wit+jwt");
        e.set("subject_token", &svid.sign());
    }),
    ("subject-other-audience", "a subject SVID for another service", &["JSVID-08", "F09"], |e, w| {
        let mut svid = w.svid();
        svid.claim("aud", "https://other.example");
        e.set("subject_token", &svid.sign());
    }),
    ("bearer-wit", "a WIT as client assertion", &["WIT-26", "WSVID-22"], |e, w| {
        let mut svid = w.svid();
        svid.head("typ", "wit+jwt");
        e.set("client_assertion", &svid.sign());
    }),
];

async fn renewed(world: Arc<World>) -> Result<()> {
    let key = Key::generate();
    let first = issued(&world, &key).await?;
    let mut exchange = world.wit_request(&key);
    exchange.set("subject_token", &first.token);
    let answer = exchange.send(&world).await?;
    if answer.status != 200 {
        return answer.refusal(&["invalid_request", "unauthorized_client"]);
    }
    let second = verify(answer.success()?["access_token"].as_str().unwrap_or_default(), &world.bundle().await?, &["wit-svid"])?;
    let jwk = &second.claims["cnf"]["jwk"];
    ensure!(thumbprint(jwk) == thumbprint(&key.public()), "`cnf.jwk` is {jwk}");
    ensure!(second.claims["exp"].as_i64() <= first.claim("exp").as_i64(), "the second WIT ends later than the first");
    Ok(())
}

/// Two ECDSA signatures fit every message; the second needs no key.
async fn svid_once_mirrored(world: Arc<World>) -> Result<()> {
    let svid = world.svid().sign();
    for (svid, first) in [(svid.clone(), true), (mirrored(&svid)?, false)] {
        let mut exchange = world.wit_request(&Key::generate());
        exchange.set("client_assertion", &svid);
        exchange.set("subject_token", &svid);
        let answer = exchange.send(&world).await?;
        match first {
            true => drop(answer.success()?),
            false => answer.refusal(&["invalid_request", "invalid_client"])?,
        }
    }
    Ok(())
}

async fn svid_once_race(world: Arc<World>) -> Result<()> {
    issued(&world, &Key::generate()).await?;
    let svid = world.svid().sign();
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (world, mut exchange) = (world.clone(), world.wit_request(&Key::generate()));
        exchange.set("client_assertion", &svid);
        exchange.set("subject_token", &svid);
        running.spawn(async move { exchange.send(&world).await.map(|answer| answer.status) });
    }
    let mut granted = 0;
    while let Some(status) = running.join_next().await {
        granted += usize::from(status?? == 200);
    }
    ensure!(granted == 1, "{granted} WITs for one SVID");
    Ok(())
}

async fn svid_once(world: Arc<World>) -> Result<()> {
    let svid = world.svid().sign();
    let request = |key: &Key| {
        let mut exchange = world.wit_request(key);
        exchange.set("client_assertion", &svid);
        exchange.set("subject_token", &svid);
        exchange
    };
    request(&Key::generate()).send(&world).await?.success()?;
    let again = request(&Key::generate()).send(&world).await?;
    again.refusal(&["invalid_request", "invalid_client"])
}
