//! Why the program ends.

use crate::{
    admin::AdminError,
    config::ConfigError,
    rules::{KernelError, RulesError},
    store::{StoreError, moving::MoveError, sqlite::BackupError},
};
use std::{io, net::SocketAddr, process::ExitCode};

/// Why the program ends without having done what it was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The command was called wrongly.
    #[error("{message}")]
    Usage {
        /// Name of the mistake, where the rules have one for it.
        code: Option<&'static str>,
        /// What is wrong and what to do.
        message: String,
    },
    /// Whoever read what a receiver tells has had enough of it. No failure.
    #[error("nobody reads the output any more")]
    OutputClosed,
    /// The operator's mistake: the message names the setting and the fix.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Another process uses the data, the disk is full, or the file is damaged.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no backup.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// Not everything has moved to another store.
    #[error(transparent)]
    Move(MoveError),
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
  0    done; for `serve` and `listen`: stopped; for `verify` and `explain`: the signature fits
  1    something failed while running; for `verify` and `explain`: the signature does not fit; for `trigger` and `replay`: not
       every request was accepted, or a line of the recording is no request
  2    the command line or the configuration is wrong; the message names the fix
  3    the data cannot be used: open in another process, not writable or damaged, or the key does not fit
  130  stopped at once by a second signal";

impl From<KernelError> for Error {
    fn from(error: KernelError) -> Self {
        match error {
            // Whatever it refuses to build or to sign, the caller described.
            KernelError::Refused(code) => Self::Usage {
                code: Some(code.name()),
                message: code.text().to_owned(),
            },
            KernelError::Rules(error) => Self::Rules(error),
        }
    }
}

impl Error {
    /// A mistake in how the command was called.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::Usage {
            code: None,
            message: message.into(),
        }
    }

    /// The name of this end for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Usage { code, .. } => match code {
                Some(code) => code,
                None => "usage",
            },
            Self::OutputClosed => "output_closed",
            Self::Config(_) => "config",
            Self::Store(_) => "store",
            Self::Backup(_) => "backup",
            Self::Move(_) => "migrate_store",
            Self::Unsound { .. } => "unsound",
            Self::Rules(_) => "rules",
            Self::Listen { .. } => "listen",
            Self::System { .. } => "system",
            Self::Admin(_) => "admin",
            Self::StoppedAtOnce => "stopped_at_once",
        }
    }

    /// The exit code for this end; [`EXIT_CODES`] documents them.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::OutputClosed => 0,
            Self::Usage { .. }
            | Self::Config(_)
            | Self::Move(MoveError::Same(_) | MoveError::OtherSource { .. }) => 2,
            Self::Store(_)
            | Self::Move(_)
            | Self::Unsound { .. }
            | Self::Backup(BackupError::Store(_)) => 3,
            Self::StoppedAtOnce => 130,
            Self::Admin(_)
            | Self::Backup(_)
            | Self::Rules(_)
            | Self::Listen { .. }
            | Self::System { .. } => 1,
        })
    }
}
