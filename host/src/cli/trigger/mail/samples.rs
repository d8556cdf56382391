//! One mail and what became of it, as three providers tell of it. Fields, nesting and types are those of their documents.

use crate::clock::rfc3339;
use serde_json::{Map, Value, json};

/// Resend's, beside those about contacts and domains.
pub(super) const RESEND: [&str; 11] = [
    "email.sent",
    "email.delivered",
    "email.delivery_delayed",
    "email.bounced",
    "email.failed",
    "email.suppressed",
    "email.opened",
    "email.clicked",
    "email.complained",
    "email.received",
    "email.scheduled",
];

/// SendGrid's.
pub(super) const SENDGRID: [&str; 11] = [
    "processed",
    "delivered",
    "deferred",
    "bounce",
    "dropped",
    "open",
    "click",
    "spamreport",
    "unsubscribe",
    "group_unsubscribe",
    "group_resubscribe",
];

/// Mailgun's. `failed` is for good; `--set event-data.severity=temporary` makes it the other.
pub(super) const MAILGUN: [&str; 9] = [
    "accepted",
    "delivered",
    "failed",
    "rejected",
    "opened",
    "clicked",
    "complained",
    "unsubscribed",
    "stored",
];

const RECIPIENT: &str = "maya.lindqvist@example.com";
const RECIPIENT_DOMAIN: &str = "example.com";
const SENDER: &str = "ida@outreach.example";
const FROM: &str = "Ida Berg <ida@outreach.example>";
const SUBJECT: &str = "Your build queue";
const LINK: &str = "https://outreach.example/demo?step=2";
const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
/// Of the networks for documentation.
const READER_ADDRESS: &str = "192.0.2.44";
const MAILER_ADDRESS: &str = "198.51.100.20";
const NO_MAILBOX: &str = "5.1.1 The mailbox does not exist";
/// How long before the event the mail was handed over.
const SENT_BEFORE_MS: u64 = 4_000;

/// What differs from one sample to the next.
#[derive(Clone, Copy)]
pub(super) struct When<'a> {
    /// Told apart by it.
    pub(super) id: &'a str,
    pub(super) now_ms: u64,
}

/// Puts the fields of `more` into an object.
fn add(object: &mut Value, more: Value) {
    if let (Some(fields), Value::Object(more)) = (object.as_object_mut(), more) {
        fields.extend(more);
    }
}

pub(super) fn resend(event: &str, when: When<'_>) -> Value {
    let sent_at = rfc3339(when.now_ms.saturating_sub(SENT_BEFORE_MS));
    let now = rfc3339(when.now_ms);
    let id = when.id.to_ascii_lowercase();
    let mut data = json!({
        "created_at": sent_at,
        "email_id": id,
        "from": FROM,
        "message_id": format!("<{id}@outreach.example>"),
        "subject": SUBJECT,
        "to": [RECIPIENT],
    });
    let more = match event {
        "email.bounced" => json!({
            "bounce": { "message": "The mailbox named in the message does not exist.", "subType": "General", "type": "Permanent" },
        }),
        "email.clicked" => json!({
            "click": { "ipAddress": READER_ADDRESS, "link": LINK, "timestamp": now, "userAgent": BROWSER },
        }),
        "email.failed" => json!({ "failed": { "reason": "reached_daily_quota" } }),
        "email.suppressed" => json!({
            "suppressed": {
                "message": "The address is on the suppression list after an earlier bounce.",
                "type": "OnAccountSuppressionList",
            },
        }),
        "email.received" => json!({
            "from": RECIPIENT,
            "to": [SENDER],
            "bcc": [],
            "cc": [],
            "received_for": [SENDER],
            "subject": format!("Re: {SUBJECT}"),
            "attachments": [],
        }),
        _ => Value::Null,
    };
    add(&mut data, more);
    json!({ "type": event, "created_at": now, "data": data })
}

