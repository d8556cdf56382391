//! The JavaScript of the toolkit, made by wasm-bindgen as a library: nobody has to install its command line tool.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::Bindgen;

use crate::stamp;

/// Writes `NAME.js`, `NAME.d.ts`, `NAME_bg.wasm` and its types to `folder`, leaving equal files alone. The web flavour
/// with `initSync` serves Node, workers and browsers; only how the wasm is loaded differs, and that is ours to write.
/// Says whether anything changed.
pub(super) fn generate(name: &str, module: &[u8], folder: &Path) -> Result<bool> {
    let fresh = tempfile::tempdir().context("no room for temporary files")?;
    let mut bindgen = Bindgen::new();
    bindgen
        .input_bytes(name, module.to_vec())
        .out_name(name)
        .typescript(true)
        .omit_default_module_path(true);
    bindgen
        .remove_name_section(true)
        .remove_producers_section(true)
        .demangle(false);
    bindgen.web(true).and_then(|bindgen| bindgen.generate(fresh.path())).context(
        "wasm-bindgen refused the toolkit; if it speaks of versions, make the pins in wasm/toolkit and xtask equal",
    )?;
    fs::create_dir_all(folder)
        .with_context(|| format!("{} could not be created", folder.display()))?;
    let mut changed = false;
    for entry in fs::read_dir(fresh.path())? {
        let entry = entry?;
        changed |=
            stamp::write_if_changed(&folder.join(entry.file_name()), &fs::read(entry.path())?)?;
    }
    Ok(changed)
}
