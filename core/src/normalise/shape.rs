//! Whose shape a request has (R-P6), without building the values of its body: nobody has vouched for it yet.

use crate::{
    event::Source,
    headers::{Headers, trimmed},
    provider::payload::mended,
};
use core::fmt;
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};

/// Headers that only one sender of inbound events has.
const TELLING: [(&str, Source); 2] = [
    ("svix-signature", Source::Resend),
    ("x-twilio-email-event-webhook-signature", Source::Sendgrid),
];

/// Whose request it is (R-P6): a header that only one sender has tells it, else the shape of the body. `None` for anything
/// else. It is no proof of origin: it tells which scheme to verify with, and signatures are never tried in turn.
pub fn recognise_request<H: Headers + ?Sized>(headers: &H, body: &[u8]) -> Option<Source> {
    let is_there = |name: &str| headers.header(name).and_then(trimmed).is_some();
    let telling = TELLING.iter().find(|(name, _)| is_there(name));
    telling
        .map(|(_, source)| *source)
        .or_else(|| recognise(body))
}

/// Which inbound shape a body has (R-P6): Resend's, SendGrid's, Mailgun's, or the platform's own flat one. `None` for
/// anything else. A shape is no proof of origin: it tells which scheme to verify with.
pub fn recognise(body: &[u8]) -> Option<Source> {
    match mended(body, |body| serde_json::from_slice(body)).ok()? {
        Outline::List(Keys { event: true, .. }) => Some(Source::Sendgrid),
        Outline::List(_) => None,
        Outline::Object(Keys {
            event_data: true, ..
        }) => Some(Source::Mailgun),
        Outline::Object(Keys {
            kind: true,
            email_id: true,
            ..
        }) => Some(Source::Platform),
        Outline::Object(Keys {
            kind: true,
            data: true,
            ..
        }) => Some(Source::Resend),
        Outline::Object(_) => None,
    }
}

/// Which of the telling fields an object has; none where it is no object.
#[derive(Default)]
struct Keys {
    event: bool,
    event_data: bool,
    kind: bool,
    email_id: bool,
    data: bool,
}

/// A body, or that of its first element where it is a list.
enum Outline {
    Object(Keys),
    List(Keys),
}

#[derive(Deserialize)]
#[serde(field_identifier)]
enum Key {
    #[serde(rename = "event")]
    Event,
    #[serde(rename = "event-data")]
    EventData,
    #[serde(rename = "type")]
    Kind,
    #[serde(rename = "email_id")]
    EmailId,
    #[serde(rename = "data")]
    Data,
    #[serde(other)]
    Other,
}

impl<'de> Deserialize<'de> for Outline {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OfBody)
    }
}

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OfElement)
    }
}

struct OfBody;

impl<'de> Visitor<'de> for OfBody {
    type Value = Outline;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or a list")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Outline, A::Error> {
        keys(map).map(Outline::Object)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Outline, A::Error> {
        let first = list.next_element()?.unwrap_or_default();
        rest(list)?;
        Ok(Outline::List(first))
    }
}

struct OfElement;

impl<'de> Visitor<'de> for OfElement {
    type Value = Keys;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Keys, A::Error> {
        keys(map)
    }
}

fn keys<'de, A: MapAccess<'de>>(mut map: A) -> Result<Keys, A::Error> {
    let mut keys = Keys::default();
    while let Some(key) = map.next_key()? {
        // An explicit null is a field, too.
        map.next_value::<IgnoredAny>()?;
        match key {
            Key::Event => keys.event = true,
            Key::EventData => keys.event_data = true,
            Key::Kind => keys.kind = true,
            Key::EmailId => keys.email_id = true,
            Key::Data => keys.data = true,
            Key::Other => {}
        }
    }
    Ok(keys)
}

fn rest<'de, A: SeqAccess<'de>>(mut list: A) -> Result<(), A::Error> {
    while list.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}
