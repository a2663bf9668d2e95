//! Signed responses, verified with the server's own WIT.

use super::unspoiled;
use crate::cases::Case;
use crate::clock::now;
use crate::jose::verify;
use crate::signature::{Signed, TAG, verify_response};
use crate::world::{Answer, Nonce, Present, SignedCall, Wire, World};
use anyhow::{Context, Result, ensure};
use std::sync::Arc;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "signature.response",
            "a response that was asked to be signed is, by the server's WIT, for this request",
            &[
                "SIG-03", "SIG-04", "SIG-05", "SIG-06", "SIG-07", "SIG-09", "SIG-10", "SIG-11", "SIG-21", "SIG-22", "SIG-23",
                "SIG-26",
            ],
            response,
        ),
        Case::new("signature.response-nonces", "two responses have two nonces", &["SIG-13", "SIG-32"], |w| async move {
            let (one, two) = (asked(&w, |_, _| ()).await?.2, asked(&w, |_, _| ()).await?.2);
            ensure!(one.parameter("nonce") != two.parameter("nonce"), "both are {:?}", one.parameter("nonce"));
            Ok(())
        }),
        Case::new(
            "signature.response-of-refusal",
            "a refusal that was asked to be signed is signed too",
            &["SIG-22", "SIG-23", "SIG-24"],
            |w| async move {
                let (answer, ..) = asked(&w, |call, _| call.exchange.set("resource", "https://unknown.example/api")).await?;
                answer.refusal(&["invalid_target"])
            },
        ),
        Case::new(
            "signature.response-of-challenge",
            "a nonce challenge is signed too, when that was asked for",
            &["SIG-22", "SIG-23", "SIG-24", "DPOP-33"],
            |w| async move {
                let (answer, ..) = asked(&w, |call, _| {
                    call.exchange.present = Present::Once;
                    call.exchange.nonce = Nonce::Absent;
                })
                .await?;
                answer.refusal(&["use_dpop_nonce"])?;
                ensure!(answer.count("dpop-nonce") == 1, "a challenge without a nonce");
                Ok(())
            },
        ),
        Case::new(
            "signature.response-covered-type",
            "the response's content type cannot be changed unnoticed",
            &["SIG-03", "SIG-27"],
            |w| async move {
                let (answer, _, signed) = asked(&w, |_, _| ()).await?;
                let wanted: Vec<&str> =
                    ["content-type", "content-digest"].into_iter().filter(|name| answer.header(name).is_some()).collect();
                let missing = wanted.iter().find(|name| !signed.components.iter().any(|known| known == *name));
                ensure!(missing.is_none(), "{missing:?} is not covered");
                Ok(())
            },
        ),
    ]
}

/// Sends a request that wants a signed response, and verifies it.
async fn asked(world: &Arc<World>, change: fn(&mut SignedCall, &World)) -> Result<(Answer, SignedCall, Signed)> {
    let mut call = world.signed_call(&*world.workload().await?);
    call.signing.flag("wimse-sign-response");
    change(&mut call, world);
    let wire: Wire = call.wire(world);
    let answer = wire.send(world).await?;
    ensure!(answer.count("workload-identity-token") == 1, "{} WITs in the response", answer.count("workload-identity-token"));
    let wit = answer.header("workload-identity-token").context("the response shows no WIT")?;
    let wit = verify(wit, &world.bundle().await?, &["wit-svid"]).context("the server's WIT")?;
    let signed = verify_response(&answer, &wire, &wit.claims["cnf"]["jwk"])?;
    Ok((answer, call, signed))
}

async fn response(world: Arc<World>) -> Result<()> {
    unspoiled(&world).await?;
    let (answer, call, signed) = asked(&world, |_, _| ()).await?;
    world.granted(&answer).await?;
    for component in ["@status", "@method;req", "@request-target;req", "workload-identity-token", "content-digest"] {
        ensure!(signed.components.iter().any(|known| known == component), "`{component}` is not covered");
    }
    ensure!(signed.parameter("tag") == Some(TAG.trim_matches('"')), "`tag` is {:?}", signed.parameter("tag"));
    let told = signed.parameter("wimse-req-nonce");
    ensure!(told == call.signing.parameter("nonce"), "`wimse-req-nonce` is {told:?}");
    ensure!(signed.parameter("nonce").is_some_and(|nonce| nonce.len() >= 16), "`nonce` is {:?}", signed.parameter("nonce"));
    ensure!(signed.parameter("keyid").is_none() && signed.parameter("alg").is_none(), "`keyid` or `alg` is there");
    let moment = |name: &str| signed.parameter(name).and_then(|value| value.parse::<i64>().ok()).context("no time");
    let (created, expires) = (moment("created")?, moment("expires")?);
    ensure!((created - now()).abs() <= 5, "created {} s ago", now() - created);
    ensure!(expires > now() && expires - created <= 300, "good for {} s", expires - created);
    Ok(())
}
