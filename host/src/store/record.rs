//! What a store keeps, as values.

use super::replay::Counted;
use crate::{
    identity::ClientIdentity,
    ids::{AttemptId, DeliveryId, EndpointId, MessageId, WorkspaceId},
};
use bytes::Bytes;
use countersign_core::delivery::{
    DeadLetterReason, EndpointHealth, EndpointState, FailureKind, Outcome, PauseReason,
    rotation::SecretTimes,
};
use countersign_guest::{EndpointRules, EndpointSettings};
use std::{fmt, sync::Arc};
use zeroize::Zeroizing;

/// A receiver of events.
#[derive(Debug, Clone, PartialEq)]
pub struct Endpoint {
    pub id: EndpointId,
    pub workspace: WorkspaceId,
    /// The same for providers whose ids are numbers; given by the store, from 1.
    pub number: u32,
    pub provider: String,
    pub url: String,
    pub name: Option<String>,
    pub rules: EndpointRules,
    pub settings: Arc<EndpointSettings>,
    /// Newest first; empty when deliveries are not signed.
    pub secrets: Vec<SigningSecret>,
    /// Shown to a receiver that asks who is calling (mutual TLS).
    pub identity: Option<ClientIdentity>,
    pub state: EndpointState,
    /// Why it is in this state; `None` while it is active.
    pub reason: Option<StateReason>,
    /// Since when.
    pub since_ms: u64,
    /// When a probe may go out, while it is paused because too much failed; `None`: only its owner ends the pause.
    pub probe_at_ms: Option<u64>,
    pub health: EndpointHealth,
    /// Raised by every change except of health.
    pub version: u64,
    pub created_at_ms: u64,
}

/// A signing secret and how long it lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningSecret {
    pub text: SecretText,
    pub times: SecretTimes,
}

impl SigningSecret {
    /// The only secret of an endpoint.
    pub const fn newest(text: SecretText, now_ms: u64) -> Self {
        Self {
            text,
            times: SecretTimes::newest(now_ms),
        }
    }
}

/// A signing secret as it was given. It does not print, and is wiped from memory when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    /// Wraps the text.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text, for signing and storing.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(..)")
    }
}

/// Conversion between values and the words that stand for them in the store and in the API.
macro_rules! words {
    ($type:ty: $($variant:path = $word:literal),* $(,)?) => {
        impl $crate::store::Word for $type {
            const ALL: &[Self] = &[$($variant),*];
            fn word(self) -> &'static str {
                match self { $($variant => $word),* }
            }
        }
    };
}

pub(super) use words;

/// A value that is a word in the store and in the API.
pub trait Word: Copy + 'static {
    /// Every value.
    const ALL: &[Self];
    /// The word.
    fn word(self) -> &'static str;
    /// The value of a word.
    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|value| value.word() == word)
    }
}

/// Why an endpoint is not active.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateReason {
    /// Too many failures; paused by rule.
    Failing,
    /// It answered 410; paused by rule.
    Gone,
    /// Its owner wants it so.
    Manual,
}

impl From<PauseReason> for StateReason {
    fn from(reason: PauseReason) -> Self {
        match reason {
            PauseReason::Failing => Self::Failing,
            PauseReason::Gone => Self::Gone,
        }
    }
}

/// State of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    /// Waits for its next attempt.
    Pending,
    /// An attempt is under way.
    Sending,
    /// The receiver has it.
    Delivered,
    /// Given up; listed for its owner.
    DeadLettered,
    /// Another of its ordering key goes first.
    Waiting,
    /// Waits until its endpoint is active, or for its turn after that.
    Held,
    /// Its endpoint was deleted before it could be delivered.
    Cancelled,
}

words!(StateReason:
    StateReason::Failing = "failing", StateReason::Gone = "gone", StateReason::Manual = "manual");
words!(DeliveryState:
    DeliveryState::Pending = "pending", DeliveryState::Sending = "sending", DeliveryState::Delivered = "delivered",
    DeliveryState::DeadLettered = "dead_lettered", DeliveryState::Waiting = "waiting", DeliveryState::Held = "held", DeliveryState::Cancelled = "cancelled");
