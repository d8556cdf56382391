//! `cargo xtask test`: every suite of the project, its output passed through, and one table of real counts at the end.

mod counts;
mod no_std;

use std::process::Command;
use std::time::Instant;

use anyhow::{Result, bail};
use clap::ValueEnum;
use comfy_table::Table;

pub(crate) use self::counts::Counts;
use crate::build::{self, Scope};
use crate::run::{self, Step};
use crate::size::{self, Weighed};
use crate::workspace::Workspace;
use crate::{npm, table, vectors};

/// Names the file to which tests write what they leave out, each a line.
const LEFT_OUT_VARIABLE: &str = "COUNTERSIGN_LEFT_OUT";

/// One part of the tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Face {
    /// Rust tests of the whole workspace and the core's documentation examples
    Rust,
    /// The core without the standard library
    NoStd,
    /// The sizes of the wasm modules against their budgets (same as `cargo xtask size`)
    Size,
    /// The npm package's own suites
    Npm,
    /// The vectors through every runtime (same as `cargo xtask vectors`)
    Vectors,
}

/// What a suite came to.
pub(crate) struct Line {
    suite: String,
    counts: Counts,
    /// The suite ended well, says its exit code.
    success: bool,
    seconds: f64,
    /// Why there are no counts, where that is as it should be.
    remark: Option<String>,
    /// What needs something that is not on this machine, with the reason.
    left_out: Vec<String>,
    /// What passed at a second try only.
    flaky: Vec<String>,
}

impl Line {
    fn failed(&self) -> bool {
        !self.success
            || self.counts.failed > 0
            || (self.counts.passed == 0 && self.remark.is_none())
    }
}

/// Builds, runs the suites of the chosen faces (all when none is named), prints the table.
pub(crate) fn test(workspace: &Workspace, faces: &[Face]) -> Result<()> {
    build::build(workspace, Scope::All)?;
    let wanted = |face| faces.is_empty() || faces.contains(&face);
    let mut lines = Vec::new();
    if wanted(Face::Rust) {
        let everything = rust(workspace)?;
        // One of its notes says that this machine has none.
        let postgres = !everything
            .left_out
            .iter()
            .any(|note| note.starts_with("PostgreSQL"));
        lines.push(everything);
        if postgres {
            lines.push(on_postgres(workspace)?);
        }
        // nextest does not run documentation examples.
        let mut doc = workspace.cargo();
        doc.args([
            "test",
            "--release",
            "--doc",
            "--package",
            "countersign-core",
        ]);
        lines.push(suite("doc examples", &mut doc, counts::cargo_test)?);
        lines.push(chores(workspace)?);
    }
    if wanted(Face::NoStd) {
        lines.push(without_std(workspace)?);
    }
    if wanted(Face::Size) {
        lines.push(weights(workspace)?);
    }
    if wanted(Face::Npm) {
        lines.push(suite(
            "npm",
            npm::npm(workspace)?.arg("test"),
            counts::node,
        )?);
    }
    if wanted(Face::Vectors) {
        lines.push(vector_faces(workspace)?);
    }
    finish(&lines)
}

/// Prints the table. An error when something failed.
pub(crate) fn finish(lines: &[Line]) -> Result<()> {
    println!("{}", summary(lines));
    let failed: Vec<_> = lines
        .iter()
        .filter(|line| line.failed())
        .map(|line| line.suite.as_str())
        .collect();
    if !failed.is_empty() {
        bail!(
            "failed or ran no test: {}; their output above says why",
            failed.join(", ")
        );
    }
    Ok(())
}

/// The release profile and its features are shared with demo and binary.
fn rust(workspace: &Workspace) -> Result<Line> {
    let Runner {
        name,
        mut cargo,
        count,
    } = Runner::new(workspace);
    run::note(&format!("Rust tests: {name}"));
    if name == CARGO_TEST {
        // Documentation examples have a line of their own.
        cargo.args(["--lib", "--bins", "--tests"]);
    }
    native(&format!("rust ({name})"), workspace, &mut cargo, count)
}

