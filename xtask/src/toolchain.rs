//! Finding a compiler that can make WebAssembly, or making one.
//!
//! rustup's own target is preferred. Where it is out of reach (no network, a Debian Rust), the standard library is
//! compiled once from a compiler's own sources into a private sysroot under `target/`; nothing outside `target/` is
//! touched except by `rustup target add` and `apt-get install`, each of which is announced.

pub(crate) mod compiler;
mod debian;
mod rustup;
mod sysroot;
mod way;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use self::compiler::Compiler;
use self::way::{Facts, Mode, Try, Way};
use crate::run;
use crate::workspace::{RUST_VERSION, Workspace};

/// The target of every module.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// A compiler that can make WebAssembly.
pub(crate) struct Toolchain {
    /// To be set as `RUSTC`; `None` is whatever `rustc` means.
    pub(crate) rustc: Option<PathBuf>,
    /// Folder with `lib/rustlib` of the compiler in use.
    pub(crate) sysroot: PathBuf,
    /// Distinguishes private sysroots, whose output must not be mixed with that of another standard library.
    pub(crate) key: Option<String>,
}

/// Takes the first way that works, and says which one and why.
pub(crate) fn find(workspace: &Workspace) -> Result<Toolchain> {
    let mode = Mode::from_environment()?;
    let active = Compiler::active();
    let mut facts = Facts {
        mode,
        installed: active
            .as_ref()
            .is_some_and(|compiler| compiler.has_target()),
        cached: sysroot::cached(workspace).is_some(),
        rustup: if rustup::present() {
            Try::Open
        } else {
            Try::Ruled("there is no rustup".into())
        },
        sources: Try::Open,
        apt: debian::possible(),
    };
    loop {
        match way::choose(&facts) {
            Way::Installed => {
                let active =
                    active.context("no `rustc` on PATH; install Rust from https://rustup.rs")?;
                run::note(&format!(
                    "wasm toolchain: {} has the target {TARGET}",
                    active.name()
                ));
                return Ok(Toolchain {
                    rustc: None,
                    sysroot: active.sysroot,
                    key: None,
                });
            }
            Way::Cached => match sysroot::cached(workspace) {
                Some(found) => {
                    run::note(&format!(
                        "wasm toolchain: private sysroot of {}, built earlier",
                        found.name
                    ));
                    return Ok(found.into_toolchain());
                }
                None => facts.cached = false,
            },
            Way::Rustup => match rustup::add_target(TARGET) {
                Ok(()) => match Compiler::active().filter(Compiler::has_target) {
                    Some(active) => {
                        run::note(&format!(
                            "wasm toolchain: {}, target added by rustup",
                            active.name()
                        ));
                        return Ok(Toolchain {
                            rustc: None,
                            sysroot: active.sysroot,
                            key: None,
                        });
                    }
                    None => {
                        facts.rustup = Try::Ruled(
                            "rustup has another toolchain than the `rustc` in use".into(),
                        )
                    }
                },
                Err(error) => facts.rustup = ruled(&error),
            },
            Way::BuildSysroot => match build_sysroot(workspace) {
                Ok(found) => {
                    run::note(&format!(
                        "wasm toolchain: private sysroot of {}, built from its sources",
                        found.name
                    ));
                    return Ok(found.into_toolchain());
                }
                Err(error) => facts.sources = ruled(&error),
            },
            Way::Apt => {
                match debian::install() {
                    // Now there should be a compiler with sources.
                    Ok(()) => facts.sources = Try::Open,
                    Err(error) => run::note(&format!("{error:#}")),
                }
                facts.apt = Try::Ruled("apt-get was tried".into());
            }
            Way::GiveUp => bail!("{}", way::explain(&facts)),
        }
    }
}

/// Remembers why a way was left, and says so.
fn ruled(error: &anyhow::Error) -> Try {
    let reason = format!("{error:#}");
    run::note(&format!("wasm toolchain: {reason}"));
    Try::Ruled(reason)
}

fn build_sysroot(workspace: &Workspace) -> Result<sysroot::Sysroot> {
    let mut seen = Vec::new();
    let mut failures = Vec::new();
    for compiler in compiler::candidates() {
        if !compiler.has_sources() {
            seen.push(format!("{} has no sources", compiler.name()));
        } else if !compiler.is_new_enough() {
            seen.push(format!("{} is older than {RUST_VERSION}", compiler.name()));
        } else {
            match sysroot::build(workspace, &compiler) {
                Ok(found) => return Ok(found),
                Err(error) => failures.push(format!("{error:#}")),
            }
        }
    }
    if !failures.is_empty() {
        bail!("{}", failures.join("; "));
    }
    bail!(
        "no rustc brings its own sources ({})",
        if seen.is_empty() {
            "none was found".into()
        } else {
            seen.join(", ")
        }
    )
}

/// Asks rustup for another target, such as one without a standard library.
pub(crate) fn add_target(target: &str) -> Result<()> {
    if !rustup::present() {
        bail!("there is no rustup");
    }
    rustup::add_target(target)
}

/// Whether the private way can work at all: its compiler is a shell script.
fn private_sysroots_work() -> bool {
    cfg!(unix)
}
