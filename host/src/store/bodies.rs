//! Messages read with what was sent of them: values.

use super::Message;
use crate::ids::{MessageId, WorkspaceId};
use bytes::Bytes;

/// Which messages are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bodies {
    pub workspace: WorkspaceId,
    pub provider: String,
    /// Only those older than this one.
    pub before: Option<MessageId>,
    /// At most so many.
    pub limit: u32,
    /// Bytes of bodies after which no further one is read.
    pub bytes_max: u64,
}

/// Messages with their bodies, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BodyPage {
    /// A body is `None` once it is no longer kept.
    pub found: Vec<(Message, Option<Bytes>)>,
    /// The last message that was looked at; `None` when there is nothing behind it.
    pub next: Option<MessageId>,
}
