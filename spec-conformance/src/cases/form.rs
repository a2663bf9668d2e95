//! The request as HTTP and as a form, before any token is looked at.

mod limit;

use super::Case;
use crate::world::{Answer, Exchange, World};
use anyhow::{Result, ensure};
use std::sync::Arc;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        Case::new("form.get", "GET is not allowed", &["TX-01", "CORE-01"], |w| async move { not_allowed(&w, "GET").await }),
        Case::new("form.put", "PUT is not allowed", &["TX-01", "CORE-01"], |w| async move { not_allowed(&w, "PUT").await }),
        Case::new("form.json", "a JSON body is refused", &["TX-01"], json_body),
        Case::new("form.no-content-type", "a form that does not say so is refused", &["TX-01"], no_content_type),
        Case::new("form.in-query", "parameters in the URL are not read", &["CORE-05", "BCP-25"], in_query),
        Case::new("form.charset", "a `charset` beside the media type changes nothing", &["TX-01"], |w| async move {
            let exchange = w.exchange();
            as_form(&w, &exchange, "Application/X-WWW-Form-URLEncoded; charset=UTF-8", exchange.form()).await
        }),
        Case::new("form.percent-space", "`%20` is a space as `+` is", &["TX-01"], |w| async move {
            let mut exchange = w.exchange();
            exchange.set("example_parameter", "a b");
            as_form(&w, &exchange, "application/x-www-form-urlencoded", exchange.form().replace('+', "%20")).await
        }),
        Case::new("form.empty-is-absent", "a parameter without value counts as absent", &["CORE-03"], |w| async move {
            let mut exchange = w.exchange();
            exchange.set("actor_token", "");
            exchange.set("actor_token_type", "");
            exchange.set("requested_token_type", "");
            w.granted(&exchange.send(&w).await?).await.map(drop)
        }),
        Case::new("form.unknown-ignored", "an unknown parameter is ignored", &["CORE-03"], |w| async move {
            let mut exchange = w.exchange();
            exchange.set("example_parameter", "x");
            w.granted(&exchange.send(&w).await?).await.map(drop)
        }),
        Case::new("form.broken-encoding", "octets that are not UTF-8 after decoding", &["TX-01", "BCP-06"], broken_encoding),
    ];
    cases.extend(limit::cases());
    cases.extend(ONCE.iter().map(|name| {
        Case::new(
            format!("form.twice-{}", name.replace('_', "-")),
            format!("`{name}` twice"),
            &["CORE-02", "F02"],
            move |w| async move { twice(&w, name).await },
        )
    }));
    cases.extend(GRANTS.iter().map(|(slug, grant, covers)| {
        Case::new(format!("form.grant-{slug}"), format!("the grant `{grant}` is not supported"), covers, move |w| async move {
            let mut exchange = w.exchange();
            exchange.set("grant_type", grant);
            exchange.send(&w).await?.refusal(&["unsupported_grant_type", "unauthorized_client"])
        })
    }));
    cases.push(Case::new("form.grant-missing", "no grant type", &["TX-01", "CORE-07"], |w| async move {
        let mut exchange = w.exchange();
        exchange.remove("grant_type");
        exchange.send(&w).await?.refusal(&["invalid_request"])
    }));
    cases.extend(HOSTILE.iter().map(|name| {
        let shows = format!("hostile characters in `{name}` come back in no error text");
        Case::new(format!("form.hostile-{}", name.replace('_', "-")), shows, &["CORE-09", "F36"], move |w| async move {
            hostile(&w, name).await
        })
    }));
    cases
}

/// Parameters that may appear once.
const ONCE: &[&str] = &[
    "grant_type",
    "subject_token",
    "subject_token_type",
    "client_assertion",
    "client_assertion_type",
    "scope",
    "requested_token_type",
];

const GRANTS: &[(&str, &str, &[&str])] = &[
    ("password", "password", &["BCP-22", "CORE-07"]),
    ("authorization-code", "authorization_code", &["CORE-07", "TX-01"]),
    ("refresh-token", "refresh_token", &["CORE-07", "TX-17"]),
    ("upper-case", "URN:IETF:PARAMS:OAUTH:GRANT-TYPE:TOKEN-EXCHANGE", &["TX-01"]),
    ("unknown", "urn:example:grant", &["CORE-07"]),
];

