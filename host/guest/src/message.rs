//! What the host asks and what the guest answers. Encoded with postcard, so the order of variants and fields is the
//! format: a change means a new [`ABI_VERSION`](crate::ABI_VERSION).

use crate::settings::{EndpointSettings, Ordering};
use countersign_core::{
    delivery::{
        EndedAttempt, EndpointHealth, EndpointState, Judgement, Notice, PolicySettings,
        machine::{
            delivery::{Input as Asked, State},
            endpoint::Input,
        },
        rotation::{Rotated, Rotation, SecretTimes},
    },
    filter::{Filter, Miss},
    inbound::Places,
    operational::About,
    retry::TimeScale,
    subscription::{Overlap, Scope, Subscription},
};
use serde::{Deserialize, Serialize};

/// A question of the host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Call {
    /// Is this description of an endpoint sound? Answered by [`Answer::Endpoint`] or [`Answer::Rejected`].
    CheckEndpoint(CheckEndpoint),
    /// Which endpoints does this event go to, with which bytes? Answered by [`Answer::Published`] or
    /// [`Answer::Rejected`].
    Publish(Publish),
    /// How are deliveries of this provider made? Answered by [`Answer::Plan`] or [`Answer::Rejected`].
    Plan {
        /// Provider name.
        provider: String,
        /// Whether the headers of Standard Webhooks are sent as well.
        standard_headers: bool,
        /// What an endpoint has in place of the provider's own signature.
        signature: Option<SignaturePlan>,
    },
    /// What follows from this attempt? Answered by [`Answer::Judged`] or [`Answer::Rejected`].
    Judge(Judge),
    /// The owner sets the endpoint active: its health from now on. Answered by [`Answer::Health`].
    Reactivate {
        /// Health so far.
        health: EndpointHealth,
    },
    /// Something other than an attempt happens to the endpoint. Answered by [`Answer::Moved`].
    Move {
        /// Its state now.
        state: EndpointState,
        /// What happens.
        input: Input,
    },
    /// Which endpoints are told of this, with which bytes? Answered by [`Answer::Published`].
    Notify(Notify),
    /// In which states does a delivery take this? Answered by [`Answer::Allowed`].
    Allowed {
        /// What is asked of the delivery.
        input: Asked,
    },
    /// Which of an endpoint's secrets sign now, and in which order? Answered by [`Answer::SigningOrder`].
    SigningOrder {
        /// The secrets, newest first.
        secrets: Vec<SecretTimes>,
        /// Unix milliseconds.
        now_ms: u64,
    },
    /// The owner sets a new secret beside the present ones. Answered by [`Answer::Rotated`] or [`Answer::Rejected`].
    Rotate {
        /// The secrets, newest first.
        secrets: Vec<SecretTimes>,
        /// How long the present ones live on.
        rotation: Rotation,
        /// Unix milliseconds.
        now_ms: u64,
    },
    /// Would these events go to an endpoint with these rules, and why not? Answered by [`Answer::Tried`].
    Try(Try),
    /// Whose request is this, that was posted here? Nobody has vouched for it yet. Answered by [`Answer::Recognised`].
    Recognise {
        /// Its headers.
        headers: Vec<(String, Vec<u8>)>,
        /// Its body.
        body: Vec<u8>,
    },
    /// What does this verified request say, and to whom does it go? Answered by [`Answer::Received`] or
    /// [`Answer::Rejected`].
    Receive(Receive),
    /// What would a delivery of this kind say now? Answered by [`Answer::Sample`] or [`Answer::Rejected`].
    Sample(AskSample),
}

/// An answer of the guest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Answer {
    /// The endpoint is sound: its rules, and its settings with those of the description in it.
    Endpoint(EndpointRules, EndpointSettings),
    /// The event is sound.
    Published(Published),
    /// How deliveries of the provider are made.
    Plan(DeliveryPlan),
    /// What follows from the attempt.
    Judged(Judgement),
    /// Health of a reactivated endpoint.
    Health(EndpointHealth),
    /// The endpoint's next state; `None` when it stays as it is.
    Moved(Option<EndpointState>),
    /// Somebody's input is wrong.
    Rejected(Rejection),
    /// In these states the delivery's machine does what is asked; in all others it is refused.
    Allowed(Vec<State>),
    /// Places of the secrets that sign; see [`signing_order`](countersign_core::delivery::rotation::signing_order).
    SigningOrder(Vec<u32>),
    /// The secrets from now on, newest first.
    Rotated(Vec<Rotated>),
    /// What becomes of each event, in their order.
    Tried(Vec<Tried>),
    /// Name of the source; `None` for one that is not known.
    Recognised(Option<String>),
    /// The events of the request.
    Received(Received),
    /// The request body of a sample.
    Sample(Vec<u8>),
}

