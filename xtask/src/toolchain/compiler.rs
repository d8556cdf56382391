//! The Rust compilers on this machine and what each can do.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::str::FromStr;

use anyhow::{Context, Result};

use super::TARGET;
use crate::run;
use crate::workspace::RUST_VERSION;

/// A version number. What follows a dash (`-nightly`) is not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version {
    major: u32,
    minor: u32,
    patch: u32,
}

impl FromStr for Version {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let plain = text.split(['-', '+', ' ']).next().unwrap_or_default();
        let mut numbers = plain.split('.').map(str::parse::<u32>);
        let mut next = || {
            numbers
                .next()
                .transpose()
                .with_context(|| format!("`{text}` is no version"))
        };
        let major = next()?.with_context(|| format!("`{text}` is no version"))?;
        Ok(Self {
            major,
            minor: next()?.unwrap_or(0),
            patch: next()?.unwrap_or(0),
        })
    }
}

/// A `rustc` that runs.
#[derive(Clone, Debug)]
pub(crate) struct Compiler {
    rustc: PathBuf,
    /// The whole answer to `rustc -vV`: it decides whether compiled libraries fit.
    pub(crate) verbose: String,
    version: Version,
    pub(crate) host: String,
    pub(crate) sysroot: PathBuf,
}

impl Compiler {
    /// What `rustc` on PATH means.
    pub(crate) fn active() -> Option<Self> {
        Self::probe(Path::new("rustc"))
    }

    /// Asks a compiler what it is. `None` when it does not run.
    pub(crate) fn probe(rustc: &Path) -> Option<Self> {
        let verbose = run::ask(Command::new(rustc).arg("-vV"))?;
        let sysroot =
            PathBuf::from(run::ask(Command::new(rustc).args(["--print", "sysroot"]))?.trim());
        let version = field(&verbose, "release")?.parse().ok()?;
        let host = field(&verbose, "host")?.to_owned();
        Some(Self {
            rustc: rustc.to_path_buf(),
            verbose,
            version,
            host,
            sysroot,
        })
    }

    /// Name and version for messages, such as `rustc 1.95.0`.
    pub(crate) fn name(&self) -> String {
        format!(
            "rustc {}",
            field(&self.verbose, "release").unwrap_or("of unknown version")
        )
    }

    /// Whether it has the standard library for wasm.
    pub(crate) fn has_target(&self) -> bool {
        self.has_library(TARGET, "std")
    }

    /// Whether it has a compiled library for a target.
    pub(crate) fn has_library(&self, target: &str, library: &str) -> bool {
        let folder = self.sysroot.join("lib/rustlib").join(target).join("lib");
        let Ok(entries) = fs::read_dir(folder) else {
            return false;
        };
        entries
            .flatten()
            .any(|entry| is_library(&entry.file_name().to_string_lossy(), library))
    }

    /// Whether the workspace compiles with it.
    pub(crate) fn is_new_enough(&self) -> bool {
        RUST_VERSION
            .parse()
            .is_ok_and(|oldest: Version| self.version >= oldest)
    }

    /// Whether it brings the sources of its own standard library. Those of another version do not compile with it.
    pub(crate) fn has_sources(&self) -> bool {
        let library = self.sources().join("library");
        library.join("std/Cargo.toml").is_file() && library.join("Cargo.lock").is_file()
    }

    pub(crate) fn sources(&self) -> PathBuf {
        self.sysroot.join("lib/rustlib/src/rust")
    }

    /// The program itself, past rustup's dispatcher.
    pub(crate) fn program(&self) -> PathBuf {
        let inside = self.sysroot.join("bin/rustc");
        if inside.is_file() {
            inside
        } else {
            self.rustc.clone()
        }
    }
}

fn is_library(file: &str, library: &str) -> bool {
    let rest = file
        .strip_prefix("lib")
        .and_then(|rest| rest.strip_prefix(library));
    rest.is_some_and(|rest| rest.starts_with('-') && rest.ends_with(".rlib"))
}

/// A field of `rustc -vV`.
pub(crate) fn field<'text>(verbose: &'text str, name: &str) -> Option<&'text str> {
    verbose
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// Every compiler that can be found: the active one, rustup's, the distribution's. Each sysroot once.
pub(crate) fn candidates() -> Vec<Compiler> {
    let mut found: Vec<Compiler> = Vec::new();
    let paths = std::iter::once(PathBuf::from("rustc"))
        .chain(rustup_compilers())
        .chain(system_compilers());
    for path in paths {
        let Some(compiler) = Compiler::probe(&path) else {
            continue;
        };
        if !found.iter().any(|known| known.sysroot == compiler.sysroot) {
            found.push(compiler);
        }
    }
    found
}

