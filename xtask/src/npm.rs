//! The npm package: dependencies, build, tarball; each only when what it reads has changed.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::run::{self, Step};
use crate::stamp::{self, Stamp};
use crate::workspace::{VERSION, Workspace};

/// What decides which dependencies `npm ci` installs.
const DEPENDENCY_INPUTS: [&str; 1] = ["npm/package-lock.json"];

/// What `npm run build` and `npm pack` read. The manifest stands for the wasm modules: it holds their hashes.
const BUILD_INPUTS: [&str; 16] = [
    "npm/src",
    "npm/playground/src",
    "npm/scripts",
    "npm/package.json",
    "npm/package-lock.json",
    "npm/tsconfig.json",
    "npm/README.md",
    "npm/LICENSE-MIT",
    "npm/LICENSE-APACHE",
    "target/countersign/manifest.json",
    "target/countersign/toolkit/toolkit.js",
    "target/countersign/toolkit/toolkit.d.ts",
    "target/countersign/events/events.js",
    "target/countersign/events/events.d.ts",
    "target/countersign/explain/explain.js",
    "target/countersign/explain/explain.d.ts",
];

/// What they leave. Compared too, because `npm run build` may also be called by hand. The last one is the package's own
/// note of what it was built from, which its tests read.
const BUILD_OUTPUTS: [&str; 4] = [
    "npm/dist",
    "npm/playground/index.html",
    "target/countersign/countersign.tgz",
    "target/packaging/npm-build.stamp",
];

/// The finished package.
const TARBALL: &str = "countersign.tgz";

/// Builds `npm/dist` and packs it. Says whether there was anything to do.
pub(crate) fn build(workspace: &Workspace) -> Result<bool> {
    let installed = install(workspace)?;
    let tarball = workspace.outputs().join(TARBALL);
    let state = || -> Result<String> {
        let read = stamp::hash_paths(workspace.root(), &BUILD_INPUTS)?;
        Ok(format!(
            "{read} {}",
            stamp::hash_paths(workspace.root(), &BUILD_OUTPUTS)?
        ))
    };
    let done = Stamp::new(&workspace.stamps(), "npm-build");
    if !installed && done.matches(&state()?) {
        run::up_to_date("npm package");
        return Ok(false);
    }
    done.clear();
    let step = Step::begin("npm run build");
    run::quiet("npm run build", npm(workspace)?.args(["run", "build"]))
        .context("the npm package did not build")?;
    if !workspace.npm().join("dist").is_dir() {
        bail!("`npm run build` left no npm/dist");
    }
    step.done("");
    pack(workspace, &tarball)?;
    done.set(&state()?)?;
    Ok(true)
}

/// Installs the locked dependencies unless that was done for this lock file. Says whether it did.
pub(crate) fn install(workspace: &Workspace) -> Result<bool> {
    for input in DEPENDENCY_INPUTS {
        if !workspace.at(input).is_file() {
            bail!("{input} is missing; restore it from the repository");
        }
    }
    let hash = stamp::hash_paths(workspace.root(), &DEPENDENCY_INPUTS)?;
    let done = Stamp::new(&workspace.stamps(), "npm-ci");
    if done.matches(&hash) && workspace.npm().join("node_modules").is_dir() {
        run::up_to_date("npm dependencies");
        return Ok(false);
    }
    done.clear();
    let step = Step::begin("npm ci");
    run::quiet(
        "npm ci",
        npm(workspace)?.args(["ci", "--no-audit", "--no-fund"]),
    )
    .context("the npm dependencies could not be installed; check the network and npm's settings")?;
    done.set(&hash)?;
    step.done("");
    Ok(true)
}

fn pack(workspace: &Workspace, tarball: &Path) -> Result<()> {
    let step = Step::begin("npm pack");
    // npm chooses the name; a folder of its own keeps tarballs of other versions apart.
    let folder = tempfile::tempdir_in(workspace.outputs())?;
    let mut pack = npm(workspace)?;
    pack.args(["pack", "--silent", "--ignore-scripts", "--pack-destination"])
        .arg(folder.path());
    run::quiet("npm pack", &mut pack).context("the npm package could not be packed")?;
    let mut packed = fs::read_dir(folder.path())?
        .flatten()
        .map(|entry| entry.path());
    let packed = packed.next().context("`npm pack` left no tarball")?;
    let name = packed
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    if !name.contains(VERSION) {
        bail!(
            "npm packed {name}, but the workspace has version {VERSION}; make npm/package.json equal"
        );
    }
    fs::rename(&packed, tarball)?;
    step.done(&name);
    Ok(())
}

/// npm, in the package's folder.
pub(crate) fn npm(workspace: &Workspace) -> Result<Command> {
    let program = which::which("npm").context("npm is not on PATH; install Node.js 20 or newer")?;
    let mut command = Command::new(program);
    command.current_dir(workspace.npm());
    Ok(command)
}

/// Node, in the root of the checkout.
pub(crate) fn node(workspace: &Workspace) -> Result<Command> {
    let program =
        which::which("node").context("node is not on PATH; install Node.js 20 or newer")?;
    Ok(workspace.command(program))
}
