//! `/v1/endpoints`

use crate::{EndpointSettings, Filter, Id, Raw, Time, nullable};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Whether an endpoint is sent anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum EndpointStatus {
    /// It is.
    Active,
    /// It is not; what is published for it is held.
    Paused,
    /// The same, and no rule changes it.
    Disabled,
}

/// Why an endpoint is not active.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum StatusReason {
    /// Too many failures.
    Failing,
    /// It answered 410.
    Gone,
    /// Its owner wants it so.
    Manual,
}

/// A receiver of events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Endpoint {
    /// Names it.
    pub id: String,
    /// The same for providers whose ids are numbers.
    pub number: u32,
    /// Where it belongs.
    pub workspace: String,
    /// Whose events it takes.
    pub provider: String,
    /// Where they are sent.
    pub url: String,
    /// For people.
    pub name: Option<String>,
    /// Event types it wants, under their documented names; `*` alone stands for all.
    pub events: Vec<String>,
    /// Events of which part of an account.
    pub scope: Scope,
    /// Conditions that its events must fulfil as well.
    pub filter: Option<Filter>,
    /// How its deliveries are signed in place of the provider's own signature.
    pub signature: Option<Signature>,
    /// Whether it is sent anything.
    pub status: EndpointStatus,
    /// Why it is not active.
    pub reason: Option<StatusReason>,
    /// Since when it has this status.
    pub since: Time,
    /// When a probe may go out.
    pub probe_at: Option<Time>,
    /// What is different for it.
    pub settings: EndpointSettings,
    /// Attempts that failed since the last success.
    pub failed_in_a_row: u32,
    /// Deliveries that were given up since the last success.
    pub exhausted_in_a_row: u32,
    /// Since when it fails.
    pub failing_since: Option<Time>,
    /// When it last took a delivery.
    pub last_success_at: Option<Time>,
    /// Whether deliveries are signed.
    pub secret_set: bool,
    /// The lives of its secrets, newest first. The secrets themselves are never shown.
    pub secrets: Vec<SecretLife>,
    /// What it shows to a receiver that asks who is calling.
    pub client_certificate: Option<ClientCertificate>,
    /// When it was made.
    pub created_at: Time,
}

/// An endpoint that was just made or changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EndpointWarned {
    /// The endpoint.
    #[serde(flatten)]
    pub endpoint: Endpoint,
    /// A secret that was made here. This is the only time that it is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// What its owner should know, for people.
    pub warnings: Vec<String>,
}

/// A page of endpoints, oldest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Endpoints {
    /// The entries.
    pub endpoints: Vec<Endpoint>,
    /// The `after` of the next page; null on the last one.
    pub next: Option<String>,
}

/// How long a secret lives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SecretLife {
    /// When it was set.
    pub created_at: Time,
    /// Until then it signs headers that hold one signature; null for the newest.
    pub signs_until: Option<Time>,
    /// From then on it signs nothing; null for the newest.
    pub expires_at: Option<Time>,
}

/// What of a client certificate a receiver sees as well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ClientCertificate {
    /// Of the certificate, in hexadecimal.
    pub sha256: String,
    /// When it expires.
    pub not_after: Time,
}

/// Event types that an endpoint wants, in any spelling of the providers. An empty one and `["*"]` mean all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Subscription {
    /// A list of them.
    List(Vec<String>),
    /// Each with whether it is wanted.
    Chosen(BTreeMap<String, bool>),
    /// With commas between them.
    Text(String),
}

/// Events of which part of an account (SmartLead).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "level", rename_all = "snake_case")]
pub enum Scope {
    /// All of it.
    User,
    /// Those of a client.
    Client {
        /// Which one.
        client_id: Id,
    },
    /// Those of a campaign.
    Campaign {
        /// Which one.
        campaign_id: Id,
    },
}

/// A signature scheme with its options.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Signature {
    /// Its name, such as `stripe`, `github` or `generic-hmac`.
    pub scheme: String,
    /// Its options; left out, none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, String>,
}

/// An endpoint to be made.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateEndpoint {
    /// Whose events it takes: `cleanmails`, `smartlead`, `sendemall`, `platform`, `standard` for events of your own, or
    /// `countersign` for those about other endpoints.
    pub provider: String,
    /// Where they are sent: absolute, https, at most 2,048 bytes.
    pub url: String,
    /// For people, at most 200 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Event types it wants; left out, all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<Raw<Subscription>>,
    /// Events of which part of an account; left out, all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Raw<Scope>>,
    /// Conditions that its events must fulfil as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<Raw<Filter>>,
    /// How its deliveries are signed in place of the provider's own signature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Raw<Signature>>,
    /// The signing secret; never shown again. Some providers have one made when none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// What is different for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<Raw<EndpointSettings>>,
    /// Left out: active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<EndpointStatus>,
}

/// What changes about an endpoint. What is left out stays.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ChangeEndpoint {
    /// Setting it active resets the failure counters and lets out what was held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<EndpointStatus>,
    /// Where events are sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// For people; null takes it away.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "Option::is_none"
    )]
    pub name: Option<Option<String>>,
    /// Event types it wants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<Raw<Subscription>>,
    /// Events of which part of an account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Raw<Scope>>,
    /// Conditions that its events must fulfil as well; null takes them away.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "Option::is_none"
    )]
    pub filter: Option<Option<Raw<Filter>>>,
    /// How its deliveries are signed; null is the provider's own way.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "Option::is_none"
    )]
    pub signature: Option<Option<Raw<Signature>>>,
    /// The signing secret, in place of every other one; null removes them.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "Option::is_none"
    )]
    pub secret: Option<Option<String>>,
    /// What is different for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<Raw<EndpointSettings>>,
}

/// A new secret beside the present one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RotateSecret {
    /// The secret; left out, one is made and shown once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// How long the old ones live on, 0 to 604,800 seconds; left out, a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlap_s: Option<u64>,
    /// When the new one begins to sign headers that hold one signature, 0 to `overlap_s`; left out, at its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub switch_s: Option<u64>,
}

/// A client certificate to be set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SetClientCertificate {
    /// PEM: the endpoint's own certificate, then intermediate ones, at most 10.
    pub certificate: String,
    /// PEM without a password: RSA, ECDSA P-256 or P-384, or Ed25519. Never shown.
    pub private_key: String,
}

/// An endpoint to be set active.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Resume {
    /// What becomes of what was held; left out, all goes out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Raw<Held>>,
}

/// What becomes of held deliveries: `all`, `none`, or what was published since a moment goes out, oldest first. The others
/// become dead letters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Held {
    /// All goes out.
    All,
    /// None does.
    None,
    /// What was published since then does.
    Since(Time),
}