fn rustup_compilers() -> Vec<PathBuf> {
    let Some(list) = run::ask(Command::new("rustup").args(["toolchain", "list"])) else {
        return Vec::new();
    };
    let ask =
        |name: &str| run::ask(Command::new("rustup").args(["which", "--toolchain", name, "rustc"]));
    toolchain_names(&list)
        .into_iter()
        .filter_map(ask)
        .map(|path| PathBuf::from(path.trim()))
        .collect()
}

/// Names from `rustup toolchain list`, without the remarks in brackets.
fn toolchain_names(list: &str) -> Vec<&str> {
    list.lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect()
}

fn system_compilers() -> Vec<PathBuf> {
    let mut paths = vec![
        PathBuf::from("/usr/bin/rustc"),
        PathBuf::from("/usr/local/bin/rustc"),
    ];
    // Debian keeps further versions side by side, as /usr/lib/rust-1.96 and /usr/lib/rust-web.
    if let Ok(entries) = fs::read_dir("/usr/lib") {
        let mut folders: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        folders.retain(|path| {
            path.file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with("rust-"))
        });
        folders.sort();
        paths.extend(
            folders
                .into_iter()
                .rev()
                .map(|folder| folder.join("bin/rustc")),
        );
    }
    paths.retain(|path| path.is_file());
    paths
}

/// A linker for wasm: the one that comes with a Rust toolchain, else an installed LLD.
pub(crate) fn linker() -> Option<PathBuf> {
    for compiler in candidates() {
        let path = compiler
            .sysroot
            .join("lib/rustlib")
            .join(&compiler.host)
            .join("bin/rust-lld");
        if path.is_file() {
            return Some(path);
        }
    }
    for name in ["rust-lld", "wasm-ld", "lld"] {
        if let Ok(path) = which::which(name) {
            return Some(path);
        }
    }
    newest_llvm_linker(Path::new("/usr/lib"))
}

/// `wasm-ld` of the newest `llvm-N` folder.
fn newest_llvm_linker(lib: &Path) -> Option<PathBuf> {
    let number = |name: &str| {
        name.strip_prefix("llvm-")
            .and_then(|digits| digits.parse::<u32>().ok())
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(lib).ok()?.flatten() {
        let path = entry.path().join("bin/wasm-ld");
        if let (Some(number), true) = (number(&entry.file_name().to_string_lossy()), path.is_file())
        {
            found.push((number, path));
        }
    }
    found.into_iter().max().map(|(_, path)| path)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERBOSE: &str = "rustc 1.95.0 (59807616e 2026-04-14)\nbinary: rustc\nhost: x86_64-unknown-linux-gnu\nrelease: 1.95.0\n";

    #[test]
    fn fields_of_the_verbose_version_are_found() {
        assert_eq!(field(VERBOSE, "host"), Some("x86_64-unknown-linux-gnu"));
        assert_eq!(field(VERBOSE, "release"), Some("1.95.0"));
        assert_eq!(field(VERBOSE, "LLVM version"), None);
    }

    #[test]
    fn versions_compare_by_number() {
        let version = |text: &str| text.parse::<Version>().expect("a version");
        assert!(version("1.96.0") > version("1.95"));
        assert!(version("1.100.0") > version("1.99.9"));
        assert!(version("1.85.0") < version("1.95"));
        assert_eq!(version("1.97.0-nightly"), version("1.97"));
        assert!("stable".parse::<Version>().is_err());
    }

    #[test]
    fn toolchain_names_lose_their_remarks() {
        let list = "stable-x86_64-unknown-linux-gnu (active, default)\nnightly-x86_64-unknown-linux-gnu\n\n";
        assert_eq!(
            toolchain_names(list),
            [
                "stable-x86_64-unknown-linux-gnu",
                "nightly-x86_64-unknown-linux-gnu"
            ]
        );
    }

    #[test]
    fn only_the_compiled_standard_library_counts() {
        assert!(is_library("libstd-0123456789abcdef.rlib", "std"));
        assert!(!is_library("libstd_detect-0123456789abcdef.rlib", "std"));
        assert!(!is_library("libstd-0123456789abcdef.so", "std"));
    }
}
