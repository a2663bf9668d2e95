//! What the server says of itself, and its keys.

use super::Case;
use crate::world::World;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::{collections::HashSet, sync::Arc};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "metadata.answer",
            "200, `application/json`, at the well-known place",
            &["META-02", "META-03", "BCP-24"],
            |w| async move {
                ensure!(w.metadata_answer.status == 200, "status {}", w.metadata_answer.status);
                w.metadata_answer.json().map(drop)
            },
        ),
        Case::new(
            "metadata.issuer",
            "`issuer` is the configured one, letter by letter",
            &["META-01", "META-04", "META-10", "AT-15"],
            issuer,
        ),
        Case::new(
            "metadata.no-empty-lists",
            "no empty list but the one RFC 8414 asks for",
            &["META-03", "META-05"],
            no_empty_lists,
        ),
        Case::new("metadata.endpoints", "the URLs are below the issuer's origin", &["META-05", "META-08", "CORE-01"], endpoints),
        Case::new("metadata.grant", "token exchange is among the grants", &["META-06", "BCP-22"], grants),
        Case::new(
            "metadata.authentication",
            "clients authenticate with `spiffe_jwt`",
            &["META-07", "SPIFFECA-13", "ASSERT-09", "BCP-23"],
            authentication,
        ),
        Case::new(
            "metadata.proof-algorithms",
            "proof algorithms are asymmetric and ES256 is among them",
            &["DPOP-23", "DPOP-04"],
            proof_algorithms,
        ),
        Case::new("metadata.post-refused", "the document is read with GET only", &["META-02"], |w| async move {
            let url = crate::world::well_known(&w.options.issuer)?;
            let answer = crate::world::Answer::of(w.request("POST", &url)?).await?;
            ensure!(answer.status == 405, "POST gives {}", answer.status);
            Ok(())
        }),
        Case::new(
            "keys.jwks",
            "`jwks_uri` holds public signing keys with unique names",
            &["META-08", "AT-15", "BCP-03"],
            |w| async move { public_keys(&w.jwks().await?, &["sig"]) },
        ),
        Case::new(
            "keys.bundle",
            "the SPIFFE bundle holds public keys with `use` and unique names",
            &["WSVID-24", "BUNDLE-02", "BUNDLE-05", "BUNDLE-09", "FED-10", "FED-11"],
            |w| async move {
                let bundle = w.bundle().await?;
                public_keys(&bundle, &["wit-svid", "jwt-svid", "x509-svid"])?;
                let has_wit = bundle["keys"].as_array().is_some_and(|keys| keys.iter().any(|key| key["use"] == "wit-svid"));
                ensure!(has_wit, "no key for `wit-svid`");
                Ok(())
            },
        ),
        Case::new(
            "keys.bundle-numbers",
            "sequence and refresh hint are whole numbers",
            &["BUNDLE-03", "BUNDLE-04"],
            |w| async move {
                let bundle = w.bundle().await?;
                for member in ["spiffe_sequence", "spiffe_refresh_hint"] {
                    let number = bundle.get(member);
                    ensure!(number.is_none_or(Value::is_u64), "`{member}` is {number:?}");
                }
                Ok(())
            },
        ),
        Case::new("keys.bundle-members", "the bundle has no members beyond the specification", &["BUNDLE-08"], |w| async move {
            let bundle = w.bundle().await?;
            let known = ["keys", "spiffe_sequence", "spiffe_refresh_hint"];
            let odd: Vec<&String> =
                bundle.as_object().context("no object")?.keys().filter(|name| !known.contains(&name.as_str())).collect();
            ensure!(odd.is_empty(), "{odd:?}");
            Ok(())
        }),
    ]
}

async fn issuer(world: Arc<World>) -> Result<()> {
    let issuer = &world.options.issuer;
    ensure!(world.metadata["issuer"] == **issuer, "`issuer` is {}, asked at `{issuer}`", world.metadata["issuer"]);
    ensure!(issuer.starts_with("https://") || is_loopback(issuer), "`{issuer}` is neither https nor a loopback address");
    ensure!(!issuer.contains(['?', '#']), "`{issuer}` has a query or a fragment");
    Ok(())
}

fn is_loopback(url: &str) -> bool {
    ["http://127.", "http://localhost", "http://[::1]"].iter().any(|start| url.starts_with(start))
}

async fn no_empty_lists(world: Arc<World>) -> Result<()> {
    for (name, value) in world.metadata.as_object().context("no object")? {
        let empty = value.as_array().is_some_and(Vec::is_empty);
        ensure!(!empty || name == "response_types_supported", "`{name}` is empty");
    }
    ensure!(world.metadata["response_types_supported"].is_array(), "`response_types_supported` is required");
    Ok(())
}

async fn endpoints(world: Arc<World>) -> Result<()> {
    for name in ["token_endpoint", "jwks_uri"] {
        let url = world.metadata[name].as_str().with_context(|| format!("no `{name}`"))?;
        ensure!(url.starts_with("https://") || is_loopback(url), "`{name}` is `{url}`");
        ensure!(!url.contains('#'), "`{name}` has a fragment");
    }
    Ok(())
}

fn list<'a>(world: &'a World, name: &str) -> Result<Vec<&'a str>> {
    let values = world.metadata[name].as_array().with_context(|| format!("no `{name}`"))?;
    values.iter().map(|value| value.as_str().with_context(|| format!("`{name}` holds {value}"))).collect()
}

async fn grants(world: Arc<World>) -> Result<()> {
    let grants = list(&world, "grant_types_supported")?;
    ensure!(grants.contains(&"urn:ietf:params:oauth:grant-type:token-exchange"), "{grants:?}");
    ensure!(!grants.contains(&"password") && !grants.contains(&"implicit"), "{grants:?}");
    Ok(())
}

async fn authentication(world: Arc<World>) -> Result<()> {
    let methods = list(&world, "token_endpoint_auth_methods_supported")?;
    ensure!(methods.contains(&"spiffe_jwt"), "{methods:?}");
    ensure!(!methods.contains(&"none"), "{methods:?}");
    if let Ok(algorithms) = list(&world, "token_endpoint_auth_signing_alg_values_supported") {
        asymmetric(&algorithms)?;
    }
    Ok(())
}

async fn proof_algorithms(world: Arc<World>) -> Result<()> {
    let algorithms = list(&world, "dpop_signing_alg_values_supported")?;
    ensure!(algorithms.contains(&"ES256"), "{algorithms:?}");
    asymmetric(&algorithms)
}

fn asymmetric(algorithms: &[&str]) -> Result<()> {
    let odd = algorithms.iter().find(|name| name.eq_ignore_ascii_case("none") || name.starts_with("HS"));
    ensure!(odd.is_none(), "{odd:?} is offered");
    Ok(())
}

fn public_keys(set: &Value, uses: &[&str]) -> Result<()> {
    let keys = set["keys"].as_array().context("no `keys`")?;
    ensure!(!keys.is_empty(), "the set is empty");
    let mut names = HashSet::new();
    for key in keys {
        let name = key["kid"].as_str();
        ensure!(name.is_some() || key["use"] == "x509-svid", "a key has no `kid`");
        ensure!(name.is_none() || names.insert(name), "two keys are called {name:?}");
        let usage = key["use"].as_str().unwrap_or("");
        ensure!(uses.contains(&usage), "a key has `use` {usage:?}");
        ensure!(key["kty"].is_string(), "a key has no `kty`");
        for member in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
            ensure!(key.get(member).is_none(), "a key shows its private `{member}`");
        }
    }
    Ok(())
}
