//! `/v1/deliveries` and `/v1/dead-letters`

use crate::Time;
use serde::{Deserialize, Serialize};

/// State of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
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

/// Why a delivery was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DeadLetterReason {
    /// Its schedule is used up.
    Exhausted,
    /// The receiver answered 410.
    Gone,
    /// The receiver answered with another 4xx, and those are final for the endpoint.
    ClientError,
    /// Its owner did not want it when the endpoint was resumed.
    Skipped,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AttemptOutcome {
    /// The receiver answered; see `status`.
    Response,
    /// The time limit passed.
    Timeout,
    /// No connection.
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

/// One message to one endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Delivery {
    /// Names it.
    pub id: String,
    /// What it delivers.
    pub message_id: String,
    /// Where it goes.
    pub endpoint_id: String,
    /// Of its message.
    pub event_type: String,
    /// Its state.
    pub status: DeliveryStatus,
    /// Of a dead letter.
    pub reason: Option<DeadLetterReason>,
    /// Attempts so far.
    pub attempt_count: u32,
    /// When the next attempt is due; null when none is planned.
    pub next_attempt_at: Option<Time>,
    /// When the owner of a dead letter took note of it.
    pub acknowledged_at: Option<Time>,
    /// When the event was published.
    pub created_at: Time,
    /// When its state changed last.
    pub updated_at: Time,
}

/// A delivery with its attempts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DeliveryDetails {
    /// The delivery.
    #[serde(flatten)]
    pub delivery: Delivery,
    /// In their order.
    pub attempts: Vec<Attempt>,
}

/// One request to a receiver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Attempt {
    /// Names it.
    pub id: String,
    /// Within the delivery, from 1.
    pub number: u32,
    /// When it began.
    pub started_at: Time,
    /// How long it took.
    pub duration_ms: u64,
    /// How it ended.
    pub outcome: AttemptOutcome,
    /// What went wrong, for people; its words may change. Null when there was an answer.
    pub detail: Option<String>,
    /// Status of the answer.
    pub status: Option<u16>,
    /// What the answer asked for with `Retry-After`.
    pub retry_after_s: Option<u32>,
    /// Beginning of the answer's body, at most 4 KiB.
    pub response: String,
}

/// A page of a delivery's attempts, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Attempts {
    /// The entries.
    pub attempts: Vec<Attempt>,
    /// The `after` of the next page; null on the last one.
    pub next: Option<String>,
    /// When the next attempt is due; null when none is planned.
    pub next_attempt_at: Option<Time>,
}

/// A page of deliveries, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Deliveries {
    /// The entries; there may be few or none of them, and still another page.
    pub deliveries: Vec<Delivery>,
    /// The `after` of the next page; null on the last one.
    pub next: Option<String>,
}

/// A page of dead letters, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DeadLetters {
    /// The entries; there may be few or none of them, and still another page.
    pub dead_letters: Vec<Delivery>,
    /// The `after` of the next page; null on the last one.
    pub next: Option<String>,
}

/// Which deliveries are listed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DeliveryQuery {
    /// Only those in this state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<DeliveryStatus>,
    /// Only those to this endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint_id: Option<String>,
    /// Only those of this event type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_type: Option<String>,
    /// Only what was published then or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_since: Option<Time>,
    /// Only what was published before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_until: Option<Time>,
    /// Entries of a page, at most; 50 when it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 500)))]
    pub limit: Option<u32>,
    /// The `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// A delivery that is sent again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SentAgain {
    /// Which one.
    pub id: String,
    /// `pending`, or `waiting` behind another of its ordering key.
    pub status: DeliveryStatus,
}

/// A dead letter that its owner has taken note of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Acknowledged {
    /// Which one.
    pub id: String,
    /// Always true.
    pub acknowledged: bool,
}

/// Dead letters that their owner has taken note of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AcknowledgedMany {
    /// How many.
    pub acknowledged: u64,
    /// There may be more: ask again.
    pub more: bool,
}
