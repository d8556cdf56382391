//! SendEmAll. Source: PROVIDERS.md E1 to E40, R-E1 to R-E15.

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
    /// E1.
    EmailSent = "email.sent", Sent;
    /// E2; it confirms acceptance, not the inbox (R-E11).
    EmailDelivered = "email.delivered", Delivered;
    /// E3.
    EmailOpened = "email.opened", Opened;
    /// E4.
    EmailClicked = "email.clicked", Clicked;
    /// E5.
    EmailReplied = "email.replied", Replied;
    /// E6, hard or soft.
    EmailBounced = "email.bounced", Bounced;
    /// E7.
    EmailUnsubscribed = "email.unsubscribed", Unsubscribed;
    /// E8.
    CampaignCompleted = "campaign.completed", CampaignCompleted;
}

/// E25 with R-E5; E29, E30, E33 with R-E13.
pub(super) static PROFILE: Profile = Profile {
    name: "sendemall",
    event_types: EventType::DOCUMENTED,
    type_field: "event",
    required: &["event", "id", "timestamp", "data"],
    always_signed: true,
    spelling: Spelling::List,
    policy: DeliveryPolicy::new(RetrySchedule::SENDEMALL, 10_000, AutoPause::Never),
};

/// E17. Unknown fields are kept in `other`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Payload {
    /// Event type.
    pub event: EventType,
    /// Id of the event, the same in every delivery (E35).
    pub id: String,
    /// When it happened, RFC 3339 (R-E15).
    pub timestamp: String,
    /// What happened.
    pub data: Data,
    /// Fields that the document does not name.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// E18 to E23, R-E12; every field can be missing.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Data {
    /// The campaign, `cmp_…`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub campaign_id: Option<Id>,
    /// Name of the campaign.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub campaign_name: Option<String>,
    /// The lead, `lead_…`.
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
    /// E20: `hard` or `soft`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bounce_type: Option<String>,
    /// E20: the mail server's code, as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bounce_code: Option<String>,
    /// E20.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bounce_message: Option<String>,
    /// Step of the sequence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence_step: Option<u64>,
    /// R-E12: where the clicked link leads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// E22: opens so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_count: Option<u64>,
    /// E22.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_opened_at: Option<String>,
    /// E22.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// E22.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_country: Option<String>,
    /// E23: excluded from all future campaigns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suppressed_globally: Option<bool>,
    /// E19: positive, neutral, negative, out_of_office or unsubscribe.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_sentiment: Option<String>,
    /// Start of the reply; it may be cut.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_preview: Option<String>,
    /// The conversation, `thrd_…`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread_id: Option<Id>,
    /// Fields that the document does not name.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}
