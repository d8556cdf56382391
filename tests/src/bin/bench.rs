//! Measurements that are run on purpose. `cargo xtask bench` builds what they need and passes its options on.

use clap::{Parser, Subcommand};
use countersign_tests::{
    constant_time::{self, T_CERTAIN, T_SUSPICIOUS},
    deliver::{self, Backlog, Plan, Report, StoreKind},
};
use std::{path::PathBuf, process::ExitCode, time::Duration};

#[derive(Parser)]
#[command(name = "bench", bin_name = "cargo xtask bench")]
struct Arguments {
    #[command(subcommand)]
    measurement: Measurement,
}

#[derive(Subcommand)]
enum Measurement {
    /// Whether the time of a verification depends on what is secret
    ///
    /// Fails when it does.
    ConstantTime {
        /// The kernel module
        #[arg(long, hide = true)]
        kernel: PathBuf,
        /// How often; more shows smaller differences
        #[arg(long, default_value_t = 400_000)]
        samples: usize,
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
        seconds: u64,
        /// One run of a second each
        #[arg(long)]
        quick: bool,
        /// The host alone
        #[arg(long)]
        no_peers: bool,
        /// Only what has this in its name: `one endpoint`, `fan-out`, `batches`, `hanging`
        #[arg(long)]
        only: Option<String>,
        /// Where the host keeps everything
        #[arg(long, value_enum, default_value_t = StoreKind::Sqlite)]
        store: StoreKind,
        /// Hosts on one PostgreSQL
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=9))]
        hosts: u16,
        /// Endpoints that get each event of the fan-out
        #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=128))]
        fan_out: u16,
        /// Print JSON on standard output
        #[arg(long)]
        json: bool,
    },
    /// A backlog that is published while its receiver is down, and delivered when it is up
    Backlog {
        /// How many messages
        #[arg(long, default_value_t = 1_000_000)]
        messages: u32,
        /// Where the host keeps everything; of a PostgreSQL, dead rows and sizes are told as well
        #[arg(long, value_enum, default_value_t = StoreKind::Sqlite)]
        store: StoreKind,
        /// Print JSON on standard output
        #[arg(long)]
        json: bool,
    },
    /// How long the endpoints of a host that is killed are without one
    ///
    /// Three hosts on one PostgreSQL under load, with the shortest lease and the default one. Takes about twenty
    /// seconds for each kill.
    Takeover {
        /// How often a host is killed, with each lease
        #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..=100))]
        kills: u32,
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
            store,
            hosts,
            fan_out,
            json,
        } => {
            let plan = Plan {
                runs: if quick { 1 } else { runs.clamp(1, 100) },
                time: Duration::from_secs(if quick { 1 } else { seconds.clamp(1, 60) }),
                peers: !no_peers,
                only,
                store,
                hosts,
                fan_out,
            };
            print(&deliver::table(&plan)?, json)
        }
        Measurement::Backlog {
            messages,
            store,
            json,
        } => print(&deliver::backlog(Backlog { messages, store })?, json),
        Measurement::Takeover { kills, json } => print(&deliver::takeover(kills)?, json),
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
