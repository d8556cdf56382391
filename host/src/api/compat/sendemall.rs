//! SendEmAll's webhooks. Source: PROVIDERS.md E11 to E16, E30 to E32, R-E1 to R-E6, R-E14.

mod failed;

use super::webhooks::{
    Account, After, PathOf, SecretChange, Warnings, secret, state, state_to_set, time,
};
use crate::{
    api::{
        App, Problem,
        caller::{Managing, Reading},
        request::JsonBody,
    },
    endpoints::{Change, Description},
    ids::EndpointId,
    store::{Endpoint, Word},
};
use axum::{
    Json, Router,
    extract::RawQuery,
    http::StatusCode,
    response::IntoResponse,
    routing::{get, post},
};
use countersign_core::{Secret, SecretForm, delivery::EndpointState, provider::Provider};
use serde_json::{Value, json};
use std::sync::Arc;

/// What the ids of its webhooks start with (E13). What follows is the same as in the native API.
const PREFIX: &str = "whk_";

/// E13, and the other states of R-X8.
const STATES: [(&str, EndpointState); 3] = [
    ("active", EndpointState::Active),
    ("paused", EndpointState::PausedManual),
    ("disabled", EndpointState::Disabled),
];

const URL: &str = "the address to send to, a string";

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(list).post(create))
        .route("/{id}", get(show).put(change).patch(change).delete(delete))
        .route("/{id}/failed-events", get(failed::list))
        .route("/{id}/failed-events/redrive", post(failed::redrive_all))
        .route(
            "/{id}/failed-events/{event}",
            axum::routing::delete(failed::acknowledge),
        )
        .route(
            "/{id}/failed-events/{event}/acknowledge",
            post(failed::acknowledge),
        )
        .route("/{id}/failed-events/{event}/redrive", post(failed::redrive))
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
    let mut data = view(&made.endpoint);
    let mut warnings = Warnings::new(&made.endpoint, fields);
    // R-E5: one that was made here is shown this once, and with it the form that libraries for Standard Webhooks take (R-E6).
    if let (true, Some(secret)) = (made.secret_made, made.endpoint.secrets.first()) {
        data["secret"] = secret.text.as_str().into();
        let key = Secret::parse(secret.text.as_str(), SecretForm::Text);
        data["standard_webhooks_secret"] = key.map(|key| key.to_whsec()).into();
        warnings.add("no secret was given, so one was made; this is the only time it is shown");
    }
    let mut answer = json!({ "success": true, "data": data });
    warnings.put(&mut answer);
    Ok((StatusCode::CREATED, Json(answer)))
}

async fn list(
    account: Account<Reading>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Problem> {
    let listed = account.list(query.as_deref(), |text| endpoint_id(text).map(After::Id))?;
    let data: Vec<_> = listed.endpoints.iter().map(view).collect();
    let mut answer = json!({ "success": true, "data": data });
    if let Some(last) = listed.endpoints.last().filter(|_| listed.more) {
        answer["next"] = webhook_id(&last.id).into();
    }
    Ok(Json(answer))
}

async fn show(
    account: Account<Reading>,
    PathOf(id): PathOf<String>,
) -> Result<Json<Value>, Problem> {
    let endpoint = account.named(endpoint_id(&id))?;
    Ok(Json(json!({ "success": true, "data": view(&endpoint) })))
}

/// PUT changes what it names, as PATCH does.
async fn change(
    account: Account<Managing>,
    PathOf(id): PathOf<String>,
    body: JsonBody,
) -> Result<Json<Value>, Problem> {
    let endpoint = account.named(endpoint_id(&id))?;
    let mut fields = body.fields;
    let secret = SecretChange::read(&mut fields)?;
    let change = Change {
        url: fields.optional("url", URL)?,
        events: fields.raw("events"),
        secret: secret.change.clone(),
        state: state_to_set(state(&mut fields, &STATES)?, endpoint.state, |state| {
            state.word()
        }),
        ..Change::default()
    };
    let changed = account.change(endpoint.id, change).await?;
    let mut answer = json!({ "success": true, "data": view(&changed) });
    Warnings::of_change(&changed, fields, &secret).put(&mut answer);
    Ok(Json(answer))
}

async fn delete(
    account: Account<Managing>,
    PathOf(id): PathOf<String>,
) -> Result<Json<Value>, Problem> {
    let endpoint = account.named(endpoint_id(&id))?;
    account.delete(endpoint.id).await?;
    Ok(Json(json!({ "success": true })))
}

fn webhook_id(id: &EndpointId) -> String {
    let bare = id.as_str().strip_prefix(EndpointId::PREFIX);
    format!("{PREFIX}{}", bare.unwrap_or_default())
}

fn endpoint_id(text: &str) -> Option<EndpointId> {
    let bare = text.strip_prefix(PREFIX)?;
    EndpointId::parse(&format!("{}{bare}", EndpointId::PREFIX))
}

/// E13.
fn view(endpoint: &Endpoint) -> Value {
    json!({
        "id": webhook_id(&endpoint.id),
        "url": endpoint.url,
        // Empty means all (R-E4).
        "events": endpoint.rules.subscription.spelled(Provider::Sendemall),
        "status": endpoint.state.word(),
        "created_at": time(endpoint.created_at_ms),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::SystemChance;

    #[test]
    fn an_id_is_the_native_one_under_another_prefix_and_reads_back() {
        let id = EndpointId::new(1, &SystemChance);
        let shown = webhook_id(&id);
        assert!(shown.starts_with("whk_"));
        assert_eq!(endpoint_id(&shown), Some(id.clone()));
        for wrong in ["", "whk_", "whk_abc123", "whk_whk_", id.as_str()] {
            assert_eq!(endpoint_id(wrong), None, "{wrong}");
        }
    }
}
