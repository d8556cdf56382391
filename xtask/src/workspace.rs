//! Where things are. Every path of the chores is named here once, so that no command guesses.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// The version of every crate of the workspace (they share one).
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The oldest Rust that the workspace compiles with, such as `1.95`.
pub(crate) const RUST_VERSION: &str = env!("CARGO_PKG_RUST_VERSION");

/// The checkout that the command works on.
pub(crate) struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// Finds the checkout: through cargo, which says where `xtask` lives, else from the current folder upwards.
    ///
    /// Asked at run time: a path fixed at compile time would be wrong after the checkout has moved.
    pub(crate) fn find() -> Result<Self> {
        let from_cargo = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        let start = match from_cargo {
            Some(path) => path,
            None => env::current_dir()
                .context("the current folder is not readable; change to the checkout")?,
        };
        for folder in start.ancestors() {
            if folder.join("xtask/Cargo.toml").is_file() && folder.join("core/Cargo.toml").is_file()
            {
                return Ok(Self {
                    root: folder.to_path_buf(),
                });
            }
        }
        bail!(
            "no checkout of Countersign above {}; run `cargo xtask` inside one",
            start.display()
        )
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A path inside the checkout.
    pub(crate) fn at(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// What the build hands on: wasm modules, their manifest, the npm tarball. The host's build script and the npm
    /// build read from here, so the place does not follow `CARGO_TARGET_DIR`.
    pub(crate) fn outputs(&self) -> PathBuf {
        self.at("target/countersign")
    }

    /// Marks of finished steps; see [`crate::stamp::Stamp`].
    pub(crate) fn stamps(&self) -> PathBuf {
        self.outputs().join("stamps")
    }

    /// Private sysroots with the standard library for wasm, one folder per compiler.
    pub(crate) fn sysroots(&self) -> PathBuf {
        self.at("target/sysroot")
    }

    pub(crate) fn npm(&self) -> PathBuf {
        self.at("npm")
    }

    /// The finished host binary.
    pub(crate) fn host_binary(&self) -> PathBuf {
        self.native_binary("release", "countersign")
    }

    /// A finished program in this profile.
    pub(crate) fn native_binary(&self, profile: &str, name: &str) -> PathBuf {
        let target = match env::var_os("CARGO_TARGET_DIR") {
            Some(folder) => self.root.join(folder),
            None => self.at("target"),
        };
        target
            .join(profile)
            .join(format!("{name}{}", env::consts::EXE_SUFFIX))
    }

    /// The cargo that runs us, in the root of the checkout.
    ///
    /// Without what cargo tells *us* about our own package: build scripts look at some of it (ring's does), and would run
    /// anew whenever plain `cargo` and `cargo xtask` take turns.
    pub(crate) fn cargo(&self) -> Command {
        let mut command = self.command(cargo_program());
        for (name, _) in env::vars_os() {
            let about_us = ["CARGO_PKG_", "CARGO_MANIFEST_"];
            if name
                .to_str()
                .is_some_and(|name| about_us.iter().any(|prefix| name.starts_with(prefix)))
            {
                command.env_remove(name);
            }
        }
        command
    }

    /// Any program, in the root of the checkout.
    pub(crate) fn command(&self, program: impl Into<OsString>) -> Command {
        let mut command = Command::new(program.into());
        command.current_dir(&self.root);
        command
    }
}

/// Path of the cargo that runs us, else whatever `cargo` means.
pub(crate) fn cargo_program() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Cargo's home, where registry sources are unpacked.
pub(crate) fn cargo_home() -> Option<PathBuf> {
    if let Some(home) = env::var_os("CARGO_HOME") {
        return Some(PathBuf::from(home));
    }
    env::home_dir().map(|home| home.join(".cargo"))
}
