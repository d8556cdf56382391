//! `cargo xtask fuzz`: cargo-fuzz on the targets in `fuzz/`, one after the other, and a table of what each came to.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::run::{self, Step};
use crate::table;
use crate::wasm::environment;
use crate::workspace::Workspace;

/// Longest input that is tried, in bytes.
const INPUT_BYTES_MAX: u32 = 4096;

/// What one run came to.
#[derive(Default, Debug, PartialEq, Eq)]
struct Outcome {
    executions: u64,
    executions_per_second: u64,
    new_files: u64,
}

/// Runs one target, or each of them, for so many seconds. What it finds stays in the corpus; `cargo fuzz cmin TARGET`
/// thins it out.
pub(crate) fn fuzz(workspace: &Workspace, target: Option<&str>, seconds: u32) -> Result<()> {
    if which::which("cargo-fuzz").is_err() {
        bail!("cargo-fuzz is not installed; `cargo install cargo-fuzz` brings it");
    }
    let known = targets(workspace)?;
    let chosen = match target {
        Some(name) if known.iter().any(|target| target == name) => vec![name.to_owned()],
        Some(name) => bail!("there is no target {name}; there are {}", known.join(", ")),
        None => known,
    };
    let header = ["target", "executions", "per second", "new files", ""];
    let mut table = table::plain(&header, 1..=3);
    let mut failed = Vec::new();
    for name in chosen {
        let step = Step::begin(format!("fuzz {name}, {seconds} s"));
        let shown = run::show_and_keep(&mut command(workspace, &name, seconds))?;
        let outcome = read(&shown.text);
        let is_good = shown.success && outcome.executions > 0;
        table.add_row([
            name.clone(),
            outcome.executions.to_string(),
            outcome.executions_per_second.to_string(),
            outcome.new_files.to_string(),
            if is_good { "ok" } else { "FAILED" }.to_owned(),
        ]);
        if is_good {
            step.done("");
        } else {
            step.failed("its output above says why; the input is in fuzz/artifacts");
            failed.push(name);
        }
    }
    println!("{table}");
    if !failed.is_empty() {
        bail!("failed or ran nothing: {}", failed.join(", "));
    }
    Ok(())
}

/// The names of the files in `fuzz/fuzz_targets`.
fn targets(workspace: &Workspace) -> Result<Vec<String>> {
    let folder = workspace.at("fuzz/fuzz_targets");
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        names.extend(stem.map(str::to_owned));
    }
    names.sort();
    Ok(names)
}

/// With the nightly compiler and its sanitizer where there is one; else with the stable one, which then has to be told that
/// it may, and without.
fn command(workspace: &Workspace, target: &str, seconds: u32) -> Command {
    let mut nightly = workspace.command("rustup");
    nightly.args(["run", "nightly", "rustc", "--version"]);
    let mut cargo = match run::ask(&mut nightly) {
        Some(_) => {
            let mut cargo = workspace.command("rustup");
            cargo.args(["run", "nightly", "cargo", "fuzz", "run"]);
            environment::clear(&mut cargo);
            // Set by the cargo that runs us; it would win over the one that was chosen.
            cargo.env_remove("CARGO").env_remove("RUSTUP_TOOLCHAIN");
            cargo
        }
        None => {
            run::note("no nightly compiler: fuzzing without a sanitizer");
            let mut cargo = workspace.cargo();
            environment::clear(&mut cargo);
            cargo
                .env("RUSTC_BOOTSTRAP", "1")
                .args(["fuzz", "run", "--sanitizer", "none"]);
            cargo
        }
    };
    cargo
        .arg("--fuzz-dir")
        .arg(workspace.at("fuzz"))
        .args(["--features", "libfuzzer"]);
    cargo.arg(target).arg("--").args([
        format!("-max_total_time={seconds}"),
        format!("-max_len={INPUT_BYTES_MAX}"),
        "-print_final_stats=1".to_owned(),
    ]);
    cargo.current_dir(Path::new(workspace.root()).join("fuzz"));
    cargo
}

/// The statistics that libFuzzer prints at its end.
fn read(text: &str) -> Outcome {
    let number = |name: &str| {
        let lines = text.lines().rev();
        let mut values = lines.filter_map(|line| line.trim().strip_prefix(name)?.strip_prefix(':'));
        values.find_map(|value| value.trim().parse().ok())
    };
    Outcome {
        executions: number("stat::number_of_executed_units").unwrap_or_default(),
        executions_per_second: number("stat::average_exec_per_sec").unwrap_or_default(),
        new_files: number("stat::new_units_added").unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statistics_of_libfuzzer_are_read() {
        let text = "#2 INITED\nstat::number_of_executed_units: 1200\nstat::average_exec_per_sec:     60\n\
                    stat::new_units_added:          7\nstat::slowest_unit_time_sec:    0\n";
        let outcome = Outcome {
            executions: 1200,
            executions_per_second: 60,
            new_files: 7,
        };
        assert_eq!(read(text), outcome);
        assert_eq!(read("error: could not compile"), Outcome::default());
    }
}
