//! How an attempt ended.

use serde::{Deserialize, Serialize};

/// How an attempt ended. Failures are data; nothing is recognised by its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The receiver answered.
    Response {
        /// HTTP status.
        status: u16,
        /// What its `Retry-After` header asks for, in seconds from the answer.
        retry_after_s: Option<u32>,
    },
    /// There was no usable answer.
    Failure(FailureKind),
}

/// Why there was no usable answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The time limit of the attempt passed.
    Timeout,
    /// No connection: refused, unreachable, reset before the request was sent.
    Connect,
    /// The host name did not resolve.
    Dns,
    /// No trusted TLS connection.
    Tls,
    /// The address is one that must not be called.
    BlockedAddress,
    /// The connection broke, or what came back is not HTTP.
    InvalidResponse,
}

impl FailureKind {
    /// The name of the kind, the same in logs, API and store.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Connect => "connect",
            Self::Dns => "dns",
            Self::Tls => "tls",
            Self::BlockedAddress => "blocked_address",
            Self::InvalidResponse => "invalid_response",
        }
    }
}
