//! `cargo xtask postgres`: what concerns PostgreSQL, on versions that this machine does not have.
//!
//! They come from npm, of which the lock file in `tests/cluster/versions` pins them: no package archive but this one has several
//! for any distribution.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::build::{self, Scope};
use crate::npm;
use crate::run::{self, Step};
use crate::stamp::{self, Stamp};
use crate::test::{self, Line, Runner};
use crate::workspace::Workspace;

/// Where the versions are pinned.
const PINNED: &str = "tests/cluster/versions";
const MANIFEST: [&str; 3] = [".npmrc", "package.json", "package-lock.json"];

/// Runs the suites on each version, or on these, and prints the table.
pub(crate) fn postgres(workspace: &Workspace, wanted: &[u32]) -> Result<()> {
    let installed = install(workspace)?;
    let there: Vec<_> = installed.iter().map(|(version, _)| *version).collect();
    if let Some(missing) = wanted.iter().find(|version| !there.contains(version)) {
        bail!("there is no PostgreSQL {missing} for this machine in {PINNED}; there are {there:?}");
    }
    build::build(workspace, Scope::All)?;
    let mut lines = Vec::new();
    for (version, folder) in installed {
        if wanted.is_empty() || wanted.contains(&version) {
            lines.extend(suites(workspace, version, &folder)?);
        }
    }
    test::finish(&lines)
}

fn suites(workspace: &Workspace, version: u32, folder: &Path) -> Result<[Line; 2]> {
    let run = |name: &str, what: &[&str]| {
        let Runner {
            mut cargo, count, ..
        } = Runner::new(workspace);
        cargo
            .args(what)
            .env("COUNTERSIGN_TEST_POSTGRES_BIN", folder);
        // A server that is named would be used instead.
        cargo.env_remove("COUNTERSIGN_TEST_POSTGRES");
        test::native(
            &format!("{name}, PostgreSQL {version}"),
            workspace,
            &mut cargo,
            count,
        )
    };
    Ok([
        run("store", &["--lib", "store::"])?,
        run("hosts", &["--test", "hosts"])?,
    ])
}

/// The folders of the programs, by version.
fn install(workspace: &Workspace) -> Result<Vec<(u32, PathBuf)>> {
    let pinned = workspace.at(PINNED);
    let target = workspace.at("target/postgres");
    let hash = stamp::hash_paths(&pinned, &MANIFEST)?;
    let done = Stamp::new(&workspace.stamps(), "postgres-versions");
    let modules = target.join("node_modules");
    if !(done.matches(&hash) && modules.is_dir()) {
        done.clear();
        std::fs::create_dir_all(&target)?;
        for name in MANIFEST {
            std::fs::copy(pinned.join(name), target.join(name)).context(name)?;
        }
        let step = Step::begin("npm ci, for versions of PostgreSQL");
        let mut command = npm::npm(workspace)?;
        // Their own scripts make links, which is asked for below, and nothing else.
        command
            .args(["ci", "--ignore-scripts"])
            .current_dir(&target);
        run::quiet("npm ci", &mut command)
            .context("they could not be installed; check the network and npm's settings")?;
        step.done("");
    }
    let mut found = Vec::new();
    for entry in std::fs::read_dir(&modules)? {
        let package = entry?.path();
        let name = package.file_name().unwrap_or_default().to_string_lossy();
        let Some(version) = version(&name) else {
            continue;
        };
        if !done.matches(&hash) {
            let mut node = npm::node(workspace)?;
            node.arg("scripts/hydrate-symlinks.js")
                .current_dir(&package);
            run::quiet("links of libraries", &mut node)?;
        }
        found.push((version, package.join("native/bin")));
    }
    if found.is_empty() {
        bail!("{PINNED} has no version of PostgreSQL for this machine");
    }
    found.sort();
    done.set(&hash)?;
    Ok(found)
}

/// Of a package's name: `postgres-14-linux-x64`.
fn version(package: &str) -> Option<u32> {
    package
        .strip_prefix("postgres-")?
        .split('-')
        .next()?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_says_its_version() {
        assert_eq!(version("postgres-14-linux-x64"), Some(14));
        assert_eq!(version(".package-lock.json"), None);
        assert_eq!(version("postgres-next"), None);
    }
}
