//! A workspace's own events: a source beside the providers, whose event types are an open set.
//!
//! They have the shape of Standard Webhooks (`type`, `timestamp`, `data`) and its signature. What sources of one's own post
//! becomes such an event, and so does a normalised event ([`render`]) for endpoints that want one form of all sources.

mod payload;

pub use self::payload::Payload;

use crate::{
    delivery::{AutoPause, DeliveryPolicy},
    event::{Event, EventType},
    retry::{RetrySchedule, SECOND_MS},
    subscription::Subscription,
    time,
};
use alloc::{borrow::ToOwned, string::String, vec::Vec};
use core::fmt;
use serde::Serialize;
use serde_json::Value;

/// What an endpoint and an event name as their provider.
pub const SOURCE: &str = "standard";

/// Longest event type, in bytes.
pub const EVENT_TYPE_BYTES_MAX: usize = 128;

/// Most names in a subscription. Whoever wants more takes a beginning that they share.
pub const NAMES_MAX: usize = 100;

/// How they are delivered: as the Standard Webhooks guidance has it, and paused by hand only (R-P11).
pub static POLICY: DeliveryPolicy = DeliveryPolicy::new(
    RetrySchedule::STANDARD_WEBHOOKS,
    10 * SECOND_MS,
    AutoPause::Never,
);

/// Whether this can be an event type: 1 to [`EVENT_TYPE_BYTES_MAX`] letters and digits of ASCII, `_`, `.` and `-`.
///
/// Source: Standard Webhooks 1.0.0, whose types have levels with full stops between them; the hyphen is ours.
pub fn is_event_type(name: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    (1..=EVENT_TYPE_BYTES_MAX).contains(&name.len()) && name.bytes().all(known)
}

/// A subscription that cannot be read. The fault of whoever creates the endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubscriptionInvalid {
    /// Not a list of names.
    NotAList,
    /// More than [`NAMES_MAX`] names.
    TooMany,
    /// These can be neither event types nor their beginnings; each cut to [`EVENT_TYPE_BYTES_MAX`] characters.
    Names(Vec<String>),
}

impl SubscriptionInvalid {
    /// The name of the mistake.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotAList | Self::TooMany => "subscription_invalid",
            Self::Names(_) => "event_type_invalid",
        }
    }
}

impl fmt::Display for SubscriptionInvalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAList => f.write_str(
                "give a list of event types such as order.created, or of their beginnings such as order.*; leave it out \
                 for all events",
            ),
            Self::TooMany => write!(
                f,
                "give at most {NAMES_MAX} names, or a beginning that they share, such as order.*"
            ),
            Self::Names(names) => write!(
                f,
                "{} can be no event type: it has 1 to {EVENT_TYPE_BYTES_MAX} letters, digits, `_`, `.` and `-`; a \
                 beginning ends with .*, such as order.*",
                names.join(", ")
            ),
        }
    }
}

impl core::error::Error for SubscriptionInvalid {}

/// Reads a subscription: a list of event types and of beginnings (`order.*` wants `order.created` and `order.item.added`, and
/// not `order`). An empty list, one with `*` in it or nothing at all means all.
///
/// ```
/// use countersign_core::standard::subscription;
/// use serde_json::json;
///
/// let wanted = subscription(Some(&json!(["user.created", "order.*"]))).unwrap();
/// assert!(wanted.wants("order.item.added") && !wanted.wants("user.deleted"));
/// ```
///
/// # Errors
/// [`SubscriptionInvalid`]; what can be no event type is refused, not skipped.
pub fn subscription(value: Option<&Value>) -> Result<Subscription, SubscriptionInvalid> {
    let names = match value {
        None | Some(Value::Null) => return Ok(Subscription::All),
        Some(Value::Array(names)) => names,
        Some(_) => return Err(SubscriptionInvalid::NotAList),
    };
    if names.len() > NAMES_MAX {
        return Err(SubscriptionInvalid::TooMany);
    }
    let names: Option<Vec<&str>> = names.iter().map(Value::as_str).collect();
    let names = names.ok_or(SubscriptionInvalid::NotAList)?;
    let wrong: Vec<String> = names
        .iter()
        .filter(|name| **name != "*" && !is_event_type(name.strip_suffix(".*").unwrap_or(name)))
        .map(|name| name.chars().take(EVENT_TYPE_BYTES_MAX).collect())
        .collect();
    match names.as_slice() {
        _ if !wrong.is_empty() => Err(SubscriptionInvalid::Names(wrong)),
        [] => Ok(Subscription::All),
        names if names.contains(&"*") => Ok(Subscription::All),
        names => {
            let mut only: Vec<String> = Vec::with_capacity(names.len());
            for name in names {
                if !only.iter().any(|known| known == name) {
                    only.push((*name).to_owned());
                }
            }
            Ok(Subscription::Only(only))
        }
    }
}

/// The body of an event in this shape.
#[derive(Serialize)]
pub(crate) struct Envelope<'a, D> {
    pub(crate) r#type: &'a str,
    pub(crate) timestamp: &'a str,
    pub(crate) data: D,
}

/// Writes a normalised event as the body of such an event: its type, its time, and as `data` all its fields but `type` and
/// `original`. The body as it arrived is left out: it may be as long as all the rest, and Mailgun's holds its own signature.
///
/// `received_at` (RFC 3339) is its time where it has none that can be read. A type that is no name here (the names of Resend
/// are kept, known or not) becomes `other`; the source's own name stands in `data.provider_event`.
///
/// ```
/// use countersign_core::{event::Source, normalise::{NO_HEADERS, parse}, standard::render};
///
/// let body = br#"{"type":"open","email_id":"m1","timestamp":"2026-03-09T12:00:00Z"}"#;
/// let event = parse(Source::Platform, &NO_HEADERS, body).unwrap().remove(0);
/// let body = String::from_utf8(render(&event, "2026-03-09T12:00:07Z")).unwrap();
/// assert!(body.starts_with(r#"{"type":"email.opened","timestamp":"2026-03-09T12:00:00.000Z","data":{"#));
/// ```
pub fn render(event: &Event, received_at: &str) -> Vec<u8> {
    let name = match event.event_type.as_str() {
        name if is_event_type(name) => name.to_owned(),
        _ => EventType::other().as_str().to_owned(),
    };
    let occurred_at = event.occurred_at.as_deref();
    let occurred_at = occurred_at.filter(|text| time::parse_rfc3339(text).is_some());
    let mut data = serde_json::to_value(event).unwrap_or_default();
    if let Value::Object(fields) = &mut data {
        fields.remove("type");
        fields.remove("original");
    }
    let envelope = Envelope {
        r#type: &name,
        timestamp: occurred_at.unwrap_or(received_at),
        data,
    };
    // Texts, numbers and maps of them: nothing that JSON cannot hold.
    serde_json::to_vec(&envelope).unwrap_or_default()
}

#[cfg(test)]
mod tests;
