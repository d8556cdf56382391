//! The body of one's own event: checking, completing, encoding.

use super::is_event_type;
use crate::{
    provider::{
        Defaults, PayloadError, PayloadProblem,
        payload::{fill, object},
    },
    time,
};
use alloc::{borrow::ToOwned, string::String, vec::Vec};
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Map, Value};

/// The fields of the shape, in its order.
const FIELDS: [&str; 3] = ["type", "timestamp", "data"];

/// One's own event. Unknown fields beside those of the shape are kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Payload {
    event_type: String,
    /// An object with every field of the shape.
    fields: Value,
}

impl Payload {
    /// Reads an event that is to be published; an absent timestamp gets its default.
    ///
    /// ```
    /// use countersign_core::{provider::Defaults, standard::Payload};
    ///
    /// let defaults = Defaults { id: "1", timestamp: "2026-01-02T03:04:05Z" };
    /// let payload = Payload::complete(br#"{"data":{"total":5},"type":"order.paid"}"#, defaults).unwrap();
    /// assert_eq!(payload.event_type(), "order.paid");
    /// assert_eq!(payload.encode(), br#"{"type":"order.paid","timestamp":"2026-01-02T03:04:05Z","data":{"total":5}}"#);
    /// ```
    ///
    /// # Errors
    /// [`PayloadError`] with the JSON path: a field is missing or of another type, the type can be no event type, the
    /// timestamp is no date and time of RFC 3339.
    pub fn complete(body: &[u8], defaults: Defaults<'_>) -> Result<Self, PayloadError> {
        let mut fields = object(body)?;
        let event_type = match fields.get("type") {
            Some(Value::String(name)) if is_event_type(name) => name.clone(),
            Some(Value::String(name)) => {
                let name = name.chars().take(super::EVENT_TYPE_BYTES_MAX).collect();
                let problem = PayloadProblem::InvalidEventType { name };
                return Err(PayloadError::new("type", problem));
            }
            None | Some(Value::Null) => {
                return Err(PayloadError::new("type", PayloadProblem::Missing));
            }
            Some(_) => return Err(PayloadError::wrong_type("type", "expected a string")),
        };
        fill(&mut fields, "timestamp", || defaults.timestamp.to_owned());
        let is_time = |value: &Value| value.as_str().and_then(time::parse_rfc3339).is_some();
        if !fields.get("timestamp").is_some_and(is_time) {
            let detail = "expected a date and time of RFC 3339 such as 2026-01-02T03:04:05Z";
            return Err(PayloadError::wrong_type("timestamp", detail));
        }
        match fields.get("data") {
            Some(Value::Object(_) | Value::Array(_)) => {}
            None | Some(Value::Null) => {
                return Err(PayloadError::new("data", PayloadProblem::Missing));
            }
            Some(_) => {
                let detail = "expected an object or a list";
                return Err(PayloadError::wrong_type("data", detail));
            }
        }
        Ok(Self {
            event_type,
            fields: Value::Object(fields),
        })
    }

    /// Its event type.
    pub fn event_type(&self) -> &str {
        &self.event_type
    }

    /// The whole body as a JSON value.
    pub const fn value(&self) -> &Value {
        &self.fields
    }

    /// The JSON text: the fields of the shape in its order, then the others by name. Equal payloads have equal bytes.
    pub fn encode(&self) -> Vec<u8> {
        let text = match &self.fields {
            Value::Object(fields) => serde_json::to_vec(&Ordered(fields)),
            other => serde_json::to_vec(other),
        };
        // Only maps with keys that are no strings can fail, and there are none.
        text.unwrap_or_default()
    }
}

/// An object with the fields of the shape first.
struct Ordered<'a>(&'a Map<String, Value>);

impl Serialize for Ordered<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for name in FIELDS {
            if let Some(value) = self.0.get(name) {
                map.serialize_entry(name, value)?;
            }
        }
        for (name, value) in self.0 {
            if !FIELDS.contains(&name.as_str()) {
                map.serialize_entry(name, value)?;
            }
        }
        map.end()
    }
}
