//! `procura trust`

mod change;
mod credential;
mod examine;
mod list;
mod show;

use std::path::{Path, PathBuf};

use procura_token::UnixTime;

use crate::app::open_trust;
use crate::clock::{Clock as _, SystemClock};
use crate::config::Config;
use crate::trust::Trust;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List whom the service believes
    List {
        #[command(flatten)]
        from: From,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show one trust domain, user issuer, approver, attester or platform rule, with its public keys
    Show {
        /// The name of a trust domain, approver, attester or platform rule, or the alias or URL of an issuer
        name: String,
        #[command(flatten)]
        from: From,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Say what a credential is and whether it would be believed now; the credential itself is never printed
    Test(examine::Arguments),
    /// Stop believing somebody: every copy that reads the same list refuses within a second
    Disable(change::Disable),
    /// Believe somebody again
    Enable(change::Enable),
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
        Command::List { from, json } => list::run(from, *json),
        Command::Show { name, from, json } => show::run(name, from, *json),
        Command::Test(arguments) => examine::run(arguments),
        Command::Disable(arguments) => change::disable(arguments),
        Command::Enable(arguments) => change::enable(arguments),
    }
}

impl From {
    fn load(&self) -> anyhow::Result<Config> {
        Ok(Config::load(&self.config)?)
    }

    fn file(&self) -> &Path {
        &self.config
    }
}

/// Asks `question` of the trust of this configuration as it is now.
fn ask<T>(config: &Config, question: impl AsyncFnOnce(&Trust, UnixTime) -> T) -> anyhow::Result<T> {
    super::runtime()?.block_on(async {
        let now = SystemClock.now();
        Ok(question(&open_trust(config, now).await?, now).await)
    })
}

/// Such as `3m` or `2h 5m`: two units at most.
fn length(seconds: u64) -> String {
    let units = [(86_400, "d"), (3600, "h"), (60, "m"), (1, "s")];
    let mut rest = seconds;
    let mut parts = Vec::new();
    for (unit, name) in units {
        if rest >= unit {
            parts.push(format!("{}{name}", rest / unit));
            rest %= unit;
        }
    }
    parts.truncate(2);
    if parts.is_empty() { "0s".to_owned() } else { parts.join(" ") }
}
