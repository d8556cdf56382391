//! What a face prints about its run: one JSON object on standard output. Failures are data in it, not an exit code.

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use serde::Deserialize;

/// A runtime that the vectors go through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Face {
    Native,
    Wasmtime,
    NodeEsm,
    NodeCjs,
    #[value(name = "node-22")]
    Node22,
    #[value(name = "node-24")]
    Node24,
    Deno,
    Bun,
    Workerd,
    WorkerdNode,
    EdgeVm,
    Chromium,
}

impl Face {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Wasmtime => "wasmtime",
            Self::NodeEsm => "node-esm",
            Self::NodeCjs => "node-cjs",
            Self::Node22 => "node-22",
            Self::Node24 => "node-24",
            Self::Deno => "deno",
            Self::Bun => "bun",
            Self::Workerd => "workerd",
            Self::WorkerdNode => "workerd-node",
            Self::EdgeVm => "edge-vm",
            Self::Chromium => "chromium",
        }
    }
}

/// The object that a face prints.
#[derive(Deserialize)]
struct Printed {
    face: String,
    files: Vec<FileReport>,
    error: Option<String>,
    /// Name and version, where the face knows them.
    #[serde(default)]
    runtime: Option<String>,
    #[serde(default)]
    missing: Option<String>,
}

/// Results of one vector file.
#[derive(Debug, Deserialize)]
pub(super) struct FileReport {
    pub(super) file: String,
    pub(super) passed: u64,
    pub(super) failed: u64,
    #[serde(default)]
    failures: Vec<Failure>,
}

#[derive(Debug, Deserialize)]
struct Failure {
    id: String,
    want: serde_json::Value,
    got: serde_json::Value,
}

/// Results of one face.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) face: Face,
    pub(super) files: Vec<FileReport>,
    /// Name and version, where the face knows them.
    pub(super) runtime: Option<String>,
    error: Option<String>,
    /// Why the runtime is not on this machine.
    missing: Option<String>,
}

impl Report {
    pub(super) fn parse(face: Face, output: &[u8]) -> Result<Self> {
        let printed: Printed = serde_json::from_slice(output)
            .with_context(|| format!("{} did not print one JSON object", face.name()))?;
        if printed.face != face.name() {
            bail!(
                "asked for {} and got results of {}",
                face.name(),
                printed.face
            );
        }
        Ok(Self {
            face,
            files: printed.files,
            runtime: printed.runtime,
            error: printed.error,
            missing: printed.missing,
        })
    }

    pub(super) fn broken(face: Face, error: String) -> Self {
        Self {
            face,
            files: Vec::new(),
            runtime: None,
            error: Some(error),
            missing: None,
        }
    }

    /// Why the runtime is not on this machine; such a face is neither good nor broken.
    pub(super) fn missing(&self) -> Option<&str> {
        self.missing.as_deref()
    }

    /// A missing runtime becomes a broken face: where everything has to be there.
    pub(super) fn without_excuse(mut self) -> Self {
        if let Some(reason) = self.missing.take() {
            self.error = Some(format!("the runtime is missing: {reason}"));
        }
        self
    }

    /// It did not run, or it ran nothing: vectors that are not yet known do not count as run.
    pub(super) fn is_broken(&self) -> bool {
        self.missing.is_none()
            && (self.error.is_some()
                || self.files.iter().all(|file| file.passed + file.failed == 0))
    }

    /// Every failure and the reason why the face is broken, one line each.
    pub(super) fn complaints(&self) -> Vec<String> {
        let face = self.face.name();
        let mut lines = Vec::new();
        match &self.error {
            Some(error) => lines.push(format!("{face}: {error}")),
            None if self.is_broken() => lines.push(format!("{face}: found no vectors")),
            None => {}
        }
        for file in &self.files {
            for failure in &file.failures {
                let (want, got) = (plain(&failure.want), plain(&failure.got));
                lines.push(format!(
                    "{face}: {} {}: want {want}, got {got}",
                    file.file, failure.id
                ));
            }
        }
        lines
    }
}

/// Text without quotes, anything else as JSON.
fn plain(value: &serde_json::Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// All faces together.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) broken_faces: u64,
    /// Faces that did not run, with the reason.
    pub(crate) missing_faces: Vec<String>,
}

impl Totals {
    pub(super) fn of(reports: &[Report]) -> Self {
        let mut totals = Self::default();
        for report in reports {
            totals.broken_faces += u64::from(report.is_broken());
            if let Some(reason) = report.missing() {
                let face = report.face.name();
                totals.missing_faces.push(format!("{face} ({reason})"));
            }
            for file in &report.files {
                totals.passed += file.passed;
                totals.failed += file.failed;
            }
        }
        totals
    }

    pub(crate) fn good(&self) -> bool {
        self.failed == 0 && self.broken_faces == 0 && self.passed > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"face":"native","files":[{"file":"a.json","passed":12,"failed":0,"failures":[]}],"error":null}"#;
    const BAD: &str = r#"{"face":"native","files":[{"file":"a.json","passed":1,"failed":1,
        "failures":[{"id":"stale","want":"timestamp_too_old","got":{"code":0}}]}],"error":null}"#;
    const EMPTY: &str =
        r#"{"face":"native","files":[{"file":"a.json","passed":0,"failed":0}],"error":null}"#;

    fn report(text: &str) -> Report {
        Report::parse(Face::Native, text.as_bytes()).expect("a report")
    }

    #[test]
    fn names_are_those_of_the_command_line() {
        for face in Face::value_variants() {
            assert_eq!(
                face.to_possible_value().expect("a value").get_name(),
                face.name()
            );
        }
    }

    #[test]
    fn a_good_report_adds_up() {
        let totals = Totals::of(&[report(GOOD), report(GOOD)]);
        assert_eq!(
            totals,
            Totals {
                passed: 24,
                failed: 0,
                broken_faces: 0,
                missing_faces: Vec::new(),
            }
        );
        assert!(totals.good());
    }

    #[test]
    fn failures_are_told() {
        let report = report(BAD);
        assert_eq!(
            report.complaints(),
            [r#"native: a.json stale: want timestamp_too_old, got {"code":0}"#]
        );
        assert!(!Totals::of(&[report]).good());
    }

    #[test]
    fn a_face_that_ran_nothing_is_broken() {
        assert!(report(EMPTY).is_broken());
        assert!(report(r#"{"face":"native","files":[],"error":null}"#).is_broken());
        assert_eq!(report(EMPTY).complaints(), ["native: found no vectors"]);
        assert!(!Totals::of(&[report(GOOD), report(EMPTY)]).good());
    }

    #[test]
    fn a_missing_runtime_is_named_and_has_no_excuse_where_all_must_be_there() {
        let text = r#"{"face":"native","files":[],"error":null,"missing":"no package"}"#;
        let totals = Totals::of(&[report(GOOD), report(text)]);
        assert!(totals.good());
        assert_eq!(totals.missing_faces, ["native (no package)"]);
        let broken = report(text).without_excuse();
        assert_eq!(
            broken.complaints(),
            ["native: the runtime is missing: no package"]
        );
        assert!(!Totals::of(&[report(GOOD), broken]).good());
        assert!(!report(GOOD).without_excuse().is_broken());
    }

    #[test]
    fn the_answer_of_another_face_is_refused() {
        assert!(Report::parse(Face::Workerd, GOOD.as_bytes()).is_err());
        assert!(Report::parse(Face::Native, b"warning: x").is_err());
    }
}
