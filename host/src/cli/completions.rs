//! `countersign completions`

use super::output::Output;
use crate::error::Error;
use clap::Args;
use clap_complete::Shell;
use std::process::ExitCode;

const EXAMPLES: &str = "\
Examples:
  countersign completions bash > ~/.local/share/bash-completion/completions/countersign
  countersign completions zsh > \"${fpath[1]}/_countersign\"
  countersign completions fish > ~/.config/fish/completions/countersign.fish";

/// Prints what a shell needs to complete commands and options.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self, out: &Output) -> Result<ExitCode, Error> {
        // Into memory first: the generator panics where nobody reads its output.
        let mut script = Vec::new();
        clap_complete::generate(
            self.shell,
            &mut super::command(),
            "countersign",
            &mut script,
        );
        out.bytes(&script)?;
        Ok(ExitCode::SUCCESS)
    }
}
