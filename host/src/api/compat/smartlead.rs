//! SmartLead's webhooks. Source: PROVIDERS.md S18 to S26, R-S2, R-S9 to R-S12, R-S14.

use super::{
    test,
    webhooks::{Account, After, PathOf, Warnings, secret, state, time},
};
use crate::{
    api::{
        App, Problem,
        caller::{Managing, Reading},
        request::{Fields, JsonBody},
    },
    endpoints::{Change, Description},
    store::{Endpoint, Word},
};
use axum::{
    Json, Router,
    extract::{RawQuery, State},
    routing::{delete, get, post, put},
};
use countersign_core::{delivery::EndpointState, provider::Provider, subscription::Subscription};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// S31, S32, and what else is said for them.
const STATES: [(&str, EndpointState); 4] = [
    ("active", EndpointState::Active),
    ("disabled", EndpointState::Disabled),
    ("inactive", EndpointState::Disabled),
    ("paused", EndpointState::PausedManual),
];

const URL: &str = "the address to send to, a string";

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(list))
        .route("/list", get(list))
        .route("/create", post(create))
        .route("/update/{id}", put(change).post(change).patch(change))
        .route("/delete/{id}", delete(remove))
        .route("/{id}", get(show))
}

/// R-S14, for whoever runs a firewall and need not have a key.
pub(super) fn open_routes() -> Router<Arc<App>> {
    Router::new().route("/egress", get(egress))
}

async fn egress(State(app): State<Arc<App>>) -> Json<Value> {
    let config = app.context.config.current();
    // Checked when the settings were read.
    let networks = config.network.egress().unwrap_or_default();
    let networks: Vec<_> = networks.iter().map(ToString::to_string).collect();
    Json(json!({ "egress": networks }))
}

/// S19.
async fn create(account: Account<Managing>, body: JsonBody) -> Result<Json<Value>, Problem> {
    let mut fields = body.fields;
    let events = events(&mut fields)?.ok_or_else(|| {
        let detail =
            "`event_type_map` is missing: give an object such as {\"EMAIL_REPLIED\": true}";
        Problem::field("missing_field", "event_type_map", detail)
    })?;
    let given = Description {
        url: fields.required("webhook_url", URL)?,
        name: fields.optional("name", "a string")?,
        events: Some(events),
        scope: scope(&mut fields),
        secret: secret(&mut fields)?.flatten(),
        state: activity(&mut fields)?,
        ..account.description()
    };
    let made = account.create(given).await.map_err(in_own_fields)?;
    saved(&account, &made.endpoint, fields).await
}

/// R-S11.
async fn change(
    account: Account<Managing>,
    PathOf(id): PathOf<String>,
    body: JsonBody,
) -> Result<Json<Value>, Problem> {
    let endpoint = account.numbered(&id)?;
    let mut fields = body.fields;
    let change = Change {
        url: fields.optional("webhook_url", URL)?,
        name: fields.nullable("name", "a string or null")?,
        events: events(&mut fields)?,
        scope: scope(&mut fields),
        secret: secret(&mut fields)?,
        state: activity(&mut fields)?,
        ..Change::default()
    };
    let changed = account
        .change(endpoint.id, change)
        .await
        .map_err(in_own_fields)?;
    saved(&account, &changed, fields).await
}

/// S24, R-S12: what was saved, and how its test events went. None of them going well is no reason to refuse.
async fn saved(
    account: &Account<Managing>,
    endpoint: &Endpoint,
    left: Fields,
) -> Result<Json<Value>, Problem> {
    let mut answer = view(endpoint);
    answer["ok"] = true.into();
    answer["message"] = "Webhook saved".into();
    let mut warnings = Warnings::new(endpoint, left);
    if endpoint.rules.subscription == Subscription::Only(Vec::new()) {
        warnings.add("no event type is switched on: nothing will be sent; set some in `event_type_map` to true");
    }
    let config = account.context.config.current();
    if config.compat.smartlead.test_events && endpoint.state.is_active() {
        let tested = test::samples(&account.app, endpoint).await?;
        if tested.iter().any(|(_, outcome)| !outcome.accepted()) {
            warnings.add("not every test event was accepted: `test_events` says why; the webhook is saved all the same");
        }
        let told = tested.iter().map(|(event_type, outcome)| {
            let mut told = outcome.view();
            told["event_type"] = (*event_type).into();
            told
        });
        answer["test_events"] = told.collect();
    }
    warnings.put(&mut answer);
    Ok(Json(answer))
}

