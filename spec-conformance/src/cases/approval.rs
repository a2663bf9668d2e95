//! What needs the user's approval: who gives it, for what, and what is no approval.

use super::Case;
use super::flaw::{ANY, EXPIRING, Flaw, flaw};
use crate::clock::now;
use crate::jose::{Draft, Key};
use crate::world::{Evidence, World};
use anyhow::{Context, Result, ensure};
use serde_json::json;
use std::sync::Arc;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        Case::new("approval.good", "an approval by an approver of the user's", &["AUD-09", "TX-28"], |w| async move {
            good(&w).await
        }),
        Case::new("approval.missing", "the refusal says what the user would have to approve", &["AUD-09"], missing),
        Case::new("approval.partly", "scopes without approval are left out", &["AUD-09", "TX-28", "F05"], partly),
        Case::new("approval.twice", "two approvals", &["CORE-02"], |w| async move {
            let mut exchange = w.evidence_exchange("approved")?;
            let approval = w.approval()?.sign();
            exchange.set("approval_token", &approval);
            exchange.add("approval_token", &approval);
            exchange.send(&w).await?.refusal(&["invalid_request"])
        }),
        Case::new("approval.may-act", "`may_act` of the user's token that names the actor", &["ACT-14", "AUD-09"], may_act),
    ];
    cases.extend(ANY.iter().chain(EXPIRING).chain(OWN).map(spoiled));
    cases.extend(OTHERS.iter().map(|(slug, shows)| {
        Case::new(format!("approval.{slug}"), *shows, &["BCP-13", "AUD-09", "F01", "F28"], move |w| async move {
            confused(&w, slug).await
        })
    }));
    cases.extend(PLACES.iter().map(|(place, shows)| {
        Case::new(format!("approval.as-{place}"), *shows, &["BCP-13", "TX-05", "F01", "F28"], move |w| async move {
            misplaced(&w, place).await
        })
    }));
    cases
}

/// Asks with this approval.
async fn send(world: &World, scope: &str, approval: &str) -> Result<crate::world::Answer> {
    let mut exchange = world.evidence_exchange(scope)?;
    exchange.set("approval_token", approval);
    exchange.send(world).await
}

async fn good(world: &World) -> Result<()> {
    let approval = world.approval()?;
    let granted = world.granted(&send(world, "approved", &approval.sign()).await?).await?;
    ensure!(granted.claim("scope") == "approved", "`scope` is {}", granted.claim("scope"));
    ensure!(granted.claim("exp").as_u64() <= approval.claims["exp"].as_u64(), "it outlives the approval");
    Ok(())
}

async fn missing(world: Arc<World>) -> Result<()> {
    let answer = world.evidence_exchange("approved")?.send(&world).await?;
    answer.refusal(&["consent_required"])?;
    let needed = json!({"agent": world.options.agent, "target": Evidence::TARGET, "scope": "approved"});
    let told = &answer.json()?["procura_approval_required"];
    ensure!(*told == needed, "it says {told}");
    Ok(())
}

async fn partly(world: Arc<World>) -> Result<()> {
    good(&world).await.context("even for one")?;
    let granted = world.granted(&world.evidence_exchange("approved free")?.send(&world).await?).await?;
    ensure!(granted.claim("scope") == "free", "`scope` is {}", granted.claim("scope"));
    ensure!(granted.body["scope"] == "free", "the answer says {}", granted.body["scope"]);
    let mut narrow = world.approval()?;
    narrow.claim("scope", "free");
    send(&world, "approved", &narrow.sign()).await?.refusal(&["consent_required"])
}

async fn may_act(world: Arc<World>) -> Result<()> {
    let ask = async |sub: &str| {
        let mut token = world.id_token();
        token.claim("may_act", json!({ "sub": sub }));
        let mut exchange = world.evidence_exchange("approved")?;
        exchange.set("subject_token", &token.sign());
        exchange.send(&world).await
    };
    let granted = world.granted(&ask(&world.options.agent).await?).await?;
    ensure!(granted.claim("may_act").is_null(), "it was copied");
    ask(&format!("{}-evil", world.options.agent)).await?.refusal(&["invalid_request"])
}

fn spoiled(flaw: &Flaw) -> Case {
    let covers: Vec<&'static str> = [&["AUD-09"], flaw.covers].concat();
    let spoil = flaw.spoil;
    Case::new(format!("approval.{}", flaw.slug), flaw.shows, &covers, move |w| async move {
        good(&w).await.context("even without the flaw")?;
        let mut approval = w.approval()?;
        spoil(&mut approval, &w);
        send(&w, "approved", &approval.sign()).await?.refusal(&["invalid_request"])
    })
}