/// Suites about the engine and the API, which must not notice where the data is. Those about files are not among them.
const ON_BOTH_STORES: [&str; 17] = [
    "api",
    "batch",
    "client",
    "compat",
    "delivery",
    "fairness",
    "filters",
    "intake",
    "kill",
    "native_api",
    "operational",
    "ordering",
    "pause",
    "signatures",
    "standard",
    "stop",
    "workspaces",
];

/// Once more, with a PostgreSQL database for each host.
fn on_postgres(workspace: &Workspace) -> Result<Line> {
    let Runner {
        mut cargo, count, ..
    } = Runner::new(workspace);
    for suite in ON_BOTH_STORES {
        cargo.args(["--test", suite]);
    }
    cargo.env("COUNTERSIGN_TEST_STORE", "postgres");
    native("rust, on PostgreSQL", workspace, &mut cargo, count)
}

const CARGO_TEST: &str = "cargo test";

/// What runs the Rust tests of the workspace.
pub(crate) struct Runner {
    name: &'static str,
    /// Runs all of them.
    pub(crate) cargo: Command,
    pub(crate) count: Count,
}

/// Reads the counts of what a runner has printed.
pub(crate) type Count = fn(&str) -> Counts;

impl Runner {
    /// nextest, if it is installed.
    pub(crate) fn new(workspace: &Workspace) -> Self {
        let mut cargo = workspace.cargo();
        let (name, count): (_, Count) = match which::which("cargo-nextest") {
            Ok(_) => {
                cargo.args(["nextest", "run"]);
                if std::env::var_os("CI").is_some() {
                    cargo.args(["--profile", "ci"]);
                }
                ("nextest", counts::nextest)
            }
            Err(_) => {
                cargo.arg("test");
                (CARGO_TEST, counts::cargo_test)
            }
        };
        cargo
            .args(["--no-fail-fast", "--release"])
            .args(build::NATIVE_PACKAGES);
        Self { name, cargo, count }
    }
}

/// A suite whose tests write down what they leave out, since runners keep to themselves what a test that passed has printed.
pub(crate) fn native(
    name: &str,
    workspace: &Workspace,
    command: &mut Command,
    count: Count,
) -> Result<Line> {
    let notes = workspace.outputs().join("left-out.txt");
    std::fs::create_dir_all(workspace.outputs())?;
    std::fs::write(&notes, "")?;
    let mut line = suite(name, command.env(LEFT_OUT_VARIABLE, &notes), count)?;
    let notes = std::fs::read_to_string(&notes)?;
    line.left_out.extend(counts::noted(&notes));
    Ok(line)
}

/// The tests of the chores and of the toolkit, in the profile that the chores run in.
fn chores(workspace: &Workspace) -> Result<Line> {
    let mut cargo = workspace.cargo();
    cargo.args([
        "test",
        "--package",
        "xtask",
        "--package",
        "countersign-toolkit",
        "--features",
        "countersign-toolkit/events,countersign-toolkit/explain",
    ]);
    suite("xtask and toolkit", &mut cargo, counts::cargo_test)
}

fn suite(name: &str, command: &mut Command, count: Count) -> Result<Line> {
    let step = Step::begin(format!("{name}: {}", run::line(command)));
    let shown = run::show_and_keep(command)?;
    let counts = count(&shown.text);
    let seconds = step.elapsed().as_secs_f64();
    if shown.success {
        step.done("");
    } else {
        step.failed("its output above says why");
    }
    Ok(Line {
        suite: name.to_owned(),
        counts,
        success: shown.success,
        seconds,
        remark: None,
        left_out: counts::left_out(&shown.text),
        flaky: counts::flaky(&shown.text),
    })
}

