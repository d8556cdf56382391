//! SmartLead: the documented form (S8 to S17), and the flat ones of its other pages (R-S13).

use super::{bare, counted, filled, header, instant, instant_of};
use crate::{
    event::{
        Bounce, BounceKind, Campaign, Event, EventKind, EventType, Lead, Opens, Reply, Source,
    },
    headers::Headers,
    provider::{
        PayloadError, PayloadProblem,
        model::Field,
        smartlead::{self, Payload},
    },
};
use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
};
use serde_json::{Map, Value};

pub(super) fn read<H: Headers + ?Sized>(
    original: Value,
    headers: &H,
) -> Result<Event, PayloadError> {
    let mut event = match original.as_object() {
        // R-S13: the flat forms have another type field.
        Some(fields) if absent(fields, "event") && !absent(fields, "event_type") => flat(fields)?,
        _ => documented(Payload::read(original.clone())?),
    };
    event.original = original;
    // R-S3.
    event.dedupe = header(headers, &["webhook-id", "x-request-id"]);
    Ok(event)
}

fn absent(fields: &Map<String, Value>, name: &str) -> bool {
    fields.get(name).is_none_or(Value::is_null)
}

/// An event whose original is filled in by the caller.
fn named(name: &str) -> Event {
    Event::new(Source::Smartlead, kind(name).into(), name, Value::Null)
}

fn documented(payload: Payload) -> Event {
    let mut event = named(payload.event.as_str());
    event.opens = Opens {
        count: counted(payload.opened_count, &payload.other, "opened_count"),
        first_at: instant_of(payload.first_opened_at.as_ref()),
        last_at: instant_of(payload.last_opened_at.as_ref()),
    };
    event.occurred_at = effective(&event, instant(&payload.timestamp));
    event.campaign = Campaign {
        id: Some(payload.campaign_id.to_string()),
        name: payload.campaign_name,
    };
    event.sender.id = payload.email_account_id.map(|id| id.to_string());
    event.step = counted(payload.sequence_number, &payload.other, "sequence_number");
    event.url = payload.link.and_then(|link| link.url);
    event.bounce = Bounce {
        kind: payload.bounce_type.as_deref().and_then(BounceKind::named),
        code: None,
        reason: payload.bounce_reason,
    };
    let email = payload.email.unwrap_or_default();
    event.subject = email.subject;
    event.message_id = email.message_id.map(|id| bare(&id));
    let reply = payload.reply.unwrap_or_default();
    event.reply = Reply {
        subject: reply.subject,
        text: reply.body,
        received_at: instant_of(reply.received_at.as_ref()),
        sentiment: None,
        message_id: reply.message_id.map(|id| bare(&id)),
    };
    let lead = payload.lead.unwrap_or_default();
    event.lead = Lead {
        id: Some(payload.lead_id.to_string()),
        email: lead.email,
        first_name: lead.first_name,
        last_name: lead.last_name,
        full_name: None,
        company: lead.company_name,
        custom_fields: lead.custom_fields.unwrap_or_default(),
    };
    event
}

/// R-S4: repeated opens carry the time of the first one in `timestamp`.
fn effective(event: &Event, timestamp: Option<String>) -> Option<String> {
    match (event.event_type.kind(), &event.opens.last_at) {
        (EventKind::Opened, Some(last_at)) => Some(last_at.clone()),
        _ => timestamp,
    }
}

/// What a name means, in the spelling of any of SmartLead's pages (R-S13).
fn kind(name: &str) -> EventKind {
    match smartlead::EventType::from(name.to_owned()).kind() {
        EventKind::Other => match name.strip_prefix("EMAIL_").unwrap_or(name) {
            "SENT" | "FIRST_EMAIL_SENT" => EventKind::Sent,
            "OPEN" | "OPENED" => EventKind::Opened,
            "LINK_CLICK" | "CLICK" | "CLICKED" => EventKind::Clicked,
            "REPLY" | "REPLIED" => EventKind::Replied,
            "BOUNCE" | "BOUNCED" => EventKind::Bounced,
            "LEAD_UNSUBSCRIBED" | "UNSUBSCRIBE" | "UNSUBSCRIBED" => EventKind::Unsubscribed,
            _ => EventKind::Other,
        },
        documented => documented,
    }
}

