//! `countersign check`

use super::{data::Data, output::Output};
use crate::{error::Error, store::sqlite::check};
use clap::Args;
use serde_json::json;
use std::process::ExitCode;

const EXAMPLES: &str = "\
Example:
  countersign check --data-dir ./countersign-data && countersign backup sound.db --data-dir ./countersign-data";

const INSTEAD: &str =
    "PostgreSQL checks its files itself: use its tools, such as pg_amcheck and data checksums";

/// Checks whether the data is sound, while the sender runs or while it does not.
///
/// Pages, indices, and what must hold between rows. Prints each finding on a line of standard output; exit code 3 when there
/// are any. Reads all of the data, so it takes its time.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Check {
    #[command(flatten)]
    data: Data,
}

impl Check {
    pub(super) fn run(self, out: &Output) -> Result<ExitCode, Error> {
        let findings = check(&self.data.path(INSTEAD)?)?;
        let count = findings.len();
        match out.is_json() {
            true => out.value(&json!({ "sound": count == 0, "findings": findings }))?,
            false => {
                for finding in &findings {
                    out.lines(finding)?;
                }
            }
        }
        match count {
            0 if out.is_json() => Ok(ExitCode::SUCCESS),
            0 => out.lines("the data is sound").map(|()| ExitCode::SUCCESS),
            findings => Err(Error::Unsound { findings }),
        }
    }
}
