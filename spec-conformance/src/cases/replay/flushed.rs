//! A store that lost its memory does not let old proofs in again.

use super::wit::{Call, Means};
use crate::cases::{Case, NotTried};
use crate::world::{Answer, World};
use anyhow::{Context, Result, ensure};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::{sync::Arc, time::Duration};

/// How long the server may refuse new proofs after its store has lost its memory.
const RECOVERY: Duration = Duration::from_secs(60);

pub(super) fn cases() -> Vec<Case> {
    vec![Case::new(
        "replay.flushed-store",
        "what was used before the store was emptied is refused afterwards, and new proofs are accepted again",
        &["DPOP-16", "WPT-24", "SIG-14", "F15", "F23"],
        flushed,
    )]
}

async fn flushed(world: Arc<World>) -> Result<()> {
    let store = world.options.redis.context(NotTried("no --redis given"))?;
    let workload = world.workload().await?;
    let calls = [Means::Wpt, Means::Signature].map(|means| Call::new(means, &world, &workload).wire(&world));
    for call in &calls {
        world.granted(&call.send(&world).await?).await.context("the first use")?;
    }
    let exchange = world.exchange();
    let proof = super::first_use(&world, &exchange).await?;
    tokio::task::spawn_blocking(move || empty(store)).await??;
    for _ in 0..3 {
        not_accepted(&exchange.send_once(&world, &proof).await?, "DPoP proof")?;
        for (call, name) in calls.iter().zip(["WPT", "signature"]) {
            not_accepted(&call.send(&world).await?, name)?;
        }
    }
    tokio::time::timeout(RECOVERY, recovered(&world)).await.context("new proofs are still refused after a minute")?
}

/// A refusal, or word that the server cannot tell now and when to try again.
fn not_accepted(answer: &Answer, name: &str) -> Result<()> {
    ensure!(answer.status != 200, "the {name} was accepted again");
    let asks_to_wait = answer.status == 503 && answer.header("retry-after").is_some();
    ensure!(answer.status < 500 || asks_to_wait, "the {name} gets {}: {}", answer.status, answer.start());
    Ok(())
}

/// Until every kind of proof is accepted again.
async fn recovered(world: &World) -> Result<()> {
    let workload = world.workload().await?;
    loop {
        let mut statuses = vec![world.exchange().send(world).await?.status];
        for means in [Means::Wpt, Means::Signature] {
            statuses.push(Call::new(means, world, &workload).wire(world).send(world).await?.status);
        }
        if statuses.iter().all(|status| *status == 200) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// Redis's own inline protocol is enough for one command.
fn empty(store: SocketAddr) -> Result<()> {
    let mut connection = TcpStream::connect(store).context("no store at --redis")?;
    connection.set_read_timeout(Some(Duration::from_secs(5)))?;
    connection.write_all(b"FLUSHALL\r\n")?;
    let mut answer = [0; 5];
    connection.read_exact(&mut answer)?;
    ensure!(&answer == b"+OK\r\n", "FLUSHALL gives {}", String::from_utf8_lossy(&answer));
    Ok(())
}
