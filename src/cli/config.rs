//! `procura config`

use std::path::PathBuf;

use super::print;
use crate::config::{Config, EXAMPLE};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Read a configuration file and say whether its values are well formed and agree with each other
    Check {
        /// The configuration file
        #[arg(value_name = "FILE", required_unless_present = "config")]
        file: Option<PathBuf>,
        /// The same, by name
        #[arg(long, value_name = "FILE", conflicts_with = "file")]
        config: Option<PathBuf>,
    },
    /// Print the JSON Schema of configuration files
    Schema,
    /// Print a configuration file with every key
    Example,
}

pub(super) fn run(command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Check { file, config } => {
            let file = file.as_ref().or(config.as_ref()).ok_or(super::Usage("name a configuration file"))?;
            super::load(file)?;
            print(&format!("{}: ok", file.display()));
        }
        Command::Schema => print(&serde_json::to_string_pretty(&Config::schema())?),
        Command::Example => print(EXAMPLE.trim_end()),
    }
    Ok(())
}
