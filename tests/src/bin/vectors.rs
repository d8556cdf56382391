//! Holds a Rust face to a folder of vectors and prints the report as JSON. `cargo xtask vectors` runs it beside the
//! JavaScript faces.

use clap::{Parser, ValueEnum};
use countersign_tests::{
    faces::{Native, Wasmtime},
    vectors::{self, Face},
};
use std::path::PathBuf;

#[derive(Parser)]
struct Arguments {
    /// How the core is reached.
    #[arg(long)]
    face: FaceName,
    /// Folder of `*.json` files; else the one that COUNTERSIGN_VECTORS names, else the project's own.
    dir: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum FaceName {
    /// The crate, called directly.
    Native,
    /// The kernel module in wasmtime, as the host runs it.
    Wasmtime,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let face: Box<dyn Face> = match arguments.face {
        FaceName::Native => Box::new(Native),
        FaceName::Wasmtime => Box::new(Wasmtime::new()?),
    };
    let report = vectors::run(face.as_ref(), &vectors::dir(arguments.dir));
    println!("{}", serde_json::to_string(&report)?);
    Ok(())
}
