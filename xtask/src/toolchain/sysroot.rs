//! A private sysroot: the standard library for wasm, compiled once from a compiler's own sources.
//!
//! `RUSTC_BOOTSTRAP` and `-Z` are needed for this one build only; afterwards the sysroot's `bin/rustc` is used like any
//! other compiler. That file is a two-line script which adds `--sysroot`: as a rustc flag the path would enter the
//! hashes that cargo makes of flags, and equal sources would give other bytes in another checkout.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::compiler::{self, Compiler};
use super::{TARGET, Toolchain, private_sysroots_work};
use crate::run::{self, Step};
use crate::stamp;
use crate::wasm::environment;
use crate::workspace::Workspace;

/// Part of the key. Raise it when the recipe below changes.
const RECIPE: &str = "1";

/// A finished sysroot.
pub(super) struct Sysroot {
    folder: PathBuf,
    key: String,
    /// Name of its compiler.
    pub(super) name: String,
}

impl Sysroot {
    pub(super) fn into_toolchain(self) -> Toolchain {
        Toolchain {
            rustc: Some(self.folder.join("bin/rustc")),
            sysroot: self.folder,
            key: Some(self.key),
        }
    }
}

/// The key of a compiler: libraries fit exactly one.
fn key(verbose: &str) -> String {
    let mut hash = stamp::sha256_hex(format!("{RECIPE}\n{verbose}").as_bytes());
    hash.truncate(16);
    hash
}

/// A sysroot that was built earlier and whose compiler is still the same.
pub(super) fn cached(workspace: &Workspace) -> Option<Sysroot> {
    let mut folders: Vec<_> = fs::read_dir(workspace.sysroots())
        .ok()?
        .flatten()
        .map(|entry| entry.path())
        .collect();
    folders.sort();
    folders.into_iter().find_map(|folder| {
        let name = folder.file_name()?.to_str()?.to_owned();
        let compiler = Compiler::probe(&folder.join("bin/rustc"))?;
        let fits =
            key(&compiler.verbose) == name && compiler.is_new_enough() && compiler.has_target();
        // A checkout that was moved leaves the old path in the script.
        let in_place = compiler.sysroot == folder;
        (fits && in_place).then(|| Sysroot {
            name: compiler.name(),
            folder,
            key: name,
        })
    })
}

/// Compiles the standard library with `compiler` and puts a sysroot around it. The folder appears finished or not at
/// all.
pub(super) fn build(workspace: &Workspace, compiler: &Compiler) -> Result<Sysroot> {
    if !private_sysroots_work() {
        bail!("private sysroots are for Unix only");
    }
    let linker = compiler::linker()
        .context("no linker for wasm (rust-lld or wasm-ld); install the package lld")?;
    let key = key(&compiler.verbose);
    let folder = workspace.sysroots().join(&key);
    let step = Step::begin(format!(
        "standard library for {TARGET} from the sources of {} (once)",
        compiler.name()
    ));
    fs::create_dir_all(workspace.sysroots()).context("target/ is not writable")?;
    let scratch = tempfile::Builder::new()
        .prefix(".building-")
        .tempdir_in(workspace.sysroots())?;

    compile_std(workspace, compiler, scratch.path())
        .with_context(|| format!("the sources of {} did not compile", compiler.name()))?;
    let new = scratch.path().join("sysroot");
    copy_libraries(scratch.path(), &new)?;
    link_host(compiler, &linker, &new)?;
    write_compiler(compiler, &new, &folder)?;

    if folder.exists() {
        fs::remove_dir_all(&folder)
            .with_context(|| format!("{} could not be replaced", folder.display()))?;
    }
    fs::rename(&new, &folder)
        .with_context(|| format!("{} could not be put in place", folder.display()))?;
    step.done("");
    Ok(Sysroot {
        folder,
        key,
        name: compiler.name(),
    })
}

