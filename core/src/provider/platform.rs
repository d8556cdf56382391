//! The platform whose documentation names no vendor. Source: PROVIDERS.md P1 to P16, R-P1 to R-P12.

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
    /// P7, tracking pixel.
    EmailOpen = "email.open", Opened;
    /// P7, tracked link.
    EmailClick = "email.click", Clicked;
    /// P7, hard or soft.
    EmailBounce = "email.bounce", Bounced;
    /// P7, opt-out link.
    EmailUnsubscribe = "email.unsubscribe", Unsubscribed;
}

names!(EventType);

/// R-P2 for the shape, R-P11 for retries and timeout.
pub(super) static PROFILE: Profile = Profile {
    name: "platform",
    event_types: EventType::DOCUMENTED,
    type_field: "type",
    required: &["type", "email_id"],
    always_signed: false,
    spelling: Spelling::CommaList,
    policy: DeliveryPolicy::new(RetrySchedule::STANDARD_WEBHOOKS, 10_000, AutoPause::Never),
};

/// The documented name of an event type in any of its spellings: `open`, `email.open`, `email.opened` (R-P1, R-P8).
pub(super) fn canonical_type(name: &str) -> Option<&'static str> {
    let short = name.strip_prefix("email.").unwrap_or(name);
    match short {
        "open" | "opened" => Some("email.open"),
        "click" | "clicked" => Some("email.click"),
        "bounce" | "bounced" => Some("email.bounce"),
        "unsubscribe" | "unsubscribed" => Some("email.unsubscribe"),
        _ => None,
    }
}

model! {
    /// R-P2. Unknown fields are kept in `other`.
    pub struct Payload {
        /// Id of the event.
        id: Id,
        /// Event type.
        required event = "type": EventType,
        /// The mail that the event is about.
        required email_id: Id,
        /// Address of the recipient.
        recipient: String,
        /// When it happened, RFC 3339.
        timestamp: String,
        /// Where the clicked link leads.
        url: String,
        /// `hard` or `soft`.
        bounce_type: String,
    }
}
