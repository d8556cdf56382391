//! Debian's newest Rust with its sources, for machines where rustup cannot help.
//!
//! Source: Debian source package `rustc-web`, which follows upstream Rust in stable releases.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::way::Try;
use super::{compiler, private_sysroots_work};
use crate::run;

/// Compiler, its libraries for this machine, its sources: all of one version.
pub(super) const PACKAGES: [&str; 3] = ["rustc-web", "libstd-rust-web-dev", "rust-web-src"];

/// The linker for wasm, where no Rust toolchain brings one.
const LINKER_PACKAGE: &str = "lld";

/// Whether apt may be used: on Debian and its kin, as root.
pub(super) fn possible() -> Try {
    if !private_sysroots_work()
        || !Path::new("/etc/debian_version").is_file()
        || which::which("apt-get").is_err()
    {
        return Try::Ruled("this is no Debian".into());
    }
    if !is_root() {
        return Try::Ruled(
            "installing packages needs root; run the apt line below yourself".into(),
        );
    }
    Try::Open
}

#[cfg(unix)]
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    // The owner of this folder is the effective user of this process.
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

#[cfg(not(unix))]
fn is_root() -> bool {
    false
}

/// Refreshes the package lists and installs.
pub(super) fn install() -> Result<()> {
    let mut packages = PACKAGES.to_vec();
    if compiler::linker().is_none() {
        packages.push(LINKER_PACKAGE);
    }
    let step = run::Step::begin(format!("apt-get install {}", packages.join(" ")));
    // Old lists may still name what is wanted, so a failed refresh is not the end.
    if let Err(error) = run::quiet("apt-get update", apt().arg("update")) {
        run::note(&format!("{error:#}"));
    }
    let install = ["install", "--yes", "--no-install-recommends"];
    run::quiet("apt-get install", apt().args(install).args(&packages))
        .context("apt could not install a Rust with sources")?;
    step.done("");
    Ok(())
}

fn apt() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}