/// An empty crate is enough to make cargo compile the standard library.
fn compile_std(workspace: &Workspace, compiler: &Compiler, scratch: &Path) -> Result<()> {
    let manifest = "[package]\nname = \"empty\"\nedition = \"2024\"\n\n[workspace]\n\n[profile.release]\npanic = \"abort\"\n";
    stamp::write_if_changed(&scratch.join("Cargo.toml"), manifest.as_bytes())?;
    stamp::write_if_changed(&scratch.join("src/lib.rs"), b"")?;
    let mut cargo = workspace.cargo();
    environment::clear(&mut cargo);
    cargo
        .current_dir(scratch)
        .args(["build", "--release", "--target", TARGET]);
    cargo.args(["-Zbuild-std=std,panic_abort", "-Zbuild-std-features="]);
    cargo.arg("--target-dir").arg(scratch.join("target"));
    cargo
        .env("RUSTC", compiler.program())
        .env("RUSTC_BOOTSTRAP", "1");
    // Without bitcode inside, link time optimisation of the modules fails. Paths: see `wasm::environment`.
    let mut flags = vec!["-Cembed-bitcode=yes".to_owned()];
    flags.extend(environment::remap_flags(workspace, &compiler.sysroot));
    environment::set_flags(&mut cargo, &flags);
    run::inherit(&mut cargo)
}

fn copy_libraries(scratch: &Path, sysroot: &Path) -> Result<()> {
    let from = scratch.join("target").join(TARGET).join("release/deps");
    let to = sysroot.join("lib/rustlib").join(TARGET).join("lib");
    fs::create_dir_all(&to)?;
    let mut std_seen = false;
    for entry in fs::read_dir(&from).with_context(|| format!("cargo left no {}", from.display()))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".rlib") && !name.starts_with("libempty-") {
            std_seen |= name.starts_with("libstd-");
            fs::copy(entry.path(), to.join(&name))?;
        }
    }
    if !std_seen {
        bail!("cargo built no libstd; this cargo may not know -Zbuild-std");
    }
    Ok(())
}

/// Build scripts and macros run on this machine and need its libraries; the linker is looked for beside them.
#[cfg(unix)]
fn link_host(compiler: &Compiler, linker: &Path, sysroot: &Path) -> Result<()> {
    use std::os::unix::fs::symlink;
    let theirs = compiler.sysroot.join("lib/rustlib").join(&compiler.host);
    let ours = sysroot.join("lib/rustlib").join(&compiler.host);
    fs::create_dir_all(ours.join("bin"))?;
    symlink(theirs.join("lib"), ours.join("lib"))?;
    symlink(linker, ours.join("bin/rust-lld"))?;
    Ok(())
}

#[cfg(not(unix))]
fn link_host(_: &Compiler, _: &Path, _: &Path) -> Result<()> {
    bail!("private sysroots are for Unix only")
}

#[cfg(unix)]
fn write_compiler(compiler: &Compiler, new: &Path, folder: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let program = compiler.program();
    let script = format!(
        "#!/bin/sh\nexec {} --sysroot {} \"$@\"\n",
        quoted(&program)?,
        quoted(folder)?
    );
    let path = new.join("bin/rustc");
    stamp::write_if_changed(&path, script.as_bytes())?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    Ok(())
}

#[cfg(not(unix))]
fn write_compiler(_: &Compiler, _: &Path, _: &Path) -> Result<()> {
    bail!("private sysroots are for Unix only")
}

/// A path as one word of a shell script.
fn quoted(path: &Path) -> Result<String> {
    let text = path
        .to_str()
        .with_context(|| format!("{} is not UTF-8", path.display()))?;
    Ok(format!("'{}'", text.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_changes_with_the_compiler_and_is_short() {
        let one = key("rustc 1.95.0\n");
        assert_eq!(one.len(), 16);
        assert_eq!(one, key("rustc 1.95.0\n"));
        assert_ne!(one, key("rustc 1.96.0\n"));
    }

    #[test]
    fn a_path_is_one_word_of_the_script() {
        assert_eq!(quoted(Path::new("/a b")).expect("quoted"), "'/a b'");
        assert_eq!(quoted(Path::new("/it's")).expect("quoted"), r"'/it'\''s'");
    }
}
