//! A delegation goes from hand to hand: from the agent, which began it, to another agent.

mod hand;

use super::Case;
use crate::jose::{Key, decode, mirrored};
use crate::world::{Exchange, Granted, Present, TYPE, World};
use anyhow::{Result, ensure};
use hand::{Hand, JWT};
use serde_json::{Value, json};
use std::sync::Arc;

/// What the agent got, and the other agent, which is to come next.
struct Scene {
    agent: Hand,
    other: Hand,
    first: Granted,
}

impl Scene {
    async fn new(world: &World) -> Result<Self> {
        let agent = Hand::new(&world.options.agent);
        let first = world.granted(&world.exchange_with(&agent.key).send(world).await?).await?;
        Ok(Self { agent, other: Hand::new(&world.options.other_agent), first })
    }

    /// The agent hands its token to the other.
    async fn push(&self, world: &World) -> Result<Exchange> {
        let mut exchange = self.agent.onward(world, &self.first);
        exchange.set("actor_token", &self.other.wit(world).await?);
        exchange.set("actor_token_type", JWT);
        Ok(exchange)
    }

    /// What the other holds then.
    async fn second(&self, world: &World) -> Result<Granted> {
        world.granted(&self.push(world).await?.send(world).await?).await
    }
}

pub(super) fn cases() -> Vec<Case> {
    let judged = JUDGED.iter().map(|(slug, shows, covers, judge)| {
        let judge = *judge;
        Case::new(format!("chain.{slug}"), *shows, covers, move |w| async move {
            let scene = Scene::new(&w).await?;
            judge(&w, &scene, &scene.second(&w).await?)
        })
    });
    let refused = REFUSED.iter().map(|(slug, shows, covers, codes, change)| {
        let change = *change;
        Case::new(format!("chain.{slug}"), *shows, covers, move |w| async move {
            let scene = Scene::new(&w).await?;
            let mut exchange = scene.agent.onward(&w, &scene.first);
            change(&w, &scene, &mut exchange);
            exchange.send(&w).await?.refusal(codes)
        })
    });
    let mut cases: Vec<Case> = judged.chain(refused).collect();
    cases.push(Case::new(
        "chain.continue",
        "whoever acts may ask again: the same chain, the same key, no later end",
        &["ACT-08", "ACT-11", "ACT-12", "ACT-15", "F11"],
        continued,
    ));
    cases.push(Case::new(
        "chain.ratchet",
        "asking again and again, by whatever way, buys no time",
        &["ARCH-10", "TX-32", "F11"],
        ratchet,
    ));
    cases.push(Case::new(
        "chain.first-actor-again",
        "who handed a token on cannot use what came of it",
        &["ACT-01", "TX-26", "F09"],
        first_again,
    ));
    cases.push(Case::new("chain.back", "a token does not come back to who had it", &["ACT-12", "F10"], back));
    cases.push(Case::new(
        "chain.unasked",
        "who was not handed a token does not get it, with its own WIT and key",
        &["ACT-08", "F08", "F09"],
        unasked,
    ));
    cases.push(Case::new(
        "chain.begun-for-another",
        "a user's token begins nothing in the name of another agent than the caller",
        &["ACT-06", "F09"],
        begun_for_another,
    ));
    cases.push(Case::new("chain.wit-with-act", "the next agent's WIT names an actor itself", &["ACT-05", "F09", "F10"], |w| {
        spoiled_wit(w, |claims| claims["act"] = json!({"sub": "spiffe://other.example/agent"}))
    }));
    cases.push(Case::new("chain.wit-expired", "the next agent's WIT has ended", &["ACT-06", "F09"], |w| {
        spoiled_wit(w, |claims| claims["exp"] = (crate::clock::now() - 600).into())
    }));
    cases.push(Case::new(
        "chain.wit-other-domain",
        "the next agent is of a trust domain that nobody vouches for",
        &["ARCH-11", "F17"],
        |w| spoiled_wit(w, |claims| claims["sub"] = "spiffe://other.example/agent/researcher".into()),
    ));
    cases
}