const OWN: &[Flaw] = &[
    flaw("other-user", "another user's approval", &["F07"], |d, w| {
        d.claim("user", json!({"iss": w.options.user_issuer, "sub": "mallory"}));
    }),
    flaw("user-of-other-issuer", "the same name at another issuer", &["F07", "F34"], |d, _| {
        d.claim("user", json!({"iss": "https://other.example", "sub": "alice"}));
    }),
    flaw("user-without-issuer", "a user of no issuer", &["F07"], |d, w| {
        d.claim("user", json!({ "sub": w.options.user }));
    }),
    flaw("other-agent", "for another agent", &["F09"], |d, w| {
        d.claim("agent", format!("spiffe://{}/agent/other", w.options.trust_domain));
    }),
    flaw("agent-of-other-domain", "for the same path in another trust domain", &["F17"], |d, _| {
        d.claim("agent", "spiffe://other.example/agent/planner");
    }),
    flaw("other-target", "for another target", &["F06"], |d, w| d.claim("target", w.options.resource.clone())),
    flaw("target-below", "for what is below the target", &["F06"], |d, _| {
        d.claim("target", format!("{}/x", Evidence::TARGET));
    }),
    flaw("scope-empty", "of nothing", &["F05"], |d, _| d.claim("scope", "")),
    flaw("scope-array", "`scope` is an array", &["F05"], |d, _| d.claim("scope", json!(["approved"]))),
    flaw("issuer-unknown", "by somebody unknown", &["F34"], |d, _| d.claim("iss", "https://other.example")),
    flaw("issuer-slash", "by the approver's name with a slash", &["F34"], |d, _| {
        d.claim("iss", format!("{}/", Evidence::APPROVER));
    }),
    flaw("issuer-of-users", "by the issuer of users, with its key", &["F34", "F33"], |d, w| {
        d.claim("iss", w.options.user_issuer.clone());
        d.key = w.options.user_key.clone();
        d.head("kid", d.key.kid.clone());
    }),
    flaw("audience-other", "for another service", &["F16"], |d, _| d.claim("aud", "https://other.example")),
    flaw("audience-two", "for us and another service", &["F16"], |d, w| {
        d.claim("aud", json!([w.options.issuer, "https://other.example"]));
    }),
    flaw("too-long", "for more than a day", &["F35"], |d, _| d.claim("exp", now() + 25 * 3600)),
    flaw("with-act", "somebody acted for the user in approving", &["F10"], |d, w| {
        d.claim("act", json!({"sub": w.options.agent}));
    }),
    flaw("with-cnf", "bound to a key that nobody proves", &["F08"], |d, _| d.claim("cnf", json!({"jkt": "x"}))),
    flaw("typ-missing", "no `typ`", &["BCP-13", "F01"], |d, _| drop(d.header.remove("typ"))),
    flaw("typ-jwt", "`typ` is JWT", &["BCP-13", "F01"], |d, _| d.head("typ", "JWT")),
    flaw("typ-access-token", "`typ` is at+jwt", &["BCP-13", "F01"], |d, _| d.head("typ", "at+jwt")),
    flaw("typ-posture", "`typ` is that of a posture", &["BCP-13", "F01"], |d, _| d.head("typ", "procura-posture+jwt")),
];

const OTHERS: &[(&str, &str)] = &[
    ("id-token", "the user's ID token is no approval"),
    ("svid", "a JWT-SVID is no approval"),
    ("posture", "a posture is no approval"),
    ("delegation", "a delegation token is no approval"),
];

async fn confused(world: &World, other: &str) -> Result<()> {
    good(world).await.context("even without the confusion")?;
    let token = match other {
        "id-token" => world.id_token().sign(),
        "svid" => world.svid().sign(),
        "posture" => world.posture()?.sign(),
        _ => world.granted(&world.exchange_with(&Key::generate()).send(world).await?).await?.token,
    };
    send(world, "approved", &token).await?.refusal(&["invalid_request"])
}

const PLACES: &[(&str, &str)] = &[
    ("subject", "an approval is no ID token"),
    ("actor", "an approval is no actor token"),
    ("posture", "an approval is no posture"),
    ("assertion", "an approval is no client assertion"),
];

async fn misplaced(world: &World, place: &str) -> Result<()> {
    good(world).await.context("even in its place")?;
    let approval: Draft = world.approval()?;
    let mut exchange = world.evidence_exchange("free")?;
    match place {
        "subject" => exchange.set("subject_token", &approval.sign()),
        "actor" => {
            exchange.set("actor_token", &approval.sign());
            exchange.set("actor_token_type", "urn:ietf:params:oauth:token-type:jwt");
        }
        "posture" => exchange.set("posture_token", &approval.sign()),
        _ => exchange.set("client_assertion", &approval.sign()),
    }
    let code = if place == "assertion" { "invalid_client" } else { "invalid_request" };
    exchange.send(world).await?.refusal(&[code])
}
