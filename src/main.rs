//! The `procura` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    procura::cli::run()
}
