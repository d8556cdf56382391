//! Why the program ends.

use crate::{
    admin::AdminError,
    config::ConfigError,
    rules::RulesError,
    store::{StoreError, sqlite::BackupError},
};
use std::{io, net::SocketAddr, process::ExitCode};

/// Why the program ends without having done what it was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operator's mistake: the message names the setting and the fix.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Another process uses the data, the disk is full, or the file is damaged.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no backup.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// The data was checked and is not sound.
    #[error(
        "{findings} findings: the data is not sound. Restore a backup, or write to us with what was printed"
    )]
    Unsound {
        /// How many.
        findings: usize,
    },
    /// The rules could not be loaded: a defect of this build.
    #[error("the rules cannot be loaded: {0}")]
    Rules(#[from] RulesError),
    /// The address is taken or is none of this machine.
    #[error("cannot listen on {address}: {source}. Choose another one with --listen")]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the operating system says.
        source: io::Error,
    },
    /// The operating system refused something that every program needs.
    #[error("{doing}: {source}")]
    System {
        /// What was being done.
        doing: &'static str,
        /// What the operating system says.
        source: io::Error,
    },
    /// A command to a running host was not carried out.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// A second signal came before the graceful stop was done.
    #[error(
        "stopped at once by a second signal; what was under way is sent again after the next start"
    )]
    StoppedAtOnce,
}

/// The exit codes, as the help text documents them.
pub const EXIT_CODES: &str = "\
Exit codes:
  0    done; for `serve`: stopped gracefully
  1    something failed while running
  2    the command line or the configuration is wrong; the message names the fix
  3    the data cannot be used: open in another process, not writable or damaged, or the key does not fit
  130  stopped at once by a second signal";

impl Error {
    /// The exit code for this end; [`EXIT_CODES`] documents them.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Config(_) => 2,
            Self::Store(_) | Self::Unsound { .. } | Self::Backup(BackupError::Store(_)) => 3,
            Self::StoppedAtOnce => 130,
            Self::Admin(_)
            | Self::Backup(_)
            | Self::Rules(_)
            | Self::Listen { .. }
            | Self::System { .. } => 1,
        })
    }
}
