//! Counts, and `/v1/version`.

use crate::{DeliveryStatus, Time};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How many deliveries are in each state.
pub type Counts = BTreeMap<DeliveryStatus, u64>;

/// Counts of the whole server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ServerStats {
    /// Messages that are kept.
    pub messages: u64,
    /// Their deliveries, by state.
    pub deliveries: Counts,
    /// States of which there may be more than were counted.
    pub at_least: Vec<DeliveryStatus>,
    /// Requests to receivers that are under way.
    pub in_flight: u32,
    /// SHA-256 of the rules in use.
    pub guest_sha256: String,
}

/// From when on it is counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct StatsQuery {
    /// What was published then or later; left out: in the last 24 hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
}

/// Counts of one endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EndpointStats {
    /// From when on `deliveries` are counted.
    pub since: Time,
    /// Deliveries of what was published since, by state.
    pub deliveries: Counts,
    /// There may be more than were counted; the newest are.
    pub at_least: bool,
    /// Attempts of these deliveries.
    pub attempts: u64,
    /// Deliveries that have not ended, of any age.
    pub open: Counts,
    /// States of these of which there may be more.
    pub open_at_least: Vec<DeliveryStatus>,
}

/// Counts of one workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WorkspaceStats {
    /// Its endpoints.
    pub endpoints: u64,
    /// From when on `messages` and `deliveries` are counted.
    pub since: Time,
    /// What was published since.
    pub messages: u64,
    /// Deliveries of these messages, by state.
    pub deliveries: Counts,
    /// There may be more than were counted; the newest are.
    pub at_least: bool,
    /// Attempts of these deliveries.
    pub attempts: u64,
}

/// Which versions are in use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Version {
    /// Of the program.
    pub version: String,
    /// SHA-256 of the kernel, which signs.
    pub kernel_sha256: String,
    /// SHA-256 of the rules in use.
    pub guest_sha256: String,
    /// Of the wasm runtime.
    pub wasmtime: String,
}
