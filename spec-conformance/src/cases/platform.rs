//! Callers known by what their platform (a CI system, a cloud) says of them.

mod claim;
mod disabled;
mod name;
mod wit;

use super::Case;
use super::flaw::{ANY, EXPIRING, Flaw, Spoil, flaw};
use crate::jose::{Draft, thumbprint};
use crate::world::{Answer, Exchange, Platform, Present, World};
use anyhow::{Context, Result, ensure};
use serde_json::json;
use std::sync::Arc;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        Case::new(
            "platform.good",
            "a job is known by the identifier that the rule gives it, and its token is bound to its key",
            &["ASSERT-01", "PRAC-05", "PRAC-06", "TX-10", "DPOP-20"],
            good,
        ),
        Case::new("platform.metadata", "the metadata name the way to authenticate", &["META-07", "ASSERT-01"], metadata),
    ];
    // A platform signs with RSA: what is another family to the rest is its own.
    let fits = |flaw: &&Flaw| flaw.slug != "algorithm-other-family";
    cases.extend(ANY.iter().chain(EXPIRING).filter(fits).chain(claim::FLAWS).map(spoiled));
    cases.extend(GOOD.iter().map(varied));
    cases.extend(REQUESTS.iter().map(request));
    cases.extend(name::cases());
    cases.extend(wit::cases());
    cases.extend(disabled::cases());
    cases
}

/// The answer to a job whose token was changed.
pub(super) async fn answered(world: &World, change: impl FnOnce(&mut Draft)) -> Result<Answer> {
    let mut token = world.platform_token()?;
    change(&mut token);
    world.platform_exchange(&token.sign())?.send(world).await
}

fn spoiled(flaw: &Flaw) -> Case {
    let covers: Vec<&'static str> = [&["ASSERT-03", "ASSERT-04"], flaw.covers].concat();
    let spoil: Spoil = flaw.spoil;
    Case::new(format!("platform.{}", flaw.slug), flaw.shows, &covers, move |w| async move {
        answered(&w, |token| spoil(token, &w)).await?.unauthenticated()
    })
}

fn varied(flaw: &Flaw) -> Case {
    let spoil = flaw.spoil;
    Case::new(format!("platform.{}", flaw.slug), flaw.shows, flaw.covers, move |w| async move {
        let caller = w.platform_caller(&answered(&w, |token| spoil(token, &w)).await?).await?;
        ensure!(caller == Platform::id("2002"), "the caller is {caller}");
        Ok(())
    })
}

const GOOD: &[Flaw] = &[
    flaw("audience-list", "`aud` as a list of one", &["PRAC-02", "ASSERT-06"], |d, w| d.claim("aud", json!([w.options.issuer]))),
    flaw("typ-missing", "`typ` may be absent", &["PRAC-01", "ASSERT-07"], |d, _| drop(d.header.remove("typ"))),
    flaw("more-claims", "claims nobody knows", &["BCP-18"], |d, _| d.claim("example.com/x", json!({"a": [1]}))),
    flaw("renamed", "other names, the same ids: the same workload", &["PRAC-06", "WID-12"], |d, _| {
        d.claim("repository", "octo/application");
        d.claim("repository_owner", "octopus");
        d.claim("sub", "repo:octopus/application:ref:refs/heads/main");
    }),
];

async fn good(world: Arc<World>) -> Result<()> {
    let exchange = world.platform_exchange(&world.platform_token()?.sign())?;
    let answer = exchange.send(&world).await?;
    let caller = world.platform_caller(&answer).await?;
    ensure!(caller == Platform::id("2002"), "the caller is {caller}");
    let granted = world.granted(&answer).await?;
    let jkt = json!({"jkt": thumbprint(&exchange.proof.key.public())});
    ensure!(granted.claim("cnf") == &jkt, "`cnf` is {}", granted.claim("cnf"));
    Ok(())
}

async fn metadata(world: Arc<World>) -> Result<()> {
    let node = world.guests()?.node.trim_end_matches('/').to_owned();
    let document = world.get(&format!("{node}/.well-known/oauth-authorization-server")).await?.json()?;
    let methods = document["token_endpoint_auth_methods_supported"].as_array().context("no methods")?.clone();
    let ours = world.metadata["token_endpoint_auth_methods_supported"].as_array().context("no methods")?;
    ensure!(methods.iter().any(|method| !ours.contains(method)), "with a platform {methods:?}, without {ours:?}");
    Ok(())
}

type Row = (&'static str, &'static str, &'static [&'static str], &'static [&'static str], fn(&mut Exchange, &World));

/// What is refused, and how.
const CLIENT: &[&str] = &["invalid_client"];

const REQUESTS: &[Row] = &[
    ("type-jwt-spiffe", "a job's token declared as JWT-SVID", &["SPIFFECA-01", "BCP-13", "F01"], CLIENT, |e, _| {
        e.set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe");
    }),
    ("svid", "a JWT-SVID declared as a job's token", &["SPIFFECA-01", "BCP-13", "F01"], CLIENT, |e, w| {
        e.set("client_assertion", &w.svid().sign());
    }),
    ("id-token", "a user's ID token declared as a job's token", &["BCP-13", "F01", "F07"], CLIENT, |e, w| {
        e.set("client_assertion", &w.id_token().sign());
    }),
    (
        "svid-of-its-domain",
        "a JWT-SVID of another trust domain's key that names the job",
        &["WID-10", "SID-08", "F17", "W3", "W7", "W9"],
        CLIENT,
        |e, w| {
            let mut svid = w.svid();
            svid.claim("sub", Platform::id("2002"));
            e.set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe");
            e.set("client_assertion", &svid.sign());
        },
    ),
    ("client-id-other", "`client_id` names another workload", &["ASSERT-02"], CLIENT, |e, w| {
        e.set("client_id", &w.options.agent);
    }),
    ("client-id-subject", "`client_id` is the platform's own name for the job", &["ASSERT-02", "WID-15"], CLIENT, |e, _| {
        e.set("client_id", "repo:octo/app:ref:refs/heads/main");
    }),
    ("as-subject", "a job's token as the user's ID token", &["BCP-13", "TX-18", "F06", "F07"], &["invalid_request"], |e, w| {
        e.set("subject_token", &w.platform_token().map(|token| token.sign()).unwrap_or_default());
    }),
    (
        "without-proof",
        "no DPoP proof: the job's token alone buys nothing",
        &["PRAC-05", "DPOP-18"],
        &["invalid_request", "invalid_dpop_proof"],
        |e, _| {
            e.present = Present::Never;
        },
    ),
];

fn request((slug, shows, covers, codes, change): &Row) -> Case {
    let (codes, change) = (*codes, *change);
    Case::new(format!("platform.{slug}"), *shows, covers, move |w| async move {
        let mut exchange = w.platform_exchange(&w.platform_token()?.sign())?;
        change(&mut exchange, &w);
        exchange.send(&w).await?.refusal(codes)
    })
}
