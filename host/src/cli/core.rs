//! `countersign core`

use super::{data::Data, output::Output};
use crate::{
    admin::{self, Answer, Command},
    config::Config,
    error::Error,
};
use clap::Subcommand;
use std::{path::PathBuf, process::ExitCode};

#[derive(Debug, Subcommand)]
pub(super) enum Core {
    /// Replaces the rules (the guest module) without a stop. They are tried first; attempts under way finish on the old ones.
    ///
    /// Without FILE it is the module that the setting core.guest_file names now, or else the one of the binary.
    Reload {
        /// A module of rules, as `cargo xtask build` makes it
        file: Option<PathBuf>,
        #[command(flatten)]
        data: Data,
    },
    /// Prints which modules a running host uses.
    Show(Data),
}

impl Core {
    pub(super) fn run(self, out: &Output) -> Result<ExitCode, Error> {
        match self {
            Self::Reload { file, data } => {
                // The host may have another working folder.
                let file = file.map(std::path::absolute).transpose();
                let file = file.map_err(|source| Error::System {
                    doing: "finding the file",
                    source,
                })?;
                tell(&data, &Command::CoreReload { file }, out)
            }
            Self::Show(data) => tell(&data, &Command::CoreShow {}, out),
        }
    }
}

/// Gives a command about the rules to the running host and prints what is in use then.
fn tell(data: &Data, command: &Command, out: &Output) -> Result<ExitCode, Error> {
    let (config, _) = Config::load(&data.sources()?)?;
    let core = match admin::ask(&config.socket_path(), command)? {
        Answer::Core(core) => core,
        Answer::Refused(why) => return Err(admin::AdminError::Refused(why).into()),
    };
    if out.is_json() {
        out.value(&core)?;
        return Ok(ExitCode::SUCCESS);
    }
    out.lines(format_args!("kernel sha256 {}", core.kernel_sha256))?;
    out.lines(format_args!("guest sha256 {}", core.guest_sha256))?;
    match &core.guest_file {
        Some(file) => out.lines(format_args!("guest file {}", file.display()))?,
        None => out.lines("guest of the binary")?,
    }
    if !core.kept_at_restart {
        out.lines("the next start takes another guest; the setting core.guest_file says which")?;
    }
    Ok(ExitCode::SUCCESS)
}
