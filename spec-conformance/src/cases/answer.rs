//! What is issued: the answer and the delegation token in it.

use super::Case;
use crate::clock::now;
use crate::jose::{Key, decode, thumbprint};
use crate::world::{Granted, World};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::sync::Arc;

/// The longest delegation the conformance profile accepts, in seconds.
const LONGEST: i64 = 30 * 60;

type Judge = fn(&World, &Granted) -> Result<()>;
type Row = (&'static str, &'static str, &'static [&'static str], Judge);

pub(super) fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = JUDGED
        .iter()
        .map(|(slug, shows, covers, judge)| {
            let judge = *judge;
            Case::new(
                format!("answer.{slug}"),
                *shows,
                covers,
                move |w| async move {
                    let granted = w.granted(&w.exchange().send(&w).await?).await?;
                    judge(&w, &granted)
                },
            )
        })
        .collect();
    cases.extend([
        Case::new(
            "answer.bound",
            "the token is bound to the proof's key and to nothing else",
            &["DPOP-20", "DPOP-25", "CNF-01", "CNF-02", "BCP-21"],
            bound,
        ),
        Case::new(
            "answer.unique",
            "two tokens have two `jti`",
            &["AT-04"],
            unique,
        ),
        Case::new(
            "answer.user-facts",
            "`auth_time`, `acr` and `amr` are kept",
            &["AT-06"],
            user_facts,
        ),
        Case::new(
            "answer.little",
            "what else the ID token says stays out of the token",
            &["TX-33", "AT-07"],
            little,
        ),
        Case::new(
            "answer.no-may-act",
            "`may_act` is obeyed and not copied",
            &["TX-30", "F03"],
            no_may_act,
        ),
        Case::new(
            "answer.not-beyond-subject",
            "the token does not outlive a subject that ends soon",
            &["TX-32", "TX-15", "F11"],
            not_beyond_subject,
        ),
        Case::new(
            "answer.ratchet",
            "a second exchange of one subject token buys no later deadline",
            &["F11", "TX-32"],
            ratchet,
        ),
        Case::new(
            "answer.default-type",
            "without `requested_token_type` an access token is issued",
            &["TX-09", "TX-13"],
            |w| async move {
                let granted = w.granted(&w.exchange().send(&w).await?).await?;
                let kind = &granted.body["issued_token_type"];
                ensure!(
                    kind == "urn:ietf:params:oauth:token-type:access_token",
                    "`issued_token_type` is {kind}"
                );
                Ok(())
            },
        ),
        Case::new(
            "answer.act-of-subject",
            "an `act` of the subject token is kept or refused, never dropped",
            &["F03", "TX-25"],
            act_of_subject,
        ),
    ]);
    cases
}

