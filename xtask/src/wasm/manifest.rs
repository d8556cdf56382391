//! `manifest.json`: what was built, so that package, host and tests can compare hashes.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use serde::Serialize;

use crate::stamp;
use crate::workspace::VERSION;

#[derive(Serialize)]
struct Manifest<'entries> {
    version: &'static str,
    /// By name.
    modules: BTreeMap<&'static str, &'entries Entry>,
}

/// One module.
#[derive(Serialize)]
pub(super) struct Entry {
    #[serde(skip)]
    pub(super) name: &'static str,
    /// Relative to the manifest.
    pub(super) file: String,
    pub(super) bytes: usize,
    /// Lower-case hex.
    pub(super) sha256: String,
}

/// Says whether the manifest changed.
pub(super) fn write(outputs: &Path, modules: &[Entry]) -> Result<bool> {
    let modules = modules.iter().map(|entry| (entry.name, entry)).collect();
    let mut text = serde_json::to_string_pretty(&Manifest {
        version: VERSION,
        modules,
    })?;
    text.push('\n');
    stamp::write_if_changed(&outputs.join("manifest.json"), text.as_bytes())
}
