//! `/v1/replays`, and which ended deliveries are meant.

use crate::{AcknowledgedMany, DeadLetterReason, Raw, Time};
use serde::{Deserialize, Serialize};

/// Which ended deliveries a replay is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ReplayOf {
    /// Those that were given up.
    #[default]
    DeadLettered,
    /// Those that the receiver has.
    Delivered,
}

/// What a replay has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ReplayStatus {
    /// It goes on.
    Running,
    /// It waits for its owner.
    Paused,
    /// It came to its end.
    Completed,
    /// Its owner ended it.
    Cancelled,
}

/// Whether the owner has taken note of a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Acknowledgement {
    /// It has, or has not.
    Is(bool),
    /// Either.
    Either(Either),
}

/// `any`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Either {
    /// It does not matter.
    Any,
}

/// Which dead letters are meant: those that fit everything that is given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DeadLetterFilter {
    /// Where to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint_id: Option<String>,
    /// Of which event type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_type: Option<String>,
    /// Published then or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_since: Option<Time>,
    /// Published before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_until: Option<Time>,
    /// Why they were given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<DeadLetterReason>,
    /// Given up then or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub died_since: Option<Time>,
    /// Given up before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub died_until: Option<Time>,
    /// Whether their owner has taken note of them; left out, false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<Acknowledgement>,
}

/// Which delivered deliveries are meant: those that fit everything that is given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DeliveredFilter {
    /// Where to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint_id: Option<String>,
    /// Of which event type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_type: Option<String>,
    /// Published then or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_since: Option<Time>,
    /// Published before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_until: Option<Time>,
    /// Delivered then or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_since: Option<Time>,
    /// Delivered before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_until: Option<Time>,
}

/// Which ended deliveries are meant; `{}` means all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum SelectionFilter {
    /// Dead letters.
    DeadLettered(DeadLetterFilter),
    /// Delivered ones.
    Delivered(DeliveredFilter),
}

/// Which dead letters are listed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DeadLetterQuery {
    /// Where to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint_id: Option<String>,
    /// Of which event type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_type: Option<String>,
    /// Published then or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_since: Option<Time>,
    /// Published before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_until: Option<Time>,
    /// Why they were given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<DeadLetterReason>,
    /// Given up then or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub died_since: Option<Time>,
    /// Given up before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub died_until: Option<Time>,
    /// Whether their owner has taken note of them; left out, false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<Acknowledgement>,
    /// Entries of a page, at most; 50 when it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 500)))]
    pub limit: Option<u32>,
    /// The `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// A count that may have been cut short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Count {
    /// How many.
    pub count: u64,
    /// There may be more.
    pub at_least: bool,
}

/// Dead letters to be acknowledged: `ids`, or those that fit a `filter`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AcknowledgeMany {
    /// At most 1,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ids: Option<Vec<String>>,
    /// `{}` means all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<Raw<DeadLetterFilter>>,
    /// Nothing changes; the answer says what would.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<bool>,
}

/// What was acknowledged, or what would be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum AcknowledgeAnswer {
    /// What was.
    Done(AcknowledgedMany),
    /// What would be.
    DryRun(Preview),
}

/// Deliveries to be sent again: `ids`, or those that fit a `filter`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateReplay {
    /// Left out: dead letters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<ReplayOf>,
    /// `{}` means all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<Raw<SelectionFilter>>,
    /// At most 1,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ids: Option<Vec<String>>,
    /// How many become due in a second, at most; left out, 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 1000)))]
    pub per_second: Option<u32>,
    /// Nothing is sent; the answer says what would be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<bool>,
}

/// What a request would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Preview {
    /// Always true.
    pub dry_run: bool,
    /// How many fit.
    pub count: u64,
    /// There may be more.
    pub at_least: bool,
    /// The ids of the first ones.
    pub sample: Vec<String>,
}

/// A replay: many deliveries that are sent again, one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Replay {
    /// Names it.
    pub id: String,
    /// What it has come to.
    pub status: ReplayStatus,
    /// Which deliveries it is about.
    pub of: ReplayOf,
    /// Those that fit this.
    pub filter: ReplayFilter,
    /// Only so many that were named; null when all that fit are meant.
    pub ids: Option<u64>,
    /// How many become due in a second, at most.
    pub per_second: u32,
    /// How many fitted when it began.
    pub matched: u64,
    /// There may have been more.
    pub matched_at_least: bool,
    /// How many were sent again.
    pub replayed: u64,
    /// How many were left as they were.
    pub skipped: u64,
    /// When it began.
    pub created_at: Time,
    /// When it last did something.
    pub updated_at: Time,
}

/// The conditions of a replay.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReplayFilter {
    /// Where to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint_id: Option<String>,
    /// Of which event type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_type: Option<String>,
    /// Why they were given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<DeadLetterReason>,
    /// Whether their owner has taken note of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<bool>,
    /// Published then or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_since: Option<Time>,
    /// Published before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_until: Option<Time>,
    /// Given up then or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub died_since: Option<Time>,
    /// Given up before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub died_until: Option<Time>,
    /// Delivered then or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_since: Option<Time>,
    /// Delivered before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_until: Option<Time>,
}

/// A replay that has begun, or what one would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
#[expect(
    clippy::large_enum_variant,
    reason = "one a request; a box would be in every caller's way"
)]
pub enum ReplayAnswer {
    /// It has begun.
    Begun(Replay),
    /// What it would do.
    DryRun(Preview),
}

/// A page of replays, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Replays {
    /// The entries.
    pub replays: Vec<Replay>,
    /// The `after` of the next page; null on the last one.
    pub next: Option<String>,
}
