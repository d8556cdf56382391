//! `/v1/event-types`

use crate::{Raw, Time, nullable};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a workspace says of an event type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EventType {
    /// Whose event it is.
    pub provider: String,
    /// As the provider documents it.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// JSON Schema that payloads are checked against when they are published; null checks nothing.
    pub schema: Option<Value>,
    /// When it was described first.
    pub created_at: Time,
    /// When it was described last.
    pub updated_at: Time,
}

/// A page of event types, by provider and name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EventTypes {
    /// The entries.
    pub event_types: Vec<EventType>,
    /// The `after` of the next page; null on the last one.
    pub next: Option<String>,
}

/// Which event types are listed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct EventTypeQuery {
    /// Only those of this provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Entries of a page, at most; 50 when it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 500)))]
    pub limit: Option<u32>,
    /// The `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// What is said of an event type, in place of what was said before.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DescribeEventType {
    /// For people, at most 2,000 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// JSON Schema (2020-12, 2019-09 or draft 07) of the whole payload as it is published, at most 64 KiB. References stay
    /// within it. Null or left out: nothing is checked.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "Option::is_none"
    )]
    pub schema: Option<Option<Raw<Value>>>,
}
