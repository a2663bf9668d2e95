//! The black-box cases, a group a file.

mod actor;
mod algorithm;
mod answer;
mod approval;
mod autonomous;
mod binding;
mod caller;
mod certificate;
mod chain;
mod confusion;
mod details;
mod dpop;
mod federated;
mod flaw;
mod form;
mod hostile;
mod metadata;
mod nonce;
mod platform;
mod posture;
mod replay;
mod signature;
mod subject;
mod target;
mod wit;
mod wpt;
mod written;

use crate::world::World;
use anyhow::Result;
use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

/// How long one case may take.
const DEADLINE: Duration = Duration::from_secs(90);

type Running = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

/// One thing that is shown.
pub(crate) struct Case {
    pub(crate) id: String,
    pub(crate) shows: String,
    /// Ids of requirements and attacks.
    pub(crate) covers: Vec<&'static str>,
    run: Box<dyn Fn(Arc<World>) -> Running + Send + Sync>,
}

/// Why a case could not be tried at all; not a failure.
#[derive(Debug)]
pub(crate) struct NotTried(pub(crate) &'static str);

impl std::fmt::Display for NotTried {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for NotTried {}

impl Case {
    fn new<F, Fut>(id: impl Into<String>, shows: impl Into<String>, covers: &[&'static str], run: F) -> Self
    where
        F: Fn(Arc<World>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        let run = Box::new(move |world| -> Running { Box::pin(run(world)) });
        Self { id: id.into(), shows: shows.into(), covers: covers.to_vec(), run }
    }

    /// Runs the case under a deadline.
    pub(crate) async fn run(&self, world: Arc<World>) -> Result<()> {
        match tokio::time::timeout(DEADLINE, (self.run)(world)).await {
            Ok(verdict) => verdict,
            Err(_) => anyhow::bail!("no verdict within {} s", DEADLINE.as_secs()),
        }
    }
}

/// Every case, in the order in which they run.
pub(crate) fn all() -> Vec<Case> {
    let groups = [
        metadata::cases(),
        form::cases(),
        caller::cases(),
        dpop::cases(),
        algorithm::cases(),
        nonce::cases(),
        subject::cases(),
        actor::cases(),
        chain::cases(),
        confusion::cases(),
        target::cases(),
        details::cases(),
        autonomous::cases(),
        answer::cases(),
        wit::cases(),
        wpt::cases(),
        signature::cases(),
        certificate::cases(),
        binding::cases(),
        federated::cases(),
        platform::cases(),
        approval::cases(),
        posture::cases(),
        hostile::cases(),
        replay::cases(),
        written::cases(),
    ];
    groups.into_iter().flatten().collect()
}
