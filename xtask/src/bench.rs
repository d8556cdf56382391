//! `cargo xtask bench`: measurements that are run on purpose, because a busy machine would make them fail.
//!
//! Here is said which there are and what has to be built for them. Their options are declared where they are read, by the
//! programs that measure, and are passed on as they are given, `--help` too.

use std::ffi::OsString;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};

use crate::build::{self, Scope};
use crate::npm;
use crate::run::{self, Step};
use crate::workspace::Workspace;

/// What is measured.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub(crate) enum Measurement {
    /// Whether the time of a verification depends on what is secret
    #[command(disable_help_flag = true)]
    ConstantTime(Options),
    /// How long the npm package takes, beside the documented snippet and other packages
    #[command(disable_help_flag = true)]
    Verify(Options),
    /// Deliveries per second, processor time, latency and memory of the host
    #[command(disable_help_flag = true)]
    Deliver(Options),
    /// A backlog that is published while its receiver is down, and delivered when it is up
    #[command(disable_help_flag = true)]
    Backlog(Options),
    /// How long the endpoints of a host that is killed are without one, on PostgreSQL
    #[command(disable_help_flag = true)]
    Takeover(Options),
    /// When retries come, against each provider's schedule
    #[command(disable_help_flag = true)]
    Timing(Options),
    /// Kill the host under load, again and again; nothing that it accepted may be lost
    ///
    /// The test `kill` with more rounds. Fails when a message is lost or altered. COUNTERSIGN_SEED repeats a run's choices.
    Crash {
        /// How often the host is killed
        #[arg(long, default_value_t = 200)]
        rounds: u32,
    },
    /// Disturb three hosts on one PostgreSQL database under load, again and again; each must keep its promises
    ///
    /// The test `rounds` with more rounds: a host is killed, stopped or cut off, or the database is restarted or killed. The history of
    /// each round is kept in target/histories under its seed. Fails when one of them is not what hosts promise.
    /// COUNTERSIGN_SEED repeats a run's choices.
    Hosts {
        /// How often something is disturbed
        #[arg(long, default_value_t = 200)]
        rounds: u32,
    },
}

/// What the program that measures is given.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct Options {
    /// Those of the program that measures, which tells them with --help
    #[arg(
        value_name = "OPTIONS",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    given: Vec<OsString>,
}

/// Builds and measures. Fails when the finding is not the wanted one; being slow is none.
pub(crate) fn bench(workspace: &Workspace, measurement: &Measurement) -> Result<()> {
    build::build(workspace, Scope::WasmOnly)?;
    match measurement {
        Measurement::ConstantTime(options) => {
            let kernel = workspace.outputs().join("kernel.wasm");
            measure(
                workspace,
                &["constant-time".into(), "--kernel".into(), kernel.into()],
                options,
            )
        }
        Measurement::Verify(options) => {
            npm::build(workspace)?;
            verify(workspace, options)
        }
        Measurement::Deliver(options) => measure_host(workspace, "deliver", options),
        Measurement::Backlog(options) => measure_host(workspace, "backlog", options),
        Measurement::Takeover(options) => measure_host(workspace, "takeover", options),
        Measurement::Timing(options) => measure_host(workspace, "timing", options),
        Measurement::Crash { rounds } => {
            build::host(workspace)?;
            rounds_of(workspace, "kill", *rounds)
        }
        Measurement::Hosts { rounds } => {
            build::host(workspace)?;
            rounds_of(workspace, "rounds", *rounds)
        }
    }
}

/// The host as it is shipped, which is a tenth quicker than the one that tests and demo use and takes minutes longer to build.
fn measure_host(workspace: &Workspace, what: &str, options: &Options) -> Result<()> {
    let host = ["--bin", "countersign"];
    measure_in(workspace, "dist", &host, &[what.into()], options)
}

fn measure(workspace: &Workspace, what: &[OsString], options: &Options) -> Result<()> {
    measure_in(workspace, "release", &[], what, options)
}

fn measure_in(
    workspace: &Workspace,
    profile: &str,
    also: &[&str],
    what: &[OsString],
    options: &Options,
) -> Result<()> {
    let step = Step::begin("compile what is measured, and the measurements");
    let mut cargo = workspace.cargo();
    cargo
        .args(["build", "--quiet", "--profile", profile])
        .args(build::NATIVE_PACKAGES)
        .args(["--bin", "bench"])
        .args(also);
    run::inherit(&mut cargo).context("the measurements did not compile")?;
    step.done("");
    let mut command = workspace.command(workspace.native_binary(profile, "bench"));
    command.args(what).args(&options.given);
    run::inherit(&mut command).context("not as it should be; see above")
}

/// A test that takes the number of its rounds from the environment.
fn rounds_of(workspace: &Workspace, test: &str, rounds: u32) -> Result<()> {
    let mut cargo = workspace.cargo();
    cargo
        .env("COUNTERSIGN_ROUNDS", rounds.to_string())
        .env("COUNTERSIGN_HISTORIES", workspace.at("target/histories"))
        .args(["test", "--release"])
        .args(build::NATIVE_PACKAGES)
        .args(["--test", test, "--", "--nocapture"]);
    run::inherit(&mut cargo).context("something that was accepted is not as it should be")
}

fn verify(workspace: &Workspace, options: &Options) -> Result<()> {
    let node = which::which("node").context("node is not on PATH; install Node.js 20 or newer")?;
    let mut command = workspace.command(node);
    command.arg(workspace.npm().join("bench/run.mjs"));
    command.args(&options.given);
    run::inherit(&mut command).context("the measurement failed; its output above says why")
}
