//! A WPT and a signature buy one answer each, too.

use super::COPIES;
use crate::cases::{Case, NotTried};
use crate::clock::now;
use crate::jose::{Key, mirrored, unique};
use crate::world::{Answer, Exchange, SignedCall, Wire, Workload, World, WptCall};
use anyhow::{Context, Result, bail, ensure};
use std::sync::Arc;
use tokio::task::JoinSet;

/// How a caller proves its WIT's key.
#[derive(Clone, Copy)]
pub(super) enum Means {
    Wpt,
    Signature,
}

/// A request by either means.
pub(super) enum Call {
    Wpt(WptCall),
    Signed(SignedCall),
}

type Try = fn(Arc<World>, Means) -> std::pin::Pin<Box<dyn Future<Output = Result<()>> + Send>>;

const ROWS: &[(&str, &str, &[&str], Try)] = &[
    ("twice", "is refused the second time", &["WIT-51", "F15", "F23"], |w, means| Box::pin(twice(w, means))),
    ("other-body", "is the same with another body", &["WIT-51", "F23", "F27"], |w, means| Box::pin(other_body(w, means))),
    ("other-time", "is the same with another time", &["WIT-51", "F23"], |w, means| Box::pin(other_time(w, means))),
    ("other-key", "counts for its own key alone", &["WIT-51", "F23"], |w, means| Box::pin(other_key(w, means))),
    ("not-burnt", "is not used up by a forged one", &["WIT-51", "F23"], |w, means| Box::pin(not_burnt(w, means))),
    ("refused-later", "is not used up by a request that is refused for another reason", &["WIT-51", "F23"], |w, means| {
        Box::pin(refused_later(w, means))
    }),
    ("second-node", "used at one node is refused at the other", &["WIT-51", "F15", "F23"], |w, means| {
        Box::pin(second_node(w, means))
    }),
    ("thousand-over-two-nodes", "succeeds exactly once of 1,000 copies over two nodes", &["WIT-51", "F15", "F23"], |w, means| {
        Box::pin(race(w, means))
    }),
];

