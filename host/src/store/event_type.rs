//! What a workspace says of an event type: a value.

use crate::ids::WorkspaceId;

/// What a workspace says of an event type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventType {
    pub workspace: WorkspaceId,
    pub provider: String,
    /// As the provider documents it.
    pub name: String,
    pub description: Option<String>,
    /// JSON Schema of its payloads, as it was given.
    pub schema: Option<String>,
    pub created_at_ms: u64,
    pub updated_at_ms: u64,
}
