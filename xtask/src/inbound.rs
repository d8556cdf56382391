//! `cargo xtask inbound`: what the normaliser makes of inbound samples, one row per file.

use std::env;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use comfy_table::Table;
use serde::Deserialize;

use crate::run;
use crate::table;
use crate::workspace::Workspace;
use crate::{build, wasm};

/// Folder of samples, when none is named on the command line.
const DIRECTORY_VARIABLE: &str = "COUNTERSIGN_INBOUND";

/// What the runner prints: one JSON object on standard output. Failures are data in it, not an exit code.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Report {
    files: Vec<FileReport>,
    error: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileReport {
    file: String,
    provider: String,
    types: Vec<String>,
    verified: bool,
    failures: Vec<String>,
}

/// Compiles the runner, runs it, prints the table; fails when a sample was not read as expected or there was none.
pub(crate) fn inbound(workspace: &Workspace, directory: Option<PathBuf>) -> Result<()> {
    // The crate of the suites holds the host, whose build script embeds the modules.
    wasm::build(workspace)?;
    let mut cargo = workspace.cargo();
    cargo
        .args(["build", "--release", "--quiet"])
        .args(build::NATIVE_PACKAGES)
        .args(["--bin", "inbound"]);
    run::quiet("compile the inbound runner", &mut cargo)?;
    let mut runner = workspace.command(workspace.native_binary("release", "inbound"));
    let variable = env::var_os(DIRECTORY_VARIABLE).filter(|value| !value.is_empty());
    if let Some(directory) = directory.or_else(|| variable.map(PathBuf::from)) {
        // The runner runs in the root of the checkout.
        let absolute = std::path::absolute(&directory)
            .with_context(|| format!("{} is no path", directory.display()))?;
        runner.arg(absolute);
    }
    let output = run::quiet("inbound samples", &mut runner)?;
    let report: Report =
        serde_json::from_slice(&output).context("the runner did not print one JSON object")?;
    println!("{}", report.table());
    for complaint in report.complaints() {
        println!("{complaint}");
    }
    println!("{}", report.summary());
    match report.complaints().len() {
        0 => Ok(()),
        count => bail!("inbound samples: {count} complaints"),
    }
}

impl Report {
    fn table(&self) -> Table {
        let header = ["provider", "file", "events", "types", "verified", "state"];
        let mut table = table::plain(&header, 2..=2);
        for file in &self.files {
            let events = file.types.len().to_string();
            let types = file.types.join(", ");
            let verified = if file.verified { "yes" } else { "no" };
            let state = if file.failures.is_empty() {
                "ok"
            } else {
                "FAILED"
            };
            table.add_row([&file.provider, &file.file, &events, &types, verified, state]);
        }
        table
    }

    fn complaints(&self) -> Vec<String> {
        let mut lines: Vec<_> = self.error.iter().cloned().collect();
        for file in &self.files {
            for failure in &file.failures {
                lines.push(format!("{}: {failure}", file.file));
            }
        }
        if lines.is_empty() && self.files.is_empty() {
            lines.push("found no samples".to_owned());
        }
        lines
    }

    fn summary(&self) -> String {
        let count = |is: fn(&FileReport) -> bool| self.files.iter().filter(|file| is(file)).count();
        let events: usize = self.files.iter().map(|file| file.types.len()).sum();
        format!(
            "inbound: {} samples, {events} events, {} passed, {} failed, {} verified",
            self.files.len(),
            count(|file| file.failures.is_empty()),
            count(|file| !file.failures.is_empty()),
            count(|file| file.verified),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(failures: &str, error: &str) -> Report {
        let text = format!(
            r#"{{"files":[{{"file":"a.json","provider":"resend","types":["email.sent"],"verified":true,
            "failures":[{failures}]}}],"error":{error}}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn failures_and_errors_are_complaints_and_so_is_nothing_at_all() {
        assert_eq!(report("", "null").complaints().len(), 0);
        assert_eq!(report(r#""x""#, "null").complaints(), ["a.json: x"]);
        assert_eq!(report("", r#""no samples""#).complaints(), ["no samples"]);
        let nothing: Report = serde_json::from_str(r#"{"files":[],"error":null}"#).unwrap();
        assert_eq!(nothing.complaints(), ["found no samples"]);
    }

    #[test]
    fn table_and_summary_say_what_was_found() {
        let report = report(r#""x""#, "null");
        let table = report.table().to_string();
        assert!(table.contains("yes") && table.contains("FAILED"), "{table}");
        assert_eq!(
            report.summary(),
            "inbound: 1 samples, 1 events, 0 passed, 1 failed, 1 verified"
        );
    }
}
