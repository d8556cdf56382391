//! Mailgun, inbound only: what it posts, not what we send. Source: the notes on the payloads in `tests/inbound/README.md`.

use super::{
    model::{Field, model, names},
    payload::{PayloadError, object},
};
use crate::event::{EventKind, Id, event_types};
use alloc::{string::String, vec::Vec};
use serde_json::{Map, Number, Value};

event_types! {
    /// Taken for sending.
    Accepted = "accepted", Sent;
    /// Refused, or temporary trouble: the severity tells; see [`EventData::kind`].
    Failed = "failed", Other;
    /// The receiving server accepted it.
    Delivered = "delivered", Delivered;
    /// Never sent.
    Rejected = "rejected", Failed;
    /// Opened.
    Opened = "opened", Opened;
    /// A link was clicked.
    Clicked = "clicked", Clicked;
    /// Marked as spam.
    Complained = "complained", Complained;
    /// Opted out.
    Unsubscribed = "unsubscribed", Unsubscribed;
    /// An inbound message.
    Stored = "stored", Received;
}

names!(EventType);

model! {
    /// Body of a delivery.
    pub struct Payload {
        /// Covers its own timestamp and token only, not the event.
        signature: Signature,
        /// What happened.
        required event_data = "event-data": EventData,
    }
}

impl Payload {
    /// Reads the body of a delivery; only `event-data.event` is required (N8). Older webhooks are form-encoded, which is no
    /// JSON and refused.
    ///
    /// # Errors
    /// [`PayloadError`] with the JSON path.
    pub fn decode(body: &[u8]) -> Result<Self, PayloadError> {
        Self::read(Value::Object(object(body)?))
    }
}

impl EventData {
    /// What it means. A failure counts as refused or delayed only when its severity says so.
    pub fn kind(&self) -> EventKind {
        match (&self.event, self.severity.as_deref()) {
            (EventType::Failed, Some("permanent")) => EventKind::Bounced,
            (EventType::Failed, Some("temporary")) => EventKind::Delayed,
            (event, _) => event.kind(),
        }
    }
}

model! {
    /// The signature, which travels in the body.
    #[derive(Default)]
    pub struct Signature {
        /// Unix seconds, as text.
        timestamp: Id,
        /// Fifty characters, never repeated.
        token: String,
        /// HMAC in hex.
        signature: String,
    }
}

model! {
    /// One event.
    pub struct EventData {
        /// Event type.
        required event: EventType,
        /// Id of the event.
        id: String,
        /// When it happened, unix seconds with a fraction.
        timestamp: Id,
        /// As `info`.
        log_level = "log-level": String,
        /// Of a failure: `permanent` or `temporary`.
        severity: String,
        /// Of a failure, as `bounce` or `generic`.
        reason: String,
        /// How it was handed over.
        method: String,
        /// Why it was never sent.
        reject: Reject,
        /// Envelope of the mail.
        envelope: Envelope,
        /// Switches.
        flags: Flags,
        /// The mail.
        message: Message,
        /// Where the mail is kept.
        storage: Storage,
        /// What the receiving server said.
        delivery_status = "delivery-status": DeliveryStatus,
        /// Where the clicked link leads.
        url: String,
        /// Address of whoever opened or clicked.
        ip: String,
        /// Place of whoever opened or clicked.
        geolocation: Geolocation,
        /// Browser of whoever opened or clicked.
        client_info = "client-info": ClientInfo,
        /// Address of the recipient.
        recipient: String,
        /// Its domain.
        recipient_domain = "recipient-domain": String,
        /// The account.
        account: Named,
        /// The sending domain.
        domain: Named,
        /// Own labels.
        tags: Vec<String>,
        /// Old labels.
        campaigns: Vec<Map<String, Value>>,
        /// Own names and values. `[]` when there are none, which is then found in `other`.
        user_variables = "user-variables": Map<String, Value>,
    }
}

