//! Cleanmails' webhooks. Source: PROVIDERS.md C13 to C21, R-C3 to R-C6, R-C9, R-C11, R-C12.

use super::{
    test::{self, Outcome},
    webhooks::{Account, After, PathOf, SecretChange, Warnings, secret, state, state_to_set, time},
};
use crate::{
    api::{
        App, Problem,
        caller::{Managing, Reading},
        request::{JsonBody, Query},
    },
    endpoints::{Change, Description},
    store::{Endpoint, Word},
};
use axum::{
    Json, Router,
    extract::RawQuery,
    http::StatusCode,
    response::IntoResponse,
    routing::{get, post},
};
use countersign_core::{delivery::EndpointState, provider::Provider};
use serde_json::{Value, json};
use std::sync::Arc;

/// C21.
const STATES: [(&str, EndpointState); 2] = [
    ("active", EndpointState::Active),
    ("paused", EndpointState::PausedManual),
];

const URL: &str = "the address to send to, a string";

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(list).post(create))
        .route("/{id}", get(show).put(change).patch(change).delete(delete))
        .route("/{id}/test", post(ping))
}

async fn create(account: Account<Managing>, body: JsonBody) -> Result<impl IntoResponse, Problem> {
    let mut fields = body.fields;
    let given = Description {
        url: fields.required("url", URL)?,
        events: fields.raw("events"),
        secret: secret(&mut fields)?,
        state: state(&mut fields, &STATES)?,
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
    let last = listed.endpoints.last().filter(|_| listed.more);
    let mut answer = json!({ "webhooks": webhooks });
    if let Some(last) = last {
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

/// PUT changes what it names, as PATCH does: whoever sets the status alone (C20) must not lose the rest.
async fn change(
    account: Account<Managing>,
    PathOf(id): PathOf<String>,
    body: JsonBody,
) -> Result<Json<Value>, Problem> {
    let endpoint = account.numbered(&id)?;
    let mut fields = body.fields;
    let secret = SecretChange::read(&mut fields)?;
    let change = Change {
        url: fields.optional("url", URL)?,
        events: fields.raw("events"),
        secret: secret.change.clone(),
        state: state_to_set(
            state(&mut fields, &STATES)?,
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

async fn delete(
    account: Account<Managing>,
    PathOf(id): PathOf<String>,
) -> Result<Json<Value>, Problem> {
    let endpoint = account.numbered(&id)?;
    account.delete(endpoint.id).await?;
    Ok(Json(json!({ "success": true })))
}

/// C19. The answer says how it went; with `?reactivate=true` a success lifts a pause by rule (R-C5).
async fn ping(
    account: Account<Managing>,
    PathOf(id): PathOf<String>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Problem> {
    let endpoint = account.numbered(&id)?;
    let mut query = Query::known_of(query.as_deref(), &["reactivate"]);
    let reactivate = query.take("reactivate", "true or false", |text| text.parse().ok())?;
    let outcome: Outcome = test::ping(&account.app, &endpoint).await?;
    let by_rule = matches!(
        endpoint.state,
        EndpointState::PausedFailing | EndpointState::PausedGone
    );
    let lifted = reactivate == Some(true) && by_rule && outcome.accepted();
    if lifted {
        let change = Change {
            state: Some(EndpointState::Active),
            ..Change::default()
        };
        account.change(endpoint.id.clone(), change).await?;
    }
    let mut answer = outcome.view();
    answer["webhook_status"] = status(&account.named(Some(endpoint.id))?).into();
    Ok(Json(answer))
}

/// R-C6.
fn view(endpoint: &Endpoint) -> Value {
    let subscription = &endpoint.rules.subscription;
    json!({
        "id": endpoint.number,
        "url": endpoint.url,
        // Empty means all (C16).
        "events": subscription.spelled(Provider::Cleanmails),
        "status": status(endpoint),
        "paused_reason": endpoint.reason.map(Word::word),
        // R-C2.
        "consecutive_failures": endpoint.health.exhausted_in_a_row,
        "created_at": time(endpoint.created_at_ms),
    })
}

fn status(endpoint: &Endpoint) -> &'static str {
    match endpoint.state.is_active() {
        true => "active",
        false => "paused",
    }
}
