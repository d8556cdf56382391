//! Resend, inbound only: what it posts, not what we send. Source: the notes on the payloads in `tests/inbound/README.md`.

use super::{
    model::{Field, model, names},
    payload::{PayloadError, object},
};
use crate::event::{Id, event_types};
use alloc::{boxed::Box, string::String, vec::Vec};
use serde::Serialize;
use serde_json::{Map, Value};

event_types! {
    /// Taken for sending.
    EmailSent = "email.sent", Sent;
    /// To be sent later.
    EmailScheduled = "email.scheduled", Other;
    /// The receiving server accepted it.
    EmailDelivered = "email.delivered", Delivered;
    /// Temporary trouble; more attempts follow.
    EmailDeliveryDelayed = "email.delivery_delayed", Delayed;
    /// Marked as spam.
    EmailComplained = "email.complained", Complained;
    /// Refused.
    EmailBounced = "email.bounced", Bounced;
    /// Opened.
    EmailOpened = "email.opened", Opened;
    /// A link was clicked.
    EmailClicked = "email.clicked", Clicked;
    /// An inbound message.
    EmailReceived = "email.received", Received;
    /// Never sent.
    EmailFailed = "email.failed", Failed;
    /// Never sent, since the address is on the suppression list.
    EmailSuppressed = "email.suppressed", Failed;
    /// A contact was added.
    ContactCreated = "contact.created", Other;
    /// A contact was changed.
    ContactUpdated = "contact.updated", Other;
    /// A contact was removed.
    ContactDeleted = "contact.deleted", Other;
    /// A sending domain was added.
    DomainCreated = "domain.created", Other;
    /// A sending domain was changed.
    DomainUpdated = "domain.updated", Other;
    /// A sending domain was removed.
    DomainDeleted = "domain.deleted", Other;
    /// An address will get no mail from now on.
    SuppressionAdded = "suppression.added", Other;
    /// An address may get mail again.
    SuppressionRemoved = "suppression.removed", Other;
}

names!(EventType);

/// Body of a delivery.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Payload {
    /// Event type.
    #[serde(rename = "type")]
    pub event: EventType,
    /// When the event happened, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    /// What happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Data>,
    /// Fields that are not documented, and optional ones whose value has another type than documented.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// What happened, by the first word of the event type.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Data {
    /// `email.…`
    Email(Box<Email>),
    /// `contact.…`
    Contact(Contact),
    /// `domain.…`
    Domain(Domain),
    /// `suppression.…`
    Suppression(Suppression),
    /// Anything else.
    Other(Map<String, Value>),
}

model! {
    /// The envelope, before its data is told apart.
    struct Envelope {
        required event = "type": EventType,
        created_at: String,
        data: Map<String, Value>,
    }
}

impl Payload {
    /// Reads the body of a delivery; only `type` is required (N8).
    ///
    /// # Errors
    /// [`PayloadError`] with the JSON path.
    pub fn decode(body: &[u8]) -> Result<Self, PayloadError> {
        Self::read(Value::Object(object(body)?))
    }

    pub(crate) fn read(value: Value) -> Result<Self, PayloadError> {
        let Envelope {
            event,
            created_at,
            data,
            other,
        } = Envelope::read(value)?;
        let data = data.map(|data| Data::read(&event, data)).transpose()?;
        Ok(Self {
            event,
            created_at,
            data,
            other,
        })
    }
}

impl Data {
    fn read(event: &EventType, data: Map<String, Value>) -> Result<Self, PayloadError> {
        let family = event.as_str().split('.').next();
        Ok(match family {
            Some("email") => Self::Email(Box::new(Field::read(data.into())?)),
            Some("contact") => Self::Contact(Field::read(data.into())?),
            Some("domain") => Self::Domain(Field::read(data.into())?),
            Some("suppression") => Self::Suppression(Field::read(data.into())?),
            _ => Self::Other(data),
        })
    }
}