type Judge = fn(&World, &Scene, &Granted) -> Result<()>;

/// What is so when a token was handed on.
const JUDGED: &[(&str, &str, &[&str], Judge)] = &[
    (
        "push",
        "the next agent acts, the one before is inside, unchanged",
        &["ACT-12", "ACT-15", "TX-25", "ARCH-10"],
        |w, s, second| {
            let act = second.claim("act");
            ensure!(act["sub"] == *w.options.other_agent, "`act` is {act}");
            ensure!(act["act"] == *s.first.claim("act"), "inside is {}, before it was {}", act["act"], s.first.claim("act"));
            Ok(())
        },
    ),
    (
        "push-key",
        "the token is bound to the next agent's key",
        &["ACT-01", "ACT-04", "ARCH-10", "ARCH-12", "F08"],
        |_, s, second| {
            let expected = crate::jose::thumbprint(&s.other.key.public());
            ensure!(second.claim("cnf") == &json!({ "jkt": expected }), "`cnf` is {}", second.claim("cnf"));
            ensure!(second.body["token_type"] == "DPoP", "`token_type` is {}", second.body["token_type"]);
            Ok(())
        },
    ),
    (
        "push-names",
        "every actor has `sub` and `iss`, and nothing that names no actor",
        &["ACT-02", "TX-23", "TX-24"],
        |_, _, second| {
            let mut act = second.claim("act");
            while let Some(members) = act.as_object() {
                ensure!(members["sub"].is_string() && members["iss"].is_string(), "an actor is {act}");
                let is_known = |name: &String| ["iss", "sub", "sub_profile", "act"].contains(&name.as_str());
                ensure!(members.keys().all(is_known), "an actor is {act}");
                act = members.get("act").unwrap_or(&Value::Null);
            }
            ensure!(act.is_null(), "an actor is {act}");
            Ok(())
        },
    ),
    (
        "push-user",
        "the user stays the user, and the client is the agent that acts",
        &["ACT-01", "ACT-16", "AUD-07", "TX-29"],
        |w, s, second| {
            for claim in ["sub", "iss", "auth_time", "acr", "amr"] {
                ensure!(
                    second.claim(claim) == s.first.claim(claim),
                    "`{claim}` was {}, is {}",
                    s.first.claim(claim),
                    second.claim(claim)
                );
            }
            ensure!(*second.claim("client_id") == *w.options.other_agent, "`client_id` is {}", second.claim("client_id"));
            Ok(())
        },
    ),
    ("push-scope", "nothing is added to the scope", &["ACT-11", "ARCH-10", "TX-32", "F05"], |_, s, second| {
        let words = |token: &Granted| -> Vec<String> {
            token.claim("scope").as_str().unwrap_or_default().split(' ').map(str::to_owned).collect()
        };
        let before = words(&s.first);
        ensure!(words(second).iter().all(|scope| before.contains(scope)), "{before:?} became {:?}", words(second));
        Ok(())
    }),
    ("push-target", "the token is for the target it was for", &["ACT-11", "F04"], |_, s, second| {
        ensure!(second.claim("aud") == s.first.claim("aud"), "`aud` is {}", second.claim("aud"));
        Ok(())
    }),
    ("push-end", "the token ends no later than the one before", &["ARCH-10", "ARCH-12", "TX-32", "F11"], |_, s, second| {
        let end = |token: &Granted| token.claim("exp").as_i64();
        ensure!(end(second).is_some() && end(second) <= end(&s.first), "{:?} after {:?}", end(second), end(&s.first));
        Ok(())
    }),
    ("push-no-may-act", "whoever may begin is not told on", &["ACT-14"], |_, _, second| {
        ensure!(second.claim("may_act").is_null(), "`may_act` is {}", second.claim("may_act"));
        Ok(())
    }),
];

