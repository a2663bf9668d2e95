//! Whoever is disabled is refused, at once and whatever was believed before.

use super::answered;
use crate::cases::{Case, NotTried};
use crate::world::{Answer, Platform, World};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::sync::Arc;
use std::time::Duration;

/// How long a node may take to see the change.
const NOTICE: Duration = Duration::from_secs(5);

type Row = (&'static str, &'static str, &'static [&'static str], fn(&World) -> String, Whom);

/// Who is refused then.
#[derive(Clone, Copy, PartialEq)]
enum Whom {
    Job,
    Agent,
    User,
}

const ROWS: &[Row] = &[
    (
        "disabled-job",
        "a job by its identifier",
        &["PRAC-04", "F12"],
        |_| format!("workload = \"{}\"", Platform::id("2002")),
        Whom::Job,
    ),
    ("disabled-rule", "a job by its rule", &["PRAC-04", "F12"], |_| "platform = \"ci\"".to_owned(), Whom::Job),
    (
        "disabled-platform",
        "a job by its issuer",
        &["PRAC-04", "F12"],
        |_| format!("issuer = \"{}\"", Platform::ISSUER),
        Whom::Job,
    ),
    (
        "disabled-domain",
        "a job by its trust domain",
        &["PRAC-04", "FED-18", "F12"],
        |_| format!("trust_domain = \"{}\"", Platform::TRUST_DOMAIN),
        Whom::Job,
    ),
    (
        "disabled-agent",
        "an agent with a JWT-SVID",
        &["PRAC-04", "F12"],
        |w| format!("workload = \"{}\"", w.options.agent),
        Whom::Agent,
    ),
    (
        "disabled-agent-domain",
        "every agent of a trust domain",
        &["FED-18", "F12"],
        |w| format!("trust_domain = \"{}\"", w.options.trust_domain),
        Whom::Agent,
    ),
    ("disabled-users", "the users of an issuer", &["F12"], |w| format!("issuer = \"{}\"", w.options.user_issuer), Whom::User),
];

pub(super) fn cases() -> Vec<Case> {
    let case = |(slug, shows, covers, entry, whom): &Row| {
        let (entry, whom) = (*entry, *whom);
        Case::new(format!("platform.{slug}"), *shows, covers, move |w| async move { disabled(w, entry, whom).await })
    };
    ROWS.iter().map(case).collect()
}

/// Puts the file back, however the case ends.
struct Restored<'a>(&'a std::path::Path, String);

impl Drop for Restored<'_> {
    fn drop(&mut self) {
        let _ = fs::write(self.0, &self.1);
    }
}

async fn disabled(world: Arc<World>, entry: fn(&World) -> String, whom: Whom) -> Result<()> {
    let file = world.options.disabled_file.as_deref().context(NotTried("no --disabled-file given"))?;
    let before = fs::read_to_string(file).unwrap_or_default();
    until(&world, whom, false).await.context("before")?;
    let restored = Restored(file, before.clone());
    let text = format!("{before}\n[[disabled]]\n{}\nsince = \"2026-01-01T00:00:00Z\"\nreason = \"conformance\"\n", entry(&world));
    fs::write(file, text)?;
    until(&world, whom, true).await.context("disabled")?;
    // It stays so: nothing that was remembered counts.
    for _ in 0..3 {
        refused(&asked(&world, whom).await?, whom)?;
    }
    drop(restored);
    until(&world, whom, false).await.context("enabled again")
}

/// Asks until the answer is what it should come to.
async fn until(world: &World, whom: Whom, disabled: bool) -> Result<()> {
    let turned = async {
        loop {
            let answer = asked(world, whom).await?;
            let (is_refused, is_granted) = (refused(&answer, whom).is_ok(), answer.status == 200);
            ensure!(is_refused || is_granted, "{}: {}", answer.status, answer.start());
            if is_refused == disabled {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(NOTICE, turned).await.with_context(|| format!("no change in {} s", NOTICE.as_secs()))?
}

async fn asked(world: &World, whom: Whom) -> Result<Answer> {
    if whom == Whom::Job {
        return answered(world, |_| ()).await;
    }
    let mut exchange = world.exchange();
    exchange.url = world.guest_endpoint()?;
    exchange.send(world).await
}

fn refused(answer: &Answer, whom: Whom) -> Result<()> {
    if whom == Whom::User { answer.refusal(&["invalid_request"]) } else { answer.unauthenticated() }
}