const HOSTILE: &[&str] = &[
    "grant_type",
    "scope",
    "resource",
    "audience",
    "client_id",
    "subject_token_type",
    "requested_token_type",
    "client_assertion_type",
    "actor_token_type",
];

async fn not_allowed(world: &World, method: &str) -> Result<()> {
    let answer = Answer::of(world.request(method, &world.token_endpoint)?).await?;
    ensure!(answer.status == 405, "{method} gives {}", answer.status);
    ensure!(answer.header("allow") == Some("POST"), "`Allow` is {:?}", answer.header("allow"));
    Ok(())
}

async fn twice(world: &World, name: &str) -> Result<()> {
    let mut exchange = world.exchange();
    exchange.set("requested_token_type", "urn:ietf:params:oauth:token-type:access_token");
    let known = exchange.params.iter().find(|(known, _)| known == name);
    let value = known.map_or(String::new(), |(_, value)| value.clone());
    exchange.add(name, &value);
    exchange.send(world).await?.refusal(&["invalid_request", "invalid_client"])
}

async fn json_body(world: Arc<World>) -> Result<()> {
    let exchange = world.exchange();
    let members: serde_json::Map<_, _> =
        exchange.params.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
    let proof = exchange.signed_proof(&world);
    let body = serde_json::Value::from(members).to_string();
    let answer = Answer::of(world.post().header("content-type", "application/json").header("dpop", proof).body(body)).await?;
    refused_early(&answer)
}

async fn no_content_type(world: Arc<World>) -> Result<()> {
    let exchange = world.exchange();
    let proof = exchange.signed_proof(&world);
    refused_early(&Answer::of(world.post().header("dpop", proof).body(exchange.form())).await?)
}

async fn in_query(world: Arc<World>) -> Result<()> {
    let mut exchange = world.exchange();
    exchange.url = format!("{}?{}", world.token_endpoint, exchange.form());
    exchange.params.clear();
    let answer = exchange.send(&world).await?;
    refused_early(&answer)
}

/// Sends this body under this media type; it must succeed.
async fn as_form(world: &World, exchange: &Exchange, media_type: &str, body: String) -> Result<()> {
    still_serving(world).await?;
    let proof = exchange.signed_proof(world);
    let answer = Answer::of(world.post().header("content-type", media_type).header("dpop", proof).body(body)).await?;
    world.granted(&answer).await.map(drop)
}

async fn broken_encoding(world: Arc<World>) -> Result<()> {
    let exchange = world.exchange();
    let body = format!("{}&actor_token=%ff%fe&x=%zz", exchange.form());
    let form = "application/x-www-form-urlencoded";
    let proof = exchange.signed_proof(&world);
    refused_early(&Answer::of(world.post().header("content-type", form).header("dpop", proof).body(body)).await?)
}

/// A refusal that may come from before the OAuth rules: any 4xx, and never a token.
fn refused_early(answer: &Answer) -> Result<()> {
    ensure!((400..500).contains(&answer.status), "status {}: {}", answer.status, answer.start());
    ensure!(!answer.body.contains("access_token"), "a token was issued");
    Ok(())
}

/// A good request succeeds. The server may have closed the connection that the bad one came over, so it gets a second try.
async fn still_serving(world: &World) -> Result<()> {
    let answer = match world.exchange().send(world).await {
        Ok(answer) => answer,
        Err(_) => world.exchange().send(world).await?,
    };
    world.granted(&answer).await.map(drop)
}

async fn hostile(world: &World, name: &str) -> Result<()> {
    for value in ["\"\\<script>", "a\r\nSet-Cookie: x=y", "\u{0}\u{7f}", "caf\u{e9} \u{202e}", "%0d%0a"] {
        let mut exchange: Exchange = world.exchange();
        exchange.set(name, value);
        let answer = exchange.send(world).await?;
        let codes = [
            "invalid_request",
            "invalid_client",
            "invalid_scope",
            "invalid_target",
            "unsupported_grant_type",
            "unauthorized_client",
        ];
        answer.refusal(&codes)?;
        ensure!(answer.header("set-cookie").is_none(), "a header was injected");
    }
    Ok(())
}
