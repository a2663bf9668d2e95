//! `procura handover`: hands a Biscuit to another agent. Nobody is asked.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use procura_client::{AgentKey, Biscuit, HeldWit, Narrowing, ScopeSet, UnixTime};

use super::print;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The Biscuit, as it was issued or handed over to this agent
    #[arg(long, value_name = "FILE")]
    biscuit: PathBuf,
    /// This agent's key, which the Biscuit is held by: a private JWK, or PKCS#8 in PEM
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The WIT of the agent that gets it
    #[arg(long, value_name = "FILE")]
    wit: PathBuf,
    /// Only this of its scope
    #[arg(long, value_name = "SCOPES")]
    scope: Option<ScopeSet>,
    /// Only until then, in seconds since 1970
    #[arg(long, value_name = "SECONDS")]
    until: Option<u64>,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let Arguments { biscuit, key, wit, scope, until } = arguments;
    let held = Biscuit::parse(read(biscuit)?.trim()).with_context(|| biscuit.display().to_string())?;
    let next = HeldWit::parse(read(wit)?.trim()).with_context(|| wit.display().to_string())?;
    let narrowing = Narrowing { scope: scope.clone(), until: until.map(UnixTime::from_secs) };
    print(held.hand_over(&AgentKey::from_file(key)?, &next, &narrowing)?.text().expose());
    Ok(())
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("{}: cannot be read", path.display()))
}
