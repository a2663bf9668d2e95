//! The user's ID token as subject token.

use super::Case;
use super::flaw::{ANY, EXPIRING, Flaw, Spoil, flaw};
use crate::clock::now;
use crate::jose::{Key, thumbprint};
use crate::world::{Answer, Exchange, World};
use anyhow::{Result, ensure};
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = ANY.iter().chain(EXPIRING).chain(OWN).map(spoiled).collect();
    cases.extend(GOOD.iter().map(varied));
    cases.extend(REQUESTS.iter().map(|(slug, shows, covers, change)| {
        let change = *change;
        Case::new(
            format!("subject.{slug}"),
            *shows,
            covers,
            move |w| async move {
                let mut exchange = w.exchange();
                change(&mut exchange, &w);
                exchange.send(&w).await?.refusal(&["invalid_request"])
            },
        )
    }));
    cases.push(Case::new(
        "subject.refusals-alike",
        "three kinds of bad subject token get one and the same answer",
        &["TX-18", "F36"],
        alike,
    ));
    cases.push(Case::new(
        "subject.not-echoed",
        "no refusal repeats a token or its claims",
        &["F36"],
        not_echoed,
    ));
    cases.push(Case::new(
        "subject.still-valid",
        "an exchange does not use the subject token up",
        &["TX-11"],
        still_valid,
    ));
    cases
}

fn spoiled(flaw: &Flaw) -> Case {
    let covers: Vec<&'static str> = [&["TX-18"], flaw.covers].concat();
    let spoil = flaw.spoil;
    Case::new(
        format!("subject.{}", flaw.slug),
        flaw.shows,
        &covers,
        move |w| async move {
            with_subject(&w, spoil)
                .send(&w)
                .await?
                .refusal(&["invalid_request"])
        },
    )
}

fn varied(flaw: &Flaw) -> Case {
    let spoil = flaw.spoil;
    Case::new(
        format!("subject.{}", flaw.slug),
        flaw.shows,
        flaw.covers,
        move |w| async move {
            let answer = with_subject(&w, spoil).send(&w).await?;
            w.granted(&answer).await.map(drop)
        },
    )
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
    flaw(
        "audience-list",
        "`aud` as a list of one",
        &["BCP-09"],
        |d, w| d.claim("aud", json!([w.options.issuer])),
    ),
    flaw(
        "audience-client",
        "`aud` is the agent that calls",
        &["BCP-09"],
        |d, w| d.claim("aud", w.options.agent.clone()),
    ),
    flaw(
        "typ-missing",
        "issuers need not set `typ`",
        &["BCP-14"],
        |d, _| drop(d.header.remove("typ")),
    ),
    flaw(
        "more-claims",
        "unknown claims are ignored",
        &["TX-05"],
        |d, _| d.claim("example.com/x", json!({"a": [1]})),
    ),
];

