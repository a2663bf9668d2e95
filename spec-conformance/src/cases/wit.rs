//! Workload identity tokens from the token endpoint.

use super::Case;
use crate::clock::now;
use crate::jose::{Key, thumbprint, verify};
use crate::world::{Exchange, Granted, Present, World};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::sync::Arc;

/// Asks for a WIT and verifies it with the bundle.
pub(super) async fn issued(world: &World, key: &Key) -> Result<Granted> {
    let answer = world.wit_request(key).send(world).await?;
    let body = answer.success()?;
    let token = body["access_token"]
        .as_str()
        .context("no `access_token`")?
        .to_owned();
    let parts = verify(&token, &world.bundle().await?, &["wit-svid"])?;
    Ok(Granted { token, parts, body })
}

type Judge = fn(&World, &Granted, &Key) -> Result<()>;
type Row = (&'static str, &'static str, &'static [&'static str], Judge);

pub(super) fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = JUDGED
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
            exchange.send(&w).await?.refusal(&[
                "invalid_request",
                "invalid_dpop_proof",
                "invalid_client",
                "unauthorized_client",
            ])
        })
    }));
    cases.push(Case::new(
        "wit.svid-once",
        "one JWT-SVID buys one WIT",
        &["SPIFFECA-17", "F09", "F23"],
        svid_once,
    ));
    cases.push(Case::new(
        "wit.not-in-access-keys",
        "a WIT is not signed with a key for access tokens",
        &["WSVID-24", "BCP-13"],
        |w| async move {
            let granted = issued(&w, &Key::generate()).await?;
            ensure!(
                verify(&granted.token, &w.jwks().await?, &["sig"]).is_err(),
                "the key is in `jwks_uri` too"
            );
            Ok(())
        },
    ));
    cases
}

