//! SmartLead. Source: PROVIDERS.md S1 to S46, R-S1 to R-S20.

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

names!(EventType);

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

model! {
    /// S8 to S17. Only what R-S8 names is required; unknown fields are kept in `other`.
    pub struct Payload {
        /// Event type.
        required event: EventType,
        /// When it happened, RFC 3339. Repeated opens carry the first one's (R-S4).
        required timestamp: String,
        /// The campaign.
        required campaign_id: Id,
        /// Name of the campaign.
        campaign_name: String,
        /// The lead.
        required lead_id: Id,
        /// The sending account.
        email_account_id: Id,
        /// Step of the sequence.
        sequence_number: u64,
        /// S13: opens so far.
        opened_count: u64,
        /// S13.
        first_opened_at: String,
        /// S13.
        last_opened_at: String,
        /// S14.
        link: Link,
        /// S16: `hard` in the example.
        bounce_type: String,
        /// S16.
        bounce_reason: String,
        /// S11: the mail that the event is about.
        email: Email,
        /// S15.
        reply: Reply,
        /// S10.
        lead: Lead,
    }
}

model! {
    /// S10; everything can be missing.
    #[derive(Default)]
    pub struct Lead {
        /// Address.
        email: String,
        /// First name.
        first_name: String,
        /// Last name.
        last_name: String,
        /// Company.
        company_name: String,
        /// The account's own fields.
        custom_fields: Map<String, Value>,
    }
}

model! {
    /// S11.
    #[derive(Default)]
    pub struct Email {
        /// Subject line.
        subject: String,
        /// `Message-ID`, as on the wire (R-S20).
        message_id: String,
    }
}

model! {
    /// S15.
    #[derive(Default)]
    pub struct Reply {
        /// Subject line.
        subject: String,
        /// Text.
        body: String,
        /// When it arrived.
        received_at: String,
        /// `Message-ID`, as on the wire (R-S20).
        message_id: String,
    }
}

model! {
    /// S14.
    #[derive(Default)]
    pub struct Link {
        /// Where it leads.
        url: String,
        /// When it was clicked.
        clicked_at: String,
    }
}
