//! SendEmAll. Source: PROVIDERS.md E1 to E40, R-E1 to R-E15.

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

names!(EventType);

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

model! {
    /// E17. Unknown fields are kept in `other`.
    pub struct Payload {
        /// Event type.
        required event: EventType,
        /// Id of the event, the same in every delivery (E35).
        required id: String,
        /// When it happened, RFC 3339 (R-E15).
        required timestamp: String,
        /// What happened.
        required data: Data,
    }
}

model! {
    /// E18 to E23, R-E12; every field can be missing.
    #[derive(Default)]
    pub struct Data {
        /// The campaign, `cmp_…`.
        campaign_id: Id,
        /// Name of the campaign.
        campaign_name: String,
        /// The lead, `lead_…`.
        lead_id: Id,
        /// Address of the lead.
        lead_email: String,
        /// Name of the lead.
        lead_name: String,
        /// Company of the lead.
        lead_company: String,
        /// E20: `hard` or `soft`.
        bounce_type: String,
        /// E20: the mail server's code, as text.
        bounce_code: String,
        /// E20.
        bounce_message: String,
        /// Step of the sequence.
        sequence_step: u64,
        /// R-E12: where the clicked link leads.
        url: String,
        /// E22: opens so far.
        open_count: u64,
        /// E22.
        first_opened_at: String,
        /// E22.
        user_agent: String,
        /// E22.
        ip_country: String,
        /// E23: excluded from all future campaigns.
        suppressed_globally: bool,
        /// E19: positive, neutral, negative, out_of_office or unsubscribe.
        reply_sentiment: String,
        /// Start of the reply; it may be cut.
        reply_preview: String,
        /// The conversation, `thrd_…`.
        thread_id: Id,
    }
}
