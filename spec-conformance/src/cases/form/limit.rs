//! Requests that are too much of something.

use super::{refused_early, still_serving};
use crate::cases::{Case, NotTried};
use crate::world::World;
use anyhow::{Context, Result, bail, ensure};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "form.long-values",
            "40 KiB in one parameter is refused as any other wrong value",
            &["CORE-07", "F37"],
            long_values,
        ),
        Case::new("form.too-large", "a body of 1 MiB is refused and the server goes on", &["F34", "F37"], too_large),
        Case::new("form.slow-body", "a body that does not come is given up within a minute", &["F34"], slow_body),
        Case::new("form.ten-thousand-parameters", "ten thousand parameters are refused", &["F37"], ten_thousand),
    ]
}

async fn too_large(world: Arc<World>) -> Result<()> {
    let mut exchange = world.exchange();
    exchange.set("example_parameter", &"x".repeat(1 << 20));
    // A server may stop reading and close the connection: that is a refusal too.
    if let Ok(answer) = exchange.send(&world).await {
        refused_early(&answer)?;
    }
    still_serving(&world).await
}

async fn long_values(world: Arc<World>) -> Result<()> {
    for name in ["scope", "resource", "audience", "subject_token", "requested_token_type", "client_id", "grant_type"] {
        let mut exchange = world.exchange();
        exchange.set(name, &"x".repeat(40 * 1024));
        refused_early(&exchange.send(&world).await?)?;
    }
    still_serving(&world).await
}

/// Announces a body and sends only its beginning.
async fn slow_body(world: Arc<World>) -> Result<()> {
    let Some((host, path)) = world.token_endpoint.strip_prefix("http://").and_then(|rest| rest.split_once('/')) else {
        bail!(NotTried("only tried over plain HTTP"))
    };
    let host = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
    let request = format!(
        "POST /{path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\ngrant_type="
    );
    let answer = tokio::task::spawn_blocking(move || -> Result<String> {
        let mut connection = TcpStream::connect(host)?;
        connection.set_read_timeout(Some(Duration::from_secs(60)))?;
        connection.write_all(request.as_bytes())?;
        let mut start = [0; 64];
        let length = connection.read(&mut start).context("the connection is still open after a minute")?;
        Ok(String::from_utf8_lossy(&start[..length]).into_owned())
    });
    let answer = answer.await??;
    ensure!(!answer.starts_with("HTTP/1.1 200"), "it was answered with {answer}");
    still_serving(&world).await
}

async fn ten_thousand(world: Arc<World>) -> Result<()> {
    let mut exchange = world.exchange();
    for number in 0..10_000 {
        exchange.add(&format!("p{number}"), "");
    }
    if let Ok(answer) = exchange.send(&world).await {
        refused_early(&answer)?;
    }
    still_serving(&world).await
}
