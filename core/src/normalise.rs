//! From the body of a delivery to normalised events.
//!
//! Verify first: what is read here is what somebody wrote, and reading proves nothing.

mod cleanmails;
mod mailgun;
mod part;
mod platform;
mod resend;
mod sendemall;
mod sendgrid;
mod shape;
mod smartlead;

pub use self::{
    part::{Part, parse_part},
    shape::{recognise, recognise_request},
};

use crate::{
    event::{Event, Id, Source},
    headers::{Headers, trimmed},
    provider::{
        PayloadError,
        payload::json,
        sendgrid::{elements, read_at},
    },
    time,
};
use alloc::{borrow::ToOwned, string::String, vec::Vec};
use serde_json::{Map, Value};

/// No headers, for callers that have none at hand. Only Resend's, Cleanmails' and SmartLead's ids of repeats are lost by it.
pub const NO_HEADERS: [(&str, &str); 0] = [];

/// Reads the body of a delivery as normalised events, in the order of the body: one, or as many as SendGrid posts at once
/// ([`EVENTS_MAX`](crate::provider::sendgrid::EVENTS_MAX) at most).
///
/// Nothing is refused because of an unknown event, an unknown field, or an optional field that is absent or of another type
/// than documented (R-X7, N8).
///
/// ```
/// use countersign_core::{event::{EventType, Source}, normalise::parse};
///
/// let headers = [("svix-id", "msg_1")];
/// let body = br#"{"type":"email.bounced","created_at":"2026-03-09T12:00:00+01:00","data":{"to":["a@b.example"],
///     "bounce":{"type":"Permanent","message":"no such user"}}}"#;
/// let events = parse(Source::Resend, &headers, body).unwrap();
/// assert_eq!(events[0].event_type, EventType::EmailBounced);
/// assert_eq!(events[0].occurred_at.as_deref(), Some("2026-03-09T11:00:00.000Z"));
/// assert_eq!(events[0].dedupe.as_deref(), Some("msg_1"));
/// ```
///
/// # Errors
/// [`PayloadError`] with the JSON path: the body is no JSON (nested more than 128 levels deep included), a required field is
/// absent, null or of another type, or there are too many events.
pub fn parse<H: Headers + ?Sized>(
    source: Source,
    headers: &H,
    body: &[u8],
) -> Result<Vec<Event>, PayloadError> {
    let one = match source {
        Source::Cleanmails => cleanmails::read(json(body)?, headers),
        Source::Smartlead => smartlead::read(json(body)?, headers),
        Source::Sendemall => sendemall::read(json(body)?),
        Source::Platform => platform::read(json(body)?, headers),
        Source::Resend => resend::read(json(body)?, headers),
        Source::Mailgun => mailgun::read(json(body)?),
        Source::Sendgrid => {
            let read = |(element, at): (Value, usize)| {
                let payload = read_at(element.clone(), at)?;
                Ok(sendgrid::event(payload, element))
            };
            return elements(body)?.into_iter().zip(0..).map(read).collect();
        }
    };
    one.map(|event| Vec::from([event]))
}

/// A moment as normalised events write it; `None` when it cannot be read.
fn instant(text: &str) -> Option<String> {
    time::parse_rfc3339(text).map(time::format_rfc3339_ms)
}

fn instant_of(text: Option<&String>) -> Option<String> {
    text.and_then(|text| instant(text))
}

/// A moment in unix seconds, as a number or as text.
fn instant_of_unix(seconds: Option<&Id>) -> Option<String> {
    let text = alloc::format!("{}", seconds?);
    time::parse_unix_seconds(&text).map(time::format_rfc3339_ms)
}

/// A `Message-ID` without its angle brackets (R-S20).
fn bare(message_id: &str) -> String {
    message_id
        .strip_prefix('<')
        .and_then(|rest| rest.strip_suffix('>'))
        .unwrap_or(message_id)
        .to_owned()
}

/// The address in `Name <address>`, or the whole text.
fn address(text: &str) -> String {
    text.strip_suffix('>')
        .and_then(|rest| rest.rsplit_once('<'))
        .map_or(text, |(_, address)| address)
        .to_owned()
}

/// The text, unless it is empty.
fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

/// The value of the first of these headers that is there and readable.
fn header<H: Headers + ?Sized>(headers: &H, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| {
        let value = trimmed(headers.header(name)?)?;
        core::str::from_utf8(value).ok().map(ToOwned::to_owned)
    })
}

/// A text that a sender may also write as a number.
fn spelled(field: Option<String>, other: &Map<String, Value>, name: &str) -> Option<String> {
    field.or_else(|| match other.get(name)? {
        Value::Number(number) => Some(alloc::format!("{number}")),
        _ => None,
    })
}

/// A whole number that a sender may also write as text.
fn counted(field: Option<u64>, other: &Map<String, Value>, name: &str) -> Option<u64> {
    field.or_else(|| other.get(name)?.as_str()?.parse().ok())
}

#[cfg(test)]
mod tests;
