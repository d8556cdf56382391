//! `cargo xtask bench`: measurements that are run on purpose, because a busy machine would make them fail.

use anyhow::{Context, Result};
use clap::Subcommand;

use crate::build::{self, Scope};
use crate::npm;
use crate::run::{self, Step};
use crate::workspace::Workspace;

/// What is measured.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
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
    /// Deliveries per second, processor time, latency and memory of the host
    ///
    /// Publisher, host and receiver on this machine, beside a loop that keeps nothing and a sender made of BullMQ, Redis and
    /// undici (needs node, npm and redis-server). Medians of several runs, with the bars that we set ourselves. Never fails for
    /// being slow; a message that is lost or altered is an error.
    Deliver {
        /// How often; the median counts
        #[arg(long, default_value_t = 3)]
        runs: u32,
        /// Length of each measurement
        #[arg(long, default_value_t = 5)]
        seconds: u32,
        /// One run of a second each
        #[arg(long)]
        quick: bool,
        /// The host alone
        #[arg(long)]
        no_peers: bool,
        /// Only what has this in its name: `one endpoint`, `fan-out`, `batches`, `hanging`
        #[arg(long)]
        only: Option<String>,
        /// Print JSON on standard output
        #[arg(long)]
        json: bool,
    },
    /// A backlog that is published while its receiver is down, and delivered when it is up
    Backlog {
        /// How many messages
        #[arg(long, default_value_t = 1_000_000)]
        messages: u32,
        /// Print JSON on standard output
        #[arg(long)]
        json: bool,
    },
    /// When retries come, against each provider's schedule
    ///
    /// Waits up to a minute in real time, all of them with `delivery.time_scale`. Takes three minutes.
    Timing {
        /// Only waits of a few seconds in real time, the others faster: half a minute
        #[arg(long)]
        quick: bool,
        /// Print JSON on standard output
        #[arg(long)]
        json: bool,
    },
    /// Kill the host under load, again and again; nothing that it accepted may be lost
    ///
    /// The test `kill` with more rounds. Fails when a message is lost or altered. COUNTERSIGN_SEED repeats a run's choices.
    Crash {
        /// How often the host is killed
        #[arg(long, default_value_t = 200)]
        rounds: u32,
    },
}

/// Builds and measures. Fails when the finding is not the wanted one; being slow is none.
pub(crate) fn bench(workspace: &Workspace, measurement: &Measurement) -> Result<()> {
    build::build(workspace, Scope::WasmOnly)?;
    match measurement {
        Measurement::ConstantTime { .. } => {}
        Measurement::Verify { .. } => {
            npm::build(workspace)?;
            return verify(workspace, &arguments(workspace, measurement));
        }
        Measurement::Crash { rounds } => {
            build::host(workspace)?;
            return crash(workspace, *rounds);
        }
        Measurement::Deliver { .. } | Measurement::Backlog { .. } | Measurement::Timing { .. } => {
            build::host(workspace)?;
        }
    }
    let step = Step::begin("compile the measurements");
    let mut cargo = workspace.cargo();
    cargo
        .args(["build", "--release", "--quiet"])
        .args(build::NATIVE_PACKAGES)
        .args(["--bin", "bench"]);
    run::inherit(&mut cargo).context("the measurements did not compile")?;
    step.done("");
    let mut command = workspace.command(workspace.native_binary("bench"));
    command.args(arguments(workspace, measurement));
    run::inherit(&mut command).context("not as it should be; see above")
}

fn arguments(workspace: &Workspace, measurement: &Measurement) -> Vec<String> {
    let mut arguments = Vec::new();
    let mut say = |words: &[&str]| arguments.extend(words.iter().map(|word| (*word).to_owned()));
    let flags = |given: &[(bool, &str)]| -> Vec<String> {
        let given = given.iter().filter(|(given, _)| *given);
        given.map(|(_, flag)| format!("--{flag}")).collect()
    };
    match measurement {
        Measurement::ConstantTime { samples } => {
            let kernel = workspace.outputs().join("kernel.wasm");
            say(&["constant-time", "--kernel", &kernel.to_string_lossy()]);
            if let Some(samples) = samples {
                say(&["--samples", &samples.to_string()]);
            }
        }
        Measurement::Verify {
            rounds,
            quick,
            json,
            only,
            readme,
        } => {
            arguments.extend(rounds.map(|rounds| format!("--rounds={rounds}")));
            arguments.extend(only.as_ref().map(|only| format!("--only={only}")));
            arguments.extend(flags(&[
                (*quick, "quick"),
                (*json, "json"),
                (*readme, "readme"),
            ]));
        }
        Measurement::Deliver {
            runs,
            seconds,
            quick,
            no_peers,
            only,
            json,
        } => {
            say(&["deliver", "--runs", &runs.to_string()]);
            say(&["--seconds", &seconds.to_string()]);
            if let Some(only) = only {
                say(&["--only", only]);
            }
            arguments.extend(flags(&[
                (*quick, "quick"),
                (*no_peers, "no-peers"),
                (*json, "json"),
            ]));
        }
        Measurement::Backlog { messages, json } => {
            say(&["backlog", "--messages", &messages.to_string()]);
            arguments.extend(flags(&[(*json, "json")]));
        }
        Measurement::Timing { quick, json } => {
            say(&["timing"]);
            arguments.extend(flags(&[(*quick, "quick"), (*json, "json")]));
        }
        // It is a test.
        Measurement::Crash { .. } => {}
    }
    arguments
}

fn crash(workspace: &Workspace, rounds: u32) -> Result<()> {
    let mut cargo = workspace.cargo();
    cargo
        .env("COUNTERSIGN_ROUNDS", rounds.to_string())
        .args(["test", "--release"])
        .args(build::NATIVE_PACKAGES)
        .args(["--test", "kill", "--", "--nocapture"]);
    run::inherit(&mut cargo).context("something that was accepted is not as it should be")
}

fn verify(workspace: &Workspace, options: &[String]) -> Result<()> {
    let node = which::which("node").context("node is not on PATH; install Node.js 20 or newer")?;
    let mut command = workspace.command(node);
    command.arg(workspace.npm().join("bench/run.mjs"));
    command.args(options);
    run::inherit(&mut command).context("the measurement failed; its output above says why")
}
