//! What is sent again, or listed to be: values.

use super::{Attempt, Delivery, DeliveryState, record::words};
use crate::ids::{DeliveryId, EndpointId, ReplayId, WorkspaceId};
use bytes::Bytes;
use countersign_core::delivery::DeadLetterReason;

/// Which ended deliveries are meant: those that fit everything that is given. Times are unix milliseconds; a `since` is
/// included, an `until` is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    pub workspace: WorkspaceId,
    pub state: EndedState,
    pub endpoint_id: Option<EndpointId>,
    pub event_type: Option<String>,
    pub reason: Option<DeadLetterReason>,
    /// Whether their owner has taken note of them.
    pub acknowledged: Option<bool>,
    pub created_since_ms: Option<u64>,
    pub created_until_ms: Option<u64>,
    /// When they were delivered or given up.
    pub ended_since_ms: Option<u64>,
    pub ended_until_ms: Option<u64>,
    /// Only these; each of them must fit as well.
    pub ids: Option<Vec<DeliveryId>>,
}

/// The states that a selection can be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndedState {
    Delivered,
    DeadLettered,
}

words!(EndedState: EndedState::Delivered = "delivered", EndedState::DeadLettered = "dead_lettered");

impl From<EndedState> for DeliveryState {
    fn from(state: EndedState) -> Self {
        match state {
            EndedState::Delivered => Self::Delivered,
            EndedState::DeadLettered => Self::DeadLettered,
        }
    }
}

impl Selection {
    /// Every delivery of a workspace in this state.
    pub const fn all(workspace: WorkspaceId, state: EndedState) -> Self {
        Self {
            workspace,
            state,
            endpoint_id: None,
            event_type: None,
            reason: None,
            acknowledged: None,
            created_since_ms: None,
            created_until_ms: None,
            ended_since_ms: None,
            ended_until_ms: None,
            ids: None,
        }
    }
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Only what comes after it.
    pub after: Option<DeliveryId>,
    pub newest_first: bool,
    /// At most so many.
    pub limit: u32,
}

/// A page of a list, with where the next one begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selected<T, C = DeliveryId> {
    pub found: Vec<T>,
    /// The last one that was looked at; `None` when there is nothing behind it.
    pub next: Option<C>,
}

/// A dead letter with what was sent and how that ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedEvent {
    pub delivery: Delivery,
    /// Id of the event in its body, if it is a text.
    pub event_id: Option<String>,
    /// `None` when it is no longer kept.
    pub body: Option<Bytes>,
    /// `None` when none was made, or it is no longer kept.
    pub last_attempt: Option<Attempt>,
}

/// A count that may have been cut short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    pub count: u64,
    /// There may be more.
    pub at_least: bool,
}

/// What a replay has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplayState {
    Running,
    /// By its owner; it goes on when they say so.
    Paused,
    /// It came to the end of its selection.
    Completed,
    /// By its owner, for good.
    Cancelled,
}

words!(ReplayState:
    ReplayState::Running = "running", ReplayState::Paused = "paused", ReplayState::Completed = "completed",
    ReplayState::Cancelled = "cancelled");

/// Many deliveries that are sent again, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    pub id: ReplayId,
    pub state: ReplayState,
    pub selection: Selection,
    /// At most so many deliveries become due in a second.
    pub per_second: u32,
    /// How many fitted when it was made.
    pub matched: Counted,
    /// The last delivery that it came to.
    pub cursor: Option<DeliveryId>,
    pub replayed: u64,
    /// Left as they were: endpoint not active, body no longer kept, or changed since they were selected.
    pub skipped: u64,
    pub created_at_ms: u64,
    pub updated_at_ms: u64,
}

/// A step of a replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayStep {
    pub id: ReplayId,
    /// Where the replay was when the step was planned. If it is elsewhere by now, nothing is done.
    pub from: Option<DeliveryId>,
    pub deliveries: Vec<DeliveryId>,
    /// In which states a delivery can be sent again.
    pub states: Vec<DeliveryState>,
    /// Where the replay is afterwards; `None`: at its end.
    pub to: Option<DeliveryId>,
    pub now_ms: u64,
}

/// What a step has done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stepped {
    /// Endpoints with deliveries that are due now.
    pub endpoints: Vec<EndpointId>,
}

/// What became of a delivery that is to be sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Retried {
    /// It is pending.
    Pending(EndpointId),
    /// Another of its key is open; it goes out after that one.
    Waiting,
    /// No such delivery.
    Unknown,
    /// It is in this state, in which it cannot be sent again.
    NotNow(DeliveryState),
    /// Its endpoint is not active, or deleted.
    EndpointNotActive,
    /// Its body is no longer kept.
    WithoutBody,
}
