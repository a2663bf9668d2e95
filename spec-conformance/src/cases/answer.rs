//! What is issued: the answer and the delegation token in it.

mod token;

use super::Case;
use crate::clock::now;
use crate::jose::{Key, decode, mirrored, thumbprint};
use crate::world::{Granted, World};
use anyhow::{Result, ensure};
use serde_json::{Value, json};
use std::sync::Arc;

type Judge = fn(&World, &Granted) -> Result<()>;
type Row = (&'static str, &'static str, &'static [&'static str], Judge);

pub(super) fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = token::ROWS
        .iter()
        .map(|(slug, shows, covers, judge)| {
            let judge = *judge;
            Case::new(format!("answer.{slug}"), *shows, covers, move |w| async move {
                let granted = w.granted(&w.exchange().send(&w).await?).await?;
                judge(&w, &granted)
            })
        })
        .collect();
    cases.extend([
        Case::new(
            "answer.bound",
            "the token is bound to the proof's key and to nothing else",
            &["DPOP-20", "DPOP-25", "CNF-01", "CNF-02", "BCP-21"],
            bound,
        ),
        Case::new("answer.unique", "two tokens have two `jti`", &["AT-04"], unique),
        Case::new("answer.user-facts", "`auth_time`, `acr` and `amr` are kept", &["AT-06"], user_facts),
        Case::new("answer.little", "what else the ID token says stays out of the token", &["TX-33", "AT-07"], little),
        Case::new("answer.no-may-act", "`may_act` is obeyed and not copied", &["TX-30", "F03"], no_may_act),
        Case::new(
            "answer.not-beyond-subject",
            "the token does not outlive a subject that ends soon",
            &["TX-32", "TX-15", "F11"],
            not_beyond_subject,
        ),
        Case::new("answer.ratchet", "a second exchange of one subject token buys no later deadline", &["F11", "TX-32"], ratchet),
        Case::new(
            "answer.ratchet-mirrored",
            "nor does the same subject token with its other signature",
            &["F11", "F27", "TX-32"],
            |w| async move {
                let subject = w.id_token().sign();
                let other = mirrored(&subject)?;
                no_later_deadline(&w, &subject, &other).await
            },
        ),
        Case::new(
            "answer.default-type",
            "without `requested_token_type` an access token is issued",
            &["TX-09", "TX-13"],
            |w| async move {
                let granted = w.granted(&w.exchange().send(&w).await?).await?;
                let kind = &granted.body["issued_token_type"];
                ensure!(kind == "urn:ietf:params:oauth:token-type:access_token", "`issued_token_type` is {kind}");
                Ok(())
            },
        ),
        Case::new("answer.resource", "the answer says what the token is for", &["RES-07"], |w| async move {
            let granted = w.granted(&w.exchange().send(&w).await?).await?;
            let resource = &granted.body["resource"];
            ensure!(resource == &json!([w.options.resource]), "`resource` is {resource}");
            Ok(())
        }),
        Case::new(
            "answer.act-of-subject",
            "an `act` of the subject token is kept or refused, never dropped",
            &["F03", "TX-25"],
            act_of_subject,
        ),
    ]);
    cases
}

async fn bound(world: Arc<World>) -> Result<()> {
    let key = Key::generate();
    let granted = world.granted(&world.exchange_with(&key).send(&world).await?).await?;
    ensure!(granted.claim("cnf") == &json!({"jkt": thumbprint(&key.public())}), "`cnf` is {}", granted.claim("cnf"));
    Ok(())
}

async fn unique(world: Arc<World>) -> Result<()> {
    let one = world.granted(&world.exchange().send(&world).await?).await?;
    let two = world.granted(&world.exchange().send(&world).await?).await?;
    ensure!(one.claim("jti") != two.claim("jti"), "both are {}", one.claim("jti"));
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
        ensure!(granted.claim(name) == &facts[name], "`{name}` is {}, was {}", granted.claim(name), facts[name]);
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
    ensure!(granted.claim("may_act").is_null(), "`may_act` is {}", granted.claim("may_act"));
    Ok(())
}

async fn not_beyond_subject(world: Arc<World>) -> Result<()> {
    // Where a session is configured for the issuer it is what ends, so both clocks are set to end soon.
    let ends = now() + 120;
    let granted =
        for_subject(&world, json!({"exp": ends, "iat": now() - 7 * 86_400 + 120, "auth_time": now() - 7 * 86_400 + 120})).await;
    let Ok(granted) = granted else { return Ok(()) };
    let exp = granted.claim("exp").as_i64().unwrap_or(i64::MAX);
    ensure!(exp <= ends + 60, "the token outlives its subject by {} s", exp - ends);
    Ok(())
}

async fn ratchet(world: Arc<World>) -> Result<()> {
    let subject = world.id_token().sign();
    no_later_deadline(&world, &subject, &subject).await
}

async fn no_later_deadline(world: &World, first: &str, second: &str) -> Result<()> {
    let once = async |subject: &str| -> Result<Granted> {
        let mut exchange = world.exchange();
        exchange.set("subject_token", subject);
        world.granted(&exchange.send(world).await?).await
    };
    let first = once(first).await?;
    // Long enough for a deadline counted from now to be a later one.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let second = once(second).await?;
    let until = |granted: &Granted| granted.claim("delegation")["until"].as_i64().or(granted.claim("exp").as_i64());
    ensure!(until(&second) <= until(&first), "the deadline moved from {:?} to {:?}", until(&first), until(&second));
    ensure!(first.claim("delegation")["id"] == second.claim("delegation")["id"], "a second delegation was begun");
    ensure!(second.claim("exp").as_i64() <= until(&first), "the second token ends after the first deadline");
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
    ensure!(granted.claim("act")["act"] == act, "`act` is {}", granted.claim("act"));
    Ok(())
}
