//! The wasm modules: compile, post-process, check, hand on to `target/countersign/`.
//!
//! Each module is a cargo call of its own. In one call cargo unifies features, and the kernel, which has no standard
//! library, would be given the `std` that the toolkit asks of their common dependencies.

mod binary;
mod bindgen;
pub(crate) mod environment;
mod manifest;
mod panics;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use self::manifest::Entry;
use crate::run::{self, Step};
use crate::stamp;
use crate::toolchain::{self, TARGET, Toolchain};
use crate::workspace::Workspace;

/// What happens to a module after it is compiled.
enum Finish {
    /// It must stand alone: no imports.
    ImportFree {
        /// Stays inside the host: keeps function names and texts of panics, for readable traps.
        names: bool,
    },
    /// wasm-bindgen makes its JavaScript.
    Bindgen,
}

struct Module {
    name: &'static str,
    package: &'static str,
    /// Instead of the default ones; a module with a list is built in a folder of its own, an empty one included.
    features: Option<&'static str>,
    /// In the root `Cargo.toml`.
    profile: &'static str,
    finish: Finish,
}

const MODULES: [Module; 6] = [
    // Shipped to browsers, so every byte counts.
    Module {
        name: "kernel",
        package: "countersign-kernel",
        features: None,
        profile: "wasm-kernel",
        finish: Finish::ImportFree { names: false },
    },
    // Verifies with HMACs and does nothing else.
    Module {
        name: "kernel-slim",
        package: "countersign-kernel",
        features: Some(""),
        profile: "wasm-slim",
        finish: Finish::ImportFree { names: false },
    },
    // Stays inside the host binary.
    Module {
        name: "guest",
        package: "countersign-guest",
        features: None,
        profile: "wasm",
        finish: Finish::ImportFree { names: true },
    },
    Module {
        name: "toolkit",
        package: "countersign-toolkit",
        features: None,
        profile: "wasm-reader",
        finish: Finish::Bindgen,
    },
    // Larger than the one above, so nobody loads it who reads payloads as they are.
    Module {
        name: "events",
        package: "countersign-toolkit",
        features: Some("events"),
        profile: "wasm-small",
        finish: Finish::Bindgen,
    },
    // Holds every scheme a second time, so nobody loads it who only verifies.
    Module {
        name: "explain",
        package: "countersign-toolkit",
        features: Some("explain"),
        profile: "wasm-small",
        finish: Finish::Bindgen,
    },
];

/// Builds every module. Says whether any output changed.
pub(crate) fn build(workspace: &Workspace) -> Result<bool> {
    let toolchain = toolchain::find(workspace)?;
    let outputs = workspace.outputs();
    let mut entries = Vec::new();
    let mut changed = false;
    for module in &MODULES {
        let compiled = compile(workspace, &toolchain, module)?;
        let (entry, new) = finish(workspace, &toolchain, module, &compiled, &outputs)?;
        let size = format!("{} ({} bytes)", entry.file, entry.bytes);
        if new {
            run::note(&format!("{size}: new, sha256 {}", entry.sha256));
        } else {
            run::up_to_date(&size);
        }
        changed |= new;
        entries.push(entry);
    }
    changed |= manifest::write(&outputs, &entries)?;
    Ok(changed)
}

/// Names of the modules.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    MODULES.iter().map(|module| module.name)
}

/// One module with the names of its functions: what is shipped of it, but for what names and JavaScript add.
pub(crate) fn with_names(workspace: &Workspace, name: &str) -> Result<Vec<u8>> {
    let toolchain = toolchain::find(workspace)?;
    let module = MODULES
        .iter()
        .find(|module| module.name == name)
        .context("there is no module of this name")?;
    let compiled = compile(workspace, &toolchain, module)?;
    shortened(module, &fs::read(compiled)?)
}

