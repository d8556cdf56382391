//! What an owner sets for one endpoint.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is different for an endpoint. What is left out is as the provider's document or the configuration has it; a change
/// leaves what it does not name, and null sets one back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EndpointSettings {
    /// Headers of your own: at most 20, 4 KiB together. Stored and shown in clear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headers: Option<BTreeMap<String, String>>,
    /// For one attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1_000, max = 60_000)))]
    pub timeout_ms: Option<u64>,
    /// Waits before retries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// How much waits vary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter: Option<Jitter>,
    /// Which answers are a success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success: Option<Success>,
    /// What a 4xx means, except 408, 410, 425 and 429.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_errors: Option<ClientErrors>,
    /// When failures pause the endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_pause: Option<AutoPause>,
    /// Whether it comes back by itself after such a pause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probing: Option<Probing>,
    /// Requests under way at a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 64)))]
    pub concurrency: Option<u32>,
    /// Requests that begin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimit>,
    /// Which events wait for each other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ordering: Option<Ordering>,
    /// False leaves out `webhook-id`, `webhook-timestamp` and `webhook-signature`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standard_headers: Option<bool>,
    /// Held deliveries that go out in a second once it is active again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 10_000)))]
    pub drain_per_second: Option<u32>,
}

/// Waits before retries, at most 100 of at most 30 days. Shown as `delays_ms`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Schedule {
    /// Written out, such as `5s, 5min, 2h`.
    Text(String),
    /// In milliseconds.
    Delays {
        /// One before each retry.
        delays_ms: Vec<u64>,
    },
    /// Growing.
    Exponential {
        /// How they grow.
        exponential: Exponential,
    },
}

/// Waits of which each is longer than the one before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Exponential {
    /// The first one.
    pub base_ms: u64,
    /// By how much each is longer.
    pub factor: u32,
    /// The longest one.
    pub cap_ms: u64,
    /// How many.
    pub retries: u32,
}

/// How much waits vary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Jitter {
    /// By how much they may be shorter.
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 100)))]
    pub shorten_percent: u8,
    /// By how much they may be longer.
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 100)))]
    pub lengthen_percent: u8,
}

/// Which answers are a success.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Success {
    /// Every 2xx.
    #[serde(rename = "any2xx")]
    Any2xx,
    /// 200 alone.
    #[serde(rename = "only200")]
    Only200,
}

/// What a 4xx means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ClientErrors {
    /// The attempt failed, and is made again.
    Retried,
    /// The delivery is given up.
    Final,
}

/// When failures pause an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AutoPause {
    /// Never.
    Never,
    /// After so many deliveries in a row were given up.
    ConsecutiveDeliveries(u32),
    /// After so many attempts in a row failed.
    ConsecutiveAttempts(u32),
    /// After it failed for so long.
    FailingFor(FailingFor),
    /// When a delivery is given up and nothing succeeded since it began.
    NoSuccessSinceDeliveryBegan,
}

/// How long an endpoint may fail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FailingFor {
    /// In milliseconds.
    pub limit_ms: u64,
}

/// How an endpoint that was paused for failures is tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Probing {
    /// When a probe goes out.
    pub cool_down: CoolDown,
}

/// Waits before probes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CoolDown {
    /// The first one.
    pub base_ms: u64,
    /// By how much each is longer.
    pub factor: u32,
    /// The longest one.
    pub cap_ms: u64,
}

/// Requests that begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RateLimit {
    /// On average.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 10_000)))]
    pub per_second: u32,
    /// At once after a pause; left out, one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 10_000)))]
    pub burst: Option<u32>,
}

/// Of events with the same key the next one goes out when the one before has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Ordering {
    /// None waits.
    None,
    /// Those of one lead.
    Lead,
    /// Those of one campaign.
    Campaign,
    /// Those of one lead within one campaign.
    LeadInCampaign,
    /// Those with the same value at this place of the body, a JSON pointer.
    Pointer(String),
}
