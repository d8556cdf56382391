//! The binary: command line in, exit code out.

use clap::Parser;
use countersign_host::cli::Cli;
use mimalloc::MiMalloc;
use std::process::ExitCode;

/// Deliveries are many small pieces of memory that one thread makes and another one drops.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("countersign: {error}");
            error.exit_code()
        }
    }
}
