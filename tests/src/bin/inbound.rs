//! Holds the normaliser to a folder of inbound samples and prints the report as JSON. `cargo xtask inbound` shows it.

use clap::Parser;
use countersign_tests::inbound;
use std::path::PathBuf;

#[derive(Parser)]
struct Arguments {
    /// Folder of samples; else the one that COUNTERSIGN_INBOUND names, else the project's own.
    dir: Option<PathBuf>,
}

fn main() -> anyhow::Result<()> {
    let report = inbound::run(&inbound::dir(Arguments::parse().dir));
    println!("{}", serde_json::to_string(&report)?);
    Ok(())
}