pub(super) fn sendgrid(event: &str, when: When<'_>) -> Value {
    let id = when.id;
    let mut told = json!({
        "email": RECIPIENT,
        "event": event,
        "sg_event_id": id,
        "sg_message_id": format!("{id}.recvd-5f7c9d8b6-x2k4p-1-69A4C1B2-4.0"),
        "smtp-id": format!("<{id}@geopod-ismtpd-7>"),
        "timestamp": when.now_ms / 1_000,
        "category": ["demo"],
    });
    let reader = || json!({ "useragent": BROWSER, "ip": READER_ADDRESS });
    let more = match event {
        "delivered" => json!({ "response": "250 2.0.0 OK", "ip": MAILER_ADDRESS, "tls": 1 }),
        "deferred" => json!({
            "response": "451 4.3.0 try again later", "attempt": "3", "domain": RECIPIENT_DOMAIN, "ip": MAILER_ADDRESS, "tls": 0,
        }),
        "bounce" => json!({
            "type": "bounce", "reason": format!("550 {NO_MAILBOX}"), "status": "5.1.1",
            "bounce_classification": "Invalid Address", "ip": MAILER_ADDRESS, "tls": 1,
        }),
        "dropped" => json!({ "reason": "Bounced Address", "status": "5.0.0" }),
        "open" => json!({ "sg_machine_open": false, "sg_content_type": "html" }),
        "click" => json!({ "url": LINK, "url_offset": { "index": 0, "type": "html" } }),
        "group_unsubscribe" | "group_resubscribe" => json!({
            "asm_group_id": 31, "url": "https://outreach.example/asm/?data=ab",
        }),
        _ => Value::Null,
    };
    add(&mut told, more);
    if matches!(
        event,
        "open" | "click" | "group_unsubscribe" | "group_resubscribe"
    ) {
        add(&mut told, reader());
    }
    json!([told])
}

pub(super) fn mailgun(event: &str, when: When<'_>) -> Value {
    let message_id = format!("{}@outreach.example", when.id.to_ascii_lowercase());
    // By a reader of the mail, of which Mailgun knows its id alone.
    let is_readers = matches!(event, "opened" | "clicked" | "unsubscribed");
    let headers = match is_readers {
        true => json!({ "message-id": message_id }),
        false => {
            json!({ "to": RECIPIENT, "message-id": message_id, "from": FROM, "subject": SUBJECT })
        }
    };
    let mut message = json!({ "headers": headers });
    if !is_readers {
        add(&mut message, json!({ "attachments": [], "size": 1_842 }));
    }
    let mut told = json!({
        "event": event,
        "id": when.id,
        "timestamp": seconds(when.now_ms),
        "log-level": match event {
            "failed" | "rejected" => "error",
            "complained" => "warn",
            _ => "info",
        },
        "message": message,
        "recipient": RECIPIENT,
        "recipient-domain": RECIPIENT_DOMAIN,
        "account": { "id": "5f0c6a2e9b7d" },
        "domain": { "name": "outreach.example" },
        "tags": ["demo"],
        "campaigns": [],
        "user-variables": { "lead_id": "lead_maya01" },
    });
    if is_readers {
        add(
            &mut told,
            json!({
                "ip": READER_ADDRESS,
                "geolocation": { "country": "SE", "region": "Stockholm County", "city": "Stockholm" },
                "client-info": {
                    "client-type": "browser", "client-os": "Linux", "device-type": "desktop", "client-name": "Firefox",
                    "user-agent": BROWSER, "bot": "",
                },
            }),
        );
    } else {
        add(
            &mut told,
            json!({
                "flags": { "is-routed": false, "is-authenticated": true, "is-system-test": false, "is-test-mode": false },
                "envelope": { "sender": SENDER, "transport": "smtp", "targets": RECIPIENT, "sending-ip": MAILER_ADDRESS },
            }),
        );
    }
    let status = |code: u16, message: &str, more: Value| {
        let mut status = json!({
            "tls": true, "mx-host": "mx.example.com", "code": code, "description": "", "session-seconds": 0.42, "utf8": true,
            "attempt-no": 1, "message": message, "certificate-verified": true,
        });
        add(&mut status, more);
        json!({ "delivery-status": status })
    };
    let more = match event {
        "accepted" => json!({ "method": "HTTP" }),
        "delivered" => status(250, "OK", Value::Object(Map::new())),
        "failed" => {
            let mut failed = status(
                550,
                NO_MAILBOX,
                json!({ "enhanced-code": "5.1.1", "bounce-type": "hard" }),
            );
            add(
                &mut failed,
                json!({ "severity": "permanent", "reason": "bounce" }),
            );
            failed
        }
        "rejected" => {
            json!({ "reject": { "reason": "Sandbox subdomains are for test purposes only", "description": "" } })
        }
        "clicked" => json!({ "url": LINK }),
        "stored" => json!({
            "storage": {
                "url": "https://storage.example.net/v3/domains/outreach.example/messages/BAABAQ", "key": "BAABAQ",
                "region": "europe-west1", "env": "production",
            },
        }),
        _ => Value::Null,
    };
    add(&mut told, more);
    json!({ "event-data": told })
}

/// Unix seconds with a fraction.
#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds of any likely time fit"
)]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1_000.0
}
