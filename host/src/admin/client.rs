//! The other end of the socket: what the command line does.

use super::{Answer, Command};
use std::{
    io::{BufRead, BufReader, Read, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    time::Duration,
};

/// Longest answer, in bytes.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;
/// Longest wait for an answer: compiling a module takes seconds on a slow machine.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(120);

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdminError {
    /// Nobody answers at the socket.
    #[error(
        "no running host answers at {path}: {source}. Is it running, and with this --data-dir or --config?"
    )]
    NoHost {
        path: PathBuf,
        source: std::io::Error,
    },
    /// The answer cannot be read.
    #[error("the host gave no answer: {0}. Its log says more")]
    NoAnswer(String),
    /// The host said no.
    #[error("refused: {0}")]
    Refused(String),
}

/// Gives a command to the host that has this socket.
///
/// # Errors
/// [`AdminError`]
pub fn ask(socket: &Path, command: &Command) -> Result<Answer, AdminError> {
    let mut stream = UnixStream::connect(socket).map_err(|source| AdminError::NoHost {
        path: socket.to_owned(),
        source,
    })?;
    let lost = |error: std::io::Error| AdminError::NoAnswer(error.to_string());
    let mut line = serde_json::to_string(command).map_err(|error| lost(error.into()))?;
    line.push('\n');
    stream
        .set_read_timeout(Some(ANSWER_TIME_MAX))
        .map_err(lost)?;
    stream.write_all(line.as_bytes()).map_err(lost)?;
    let mut answer = String::new();
    let mut reader = BufReader::new(stream.take(ANSWER_BYTES_MAX));
    reader.read_line(&mut answer).map_err(lost)?;
    match serde_json::from_str(&answer) {
        Ok(Answer::Refused(why)) => Err(AdminError::Refused(why)),
        Ok(answer) => Ok(answer),
        Err(error) => Err(lost(error.into())),
    }
}
