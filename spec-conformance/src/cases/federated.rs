//! A second trust domain, with a bundle of its own: each vouches for its own workloads, and for nobody else.

use super::Case;
use crate::clock::now;
use crate::jose::{Draft, Key, unique};
use crate::world::{Answer, Exchange, Federated, Workload, World};
use anyhow::{Context, Result, ensure};
use serde_json::json;
use std::sync::Arc;

type Spoil = fn(&mut Draft, &World) -> Result<()>;
type Row = (&'static str, &'static str, &'static [&'static str], Spoil);

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![Case::new(
        "federated.good",
        "a workload of the other trust domain, by the key in its bundle",
        &["BUNDLE-01", "SPIFFECA-04", "SPIFFECA-09", "WIT-04"],
        |w| async move { good(&w).await },
    )];
    cases.extend(SVIDS.iter().map(|(slug, shows, covers, spoil)| {
        let spoil = *spoil;
        Case::new(format!("federated.{slug}"), *shows, covers, move |w| async move {
            good(&w).await.context("even without the flaw")?;
            let mut svid = w.federated_svid()?;
            spoil(&mut svid, &w)?;
            exchange(&w, &svid)?.send(&w).await?.unauthenticated()
        })
    }));
    cases.push(Case::new(
        "federated.path-alone",
        "a workload with the path of one that may do more elsewhere",
        &["WID-22", "WID-25", "SID-12", "W7"],
        path_alone,
    ));
    cases.push(Case::new("federated.wit", "a WIT by the key for WITs in its bundle", &["WSVID-24", "WIT-04"], |w| async move {
        let answer = with_wit(&w, |_, _| Ok(())).await?;
        w.granted(&answer).await.map(drop)
    }));
    cases.extend(WITS.iter().map(|(slug, shows, covers, spoil)| {
        let spoil = *spoil;
        Case::new(format!("federated.{slug}"), *shows, covers, move |w| async move {
            w.granted(&with_wit(&w, |_, _| Ok(())).await?).await.context("even without the flaw")?;
            with_wit(&w, spoil).await?.unauthenticated()
        })
    }));
    cases
}

const SVIDS: &[Row] = &[
    (
        "its-key-our-name",
        "its key signs for a workload of ours, under the name of our key",
        &["SID-08", "SPIFFECA-04", "WID-21", "FED-04", "BUNDLE-01", "F17", "F33", "W3", "W7"],
        |d, w| {
            d.claim("sub", w.options.agent.clone());
            Ok(())
        },
    ),
    (
        "our-key-its-name",
        "our key signs for a workload of its, under the name of its key",
        &["SID-08", "SPIFFECA-04", "WID-21", "FED-04", "BUNDLE-01", "F17", "F33", "W3", "W7"],
        |d, w| {
            d.key = w.options.svid_key.clone();
            Ok(())
        },
    ),
    ("key-for-wits", "its key for WITs signs a JWT-SVID", &["JSVID-14", "SPIFFECA-04", "WAPI-09", "F17"], |d, w| {
        signed(d, &w.guests()?.wit);
        Ok(())
    }),
    ("key-without-use", "a key without `use` signs a JWT-SVID", &["JSVID-14", "BUNDLE-06", "F17"], |d, w| {
        signed(d, &w.guests()?.useless);
        Ok(())
    }),
    ("key-of-platform", "the platform's key signs a JWT-SVID", &["SPIFFECA-04", "F17"], |d, w| {
        signed(d, &w.guests()?.platform);
        Ok(())
    }),
    ("prefix", "a path that only begins like the one that may call", &["SPIFFECA-05", "WID-25", "F13", "W4"], |d, _| {
        d.claim("sub", Federated::AGENT.replacen("/agent/", "/agents/", 1));
        Ok(())
    }),
    ("directory", "the path above the ones that may call", &["SPIFFECA-05", "F13", "W8"], |d, _| {
        d.claim("sub", Federated::AGENT.trim_end_matches("/planner"));
        Ok(())
    }),
];

const WITS: &[Row] = &[
    ("wit-our-name", "its key for WITs signs for a workload of ours", &["WIT-04", "WIT-07", "SID-08", "F17", "W3"], |d, w| {
        d.claim("sub", w.options.agent.clone());
        Ok(())
    }),
    ("wit-by-key-for-svids", "its key for JWT-SVIDs signs a WIT", &["WSVID-25", "WAPI-09", "F17"], |d, w| {
        signed(d, &w.guests()?.domain);
        Ok(())
    }),
    (
        "wit-by-the-service",
        "the service's own key, which is for other trust domains",
        &["WIT-04", "WIT-07", "F17", "W3"],
        |d, w| {
            signed(d, w.options.wit_key.as_ref().context(super::NotTried("no --wit-key given"))?);
            Ok(())
        },
    ),
];

fn signed(draft: &mut Draft, key: &Key) {
    draft.key = key.clone();
    draft.head("kid", key.kid.clone());
}

fn exchange(world: &World, svid: &Draft) -> Result<Exchange> {
    let mut exchange = world.exchange();
    exchange.url = world.guest_endpoint()?;
    exchange.set("client_assertion", &svid.sign());
    Ok(exchange)
}

async fn good(world: &World) -> Result<()> {
    let granted = world.granted(&exchange(world, &world.federated_svid()?)?.send(world).await?).await?;
    ensure!(granted.claim("client_id") == Federated::AGENT, "`client_id` is {}", granted.claim("client_id"));
    Ok(())
}

/// What the same path may do in our trust domain, it may not in another.
async fn path_alone(world: Arc<World>) -> Result<()> {
    good(&world).await.context("even without the flaw")?;
    let ours = world.options.agent.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map(|(_, path)| path);
    ensure!(Federated::AGENT.ends_with(ours.unwrap_or("?")), "the paths differ: {ours:?}");
    let mut exchange = exchange(&world, &world.federated_svid()?)?;
    exchange.set("scope", "calendar.write");
    exchange.send(&world).await?.refusal(&["invalid_scope", "invalid_target", "invalid_request"])
}

/// The workload shows a WIT and a WPT.
async fn with_wit(world: &World, spoil: Spoil) -> Result<Answer> {
    let (key, guests) = (Key::generate(), world.guests()?);
    let mut jwk = key.public();
    jwk["alg"] = key.algorithm().into();
    let claims = json!({"sub": Federated::AGENT, "iat": now(), "exp": now() + 300, "jti": unique(), "cnf": {"jwk": jwk}});
    let mut wit = Draft::new(json!({"typ": "wit+jwt", "alg": "ES256", "kid": guests.wit.kid}), claims, guests.wit.clone());
    spoil(&mut wit, world)?;
    let mut call = world.wpt_call(&Workload::with_wit(key, wit.sign()));
    call.exchange.url = world.guest_endpoint()?;
    call.send(world).await
}
