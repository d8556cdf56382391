//! A running host held to its own description by schemathesis: what it answers to thousands of requests, sound and unsound.
//!
//! Needs Python 3 with `venv`, and installs schemathesis from PyPI into `target/` the first time. Where either is missing the test
//! is left out and says so, unless `CI` is set.

use countersign_tests::host::HostHome;
use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// The version that the results are about.
const SCHEMATHESIS: &str = "schemathesis==4.32.5";
/// Requests of each kind for an operation, at most.
const EXAMPLES_MAX: &str = "10";
const TOKEN: &str = "token-of-the-fuzzing";

/// The program, or why there is none.
fn schemathesis() -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/schemathesis");
    let program = folder.join("venv/bin/schemathesis");
    let run = |command: &mut Command| {
        let output = command.output().map_err(|error| error.to_string())?;
        match output.status.success() {
            true => Ok(()),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    };
    let is_there = || run(Command::new(&program).arg("--version"));
    if is_there().is_err() {
        let venv = folder.join("venv");
        run(Command::new("python3").args(["-m", "venv"]).arg(&venv))
            .map_err(|error| format!("python3 -m venv: {error}"))?;
        run(Command::new(venv.join("bin/pip")).args(["install", "--quiet", SCHEMATHESIS]))
            .map_err(|error| format!("pip install {SCHEMATHESIS}: {error}"))?;
        is_there()?;
    }
    Ok(program)
}

#[test]
fn the_host_keeps_to_its_description_whatever_it_is_asked() {
    let program = match schemathesis() {
        Ok(program) => program,
        Err(reason) => {
            countersign_cluster::left_out(
                "schemathesis",
                reason.lines().next().unwrap_or_default(),
            );
            return;
        }
    };
    // Nothing may be called, wherever an endpoint that it makes up leads.
    let home = HostHome::with_network("", "").unwrap();
    home.configure(&format!(
        "[api]\ntoken = \"{TOKEN}\"\n[delivery]\nallow_http = true\nstop_timeout_s = 5\n"
    ))
    .unwrap();
    let host = home.start().unwrap();
    let reports = home.data_dir().join("schemathesis");
    let output = Command::new(program)
        .arg("run")
        .arg(format!("{}/openapi.json", host.url()))
        .args(["--header", &format!("Authorization: Bearer {TOKEN}")])
        .args(["--checks", "all"])
        // What fits the schema can still be refused for what it says, such as an address that must not be called.
        .args(["--exclude-checks", "positive_data_acceptance"])
        .args(["--phases", "examples,coverage,fuzzing,stateful"])
        .args(["--max-examples", EXAMPLES_MAX, "--seed", "20260102"])
        .args(["--request-timeout", "10"])
        .args(["--warnings", "off", "--no-shrink", "--no-color"])
        .arg("--report-dir")
        .arg(reports)
        .current_dir(home.data_dir())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{text}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(!home.log().contains("panicked"), "{}", home.log());
    assert!(host.terminate().unwrap().success());
}