const OWN: &[Flaw] = &[
    flaw(
        "issuer-unknown",
        "an issuer nobody trusts",
        &["BCP-07", "F06", "F34"],
        |d, _| d.claim("iss", "https://unknown.example"),
    ),
    flaw(
        "issuer-slash",
        "a slash more or less in `iss`",
        &["META-10", "F34"],
        |d, w| {
            let issuer = &w.options.user_issuer;
            d.claim(
                "iss",
                issuer
                    .strip_suffix('/')
                    .map_or(format!("{issuer}/"), str::to_owned),
            );
        },
    ),
    flaw(
        "issuer-upper-case",
        "`iss` in capitals",
        &["META-10", "F34"],
        |d, w| d.claim("iss", w.options.user_issuer.to_uppercase()),
    ),
    flaw("issuer-missing", "no `iss`", &["BCP-07", "F07"], |d, _| {
        drop(d.claims.remove("iss"))
    }),
    flaw(
        "issuer-array",
        "`iss` is a list",
        &["BCP-07", "F07"],
        |d, w| d.claim("iss", json!([w.options.user_issuer])),
    ),
    flaw(
        "issuer-ours",
        "`iss` is the server itself",
        &["BCP-07", "F07"],
        |d, w| d.claim("iss", w.options.issuer.clone()),
    ),
    flaw(
        "key-of-workloads",
        "signed with the key of the trust domain",
        &["BCP-07", "F33"],
        |d, w| {
            d.key = w.options.svid_key.clone();
            d.head("kid", w.options.svid_key.kid.clone());
        },
    ),
    flaw(
        "audience-missing",
        "no `aud`",
        &["BCP-09", "F06"],
        |d, _| drop(d.claims.remove("aud")),
    ),
    flaw(
        "audience-null",
        "`aud` is null",
        &["BCP-09", "F06"],
        |d, _| d.claim("aud", Value::Null),
    ),
    flaw(
        "audience-empty",
        "`aud` is an empty list",
        &["BCP-09", "F06"],
        |d, _| d.claim("aud", json!([])),
    ),
    flaw(
        "audience-other",
        "for another application",
        &["BCP-09", "F06"],
        |d, _| d.claim("aud", "https://other.example"),
    ),
    flaw(
        "audience-other-agent",
        "for another agent",
        &["BCP-09", "F06"],
        |d, w| {
            d.claim(
                "aud",
                format!("spiffe://{}/agent/other", w.options.trust_domain),
            );
        },
    ),
    flaw(
        "audience-longer",
        "`aud` begins with our name",
        &["BCP-09", "F06"],
        |d, w| {
            d.claim("aud", format!("{}.evil.example", w.options.issuer));
        },
    ),
    flaw(
        "audience-resource",
        "for the resource that is asked for",
        &["BCP-09", "F06"],
        |d, w| d.claim("aud", w.options.resource.clone()),
    ),
    flaw("subject-missing", "no `sub`", &["BCP-08"], |d, _| {
        drop(d.claims.remove("sub"))
    }),
    flaw("subject-empty", "`sub` is empty", &["BCP-08"], |d, _| {
        d.claim("sub", "")
    }),
    flaw(
        "subject-number",
        "`sub` is a number",
        &["BCP-08", "F07"],
        |d, _| d.claim("sub", 7),
    ),
    flaw(
        "subject-twice",
        "`sub` twice",
        &["BCP-19", "F31"],
        |d, _| d.claims_tail = r#","sub":"bob""#.into(),
    ),
    flaw(
        "typ-access-token",
        "an access token declared as ID token",
        &["TX-05", "BCP-13", "F01"],
        |d, _| d.head("typ", "at+jwt"),
    ),
    flaw(
        "typ-proof",
        "`typ` is dpop+jwt",
        &["TX-05", "BCP-13", "F28"],
        |d, _| d.head("typ", "dpop+jwt"),
    ),
    flaw(
        "typ-wit",
        "`typ` is wit+jwt",
        &["TX-05", "BCP-13", "F01"],
        |d, _| d.head("typ", "wit+jwt"),
    ),
    flaw(
        "typ-logout",
        "`typ` is logout+jwt",
        &["TX-05", "BCP-13", "F01"],
        |d, _| d.head("typ", "logout+jwt"),
    ),
    flaw(
        "exp-just-past",
        "expired two minutes ago: leeway is a minute",
        &["TX-18", "F35"],
        |d, _| d.claim("exp", now() - 120),
    ),
    flaw(
        "may-act-other",
        "`may_act` names another agent",
        &["TX-30", "F03"],
        |d, w| {
            let sub = format!("spiffe://{}/agent/other", w.options.trust_domain);
            d.claim(
                "may_act",
                json!({"iss": format!("spiffe://{}", w.options.trust_domain), "sub": sub}),
            );
        },
    ),
    flaw(
        "may-act-string",
        "`may_act` is a string",
        &["TX-30", "F10"],
        |d, w| d.claim("may_act", w.options.agent.clone()),
    ),
    flaw(
        "may-act-array",
        "`may_act` is a list",
        &["TX-30", "F10"],
        |d, w| d.claim("may_act", json!([{"sub": w.options.agent}])),
    ),
    flaw(
        "act-string",
        "`act` is a string",
        &["TX-23", "F10"],
        |d, w| d.claim("act", w.options.agent.clone()),
    ),
    flaw("act-array", "`act` is a list", &["TX-23", "F10"], |d, w| {
        d.claim("act", json!([{"sub": w.options.agent}]))
    }),
    flaw("act-null", "`act` is null", &["TX-23", "F10"], |d, _| {
        d.claim("act", Value::Null)
    }),
    flaw(
        "cnf-other-key",
        "a subject token bound to a key that is not shown",
        &["DPOP-14", "F08"],
        |d, _| {
            d.claim("cnf", json!({"jkt": thumbprint(&Key::generate().public())}));
        },
    ),
];

