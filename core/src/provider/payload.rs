//! Payloads of any provider: decoding, completing, encoding.

use super::{Provider, cleanmails, model::Field, platform, sendemall, smartlead};
use crate::event::EventKind;
use crate::{signature::BOM, surrogates};
use alloc::{
    borrow::{Cow, ToOwned},
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// A payload, typed by its provider.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Payload {
    /// From Cleanmails.
    Cleanmails(cleanmails::Payload),
    /// From SmartLead.
    Smartlead(smartlead::Payload),
    /// From SendEmAll.
    Sendemall(sendemall::Payload),
    /// From the platform.
    Platform(platform::Payload),
}

/// A payload that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayloadError {
    /// JSON path of the trouble, `data.lead_id`; empty for the whole text.
    pub path: String,
    /// What is wrong there.
    pub problem: PayloadProblem,
}

/// What is wrong with a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PayloadProblem {
    /// The text is not JSON.
    NotJson {
        /// Line of the first fault, from 1.
        line: usize,
        /// Column of the first fault, from 1.
        column: usize,
    },
    /// A required field is absent.
    Missing,
    /// A field has another type than the provider documents.
    WrongType {
        /// What was found and what was expected.
        detail: String,
    },
    /// More events in one body than are read.
    TooMany {
        /// Most that are read.
        max: usize,
    },
    /// The provider documents no such event type. Only publishing asks for this; a receiver takes any (R-X7).
    UnknownEventType {
        /// The type as given.
        name: String,
    },
    /// This can be no event type of one's own.
    InvalidEventType {
        /// The type as given, at most 128 characters of it.
        name: String,
    },
}

/// What an event that is to be published gets where its payload has none.
#[derive(Debug, Clone, Copy)]
pub struct Defaults<'a> {
    /// Event id, without the provider's prefix.
    pub id: &'a str,
    /// When it happened, RFC 3339 in UTC.
    pub timestamp: &'a str,
}

impl Payload {
    /// Reads the body of a delivery. Unknown fields and event types are kept, and so is an optional field whose value has
    /// another type than documented: it goes to `other` under its name (R-X7). Only a required field can be wrong.
    ///
    /// ```
    /// use countersign_core::provider::{Payload, Provider};
    ///
    /// let body = br#"{"type":"email.open","email_id":"msg_1","batch":7}"#;
    /// let payload = Payload::decode(Provider::Platform, body).unwrap();
    /// assert_eq!(payload.event_type(), "email.open");
    /// assert_eq!(payload.encode(), body);
    ///
    /// let error = Payload::decode(Provider::Platform, br#"{"type":"email.open"}"#).unwrap_err();
    /// assert_eq!((error.path.as_str(), error.code()), ("email_id", "missing_field"));
    /// ```
    ///
    /// # Errors
    /// [`PayloadError`] with the JSON path.
    pub fn decode(provider: Provider, body: &[u8]) -> Result<Self, PayloadError> {
        let fields = Value::Object(object(body)?);
        match provider {
            Provider::Cleanmails => Field::read(fields).map(Self::Cleanmails),
            Provider::Smartlead => Field::read(fields).map(Self::Smartlead),
            Provider::Sendemall => Field::read(fields).map(Self::Sendemall),
            Provider::Platform => Field::read(fields).map(Self::Platform),
        }
    }

