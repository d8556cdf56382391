//! What handlers take: bodies, parameters and ids, checked and typed.

use super::{
    App,
    checked::{Checker, Part, Taken},
    describe::{Input, Operation, Schemas},
    problem::Problem,
    request::{Fields, JsonBody, unknown},
};
use crate::{
    ids::{ApiKeyId, DeliveryId, EndpointId, InboundId, MessageId, ReplayId},
    publish::BATCH_BYTES_MAX,
};
use axum::{
    extract::{FromRequest, FromRequestParts, OptionalFromRequest, Path, RawQuery, Request},
    http::{HeaderMap, request::Parts},
};
use bytes::Bytes;
use countersign_api::Raw;
use serde_json::{Map, Value, json};
use std::{str::FromStr, sync::Arc};
use tokio::sync::OwnedSemaphorePermit;
use url::form_urlencoded;

/// A JSON body that fits its schema.
pub(super) struct Body<T>(pub(super) T);

impl<T: Taken> FromRequest<Arc<App>> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        let body = JsonBody::from_request(request, app).await?;
        read(&body.bytes, Part::Body).map(Self)
    }
}

/// A body that may be left out.
impl<T: Taken> OptionalFromRequest<Arc<App>> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Option<Self>, Problem> {
        match JsonBody::read_optional(request, app).await? {
            None => Ok(None),
            Some(body) => read(&body.bytes, Part::Body).map(|read| Some(Self(read))),
        }
    }
}

impl<T: Taken> Input for Body<T> {
    fn describe(operation: &mut Operation, schemas: &mut Schemas) {
        let schema = schemas.request::<T>();
        operation.takes(schema, true, schemas);
    }
}

impl<T: Taken> Input for Option<Body<T>> {
    fn describe(operation: &mut Operation, schemas: &mut Schemas) {
        let schema = schemas.request::<T>();
        operation.takes(schema, false, schemas);
    }
}

/// Reads a JSON object that fits its schema.
pub(super) fn read<T: Taken>(bytes: &[u8], part: Part) -> Result<T, Problem> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| {
        Problem::field(
            "json_invalid",
            "body",
            format!("the body is not JSON: {error}"),
        )
    })?;
    T::checker().check(&value, part)?;
    // Only now: a name that occurs twice is the smaller mistake.
    Fields::parse(bytes)?;
    // What fits can be read, but for numbers that are written as no type has them.
    serde_json::from_slice(bytes).map_err(|error| {
        Problem::field(
            "wrong_type",
            "body",
            format!("the body cannot be read: {error}"),
        )
    })
}

/// Reads the JSON of a filter.
pub(super) fn filter<T: Taken, U: ?Sized>(raw: &Raw<U>) -> Result<T, Problem> {
    read(raw.as_str().as_bytes(), Part::Filter)
}

/// The parameters after the question mark.
pub(super) struct Params<T>(pub(super) T);

impl<T: Taken, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        // It takes none that it could refuse.
        let RawQuery(query) = RawQuery::from_request_parts(parts, state)
            .await
            .unwrap_or(RawQuery(None));
        params(query.as_deref()).map(Self)
    }
}

fn params<T: Taken>(query: Option<&str>) -> Result<T, Problem> {
    let checker = T::checker();
    let mut given = Map::new();
    for (name, text) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        let names = checker.names();
        if !names.contains(&&*name) {
            return Err(unknown(&name, &names, "query parameter"));
        }
        let value = value(checker, &name, text.into_owned());
        if given.insert(name.to_string(), value).is_some() {
            let detail = format!("`{name}` occurs more than once; keep one");
            return Err(Problem::field("repeated_field", &name, detail));
        }
    }
    let given = Value::Object(given);
    checker.check(&given, Part::Query)?;
    serde_json::from_value(given)
        .map_err(|error| Problem::field("query_invalid", "query", error.to_string()))
}

/// A parameter as JSON: a number or a truth where the schema has one, or else a text.
fn value(checker: &Checker, name: &str, text: String) -> Value {
    let takes = |kind: &str| checker.takes(name, kind);
    let number = text.parse::<u64>().ok().filter(|_| takes("integer"));
    match (number, text.as_str()) {
        (Some(number), _) => number.into(),
        (None, "true") if takes("boolean") => true.into(),
        (None, "false") if takes("boolean") => false.into(),
        (None, _) => text.into(),
    }
}

impl<T: Taken> Input for Params<T> {
    fn describe(operation: &mut Operation, schemas: &mut Schemas) {
        for (name, mut schema, required) in schemas.properties::<T>() {
            let description = schema
                .as_object_mut()
                .and_then(|schema| schema.remove("description"));
            not_null(&mut schema);
            operation.parameters.push(json!({
                "name": name,
                "in": "query",
                "required": required,
                "description": description.unwrap_or_default(),
                "schema": schema,
            }));
        }
        operation.query = Some(T::schema_name().into_owned());
        operation.refuses(400, "A parameter is wrong", schemas);
    }
}