type Change = fn(&mut Exchange, &World);
type Row = (&'static str, &'static str, &'static [&'static str], Change);

const REQUESTS: &[Row] = &[
    (
        "missing",
        "no `subject_token`",
        &["TX-02", "F02"],
        |e, _| e.remove("subject_token"),
    ),
    (
        "type-missing",
        "no `subject_token_type`",
        &["TX-02", "F02"],
        |e, _| e.remove("subject_token_type"),
    ),
    (
        "empty",
        "an empty `subject_token` counts as none",
        &["TX-02", "CORE-03", "F02"],
        |e, _| e.set("subject_token", ""),
    ),
    (
        "type-empty",
        "an empty `subject_token_type` counts as none",
        &["TX-02", "CORE-03"],
        |e, _| e.set("subject_token_type", ""),
    ),
    (
        "both-missing",
        "neither subject nor its type",
        &["TX-02", "TX-31", "F02"],
        |e, _| {
            e.remove("subject_token");
            e.remove("subject_token_type");
        },
    ),
    (
        "type-unknown",
        "a token type nobody knows",
        &["TX-21"],
        |e, _| e.set("subject_token_type", "urn:example:token"),
    ),
    (
        "type-upper-case",
        "a token type in capitals",
        &["TX-21"],
        |e, _| {
            e.set(
                "subject_token_type",
                "URN:IETF:PARAMS:OAUTH:TOKEN-TYPE:ID_TOKEN",
            );
        },
    ),
    (
        "type-short",
        "only the last word of a token type",
        &["TX-21"],
        |e, _| e.set("subject_token_type", "id_token"),
    ),
    (
        "type-space",
        "a space after the token type",
        &["TX-21"],
        |e, _| {
            e.set(
                "subject_token_type",
                "urn:ietf:params:oauth:token-type:id_token ",
            );
        },
    ),
    (
        "type-access-token",
        "an ID token declared as access token",
        &["TX-05", "TX-22", "F01"],
        |e, _| {
            e.set(
                "subject_token_type",
                "urn:ietf:params:oauth:token-type:access_token",
            );
        },
    ),
    (
        "type-refresh-token",
        "an ID token declared as refresh token",
        &["TX-05", "TX-22", "F01"],
        |e, _| {
            e.set(
                "subject_token_type",
                "urn:ietf:params:oauth:token-type:refresh_token",
            );
        },
    ),
    (
        "type-saml",
        "an ID token declared as SAML",
        &["TX-05", "F01"],
        |e, _| {
            e.set(
                "subject_token_type",
                "urn:ietf:params:oauth:token-type:saml2",
            );
        },
    ),
    (
        "type-jwt",
        "an ID token declared as a workload's token",
        &["TX-05", "F01"],
        |e, _| {
            e.set("subject_token_type", "urn:ietf:params:oauth:token-type:jwt");
        },
    ),
    ("garbage", "no token at all", &["TX-18"], |e, _| {
        e.set("subject_token", "not.a.token")
    }),
    (
        "hostile",
        "control characters and quotes",
        &["TX-18", "F36"],
        |e, _| e.set("subject_token", "\u{0}\r\n\"\\\u{202e}"),
    ),
];

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
    let answer = refused(&world, |d, _| {
        d.claim("iss", "https://marker-of-the-issuer.example")
    })
    .await?;
    ensure!(
        !answer.body.contains("marker"),
        "the answer repeats the issuer: {}",
        answer.start()
    );
    ensure!(
        answer.body.len() < 1024,
        "an error of {} octets",
        answer.body.len()
    );
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
