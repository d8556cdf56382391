//! Measurements that are run on purpose: `cargo xtask bench` calls this.

use clap::{Parser, Subcommand};
use countersign_tests::{
    constant_time::{self, T_CERTAIN, T_SUSPICIOUS},
    deliver::{self, Backlog, Plan, Report},
};
use std::{path::PathBuf, process::ExitCode, time::Duration};

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    measurement: Measurement,
}

#[derive(Subcommand)]
enum Measurement {
    /// Whether the time of a verification depends on what is secret.
    ConstantTime {
        /// The kernel module.
        #[arg(long)]
        kernel: PathBuf,
        /// Samples of each measurement.
        #[arg(long, default_value_t = 400_000)]
        samples: usize,
    },
    /// Our host beside a raw loop and BullMQ.
    Deliver {
        /// How often; the median counts.
        #[arg(long, default_value_t = 3)]
        runs: u32,
        /// Length of each measurement.
        #[arg(long, default_value_t = 5)]
        seconds: u64,
        /// One run of a second each.
        #[arg(long)]
        quick: bool,
        /// Our host alone.
        #[arg(long)]
        no_peers: bool,
        /// Only rows with this in their name.
        #[arg(long)]
        only: Option<String>,
        /// Print JSON on standard output.
        #[arg(long)]
        json: bool,
    },
    /// A backlog that is published while the receiver is down.
    Backlog {
        /// How many.
        #[arg(long, default_value_t = 1_000_000)]
        messages: u32,
        /// Print JSON on standard output.
        #[arg(long)]
        json: bool,
    },
    /// When retries come, against the schedules.
    Timing {
        /// Only waits of a few seconds, and the others faster.
        #[arg(long)]
        quick: bool,
        /// Print JSON on standard output.
        #[arg(long)]
        json: bool,
    },
}

fn main() -> anyhow::Result<ExitCode> {
    match Arguments::parse().measurement {
        Measurement::ConstantTime { kernel, samples } => constant_time(&kernel, samples),
        Measurement::Deliver {
            runs,
            seconds,
            quick,
            no_peers,
            only,
            json,
        } => {
            let plan = Plan {
                runs: if quick { 1 } else { runs.clamp(1, 100) },
                time: Duration::from_secs(if quick { 1 } else { seconds.clamp(1, 60) }),
                peers: !no_peers,
                only,
            };
            print(&deliver::table(&plan)?, json)
        }
        Measurement::Backlog { messages, json } => {
            print(&deliver::backlog(Backlog { messages })?, json)
        }
        Measurement::Timing { quick, json } => print(&deliver::timing(quick)?, json),
    }
}

fn print(report: &Report, json: bool) -> anyhow::Result<ExitCode> {
    match json {
        true => println!("{:#}", report.json()),
        false => println!("\n{report}"),
    }
    Ok(ExitCode::SUCCESS)
}

fn constant_time(kernel: &std::path::Path, samples: usize) -> anyhow::Result<ExitCode> {
    let findings = constant_time::measure(kernel, samples)?;
    println!(
        "{:<48} {:>9} {:>9} {:>9} {:>9} {:>5}",
        "measurement", "samples", "class 0", "class 1", "t", "runs"
    );
    for finding in &findings {
        let [one, other] = finding.means_ns;
        let state = match (finding.is_as_wanted(), finding.is_control) {
            (true, true) => "found, as it must be",
            (true, false) => "no difference",
            (false, true) => "NOT FOUND: this measurement shows nothing",
            (false, false) if finding.t.abs() < T_CERTAIN => "SUSPICIOUS",
            (false, false) => "LEAKS",
        };
        println!(
            "{:<48} {:>9} {one:>6.1} ns {other:>6.1} ns {:>9.2} {:>5}  {state}",
            finding.name, finding.samples, finding.t, finding.runs
        );
    }
    println!(
        "|t| under {T_SUSPICIOUS} is noise, over {T_CERTAIN} is certain; class 0: all right but the last digit, or one secret; class 1: all \
         wrong, or random secrets"
    );
    Ok(
        match findings.iter().all(|finding| finding.is_as_wanted()) {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        },
    )
}