words!(DeadLetterReason:
    DeadLetterReason::Exhausted = "exhausted", DeadLetterReason::Gone = "gone",
    DeadLetterReason::ClientError = "client_error", DeadLetterReason::Skipped = "skipped");
words!(FailureKind:
    FailureKind::Timeout = "timeout", FailureKind::Connect = "connect", FailureKind::Dns = "dns", FailureKind::Tls = "tls",
    FailureKind::BlockedAddress = "blocked_address", FailureKind::InvalidResponse = "invalid_response");

/// The states share a word where only the reason tells them apart. Read alone, a word is the state that an owner sets; the
/// store reads it with [`StateReason::told`].
impl Word for EndpointState {
    const ALL: &[Self] = &[Self::Active, Self::PausedManual, Self::Disabled];
    fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::PausedFailing | Self::PausedGone | Self::PausedManual | Self::HalfOpen => {
                "paused"
            }
            Self::Disabled => "disabled",
        }
    }
}

impl StateReason {
    /// The state that a word and a reason stand for together. A probe that was out is lost with the process.
    pub(super) fn told(state: EndpointState, reason: Option<Self>) -> EndpointState {
        match (state, reason) {
            (EndpointState::PausedManual, Some(Self::Failing)) => EndpointState::PausedFailing,
            (EndpointState::PausedManual, Some(Self::Gone)) => EndpointState::PausedGone,
            (state, _) => state,
        }
    }
}

/// A message to be kept.
#[derive(Debug, Clone)]
pub struct NewMessage {
    pub id: MessageId,
    pub workspace: WorkspaceId,
    pub provider: String,
    pub event_type: String,
    /// The bytes of every attempt.
    pub body: Bytes,
    pub created_at_ms: u64,
    pub idempotency: Option<Idempotency>,
    /// The version of the [`Catalogue`](super::Catalogue) that it was matched against; `None`: whichever is there.
    pub catalogue: Option<u64>,
    /// With ids of the message ([`DeliveryId::of`]).
    pub deliveries: Vec<NewDelivery>,
}

/// What recognises a repeated request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    pub key: String,
    /// Of the request's body.
    pub request_sha256: [u8; 32],
    /// An older key counts as forgotten.
    pub valid_since_ms: u64,
}

/// A delivery to be kept.
#[derive(Debug, Clone)]
pub struct NewDelivery {
    pub id: DeliveryId,
    pub endpoint_id: EndpointId,
    /// The version of the endpoint that the event was matched against.
    pub endpoint_version: u64,
    /// `Pending`, `Held`, or `Sending` when the caller begins its first attempt at once. The store makes it `Waiting` when
    /// another of its key is open.
    pub state: DeliveryState,
    /// Of deliveries of one endpoint with the same key, the next one goes out when the one before has ended.
    pub order_key: Option<Arc<str>>,
}

/// Messages that are kept together or not at all.
#[derive(Debug, Clone)]
pub struct NewBatch {
    pub messages: Vec<NewMessage>,
    /// Of the whole request.
    pub idempotency: Option<Idempotency>,
}

/// What a publisher is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    pub message_id: MessageId,
    pub event_type: String,
    pub deliveries: Vec<(DeliveryId, EndpointId, DeliveryState)>,
}

/// Under which lease of its host a delivery was taken up; `None` where a store has one host alone. A host that lost its lease and
/// got another may take up a delivery that it was sending before: what comes of the first is told from the second by this.
pub type Fence = Option<i64>;

/// A delivery that is claimed: what an attempt needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    pub delivery_id: DeliveryId,
    pub message_id: MessageId,
    pub endpoint_id: EndpointId,
    pub attempts_total: u32,
    pub attempts_in_round: u32,
    /// Of this round; `None` before its first attempt.
    pub first_started_at_ms: Option<u64>,
    pub body: Bytes,
    /// Others of this key wait for its end.
    pub order_key: Option<Arc<str>>,
    /// It was held, and goes out to find out whether its endpoint works again.
    pub probe: bool,
    /// To be given back with it.
    pub fence: Fence,
}

