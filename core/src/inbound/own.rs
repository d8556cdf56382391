//! Events of senders that nobody knows: an operator says where type, id and time stand.

use crate::{
    headers::{Headers, trimmed},
    provider::{PayloadError, payload::json},
    signature::form,
    time,
};
use alloc::{borrow::ToOwned, format, string::String, vec::Vec};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, map::Entry};

/// What a form says of itself.
const FORM: &[u8] = b"application/x-www-form-urlencoded";

/// Longest event type; what is beyond is cut off.
pub const TYPE_BYTES_MAX: usize = 128;

/// Where something stands in a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place {
    /// In the body: a JSON pointer.
    Pointer(String),
    /// In a header, by its name. Few schemes sign headers: what stands there is then not vouched for.
    Header(String),
}

impl Place {
    /// Reads `/a/b` (RFC 6901) or `header:X-Event`; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix("header:") {
            Some(name) => {
                let is_token =
                    |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
                (!name.is_empty() && name.bytes().all(is_token))
                    .then(|| Self::Header(name.to_ascii_lowercase()))
            }
            None => text
                .starts_with('/')
                .then(|| Self::Pointer(text.to_owned())),
        }
    }

    fn find<H: Headers + ?Sized>(&self, headers: &H, body: &Value) -> Option<String> {
        match self {
            Self::Pointer(pointer) => match body.pointer(pointer)? {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) => Some(format!("{number}")),
                _ => None,
            },
            Self::Header(name) => {
                let value = headers.header(name).and_then(trimmed)?;
                core::str::from_utf8(value).ok().map(ToOwned::to_owned)
            }
        }
        .filter(|found| !found.is_empty())
    }
}

/// Where type, id and time of an event stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Places {
    /// Its type.
    pub event_type: Place,
    /// Its id; `None` where it has none.
    pub event_id: Option<Place>,
    /// When it happened: RFC 3339, or unix seconds or milliseconds.
    pub timestamp: Option<Place>,
}

/// An event of such a sender.
#[derive(Debug, Clone, PartialEq)]
pub struct Own {
    /// Its type, of letters, digits, `.`, `_` and `-`. Every other character is written as `_`. Where the request says nothing it
    /// is the name of the source: nothing is refused for it (N8).
    pub event_type: String,
    /// Its id, as the sender gives it.
    pub event_id: Option<String>,
    /// When it happened, RFC 3339 in UTC with milliseconds. `None` when nothing is said that can be read.
    pub occurred_at: Option<String>,
    /// The body.
    pub data: Value,
}

impl Own {
    /// Reads the event of a request to the source `name`. A form is read as an object of texts; a field that occurs several
    /// times is a list of them.
    ///
    /// # Errors
    /// [`PayloadError`]: the body is neither JSON nor, as its `Content-Type` says, a form.
    pub fn read<H: Headers + ?Sized>(
        name: &str,
        places: &Places,
        headers: &H,
        body: &[u8],
    ) -> Result<Self, PayloadError> {
        let data = match json(body) {
            // Few schemes sign the type: whoever posts signed JSON again as a form shall not make another event of it.
            Err(_) if is_form(headers) => object(body),
            read => read?,
        };
        let found = |place: &Place| place.find(headers, &data);
        let event_type = found(&places.event_type).map(|found| as_type(&found));
        let event_type = event_type.unwrap_or_else(|| as_type(name));
        let event_id = places.event_id.as_ref().and_then(found);
        let occurred_at = places.timestamp.as_ref().and_then(found);
        Ok(Self {
            event_type,
            event_id,
            occurred_at: occurred_at.as_deref().and_then(instant),
            data,
        })
    }
}

fn is_form<H: Headers + ?Sized>(headers: &H) -> bool {
    let named = headers.header("content-type").and_then(trimmed);
    let essence = named.and_then(|value| value.split(|byte| *byte == b';').next());
    essence.is_some_and(|essence| essence.trim_ascii().eq_ignore_ascii_case(FORM))
}

/// The fields of a form.
fn object(body: &[u8]) -> Value {
    let mut fields = Map::new();
    for (name, value) in form::pairs(body) {
        let value = Value::String(form::decoded(value));
        match fields.entry(form::decoded(name)) {
            Entry::Vacant(place) => {
                place.insert(value);
            }
            Entry::Occupied(mut place) => match place.get_mut() {
                Value::Array(values) => values.push(value),
                first => *first = Value::Array(Vec::from([first.take(), value])),
            },
        }
    }
    Value::Object(fields)
}

fn as_type(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    text.chars()
        .take(TYPE_BYTES_MAX)
        .map(|c| if is_plain(c) { c } else { '_' })
        .collect()
}

/// Unix times from here on are milliseconds: the year 5138 in seconds, 1973 in milliseconds.
const MILLISECONDS_FROM: i64 = 100_000_000_000;

fn instant(text: &str) -> Option<String> {
    let unix_ms = match time::parse_rfc3339(text) {
        Some(unix_ms) => unix_ms,
        None => {
            let whole = text.split('.').next().and_then(|whole| whole.parse().ok());
            match whole? {
                ms if ms >= MILLISECONDS_FROM => ms,
                _ => time::parse_unix_seconds(text)?,
            }
        }
    };
    Some(time::format_rfc3339_ms(unix_ms))
}
