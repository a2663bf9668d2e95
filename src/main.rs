//! The `procura` program.

use std::process::ExitCode;

/// An exchange makes and drops some two hundred small things on two cores: a tenth of its cost with the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    procura::cli::run()
}
