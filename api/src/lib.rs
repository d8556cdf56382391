//! What the native API takes and answers, as types.
//!
//! The host answers with these, checks what it takes against their JSON Schemas (feature `schema`), and publishes those as its
//! description. The client sends and reads them. So the three cannot disagree.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod delivery;
mod endpoint;
mod event;
mod event_type;
mod filter;
mod inbound;
mod key;
mod message;
mod ping;
mod problem;
mod raw;
mod replay;
mod settings;
mod stats;
mod time;
mod workspace;

pub use self::{
    delivery::{
        Acknowledged, AcknowledgedMany, Attempt, AttemptOutcome, Attempts, DeadLetterReason,
        DeadLetters, Deliveries, Delivery, DeliveryDetails, DeliveryQuery, DeliveryStatus,
        SentAgain,
    },
    endpoint::{
        ChangeEndpoint, ClientCertificate, CreateEndpoint, Endpoint, EndpointStatus,
        EndpointWarned, Endpoints, Held, Resume, RotateSecret, Scope, SecretLife,
        SetClientCertificate, Signature, StatusReason, Subscription,
    },
    event::{AcceptedBatch, AcceptedDelivery, AcceptedEvent, Id, PublishBatch, PublishEvent},
    event_type::{DescribeEventType, EventType, EventTypeQuery, EventTypes},
    filter::{DryRun, DryRunAnswer, DryRunEvent, DryRunReason, Filter, Miss},
    inbound::{
        InboundDetails, InboundEvent, InboundQuery, InboundRequest, InboundRequests, VerifiedBy,
    },
    key::{CreateKey, Key, Keys, MadeKey, Role},
    message::{Message, MessageDetails, MessageQuery, Messages},
    ping::{Ping, Pinged},
    problem::{Problem, ProblemOfEvent},
    raw::Raw,
    replay::{
        AcknowledgeAnswer, AcknowledgeMany, Acknowledgement, Count, CreateReplay, DeadLetterFilter,
        DeadLetterQuery, DeliveredFilter, Either, Preview, Replay, ReplayAnswer, ReplayFilter,
        ReplayOf, ReplayStatus, Replays, SelectionFilter,
    },
    settings::{
        AutoPause, ClientErrors, CoolDown, EndpointSettings, Exponential, FailingFor, Jitter,
        Ordering, Probing, RateLimit, Schedule, Success,
    },
    stats::{Counts, EndpointStats, ServerStats, StatsQuery, Version, WorkspaceStats},
    time::Time,
    workspace::{CreateWorkspace, RenameWorkspace, Workspace, Workspaces},
};

use serde::{Deserialize, Deserializer};

/// What a list takes: how many entries, and where to go on.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PageQuery {
    /// Entries of a page, at most; 50 when it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 500)))]
    pub limit: Option<u32>,
    /// The `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// Tells a field that is null from one that is left out.
pub(crate) fn nullable<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}
