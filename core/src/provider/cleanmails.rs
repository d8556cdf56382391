//! Cleanmails. Source: PROVIDERS.md C1 to C33, R-C1 to R-C13.

use super::{Profile, Spelling};
use crate::{
    delivery::{AutoPause, DeliveryPolicy},
    event::{Id, event_types},
    retry::RetrySchedule,
};
use alloc::string::String;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

event_types! {
    /// C1. The name stays although the document says "delivered" (R-C7).
    EmailSent = "email.sent", Sent;
    /// C2, opened by a person.
    EmailOpened = "email.opened", Opened;
    /// C3, clicked by a person.
    EmailClicked = "email.clicked", Clicked;
    /// C4.
    EmailReplied = "email.replied", Replied;
    /// C5, hard or soft.
    EmailBounced = "email.bounced", Bounced;
    /// C6.
    LeadUnsubscribed = "lead.unsubscribed", Unsubscribed;
    /// C7.
    CampaignStarted = "campaign.started", CampaignStarted;
    /// C8.
    CampaignCompleted = "campaign.completed", CampaignCompleted;
    /// C9, by hand or by rule.
    CampaignPaused = "campaign.paused", CampaignPaused;
    /// C10.
    LeadCreated = "lead.created", LeadCreated;
    /// C11.
    LeadValidated = "lead.validated", LeadValidated;
}

/// C30 with R-C1, C31 with R-C2, R-C10.
pub(super) static PROFILE: Profile = Profile {
    name: "cleanmails",
    event_types: EventType::DOCUMENTED,
    type_field: "event",
    required: &["event", "workspace_id", "timestamp", "data"],
    always_signed: false,
    spelling: Spelling::List,
    policy: DeliveryPolicy::new(
        RetrySchedule::CLEANMAILS,
        10_000,
        AutoPause::ConsecutiveDeliveries(10),
    ),
};

/// C23. Unknown fields are kept in `other`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Payload {
    /// Event type.
    pub event: EventType,
    /// Workspace that the event belongs to.
    pub workspace_id: Id,
    /// When it happened, RFC 3339.
    pub timestamp: String,
    /// What happened.
    pub data: Data,
    /// Fields that the document does not name.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// C24; every field can be missing (R-C8).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Data {
    /// The lead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lead_id: Option<Id>,
    /// Address of the lead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lead_email: Option<String>,
    /// Name of the lead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lead_name: Option<String>,
    /// Company of the lead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lead_company: Option<String>,
    /// The campaign.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub campaign_id: Option<Id>,
    /// Name of the campaign.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub campaign: Option<String>,
    /// The sending account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender_id: Option<Id>,
    /// Address of the sending account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender: Option<String>,
    /// `Message-ID` of the mail, as on the wire (R-S20).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// Fields that the document does not name.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}
