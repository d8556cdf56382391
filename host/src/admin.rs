//! Commands of the operator to a running host, on a Unix socket beside the data.
//!
//! Who may open the socket is who may read the data: its mode is 0600. So a command needs no token, no port is open for it,
//! and whoever has the token of the API cannot give one. One command a connection: a line of JSON there, a line of JSON back.

mod client;

pub use self::client::{AdminError, ask};

use crate::{
    clock::within,
    config::LiveConfig,
    context::Context,
    rules::{self, RulesError},
};
use serde::{Deserialize, Serialize};
use std::{
    fs::Permissions,
    io::ErrorKind,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
    sync::Semaphore,
};

/// Longest command, in bytes.
const COMMAND_BYTES_MAX: u64 = 64 * 1024;
/// Longest time for a command to arrive.
const COMMAND_TIME_MAX: Duration = Duration::from_secs(5);
/// Commands at a time; more wait.
const COMMANDS_MAX: usize = 4;
/// Longest module that is read, in bytes: many times the one of this binary.
const MODULE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Pause after a connection could not be taken, such as when no file descriptor is left.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// A command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Use this module, or what `core.guest_file` says.
    CoreReload { file: Option<PathBuf> },
    /// Which modules are in use?
    CoreShow {},
}

/// The answer to a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The modules in use.
    Core(CoreInUse),
    /// Nothing has changed.
    Refused(String),
}

/// The modules in use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoreInUse {
    pub kernel_sha256: String,
    pub guest_sha256: String,
    /// Where the guest comes from; absent when it is the binary's own.
    pub guest_file: Option<PathBuf>,
    /// The next start takes the same guest.
    pub kept_at_restart: bool,
}

/// The socket. The file goes when this is dropped.
pub struct Socket {
    listener: UnixListener,
    path: PathBuf,
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Socket {
    /// Opens the socket. The caller owns the data, so what an earlier process left at this place is nobody's.
    ///
    /// # Errors
    /// What the operating system says; among others that the path is too long for a socket.
    pub fn open(path: &Path) -> std::io::Result<Self> {
        // Made beside its place and moved there, so that it never has another mode.
        let mut beside = path.to_owned().into_os_string();
        beside.push(".new");
        match std::fs::remove_file(&beside) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&beside)?;
        std::fs::set_permissions(&beside, Permissions::from_mode(0o600))?;
        std::fs::rename(&beside, path)?;
        Ok(Self {
            listener,
            path: path.to_owned(),
        })
    }

    /// Takes commands for ever.
    pub async fn serve(self, context: Arc<Context>) {
        let places = Arc::new(Semaphore::new(COMMANDS_MAX));
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else {
                return;
            };
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let context = Arc::clone(&context);
                    tokio::spawn(async move {
                        if let Err(error) = answer(stream, &context).await {
                            tracing::debug!(%error, "a command was not answered");
                        }
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a command could not be taken");
                    context.clock.sleep(ACCEPT_AGAIN).await;
                }
            }
        }
    }
}

async fn answer(stream: UnixStream, context: &Arc<Context>) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    let mut read = BufReader::new(read.take(COMMAND_BYTES_MAX));
    let arrived = within(&*context.clock, COMMAND_TIME_MAX, read.read_line(&mut line));
    arrived.await.unwrap_or(Err(ErrorKind::TimedOut.into()))?;
    let answer = match serde_json::from_str(&line) {
        Ok(command) => obey(command, context).await,
        Err(error) => Answer::Refused(format!(
            "this host does not know the command; is the command line of another version? ({error})"
        )),
    };
    let mut text = serde_json::to_string(&answer).map_err(std::io::Error::other)?;
    text.push('\n');
    write.write_all(text.as_bytes()).await?;
    write.shutdown().await
}

async fn obey(command: Command, context: &Arc<Context>) -> Answer {
    match command {
        Command::CoreShow {} => Answer::Core(in_use(context)),
        Command::CoreReload { file } => {
            let file = file.or_else(|| guest_file(&context.config));
            let reloading = {
                let context = Arc::clone(context);
                // Compiling takes a while.
                tokio::task::spawn_blocking(move || reload(&context, file))
            };
            match reloading.await {
                Ok(Ok(())) => Answer::Core(in_use(context)),
                Ok(Err(error)) => {
                    tracing::error!(%error, "the rules were not replaced; those in use stay");
                    Answer::Refused(format!("{error}. The rules in use stay"))
                }
                Err(error) => Answer::Refused(error.to_string()),
            }
        }
    }
}

/// The file that the settings name for the guest.
pub fn guest_file(config: &LiveConfig) -> Option<PathBuf> {
    let file = config.current().core.guest_file.clone();
    (!file.as_os_str().is_empty()).then_some(file)
}

/// Reads a module.
///
/// # Errors
/// [`RulesError::Module`]
pub fn read_module(file: &Path) -> Result<Vec<u8>, RulesError> {
    let unusable = |problem: String| RulesError::Module {
        module: "guest",
        problem: format!("{}: {problem}", file.display()),
    };
    let read = || {
        let opened = std::fs::File::open(file)?;
        let mut bytes = Vec::new();
        let most = MODULE_BYTES_MAX.saturating_add(1);
        std::io::Read::read_to_end(&mut std::io::Read::take(opened, most), &mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().map_err(|error: std::io::Error| unusable(error.to_string()))?;
    match bytes.len() as u64 > MODULE_BYTES_MAX {
        true => Err(unusable(format!(
            "it is longer than {MODULE_BYTES_MAX} bytes"
        ))),
        false => Ok(bytes),
    }
}

fn reload(context: &Context, file: Option<PathBuf>) -> Result<(), RulesError> {
    let providers: Vec<_> = context
        .registry
        .all()
        .into_iter()
        .map(|endpoint| endpoint.provider)
        .collect();
    match &file {
        Some(file) => {
            context
                .rules
                .replace_guest(&read_module(file)?, Some(file.clone()), &providers)?
        }
        None => context
            .rules
            .replace_guest(rules::GUEST_WASM, None, &providers)?,
    }
    let sha256 = context.rules.guest.sha256();
    tracing::info!(guest_sha256 = %sha256, ?file, "the rules were replaced");
    Ok(())
}

fn in_use(context: &Context) -> CoreInUse {
    let guest_file_in_use = context.rules.guest.file();
    CoreInUse {
        kernel_sha256: rules::KERNEL_SHA256.to_owned(),
        guest_sha256: context.rules.guest.sha256(),
        kept_at_restart: guest_file_in_use == guest_file(&context.config),
        guest_file: guest_file_in_use,
    }
}