    /// Reads an event that is to be published: like [`decode`](Self::decode), but an absent or empty id and an absent timestamp
    /// get their default, the event type must be one that the provider documents, and every documented field must have its type.
    ///
    /// # Errors
    /// [`PayloadError`] with the JSON path.
    pub fn complete(
        provider: Provider,
        body: &[u8],
        defaults: Defaults<'_>,
    ) -> Result<Self, PayloadError> {
        let mut fields = object(body)?;
        let type_field = provider.profile().type_field;
        match fields.get(type_field) {
            Some(Value::String(name)) => {
                let canonical = provider.canonical_type(name).ok_or_else(|| {
                    PayloadError::new(
                        type_field,
                        PayloadProblem::UnknownEventType { name: name.clone() },
                    )
                })?;
                fields.insert(type_field.to_owned(), canonical.into());
            }
            Some(_) => return Err(PayloadError::wrong_type(type_field, "expected a string")),
            None => return Err(PayloadError::new(type_field, PayloadProblem::Missing)),
        }
        fill(&mut fields, "timestamp", || defaults.timestamp.to_owned());
        match provider {
            // E17, R-P2: these two have an event id in the body.
            Provider::Sendemall | Provider::Platform => {
                // An empty one would be that of many events, of which a receiver takes the first alone (E35).
                if fields.get("id").and_then(Value::as_str) == Some("") {
                    fields.remove("id");
                }
                fill(&mut fields, "id", || format!("evt_{}", defaults.id));
            }
            Provider::Cleanmails | Provider::Smartlead => {}
        }
        Self::from_object(provider, fields)
    }

    fn from_object(provider: Provider, fields: Map<String, Value>) -> Result<Self, PayloadError> {
        for name in provider.profile().required {
            if fields.get(*name).is_none_or(Value::is_null) {
                return Err(PayloadError::new(name, PayloadProblem::Missing));
            }
        }
        let fields = Value::Object(fields);
        match provider {
            Provider::Cleanmails => typed(fields).map(Self::Cleanmails),
            Provider::Smartlead => typed(fields).map(Self::Smartlead),
            Provider::Sendemall => typed(fields).map(Self::Sendemall),
            Provider::Platform => typed(fields).map(Self::Platform),
        }
    }

    /// The JSON text: documented fields in the order of the document, then the others by name. Equal payloads have equal
    /// bytes.
    pub fn encode(&self) -> Vec<u8> {
        let text = match self {
            Self::Cleanmails(payload) => serde_json::to_vec(payload),
            Self::Smartlead(payload) => serde_json::to_vec(payload),
            Self::Sendemall(payload) => serde_json::to_vec(payload),
            Self::Platform(payload) => serde_json::to_vec(payload),
        };
        // Only maps with keys that are no strings can fail, and there are none; an empty text is no valid payload.
        text.unwrap_or_default()
    }

    /// Event type, in the provider's spelling.
    pub fn event_type(&self) -> &str {
        match self {
            Self::Cleanmails(payload) => payload.event.as_str(),
            Self::Smartlead(payload) => payload.event.as_str(),
            Self::Sendemall(payload) => payload.event.as_str(),
            Self::Platform(payload) => payload.event.as_str(),
        }
    }

    /// What the event means.
    pub const fn kind(&self) -> EventKind {
        match self {
            Self::Cleanmails(payload) => payload.event.kind(),
            Self::Smartlead(payload) => payload.event.kind(),
            Self::Sendemall(payload) => payload.event.kind(),
            Self::Platform(payload) => payload.event.kind(),
        }
    }

    /// Id of the event, where the provider sends one (C25: Cleanmails does not; R-S3: nor does SmartLead).
    pub fn event_id(&self) -> Option<String> {
        match self {
            Self::Cleanmails(_) | Self::Smartlead(_) => None,
            Self::Sendemall(payload) => Some(payload.id.clone()),
            Self::Platform(payload) => payload.id.as_ref().map(ToString::to_string),
        }
    }

    /// The `timestamp` field as it stands.
    pub fn timestamp(&self) -> Option<&str> {
        match self {
            Self::Cleanmails(payload) => Some(&payload.timestamp),
            Self::Smartlead(payload) => Some(&payload.timestamp),
            Self::Sendemall(payload) => Some(&payload.timestamp),
            Self::Platform(payload) => payload.timestamp.as_deref(),
        }
    }

    /// The campaign that the event belongs to, as a string (R-X6).
    pub fn campaign_id(&self) -> Option<String> {
        match self {
            Self::Cleanmails(payload) => payload.data.campaign_id.as_ref(),
            Self::Smartlead(payload) => Some(&payload.campaign_id),
            Self::Sendemall(payload) => payload.data.campaign_id.as_ref(),
            Self::Platform(_) => None,
        }
        .map(ToString::to_string)
    }
}