/// What is wrong with an input, for the one who sent it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// Where: a field name or JSON path such as `payload.data.lead_id`.
    pub field: String,
    /// Stable name of the mistake: `unknown_provider`, `unknown_event_type`, `missing_field`, `wrong_type`, `json_invalid`,
    /// `subscription_invalid`, `scope_invalid`, `settings_invalid`, `rotation_invalid`, `too_many_secrets`, `call_invalid`,
    /// `provider_reserved`, `event_type_invalid`, `filter_invalid`, `signature_invalid`, `unknown_scheme`, `unknown_option`,
    /// `option_missing`.
    pub code: String,
    /// What it means and what to do.
    pub message: String,
}

/// A description of an endpoint, in the provider's own spelling.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckEndpoint {
    /// Provider name.
    pub provider: String,
    /// JSON text of the subscription (array, map of booleans or comma list); absent when none was given.
    pub events: Option<String>,
    /// JSON text of the scope, `{"level": "user" | "client" | "campaign", "client_id": …, "campaign_id": …}`; absent for all
    /// events of the account.
    pub scope: Option<String>,
    /// JSON text of the filter; absent, and `null`, for none.
    pub filter: Option<String>,
    /// JSON text of the signature, `{"scheme": …, "options": {…}}`; `null` for the provider's own; absent when it does not
    /// change.
    pub signature: Option<String>,
    /// JSON text of the settings that change, `null` for one that is set back to its default; absent when none changes.
    pub settings: Option<String>,
    /// The settings before.
    pub before: EndpointSettings,
}

/// What of an endpoint decides whether an event goes to it. The host keeps it as JSON and hands it back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointRules {
    /// Event types it wants.
    pub subscription: Subscription,
    /// Events of which part of the account.
    pub scope: Scope,
    /// What must hold of an event that it wants otherwise.
    #[serde(default)]
    pub filter: Option<Filter>,
}

/// An event to be published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publish {
    /// Provider name.
    pub provider: String,
    /// JSON text of the event in the provider's documented shape.
    #[serde(with = "serde_bytes")]
    pub payload: Vec<u8>,
    /// Event id for an envelope that needs one and has none, without prefix.
    pub default_id: String,
    /// Time of the event where the payload has none, RFC 3339 in UTC.
    pub default_timestamp: String,
    /// The client (tenant of an agency account) that the event belongs to, for SmartLead's client scope (S20).
    pub client_id: Option<String>,
    /// The open or click came from a machine; it is not delivered (R-C13).
    pub bot: bool,
    /// The endpoints of this provider.
    pub endpoints: Vec<Target>,
    /// Who gets it where endpoints of several levels want it (R-S10).
    pub overlap: Overlap,
}

/// An endpoint that an event may go to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Which events it gets.
    pub rules: EndpointRules,
    /// Its state now.
    pub state: EndpointState,
    /// Which of its events wait for each other.
    pub ordering: Ordering,
}

/// A published event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// Its type, in the provider's spelling.
    pub event_type: String,
    /// The request body: these bytes are sent in every attempt (R-X2).
    #[serde(with = "serde_bytes")]
    pub body: Vec<u8>,
    /// The endpoints that get it.
    pub matches: Vec<Match>,
}

/// An endpoint that gets the event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Match {
    /// Place in [`Publish::endpoints`].
    pub endpoint: u32,
    /// The endpoint is not active: the delivery is held, not sent (R-C3).
    pub held: bool,
    /// Of events with the same key, the next one goes out when the one before has ended; `None`: it waits for no other.
    pub order_key: Option<String>,
}

/// A notice to be told to the endpoints that subscribe to such.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notify {
    /// What is told; it came with a judgement.
    pub notice: Notice,
    /// Of whom and when.
    pub about: About,
    /// The endpoints of [`SOURCE`](countersign_core::operational::SOURCE).
    pub endpoints: Vec<Target>,
}

/// A request of another sender, to be read and passed on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receive {
    /// How it is read.
    pub reader: Reader,
    /// The signature scheme that vouches for it; `None` where nothing was signed.
    pub scheme: Option<String>,
    /// Its headers.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Its body.
    pub body: Vec<u8>,
    /// Place in the body of the first event that is asked for, from 0.
    pub first: u32,
    /// Events, at most.
    pub most: u32,
    /// Name of the request, for the ids of events that have none.
    pub id: String,
    /// When it arrived, RFC 3339 in UTC with milliseconds: the time of events that have none (R-P9).
    pub received_at: String,
    /// Number of the workspace that its events belong to.
    pub workspace_id: String,
    /// Fields that are filled from the original, by JSON pointer.
    pub fields: Vec<(String, String)>,
    /// Which of SmartLead's levels get an event that several of them match.
    pub overlap: Overlap,
    /// The formats that there are endpoints of.
    pub formats: Vec<Format>,
}

