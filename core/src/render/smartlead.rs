//! SmartLead. Source: PROVIDERS.md S8 to S17, R-S4, R-S8: what its richer examples hold is written when it is known.

use super::{Trouble, lead_address, moment, moment_of, number_id, required};
use crate::{
    event::{BounceKind, Event, EventKind},
    provider::smartlead::{Email, EventType, Lead, Link, Payload, Reply},
};
use alloc::borrow::ToOwned;
use serde_json::Map;

pub(super) fn payload(event: &Event) -> Result<Payload, Trouble> {
    let kind = event.event_type.kind();
    let event_type = EventType::with_kind(kind).ok_or(Trouble::NotExpressible)?;
    let occurred_at = moment(
        required(event.occurred_at.as_ref(), "occurred_at")?,
        "occurred_at",
    )?;
    let mut payload = Payload {
        event: event_type,
        timestamp: occurred_at.clone(),
        campaign_id: number_id(required(event.campaign.id.as_ref(), "campaign.id")?),
        campaign_name: event.campaign.name.clone(),
        lead_id: number_id(required(event.lead.id.as_ref(), "lead.id")?),
        email_account_id: event.sender.id.as_deref().map(number_id),
        sequence_number: event.step,
        opened_count: None,
        first_opened_at: None,
        last_opened_at: None,
        link: None,
        bounce_type: None,
        bounce_reason: None,
        email: email(event),
        reply: None,
        lead: lead(event),
        other: Map::new(),
    };
    match kind {
        EventKind::Opened => {
            payload.opened_count = event.opens.count;
            payload.first_opened_at = moment_of(event.opens.first_at.as_ref(), "opens.first_at")?;
            // R-S4: `timestamp` repeats the first open; the last one is this event.
            if let Some(first) = &payload.first_opened_at {
                payload.timestamp = first.clone();
            }
            payload.last_opened_at = Some(occurred_at);
        }
        EventKind::Clicked => {
            payload.link = event.url.as_ref().map(|url| Link {
                url: Some(url.clone()),
                clicked_at: Some(occurred_at),
                other: Map::new(),
            });
        }
        EventKind::Bounced => {
            let kind = event.bounce.kind.map(BounceKind::as_str);
            payload.bounce_type = kind.map(ToOwned::to_owned);
            payload.bounce_reason = event.bounce.reason.clone();
        }
        EventKind::Replied => {
            let reply = Reply {
                subject: event.reply.subject.clone(),
                body: event.reply.text.clone(),
                received_at: moment_of(event.reply.received_at.as_ref(), "reply.received_at")?,
                message_id: event.reply.message_id.clone(),
                other: Map::new(),
            };
            payload.reply = (reply != Reply::default()).then_some(reply);
        }
        _ => {}
    }
    Ok(payload)
}

/// S11.
fn email(event: &Event) -> Option<Email> {
    let email = Email {
        subject: event.subject.clone(),
        message_id: event.message_id.clone(),
        other: Map::new(),
    };
    (email != Email::default()).then_some(email)
}

/// S10.
fn lead(event: &Event) -> Option<Lead> {
    let own = &event.lead.custom_fields;
    let lead = Lead {
        email: lead_address(event),
        first_name: event.lead.first_name.clone(),
        last_name: event.lead.last_name.clone(),
        company_name: event.lead.company.clone(),
        custom_fields: (!own.is_empty()).then(|| own.clone()),
        other: Map::new(),
    };
    (lead != Lead::default()).then_some(lead)
}
