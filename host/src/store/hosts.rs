//! What hosts that share a store know of each other: values.

use super::{ApiKey, Endpoint, EventType, Workspace};
use crate::ids::{EndpointId, ReplayId};
use std::{future::Future, pin::Pin};

/// What hosts have in memory of a store: all of it, or what has changed since a version.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    /// Raised by every change of it; `None`: one host has the store for itself, and its memory is the truth.
    pub version: Option<u64>,
    pub endpoints: Vec<Endpoint>,
    /// Endpoints that were deleted since.
    pub deleted: Vec<EndpointId>,
    /// `None`: nothing of it has changed.
    pub others: Option<Others>,
}

/// The parts of a [`Catalogue`] that seldom change: all of each.
#[derive(Debug, Clone, Default)]
pub struct Others {
    pub workspaces: Vec<Workspace>,
    pub keys: Vec<ApiKey>,
    pub event_types: Vec<EventType>,
}

/// What other hosts, or the loss of its own lease, mean for a host.
#[derive(Debug, Clone, PartialEq)]
pub enum Hint {
    /// The catalogue has changed, or may have.
    Catalogue,
    /// Deliveries of these are due at these moments, or held ones are to be looked for.
    Due(Vec<(EndpointId, u64)>),
    /// The host works these, which are so, from the moment on at which it asks for the next hint.
    Owned(Vec<Endpoint>),
    /// The host worked these; another one does from now on.
    Left(Vec<EndpointId>),
    /// The lease is lost, and with it all work. Whatever is under way counts no more.
    Lost,
}

/// A host's hints. Each counts as acted upon when the next one is asked for.
pub trait Hints: Send + 'static {
    /// The next hint, some time later; `None` when the store is closed.
    fn next(&mut self) -> Pin<Box<dyn Future<Output = Option<Hint>> + Send + '_>>;
}

/// What one host does for all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chore {
    /// Forgetting what is old.
    Retention,
    /// Sending many deliveries again.
    Replay(ReplayId),
}
