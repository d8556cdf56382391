//! The types of normalised events.

use super::{EventKind, event_types};

event_types! {
    /// Type of a normalised event, an open set: Resend's names are kept, known or not (N2). An event of any other source whose
    /// name means nothing known is `other`.
    ;
    /// Taken by the sender's provider. Cleanmails says so of a delivered mail (R-C7).
    EmailSent = "email.sent", Sent;
    /// The receiving server accepted it.
    EmailDelivered = "email.delivered", Delivered;
    /// Temporary trouble; more attempts follow.
    EmailDeliveryDelayed = "email.delivery_delayed", Delayed;
    /// Refused.
    EmailBounced = "email.bounced", Bounced;
    /// Never sent.
    EmailFailed = "email.failed", Failed;
    /// Opened.
    EmailOpened = "email.opened", Opened;
    /// A link was clicked.
    EmailClicked = "email.clicked", Clicked;
    /// Marked as spam.
    EmailComplained = "email.complained", Complained;
    /// The lead opted out. Cleanmails calls it `lead.unsubscribed`; there is one type for it (table X).
    EmailUnsubscribed = "email.unsubscribed", Unsubscribed;
    /// The lead opted in again.
    EmailResubscribed = "email.resubscribed", Resubscribed;
    /// An inbound message arrived.
    EmailReceived = "email.received", Received;
    /// The lead replied.
    EmailReplied = "email.replied", Replied;
    /// A lead was added to a list.
    LeadCreated = "lead.created", LeadCreated;
    /// The address of a lead was checked.
    LeadValidated = "lead.validated", LeadValidated;
    /// A campaign began to run.
    CampaignStarted = "campaign.started", CampaignStarted;
    /// All leads went through all steps.
    CampaignCompleted = "campaign.completed", CampaignCompleted;
    /// A campaign was paused.
    CampaignPaused = "campaign.paused", CampaignPaused;
    /// To be sent later (Resend).
    EmailScheduled = "email.scheduled", Other;
    /// Never sent, since the address is on the suppression list (Resend).
    EmailSuppressed = "email.suppressed", Failed;
}

impl EventType {
    /// The type of an event whose name means nothing known.
    pub fn other() -> Self {
        Self::Other("other".into())
    }
}

impl From<EventKind> for EventType {
    fn from(kind: EventKind) -> Self {
        match kind {
            EventKind::Sent => Self::EmailSent,
            EventKind::Delivered => Self::EmailDelivered,
            EventKind::Delayed => Self::EmailDeliveryDelayed,
            EventKind::Bounced => Self::EmailBounced,
            EventKind::Failed => Self::EmailFailed,
            EventKind::Opened => Self::EmailOpened,
            EventKind::Clicked => Self::EmailClicked,
            EventKind::Complained => Self::EmailComplained,
            EventKind::Unsubscribed => Self::EmailUnsubscribed,
            EventKind::Resubscribed => Self::EmailResubscribed,
            EventKind::Received => Self::EmailReceived,
            EventKind::Replied => Self::EmailReplied,
            EventKind::LeadCreated => Self::LeadCreated,
            EventKind::LeadValidated => Self::LeadValidated,
            EventKind::CampaignStarted => Self::CampaignStarted,
            EventKind::CampaignCompleted => Self::CampaignCompleted,
            EventKind::CampaignPaused => Self::CampaignPaused,
            EventKind::Other => Self::other(),
        }
    }
}
