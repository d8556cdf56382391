//! `countersign version`

use super::output::Output;
use crate::{error::Error, rules};
use clap::Args;
use serde_json::json;
use std::process::ExitCode;

const EXAMPLES: &str = "\
Example:
  countersign version --json
      The same names as in GET /v1/version.";

/// Prints the version of this binary and the SHA-256 of the rules inside.
///
/// The kernel is the code that signs. The npm package prints the same SHA-256 as `coreHash` when it verifies with the
/// same bytes.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Version {}

impl Version {
    pub(super) fn run(self, out: &Output) -> Result<ExitCode, Error> {
        let Self {} = self;
        let (version, kernel, guest, wasmtime) = (
            env!("CARGO_PKG_VERSION"),
            rules::KERNEL_SHA256,
            rules::GUEST_SHA256,
            rules::WASMTIME_VERSION,
        );
        out.either(
            &json!({
                "version": version,
                "kernel_sha256": kernel,
                "guest_sha256": guest,
                "wasmtime": wasmtime,
            }),
            format_args!(
                "countersign {version}\nkernel sha256 {kernel}\nguest sha256 {guest}\nwasmtime {wasmtime}"
            ),
        )?;
        Ok(ExitCode::SUCCESS)
    }
}
