//! `/v1/events`

use crate::{DeliveryStatus, Raw};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A text or a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Id {
    /// A text.
    Text(String),
    /// A number.
    Number(serde_json::Number),
}

/// An event to be published.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PublishEvent {
    /// Whose event it is: `cleanmails`, `smartlead`, `sendemall`, `platform`, or `standard` for one of your own.
    pub provider: String,
    /// The event, in the provider's documented shape. Its bytes are sent as the provider would send them.
    pub payload: Raw<Map<String, Value>>,
    /// The client (tenant of an agency account) that it belongs to, for SmartLead's client scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<Id>,
    /// The open or click came from a machine; it is not delivered. Left out: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bot: Option<bool>,
    /// Recognises the event when it comes again within 24 hours: 1 to 255 visible ASCII characters. In place of the header
    /// `Idempotency-Key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^[ -~]{1,255}$")))]
    pub event_id: Option<String>,
}

/// Events to be published, all or none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PublishBatch {
    /// 1 to 1,000 events.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 1000)))]
    pub events: Vec<PublishEvent>,
}

/// What became of an event. It is on the disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AcceptedEvent {
    /// Names the message; the same on every attempt (`webhook-id`).
    pub message_id: String,
    /// Its type, as the provider documents it.
    pub event_type: String,
    /// One for each endpoint that it goes to.
    pub deliveries: Vec<AcceptedDelivery>,
    /// The same request came before; this is what it got.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub duplicate: bool,
}

/// A delivery of an event that was just published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AcceptedDelivery {
    /// Names it.
    pub id: String,
    /// Where it goes.
    pub endpoint_id: String,
    /// Its state at this moment.
    pub status: DeliveryStatus,
}

/// What became of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AcceptedBatch {
    /// In the order of the request.
    pub events: Vec<AcceptedEvent>,
}
