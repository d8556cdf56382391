//! Filters, and `/v1/endpoints/{id}/filter/dry-run`

use crate::{Raw, Time};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Conditions on an event, an object whose entries must all hold: `type` is the event type, names that begin with `/` are JSON
/// pointers into the body, and `and`, `or` and `not` join filters.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Filter(pub Map<String, Value>);

/// A filter to be tried.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DryRun {
    /// The filter; left out, the endpoint's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<Raw<Filter>>,
    /// How many of the last events of its provider are looked at; left out, 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 1000)))]
    pub last: Option<u32>,
    /// An event that was not published, in place of the last ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<Raw<Map<String, Value>>>,
}

/// What would have become of events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum DryRunAnswer {
    /// Of the last ones.
    Last {
        /// How many were looked at.
        looked_at: u64,
        /// As many as were asked for were looked at, or all there are. False when the search was given up.
        complete: bool,
        /// How many would have gone out.
        matched: u64,
        /// How many the filter kept back.
        filtered: u64,
        /// How many the endpoint does not subscribe to.
        not_subscribed: u64,
        /// How many have no body any more.
        without_body: u64,
        /// Each, newest first.
        events: Vec<DryRunEvent>,
    },
    /// Of the one that was given.
    One(DryRunEvent),
}

/// What would have become of an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DryRunEvent {
    /// Whether it would have gone out; null when nobody can tell.
    pub matches: Option<bool>,
    /// Why not.
    pub reason: Option<DryRunReason>,
    /// Conditions that do not hold.
    pub misses: Vec<Miss>,
    /// Of one that was published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// Its type.
    pub event_type: String,
    /// When it was published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Time>,
}

/// Why an event would not have gone out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DryRunReason {
    /// The endpoint does not subscribe to it.
    NotSubscribed,
    /// The filter keeps it back.
    Filter,
    /// Its body is no longer kept, so nobody can tell.
    BodyForgotten,
}

/// A condition that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Miss {
    /// Where it is in the filter.
    pub condition: String,
    /// Of which kind is what was found instead: `absent`, `null`, `boolean`, `number`, `text`, `list`, `object`, or `held` for
    /// what `not` refuses.
    pub found: String,
}
