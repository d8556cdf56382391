//! `cargo xtask bench`: measurements that are run on purpose, because a busy machine would make them fail.

use anyhow::{Context, Result};
use clap::ValueEnum;

use crate::build::{self, Scope};
use crate::run::{self, Step};
use crate::workspace::Workspace;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Measurement {
    /// Whether the time of a verification depends on what is secret
    ConstantTime,
}

/// Builds, measures, and fails when the finding is not the wanted one.
pub(crate) fn bench(
    workspace: &Workspace,
    measurement: Measurement,
    samples: Option<u32>,
) -> Result<()> {
    build::build(workspace, Scope::WasmOnly)?;
    let step = Step::begin("compile the measurements");
    let mut cargo = workspace.cargo();
    cargo
        .args(["build", "--release", "--quiet"])
        .args(build::NATIVE_PACKAGES)
        .args(["--bin", "bench"]);
    run::inherit(&mut cargo).context("the measurements did not compile")?;
    step.done("");
    let mut command = workspace.command(workspace.native_binary("bench"));
    match measurement {
        Measurement::ConstantTime => command
            .args(["constant-time", "--kernel"])
            .arg(workspace.outputs().join("kernel.wasm")),
    };
    if let Some(samples) = samples {
        command.args(["--samples", &samples.to_string()]);
    }
    run::inherit(&mut command).context("not as it should be; see the table")
}