model! {
    /// Why a mail was never sent.
    #[derive(Default)]
    pub struct Reject {
        /// In short.
        reason: String,
        /// For people.
        description: String,
    }
}

model! {
    /// Envelope of a mail.
    #[derive(Default)]
    pub struct Envelope {
        /// Sender.
        sender: String,
        /// Recipients, with commas between them.
        targets: String,
        /// As `smtp`.
        transport: String,
        /// Address of the sending server.
        sending_ip = "sending-ip": String,
    }
}

model! {
    /// Switches of an event.
    #[derive(Default)]
    pub struct Flags {
        /// Matched a route.
        is_routed = "is-routed": bool,
        /// Came with credentials.
        is_authenticated = "is-authenticated": bool,
        /// A test of the provider.
        is_system_test = "is-system-test": bool,
        /// Sent in test mode.
        is_test_mode = "is-test-mode": bool,
        /// Refused after it had been accepted.
        is_delayed_bounce = "is-delayed-bounce": bool,
    }
}

model! {
    /// A mail.
    #[derive(Default)]
    pub struct Message {
        /// Its headers. Events after delivery carry the `message-id` alone.
        headers: MessageHeaders,
        /// Its attachments.
        attachments: Vec<Map<String, Value>>,
        /// Its recipients.
        recipients: Vec<String>,
        /// Its size in bytes.
        size: u64,
    }
}

model! {
    /// Headers of a mail.
    #[derive(Default)]
    pub struct MessageHeaders {
        /// Recipients.
        to: String,
        /// `Message-ID`, without angle brackets.
        message_id = "message-id": String,
        /// Sender.
        from: String,
        /// Subject line.
        subject: String,
    }
}

model! {
    /// Where a mail is kept.
    #[derive(Default)]
    pub struct Storage {
        /// Address.
        url: String,
        /// Key.
        key: String,
        /// As `europe-west1`.
        region: String,
        /// As `production`.
        env: String,
    }
}

model! {
    /// What the receiving server said.
    #[derive(Default)]
    pub struct DeliveryStatus {
        /// Whether it went over TLS.
        tls: bool,
        /// The server.
        mx_host = "mx-host": String,
        /// SMTP status; 605 for an address suppressed earlier.
        code: Id,
        /// For people.
        description: String,
        /// In the server's words.
        message: String,
        /// As `5.1.1`.
        enhanced_code = "enhanced-code": String,
        /// `hard` or `soft`.
        bounce_type = "bounce-type": String,
        /// How long the session took, in seconds.
        session_seconds = "session-seconds": Number,
        /// How long the first attempt took, in seconds.
        first_delivery_attempt_seconds = "first-delivery-attempt-seconds": Number,
        /// Attempts so far.
        attempt_no = "attempt-no": u64,
        /// Seconds until the next attempt.
        retry_seconds = "retry-seconds": u64,
        /// Whether the certificate was good.
        certificate_verified = "certificate-verified": bool,
        /// Whether the server takes UTF-8 addresses.
        utf8: bool,
    }
}

model! {
    /// Place of whoever opened or clicked.
    #[derive(Default)]
    pub struct Geolocation {
        /// Country, as `SE`.
        country: String,
        /// Region.
        region: String,
        /// City.
        city: String,
    }
}

model! {
    /// Browser of whoever opened or clicked.
    #[derive(Default)]
    pub struct ClientInfo {
        /// As `browser`.
        client_type = "client-type": String,
        /// As `Linux`.
        client_os = "client-os": String,
        /// As `desktop`.
        device_type = "device-type": String,
        /// As `Firefox`.
        client_name = "client-name": String,
        /// The header.
        user_agent = "user-agent": String,
        /// Name of the machine that opened it; empty for a person.
        bot: String,
    }
}

model! {
    /// An account or a domain.
    #[derive(Default)]
    pub struct Named {
        /// Its id.
        id: String,
        /// Its name.
        name: String,
    }
}
