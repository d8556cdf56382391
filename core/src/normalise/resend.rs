//! Resend. Source: `tests/inbound/README.md`, N2 to N7.

use super::{address, bare, filled, header, instant_of};
use crate::{
    event::{Bounce, BounceKind, Event, EventKind, EventType, Lead, Sender, Source, Tag},
    headers::Headers,
    provider::{
        PayloadError,
        resend::{Data, Email, Payload},
    },
};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use serde_json::Value;

pub(super) fn read<H: Headers + ?Sized>(
    original: Value,
    headers: &H,
) -> Result<Event, PayloadError> {
    let payload = Payload::read(original.clone())?;
    let name = payload.event.as_str();
    let event_type = EventType::from(String::from(name));
    let mut event = Event::new(Source::Resend, event_type, name, original);
    event.dedupe = header(headers, &["svix-id"]);
    event.occurred_at = instant_of(payload.created_at.as_ref());
    match payload.data {
        Some(Data::Email(email)) => fill(&mut event, *email),
        Some(Data::Contact(contact)) => {
            event.recipients = contact.email.clone().into_iter().collect();
            event.lead = Lead {
                id: contact.id,
                email: contact.email,
                first_name: contact.first_name,
                last_name: contact.last_name,
                ..Lead::default()
            };
        }
        Some(Data::Suppression(suppression)) => {
            event.recipients = suppression.email.into_iter().collect();
        }
        Some(Data::Domain(_) | Data::Other(_)) | None => {}
    }
    Ok(event)
}

fn fill(event: &mut Event, email: Email) {
    event.email_id = email.email_id;
    event.message_id = email.message_id.map(|id| bare(&id));
    event.subject = email.subject;
    event.recipients = match (email.to, email.other.get("to")) {
        (Some(to), _) => to,
        (None, Some(Value::String(one))) => Vec::from([one.clone()]),
        (None, _) => Vec::new(),
    };
    event.sender = Sender {
        id: None,
        address: email.from.map(|from| address(&from)),
    };
    event.campaign.id = email.broadcast_id.map(|id| id.to_string());
    let tag = |(name, value): (String, Value)| Tag {
        name,
        value: match value {
            Value::String(text) => Some(text),
            other => Some(other.to_string()),
        },
    };
    event.tags = email.tags.into_iter().flatten().map(tag).collect();
    if let Some(click) = email.click {
        event.url = click.link;
        event.user_agent = click.user_agent;
    }
    let bounce = email.bounce.unwrap_or_default();
    let reasons = [
        bounce.message,
        email.failed.and_then(|failed| failed.reason),
        email.suppressed.and_then(|suppressed| suppressed.message),
    ];
    event.bounce = Bounce {
        kind: match bounce.kind.as_deref() {
            _ if event.event_type.kind() != EventKind::Bounced => None,
            Some("Permanent") => Some(BounceKind::Hard),
            Some("Transient") => Some(BounceKind::Soft),
            _ => None,
        },
        code: None,
        reason: reasons.into_iter().find_map(filled),
    };
}
