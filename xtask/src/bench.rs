//! `cargo xtask bench`: measurements that are run on purpose, because a busy machine would make them fail.

use anyhow::{Context, Result};
use clap::Subcommand;

use crate::build::{self, Scope};
use crate::npm;
use crate::run::{self, Step};
use crate::workspace::Workspace;

/// What is measured.
#[derive(Debug, Subcommand)]
pub(crate) enum Measurement {
    /// Whether the time of a verification depends on what is secret
    ///
    /// Fails when it does.
    ConstantTime {
        /// How often; more shows smaller differences
        #[arg(long)]
        samples: Option<u32>,
    },
    /// How long the npm package takes, beside the documented snippet and other packages
    ///
    /// Accepting and refusing bodies of 200 bytes to 256 KB, reading an event, workerd, the first verification of a process,
    /// and where native hashing begins to pay. Every answer is checked: a wrong one fails. A bar that is missed is printed.
    Verify {
        /// How often everything is measured [default: 15, quick: 4]
        #[arg(long)]
        rounds: Option<u32>,
        /// Short rounds and few of them, for a first look
        #[arg(long)]
        quick: bool,
        /// Print for programs
        #[arg(long)]
        json: bool,
        /// Only these, with commas: accept, reject, parse, break-even, workerd, start
        #[arg(long)]
        only: Option<String>,
        /// Write the figures into npm/README.md as well
        #[arg(long, conflicts_with = "only")]
        readme: bool,
    },
}

/// Builds, measures, and fails when the finding is not the wanted one.
pub(crate) fn bench(workspace: &Workspace, measurement: Measurement) -> Result<()> {
    build::build(workspace, Scope::WasmOnly)?;
    match measurement {
        Measurement::ConstantTime { samples } => constant_time(workspace, samples),
        Measurement::Verify {
            rounds,
            quick,
            json,
            only,
            readme,
        } => {
            npm::build(workspace)?;
            let mut options = Vec::new();
            options.extend(rounds.map(|rounds| format!("--rounds={rounds}")));
            options.extend(quick.then(|| "--quick".to_owned()));
            options.extend(json.then(|| "--json".to_owned()));
            options.extend(only.map(|only| format!("--only={only}")));
            options.extend(readme.then(|| "--readme".to_owned()));
            verify(workspace, &options)
        }
    }
}

fn constant_time(workspace: &Workspace, samples: Option<u32>) -> Result<()> {
    let step = Step::begin("compile the measurements");
    let mut cargo = workspace.cargo();
    cargo
        .args(["build", "--release", "--quiet"])
        .args(build::NATIVE_PACKAGES)
        .args(["--bin", "bench"]);
    run::inherit(&mut cargo).context("the measurements did not compile")?;
    step.done("");
    let mut command = workspace.command(workspace.native_binary("bench"));
    command
        .args(["constant-time", "--kernel"])
        .arg(workspace.outputs().join("kernel.wasm"));
    if let Some(samples) = samples {
        command.args(["--samples", &samples.to_string()]);
    }
    run::inherit(&mut command).context("not as it should be; see the table")
}

fn verify(workspace: &Workspace, options: &[String]) -> Result<()> {
    let node = which::which("node").context("node is not on PATH; install Node.js 20 or newer")?;
    let mut command = workspace.command(node);
    command.arg(workspace.npm().join("bench/run.mjs"));
    command.args(options);
    run::inherit(&mut command).context("the measurement failed; its output above says why")
}