const JUDGED: &[Row] = &[
    (
        "answer",
        "`token_type` N_A and the private token type",
        &["TX-13", "TX-14"],
        |_, g, _| {
            ensure!(
                g.body["token_type"] == "N_A",
                "`token_type` is {}",
                g.body["token_type"]
            );
            ensure!(
                g.body["issued_token_type"] == "urn:procura:token-type:wit",
                "`issued_token_type` is {}",
                g.body["issued_token_type"]
            );
            Ok(())
        },
    ),
    (
        "answer-cnf",
        "the answer says which key is bound",
        &["CNF-05"],
        |_, g, key| {
            ensure!(
                g.body["cnf"]["jkt"] == thumbprint(&key.public()),
                "`cnf` is {}",
                g.body["cnf"]
            );
            Ok(())
        },
    ),
    (
        "header",
        "`typ` wit+jwt, ES256, a `kid`, and no other header",
        &[
            "WIT-13", "WIT-14", "WIT-24", "WSVID-02", "WSVID-04", "WSVID-05", "WSVID-06",
        ],
        |_, g, _| {
            ensure!(
                g.parts.header["typ"] == "wit+jwt",
                "`typ` is {}",
                g.parts.header["typ"]
            );
            let odd = g
                .parts
                .header
                .keys()
                .find(|name| !["typ", "alg", "kid"].contains(&name.as_str()));
            ensure!(odd.is_none(), "{odd:?} is in the header");
            Ok(())
        },
    ),
    (
        "subject",
        "`sub` is the caller, and no other identifier is in the token",
        &["WIT-11", "WIT-17", "WSVID-07"],
        |w, g, _| {
            ensure!(
                g.claim("sub") == &*w.options.agent,
                "`sub` is {}",
                g.claim("sub")
            );
            Ok(())
        },
    ),
    (
        "key",
        "`cnf.jwk` is the proof's public key with its algorithm",
        &[
            "WIT-21", "WIT-22", "WIT-23", "WSVID-08", "WSVID-09", "CNF-03",
        ],
        |_, g, key| {
            let jwk = &g.claim("cnf")["jwk"];
            ensure!(
                thumbprint(jwk) == thumbprint(&key.public()),
                "`cnf.jwk` is {jwk}"
            );
            ensure!(jwk["alg"] == "ES256", "`cnf.jwk.alg` is {}", jwk["alg"]);
            ensure!(jwk.get("d").is_none(), "the private key is in it");
            Ok(())
        },
    ),
    ("one-key", "`cnf` holds one key", &["CNF-02"], |_, g, _| {
        ensure!(
            g.claim("cnf").as_object().is_some_and(|cnf| cnf.len() == 1),
            "`cnf` is {}",
            g.claim("cnf")
        );
        Ok(())
    }),
    ("no-audience", "no `aud`", &["WSVID-17"], |_, g, _| {
        ensure!(g.claim("aud").is_null(), "`aud` is {}", g.claim("aud"));
        Ok(())
    }),
    (
        "issuer",
        "`iss` leads to no OpenID discovery",
        &["WIT-15", "WSVID-16"],
        |_, g, _| {
            let iss = g.claim("iss");
            ensure!(
                !iss.as_str().is_some_and(|iss| iss.starts_with("http")),
                "`iss` is {iss}"
            );
            Ok(())
        },
    ),
    (
        "lifetime",
        "hours, not days, and `expires_in` agrees",
        &["WIT-18", "WIT-19", "WSVID-12", "TX-15"],
        |_, g, _| {
            let left = g.claim("exp").as_i64().context("no `exp`")? - now();
            ensure!(left > 0 && left <= 86_400, "`exp` is {left} s away");
            let told = g.body["expires_in"].as_i64().context("no `expires_in`")?;
            ensure!(
                (told - left).abs() <= 2,
                "`expires_in` is {told}, `exp` {left} s away"
            );
            Ok(())
        },
    ),
    (
        "not-beyond-svid",
        "a WIT bought with a bearer SVID ends with it",
        &["SPIFFECA-17", "F09"],
        |_, g, _| {
            let left = g.claim("exp").as_i64().unwrap_or(i64::MAX) - now();
            ensure!(left <= 300, "the SVID ends in 300 s, the WIT in {left} s");
            Ok(())
        },
    ),
    (
        "no-user",
        "no `act`, no `scope`, no user",
        &["WIT-12", "WSVID-19"],
        |_, g, _| {
            for name in ["act", "scope", "client_id", "delegation"] {
                ensure!(
                    g.claim(name) == &Value::Null,
                    "`{name}` is {}",
                    g.claim(name)
                );
            }
            Ok(())
        },
    ),
];

type Change = fn(&mut Exchange, &World);

const REFUSED: &[(&str, &str, &[&str], Change)] = &[
    (
        "without-proof",
        "no proof, no key to bind",
        &["WIT-21", "DPOP-18"],
        |e, _| e.present = Present::Never,
    ),
    (
        "for-another",
        "for another workload than the caller",
        &["WIT-11", "F09"],
        |e, w| {
            let mut svid = w.svid();
            svid.claim(
                "sub",
                format!("spiffe://{}/agent/other", w.options.trust_domain),
            );
            e.set("subject_token", &svid.sign());
        },
    ),
    ("for-user", "for a user", &["WIT-17", "F01"], |e, w| {
        e.set("subject_token", &w.id_token().sign());
        e.set(
            "subject_token_type",
            "urn:ietf:params:oauth:token-type:id_token",
        );
    }),
    (
        "subject-without-key",
        "`typ` wit+jwt on a subject without key",
        &["WIT-21", "WSVID-08"],
        |e, w| {
            let mut svid = w.svid();
            svid.head("typ", "wit+jwt");
            e.set("subject_token", &svid.sign());
        },
    ),
    (
        "subject-other-audience",
        "a subject SVID for another service",
        &["JSVID-08", "F09"],
        |e, w| {
            let mut svid = w.svid();
            svid.claim("aud", "https://other.example");
            e.set("subject_token", &svid.sign());
        },
    ),
    (
        "bearer-wit",
        "a WIT as client assertion",
        &["WIT-26", "WSVID-22"],
        |e, w| {
            let mut svid = w.svid();
            svid.head("typ", "wit+jwt");
            e.set("client_assertion", &svid.sign());
        },
    ),
];

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
