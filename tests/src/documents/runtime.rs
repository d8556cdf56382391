//! Node with express, and Python with flask, for receivers out of documents.

use anyhow::{Context, bail};
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// A program that is not on this machine, or cannot be made ready. Printed as a named skip, and a failure where `CI` is set.
#[derive(Debug)]
pub struct Missing(String);

impl Missing {
    /// Ends a test that cannot run here.
    ///
    /// # Panics
    /// Where `CI` is set.
    pub fn skip(self, test: &str) {
        let Self(reason) = self;
        assert!(std::env::var_os("CI").is_none(), "{test}: {reason}");
        // As Node's runner writes it, so that the table at the end names it.
        println!("ok 1 - {test} # SKIP {reason}");
    }
}

/// Node, with the packages of the npm package's tests.
#[derive(Debug)]
pub struct Node {
    modules: PathBuf,
}

impl Node {
    /// # Errors
    /// [`Missing`]
    pub fn find() -> Result<Self, Missing> {
        if !answers("node") {
            return Err(Missing("node is not on PATH".to_owned()));
        }
        let modules = repository().join("npm/node_modules");
        match modules.join("express/package.json").is_file() {
            true => Ok(Self { modules }),
            false => Err(Missing(
                "npm/node_modules has no express; `cargo xtask build` installs it".to_owned(),
            )),
        }
    }

    /// `node`, for which `require` finds express and esbuild wherever the program lies.
    pub fn command(&self) -> Command {
        let mut command = Command::new("node");
        command.env("NODE_PATH", &self.modules);
        command
    }
}

/// Python, with flask in a virtual environment of its own.
#[derive(Debug)]
pub struct Python {
    program: PathBuf,
}

impl Python {
    /// `folder` is where the environment is made, once for all tests and runs.
    ///
    /// # Errors
    /// [`Missing`]
    pub fn find(folder: &Path) -> Result<Self, Missing> {
        if !answers("python3") {
            return Err(Missing("python3 is not on PATH".to_owned()));
        }
        match environment(folder) {
            Ok(program) => Ok(Self { program }),
            Err(error) => Err(Missing(format!(
                "flask could not be installed for python3: {error:#}"
            ))),
        }
    }

    /// `python` of the environment.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .env("PYTHONUNBUFFERED", "1")
            .env_remove("PYTHONPATH");
        command
    }
}

/// The environment with what `requirements.txt` names; made anew when that changes.
fn environment(folder: &Path) -> anyhow::Result<PathBuf> {
    let requirements = repository().join("tests/documents/requirements.txt");
    let wanted = fs::read_to_string(&requirements)?;
    fs::create_dir_all(folder)?;
    // Tests are processes of their own and come here at the same time.
    let lock = File::create(folder.join("lock"))?;
    lock.lock()?;
    let (place, note) = (folder.join("python"), folder.join("installed.txt"));
    let program = place.join("bin/python");
    if program.is_file() && fs::read_to_string(&note).is_ok_and(|installed| installed == wanted) {
        return Ok(program);
    }
    let _ = fs::remove_file(&note);
    run(Command::new("python3")
        .args(["-m", "venv", "--clear"])
        .arg(&place))?;
    let pip = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--requirement",
    ];
    run(Command::new(&program).args(pip).arg(&requirements))?;
    fs::write(&note, wanted)?;
    Ok(program)
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .context("cannot start it")?;
    if !output.status.success() {
        let last = String::from_utf8_lossy(&output.stderr);
        bail!("{}", last.lines().last().unwrap_or("no reason given"));
    }
    Ok(())
}

fn answers(program: &str) -> bool {
    let asked = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    asked.is_ok_and(|status| status.success())
}

fn repository() -> &'static Path {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests)
}