/// How a request is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reader {
    /// As one of this source, by its name.
    Source(String),
    /// As its operator says.
    Own {
        /// Name of the source.
        name: String,
        /// Where type, id and time stand.
        places: Places,
    },
}

/// Endpoints that get events in one format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Format {
    /// Provider name.
    pub provider: String,
    /// The endpoints.
    pub endpoints: Vec<Target>,
}

/// Events of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Received {
    /// They, in the order of the body.
    pub events: Vec<ReceivedEvent>,
    /// Whether more follow.
    pub more: bool,
    /// What of the request may be used once; see [`used_once`](countersign_core::inbound::used_once).
    pub used_once: Option<Vec<u8>>,
}

/// An event of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceivedEvent {
    /// Its type, normalised.
    pub event_type: String,
    /// What all its repeats share.
    pub key: String,
    /// Whether the key tells it from all later events; see [`Once`](countersign_core::inbound::Once).
    pub key_lasts: bool,
    /// The normalised event, JSON.
    pub event: Vec<u8>,
    /// What becomes of it in each of [`Receive::formats`].
    pub passed_on: Vec<PassedOn>,
}

/// What becomes of an event in a format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PassedOn {
    /// It goes to endpoints.
    Message(Published),
    /// No endpoint wants it.
    Unwanted,
    /// The format cannot express it.
    Skipped {
        /// Stable name of the reason: `not_expressible`, `missing_field`, `time_invalid`, `by_machine`.
        code: String,
        /// What it means.
        message: String,
    },
}

/// A sample event that is wanted: see [`countersign_core::sample`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskSample {
    /// Provider name.
    pub provider: String,
    /// Its type, in any of the provider's spellings; `None` for a ping.
    pub event_type: Option<String>,
    /// Event id without a prefix.
    pub id: String,
    /// When it happens, unix milliseconds.
    pub at_ms: i64,
    /// Number of the workspace, where bodies name one.
    pub workspace_id: u64,
    /// The endpoint, whose scope the event is to be within.
    pub rules: EndpointRules,
}

/// How deliveries of a provider are made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryPlan {
    /// Longest that one attempt may take, in milliseconds.
    pub timeout_ms: u64,
    /// Value of the `Content-Type` header.
    pub content_type: String,
    /// The signatures of an endpoint with a secret, computed anew for each attempt by the kernel.
    pub signatures: Vec<SignaturePlan>,
    /// Every delivery is signed: an endpoint that is made without a secret gets one (R-E5). Otherwise such an endpoint's
    /// deliveries go out unsigned (R-S2, R-P3).
    pub always_signed: bool,
    /// What the endpoint's secret has to be, for people: "any text".
    pub secret_description: String,
    /// How a secret is made for an endpoint that was given none; `None`: its owner has to give one.
    pub new_secret: Option<NewSecret>,
    /// Names of the headers whose value is the message id, sent with or without a secret.
    pub id_headers: Vec<String>,
}

/// How random bytes become a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum NewSecret {
    /// `whsec_` and lower-case hex. The whole text is the key (E26).
    WhsecHex,
    /// `whsec_` and base64, as Standard Webhooks has it.
    WhsecBase64,
    /// Lower-case hex.
    Hex,
    /// Base64.
    Base64,
}

/// Events held against the rules of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Try {
    /// The rules. Scopes are not looked at: what client an event belonged to is not kept.
    pub rules: EndpointRules,
    /// Type and body of each event, as it was published.
    pub events: Vec<(String, Vec<u8>)>,
    /// Most conditions that are named for an event.
    pub misses_max: u32,
}

/// What becomes of an event that is held against rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    /// The subscription wants it.
    pub subscribed: bool,
    /// Conditions of the filter that do not hold; empty when it passes.
    pub misses: Vec<Miss>,
}

/// One signature: a scheme and its options, as the kernel takes them. The key is the endpoint's secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SignaturePlan {
    /// Scheme name.
    pub scheme: String,
    /// Options by name.
    pub options: Vec<(String, String)>,
}

/// An attempt that has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judge {
    /// Provider name.
    pub provider: String,
    /// What the endpoint's owner set differently; `None` for nothing.
    pub settings: Option<PolicySettings>,
    /// What happened.
    pub attempt: EndedAttempt,
    /// The endpoint's health before it.
    pub health: EndpointHealth,
    /// The endpoint's state now.
    pub state: EndpointState,
    /// How fast waits pass.
    pub scale: TimeScale,
    /// A number drawn for this question, for waits with jitter.
    pub chance: u64,
}
