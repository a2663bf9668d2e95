//! The user's ID token as subject token.

mod claim;
mod request;

use super::Case;
use super::flaw::{ANY, EXPIRING, Flaw, Spoil, flaw};
use crate::clock::now;
use crate::jose::Key;
use crate::world::{Answer, Exchange, World};
use anyhow::{Result, ensure};
use serde_json::json;
use std::sync::Arc;

pub(super) fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = ANY.iter().chain(EXPIRING).chain(claim::FLAWS).map(spoiled).collect();
    cases.extend(GOOD.iter().map(varied));
    cases.extend(request::ROWS.iter().map(|(slug, shows, covers, change)| {
        let change = *change;
        Case::new(format!("subject.{slug}"), *shows, covers, move |w| async move {
            let mut exchange = w.exchange();
            change(&mut exchange, &w);
            exchange.send(&w).await?.refusal(&["invalid_request"])
        })
    }));
    cases.push(Case::new(
        "subject.refusals-alike",
        "three kinds of bad subject token get one and the same answer",
        &["TX-18", "F36"],
        alike,
    ));
    cases.push(Case::new(
        "subject.strange-names",
        "users whose names copy others stay apart from them",
        &["BCP-27", "F07", "F36"],
        strange_names,
    ));
    cases.push(Case::new("subject.not-echoed", "no refusal repeats a token or its claims", &["F36"], not_echoed));
    cases.push(Case::new("subject.still-valid", "an exchange does not use the subject token up", &["TX-11"], still_valid));
    cases
}

fn spoiled(flaw: &Flaw) -> Case {
    let covers: Vec<&'static str> = [&["TX-18"], flaw.covers].concat();
    let spoil = flaw.spoil;
    Case::new(format!("subject.{}", flaw.slug), flaw.shows, &covers, move |w| async move {
        with_subject(&w, spoil).send(&w).await?.refusal(&["invalid_request"])
    })
}

fn varied(flaw: &Flaw) -> Case {
    let spoil = flaw.spoil;
    Case::new(format!("subject.{}", flaw.slug), flaw.shows, flaw.covers, move |w| async move {
        let answer = with_subject(&w, spoil).send(&w).await?;
        w.granted(&answer).await.map(drop)
    })
}

fn with_subject(world: &World, spoil: Spoil) -> Exchange {
    let mut token = world.id_token();
    spoil(&mut token, world);
    let mut exchange = world.exchange();
    exchange.set("subject_token", &token.sign());
    exchange
}

const GOOD: &[Flaw] = &[
    flaw("good", "a good ID token", &["TX-02", "TX-05"], |_, _| ()),
    flaw("audience-list", "`aud` as a list of one", &["BCP-09"], |d, w| d.claim("aud", json!([w.options.issuer]))),
    flaw("audience-client", "`aud` is the agent that calls", &["BCP-09"], |d, w| d.claim("aud", w.options.agent.clone())),
    flaw("typ-missing", "issuers need not set `typ`", &["BCP-14"], |d, _| drop(d.header.remove("typ"))),
    flaw("more-claims", "unknown claims are ignored", &["TX-05"], |d, _| d.claim("example.com/x", json!({"a": [1]}))),
];

type Change = fn(&mut Exchange, &World);
type Row = (&'static str, &'static str, &'static [&'static str], Change);

async fn refused(world: &World, spoil: Spoil) -> Result<Answer> {
    let answer = with_subject(world, spoil).send(world).await?;
    answer.refusal(&["invalid_request"])?;
    Ok(answer)
}

async fn alike(world: Arc<World>) -> Result<()> {
    let expired = refused(&world, |d, _| d.claim("exp", now() - 600)).await?;
    let forged = refused(&world, |d, _| d.key = Key::generate()).await?;
    let foreign = refused(&world, |d, _| d.claim("iss", "https://unknown.example")).await?;
    ensure!(
        expired.body == forged.body && forged.body == foreign.body,
        "`{}` `{}` `{}`",
        expired.start(),
        forged.start(),
        foreign.start()
    );
    Ok(())
}

async fn not_echoed(world: Arc<World>) -> Result<()> {
    let answer = refused(&world, |d, _| d.claim("iss", "https://marker-of-the-issuer.example")).await?;
    ensure!(!answer.body.contains("marker"), "the answer repeats the issuer: {}", answer.start());
    ensure!(answer.body.len() < 1024, "an error of {} octets", answer.body.len());
    Ok(())
}

/// Names that try to be an agent, a second issuer's user, or two lines: refused, or kept apart from what they copy.
async fn strange_names(world: Arc<World>) -> Result<()> {
    let names = [
        world.options.agent.clone(),
        format!("other:{}", world.options.user),
        "a\r\nb".into(),
        "\u{202e}evil".into(),
        "x".repeat(8192),
    ];
    for name in names {
        let mut token = world.id_token();
        token.claim("sub", name.clone());
        let mut exchange = world.exchange();
        exchange.set("subject_token", &token.sign());
        let answer = exchange.send(&world).await?;
        if answer.status != 200 {
            answer.refusal(&["invalid_request", "invalid_target", "invalid_scope"])?;
            continue;
        }
        let granted = world.granted(&answer).await?;
        ensure!(granted.claim("sub") != &*name, "`sub` is {} as it came", granted.claim("sub"));
    }
    Ok(())
}

async fn still_valid(world: Arc<World>) -> Result<()> {
    let subject = world.id_token().sign();
    for _ in 0..2 {
        let mut exchange = world.exchange();
        exchange.set("subject_token", &subject);
        world.granted(&exchange.send(&world).await?).await?;
    }
    Ok(())
}
