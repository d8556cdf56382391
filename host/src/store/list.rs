//! What is listed and counted of a workspace: values.

use super::DeliveryState;
use crate::ids::{DeliveryId, EndpointId, MessageId, WorkspaceId};

/// Which deliveries are listed, newest first. Times are unix milliseconds; a `since` is included, an `until` is not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    pub workspace: WorkspaceId,
    pub state: Option<DeliveryState>,
    pub endpoint_id: Option<EndpointId>,
    pub event_type: Option<String>,
    pub created_since_ms: Option<u64>,
    pub created_until_ms: Option<u64>,
    /// Only those older than this one.
    pub after: Option<DeliveryId>,
    /// At most so many.
    pub limit: u32,
}

/// Which messages are listed, newest first; times as in [`Filter`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MessageFilter {
    pub workspace: WorkspaceId,
    pub provider: Option<String>,
    pub event_type: Option<String>,
    pub created_since_ms: Option<u64>,
    pub created_until_ms: Option<u64>,
    /// Only those older than this one.
    pub after: Option<MessageId>,
    /// At most so many.
    pub limit: u32,
}

/// What is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TallyOf {
    pub workspace: WorkspaceId,
    /// Only what goes to this one.
    pub endpoint: Option<EndpointId>,
    /// Only what was published then or later, in unix milliseconds.
    pub since_ms: u64,
}

/// Counts of what was published since a moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Of the workspace.
    pub messages: u64,
    /// By state; those without any are left out.
    pub deliveries: Vec<(DeliveryState, u64)>,
    /// Of these deliveries.
    pub attempts: u64,
    /// Counting ended after a bounded number of rows, the newest; there may be more.
    pub at_least: bool,
}
