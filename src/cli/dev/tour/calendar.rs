//! The example programs, run as what they are: other processes.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context as _;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use super::super::world::World;

/// The target of the development world that the example calendar serves.
pub(super) const RESOURCE: &str = "http://127.0.0.1:8090/calendar";

/// The example resource server; it ends with this value.
pub(in super::super) struct Calendar {
    _process: Child,
}

impl Calendar {
    /// Starts it and waits until it listens.
    pub(super) async fn start(world: &World) -> anyhow::Result<Self> {
        let mut process = Command::new(example("calendar")?)
            .args(["--issuer", world.issuer().as_str(), "--resource", RESOURCE, "--nonces"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("the example `calendar` cannot be started")?;
        let output = process.stdout.take().context("the example `calendar` has no output")?;
        let mut lines = BufReader::new(output).lines();
        let line =
            tokio::time::timeout(Duration::from_secs(10), lines.next_line()).await.context("the calendar does not start")??;
        anyhow::ensure!(line.is_some_and(|line| line.starts_with("ready")), "the calendar could not start; is port 8090 in use?");
        Ok(Self { _process: process })
    }
}

/// Runs the example agent and gives what it printed.
pub(super) async fn planner(world: &World, svid: &str, user_token: &str) -> anyhow::Result<String> {
    let run = Command::new(example("planner")?)
        .args(["--issuer", world.issuer().as_str(), "--resource", RESOURCE, "--scope", "calendar.read"])
        .args(["--svid", svid, "--user-token", user_token])
        .output();
    let output = tokio::time::timeout(Duration::from_secs(30), run).await.context("the planner does not end")??;
    anyhow::ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim_end());
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}

/// The example programs are built beside this one.
fn example(name: &str) -> anyhow::Result<PathBuf> {
    let path = crate::config::beside_this_program(name)?;
    anyhow::ensure!(
        path.exists(),
        "{}: not there; the tour needs the examples: cargo build --package procura-agents",
        path.display()
    );
    Ok(path)
}
