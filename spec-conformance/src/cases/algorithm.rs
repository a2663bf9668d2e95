//! Proofs by every algorithm: those the server names are accepted, and no others.

use super::Case;
use crate::jose::{Key, thumbprint};
use crate::world::World;
use anyhow::{Context, Result, ensure};
use std::sync::Arc;

/// Every algorithm this runner can sign with; all are registered for JWS.
const NAMES: &[&str] =
    &["ES256", "ES384", "ES512", "ES256K", "EdDSA", "Ed25519", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];

pub(super) fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = NAMES
        .iter()
        .map(|name| {
            let covers = &["DPOP-04", "DPOP-05", "DPOP-23", "DPOP-25", "THUMB-01", "F20"];
            let shows = format!("a proof by {name} is accepted if the metadata name it, and else refused");
            Case::new(
                format!("algorithm.{}", name.to_lowercase()),
                shows,
                covers,
                move |w| async move { proof_by(w, name).await },
            )
        })
        .collect();
    cases.push(Case::new(
        "algorithm.nothing-else",
        "the metadata name no algorithm beyond those that these cases try",
        &["DPOP-04", "DPOP-23"],
        |w| async move {
            let odd = offered(&w)?.into_iter().find(|name| !NAMES.contains(&name.as_str()));
            ensure!(odd.is_none(), "{odd:?} is offered");
            Ok(())
        },
    ));
    cases
}

/// What the metadata say proofs may be signed with.
pub(super) fn offered(world: &World) -> Result<Vec<String>> {
    let names = &world.metadata["dpop_signing_alg_values_supported"];
    serde_json::from_value(names.clone()).context("`dpop_signing_alg_values_supported`")
}

async fn proof_by(world: Arc<World>, name: &'static str) -> Result<()> {
    let key = Key::for_algorithm(name)?;
    let answer = world.exchange_with(&key).send(&world).await?;
    if !offered(&world)?.iter().any(|offered| offered == name) {
        return answer.refusal(&["invalid_dpop_proof"]);
    }
    let granted = world.granted(&answer).await?;
    ensure!(granted.claim("cnf")["jkt"] == thumbprint(&key.public()), "`cnf` is {}", granted.claim("cnf"));
    Ok(())
}
