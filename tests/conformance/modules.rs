//! The wasm modules themselves: what they import, and that every face has the same kernel.

use sha2::{Digest, Sha256};
use std::{path::PathBuf, process::Command};
use wasmtime::{Engine, Module};

fn built(name: &str) -> Vec<u8> {
    let path = target().join("countersign").join(name);
    std::fs::read(&path).unwrap_or_else(|error| {
        panic!("{}: {error}; run `cargo xtask build`", path.display());
    })
}

fn target() -> PathBuf {
    std::env::current_exe()
        .unwrap()
        .ancestors()
        .nth(3)
        .unwrap()
        .to_owned()
}

/// Names of imports and exports.
fn interface(module: &[u8]) -> (Vec<String>, Vec<String>) {
    let module = Module::new(&Engine::default(), module).unwrap();
    let imports = module
        .imports()
        .map(|import| format!("{}.{}", import.module(), import.name()));
    let exports = module.exports().map(|export| export.name().to_owned());
    let mut exports: Vec<_> = exports.filter(|name| !name.starts_with("__")).collect();
    exports.sort();
    (imports.collect(), exports)
}

#[test]
fn the_guest_imports_nothing() {
    let (imports, exports) = interface(&built("guest.wasm"));
    assert!(imports.is_empty(), "{imports:?}");
    assert_eq!(
        exports,
        ["abi_version", "call", "input", "memory", "output"]
    );
}

#[test]
fn the_kernel_imports_nothing_and_exports_what_its_documentation_lists() {
    let (imports, exports) = interface(&built("kernel.wasm"));
    assert!(imports.is_empty(), "{imports:?}");
    let documentation = include_str!("../../wasm/kernel/ABI.md");
    for export in &exports {
        let listed = documentation.contains(&format!("`{export}("))
            || documentation.contains(&format!("`{export}`"));
        assert!(listed, "ABI.md does not list {export}");
    }
    assert_eq!(exports.len(), 17);
}

#[test]
fn the_slim_kernel_imports_nothing_and_exports_a_part_of_what_the_kernel_does() {
    let (imports, exports) = interface(&built("kernel-slim.wasm"));
    assert!(imports.is_empty(), "{imports:?}");
    let (_, whole) = interface(&built("kernel.wasm"));
    assert!(exports.iter().all(|export| whole.contains(export)));
    assert_eq!(exports.len(), 12);
}

#[test]
fn the_host_prints_the_hash_of_the_kernel_that_was_built() {
    let hash: String = Sha256::digest(built("kernel.wasm"))
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let output = Command::new(target().join("release/countersign"))
        .arg("version")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains(&hash), "{hash} is not in:\n{text}");
}

#[test]
fn no_module_holds_a_path_of_the_machine_it_was_built_on() {
    let checkout = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let checkout = checkout.parent().unwrap().to_str().unwrap();
    let home = std::env::var("HOME").unwrap_or_else(|_| "/home/".to_owned());
    for name in [
        "kernel.wasm",
        "kernel-slim.wasm",
        "guest.wasm",
        "toolkit/toolkit_bg.wasm",
    ] {
        let module = String::from_utf8_lossy(&built(name)).into_owned();
        for path in [checkout, &home] {
            assert!(!module.contains(&format!("{path}/")), "{name} holds {path}");
        }
    }
}
