//! `/v1/messages`

use crate::{DeliveryDetails, Time};
use serde::{Deserialize, Serialize};

/// A published event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Message {
    /// Names it; the same on every attempt (`webhook-id`).
    pub id: String,
    /// Where it belongs.
    pub workspace: String,
    /// Whose event it is.
    pub provider: String,
    /// Its type, as the provider documents it.
    pub event_type: String,
    /// When it was published.
    pub created_at: Time,
}

/// A message with its deliveries and their attempts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MessageDetails {
    /// The message.
    #[serde(flatten)]
    pub message: Message,
    /// One for each endpoint that it went to.
    pub deliveries: Vec<DeliveryDetails>,
}

/// A page of messages, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Messages {
    /// The entries; there may be few or none of them, and still another page.
    pub messages: Vec<Message>,
    /// The `after` of the next page; null on the last one.
    pub next: Option<String>,
}

/// Which messages are listed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct MessageQuery {
    /// Only those of this provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
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