/// A parameter can be left out, and not be null.
fn not_null(schema: &mut Value) {
    let Some(schema) = schema.as_object_mut() else {
        return;
    };
    if let Some(Value::Array(kinds)) = schema.get_mut("type") {
        kinds.retain(|kind| kind != "null");
        if let [one] = kinds.as_slice() {
            let one = one.clone();
            schema.insert("type".to_owned(), one);
        }
    }
    if let Some(Value::Array(alternatives)) = schema.get_mut("anyOf") {
        alternatives.retain(|one| one.get("type").is_none_or(|kind| kind != "null"));
        if let [one] = alternatives.as_slice() {
            let one = one.clone();
            schema.remove("anyOf");
            schema.extend(one.as_object().cloned().unwrap_or_default());
        }
    }
}

/// An id in the path. What is none is an id of nothing: 404.
pub(super) struct IdPath<T>(pub(super) T);

pub(super) trait PathId: FromStr {
    const WHAT: &str;
    const PREFIX: &str;
}

macro_rules! path_ids {
    ($($id:ty = $what:literal),*) => {$(
        impl PathId for $id {
            const WHAT: &str = $what;
            const PREFIX: &str = <$id>::PREFIX;
        }
    )*};
}

path_ids!(
    EndpointId = "endpoint",
    MessageId = "message",
    DeliveryId = "delivery",
    ReplayId = "replay",
    InboundId = "request",
    ApiKeyId = "key"
);

impl<S: Send + Sync, T: PathId> FromRequestParts<S> for IdPath<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let text = Path::<String>::from_request_parts(parts, state).await;
        let id = text.ok().and_then(|Path(text)| text.parse().ok());
        id.map(Self).ok_or_else(|| Problem::not_found(T::WHAT))
    }
}

impl<T: PathId> Input for IdPath<T> {
    fn describe(operation: &mut Operation, schemas: &mut Schemas) {
        // Crockford's base 32, as ULIDs are written.
        let pattern = format!("^{}[0-9A-HJKMNP-TV-Z]{{26}}$", T::PREFIX);
        let schema = json!({ "type": "string", "pattern": pattern });
        operation.path_parameter("id", &format!("Which {}", T::WHAT), schema);
        let refused = format!("There is no {} of this id in the workspace", T::WHAT);
        operation.refuses(404, &refused, schemas);
    }
}

/// The name of a workspace in the path.
pub(super) struct WorkspacePath(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for WorkspacePath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let text = Path::<String>::from_request_parts(parts, state).await;
        let named = text.map(|Path(text)| Self(text));
        named.map_err(|_| Problem::not_found("workspace"))
    }
}

impl Input for WorkspacePath {
    fn describe(operation: &mut Operation, schemas: &mut Schemas) {
        operation.path_parameter("id", "Which workspace", json!({ "type": "string" }));
        operation.refuses(404, "There is no such workspace", schemas);
    }
}

/// An event type in the path.
#[derive(Debug, Clone, serde::Deserialize)]
pub(super) struct EventTypePath {
    pub(super) provider: String,
    pub(super) name: String,
}

impl<S: Send + Sync> FromRequestParts<S> for EventTypePath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<Self>::from_request_parts(parts, state).await;
        let path = path.map(|Path(path)| path);
        path.map_err(|_| Problem::not_found("event type"))
    }
}

impl Input for EventTypePath {
    fn describe(operation: &mut Operation, schemas: &mut Schemas) {
        let text = || json!({ "type": "string" });
        operation.path_parameter("provider", "Whose event it is", text());
        operation.path_parameter(
            "name",
            "The event type, in any spelling of its provider",
            text(),
        );
        operation.refuses(
            404,
            "The workspace has not described this event type",
            schemas,
        );
    }
}

/// Longest idempotency key and longest id of an event, in bytes.
pub(super) const KEY_BYTES_MAX: usize = 255;

/// The header `Idempotency-Key`.
pub(super) struct IdempotencyKey(pub(super) Option<String>);

/// Whether a text can be an idempotency key or the id of an event.
pub(super) fn is_key(text: &str) -> bool {
    (1..=KEY_BYTES_MAX).contains(&text.len()) && text.bytes().all(|b| (32..127).contains(&b))
}

impl IdempotencyKey {
    fn read(headers: &HeaderMap) -> Result<Self, Problem> {
        let mut values = headers.get_all("idempotency-key").iter();
        let (first, more) = (values.next(), values.next());
        let Some(value) = first else {
            return Ok(Self(None));
        };
        match value.to_str() {
            Ok(text) if is_key(text) && more.is_none() => Ok(Self(Some(text.to_owned()))),
            _ => {
                let detail = format!(
                    "Idempotency-Key must be one value of 1 to {KEY_BYTES_MAX} visible ASCII characters"
                );
                Err(Problem::field(
                    "idempotency_key_invalid",
                    "Idempotency-Key",
                    detail,
                ))
            }
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::read(&parts.headers)
    }
}

impl Input for IdempotencyKey {
    fn describe(operation: &mut Operation, schemas: &mut Schemas) {
        operation.parameters.push(json!({
            "name": "Idempotency-Key",
            "in": "header",
            "required": false,
            "description": "The same request under the same key makes one message for 24 hours",
            "schema": { "type": "string", "pattern": "^[ -~]{1,255}$" },
        }));
        operation.refuses(409, "The key was used for another request", schemas);
    }
}

/// The body of an event, and its bytes. Publishing is on the way of everything, so it is not read twice; a test holds its reader
/// to the schema.
pub(super) struct EventBody {
    pub(super) fields: Fields,
    pub(super) bytes: Bytes,
}

impl FromRequest<Arc<App>> for EventBody {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        let body = JsonBody::from_request(request, app).await?;
        // Once more: the body may have taken its time to arrive.
        app.check_running()?;
        Ok(Self {
            fields: body.fields,
            bytes: body.bytes,
        })
    }
}