impl PayloadError {
    pub(crate) fn new(path: &str, problem: PayloadProblem) -> Self {
        Self {
            path: path.to_owned(),
            problem,
        }
    }

    pub(crate) fn wrong_type(path: &str, detail: &str) -> Self {
        let detail = detail.to_owned();
        Self::new(path, PayloadProblem::WrongType { detail })
    }

    /// The same trouble, seen from one level further out.
    pub(crate) fn inside(mut self, name: &str) -> Self {
        self.path = match self.path.as_str() {
            "" => name.to_owned(),
            path if path.starts_with('[') => format!("{name}{path}"),
            path => format!("{name}.{path}"),
        };
        self
    }

    /// The name of the problem.
    pub const fn code(&self) -> &'static str {
        match self.problem {
            PayloadProblem::NotJson { .. } => "json_invalid",
            PayloadProblem::Missing => "missing_field",
            PayloadProblem::WrongType { .. } => "wrong_type",
            PayloadProblem::TooMany { .. } => "too_many_events",
            PayloadProblem::UnknownEventType { .. } => "unknown_event_type",
            PayloadProblem::InvalidEventType { .. } => "event_type_invalid",
        }
    }
}

impl fmt::Display for PayloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = &self.path;
        match &self.problem {
            PayloadProblem::NotJson { line, column } => {
                write!(f, "the payload is not JSON (line {line}, column {column})")
            }
            PayloadProblem::Missing => write!(f, "the field `{path}` is required"),
            PayloadProblem::WrongType { detail } if path.is_empty() => {
                write!(f, "the payload has the wrong type: {detail}")
            }
            PayloadProblem::WrongType { detail } => {
                write!(f, "the field `{path}` has the wrong type: {detail}")
            }
            PayloadProblem::TooMany { max } => {
                write!(f, "the body holds more than {max} events")
            }
            PayloadProblem::UnknownEventType { name } => {
                write!(f, "the provider documents no event type `{name}`")
            }
            PayloadProblem::InvalidEventType { name } => write!(
                f,
                "`{name}` can be no event type: give 1 to 128 letters, digits, `_`, `.` and `-`, such as order.created"
            ),
        }
    }
}

impl core::error::Error for PayloadError {}

pub(crate) fn object(body: &[u8]) -> Result<Map<String, Value>, PayloadError> {
    match json(body)? {
        Value::Object(fields) => Ok(fields),
        _ => Err(PayloadError::wrong_type("", "expected a JSON object")),
    }
}

/// Reads a body as JSON. Nesting is bounded by `serde_json`: 128 levels, a deeper text is refused. Half a character becomes
/// U+FFFD.
pub(crate) fn json(body: &[u8]) -> Result<Value, PayloadError> {
    mended(body, |body| serde_json::from_slice(body)).map_err(|error| {
        PayloadError::new(
            "",
            PayloadProblem::NotJson {
                line: error.line(),
                column: error.column(),
            },
        )
    })
}

/// Reads a body, and once more without halves of characters if it has any and cannot be read with them.
pub(crate) fn mended<T>(
    body: &[u8],
    read: impl Fn(&[u8]) -> serde_json::Result<T>,
) -> serde_json::Result<T> {
    let body = body.strip_prefix(BOM).unwrap_or(body);
    read(body).or_else(|error| match surrogates::replace_lone(body) {
        Cow::Owned(body) => read(&body),
        Cow::Borrowed(_) => Err(error),
    })
}

pub(crate) fn fill(fields: &mut Map<String, Value>, name: &str, default: impl FnOnce() -> String) {
    if fields.get(name).is_none_or(Value::is_null) {
        fields.insert(name.to_owned(), Value::String(default()));
    }
}

fn typed<T: DeserializeOwned>(fields: Value) -> Result<T, PayloadError> {
    serde_path_to_error::deserialize(fields).map_err(|error| PayloadError {
        path: error.path().to_string(),
        problem: PayloadProblem::WrongType {
            detail: error.inner().to_string(),
        },
    })
}

#[cfg(test)]
mod tests;
