//! Cleanmails. Source: PROVIDERS.md C1 to C33, R-C1 to R-C13.

use super::{
    Profile, Spelling,
    model::{model, names},
};
use crate::{
    delivery::{AutoPause, DeliveryPolicy},
    event::{Id, event_types},
    retry::RetrySchedule,
};
use alloc::string::String;

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

names!(EventType);

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

model! {
    /// C23. Unknown fields are kept in `other`.
    pub struct Payload {
        /// Event type.
        required event: EventType,
        /// Workspace that the event belongs to.
        required workspace_id: Id,
        /// When it happened, RFC 3339.
        required timestamp: String,
        /// What happened.
        required data: Data,
    }
}

model! {
    /// C24; every field can be missing (R-C8).
    #[derive(Default)]
    pub struct Data {
        /// The lead.
        lead_id: Id,
        /// Address of the lead.
        lead_email: String,
        /// Name of the lead.
        lead_name: String,
        /// Company of the lead.
        lead_company: String,
        /// The campaign.
        campaign_id: Id,
        /// Name of the campaign.
        campaign: String,
        /// The sending account.
        sender_id: Id,
        /// Address of the sending account.
        sender: String,
        /// `Message-ID` of the mail, as on the wire (R-S20).
        message_id: String,
    }
}