/// The flat forms: `event_type` for `event`, other names for the same facts, and everything else may be missing.
fn flat(fields: &Map<String, Value>) -> Result<Event, PayloadError> {
    let body = Flat(fields);
    let name = match fields.get("event_type") {
        Some(Value::String(name)) => name,
        Some(_) => return Err(PayloadError::wrong_type("event_type", "expected a string")),
        None => return Err(PayloadError::new("event_type", PayloadProblem::Missing)),
    };
    let mut event = named(name);
    let moment = |names: &[&str]| names.iter().find_map(|name| instant(&body.text(&[name])?));
    event.opens = Opens {
        count: body.number(&["opened_count", "open_count"]),
        first_at: moment(&["first_opened_at"]),
        last_at: moment(&["last_opened_at"]),
    };
    let timestamp = moment(&[
        "event_timestamp",
        "timestamp",
        "time_replied",
        "time_clicked",
        "time_opened",
        "time_unsubscribed",
        "time_sent",
    ]);
    event.occurred_at = effective(&event, timestamp);
    event.campaign = Campaign {
        id: body.text(&["campaign_id"]),
        name: body.text(&["campaign_name"]),
    };
    event.lead = Lead {
        id: body.text(&["lead_id", "lead.id", "sl_email_lead_id"]),
        email: body.text(&["lead.email", "sl_lead_email", "lead_email", "to_email"]),
        first_name: body.text(&["lead.first_name"]),
        last_name: body.text(&["lead.last_name"]),
        full_name: body.text(&["to_name"]),
        company: body.text(&["lead.company_name", "company_name"]),
        custom_fields: match body.find("lead.custom_fields") {
            Some(Value::Object(own)) => own.clone(),
            _ => Map::new(),
        },
    };
    event.sender.id = body.text(&["email_account_id"]);
    event.sender.address = body.text(&["from_email"]);
    event.step = body.number(&["sequence_number"]);
    event.subject = body.text(&["subject", "custom_subject", "email.subject"]);
    event.message_id = body
        .text(&["sent_message.message_id", "email.message_id"])
        .map(|id| bare(&id));
    match event.event_type {
        EventType::EmailReplied => {
            event.reply = Reply {
                subject: body.text(&["reply.subject"]),
                text: body.text(&[
                    "reply_message.text",
                    "reply.body",
                    "preview_text",
                    "reply_body",
                ]),
                received_at: moment(&["reply_message.time", "reply.received_at", "time_replied"]),
                sentiment: None,
                message_id: body
                    .text(&["reply_message.message_id", "reply.message_id", "message_id"])
                    .map(|id| bare(&id)),
            };
        }
        _ if event.message_id.is_none() => {
            event.message_id = body.text(&["message_id"]).map(|id| bare(&id));
        }
        _ => {}
    }
    event.url = match body.find("link_clicked") {
        Some(Value::Array(links)) => links.first().and_then(Value::as_str).map(ToOwned::to_owned),
        _ => body.text(&["link.url", "link_clicked", "click_link", "url"]),
    };
    event.bounce = Bounce {
        kind: body
            .text(&["bounce_type"])
            .and_then(|kind| BounceKind::named(&kind)),
        code: None,
        reason: body.text(&["bounce_reason", "bounce_message.text", "bounce_message"]),
    };
    Ok(event)
}

/// A body whose facts have several names. `a.b` is field `b` of object `a`.
struct Flat<'a>(&'a Map<String, Value>);

impl Flat<'_> {
    fn find(&self, name: &str) -> Option<&Value> {
        match name.split_once('.') {
            Some((outer, inner)) => self.0.get(outer)?.get(inner),
            None => self.0.get(name),
        }
    }

    /// The first of these that is a filled text or a number.
    fn text(&self, names: &[&str]) -> Option<String> {
        names.iter().find_map(|name| match self.find(name)? {
            Value::String(text) => filled(Some(text.clone())),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        })
    }

    fn number(&self, names: &[&str]) -> Option<u64> {
        self.text(names)?.parse().ok()
    }
}
