//! Every kind of token in every place: only the right one may pass.

use super::Case;
use crate::jose::Key;
use crate::world::{Exchange, World};
use anyhow::{Result, ensure};
use std::sync::Arc;

const PLACES: &[(&str, &str)] = &[
    ("assertion", "client assertion"),
    ("subject", "ID token"),
    ("subject-jwt", "workload token as subject"),
    ("actor", "actor token"),
    ("proof", "proof"),
];
const KINDS: &[(&str, &str)] = &[
    ("svid", "a JWT-SVID"),
    ("id-token", "an ID token"),
    ("proof", "a proof"),
    ("access-token", "a delegation token"),
    ("wit", "a WIT"),
];
/// Pairs that are right, or that another group shows.
const RIGHT: &[(&str, &str)] = &[
    ("assertion", "svid"),
    ("subject", "id-token"),
    ("subject-jwt", "svid"),
    ("subject-jwt", "wit"),
    ("actor", "svid"),
    ("actor", "wit"),
    ("proof", "proof"),
];

pub(super) fn cases() -> Vec<Case> {
    let pairs = PLACES.iter().flat_map(|place| KINDS.iter().map(move |kind| (place, kind)));
    let wrong = pairs.filter(|(place, kind)| !RIGHT.contains(&(place.0, kind.0)));
    wrong
        .map(|((place, place_name), (kind, kind_name))| {
            let shows = format!("{kind_name} is no {place_name}");
            let covers = if *kind == "wit" {
                &["BCP-13", "TX-05", "WIT-26", "F01", "F28"][..]
            } else {
                &["BCP-13", "TX-05", "F01", "F28"][..]
            };
            Case::new(
                format!("confusion.{kind}-as-{place}"),
                shows,
                covers,
                move |w| async move { confuse(w, place, kind).await },
            )
        })
        .collect()
}

async fn token(world: &World, kind: &str, key: &Key) -> Result<String> {
    Ok(match kind {
        "svid" => world.svid().sign(),
        "id-token" => world.id_token().sign(),
        "proof" => world.exchange_with(key).signed_proof(world),
        "wit" => super::wit::issued(world, key).await?.token,
        _ => world.granted(&world.exchange_with(key).send(world).await?).await?.token,
    })
}

async fn confuse(world: Arc<World>, place: &str, kind: &str) -> Result<()> {
    let key = Key::generate();
    let token = token(&world, kind, &key).await?;
    let mut exchange: Exchange = world.exchange_with(&key);
    match place {
        "assertion" => exchange.set("client_assertion", &token),
        "subject" => exchange.set("subject_token", &token),
        "subject-jwt" => {
            exchange.set("subject_token", &token);
            exchange.set("subject_token_type", "urn:ietf:params:oauth:token-type:jwt");
        }
        "actor" => {
            exchange.set("actor_token", &token);
            exchange.set("actor_token_type", "urn:ietf:params:oauth:token-type:jwt");
        }
        _ => {
            let answer = exchange.send_once(&world, &token).await?;
            ensure!(answer.status != 200, "it was accepted");
            return answer.refusal(&["invalid_dpop_proof", "use_dpop_nonce"]);
        }
    }
    let code = if place == "assertion" { "invalid_client" } else { "invalid_request" };
    exchange.send(&world).await?.refusal(&[code])
}
