//! Reading requests: hostile bodies in, checked fields out.

use super::{App, problem::Problem};
use crate::clock::within;
use axum::{
    body::Body,
    extract::{FromRequest, Request},
    http::{HeaderMap, StatusCode, header, request::Parts},
};
use bytes::Bytes;
use countersign_core::surrogates;
use http_body_util::BodyExt;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, MapAccess, Visitor},
};
use serde_json::value::RawValue;
use std::{borrow::Cow, collections::BTreeMap, fmt, sync::Arc, time::Duration};
use url::form_urlencoded;

/// Longest time for a body to arrive.
const BODY_TIME_MAX: Duration = Duration::from_secs(30);
/// How much of a body that is too long is read and dropped before it is refused: a client that is still sending would see
/// a broken connection instead of the answer.
const DRAIN_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// The JSON object that a request carries, with its raw bytes.
pub(super) struct JsonBody {
    pub(super) bytes: Bytes,
    pub(super) fields: Fields,
}

impl FromRequest<Arc<App>> for JsonBody {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        let bytes_max = app.context.config.current().api.body_bytes_max;
        Self::read(request, app, bytes_max, HINT).await
    }
}

impl JsonBody {
    /// Reads a body of at most so many bytes; `hint` says in an error what else there is to know of the limit.
    pub(super) async fn read(
        request: Request,
        app: &App,
        bytes_max: u64,
        hint: &str,
    ) -> Result<Self, Problem> {
        let (parts, bytes) = read_raw(request, app, bytes_max, hint).await;
        // Judged after reading, so that the answer reaches a client that sends before it listens.
        check_content_type(&parts.headers)?;
        Self::of(bytes?)
    }

    /// Reads a body that may be left out: then it is empty, and no type is named.
    pub(super) async fn read_optional(
        request: Request,
        app: &App,
    ) -> Result<Option<Self>, Problem> {
        let bytes_max = app.context.config.current().api.body_bytes_max;
        let (parts, bytes) = read_raw(request, app, bytes_max, HINT).await;
        let named = parts.headers.contains_key(header::CONTENT_TYPE);
        match bytes {
            Ok(bytes) if bytes.is_empty() && !named => Ok(None),
            bytes => {
                check_content_type(&parts.headers)?;
                Self::of(bytes?).map(Some)
            }
        }
    }

    fn of(bytes: Bytes) -> Result<Self, Problem> {
        let bytes = match surrogates::replace_lone(&bytes) {
            Cow::Owned(replaced) => replaced.into(),
            Cow::Borrowed(_) => bytes,
        };
        Ok(Self {
            fields: Fields::parse(&bytes)?,
            bytes,
        })
    }
}

/// What else there is to know of the limit of most bodies.
const HINT: &str = "; the setting is api.body_bytes_max";

/// Reads a body of whatever type, of at most so many bytes.
pub(super) async fn read_raw(
    request: Request,
    app: &App,
    bytes_max: u64,
    hint: &str,
) -> (Parts, Result<Bytes, Problem>) {
    let (parts, body) = request.into_parts();
    let read = read_body(body, bytes_max, hint);
    let bytes = within(&*app.context.clock, BODY_TIME_MAX, read).await;
    let bytes = bytes.unwrap_or_else(|| {
        let detail = "the body did not arrive within 30 seconds";
        Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", detail).at("body"))
    });
    (parts, bytes)
}

fn check_content_type(headers: &HeaderMap) -> Result<(), Problem> {
    let content_type = headers.get(header::CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok());
    let essence = content_type.and_then(|value| value.split(';').next());
    match essence {
        Some(essence) if essence.trim().eq_ignore_ascii_case("application/json") => Ok(()),
        _ => Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "content_type_invalid",
            "send JSON, with the header `Content-Type: application/json`",
        )
        .at("Content-Type")),
    }
}

async fn read_body(mut body: Body, bytes_max: u64, hint: &str) -> Result<Bytes, Problem> {
    let mut bytes = Vec::new();
    let mut seen: u64 = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| {
            Problem::field(
                "body_incomplete",
                "body",
                "the connection broke or the body is not encoded as its headers say",
            )
        })?;
        let Some(data) = frame.data_ref() else {
            continue;
        };
        seen = seen.saturating_add(data.len() as u64);
        match seen {
            _ if seen <= bytes_max => bytes.extend_from_slice(data),
            _ if seen > DRAIN_BYTES_MAX => break,
            // Drained; what was kept is not needed any more.
            _ => bytes = Vec::new(),
        }
    }
    match seen <= bytes_max {
        true => Ok(bytes.into()),
        false => Err(Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body_too_large",
            format!("a request body has at most {bytes_max} bytes{hint}"),
        )
        .at("body")),
    }
}

/// The fields of a JSON object, each still as text, so that a mistake can be told by the field's name.
pub(super) struct Fields(BTreeMap<String, Box<RawValue>>);

