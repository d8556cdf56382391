//! `cargo xtask tidy`: form, lints, licences, and rules of the house that no linter knows.

mod rules;

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::npm;
use crate::run::{self, Step};
use crate::workspace::Workspace;

/// Runs every check and names all that failed, not only the first.
pub(crate) fn tidy(workspace: &Workspace) -> Result<()> {
    let mut failed = Vec::new();
    let mut note = |name: &'static str, good: bool| {
        if !good {
            failed.push(name);
        }
    };
    note("rules of the house", rules(workspace)?);
    note(
        "rustfmt",
        passes(
            "cargo fmt --check",
            workspace.cargo().args(["fmt", "--all", "--check"]),
        ),
    );
    note(
        "clippy",
        passes("clippy, native", workspace.cargo().args(CLIPPY)),
    );
    note(
        "clippy of the toolkit",
        passes(
            "clippy, wasm toolkit",
            workspace.cargo().args(CLIPPY_TOOLKIT),
        ),
    );
    npm::install(workspace)?;
    note(
        "npm run lint",
        passes("npm run lint", npm::npm(workspace)?.args(["run", "lint"])),
    );
    note("cargo deny", deny(workspace));
    if !failed.is_empty() {
        bail!(
            "not tidy: {}; `cargo fmt --all` mends the form, the output above names the rest",
            failed.join(", ")
        );
    }
    eprintln!("tidy");
    Ok(())
}

/// Licences, sources and duplicate bans need nothing but the lock file; advisories need a database from the network, so
/// they are checked where it can be had.
fn deny(workspace: &Workspace) -> bool {
    if which::which("cargo-deny").is_err() {
        run::note("cargo deny: not checked; `cargo install cargo-deny` brings it");
        return true;
    }
    let deny = |arguments: &[&str]| {
        let mut command = workspace.cargo();
        command.arg("deny").args(arguments);
        command
    };
    let offline = passes(
        "cargo deny check licenses bans sources",
        &mut deny(&["check", "licenses", "bans", "sources"]),
    );
    if run::ask(&mut deny(&["fetch", "db"])).is_none() {
        run::note("cargo deny: advisories not checked, their database cannot be reached");
        return offline;
    }
    let advisories = ["check", "--disable-fetch", "advisories"];
    passes("cargo deny check advisories", &mut deny(&advisories)) && offline
}

/// Release, like tests and demo: build scripts and macros are shared with them. The toolkit has a line of its own because
/// it would bring wasm-bindgen's features into the others.
const CLIPPY: [&str; 9] = [
    "clippy",
    "--release",
    "--workspace",
    "--exclude",
    "countersign-toolkit",
    "--all-targets",
    "--",
    "--deny",
    "warnings",
];

/// wasm-bindgen compiles natively too, so no wasm toolchain is needed to lint.
const CLIPPY_TOOLKIT: [&str; 9] = [
    "clippy",
    "--release",
    "--package",
    "countersign-toolkit",
    "--all-features",
    "--all-targets",
    "--",
    "--deny",
    "warnings",
];

fn passes(label: &str, command: &mut Command) -> bool {
    let step = Step::begin(label);
    match run::inherit(command) {
        Ok(()) => {
            step.done("");
            true
        }
        Err(error) => {
            step.failed(&format!("{error:#}"));
            false
        }
    }
}

/// Reads every file of the repository and prints what breaks a rule.
fn rules(workspace: &Workspace) -> Result<bool> {
    let step = Step::begin("rules of the house");
    let mut list = workspace.command("git");
    list.args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]);
    let list =
        run::ask(&mut list).context("`git ls-files` failed; run this inside the repository")?;
    let (mut files, mut complaints) = (0, 0);
    for name in list.split('\0').filter(|name| !name.is_empty()) {
        // A file that was deleted but not yet committed is still listed.
        let Ok(content) = std::fs::read(workspace.at(name)) else {
            continue;
        };
        files += 1;
        for complaint in rules::check(name, &content) {
            complaints += 1;
            eprintln!("    {complaint}");
        }
    }
    let counts = format!("{files} files, {complaints} complaints");
    if complaints == 0 {
        step.done(&counts);
    } else {
        step.failed(&counts);
    }
    Ok(complaints == 0)
}
