//! The environment of every wasm build: the flags, in one place, and nothing inherited that could change the bytes.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::toolchain::Toolchain;
use crate::workspace::{Workspace, cargo_home};

/// Flags of the modules. A change here recompiles everything.
///
/// `simd128` is what makes SHA-256 fast; every runtime we serve has had it for years.
const FLAGS: [&str; 1] = ["-Ctarget-feature=+simd128"];

/// How cargo separates flags in `CARGO_ENCODED_RUSTFLAGS`; paths may hold spaces.
const SEPARATOR: &str = "\u{1f}";

/// What a surrounding cargo, clippy or user may have set for native code.
const CLEARED: [&str; 16] = [
    "CARGO_BUILD_RUSTC",
    "CARGO_BUILD_RUSTC_WORKSPACE_WRAPPER",
    "CARGO_BUILD_RUSTC_WRAPPER",
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_BUILD_TARGET",
    "CARGO_BUILD_TARGET_DIR",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_INCREMENTAL",
    "CARGO_TARGET_DIR",
    "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER",
    "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS",
    "RUSTC",
    "RUSTC_BOOTSTRAP",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_WRAPPER",
    "RUSTFLAGS",
];

/// Makes a cargo call one of our wasm builds.
pub(crate) fn prepare(cargo: &mut Command, workspace: &Workspace, toolchain: &Toolchain) {
    clear(cargo);
    let mut flags: Vec<String> = FLAGS.iter().map(|&flag| flag.to_owned()).collect();
    flags.extend(remap_flags(workspace, &toolchain.sysroot));
    set_flags(cargo, &flags);
    if let Some(rustc) = &toolchain.rustc {
        cargo.env("RUSTC", rustc);
    }
}

pub(crate) fn clear(cargo: &mut Command) {
    for name in CLEARED {
        cargo.env_remove(name);
    }
}

/// Sets flags in the one variable that wins over every other source of flags, the user's cargo configuration included,
/// and that only reaches the target, not build scripts.
pub(crate) fn set_flags(cargo: &mut Command, flags: &[String]) {
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.join(SEPARATOR));
}

/// Flags that keep this machine's paths out of panic messages, so that equal sources give equal bytes everywhere.
/// The last prefix that matches wins.
pub(crate) fn remap_flags(workspace: &Workspace, sysroot: &Path) -> Vec<String> {
    let mut pairs = vec![(workspace.root().to_path_buf(), "/countersign")];
    if let Some(home) = cargo_home() {
        pairs.push((home.clone(), "/cargo"));
        // The folder below is named after the registry or a mirror of it.
        let mut registries: Vec<_> = fs::read_dir(home.join("registry/src"))
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .collect();
        registries.sort();
        pairs.extend(registries.into_iter().map(|folder| (folder, "/crates")));
    }
    let sources = sysroot.join("lib/rustlib/src/rust");
    // Debian links the sources to another place, and the compiler may name either.
    if let Ok(real) = fs::canonicalize(&sources) {
        pairs.push((real, "/rust"));
    }
    pairs.push((sources, "/rust"));
    pairs
        .into_iter()
        .map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display()))
        .collect()
}

/// Paths that must not be found in a finished module.
pub(crate) fn private_paths(workspace: &Workspace, toolchain: &Toolchain) -> Vec<String> {
    let mut paths = vec![workspace.root().to_path_buf(), toolchain.sysroot.clone()];
    paths.extend(cargo_home());
    // A checkout in `/` or a compiler in `/usr` is nobody's secret, and too short to look for.
    paths.retain(|path| path.components().count() > 2);
    paths
        .into_iter()
        .map(|path| path.display().to_string())
        .collect()
}
