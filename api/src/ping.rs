//! `/v1/endpoints/{id}/ping`

use crate::{AttemptOutcome, Time};
use serde::{Deserialize, Serialize};

/// A sample to be sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Ping {
    /// A type of the endpoint's provider; left out, a ping without content is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_type: Option<String>,
    /// When it succeeds, the endpoint is set active, as if its owner had done it. Left out: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<bool>,
}

/// What came of a sample. It is neither kept nor counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Pinged {
    /// Whether a delivery with this answer would count as delivered.
    pub success: bool,
    /// What was sent as `webhook-id`. No message has it.
    pub message_id: String,
    /// When it was sent.
    pub started_at: Time,
    /// How long it took.
    pub duration_ms: u64,
    /// How it ended.
    pub outcome: AttemptOutcome,
    /// What went wrong, for people; its words may change. Null when there was an answer.
    pub detail: Option<String>,
    /// Status of the answer.
    pub status: Option<u16>,
    /// Beginning of the answer's body, at most 4 KiB.
    pub response: String,
    /// The endpoint was set active by it.
    pub resumed: bool,
}