const JUDGED: &[Row] = &[
    (
        "members",
        "the members RFC 8693 asks for, uncacheable, no refresh token",
        &["TX-13", "TX-17", "CORE-06", "BCP-28", "DPOP-22"],
        |_, _| Ok(()),
    ),
    (
        "token-type",
        "`token_type` is DPoP",
        &["TX-14", "DPOP-20", "BCP-21"],
        |_, g| {
            let kind = g.body["token_type"].as_str().unwrap_or_default();
            ensure!(
                kind.eq_ignore_ascii_case("dpop"),
                "`token_type` is `{kind}`"
            );
            Ok(())
        },
    ),
    (
        "header",
        "`typ` at+jwt, an asymmetric `alg`, a `kid`",
        &["AT-01", "AT-03", "BCP-12"],
        |_, g| {
            ensure!(
                g.parts.header["typ"] == "at+jwt",
                "`typ` is {}",
                g.parts.header["typ"]
            );
            Ok(())
        },
    ),
    (
        "claims",
        "every claim RFC 9068 asks for",
        &["AT-04"],
        |_, g| {
            for name in ["iss", "sub", "aud", "client_id", "jti"] {
                ensure!(
                    g.claim(name).as_str().is_some_and(|text| !text.is_empty()),
                    "`{name}` is {}",
                    g.claim(name)
                );
            }
            for name in ["iat", "exp"] {
                ensure!(g.claim(name).is_i64(), "`{name}` is {}", g.claim(name));
            }
            Ok(())
        },
    ),
    (
        "issuer",
        "`iss` is the issuer of the metadata",
        &["AT-04", "AT-15"],
        |w, g| {
            ensure!(
                g.claim("iss") == &*w.options.issuer,
                "`iss` is {}",
                g.claim("iss")
            );
            Ok(())
        },
    ),
    (
        "audience",
        "`aud` is the resource that was asked for",
        &["AT-09", "RES-02"],
        |w, g| {
            ensure!(
                g.claim("aud") == &*w.options.resource,
                "`aud` is {}",
                g.claim("aud")
            );
            Ok(())
        },
    ),
    ("client", "`client_id` is the caller", &["TX-29"], |w, g| {
        ensure!(
            g.claim("client_id") == &*w.options.agent,
            "`client_id` is {}",
            g.claim("client_id")
        );
        Ok(())
    }),
    (
        "subject",
        "`sub` is the user in a name space of the issuer, and not the agent",
        &["AT-05", "BCP-27", "F07"],
        |w, g| {
            let sub = g.claim("sub").as_str().unwrap_or_default();
            ensure!(sub != w.options.agent, "`sub` is the agent");
            ensure!(
                sub != w.options.user && sub.contains(&w.options.user),
                "`sub` is `{sub}` for the user `{}`",
                w.options.user
            );
            Ok(())
        },
    ),
    (
        "actor",
        "`act` is an object that names the agent and its trust domain",
        &["TX-23", "TX-31"],
        |w, g| {
            let act = g.claim("act");
            ensure!(act["sub"] == *w.options.agent, "`act` is {act}");
            ensure!(
                act["iss"] == format!("spiffe://{}", w.options.trust_domain),
                "`act.iss` is {}",
                act["iss"]
            );
            Ok(())
        },
    ),
    (
        "actor-only-identity",
        "`act` holds nothing but identity claims",
        &["TX-24"],
        |_, g| {
            for name in ["exp", "nbf", "iat", "aud", "jti", "cnf", "scope"] {
                ensure!(g.claim("act").get(name).is_none(), "`act.{name}` is there");
            }
            ensure!(
                g.claim("act").get("act").is_none(),
                "a first exchange has no earlier actor"
            );
            Ok(())
        },
    ),
    (
        "scope",
        "`scope` is one string, the same in token and answer, not wider than asked",
        &["TX-16", "TX-28", "AT-08"],
        |w, g| {
            let scope = g.claim("scope").as_str().context("`scope` is no string")?;
            let asked: Vec<&str> = w.options.scope.split(' ').collect();
            ensure!(
                scope.split(' ').all(|word| asked.contains(&word)),
                "`{scope}` was granted, `{}` asked",
                w.options.scope
            );
            let told = g.body["scope"].as_str();
            ensure!(
                told == Some(scope) || (told.is_none() && scope == w.options.scope),
                "the answer says {told:?}"
            );
            Ok(())
        },
    ),
    (
        "lifetime",
        "`expires_in` agrees with `exp`, and is half an hour at most",
        &["TX-15", "TX-32", "CORE-16"],
        |_, g| {
            let (iat, exp) = (
                g.claim("iat").as_i64().unwrap_or_default(),
                g.claim("exp").as_i64().unwrap_or_default(),
            );
            let told = g.body["expires_in"].as_i64().context("no `expires_in`")?;
            ensure!(
                (exp - iat - told).abs() <= 1,
                "`exp` - `iat` is {}, `expires_in` {told}",
                exp - iat
            );
            ensure!(told > 0 && told <= LONGEST, "`expires_in` is {told}");
            ensure!((iat - now()).abs() <= 60, "`iat` is {} s away", iat - now());
            Ok(())
        },
    ),
    (
        "deadline",
        "the delegation has an id and a deadline that the token keeps",
        &["F11"],
        |_, g| {
            let delegation = g.claim("delegation");
            ensure!(
                delegation["id"].as_str().is_some_and(|id| !id.is_empty()),
                "`delegation` is {delegation}"
            );
            let until = delegation["until"]
                .as_i64()
                .context("no `delegation.until`")?;
            ensure!(
                g.claim("exp").as_i64().unwrap_or(i64::MAX) <= until,
                "`exp` {} is after `until` {until}",
                g.claim("exp")
            );
            Ok(())
        },
    ),
];

async fn bound(world: Arc<World>) -> Result<()> {
    let key = Key::generate();
    let granted = world
        .granted(&world.exchange_with(&key).send(&world).await?)
        .await?;
    ensure!(
        granted.claim("cnf") == &json!({"jkt": thumbprint(&key.public())}),
        "`cnf` is {}",
        granted.claim("cnf")
    );
    Ok(())
}

