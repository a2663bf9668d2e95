//! WPTs by keys of other algorithms, and the algorithm's name.

use super::unauthorized;
use crate::cases::algorithm::offered;
use crate::cases::{Case, NotTried};
use crate::jose::{Key, thumbprint};
use crate::world::{Workload, World};
use anyhow::{Context, Result, bail, ensure};
use std::sync::Arc;

pub(super) fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = ["ES384", "RS256", "PS256"]
        .into_iter()
        .map(|name| {
            let shows = format!("a WIT with an {name} key, and a WPT by it");
            Case::new(format!("wpt.key-{}", name.to_lowercase()), shows, &["WPT-04", "WPT-17", "WIT-22"], move |w| async move {
                by_key(w, name).await
            })
        })
        .collect();
    cases.push(Case::new(
        "wpt.algorithm-renamed",
        "a good RS256 signature where the WIT's key is for PS256",
        &["WPT-04", "WPT-17", "WIT-22", "F20", "F30"],
        renamed,
    ));
    cases
}

async fn by_key(world: Arc<World>, name: &'static str) -> Result<()> {
    if !offered(&world)?.iter().any(|offered| offered == name) {
        bail!(NotTried("the server does not offer this algorithm"));
    }
    let workload = world.workload_of(Key::for_algorithm(name)?).await?;
    let granted = world.granted(&world.wpt_call(&workload).send(&world).await?).await?;
    ensure!(granted.claim("cnf")["jkt"] == thumbprint(&workload.key.public()), "`cnf` is {}", granted.claim("cnf"));
    Ok(())
}

async fn renamed(world: Arc<World>) -> Result<()> {
    let key = Key::for_algorithm("RS256")?;
    let workload = |algorithm: &str| -> Result<Workload> {
        let mut wit = world.own_wit(&key).context(NotTried("no --wit-key given"))?;
        wit.claims["cnf"]["jwk"]["alg"] = algorithm.into();
        Ok(Workload::with_wit(key.clone(), wit.sign()))
    };
    let answer = world.wpt_call(&workload("RS256")?).send(&world).await?;
    world.granted(&answer).await.context("even without the flaw")?;
    unauthorized(&world.wpt_call(&workload("PS256")?).send(&world).await?)
}
