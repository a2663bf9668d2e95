//! WITs that are wrong beside a WPT that is right: the WIT is judged first.

use super::unauthorized;
use crate::cases::flaw::{Flaw, flaw};
use crate::cases::{Case, NotTried};
use crate::clock::now;
use crate::jose::{Draft, Key, thumbprint};
use crate::world::{Workload, World};
use anyhow::{Context, Result};
use serde_json::json;
use std::sync::Arc;

pub(super) fn cases() -> Vec<Case> {
    FLAWS
        .iter()
        .map(|flaw| {
            let covers: Vec<&'static str> = [&["WPT-14"], flaw.covers].concat();
            let spoil = flaw.spoil;
            Case::new(format!("wpt.wit-{}", flaw.slug), flaw.shows, &covers, move |w| async move {
                let key = Key::generate();
                accepted(&w, &key).await?;
                let mut wit = own(&w, &key)?;
                spoil(&mut wit, &w);
                unauthorized(&shown(&w, key, &wit).await?)
            })
        })
        .collect()
}

fn own(world: &World, key: &Key) -> Result<Draft> {
    world.own_wit(key).context(NotTried("no --wit-key given"))
}

async fn shown(world: &World, key: Key, wit: &Draft) -> Result<crate::world::Answer> {
    world.wpt_call(&Workload::with_wit(key, wit.sign())).send(world).await
}

/// A WIT that the runner signs is as good as the server's, until it is spoilt.
async fn accepted(world: &Arc<World>, key: &Key) -> Result<()> {
    let answer = shown(world, key.clone(), &own(world, key)?).await?;
    world.granted(&answer).await.map(drop).context("even without the flaw")
}

const FLAWS: &[Flaw] = &[
    flaw("signature", "one bit of the WIT's signature changed", &["WIT-37", "WPT-23"], |d, _| {
        d.finish = |token| {
            let (message, signature) = token.rsplit_once('.').unwrap_or((&token, ""));
            let first = if signature.starts_with('A') { 'B' } else { 'A' };
            format!("{message}.{first}{}", &signature[1..])
        };
    }),
    flaw("key-other", "signed by a key of somebody else", &["WIT-07", "WIT-37"], |d, _| d.key = Key::generate()),
    flaw("key-of-svids", "signed by the key for JWT-SVIDs", &["WIT-07", "WSVID-25"], |d, w| {
        d.key = w.options.svid_key.clone();
        d.head("kid", w.options.svid_key.kid.clone());
    }),
    flaw("kid-unknown", "a `kid` nobody knows", &["WIT-09"], |d, _| d.head("kid", "nobody")),
    flaw("kid-missing", "no `kid`", &["WIT-09", "WSVID-05"], |d, _| drop(d.header.remove("kid"))),
    flaw("typ-jwt", "`typ` is JWT", &["WIT-14", "WIT-36"], |d, _| d.head("typ", "JWT")),
    flaw("typ-access-token", "`typ` is at+jwt", &["WIT-14", "WIT-36"], |d, _| d.head("typ", "at+jwt")),
    flaw("typ-old", "`typ` of earlier drafts", &["WIT-14", "WIT-36"], |d, _| d.head("typ", "wimse-id+jwt")),
    flaw("expired", "expired ten minutes ago", &["WIT-18", "WIT-50", "WIT-57"], |d, _| d.claim("exp", now() - 600)),
    flaw("exp-missing", "no `exp`", &["WIT-18"], |d, _| drop(d.claims.remove("exp"))),
    flaw(
        "other-domain",
        "a workload of another trust domain",
        &["WIT-04", "WIT-07", "WIT-48", "WIT-53", "F17", "W3", "W7"],
        |d, _| {
            d.claim("sub", "spiffe://other.example/agent/planner");
        },
    ),
    flaw("other-scheme", "the same name under `wimse://`", &["WIT-04", "WIT-46", "W2"], |d, w| {
        d.claim("sub", w.options.agent.replacen("spiffe", "wimse", 1));
    }),
    flaw(
        "unknown-workload",
        "a workload that is no client, though its name begins alike",
        &["WIT-47", "WID-25", "F13", "W4"],
        |d, w| {
            d.claim("sub", w.options.agent.replacen("/agent/", "/agents/", 1));
        },
    ),
    flaw("domain-only", "the trust domain itself", &["WID-02", "W8"], |d, w| {
        d.claim("sub", format!("spiffe://{}", w.options.trust_domain));
    }),
    flaw("percent", "a percent-encoded letter", &["WIT-01", "F13", "W1"], |d, w| {
        d.claim("sub", w.options.agent.replace("/agent/", "/%61gent/"));
    }),
    flaw("dots", "dot segments", &["WIT-01", "F13", "W5"], |d, w| {
        d.claim("sub", w.options.agent.replace("/agent/", "/agent/../agent/"));
    }),
    flaw("encoded-dots", "percent-encoded dot segments", &["WIT-01", "F13", "W6"], |d, w| {
        d.claim("sub", w.options.agent.replace("/agent/", "/agent/%2e%2e/agent/"));
    }),
    flaw("subject-missing", "no `sub`", &["WIT-17", "WIT-35"], |d, _| drop(d.claims.remove("sub"))),
    flaw("subject-list", "`sub` is a list", &["WIT-17", "WIT-35"], |d, w| d.claim("sub", json!([w.options.agent]))),
    flaw("audience", "an audience, which no WIT-SVID has", &["WSVID-17"], |d, w| d.claim("aud", w.options.issuer.clone())),
    flaw("cnf-missing", "no `cnf`", &["WIT-21", "CNF-01"], |d, _| drop(d.claims.remove("cnf"))),
    flaw("cnf-thumbprint", "only the thumbprint of the key", &["WIT-21", "CNF-02"], |d, _| {
        let jkt = thumbprint(&d.claims["cnf"]["jwk"]);
        d.claim("cnf", json!({"jkt": jkt}));
    }),
    flaw("cnf-no-algorithm", "a key without its algorithm", &["WIT-22", "WIT-38"], |d, _| {
        if let Some(jwk) = d.claims["cnf"]["jwk"].as_object_mut() {
            jwk.remove("alg");
        }
    }),
    flaw("cnf-symmetric", "a symmetric algorithm for the key", &["WIT-23", "WIT-38"], |d, _| {
        d.claims["cnf"]["jwk"]["alg"] = "HS256".into();
    }),
    flaw("cnf-two", "a second key", &["CNF-02"], |d, _| d.claims["cnf"]["jku"] = "https://other.example/key".into()),
    flaw("cnf-private", "the private key is in it", &["CNF-03", "F20"], |d, _| d.claims["cnf"]["jwk"]["d"] = "AAAA".into()),
    flaw("actor", "a WIT that has an actor", &["WIT-28", "F09"], |d, w| d.claim("act", json!({"sub": w.options.agent}))),
];
