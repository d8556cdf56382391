//! `/v1/endpoints`

use super::{
    App, IdPath,
    caller::{Allowed, Caller, Managing, Reading},
    deliveries::limit,
    problem::Problem,
    request::{Fields, JsonBody, Query},
};
use crate::{
    clock::{parse_rfc3339, rfc3339},
    context::to_its_end,
    endpoints::{self, Change, Description, Rotate},
    ids::EndpointId,
    registry::Entry,
    store::{Endpoint, Resume, SecretText, SigningSecret, Word},
};
use axum::{
    Json,
    extract::{RawQuery, State},
    http::StatusCode,
    response::IntoResponse,
};
use countersign_core::{
    delivery::{EndpointState, rotation::Rotation},
    subscription::{Scope, Subscription},
};
use serde_json::{Map, Value, json};
use std::sync::Arc;

const CREATE_FIELDS: [&str; 8] = [
    "provider", "url", "name", "events", "scope", "secret", "settings", "status",
];
const CHANGE_FIELDS: [&str; 7] = [
    "status", "url", "name", "events", "scope", "secret", "settings",
];
const RESUME_FIELDS: [&str; 1] = ["held"];
const ROTATE_FIELDS: [&str; 3] = ["secret", "overlap_s", "switch_s"];

pub(super) async fn create(
    State(app): State<Arc<App>>,
    caller: Allowed<Managing>,
    body: JsonBody,
) -> Result<impl IntoResponse, Problem> {
    let mut fields = body.fields;
    let state = fields.optional::<String>("status", "active, paused or disabled")?;
    let given = Description {
        workspace: caller.workspace.clone(),
        state: state.map(|word| status(&word)).transpose()?,
        settings: fields.raw("settings"),
        provider: fields.required("provider", "the name of a provider, a string")?,
        url: fields.required("url", "the address to send to, a string")?,
        name: fields.optional("name", "a string")?,
        events: fields.raw("events"),
        scope: fields.raw("scope"),
        secret: secret(&mut fields)?.flatten(),
    };
    fields.finish(&CREATE_FIELDS)?;
    let (context, worker) = (Arc::clone(&app.context), Arc::clone(&app.worker));
    let made = to_its_end(endpoints::create(context, worker, given)).await?;
    let mut view = view(&made.endpoint);
    let mut warnings = warnings(&made.endpoint);
    if let (true, Some(secret)) = (made.secret_made, made.endpoint.secrets.first()) {
        view["secret"] = secret.text.as_str().into();
        warnings
            .push("no secret was given, so one was made; this is the only time it is shown".into());
    }
    view["warnings"] = warnings.into();
    Ok((StatusCode::CREATED, Json(view)))
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Allowed<Reading>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Problem> {
    let mut query = Query::parse(query.as_deref(), &["limit", "after"])?;
    let limit = limit(&mut query)? as usize;
    let after = query.take("after", "the `next` of the page before", EndpointId::parse)?;
    let registry = &app.context.registry;
    // One more tells whether there is another page.
    let mut found = registry.list(&caller.workspace, after.as_ref(), limit.saturating_add(1));
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|last| last.id.as_str());
    let endpoints: Vec<_> = found.iter().map(view).collect();
    Ok(Json(json!({ "endpoints": endpoints, "next": next })))
}

pub(super) async fn show(
    State(app): State<Arc<App>>,
    caller: Allowed<Reading>,
    IdPath(id): IdPath<EndpointId>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(view(&own(&app, &caller, &id)?.snapshot())))
}

/// The endpoint of this id, unless it is another workspace's. That an endpoint belongs to one never changes.
fn own(app: &App, caller: &Caller, id: &EndpointId) -> Result<Arc<Entry>, Problem> {
    let found = app.context.registry.find_in(&caller.workspace, id);
    found.ok_or_else(|| Problem::not_found("endpoint"))
}

