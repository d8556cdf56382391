//! `countersign backup`

use super::{data::Data, output::Output};
use crate::{error::Error, store::sqlite::backup};
use clap::Args;
use serde_json::json;
use std::{path::PathBuf, process::ExitCode};

const EXAMPLES: &str = "\
Example:
  countersign backup countersign-$(date +%F).db --data-dir ./countersign-data";

const INSTEAD: &str =
    "Copy it with pg_dump or pg_basebackup, and keep the key of the secrets apart from the copy";

/// Copies the data to a file while the sender runs, or while it does not.
///
/// The copy is of one moment, is checked before it gets its name, and overwrites nothing. It holds signing secrets, sealed:
/// keep their key as well, apart from it. Only its owner can read the copy. To restore, stop the sender, remove
/// `countersign.db` and its `-wal` and `-shm` beside it, and put the copy in its place. Progress goes to standard error.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Backup {
    /// Where the copy goes; must not exist.
    #[arg(value_name = "FILE")]
    to: PathBuf,
    #[command(flatten)]
    data: Data,
}

impl Backup {
    pub(super) fn run(self, out: &Output) -> Result<ExitCode, Error> {
        let mut told = 0;
        let bytes = backup(&self.data.path(INSTEAD)?, &self.to, |pages, of| {
            let percent = pages.saturating_mul(100).checked_div(of).unwrap_or(100);
            if percent / 10 > told {
                told = percent / 10;
                out.note(format_args!("{percent} % of {of} pages"));
            }
        })?;
        let file = self.to.display();
        out.either(
            &json!({ "file": self.to, "bytes": bytes }),
            format_args!("{bytes} bytes in {file}, checked"),
        )?;
        Ok(ExitCode::SUCCESS)
    }
}
