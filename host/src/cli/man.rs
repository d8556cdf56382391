//! `countersign man`

use super::output::Output;
use crate::error::Error;
use clap::Args;
use serde_json::json;
use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

const EXAMPLES: &str = "\
Examples:
  countersign man ~/.local/share/man/man1
      One page a command: man countersign-listen.
  countersign man | man -l -
      Reads the first page without installing any.";

/// Writes manual pages into a folder, or the first of them to standard output.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Man {
    /// The folder; it must exist
    folder: Option<PathBuf>,
}

impl Man {
    pub(super) fn run(self, out: &Output) -> Result<ExitCode, Error> {
        let mut command = super::command().disable_help_subcommand(true);
        command.build();
        match self.folder {
            None => out.bytes(&page(command)?)?,
            Some(folder) => {
                let mut pages = Vec::new();
                write(command, &folder, &mut pages)?;
                let count = pages.len();
                out.either(
                    &json!({ "pages": pages }),
                    format_args!("{count} pages in {}", folder.display()),
                )?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The pages of a command and of those below it. There are two levels.
fn write(command: clap::Command, folder: &Path, pages: &mut Vec<PathBuf>) -> Result<(), Error> {
    for part in command.get_subcommands() {
        write(part.clone(), folder, pages)?;
    }
    let name = command.get_display_name().unwrap_or(command.get_name());
    let file = folder.join(format!("{name}.1"));
    let text = page(command)?;
    fs::write(&file, text)
        .map_err(|error| Error::usage(format!("{} cannot be written: {error}", file.display())))?;
    pages.push(file);
    Ok(())
}

fn page(command: clap::Command) -> Result<Vec<u8>, Error> {
    let mut text = Vec::new();
    clap_mangen::Man::new(command)
        .render(&mut text)
        .map_err(|source| Error::System {
            doing: "writing a manual page",
            source,
        })?;
    Ok(text)
}
