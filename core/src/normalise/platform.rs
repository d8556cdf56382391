//! The platform: its outbound shape (R-P2) and its flat inbound one (P11, R-P8).

use super::{filled, header, instant_of};
use crate::{
    event::{Bounce, BounceKind, Event, EventKind, EventType, Source},
    headers::Headers,
    provider::{PayloadError, Provider, model::Field, platform::Payload},
};
use alloc::string::{String, ToString};
use serde_json::Value;

pub(super) fn read<H: Headers + ?Sized>(
    original: Value,
    headers: &H,
) -> Result<Event, PayloadError> {
    let payload = Payload::read(original.clone())?;
    let name = payload.event.as_str();
    let mut event = Event::new(Source::Platform, event_type(name), name, original);
    event.event_id = filled(payload.id.map(|id| id.to_string()));
    event.dedupe = event
        .event_id
        .clone()
        .or_else(|| header(headers, &["webhook-id"]));
    event.occurred_at = instant_of(payload.timestamp.as_ref());
    event.email_id = Some(payload.email_id.to_string());
    event.recipients = payload.recipient.into_iter().collect();
    event.url = payload.url;
    event.bounce = Bounce {
        kind: payload.bounce_type.as_deref().and_then(BounceKind::named),
        ..Bounce::default()
    };
    Ok(event)
}

/// Outbound names in any spelling, and inbound names as far as they are known.
fn event_type(name: &str) -> EventType {
    let canonical = Provider::Platform.canonical_type(name).unwrap_or(name);
    let outbound = crate::provider::platform::EventType::from(String::from(canonical)).kind();
    match EventType::from(String::from(name)) {
        _ if outbound != EventKind::Other => outbound.into(),
        EventType::Other(_) => EventType::other(),
        inbound if name.starts_with("email.") => inbound,
        _ => EventType::other(),
    }
}