model! {
    /// A mail, sent or received.
    #[derive(Default)]
    pub struct Email {
        /// When the mail was made, RFC 3339; not the time of the event.
        created_at: String,
        /// Id of the mail.
        email_id: String,
        /// Sender, perhaps with a name.
        from: String,
        /// Recipients.
        to: Vec<String>,
        /// Recipients of copies, of an inbound message.
        cc: Vec<String>,
        /// Recipients of blind copies, of an inbound message.
        bcc: Vec<String>,
        /// Own addresses that an inbound message was for.
        received_for: Vec<String>,
        /// Subject line.
        subject: String,
        /// `Message-ID`, with angle brackets.
        message_id: String,
        /// The broadcast that it belongs to.
        broadcast_id: Id,
        /// The template that it was made from.
        template_id: Id,
        /// Own names and values.
        tags: Map<String, Value>,
        /// Own headers, in older payloads.
        headers: Vec<MailHeader>,
        /// Of an inbound message.
        attachments: Vec<Attachment>,
        /// Why it was refused.
        bounce: Bounce,
        /// What was clicked.
        click: Click,
        /// Why it was never sent.
        failed: Failed,
        /// Why the address gets no mail.
        suppressed: Suppressed,
    }
}

model! {
    /// A header of a mail.
    #[derive(Default)]
    pub struct MailHeader {
        /// Name.
        name: String,
        /// Value.
        value: String,
    }
}

model! {
    /// An attachment of an inbound message.
    #[derive(Default)]
    pub struct Attachment {
        /// Its id.
        id: String,
        /// File name.
        filename: String,
        /// Media type.
        content_type: String,
        /// `attachment` or `inline`.
        content_disposition: String,
        /// `Content-ID`.
        content_id: String,
    }
}

model! {
    /// Why a mail was refused. Older payloads have the message alone.
    #[derive(Default)]
    pub struct Bounce {
        /// For people.
        message: String,
        /// `Permanent`, `Transient` or `Undetermined`.
        kind = "type": String,
        /// Finer kind, as `General`.
        sub_type = "subType": String,
    }
}

model! {
    /// A click.
    #[derive(Default)]
    pub struct Click {
        /// Where the link leads.
        link: String,
        /// When it was clicked, RFC 3339.
        timestamp: String,
        /// Address of whoever clicked.
        ip_address = "ipAddress": String,
        /// Browser of whoever clicked.
        user_agent = "userAgent": String,
    }
}

model! {
    /// Why a mail was never sent.
    #[derive(Default)]
    pub struct Failed {
        /// As `reached_daily_quota`.
        reason: String,
    }
}

model! {
    /// Why an address gets no mail.
    #[derive(Default)]
    pub struct Suppressed {
        /// For people.
        message: String,
        /// As `OnAccountSuppressionList`.
        kind = "type": String,
    }
}

model! {
    /// A contact.
    #[derive(Default)]
    pub struct Contact {
        /// Its id.
        id: String,
        /// The audience that it belongs to.
        audience_id: String,
        /// Segments that it belongs to.
        segment_ids: Vec<String>,
        /// When it was added, RFC 3339.
        created_at: String,
        /// When it was changed, RFC 3339.
        updated_at: String,
        /// Address.
        email: String,
        /// First name.
        first_name: String,
        /// Last name.
        last_name: String,
        /// Whether it opted out.
        unsubscribed: bool,
    }
}

model! {
    /// A sending domain.
    #[derive(Default)]
    pub struct Domain {
        /// Its id.
        id: String,
        /// Its name.
        name: String,
        /// As `verified`.
        status: String,
        /// When it was added, RFC 3339.
        created_at: String,
        /// Where it sends from.
        region: String,
        /// Its DNS records.
        records: Vec<DomainRecord>,
    }
}

model! {
    /// A DNS record of a sending domain.
    #[derive(Default)]
    pub struct DomainRecord {
        /// What it is for, as `SPF`.
        record: String,
        /// Name.
        name: String,
        /// As `TXT`.
        kind = "type": String,
        /// Time to live.
        ttl: Id,
        /// As `verified`.
        status: String,
        /// Value.
        value: String,
        /// Priority, of `MX`.
        priority: u64,
    }
}

model! {
    /// An entry of the suppression list.
    #[derive(Default)]
    pub struct Suppression {
        /// Its id.
        id: String,
        /// The address.
        email: String,
        /// `bounce`, `complaint` or `manual`.
        origin: String,
        /// The mail that it came from.
        source_id: String,
        /// When it was added, RFC 3339.
        created_at: String,
    }
}