/// What is to be claimed of one endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    pub endpoint_id: EndpointId,
    /// Deliveries, at most.
    pub places: u32,
    /// Of them such as were held, at most. They get half of the places, and what due ones leave free.
    pub held_max: u32,
}

/// What was claimed of one endpoint.
#[derive(Debug, Clone)]
pub struct Claimed {
    pub endpoint_id: EndpointId,
    pub leases: Vec<Lease>,
    /// When its next delivery is due, if there is another.
    pub next_due_at_ms: Option<u64>,
    /// How many of the leases were held.
    pub held: u32,
    /// Whether it still has held deliveries to go out.
    pub held_left: bool,
}

/// An attempt with what follows from it.
#[derive(Debug, Clone)]
pub struct Ended {
    pub delivery_id: DeliveryId,
    /// Of its [`Lease`]. An outcome under another one than the host has now comes too late.
    pub fence: Fence,
    pub endpoint_id: EndpointId,
    pub attempt: Attempt,
    pub attempts_in_round: u32,
    pub first_started_at_ms: u64,
    pub state: DeliveryState,
    pub dead_reason: Option<DeadLetterReason>,
    /// When the next attempt is due.
    pub next_attempt_at_ms: Option<u64>,
    pub health: EndpointHealth,
    /// Others of this key wait for its end.
    pub order_key: Option<Arc<str>>,
    /// The endpoint's state changes by this attempt.
    pub change: Option<StateChange>,
    /// What is told of it, with deliveries that are `Pending`. Each is kept as its endpoint is at that moment: pending, held,
    /// behind another of its key, or, when the endpoint has been deleted, not at all.
    pub operational: Vec<NewMessage>,
}

/// What is left to do after an attempt has been recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recorded {
    /// Deliveries are to [follow](super::Store::follow) the endpoint's state.
    pub follow: bool,
    /// The next delivery of its key is held, although the endpoint is active: it goes out with the others that were.
    pub drain: bool,
}

/// A change of an endpoint's state that is not its owner's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateChange {
    pub state: EndpointState,
    /// `None` when it is active.
    pub reason: Option<StateReason>,
    pub since_ms: u64,
    pub probe_at_ms: Option<u64>,
    /// The endpoint's new version.
    pub version: u64,
}

/// What becomes of the held deliveries of an endpoint that is set active.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resume {
    /// They go out, oldest first.
    All,
    /// Those that were published before this moment become dead letters, the others go out.
    Since(u64),
}

/// Endpoints with work that is done in steps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Backlogs {
    /// Some of their deliveries do not follow the endpoint's state yet: see [`Store::follow`](super::Store::follow).
    pub unsettled: Vec<EndpointId>,
    /// They are active and have held deliveries that go out one after the other.
    pub draining: Vec<EndpointId>,
}

/// An attempt that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    pub id: AttemptId,
    /// Within the delivery, from 1.
    pub number: u32,
    pub started_at_ms: u64,
    pub duration_ms: u64,
    pub outcome: Outcome,
    /// What went wrong, for people; `None` when there was an answer.
    pub detail: Option<String>,
    /// Beginning of the answer's body.
    pub response: Vec<u8>,
}

/// What a start found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recovered {
    /// Deliveries that were being sent when the last process ended.
    pub interrupted: u64,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub id: MessageId,
    pub workspace: WorkspaceId,
    pub provider: String,
    pub event_type: String,
    pub created_at_ms: u64,
}

/// A message with its deliveries and their attempts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageView {
    pub message: Message,
    pub deliveries: Vec<(Delivery, Vec<Attempt>)>,
}

/// A delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    pub id: DeliveryId,
    /// Of its message.
    pub workspace: WorkspaceId,
    pub message_id: MessageId,
    pub endpoint_id: EndpointId,
    pub event_type: String,
    pub state: DeliveryState,
    pub dead_reason: Option<DeadLetterReason>,
    pub attempts: u32,
    pub next_attempt_at_ms: Option<u64>,
    /// When the owner of a dead letter took note of it.
    pub acknowledged_at_ms: Option<u64>,
    pub created_at_ms: u64,
    pub updated_at_ms: u64,
}

/// Counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    pub messages: u64,
    pub deliveries: Vec<(DeliveryState, Counted)>,
}
