//! What is sent, and how the answer is read.

use crate::Error;
use countersign_api::Problem;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use url::form_urlencoded;

/// What is written as it is in a part of a path (RFC 3986, section 2.3).
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A call of the API, and how its answer is read. Sending it is somebody else's task.
#[derive(Debug, Clone)]
#[must_use = "a call does nothing until it is sent"]
pub struct Call<T> {
    /// The method.
    pub method: &'static str,
    /// Path and query, from `/v1` on.
    pub path: String,
    /// JSON, if there is a body.
    pub body: Option<Vec<u8>>,
    /// Of the header `Idempotency-Key`.
    pub idempotency_key: Option<String>,
    read: fn(&[u8]) -> Result<T, serde_json::Error>,
}

impl<T> Call<T> {
    pub(crate) fn new(
        method: &'static str,
        parts: &[&str],
        read: fn(&[u8]) -> Result<T, serde_json::Error>,
    ) -> Self {
        let parts = parts
            .iter()
            .map(|part| utf8_percent_encode(part, PATH).to_string());
        Self {
            method,
            path: format!("/v1/{}", parts.collect::<Vec<_>>().join("/")),
            body: None,
            idempotency_key: None,
            read,
        }
    }

    pub(crate) fn query(mut self, query: &impl Serialize) -> Result<Self, Error> {
        let Value::Object(query) = serde_json::to_value(query)? else {
            return Ok(self);
        };
        let mut pairs = form_urlencoded::Serializer::new(String::new());
        for (name, value) in query {
            match value {
                Value::Null => {}
                Value::String(text) => {
                    pairs.append_pair(&name, &text);
                }
                other => {
                    pairs.append_pair(&name, &other.to_string());
                }
            }
        }
        let pairs = pairs.finish();
        if !pairs.is_empty() {
            self.path.push('?');
            self.path.push_str(&pairs);
        }
        Ok(self)
    }

    pub(crate) fn body(self, body: &impl Serialize) -> Result<Self, Error> {
        Ok(Self {
            body: Some(serde_json::to_vec(body)?),
            ..self
        })
    }

    /// The same with a key under which the server does it once, however often it is sent within 24 hours.
    pub fn with_idempotency_key(self, key: impl Into<String>) -> Self {
        Self {
            idempotency_key: Some(key.into()),
            ..self
        }
    }

    /// Reads an answer.
    ///
    /// # Errors
    /// [`Error::Problem`], [`Error::Status`], [`Error::Answer`]
    pub fn read(&self, status: u16, body: &[u8]) -> Result<T, Error> {
        match status {
            200..=299 => (self.read)(body).map_err(Error::Answer),
            _ => Err(match serde_json::from_slice::<Problem>(body) {
                Ok(problem) => Error::Problem(Box::new(problem)),
                Err(_) => Error::Status { status },
            }),
        }
    }
}

/// Reads JSON.
pub(crate) fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, serde_json::Error> {
    serde_json::from_slice(body)
}

/// Reads nothing.
pub(crate) fn nothing(_: &[u8]) -> Result<(), serde_json::Error> {
    Ok(())
}

/// Takes the bytes as they are.
pub(crate) fn bytes(body: &[u8]) -> Result<Vec<u8>, serde_json::Error> {
    Ok(body.to_vec())
}

#[cfg(test)]
mod tests {
    use crate::{Error, calls};
    use countersign_api::{DeliveryQuery, DeliveryStatus, DescribeEventType};

    #[test]
    fn what_has_a_meaning_in_addresses_is_escaped() {
        let query = DeliveryQuery {
            status: Some(DeliveryStatus::DeadLettered),
            event_type: Some("a&b c".to_owned()),
            limit: Some(7),
            ..DeliveryQuery::default()
        };
        let call = calls::list_deliveries(&query).unwrap();
        assert_eq!(
            (call.method, &*call.path),
            (
                "GET",
                "/v1/deliveries?event_type=a%26b+c&limit=7&status=dead_lettered"
            )
        );
        let call = calls::describe_event_type("a/b", "c?d", &DescribeEventType::default()).unwrap();
        assert_eq!(call.path, "/v1/event-types/a%2Fb/c%3Fd");
        assert_eq!(call.body.as_deref(), Some(&b"{}"[..]));
    }

    #[test]
    fn an_answer_is_read_as_what_it_is() {
        let call = calls::show_version();
        let problem = br#"{"type":"about:blank","title":"Not Found","status":404,"code":"not_found","detail":"d"}"#;
        assert_eq!(
            call.read(404, problem).unwrap_err().code(),
            Some("not_found")
        );
        assert!(matches!(
            call.read(502, b"<html>"),
            Err(Error::Status { status: 502 })
        ));
        assert!(matches!(call.read(200, b"{}"), Err(Error::Answer(_))));
        assert!(calls::delete_endpoint("ep_1").read(204, b"").is_ok());
    }
}