pub(super) fn cases() -> Vec<Case> {
    let both = [(Means::Wpt, "wpt", "a WPT", "WPT-24"), (Means::Signature, "signature", "a signature", "SIG-14")];
    let mut cases = Vec::new();
    for (means, name, called, row) in both {
        for (slug, shows, covers, run) in ROWS {
            let (covers, run): (Vec<&'static str>, Try) = ([*covers, &[row]].concat(), *run);
            cases.push(Case::new(format!("replay.{name}-{slug}"), format!("{called} {shows}"), &covers, move |w| run(w, means)));
        }
    }
    cases.push(Case::new(
        "replay.kinds-apart",
        "a DPoP proof, a WPT and a signature of one key may have one name",
        &["DPOP-16", "WPT-24", "SIG-14", "F23"],
        kinds_apart,
    ));
    cases.push(Case::new(
        "replay.wpt-mirrored",
        "a used WPT with its other signature is the same",
        &["WPT-24", "WSVID-27", "WIT-51", "F23", "F27"],
        mirrored_wpt,
    ));
    cases
}

impl Call {
    /// A good one.
    pub(super) fn new(means: Means, world: &World, workload: &Workload) -> Self {
        match means {
            Means::Wpt => Self::Wpt(world.wpt_call(workload)),
            Means::Signature => Self::Signed(world.signed_call(workload)),
        }
    }

    /// As it goes over the wire.
    pub(super) fn wire(&self, world: &World) -> Wire {
        match self {
            Self::Wpt(call) => call.wire(world),
            Self::Signed(call) => call.wire(world),
        }
    }

    async fn send(&self, world: &World) -> Result<Answer> {
        self.wire(world).send(world).await
    }

    fn exchange(&mut self) -> &mut Exchange {
        match self {
            Self::Wpt(call) => &mut call.exchange,
            Self::Signed(call) => &mut call.exchange,
        }
    }

    /// Takes this `jti` or nonce.
    fn name(&mut self, name: &str) {
        match self {
            Self::Wpt(call) => call.wpt.claim("jti", name),
            Self::Signed(call) => call.signing.set("nonce", format!("\"{name}\"")),
        }
    }

    /// Says that it was made a second ago, and ends a second sooner.
    fn older(&mut self) {
        match self {
            Self::Wpt(call) => {
                call.wpt.claim("iat", now() - 1);
                call.wpt.claim("exp", now() + 119);
            }
            Self::Signed(call) => {
                call.signing.set("created", now() - 1);
                call.signing.set("expires", now() + 119);
            }
        }
    }

    /// Is signed by somebody else.
    fn forge(&mut self) {
        match self {
            Self::Wpt(call) => call.wpt.key = Key::generate(),
            Self::Signed(call) => call.signing.key = Key::generate(),
        }
    }
}

async fn named(world: &World, means: Means, name: &str) -> Result<Call> {
    let mut call = Call::new(means, world, &*world.workload().await?);
    call.name(name);
    Ok(call)
}

async fn succeeds(world: &World, call: &Call) -> Result<()> {
    world.granted(&call.send(world).await?).await.map(drop).context("the first use")
}

async fn twice(world: Arc<World>, means: Means) -> Result<()> {
    let call = named(&world, means, &unique()).await?;
    let wire = call.wire(&world);
    world.granted(&wire.send(&world).await?).await.context("the first use")?;
    wire.send(&world).await?.unauthenticated()
}

async fn other_body(world: Arc<World>, means: Means) -> Result<()> {
    let mut call = named(&world, means, &unique()).await?;
    succeeds(&world, &call).await?;
    call.exchange().set("subject_token", &world.id_token().sign());
    call.send(&world).await?.unauthenticated()
}

async fn other_time(world: Arc<World>, means: Means) -> Result<()> {
    let mut call = named(&world, means, &unique()).await?;
    succeeds(&world, &call).await?;
    call.older();
    call.send(&world).await?.unauthenticated()
}

async fn other_key(world: Arc<World>, means: Means) -> Result<()> {
    let name = unique();
    succeeds(&world, &named(&world, means, &name).await?).await?;
    let other = world.workload_of(Key::generate()).await?;
    let mut call = Call::new(means, &world, &other);
    call.name(&name);
    world.granted(&call.send(&world).await?).await.map(drop)
}

async fn not_burnt(world: Arc<World>, means: Means) -> Result<()> {
    let name = unique();
    let mut forged = named(&world, means, &name).await?;
    forged.forge();
    forged.send(&world).await?.unauthenticated()?;
    succeeds(&world, &named(&world, means, &name).await?).await
}

async fn refused_later(world: Arc<World>, means: Means) -> Result<()> {
    let name = unique();
    let mut call = named(&world, means, &name).await?;
    call.exchange().set("resource", "https://unknown.example/api");
    call.send(&world).await?.refusal(&["invalid_target"])?;
    succeeds(&world, &named(&world, means, &name).await?).await
}

async fn kinds_apart(world: Arc<World>) -> Result<()> {
    let (name, workload) = (unique(), world.workload().await?);
    let mut exchange = world.exchange_with(&workload.key);
    exchange.proof.claim("jti", name.clone());
    world.granted(&exchange.send(&world).await?).await.context("the DPoP proof")?;
    for means in [Means::Wpt, Means::Signature] {
        succeeds(&world, &named(&world, means, &name).await?).await?;
    }
    Ok(())
}

async fn mirrored_wpt(world: Arc<World>) -> Result<()> {
    let mut wire = named(&world, Means::Wpt, &unique()).await?.wire(&world);
    world.granted(&wire.send(&world).await?).await.context("the first use")?;
    let other = mirrored(wire.field("authorization").unwrap_or_default().trim_start_matches("WPT "))?;
    wire.set("authorization", &format!("WPT {other}"));
    wire.send(&world).await?.unauthenticated()
}

async fn second_node(world: Arc<World>, means: Means) -> Result<()> {
    let Some(second) = world.second_endpoint() else { bail!(NotTried("no --second-issuer-url given")) };
    let call = named(&world, means, &unique()).await?;
    let mut wire = call.wire(&world);
    world.granted(&wire.send(&world).await?).await.context("the first use")?;
    wire.url.clone_from(&second);
    wire.send(&world).await?.unauthenticated()?;
    // Not because that node knows no such caller.
    let mut fresh = named(&world, means, &unique()).await?.wire(&world);
    fresh.url = second;
    world.granted(&fresh.send(&world).await?).await.map(drop).context("a fresh one at the other node")
}

async fn race(world: Arc<World>, means: Means) -> Result<()> {
    let Some(second) = world.second_endpoint() else { bail!(NotTried("no --second-issuer-url given")) };
    let wire = named(&world, means, &unique()).await?.wire(&world);
    let mut running = JoinSet::new();
    for number in 0..COPIES {
        let (world, mut wire) = (world.clone(), wire.clone());
        if number % 2 == 1 {
            wire.url.clone_from(&second);
        }
        running.spawn(async move { wire.send(&world).await.map(|answer| (answer.status, answer.error())) });
    }
    let (mut granted, mut replayed, mut other) = (0, 0, 0);
    while let Some(done) = running.join_next().await {
        match done {
            Ok(Ok((200, _))) => granted += 1,
            Ok(Ok((401, Some(code)))) if code == "invalid_client" => replayed += 1,
            _ => other += 1,
        }
    }
    ensure!(granted == 1, "{granted} succeeded, {replayed} were refused as replays, {other} failed in another way");
    Ok(())
}
