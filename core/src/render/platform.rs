//! The platform, outbound. Source: PROVIDERS.md P7, R-P2.

use super::{Trouble, moment_of, required, text_id};
use crate::{
    event::{BounceKind, Event, EventKind},
    provider::platform::{EventType, Payload},
};
use alloc::borrow::ToOwned;
use serde_json::Map;

pub(super) fn payload(event: &Event) -> Result<Payload, Trouble> {
    let kind = event.event_type.kind();
    let mut payload = Payload {
        id: event.event_id.as_deref().map(text_id),
        event: EventType::with_kind(kind).ok_or(Trouble::NotExpressible)?,
        email_id: text_id(required(event.email_id.as_ref(), "email_id")?),
        recipient: event.recipient().map(ToOwned::to_owned),
        timestamp: moment_of(event.occurred_at.as_ref(), "occurred_at")?,
        url: None,
        bounce_type: None,
        other: Map::new(),
    };
    match kind {
        EventKind::Clicked => payload.url = event.url.clone(),
        EventKind::Bounced => {
            let kind = event.bounce.kind.map(BounceKind::as_str);
            payload.bounce_type = kind.map(ToOwned::to_owned);
        }
        _ => {}
    }
    Ok(payload)
}