type Change = fn(&World, &Scene, &mut Exchange);
type Refused = (&'static str, &'static str, &'static [&'static str], &'static [&'static str], Change);

const SUBJECT: &[&str] = &["invalid_request"];

/// The agent asks again, and one thing is wrong.
const REFUSED: &[Refused] = &[
    ("other-key", "the agent proves another key", &["ACT-08", "F08", "F09"], SUBJECT, |w, s, e| {
        *e = Hand::new(&s.agent.id).onward(w, &s.first)
    }),
    ("other-caller", "another agent proves the right key", &["ACT-01", "F09"], SUBJECT, |w, s, e| {
        e.set("client_assertion", &Hand { id: s.other.id.clone(), key: s.agent.key.clone() }.svid(w))
    }),
    ("stolen", "another agent has the token", &["ACT-08", "F08", "F09"], SUBJECT, |w, s, e| *e = s.other.onward(w, &s.first)),
    ("no-proof", "nobody proves a key", &["ACT-08", "F08"], &["invalid_request", "invalid_dpop_proof"], |_, _, e| {
        e.present = Present::Never
    }),
    ("push-svid", "the next agent is named by a bearer credential", &["ACT-04", "ACT-06", "F08", "F09"], SUBJECT, |w, s, e| {
        e.set("actor_token", &s.other.svid(w));
        e.set("actor_token_type", JWT);
    }),
    ("push-user-token", "the next agent is named by a user's token", &["ACT-05", "F09"], SUBJECT, |w, _, e| {
        e.set("actor_token", &w.id_token().sign());
        e.set("actor_token_type", JWT);
    }),
    ("spliced", "the next agent is named by a token with a chain of its own", &["ACT-05", "F09"], SUBJECT, |_, s, e| {
        e.set("actor_token", &s.first.token);
        e.set("actor_token_type", JWT);
    }),
    ("spliced-as-access-token", "the same under its own type", &["ACT-05", "F01", "F09"], SUBJECT, |_, s, e| {
        e.set("actor_token", &s.first.token);
        e.set("actor_token_type", &format!("{TYPE}access_token"));
    }),
    ("wider", "a scope is asked for that the token lacks", &["ACT-11", "F05"], &["invalid_scope"], |_, _, e| {
        e.set("scope", "no.such-scope")
    }),
    ("other-target", "another target is asked for", &["ACT-11", "F04"], &["invalid_target"], |w, _, e| {
        e.set("resource", w.options.denied_resource.as_deref().unwrap_or("https://nowhere.example/"))
    }),
    ("as-id-token", "the token is presented as an ID token", &["TX-05", "F01"], SUBJECT, |_, _, e| {
        e.set("subject_token_type", &format!("{TYPE}id_token"))
    }),
    ("as-jwt", "the token is presented as a mere JWT", &["TX-05", "F01"], SUBJECT, |_, _, e| e.set("subject_token_type", JWT)),
    ("by-the-user-issuer", "the user's issuer signs it", &["ACT-11", "ARCH-11", "F06", "F10"], SUBJECT, |w, s, e| {
        resigned(e, s, &w.options.user_key, |_| ());
    }),
    ("by-the-trust-domain", "the trust domain signs it", &["ARCH-11", "F10"], SUBJECT, |w, s, e| {
        resigned(e, s, &w.options.svid_key, |_| ());
    }),
    ("by-nobody", "nobody knows the key that signs it", &["F10"], SUBJECT, |_, s, e| resigned(e, s, &Key::generate(), |_| ())),
    ("chain-of-others", "an issuer of users tells of a chain of its own", &["ACT-10", "ACT-11", "F10"], SUBJECT, |w, s, e| {
        let issuer = w.options.user_issuer.as_str();
        resigned(e, s, &w.options.user_key, |claims| claims["iss"] = issuer.into());
    }),
];

