//! The command line: words for people, one clear message when something is wrong.
//!
//! Exit codes: 0 done, 1 failed, 2 used wrongly (flags or configuration).

mod config;
mod delegation;
mod dev;
mod exchange;
mod handover;
mod keys;
mod policy;
mod serve;
mod table;
mod token;
mod trust;

use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::app::StartError;
use crate::config::{Config, ConfigError};

/// Who is this agent, on whose behalf does it act, for what, until when?
#[derive(Debug, Parser)]
#[command(name = "procura", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve with a configuration file
    Serve(serve::Arguments),
    /// Serve a complete development world, with users, agents, targets and policies
    Dev(dev::Arguments),
    /// Exchange an SVID and a user's token for a delegation token, as an agent would
    Exchange(Box<exchange::Arguments>),
    /// Hand a Biscuit to another agent, without asking the service
    Handover(handover::Arguments),
    /// Look into tokens
    #[command(subcommand)]
    Token(token::Command),
    /// See whom the service believes, and stop believing somebody
    #[command(subcommand)]
    Trust(trust::Command),
    /// See what agents do for whom, and end it
    #[command(subcommand)]
    Delegation(delegation::Command),
    /// Find out what the policies say, and whether they say what is meant
    #[command(subcommand)]
    Policy(policy::Command),
    /// Work with configuration files
    #[command(subcommand)]
    Config(config::Command),
    /// Work with signing keys
    #[command(subcommand)]
    Keys(keys::Command),
}

/// Runs the program with the arguments of this process.
pub fn run() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Dev(arguments) => dev::run(arguments),
        Command::Exchange(arguments) => exchange::run(&arguments),
        Command::Handover(arguments) => handover::run(&arguments),
        Command::Token(command) => token::run(&command),
        Command::Trust(command) => trust::run(&command),
        Command::Delegation(command) => delegation::run(&command),
        Command::Policy(command) => policy::run(&command),
        Command::Config(command) => config::run(&command),
        Command::Keys(command) => keys::run(&command),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("procura: {}", message(&error));
            let is_usage = |cause: &(dyn std::error::Error + 'static)| {
                let is_start = || matches!(cause.downcast_ref(), Some(StartError::Config(_)));
                cause.is::<ConfigError>() || cause.is::<Usage>() || is_start()
            };
            let is_usage = error.chain().any(is_usage);
            ExitCode::from(if is_usage { 2 } else { 1 })
        }
    }
}

/// The error and its causes in one line. A cause that its effect has told already is not told again.
fn message(error: &anyhow::Error) -> String {
    let mut message = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if message.is_empty() {
            message = cause;
        } else if !message.contains(&cause) {
            message = format!("{message}: {cause}");
        }
    }
    message.lines().map(str::trim).collect::<Vec<_>>().join(" ")
}

/// Reads a configuration file whose every part makes sense to the room it is for.
fn load(file: &Path) -> anyhow::Result<Config> {
    let config = Config::load(file)?;
    crate::app::agree(&config).map_err(|error| error.in_file(file))?;
    Ok(config)
}

/// A combination of flags that makes no sense.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Usage(&'static str);

/// The runtime of a command that talks to others.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

/// Prints `text` and a line feed. A reader that has gone away is not our failure.
fn print(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stdout(), "{text}");
}
