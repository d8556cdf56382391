//! The platform's webhooks. Source: PROVIDERS.md P1 to P6, R-P1, R-P3, R-P5, R-P12.

use super::webhooks::{Account, After, PathOf, SecretChange, Warnings, secret, state_to_set, time};
use crate::{
    api::{
        App, Problem,
        caller::{Managing, Reading},
        request::{Fields, JsonBody},
    },
    endpoints::{Change, Description},
    store::Endpoint,
};
use axum::{
    Json, Router, extract::RawQuery, http::StatusCode, response::IntoResponse, routing::get,
};
use countersign_core::{delivery::EndpointState, provider::Provider};
use serde_json::{Value, json};
use std::sync::Arc;

const URL: &str = "the HTTPS address to send to, a string";
const EVENTS: &str =
    "event types with commas between them, such as \"open,click,bounce,unsubscribe\"";

/// R-P5: the document names the collection alone, so what concerns one webhook can also be asked of it, with the `id` in the
/// body.
pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route(
            "/",
            get(list)
                .post(create)
                .put(change_named)
                .patch(change_named)
                .delete(delete_named),
        )
        .route("/{id}", get(show).put(change).patch(change).delete(delete))
}

/// P3. `events` is required; an empty list would mean all of them and nobody's intention.
async fn create(account: Account<Managing>, body: JsonBody) -> Result<impl IntoResponse, Problem> {
    let mut fields = body.fields;
    let events = fields.raw("events").ok_or_else(|| {
        let detail = format!("`events` is missing: give {EVENTS}");
        Problem::field("missing_field", "events", detail)
    })?;
    check_events(&events)?;
    let given = Description {
        url: fields.required("url", URL)?,
        events: Some(events),
        secret: secret(&mut fields)?,
        state: active(&mut fields)?,
        ..account.description()
    };
    let made = account.create(given).await?;
    let mut answer = view(&made.endpoint);
    Warnings::new(&made.endpoint, fields).put(&mut answer);
    Ok((StatusCode::CREATED, Json(answer)))
}

async fn list(
    account: Account<Reading>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Problem> {
    let read = |text: &str| text.parse().ok().map(After::Number);
    let listed = account.list(query.as_deref(), read)?;
    let webhooks: Vec<_> = listed.endpoints.iter().map(view).collect();
    let mut answer = json!({ "webhooks": webhooks });
    if let Some(last) = listed.endpoints.last().filter(|_| listed.more) {
        answer["next"] = last.number.into();
    }
    Ok(Json(answer))
}

async fn show(
    account: Account<Reading>,
    PathOf(id): PathOf<String>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(view(&account.numbered(&id)?)))
}

async fn change(
    account: Account<Managing>,
    PathOf(id): PathOf<String>,
    body: JsonBody,
) -> Result<Json<Value>, Problem> {
    changed(&account, &id, body.fields).await
}

async fn change_named(
    account: Account<Managing>,
    mut body: JsonBody,
) -> Result<Json<Value>, Problem> {
    let id = id(&mut body.fields)?;
    changed(&account, &id, body.fields).await
}

async fn delete(
    account: Account<Managing>,
    PathOf(id): PathOf<String>,
) -> Result<Json<Value>, Problem> {
    deleted(&account, &id).await
}

async fn delete_named(
    account: Account<Managing>,
    mut body: JsonBody,
) -> Result<Json<Value>, Problem> {
    let id = id(&mut body.fields)?;
    deleted(&account, &id).await
}

/// P6.
async fn changed(
    account: &Account<Managing>,
    id: &str,
    mut fields: Fields,
) -> Result<Json<Value>, Problem> {
    let endpoint = account.numbered(id)?;
    let events = fields.raw("events");
    if let Some(events) = &events {
        check_events(events)?;
    }
    let secret = SecretChange::read(&mut fields)?;
    let change = Change {
        url: fields.optional("url", URL)?,
        events,
        secret: secret.change.clone(),
        state: state_to_set(
            active(&mut fields)?,
            endpoint.state,
            EndpointState::is_active,
        ),
        ..Change::default()
    };
    let changed = account.change(endpoint.id, change).await?;
    let mut answer = view(&changed);
    Warnings::of_change(&changed, fields, &secret).put(&mut answer);
    Ok(Json(answer))
}

async fn deleted(account: &Account<Managing>, id: &str) -> Result<Json<Value>, Problem> {
    let endpoint = account.numbered(id)?;
    account.delete(endpoint.id).await?;
    Ok(Json(json!({ "success": true })))
}

fn id(fields: &mut Fields) -> Result<String, Problem> {
    match fields.required("id", "the number of the webhook")? {
        Value::Number(number) => Ok(number.to_string()),
        Value::String(text) => Ok(text),
        _ => Err(Problem::field(
            "wrong_type",
            "id",
            "`id` must be the number of the webhook",
        )),
    }
}

/// The other spellings of a subscription have other meanings where they are empty.
fn check_events(events: &str) -> Result<(), Problem> {
    match events.starts_with('"') {
        true => Ok(()),
        false => Err(Problem::field(
            "wrong_type",
            "events",
            format!("`events` must be {EVENTS}"),
        )),
    }
}

fn active(fields: &mut Fields) -> Result<Option<EndpointState>, Problem> {
    let active = fields.optional("active", "true or false")?;
    Ok(active.map(|active| match active {
        true => EndpointState::Active,
        false => EndpointState::PausedManual,
    }))
}

/// P4.
fn view(endpoint: &Endpoint) -> Value {
    json!({
        "id": endpoint.number,
        "url": endpoint.url,
        // R-P1: short names in the order given.
        "events": endpoint.rules.subscription.spelled(Provider::Platform),
        "active": endpoint.state.is_active(),
        "created_at": time(endpoint.created_at_ms),
    })
}
