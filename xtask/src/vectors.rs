//! `cargo xtask vectors`: the same vectors through every runtime, one row per file and face.

mod report;

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use comfy_table::Table;

use self::report::{Face, Report, Totals};
use crate::build::{self, Scope};
use crate::npm;
use crate::run::{self, Step};
use crate::table;
use crate::workspace::Workspace;

/// Folder of vectors, when none is named on the command line.
pub(crate) const DIRECTORY_VARIABLE: &str = "COUNTERSIGN_VECTORS";

/// Vectors of the repository.
const OWN_VECTORS: &str = "tests/vectors";

/// Builds, runs all faces, prints the table; fails when a vector failed or a face found none.
pub(crate) fn vectors(workspace: &Workspace, directory: Option<PathBuf>) -> Result<()> {
    build::build(workspace, Scope::All)?;
    let totals = run_and_print(workspace, directory)?;
    if !totals.good() {
        bail!(
            "{} vectors failed, {} faces could not run or found none",
            totals.failed,
            totals.broken_faces
        );
    }
    Ok(())
}

/// Runs all faces on what is built already and prints table and failures.
pub(crate) fn run_and_print(workspace: &Workspace, directory: Option<PathBuf>) -> Result<Totals> {
    let directory = directory_of(workspace, directory)?;
    let mut reports = Vec::new();
    for face in Face::value_variants() {
        reports.push(run_face(workspace, *face, &directory));
    }
    println!("{}", summary(&reports));
    for report in &reports {
        for line in report.complaints() {
            println!("{line}");
        }
    }
    let totals = Totals::of(&reports);
    println!(
        "vectors: {} passed, {} failed, {} of {} faces ran{}",
        totals.passed,
        totals.failed,
        reports.len() as u64 - totals.broken_faces - totals.missing_faces.len() as u64,
        reports.len(),
        missing_note(&totals)
    );
    Ok(totals)
}

/// What the summary line says of runtimes that are not on this machine.
pub(crate) fn missing_note(totals: &Totals) -> String {
    match totals.missing_faces.as_slice() {
        [] => String::new(),
        missing => format!("; missing: {}", missing.join(", ")),
    }
}

/// Where `CI` is set every runtime has to be there, as every program has for the tests of the npm package.
fn everything_must_be_there() -> bool {
    env::var_os("CI").is_some_and(|value| !value.is_empty())
}

/// The argument wins over the environment, the environment over our own vectors.
fn directory_of(workspace: &Workspace, argument: Option<PathBuf>) -> Result<PathBuf> {
    let variable = env::var_os(DIRECTORY_VARIABLE)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from);
    let chosen = argument
        .or(variable)
        .unwrap_or_else(|| workspace.at(OWN_VECTORS));
    // The faces run in other folders than the user's.
    let absolute =
        std::path::absolute(&chosen).with_context(|| format!("{} is no path", chosen.display()))?;
    if !absolute.is_dir() {
        bail!(
            "{} is no folder; name a folder of vector files",
            absolute.display()
        );
    }
    Ok(absolute)
}

/// A face that cannot run becomes a report that says so: the others are still worth seeing.
fn run_face(workspace: &Workspace, face: Face, directory: &Path) -> Report {
    let step = Step::begin(format!("vectors: {}", face.name()));
    let report = runner(workspace, face, directory)
        .and_then(|mut command| run::quiet(face.name(), &mut command))
        .and_then(|output| Report::parse(face, &output))
        .unwrap_or_else(|error| Report::broken(face, format!("{error:#}")));
    let report = if everything_must_be_there() {
        report.without_excuse()
    } else {
        report
    };
    if report.is_broken() {
        step.failed("see below");
    } else if let Some(reason) = report.missing() {
        step.done(&format!("not run, {reason}"));
    } else {
        step.done(report.runtime.as_deref().unwrap_or_default());
    }
    report
}

fn runner(workspace: &Workspace, face: Face, directory: &Path) -> Result<Command> {
    let mut command = match face {
        Face::Native | Face::Wasmtime => {
            // Built with the packages of build and tests; `cargo run` would resolve other features.
            let mut cargo = workspace.cargo();
            cargo
                .args(["build", "--release", "--quiet"])
                .args(build::NATIVE_PACKAGES)
                .args(["--bin", "vectors"]);
            run::quiet("compile the vector runner", &mut cargo)?;
            workspace.command(workspace.native_binary("release", "vectors"))
        }
        Face::NodeEsm
        | Face::NodeCjs
        | Face::Node22
        | Face::Node24
        | Face::Deno
        | Face::Bun
        | Face::Workerd
        | Face::WorkerdNode
        | Face::EdgeVm
        | Face::Chromium => {
            let mut node = npm::node(workspace)?;
            node.arg("npm/test/vectors.mjs");
            node
        }
    };
    command.args(["--face", face.name()]).arg(directory);
    Ok(command)
}

/// One row per file, which is a scheme, and one column per face. Heads and failures take two lines, so that the table fits.
fn summary(reports: &[Report]) -> Table {
    let faces: Vec<_> = reports
        .iter()
        .map(|report| report.face.name().replacen('-', "\n", 1))
        .collect();
    let header: Vec<_> = ["file"]
        .into_iter()
        .chain(faces.iter().map(String::as_str))
        .collect();
    let mut table = table::plain(&header, 1..=reports.len());
    let mut files: Vec<_> = reports
        .iter()
        .flat_map(|report| report.files.iter().map(|file| file.file.as_str()))
        .collect();
    // What is no vector file comes last.
    files.sort_unstable_by_key(|file| (!file.ends_with(".json"), *file));
    files.dedup();
    for file in files {
        let cells = reports.iter().map(|report| {
            let found = report.files.iter().find(|one| one.file == file);
            match found {
                None => "-".to_owned(),
                Some(one) if one.failed > 0 => format!("{}\n{} failed", one.passed, one.failed),
                Some(one) => one.passed.to_string(),
            }
        });
        table.add_row(
            [file.to_owned()]
                .into_iter()
                .chain(cells)
                .collect::<Vec<_>>(),
        );
    }
    table
}
