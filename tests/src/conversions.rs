//! What survives from an event to a provider's body and back, found out by going there and back.

mod document;

pub use self::document::document;

use countersign_core::{
    event::{Event, EventType, Source},
    normalise::{NO_HEADERS, parse},
    provider::Provider,
    render::{RenderError, render},
};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Fields of the JSON form that are about where the event came from; they say nothing that a body could hold.
const ORIGIN: [&str; 6] = [
    "type",
    "provider",
    "provider_event",
    "dedupe",
    "occurred_at_inferred",
    "original",
];

/// Parts of an event: their fields are named `lead.id`.
const PARTS: [&str; 6] = ["lead", "campaign", "sender", "bounce", "reply", "opens"];

/// What becomes of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It comes back as it was.
    Kept,
    /// It comes back as it was, and where it was absent it comes back filled from other fields.
    KeptOrFilled,
    /// It comes back as something else.
    Changed { from: String, to: String },
    /// It does not come back.
    Lost,
}

/// What becomes of one type of event with one provider.
#[derive(Debug, Default)]
pub struct Passage {
    /// The provider's own name of the type.
    pub name: String,
    /// What becomes of each field.
    pub fates: BTreeMap<String, Fate>,
    /// Fields without which the provider's body cannot be written.
    pub required: BTreeSet<String>,
}

/// What becomes of every type that the provider can express.
pub type Passages = BTreeMap<String, Passage>;

/// Goes there and back with a full event of every type.
///
/// # Errors
/// A full event was refused, or did not come back as one event.
pub fn passages(provider: Provider) -> anyhow::Result<Passages> {
    let mut passages = Passages::new();
    for event_type in types() {
        let full = full(&event_type);
        if let Err(RenderError::NotExpressible { .. }) = render(&full, provider) {
            continue;
        }
        let back = there_and_back(&full, provider)?;
        anyhow::ensure!(
            back.event_type == full.event_type,
            "{event_type} came back as another type"
        );
        let mut passage = Passage {
            name: back.provider_event.clone(),
            ..Passage::default()
        };
        let (before, after) = (fields(&full), fields(&back));
        for (name, from) in &before {
            let fate = match after.get(name) {
                None => Fate::Lost,
                Some(to) if to == from => Fate::Kept,
                Some(to) => Fate::Changed {
                    from: from.to_string(),
                    to: to.to_string(),
                },
            };
            let without = without(&full, name)?;
            let fate = match render(&without, provider) {
                Err(RenderError::Missing { field, .. }) => {
                    anyhow::ensure!(field == name, "{name} is absent and {field} is missed");
                    passage.required.insert(name.clone());
                    fate
                }
                Err(error) => anyhow::bail!("without {name}: {error}"),
                Ok(_) => {
                    let is_filled = fields(&there_and_back(&without, provider)?).contains_key(name);
                    match fate {
                        Fate::Kept if is_filled => Fate::KeptOrFilled,
                        fate => fate,
                    }
                }
            };
            passage.fates.insert(name.clone(), fate);
        }
        passages.insert(event_type, passage);
    }
    Ok(passages)
}

/// An event, after it was a provider's body.
///
/// # Errors
/// It cannot be rendered, or its body cannot be read as one event.
pub fn there_and_back(event: &Event, provider: Provider) -> anyhow::Result<Event> {
    let body = render(event, provider)?.encode();
    let mut events = parse(Source::from(provider), &NO_HEADERS, &body)?;
    anyhow::ensure!(events.len() == 1, "one event became {}", events.len());
    Ok(events.remove(0))
}

/// The types of normalised events that have a name of their own.
pub fn types() -> impl Iterator<Item = String> {
    EventType::DOCUMENTED.iter().map(|name| (*name).to_owned())
}

/// The fields that an event has, by name, without those that only say where it came from.
pub fn fields(event: &Event) -> BTreeMap<String, Value> {
    let mut fields = BTreeMap::new();
    let Ok(Value::Object(whole)) = serde_json::to_value(event) else {
        return fields;
    };
    for (name, value) in whole {
        match value {
            _ if ORIGIN.contains(&name.as_str()) => {}
            Value::Object(part) if PARTS.contains(&name.as_str()) => {
                for (inner, value) in part {
                    fields.insert(format!("{name}.{inner}"), value);
                }
            }
            value => {
                fields.insert(name, value);
            }
        }
    }
    fields
}

/// The same event without one of its fields.
fn without(event: &Event, field: &str) -> anyhow::Result<Event> {
    let mut whole = serde_json::to_value(event)?;
    let (object, name) = match field.split_once('.') {
        Some((part, name)) => (whole.get_mut(part), name),
        None => (Some(&mut whole), field),
    };
    let removed = object
        .and_then(Value::as_object_mut)
        .and_then(|object: &mut Map<_, _>| object.remove(name));
    anyhow::ensure!(removed.is_some(), "there is no {field}");
    Ok(serde_json::from_value(whole)?)
}

/// An event in which everything is known, with a different value in every field.
pub fn full(event_type: &str) -> Event {
    let whole = json!({
        "type": event_type, "provider": "resend", "provider_event": "x", "original": null,
        "event_id": "evt_1", "occurred_at": "2026-03-09T11:12:13.250Z", "workspace_id": "7", "email_id": "mail_1",
        "message_id": "m1@brightforge.example", "thread_id": "thread_1", "subject": "Your quote",
        "recipients": ["nora@northwind.example", "ken@harbor.example"],
        "lead": {
            "id": "3051", "email": "lead@northwind.example", "first_name": "Nora", "last_name": "Lind",
            "full_name": "Dr Nora Lind", "company": "Northwind", "custom_fields": {"job_title": "CEO"},
        },
        "campaign": {"id": "18", "name": "Spring"},
        "sender": {"id": "4", "address": "ivo@brightforge.example"},
        "step": 2,
        "bounce": {"kind": "soft", "code": "4.2.2", "reason": "mailbox full"},
        "url": "https://brightforge.example/quote",
        "reply": {
            "subject": "Re: Your quote", "text": "Thursday?", "received_at": "2026-03-09T11:12:12.000Z",
            "sentiment": "positive", "message_id": "r1@northwind.example",
        },
        "opens": {"count": 3, "first_at": "2026-03-09T10:00:00.000Z", "last_at": "2026-03-09T11:00:00.000Z"},
        "user_agent": "Mail/1.0", "country": "SE", "suppressed_globally": true,
        "tags": [{"name": "kiln"}, {"name": "season", "value": "spring"}],
    });
    match serde_json::from_value(whole) {
        Ok(event) => event,
        Err(error) => unreachable!("the full event is one: {error}"),
    }
}