/// Without the texts of panics, where nobody would see them.
fn shortened(module: &Module, bytes: &[u8]) -> Result<Vec<u8>> {
    match module.finish {
        Finish::ImportFree { names: true } => Ok(bytes.to_vec()),
        Finish::ImportFree { names: false } => panics::without_texts(bytes, false),
        Finish::Bindgen => panics::without_texts(bytes, true),
    }
    .with_context(|| format!("the module {} could not be shortened", module.name))
}

/// Lets cargo compile one module; cargo knows best whether there is anything to do.
fn compile(workspace: &Workspace, toolchain: &Toolchain, module: &Module) -> Result<PathBuf> {
    // Never the outer target folder: the cargo that runs us may hold its lock. One folder per standard library:
    // cargo tells them apart by compiler version only.
    let target_dir = match &toolchain.key {
        Some(key) => workspace.at("target/wasm").join(key),
        None => workspace.at("target/wasm"),
    };
    // The file is named after the package alone.
    let target_dir = match module.features {
        Some(_) => target_dir.join(module.name),
        None => target_dir,
    };
    let path = target_dir
        .join(TARGET)
        .join(module.profile)
        .join(module.package.replace('-', "_"))
        .with_extension("wasm");
    let before = modified(&path);
    let mut cargo = workspace.cargo();
    environment::prepare(&mut cargo, workspace, toolchain);
    cargo.args([
        "build",
        "--profile",
        module.profile,
        "--target",
        TARGET,
        "--package",
        module.package,
    ]);
    if let Some(features) = module.features {
        cargo.args(["--no-default-features", "--features", features]);
    }
    cargo.arg("--target-dir").arg(&target_dir);
    let step = Step::begin(format!("compile {}", module.name));
    run::inherit(&mut cargo)
        .with_context(|| format!("the wasm module {} did not compile", module.name))?;
    step.done(if before == modified(&path) {
        "up to date"
    } else {
        ""
    });
    Ok(path)
}

fn modified(path: &Path) -> Option<std::time::SystemTime> {
    fs::metadata(path)
        .and_then(|metadata| metadata.modified())
        .ok()
}

fn finish(
    workspace: &Workspace,
    toolchain: &Toolchain,
    module: &Module,
    compiled: &Path,
    outputs: &Path,
) -> Result<(Entry, bool)> {
    let bytes = fs::read(compiled).with_context(|| {
        format!(
            "{} is missing; does {} have crate-type cdylib?",
            compiled.display(),
            module.package
        )
    })?;
    let bytes = shortened(module, &bytes)?;
    let (file, bytes, changed) = match module.finish {
        Finish::ImportFree { names } => {
            let imports = binary::imports(&bytes)?;
            if !imports.is_empty() {
                bail!(
                    "{} must have no imports but asks for {}; look for a dependency that needs JavaScript or WASI",
                    module.package,
                    imports.join(", ")
                );
            }
            let bytes = binary::without_sections(
                &bytes,
                if names {
                    &["producers"]
                } else {
                    &["name", "producers"]
                },
            )?;
            let file = format!("{}.wasm", module.name);
            let changed = stamp::write_if_changed(&outputs.join(&file), &bytes)?;
            (file, bytes, changed)
        }
        Finish::Bindgen => {
            let folder = outputs.join(module.name);
            let changed = bindgen::generate(module.name, &bytes, &folder)?;
            let file = format!("{0}/{0}_bg.wasm", module.name);
            let bytes = fs::read(outputs.join(&file)).context("wasm-bindgen left no wasm file")?;
            (file, bytes, changed)
        }
    };
    for path in environment::private_paths(workspace, toolchain) {
        if binary::contains(&bytes, path.as_bytes()) {
            bail!(
                "{file} contains the machine's path {path}; add it to the remapped prefixes in xtask"
            );
        }
    }
    let entry = Entry {
        name: module.name,
        bytes: bytes.len(),
        sha256: stamp::sha256_hex(&bytes),
        file,
    };
    Ok((entry, changed))
}
