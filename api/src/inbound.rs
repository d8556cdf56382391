//! `/v1/inbound`

use crate::Time;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What vouched for a request of another sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum VerifiedBy {
    /// Its signature.
    Signature,
    /// A token that it carried.
    Token,
    /// Nothing: its source is open.
    Open,
}

/// A request that another sender posted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct InboundRequest {
    /// Names it.
    pub id: String,
    /// Where it belongs.
    pub workspace: String,
    /// The source that it came by.
    pub source: String,
    /// Whose events it has.
    pub provider: String,
    /// What vouched for it.
    pub verified: VerifiedBy,
    /// Of the signature.
    pub scheme: Option<String>,
    /// When it arrived.
    pub received_at: Time,
    /// Events in its body.
    pub events_total: u64,
    /// Length of its body.
    pub body_bytes: u64,
    /// Of its body, in hexadecimal.
    pub body_sha256: String,
}

/// A page of requests, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct InboundRequests {
    /// The entries.
    pub inbound: Vec<InboundRequest>,
    /// The `after` of the next page; null on the last one.
    pub next: Option<String>,
}

/// A request with its body and a page of its events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct InboundDetails {
    /// The request.
    #[serde(flatten)]
    pub request: InboundRequest,
    /// Its body, where that is text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Its body, where that is no text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_base64: Option<String>,
    /// Its events, in the order of the body.
    pub events: Vec<InboundEvent>,
    /// The `after` of the next page of events; null on the last one.
    pub next: Option<String>,
}

/// An event of a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct InboundEvent {
    /// In the body, from 0.
    pub place: u64,
    /// What it means, normalised.
    pub r#type: String,
    /// The event, normalised.
    pub event: Value,
    /// What became of it: which messages were made of it, and why others were not.
    pub passed_on: Value,
}

/// Which requests are listed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct InboundQuery {
    /// Only those that came by this source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Entries of a page, at most; 50 when it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 500)))]
    pub limit: Option<u32>,
    /// The `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}