/// The token in the request is one with the same claims, but for `change`, and signed by `key`.
fn resigned(exchange: &mut Exchange, scene: &Scene, key: &Key, change: impl FnOnce(&mut Value)) {
    let mut claims = Value::from(scene.first.parts.claims.clone());
    change(&mut claims);
    let draft = crate::jose::Draft::new(Value::from(scene.first.parts.header.clone()), claims, key.clone());
    exchange.set("subject_token", &draft.sign());
}

async fn continued(world: Arc<World>) -> Result<()> {
    let scene = Scene::new(&world).await?;
    for token in [scene.first.token.clone(), mirrored(&scene.first.token)?] {
        let mut exchange = scene.agent.onward(&world, &scene.first);
        exchange.set("subject_token", &token);
        let again = world.granted(&exchange.send(&world).await?).await?;
        for claim in ["sub", "aud", "act", "cnf", "client_id"] {
            ensure!(again.claim(claim) == scene.first.claim(claim), "`{claim}` is {}", again.claim(claim));
        }
        ensure!(again.claim("exp").as_i64() <= scene.first.claim("exp").as_i64(), "`exp` is {}", again.claim("exp"));
        ensure!(again.claim("jti") != scene.first.claim("jti"), "two tokens have one name");
    }
    Ok(())
}

async fn ratchet(world: Arc<World>) -> Result<()> {
    let scene = Scene::new(&world).await?;
    let end = |token: &str| -> Result<Option<i64>> { Ok(decode(token)?.claims["exp"].as_i64()) };
    let mut last = scene.first.token.clone();
    for _ in 0..4 {
        let mut exchange = scene.agent.onward(&world, &scene.first);
        exchange.set("subject_token", &last);
        let next = world.granted(&exchange.send(&world).await?).await?.token;
        ensure!(end(&next)? <= end(&last)?, "{:?} after {:?}", end(&next)?, end(&last)?);
        last = next;
    }
    Ok(())
}

async fn first_again(world: Arc<World>) -> Result<()> {
    let scene = Scene::new(&world).await?;
    let second = scene.second(&world).await?;
    scene.agent.onward(&world, &second).send(&world).await?.refusal(SUBJECT)
}

async fn back(world: Arc<World>) -> Result<()> {
    let scene = Scene::new(&world).await?;
    let mut exchange = scene.other.onward(&world, &scene.second(&world).await?);
    exchange.set("actor_token", &scene.agent.wit(&world).await?);
    exchange.set("actor_token_type", JWT);
    exchange.send(&world).await?.refusal(&["invalid_request", "invalid_target"])
}

async fn unasked(world: Arc<World>) -> Result<()> {
    let scene = Scene::new(&world).await?;
    let mut exchange = scene.other.onward(&world, &scene.first);
    exchange.set("actor_token", &scene.other.wit(&world).await?);
    exchange.set("actor_token_type", JWT);
    exchange.send(&world).await?.refusal(SUBJECT)
}

async fn begun_for_another(world: Arc<World>) -> Result<()> {
    let other = Hand::new(&world.options.other_agent);
    let mut exchange = world.exchange();
    exchange.set("actor_token", &other.wit(&world).await?);
    exchange.set("actor_token_type", JWT);
    exchange.send(&world).await?.refusal(SUBJECT)
}

async fn spoiled_wit(world: Arc<World>, change: fn(&mut Value)) -> Result<()> {
    let scene = Scene::new(&world).await?;
    let mut wit = scene.other.own_wit(&world)?;
    // Without the flaw it is good.
    let mut exchange = scene.agent.onward(&world, &scene.first);
    exchange.set("actor_token", &wit.sign());
    exchange.set("actor_token_type", JWT);
    world.granted(&exchange.send(&world).await?).await?;
    let mut claims = Value::from(wit.claims.clone());
    change(&mut claims);
    if let Value::Object(claims) = claims {
        wit.claims = claims;
    }
    exchange.set("actor_token", &wit.sign());
    exchange.proof = world.proof(&scene.agent.key);
    exchange.send(&world).await?.refusal(SUBJECT)
}
