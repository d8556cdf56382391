//! `cargo xtask build`: wasm modules, npm package, host binary, in the order in which they feed each other.

use anyhow::{Context, Result};

use crate::run::{self, Step};
use crate::wasm;
use crate::workspace::Workspace;

/// How much to build.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    WasmOnly,
    All,
}

/// Builds and says, at the end, whether there was anything to do.
pub(crate) fn build(workspace: &Workspace, scope: Scope) -> Result<()> {
    let started = std::time::Instant::now();
    let mut changed = wasm::build(workspace)?;
    if scope == Scope::All {
        changed |= crate::npm::build(workspace)?;
        changed |= host(workspace)?;
    }
    let seconds = started.elapsed().as_secs_f64();
    let state = if changed {
        "built"
    } else {
        "everything is up to date"
    };
    eprintln!(
        "build: {state} ({seconds:.1} s); outputs in {}",
        workspace.outputs().display()
    );
    Ok(())
}

/// What is compiled natively in release. Build, tests and demo select the same packages: cargo then resolves one set of
/// features, and wasmtime is compiled once. The toolkit would pull in wasm-bindgen, xtask has a build of its own.
pub(crate) const NATIVE_PACKAGES: [&str; 5] = [
    "--workspace",
    "--exclude",
    "countersign-toolkit",
    "--exclude",
    "xtask",
];

/// The host in the profile that tests and demo share. Its build script embeds the modules, so it comes last.
pub(crate) fn host(workspace: &Workspace) -> Result<bool> {
    let binary = workspace.host_binary();
    let modified = || {
        std::fs::metadata(&binary)
            .and_then(|metadata| metadata.modified())
            .ok()
    };
    let before = modified();
    let step = Step::begin("compile the host (the first time takes minutes: wasmtime and SQLite)");
    let mut cargo = workspace.cargo();
    cargo
        .args(["build", "--release"])
        .args(NATIVE_PACKAGES)
        .args(["--bin", "countersign"]);
    run::inherit(&mut cargo).context("the host did not compile")?;
    let changed = before != modified();
    step.done(if changed { "" } else { "up to date" });
    Ok(changed)
}
