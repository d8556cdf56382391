//! Mailgun. Source: `tests/inbound/README.md`, N2 to N7.

use super::{address, bare, filled, instant_of_unix};
use crate::{
    event::{Bounce, BounceKind, Event, EventKind, Sender, Source, Tag},
    provider::{
        PayloadError,
        mailgun::{EventData, EventType, Payload},
        model::Field,
    },
};
use alloc::string::{String, ToString};
use serde_json::Value;

pub(super) fn read(original: Value) -> Result<Event, PayloadError> {
    let Payload {
        signature,
        event_data: data,
        other: _,
    } = Payload::read(original.clone())?;
    let kind = data.kind();
    let mut event = Event::new(Source::Mailgun, kind.into(), data.event.as_str(), original);
    event.event_id = filled(data.id.clone());
    // N6; R-P10 takes the token where there is no id.
    event.dedupe = event
        .event_id
        .clone()
        .or_else(|| signature.and_then(|signature| signature.token));
    event.occurred_at = instant_of_unix(data.timestamp.as_ref());
    event.bounce = bounce(kind, &data);
    let message = data.message.unwrap_or_default();
    let headers = message.headers.unwrap_or_default();
    let message_id = filled(headers.message_id);
    event.message_id = message_id.as_deref().map(bare);
    event.email_id = message_id.or(data.id);
    event.subject = headers.subject;
    event.recipients = data.recipient.into_iter().collect();
    event.sender = Sender {
        id: None,
        address: data
            .envelope
            .and_then(|envelope| envelope.sender)
            .or(headers.from)
            .map(|from| address(&from)),
    };
    event.user_agent = data
        .client_info
        .and_then(|client| filled(client.user_agent));
    event.country = data.geolocation.and_then(|place| filled(place.country));
    let tag = |name: String| Tag { name, value: None };
    event.tags = data.tags.into_iter().flatten().map(tag).collect();
    if kind == EventKind::Clicked {
        event.url = data.url;
    }
    Ok(event)
}

fn bounce(kind: EventKind, data: &EventData) -> Bounce {
    let status = data.delivery_status.clone().unwrap_or_default();
    let named = status.bounce_type.as_deref().and_then(BounceKind::named);
    match data.event {
        EventType::Failed => Bounce {
            kind: (kind == EventKind::Bounced).then(|| named.unwrap_or(BounceKind::Hard)),
            code: filled(status.enhanced_code).or(status.code.map(|code| code.to_string())),
            reason: [status.message, status.description, data.reason.clone()]
                .into_iter()
                .find_map(filled),
        },
        EventType::Rejected => Bounce {
            reason: data.reject.clone().and_then(|reject| filled(reject.reason)),
            ..Bounce::default()
        },
        _ => Bounce::default(),
    }
}
