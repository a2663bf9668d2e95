//! `procura policy`: what the policies of a configuration say, without a service.

mod check;
mod event;
mod explain;
mod replay;
mod test;

use std::path::PathBuf;

use crate::app::open_policy;
use crate::config::Config;
use crate::policy::Policy;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Load the policies, and print every error and everything that can hardly be meant
    Check {
        #[command(flatten)]
        from: From,
        /// Fail for what can hardly be meant too
        #[arg(long)]
        strict: bool,
    },
    /// Decide a table of requests, and compare with what is expected
    Test {
        /// The table, in TOML
        #[arg(value_name = "TESTS")]
        tests: PathBuf,
        #[command(flatten)]
        from: From,
    },
    /// Say why a request is decided as it is
    Explain(explain::Arguments),
    /// Decide again what the audit log recorded, and print what would be decided otherwise now
    Replay {
        #[command(flatten)]
        from: From,
        #[command(flatten)]
        log: event::Log,
    },
}

/// Which configuration.
#[derive(Debug, clap::Args)]
pub(super) struct From {
    /// The configuration file of the service
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

pub(super) fn run(command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Check { from, strict } => check::run(from, *strict),
        Command::Test { tests, from } => test::run(from, tests),
        Command::Explain(arguments) => explain::run(arguments),
        Command::Replay { from, log } => replay::run(from, log),
    }
}

impl From {
    fn load(&self) -> anyhow::Result<Config> {
        super::load(&self.config)
    }

    fn open(&self) -> anyhow::Result<(Config, Policy)> {
        let config = self.load()?;
        let policy = open_policy(&config)?;
        Ok((config, policy))
    }
}

/// `one policy`, `2 policies`.
fn count(number: usize, one: &str, several: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { several })
}

/// What others wrote, without what does something to a terminal.
fn inert(text: &str) -> String {
    let one = |char: char| if matches!(char, '"' | '\'' | '\\') { char.to_string() } else { char.escape_debug().to_string() };
    text.chars().map(one).collect()
}