pub(super) async fn change(
    State(app): State<Arc<App>>,
    caller: Allowed<Managing>,
    IdPath(id): IdPath<EndpointId>,
    body: JsonBody,
) -> Result<Json<Value>, Problem> {
    own(&app, &caller, &id)?;
    let mut fields = body.fields;
    let state = fields.optional::<String>("status", "active, paused or disabled")?;
    let change = Change {
        state: state.map(|word| status(&word)).transpose()?,
        url: fields.optional("url", "the address to send to, a string")?,
        name: fields.nullable("name", "a string or null")?,
        events: fields.raw("events"),
        scope: fields.raw("scope"),
        secret: secret(&mut fields)?,
        settings: fields.raw("settings"),
        resume: None,
    };
    fields.finish(&CHANGE_FIELDS)?;
    let (context, worker) = (Arc::clone(&app.context), Arc::clone(&app.worker));
    let changed = to_its_end(endpoints::change(context, worker, id, change)).await?;
    let mut view = view(&changed);
    view["warnings"] = warnings(&changed).into();
    Ok(Json(view))
}

pub(super) async fn delete(
    State(app): State<Arc<App>>,
    caller: Allowed<Managing>,
    IdPath(id): IdPath<EndpointId>,
) -> Result<StatusCode, Problem> {
    own(&app, &caller, &id)?;
    let (context, worker) = (Arc::clone(&app.context), Arc::clone(&app.worker));
    to_its_end(endpoints::delete(context, worker, id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn rotate(
    State(app): State<Arc<App>>,
    caller: Allowed<Managing>,
    IdPath(id): IdPath<EndpointId>,
    body: JsonBody,
) -> Result<Json<Value>, Problem> {
    own(&app, &caller, &id)?;
    let mut fields = body.fields;
    let mut time = |name: &str| -> Result<Option<u64>, Problem> {
        let seconds = fields.optional::<u64>(name, "a number of seconds, from 0 to 604800")?;
        Ok(seconds.map(|seconds| seconds.saturating_mul(1_000)))
    };
    let rotation = Rotation {
        overlap_ms: time("overlap_s")?,
        switch_ms: time("switch_s")?,
    };
    let secret = fields.optional("secret", "a string")?;
    fields.finish(&ROTATE_FIELDS)?;
    let asked = Rotate {
        secret: secret.map(SecretText::new),
        rotation,
    };
    let turned = to_its_end(endpoints::rotate(Arc::clone(&app.context), id, asked)).await?;
    let mut view = view(&turned.endpoint);
    let mut warnings = warnings(&turned.endpoint);
    if let Some(secret) = turned.made {
        view["secret"] = secret.as_str().into();
        warnings
            .push("no secret was given, so one was made; this is the only time it is shown".into());
    }
    view["warnings"] = warnings.into();
    Ok(Json(view))
}

pub(super) async fn finish(
    State(app): State<Arc<App>>,
    caller: Allowed<Managing>,
    IdPath(id): IdPath<EndpointId>,
) -> Result<Json<Value>, Problem> {
    own(&app, &caller, &id)?;
    let endpoint = to_its_end(endpoints::finish(Arc::clone(&app.context), id)).await?;
    let mut view = view(&endpoint);
    view["warnings"] = warnings(&endpoint).into();
    Ok(Json(view))
}

/// Sets an endpoint active, and says what becomes of its held deliveries.
pub(super) async fn resume(
    State(app): State<Arc<App>>,
    caller: Allowed<Managing>,
    IdPath(id): IdPath<EndpointId>,
    body: JsonBody,
) -> Result<Json<Value>, Problem> {
    own(&app, &caller, &id)?;
    let mut fields = body.fields;
    let held = fields.optional::<Value>("held", HELD)?;
    fields.finish(&RESUME_FIELDS)?;
    let change = Change {
        state: Some(EndpointState::Active),
        resume: Some(held_of(held.as_ref(), app.context.clock.now_ms())?),
        ..Change::default()
    };
    let (context, worker) = (Arc::clone(&app.context), Arc::clone(&app.worker));
    let changed = to_its_end(endpoints::change(context, worker, id, change)).await?;
    Ok(Json(view(&changed)))
}

const HELD: &str = r#"all, none or {"since": "2026-01-02T03:04:05Z"}"#;

fn held_of(held: Option<&Value>, now_ms: u64) -> Result<Resume, Problem> {
    let since = |object: &Map<String, Value>| match object.get("since") {
        Some(Value::String(text)) if object.len() == 1 => parse_rfc3339(text),
        _ => None,
    };
    let read = match held {
        None => Some(Resume::All),
        Some(Value::String(word)) if word == "all" => Some(Resume::All),
        // Also what was published in this very millisecond: whatever is held was there before.
        Some(Value::String(word)) if word == "none" => {
            Some(Resume::Since(now_ms.saturating_add(1)))
        }
        Some(Value::Object(object)) => since(object).map(Resume::Since),
        Some(_) => None,
    };
    read.ok_or_else(|| Problem::field("held_invalid", "held", format!("`held` must be {HELD}")))
}

fn secret(fields: &mut Fields) -> Result<Option<Option<SecretText>>, Problem> {
    let secret = fields.nullable("secret", "a string or null")?;
    Ok(secret.map(|text| text.map(SecretText::new)))
}

fn status(word: &str) -> Result<EndpointState, Problem> {
    EndpointState::from_word(word).ok_or_else(|| {
        Problem::field(
            "status_invalid",
            "status",
            "`status` must be active, paused or disabled",
        )
    })
}

/// An endpoint as clients see it. Never its secrets, nor a part or a digest of one: it may be short enough to be guessed.
fn view(endpoint: &Endpoint) -> Value {
    json!({
        "id": endpoint.id.as_str(),
        "number": endpoint.number,
        "workspace": endpoint.workspace.as_str(),
        "provider": endpoint.provider,
        "url": endpoint.url,
        "name": endpoint.name,
        "events": events(&endpoint.rules.subscription),
        "scope": scope(&endpoint.rules.scope),
        "status": endpoint.state.word(),
        "reason": endpoint.reason.map(Word::word),
        "since": rfc3339(endpoint.since_ms),
        "probe_at": endpoint.probe_at_ms.map(rfc3339),
        "settings": endpoint.settings.to_json(),
        "failed_in_a_row": endpoint.health.failed_in_a_row,
        "exhausted_in_a_row": endpoint.health.exhausted_in_a_row,
        "failing_since": endpoint.health.failing_since_ms.map(rfc3339),
        "last_success_at": endpoint.health.last_success_at_ms.map(rfc3339),
        "secret_set": !endpoint.secrets.is_empty(),
        "secrets": endpoint.secrets.iter().map(secret_view).collect::<Vec<_>>(),
        "created_at": rfc3339(endpoint.created_at_ms),
    })
}

/// The life of a secret, by which they are told apart; newest first.
fn secret_view(secret: &SigningSecret) -> Value {
    json!({
        "created_at": rfc3339(secret.times.created_at_ms),
        "signs_until": secret.times.signs_until_ms.map(rfc3339),
        "expires_at": secret.times.expires_at_ms.map(rfc3339),
    })
}

/// Documented names in a list, whatever spelling was given; every provider's endpoints take it back like this.
fn events(subscription: &Subscription) -> Value {
    match subscription {
        Subscription::All => json!(["*"]),
        Subscription::Only(names) => json!(names),
    }
}

fn scope(scope: &Scope) -> Value {
    match scope {
        Scope::User => json!({ "level": "user" }),
        Scope::Client(id) => json!({ "level": "client", "client_id": id }),
        Scope::Campaign(id) => json!({ "level": "campaign", "campaign_id": id }),
    }
}

fn warnings(endpoint: &Endpoint) -> Vec<Value> {
    let mut warnings = Vec::new();
    if endpoint.secrets.is_empty() {
        // R-S2, R-P3.
        warnings.push(
            "no secret is set: deliveries are not signed, and the receiver cannot tell them from forgeries; set `secret`"
                .into(),
        );
    }
    if endpoint.url.starts_with("http://") {
        warnings
            .push("the address is http: what is sent can be read and changed on its way".into());
    }
    warnings
}