impl Input for EventBody {
    fn describe(operation: &mut Operation, schemas: &mut Schemas) {
        let schema = schemas.request::<countersign_api::PublishEvent>();
        operation.takes(schema, true, schemas);
    }
}

/// The body of a batch. It is longer than others, so there are fewer at a time.
pub(super) struct BatchBody {
    pub(super) fields: Fields,
    pub(super) bytes: Bytes,
    _turn: OwnedSemaphorePermit,
}

impl FromRequest<Arc<App>> for BatchBody {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        // Before the body is read, so that what waits is small.
        let turn = Arc::clone(&app.batches).acquire_owned().await;
        let turn = turn.map_err(|_| Problem::internal())?;
        let hint = "; send the events in several requests";
        let body = JsonBody::read(request, app, BATCH_BYTES_MAX, hint).await?;
        // Once more: the turn and the body may have taken their time.
        app.check_running()?;
        Ok(Self {
            fields: body.fields,
            bytes: body.bytes,
            _turn: turn,
        })
    }
}

impl Input for BatchBody {
    fn describe(operation: &mut Operation, schemas: &mut Schemas) {
        let schema = schemas.request::<countersign_api::PublishBatch>();
        operation.takes(schema, true, schemas);
    }
}

impl Operation {
    fn takes(&mut self, schema: Value, required: bool, schemas: &mut Schemas) {
        self.body = Some(json!({
            "required": required,
            "content": { "application/json": { "schema": schema } },
        }));
        for (status, what) in [
            (400, "The request is wrong"),
            (408, "The body did not arrive in time"),
            (413, "The body is too long"),
            (415, "The body is not JSON"),
        ] {
            self.refuses(status, what, schemas);
        }
    }

    fn path_parameter(&mut self, name: &str, description: &str, schema: Value) {
        self.parameters.push(json!({
            "name": name, "in": "path", "required": true, "description": description, "schema": schema,
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_api::{
        Acknowledgement, CreateKey, DeadLetterQuery, PageQuery, RenameWorkspace, Role,
    };

    fn code<T>(result: Result<T, Problem>) -> String {
        match result {
            Ok(_) => "ok".to_owned(),
            Err(problem) => problem.code().to_owned(),
        }
    }

    #[test]
    fn parameters_are_read_as_what_they_are() {
        let page: PageQuery = params(Some("limit=7&after=dlv_1")).unwrap();
        assert_eq!(
            (page.limit, page.after.as_deref()),
            (Some(7), Some("dlv_1"))
        );
        assert_eq!(params::<PageQuery>(None).unwrap(), PageQuery::default());
        for (text, expected) in [
            ("true", Acknowledgement::Is(true)),
            ("false", Acknowledgement::Is(false)),
            ("any", Acknowledgement::Either(countersign_api::Either::Any)),
        ] {
            let query: DeadLetterQuery = params(Some(&format!("acknowledged={text}"))).unwrap();
            assert_eq!(query.acknowledged, Some(expected), "{text}");
        }
        for (query, expected) in [
            ("limt=1", "unknown_field"),
            ("limit=1&limit=2", "repeated_field"),
            ("limit=x", "query_invalid"),
            ("limit=0", "query_invalid"),
            ("limit=-1", "query_invalid"),
            ("limit=1.0", "query_invalid"),
        ] {
            assert_eq!(code(params::<PageQuery>(Some(query))), expected, "{query}");
        }
        assert_eq!(
            code(params::<DeadLetterQuery>(Some("reason=dead"))),
            "query_invalid"
        );
    }

    #[test]
    fn bodies_are_read_once_they_fit() {
        let key: CreateKey = read(br#"{"role": "read"}"#, Part::Body).unwrap();
        assert_eq!(key.role, Role::Read);
        for (body, name) in [
            (&br#"{"name": null}"#[..], Some(None)),
            (b"{}", None),
            (br#"{"name": "a"}"#, Some(Some("a".to_owned()))),
        ] {
            let renamed: RenameWorkspace = read(body, Part::Body).unwrap();
            assert_eq!(renamed.name, name);
        }
        for (body, expected) in [
            (&b"{"[..], "json_invalid"),
            (b"", "json_invalid"),
            (b"[]", "json_invalid"),
            (br#"{"role": "read", "role": "read"}"#, "repeated_field"),
            (br#"{"role": "read", "rule": 1}"#, "unknown_field"),
        ] {
            assert_eq!(code(read::<CreateKey>(body, Part::Body)), expected);
        }
    }
}
