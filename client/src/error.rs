//! Why a call came to nothing.

use countersign_api::Problem;

/// Why a call came to nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The server says no; `code` tells why. With 503 it is worth another try.
    #[error("{} ({}): {}", .0.code, .0.status, .0.detail)]
    Problem(Box<Problem>),
    /// What answered is not Countersign, or something between us and it.
    #[error("the answer has the status {status} and is no problem document")]
    Status {
        /// The status.
        status: u16,
    },
    /// The answer is none that this version knows.
    #[error("the answer cannot be read: {0}")]
    Answer(serde_json::Error),
    /// A request or its parameters cannot be written.
    #[error("the request cannot be written: {0}")]
    Request(#[from] serde_json::Error),
    /// The address of the server, or the key, is none.
    #[error("{0}")]
    Setting(&'static str),
    /// No answer: no connection, or not in time. The server may have done it; an idempotency key makes another try safe.
    #[error("no answer: {0}")]
    Transport(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// The stable name of what the server says is wrong.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Problem(problem) => Some(&problem.code),
            _ => None,
        }
    }
}
