//! SendGrid. Source: `tests/inbound/README.md`, N2 to N7.

use super::{bare, filled, instant_of_unix};
use crate::{
    event::{Bounce, BounceKind, Campaign, Event, EventKind, Source, Tag},
    provider::sendgrid::{Category, Payload},
};
use alloc::{string::ToString, vec::Vec};
use serde_json::Value;

pub(super) fn event(payload: Payload, original: Value) -> Event {
    let kind = payload.event.kind();
    let mut event = Event::new(
        Source::Sendgrid,
        kind.into(),
        payload.event.as_str(),
        original,
    );
    event.event_id = filled(payload.sg_event_id);
    event.dedupe = event.event_id.clone();
    event.occurred_at = instant_of_unix(payload.timestamp.as_ref());
    event.message_id = filled(payload.smtp_id).map(|id| bare(&id));
    event.email_id = filled(payload.sg_message_id).or_else(|| event.message_id.clone());
    event.recipients = payload.email.into_iter().collect();
    event.campaign = Campaign {
        id: payload
            .marketing_campaign_id
            .or(payload.singlesend_id)
            .map(|id| id.to_string()),
        name: payload.marketing_campaign_name.or(payload.singlesend_name),
    };
    event.user_agent = payload.useragent;
    let names = match payload.category {
        Some(Category::One(name)) => Vec::from([name]),
        Some(Category::Many(names)) => names,
        None => Vec::new(),
    };
    let tag = |name| Tag { name, value: None };
    event.tags = names.into_iter().map(tag).collect();
    if kind == EventKind::Clicked {
        event.url = payload.url;
    }
    let reasons = match kind {
        EventKind::Delayed => [payload.response, payload.reason],
        _ => [payload.reason, None],
    };
    event.bounce = Bounce {
        kind: match payload.kind.as_deref() {
            _ if kind != EventKind::Bounced => None,
            Some("blocked") => Some(BounceKind::Soft),
            _ => Some(BounceKind::Hard),
        },
        code: payload.status,
        reason: reasons.into_iter().find_map(filled),
    };
    event
}
