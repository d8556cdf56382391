//! SmartLead. Source: PROVIDERS.md S1 to S46, R-S1 to R-S20.

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
    /// S1.
    EmailSent = "EMAIL_SENT", Sent;
    /// S2.
    EmailOpened = "EMAIL_OPENED", Opened;
    /// S3.
    EmailClicked = "EMAIL_CLICKED", Clicked;
    /// S4.
    EmailReplied = "EMAIL_REPLIED", Replied;
    /// S5.
    EmailBounced = "EMAIL_BOUNCED", Bounced;
    /// S6, R-S17.
    EmailUnsubscribed = "EMAIL_UNSUBSCRIBED", Unsubscribed;
}

/// S30, S31 with R-S5, R-S19; R-S8 for the required fields.
pub(super) static PROFILE: Profile = Profile {
    name: "smartlead",
    event_types: EventType::DOCUMENTED,
    type_field: "event",
    required: &["event", "timestamp", "campaign_id", "lead_id"],
    always_signed: false,
    spelling: Spelling::BoolMap,
    policy: DeliveryPolicy::new(
        RetrySchedule::SMARTLEAD,
        30_000,
        AutoPause::NoSuccessSinceDeliveryBegan,
    ),
};

/// S8 to S17. Only what R-S8 names is required; unknown fields are kept in `other`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Payload {
    /// Event type.
    pub event: EventType,
    /// When it happened, RFC 3339. Repeated opens carry the first one's (R-S4).
    pub timestamp: String,
    /// The campaign.
    pub campaign_id: Id,
    /// Name of the campaign.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub campaign_name: Option<String>,
    /// The lead.
    pub lead_id: Id,
    /// The sending account.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub email_account_id: Option<Id>,
    /// Step of the sequence.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sequence_number: Option<u64>,
    /// S13: opens so far.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub opened_count: Option<u64>,
    /// S13.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub first_opened_at: Option<String>,
    /// S13.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_opened_at: Option<String>,
    /// S14.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub link: Option<Link>,
    /// S16: `hard` in the example.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub bounce_type: Option<String>,
    /// S16.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub bounce_reason: Option<String>,
    /// S11: the mail that the event is about.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub email: Option<Email>,
    /// S15.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reply: Option<Reply>,
    /// S10.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub lead: Option<Lead>,
    /// Fields that the documents do not name.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// S10; everything can be missing.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Lead {
    /// Address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// First name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_name: Option<String>,
    /// Last name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_name: Option<String>,
    /// Company.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub company_name: Option<String>,
    /// The account's own fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_fields: Option<Map<String, Value>>,
    /// Fields that the documents do not name.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// S11.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Email {
    /// Subject line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// `Message-ID`, as on the wire (R-S20).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// Fields that the documents do not name.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// S15.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Reply {
    /// Subject line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// When it arrived.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub received_at: Option<String>,
    /// `Message-ID`, as on the wire (R-S20).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// Fields that the documents do not name.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// S14.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Link {
    /// Where it leads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// When it was clicked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clicked_at: Option<String>,
    /// Fields that the documents do not name.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}
