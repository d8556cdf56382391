//! Hands the finished WebAssembly modules to the compiler: where they are and what their SHA-256 is. It builds nothing:
//! `cargo xtask build` does (a nested cargo would dead-lock on the target folder and slow every check).

use sha2::{Digest, Sha256};
use std::{
    env, fs,
    path::{Path, PathBuf},
};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=COUNTERSIGN_WASM_DIR");
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").unwrap_or_default()).join("..");
    let modules = match env::var_os("COUNTERSIGN_WASM_DIR") {
        Some(dir) => PathBuf::from(dir),
        None => root.join("target/countersign"),
    };
    for name in ["kernel", "guest"] {
        embed(name, &modules.join(format!("{name}.wasm")));
    }
    let lock = root.join("Cargo.lock");
    println!("cargo::rerun-if-changed={}", lock.display());
    println!(
        "cargo::rustc-env=COUNTERSIGN_WASMTIME_VERSION={}",
        locked_version(&lock, "wasmtime").unwrap_or_else(|| "unknown".to_owned())
    );
}

fn embed(name: &str, file: &Path) {
    println!("cargo::rerun-if-changed={}", file.display());
    let Ok(file) = file.canonicalize() else {
        println!("cargo::error={name}.wasm is not built yet: run `cargo xtask build`");
        return;
    };
    let Ok(bytes) = fs::read(&file) else {
        println!("cargo::error={name}.wasm cannot be read: run `cargo xtask build`");
        return;
    };
    let upper = name.to_uppercase();
    println!(
        "cargo::rustc-env=COUNTERSIGN_{upper}_WASM={}",
        file.display()
    );
    println!(
        "cargo::rustc-env=COUNTERSIGN_{upper}_SHA256={}",
        base16ct::lower::encode_string(&Sha256::digest(&bytes))
    );
}

fn locked_version(lock: &Path, package: &str) -> Option<String> {
    let lock = fs::read_to_string(lock).ok()?;
    let after = lock.split_once(&format!("name = \"{package}\"\nversion = \""))?;
    Some(after.1.split_once('"')?.0.to_owned())
}