fn without_std(workspace: &Workspace) -> Result<Line> {
    let started = Instant::now();
    let proof = no_std::prove(workspace)?;
    Ok(Line {
        suite: "core without std".to_owned(),
        counts: Counts {
            passed: proof.builds_passed,
            failed: proof.builds_failed,
            skipped: proof.builds_skipped,
        },
        success: proof.builds_failed == 0,
        seconds: started.elapsed().as_secs_f64(),
        remark: Some(proof.shown),
        left_out: Vec::new(),
        flaky: Vec::new(),
    })
}

/// Here and not in `tidy`, because here the modules are fresh.
fn weights(workspace: &Workspace) -> Result<Line> {
    let started = Instant::now();
    let Weighed { within, over } = size::weigh(workspace)?;
    Ok(Line {
        suite: "sizes of the modules".to_owned(),
        counts: Counts {
            passed: within,
            failed: over,
            skipped: 0,
        },
        success: over == 0,
        seconds: started.elapsed().as_secs_f64(),
        remark: None,
        left_out: Vec::new(),
        flaky: Vec::new(),
    })
}

fn vector_faces(workspace: &Workspace) -> Result<Line> {
    let started = Instant::now();
    let totals = vectors::run_and_print(workspace, None)?;
    let success = totals.good();
    Ok(Line {
        suite: "vectors, all faces".to_owned(),
        counts: Counts {
            passed: totals.passed,
            failed: totals.failed,
            skipped: totals.missing_faces.len() as u64,
        },
        success,
        seconds: started.elapsed().as_secs_f64(),
        remark: None,
        left_out: totals.missing_faces,
        flaky: Vec::new(),
    })
}

fn summary(lines: &[Line]) -> Table {
    let mut table = table::plain(
        &["suite", "passed", "failed", "skipped", "seconds", ""],
        1..=4,
    );
    for line in lines {
        let mut state = match (line.failed(), &line.remark) {
            (true, Some(remark)) => format!("FAILED: {remark}"),
            (true, None) if line.counts.passed == 0 && line.success => {
                "FAILED: no test ran".to_owned()
            }
            (true, None) => "FAILED".to_owned(),
            (false, Some(remark)) => remark.clone(),
            (false, None) => "ok".to_owned(),
        };
        if !line.left_out.is_empty() {
            state = format!("{state}; not run: {}", line.left_out.join(", "));
        }
        if !line.flaky.is_empty() {
            state = format!(
                "{state}; passed at the second try: {}",
                line.flaky.join(", ")
            );
        }
        let Counts {
            passed,
            failed,
            skipped,
        } = line.counts;
        let seconds = format!("{:.1}", line.seconds);
        table.add_row([
            line.suite.clone(),
            passed.to_string(),
            failed.to_string(),
            skipped.to_string(),
            seconds,
            state,
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(passed: u64, failed: u64, success: bool, remark: Option<&str>) -> Line {
        let counts = Counts {
            passed,
            failed,
            skipped: 0,
        };
        Line {
            suite: "a".into(),
            counts,
            success,
            seconds: 0.0,
            remark: remark.map(str::to_owned),
            left_out: Vec::new(),
            flaky: Vec::new(),
        }
    }

    #[test]
    fn a_suite_that_ran_nothing_has_failed() {
        assert!(line(0, 0, true, None).failed());
        assert!(!line(1, 0, true, None).failed());
        assert!(line(1, 1, true, None).failed());
        assert!(line(1, 0, false, None).failed());
        assert!(!line(0, 0, true, Some("not shown")).failed());
    }

    #[test]
    fn the_table_names_what_was_left_out() {
        let mut part = line(3, 0, true, None);
        part.left_out = vec!["deno (no package)".to_owned()];
        part.flaky = vec!["a::b".to_owned()];
        let text = summary(&[part]).to_string();
        let state = "ok; not run: deno (no package); passed at the second try: a::b";
        assert!(text.contains(state), "{text}");
    }

    #[test]
    fn the_table_names_what_failed() {
        let text = summary(&[line(3, 0, true, None), line(0, 0, true, None)]).to_string();
        assert!(
            text.contains("ok") && text.contains("FAILED: no test ran"),
            "{text}"
        );
    }
}