async fn unique(world: Arc<World>) -> Result<()> {
    let one = world.granted(&world.exchange().send(&world).await?).await?;
    let two = world.granted(&world.exchange().send(&world).await?).await?;
    ensure!(
        one.claim("jti") != two.claim("jti"),
        "both are {}",
        one.claim("jti")
    );
    Ok(())
}

async fn for_subject(world: &World, members: Value) -> Result<Granted> {
    let mut token = world.id_token();
    if let Value::Object(members) = members {
        token.claims.extend(members);
    }
    let mut exchange = world.exchange();
    exchange.set("subject_token", &token.sign());
    world.granted(&exchange.send(world).await?).await
}

async fn user_facts(world: Arc<World>) -> Result<()> {
    let facts = json!({"auth_time": now() - 45, "acr": "urn:example:mfa", "amr": ["pwd", "otp"]});
    let granted = for_subject(&world, facts.clone()).await?;
    for name in ["auth_time", "acr", "amr"] {
        ensure!(
            granted.claim(name) == &facts[name],
            "`{name}` is {}, was {}",
            granted.claim(name),
            facts[name]
        );
    }
    Ok(())
}

async fn little(world: Arc<World>) -> Result<()> {
    let extra = json!({"email": "marker@example.com", "nonce": "marker", "example.com/x": "marker", "azp": world.options.agent});
    let granted = for_subject(&world, extra).await?;
    let text = Value::from(decode(&granted.token)?.claims).to_string();
    ensure!(!text.contains("marker"), "the token says {text}");
    Ok(())
}

async fn no_may_act(world: Arc<World>) -> Result<()> {
    let allowed = json!({"may_act": {"iss": format!("spiffe://{}", world.options.trust_domain), "sub": world.options.agent}});
    let granted = for_subject(&world, allowed).await?;
    ensure!(
        granted.claim("may_act").is_null(),
        "`may_act` is {}",
        granted.claim("may_act")
    );
    Ok(())
}

async fn not_beyond_subject(world: Arc<World>) -> Result<()> {
    // Where a session is configured for the issuer it is what ends, so both clocks are set to end soon.
    let ends = now() + 120;
    let granted = for_subject(&world, json!({"exp": ends, "iat": now() - 7 * 86_400 + 120, "auth_time": now() - 7 * 86_400 + 120})).await;
    let Ok(granted) = granted else { return Ok(()) };
    let exp = granted.claim("exp").as_i64().unwrap_or(i64::MAX);
    ensure!(
        exp <= ends + 60,
        "the token outlives its subject by {} s",
        exp - ends
    );
    Ok(())
}

async fn ratchet(world: Arc<World>) -> Result<()> {
    let subject = world.id_token().sign();
    let once = async || -> Result<Granted> {
        let mut exchange = world.exchange();
        exchange.set("subject_token", &subject);
        world.granted(&exchange.send(&world).await?).await
    };
    let first = once().await?;
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let second = once().await?;
    let until = |granted: &Granted| {
        granted.claim("delegation")["until"]
            .as_i64()
            .or(granted.claim("exp").as_i64())
    };
    ensure!(
        until(&second) <= until(&first),
        "the deadline moved from {:?} to {:?}",
        until(&first),
        until(&second)
    );
    ensure!(
        first.claim("delegation")["id"] == second.claim("delegation")["id"],
        "a second delegation was begun"
    );
    ensure!(
        second.claim("exp").as_i64() <= until(&first),
        "the second token ends after the first deadline"
    );
    Ok(())
}

async fn act_of_subject(world: Arc<World>) -> Result<()> {
    let act = json!({"iss": format!("spiffe://{}", world.options.trust_domain), "sub": format!("spiffe://{}/agent/first", world.options.trust_domain)});
    let mut token = world.id_token();
    token.claim("act", act.clone());
    let mut exchange = world.exchange();
    exchange.set("subject_token", &token.sign());
    let answer = exchange.send(&world).await?;
    if answer.status != 200 {
        return answer.refusal(&["invalid_request"]);
    }
    let granted = world.granted(&answer).await?;
    ensure!(
        granted.claim("act")["act"] == act,
        "`act` is {}",
        granted.claim("act")
    );
    Ok(())
}
