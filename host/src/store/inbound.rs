//! What other senders posted, as values.

use super::{
    Stored,
    record::{NewMessage, words},
};
use crate::ids::{InboundId, WorkspaceId};
use bytes::Bytes;

/// What vouches for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerifiedBy {
    /// Its signature.
    Signature,
    /// A token that it carried.
    Token,
    /// Nothing: its source is open.
    Nothing,
}

words!(VerifiedBy:
    VerifiedBy::Signature = "signature", VerifiedBy::Token = "token", VerifiedBy::Nothing = "open");

/// A request to be kept.
#[derive(Debug, Clone)]
pub struct NewInbound {
    pub request: Inbound,
    /// As it arrived.
    pub body: Bytes,
    /// What of it may be used once, until some time after.
    pub used_once: Option<NewKey>,
    /// In the order of the body, without gaps.
    pub events: Vec<NewInboundEvent>,
}

impl NewInbound {
    /// Bytes that it adds, about.
    pub fn bytes(&self) -> usize {
        let bodies = |event: &NewInboundEvent| {
            let bodies = event.messages.iter().map(|message| message.body.len());
            bodies.fold(event.event.len(), usize::saturating_add)
        };
        let events = self.events.iter().map(bodies);
        events.fold(self.body.len(), usize::saturating_add)
    }
}

/// What recognises something that comes again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    pub sha256: [u8; 32],
    pub valid_until_ms: u64,
}

/// An event of a request to be kept.
#[derive(Debug, Clone)]
pub struct NewInboundEvent {
    pub event_type: String,
    pub key: NewKey,
    /// Normalised, JSON.
    pub event: String,
    /// What became of it, JSON.
    pub passed_on: String,
    /// One a format.
    pub messages: Vec<NewMessage>,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TakenIn {
    /// It is kept, with those of its events that have not come before.
    Stored {
        /// Of each event, whether it is new.
        is_new: Vec<bool>,
        /// Of the messages of all of them.
        stored: Stored,
    },
    /// It came before, or all of its events did. Nothing is kept.
    Duplicate,
    /// What may be used once came before, with another body. Nothing is kept.
    UsedBefore,
    /// An endpoint changed since the events were matched. Nothing is kept; match again.
    Stale,
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inbound {
    pub id: InboundId,
    pub workspace: WorkspaceId,
    /// Name in the settings.
    pub source: String,
    /// Whose shape it was read in.
    pub provider: String,
    pub verified: VerifiedBy,
    /// Of the signature.
    pub scheme: Option<String>,
    pub received_at_ms: u64,
    /// In the body.
    pub events_total: u64,
    pub body_sha256: [u8; 32],
    pub body_bytes: u64,
}

/// An event of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboundEvent {
    /// In the body, from 0.
    pub place: u64,
    pub event_type: String,
    /// Normalised, JSON.
    pub event: String,
    /// What became of it, JSON.
    pub passed_on: String,
}

/// A request with some of its events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboundView {
    pub request: Inbound,
    pub body: Vec<u8>,
    pub events: Vec<InboundEvent>,
}

/// Which requests are listed.
#[derive(Debug, Clone)]
pub struct InboundFilter {
    pub workspace: WorkspaceId,
    pub source: Option<String>,
    /// Only those older than this one.
    pub after: Option<InboundId>,
    /// At most so many.
    pub limit: u32,
}