async fn list(
    account: Account<Reading>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Problem> {
    let read = |text: &str| text.parse().ok().map(After::Number);
    let listed = account.list(query.as_deref(), read)?;
    let webhooks: Vec<_> = listed.endpoints.iter().map(view).collect();
    let mut answer = json!({ "ok": true, "webhooks": webhooks });
    if let Some(last) = listed.endpoints.last().filter(|_| listed.more) {
        answer["next"] = last.number.into();
    }
    Ok(Json(answer))
}

/// S22.
async fn show(
    account: Account<Reading>,
    PathOf(id): PathOf<String>,
) -> Result<Json<Value>, Problem> {
    let mut answer = view(&account.numbered(&id)?);
    answer["ok"] = true.into();
    Ok(Json(answer))
}

/// S23.
async fn remove(
    account: Account<Managing>,
    PathOf(id): PathOf<String>,
) -> Result<Json<Value>, Problem> {
    let endpoint = account.numbered(&id)?;
    let number = endpoint.number;
    account.delete(endpoint.id).await?;
    Ok(Json(
        json!({ "ok": true, "id": number, "message": "Webhook deleted" }),
    ))
}

/// The subscription: S21's map, which must be one, so that nobody gets all events by leaving a list empty.
fn events(fields: &mut Fields) -> Result<Option<String>, Problem> {
    let map = fields.raw("event_type_map");
    match map {
        Some(map) if !map.starts_with('{') => {
            let detail = "`event_type_map` must be an object of event types and true or false";
            Err(Problem::field("wrong_type", "event_type_map", detail))
        }
        map => Ok(map),
    }
}

/// S20, R-S9: the three fields as the rules read them.
fn scope(fields: &mut Fields) -> Option<String> {
    let mut scope = Map::new();
    for name in ["association_type", "email_campaign_id", "client_id"] {
        let value = fields
            .raw(name)
            .and_then(|text| serde_json::from_str(&text).ok());
        if let Some(value) = value {
            scope.insert(name.to_owned(), value);
        }
    }
    (!scope.is_empty()).then(|| Value::Object(scope).to_string())
}

/// What is wrong is told under this provider's names of the fields.
fn in_own_fields(problem: Problem) -> Problem {
    match problem.about() {
        Some("events") => problem.at("event_type_map"),
        Some("scope") => problem.at("association_type"),
        Some("url") => problem.at("webhook_url"),
        _ => problem,
    }
}

fn activity(fields: &mut Fields) -> Result<Option<EndpointState>, Problem> {
    let active = fields.optional("is_active", "true or false")?;
    let by_word = state(fields, &STATES)?;
    Ok(by_word.or(active.map(|active| match active {
        true => EndpointState::Active,
        false => EndpointState::Disabled,
    })))
}

fn view(endpoint: &Endpoint) -> Value {
    let association = endpoint.rules.scope.association();
    json!({
        "id": endpoint.number,
        "name": endpoint.name.as_deref().unwrap_or_default(),
        "webhook_url": endpoint.url,
        "association_type": association.association_type,
        "email_campaign_id": association.email_campaign_id,
        "client_id": association.client_id,
        "event_type_map": endpoint.rules.subscription.spelled(Provider::Smartlead),
        "is_active": endpoint.state.is_active(),
        "status": match endpoint.state.is_active() {
            true => "active",
            false => "disabled",
        },
        "disabled_reason": endpoint.reason.map(Word::word),
        "consecutive_errors": endpoint.health.failed_in_a_row,
        "created_at": time(endpoint.created_at_ms),
    })
}
