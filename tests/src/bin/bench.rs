//! Measurements that are run on purpose: `cargo xtask bench` calls this.

use clap::{Parser, Subcommand};
use countersign_tests::constant_time::{self, T_CERTAIN, T_SUSPICIOUS};
use std::{path::PathBuf, process::ExitCode};

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
}

fn main() -> anyhow::Result<ExitCode> {
    let Measurement::ConstantTime { kernel, samples } = Arguments::parse().measurement;
    let findings = constant_time::measure(&kernel, samples)?;
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
