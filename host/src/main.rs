//! The binary: command line in, exit code out.

use clap::Parser;
use countersign_host::cli::Cli;
use std::process::ExitCode;

fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("countersign: {error}");
            error.exit_code()
        }
    }
}
