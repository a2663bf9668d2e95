#![doc = include_str!("../README.md")]

mod cases;
mod catalogue;
mod certificate;
mod cli;
mod clock;
mod hostile;
mod jose;
mod report;
mod signature;
mod world;

use clap::Parser;
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    match cli::run(cli::Arguments::parse()).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("procura-conformance: {error:#}");
            ExitCode::from(2)
        }
    }
}