impl Fields {
    /// Reads an object. A field that occurs twice is refused: which one counts would be a guess.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        let parsed: Parsed = serde_json::from_slice(bytes).map_err(|error| {
            let detail = match error.classify() {
                serde_json::error::Category::Data => "the body must be a JSON object".to_owned(),
                _ => format!("the body is not JSON: {error}"),
            };
            Problem::field("json_invalid", "body", detail)
        })?;
        match parsed.repeated {
            Some(name) => Err(Problem::field(
                "repeated_field",
                &name,
                format!("`{name}` occurs more than once; keep one"),
            )),
            None => Ok(Self(parsed.fields)),
        }
    }

    /// A field that must be there.
    pub(super) fn required<T: DeserializeOwned>(
        &mut self,
        name: &str,
        kind: &str,
    ) -> Result<T, Problem> {
        self.optional(name, kind)?.ok_or_else(|| {
            Problem::field(
                "missing_field",
                name,
                format!("`{name}` is missing: give {kind}"),
            )
        })
    }

    /// A field that may be left out or null.
    pub(super) fn optional<T: DeserializeOwned>(
        &mut self,
        name: &str,
        kind: &str,
    ) -> Result<Option<T>, Problem> {
        Ok(self.nullable(name, kind)?.flatten())
    }

    /// A field for which left out and null differ.
    pub(super) fn nullable<T: DeserializeOwned>(
        &mut self,
        name: &str,
        kind: &str,
    ) -> Result<Option<Option<T>>, Problem> {
        let Some(text) = self.0.remove(name) else {
            return Ok(None);
        };
        serde_json::from_str(text.get())
            .map(Some)
            .map_err(|_| Problem::field("wrong_type", name, format!("`{name}` must be {kind}")))
    }

    /// The JSON text of a field; `None` when it is left out or null.
    pub(super) fn raw(&mut self, name: &str) -> Option<String> {
        let text: Box<str> = self.0.remove(name)?.into();
        (&*text != "null").then(|| text.into())
    }

    /// The names of what is left over.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Refuses what is left over: a misspelt field would have no effect.
    pub(super) fn finish(self, known: &[&str]) -> Result<(), Problem> {
        match self.0.into_keys().next() {
            None => Ok(()),
            Some(name) => Err(unknown(&name, known, "field")),
        }
    }
}

struct Parsed {
    fields: BTreeMap<String, Box<RawValue>>,
    repeated: Option<String>,
}

impl<'de> Deserialize<'de> for Parsed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Parsed;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Parsed, A::Error> {
                let mut parsed = Parsed {
                    fields: BTreeMap::new(),
                    repeated: None,
                };
                while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    if parsed.fields.insert(name.clone(), value).is_some() {
                        parsed.repeated = Some(name);
                    }
                }
                Ok(parsed)
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// The parameters after the question mark.
pub(super) struct Query(BTreeMap<String, String>);

impl Query {
    /// Reads those that are known and leaves out others, for clients that send more to servers of their provider. Of repeated
    /// ones the first counts.
    pub(super) fn known_of(query: Option<&str>, known: &[&str]) -> Self {
        let mut parameters = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            if known.contains(&&*name) {
                parameters
                    .entry(name.into_owned())
                    .or_insert_with(|| value.into_owned());
            }
        }
        Self(parameters)
    }

    /// A parameter, read by `read`; `kind` says what it must be.
    pub(super) fn take<T>(
        &mut self,
        name: &str,
        kind: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        match self.0.remove(name) {
            None => Ok(None),
            Some(text) => read(&text).map(Some).ok_or_else(|| {
                Problem::field("query_invalid", name, format!("`{name}` must be {kind}"))
            }),
        }
    }
}

/// The one value of a header, as text.
pub(super) fn header_text<'a>(
    headers: &'a HeaderMap,
    name: &str,
) -> Result<Option<&'a str>, Problem> {
    let mut values = headers.get_all(name).iter();
    let (Some(value), more) = (values.next(), values.next()) else {
        return Ok(None);
    };
    match (value.to_str(), more) {
        (Ok(text), None) => Ok(Some(text)),
        (Err(_), _) | (_, Some(_)) => {
            let detail = format!("{name} must be one value of visible ASCII characters");
            Err(Problem::field("header_invalid", name, detail))
        }
    }
}

pub(super) fn unknown(name: &str, known: &[&str], what: &str) -> Problem {
    let likeness = |known: &&&str| (strsim::jaro_winkler(known, name) * 1_000.0) as u32;
    let nearest = known.iter().max_by_key(likeness);
    let hint = match nearest.filter(|known| likeness(known) > 800) {
        Some(nearest) => format!(" (did you mean `{nearest}`?)"),
        None => String::new(),
    };
    // Names come from outside and may be long.
    let name: String = name.chars().take(100).collect();
    let known = match known {
        [] => "there are none".to_owned(),
        known => format!("known are: {}", known.join(", ")),
    };
    let detail = format!("there is no {what} `{name}`{hint}; {known}");
    Problem::field("unknown_field", &name, detail)
}

#[cfg(test)]
mod tests;
