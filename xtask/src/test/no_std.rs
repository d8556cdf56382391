//! The proof that the core needs no standard library.
//!
//! `--no-default-features` on this machine shows that the feature set compiles; it shows nothing about `std`, which a
//! dependency might pull in unseen. So the core is also compiled for a target that has none: rustup's `thumbv7em` where
//! it can be had, else this machine's own sources of `core` and `alloc`. Where neither works the table says so.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use crate::run::{self, Step};
use crate::toolchain::compiler::{self, Compiler};
use crate::wasm::environment;
use crate::workspace::Workspace;

/// A microcontroller: its Rust target has `core` and `alloc` and nothing else.
const BARE_TARGET: &str = "thumbv7em-none-eabi";

const CORE: [&str; 4] = [
    "--package",
    "countersign-core",
    "--no-default-features",
    "--lib",
];

/// What was built and what that shows.
#[derive(Default)]
pub(super) struct Proof {
    pub(super) builds_passed: u64,
    pub(super) builds_failed: u64,
    pub(super) builds_skipped: u64,
    pub(super) shown: String,
}

/// Builds the core both ways.
pub(super) fn prove(workspace: &Workspace) -> Result<Proof> {
    let mut proof = Proof::default();
    let mut host = workspace.cargo();
    host.args(["build", "--release"]).args(CORE);
    count(
        &mut proof,
        "core without default features, this machine",
        &mut host,
    );

    match bare_build(workspace)? {
        Some((how, mut build)) => {
            count(
                &mut proof,
                &format!("core on {BARE_TARGET} ({how})"),
                &mut build,
            );
            // The payload models too, for they are meant to work without std as well.
            build.args(["--features", "payload"]);
            count(
                &mut proof,
                &format!("core with payload on {BARE_TARGET} ({how})"),
                &mut build,
            );
            proof.shown = format!("built for {BARE_TARGET}, which has no std ({how})");
        }
        None => {
            proof.builds_skipped += 1;
            proof.shown = if declares_no_std(workspace)? {
                format!(
                    "NOT SHOWN for a target without std: `rustup target add {BARE_TARGET}`; #![no_std] is declared"
                )
            } else {
                proof.builds_failed += 1;
                "core/src/lib.rs does not say #![no_std]".to_owned()
            };
        }
    }
    Ok(proof)
}

fn count(proof: &mut Proof, label: &str, command: &mut Command) {
    let step = Step::begin(label);
    match run::inherit(command) {
        Ok(()) => {
            proof.builds_passed += 1;
            step.done("");
        }
        Err(error) => {
            proof.builds_failed += 1;
            step.failed(&format!("{error:#}"));
        }
    }
}

/// A build for the bare target, if there is a way.
fn bare_build(workspace: &Workspace) -> Result<Option<(String, Command)>> {
    let active =
        Compiler::active().context("no `rustc` on PATH; install Rust from https://rustup.rs")?;
    let mut cargo = workspace.cargo();
    environment::clear(&mut cargo);
    cargo
        .args(["build", "--release", "--target", BARE_TARGET])
        .args(CORE);
    cargo.arg("--target-dir").arg(workspace.at("target/no-std"));
    let installed = active.has_library(BARE_TARGET, "core");
    if installed || crate::toolchain::add_target(BARE_TARGET).is_ok() {
        return Ok(Some(("rustup's target".to_owned(), cargo)));
    }
    let with_sources = compiler::candidates()
        .into_iter()
        .find(|compiler| compiler.is_new_enough() && compiler.has_sources());
    Ok(with_sources.map(|compiler| {
        cargo
            .env("RUSTC", compiler.program())
            .env("RUSTC_BOOTSTRAP", "1")
            .arg("-Zbuild-std=core,alloc");
        (
            format!("core and alloc from the sources of {}", compiler.name()),
            cargo,
        )
    }))
}

/// The attribute without a condition, as the crate's own word.
fn declares_no_std(workspace: &Workspace) -> Result<bool> {
    let text = fs::read_to_string(workspace.at("core/src/lib.rs"))
        .context("core/src/lib.rs is not readable")?;
    Ok(text.lines().any(|line| line.trim() == "#![no_std]"))
}
