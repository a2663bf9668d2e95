//! Callers that show a WIT and sign the request (RFC 9421 under draft-ietf-wimse-http-signature).

mod cover;
mod message;
mod parameter;
mod response;

use super::algorithm::offered;
use super::{Case, NotTried};
use crate::jose::{Key, thumbprint};
use crate::world::{Granted, SignedCall, World};
use anyhow::{Context, Result, bail, ensure};
use std::sync::Arc;

pub(super) type Change = fn(&mut SignedCall, &World);
pub(super) type Row = (&'static str, &'static str, &'static [&'static str], Change);

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![Case::new(
        "signature.good",
        "a WIT and a signature by its key authenticate, and the token is bound to that key",
        &["SIG-01", "SIG-02", "SIG-04", "SIG-05", "SIG-06", "SIG-08", "SIG-17", "SIG-18", "SIG-34", "WIT-28"],
        good,
    )];
    let bad = [cover::REFUSED, message::REFUSED, parameter::REFUSED];
    cases.extend(bad.iter().copied().flatten().map(refused));
    let fine = [cover::ACCEPTED, message::ACCEPTED, parameter::ACCEPTED];
    cases.extend(fine.iter().copied().flatten().map(accepted));
    cases.extend(response::cases());
    cases.extend(["ES384", "RS256", "PS256"].map(|name| {
        let shows = format!("a WIT with an {name} key, and a signature by it");
        Case::new(format!("signature.key-{}", name.to_lowercase()), shows, &["SIG-17", "WIT-22"], move |w| async move {
            if !offered(&w)?.iter().any(|offered| offered == name) {
                bail!(NotTried("the server does not offer this algorithm"));
            }
            let workload = w.workload_of(Key::for_algorithm(name)?).await?;
            w.granted(&w.signed_call(&workload).send(&w).await?).await.map(drop)
        })
    }));
    cases
}

/// The request as it would be without a flaw, so that the flaw alone explains what follows.
pub(super) async fn unspoiled(world: &World) -> Result<Granted> {
    let workload = world.workload().await?;
    world.granted(&world.signed_call(&workload).send(world).await?).await.context("even without the flaw")
}

fn refused((slug, shows, covers, change): &Row) -> Case {
    let change = *change;
    Case::new(format!("signature.{slug}"), *shows, covers, move |w| async move {
        unspoiled(&w).await?;
        let mut call = w.signed_call(&*w.workload().await?);
        change(&mut call, &w);
        call.send(&w).await?.unauthenticated()
    })
}

fn accepted((slug, shows, covers, change): &Row) -> Case {
    let change = *change;
    Case::new(format!("signature.{slug}"), *shows, covers, move |w| async move {
        let mut call = w.signed_call(&*w.workload().await?);
        change(&mut call, &w);
        w.granted(&call.send(&w).await?).await.map(drop)
    })
}

async fn good(world: Arc<World>) -> Result<()> {
    let workload = world.workload().await?;
    let granted = world.granted(&world.signed_call(&workload).send(&world).await?).await?;
    let key = thumbprint(&workload.key.public());
    ensure!(granted.body["token_type"] == "DPoP", "`token_type` is {}", granted.body["token_type"]);
    ensure!(granted.claim("cnf")["jkt"] == key, "`cnf` is {}, the key {key}", granted.claim("cnf"));
    ensure!(granted.claim("client_id") == &*world.options.agent, "`client_id` is {}", granted.claim("client_id"));
    Ok(())
}
