//! SmartLead's webhooks. Source: PROVIDERS.md S18 to S26, R-S2, R-S9 to R-S12, R-S14.

use super::{
    test,
    webhooks::{Account, After, PathOf, SecretChange, Warnings, secret, state, state_to_set, time},
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
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};

const TYPE: &str = "association_type";
const CAMPAIGN: &str = "email_campaign_id";
const CLIENT: &str = "client_id";

/// S31, S32, and what else is said for them.
const STATES: [(&str, EndpointState); 4] = [
    ("active", EndpointState::Active),
    ("disabled", EndpointState::Disabled),
    ("inactive", EndpointState::Disabled),
    ("paused", EndpointState::PausedManual),
];

const URL: &str = "the address to send to, a string";

/// S21.
const MAP: &str = "an object of event types and true or false, such as {\"EMAIL_REPLIED\": true}";

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
        let detail = format!("`event_type_map` is missing: give {MAP}");
        Problem::field("missing_field", "event_type_map", detail)
    })?;
    let association = Association::read(&mut fields);
    let given = Description {
        url: fields.required("webhook_url", URL)?,
        name: fields.optional("name", "a string")?,
        events: Some(events),
        scope: association.scope.clone(),
        secret: secret(&mut fields)?,
        state: activity(&mut fields, None)?,
        ..account.description()
    };
    let made = account.create(given).await.map_err(in_own_fields)?;
    let warnings = Warnings::new(&made.endpoint, fields);
    saved(&account, &made.endpoint, &association, warnings).await
}

/// R-S11.
async fn change(
    account: Account<Managing>,
    PathOf(id): PathOf<String>,
    body: JsonBody,
) -> Result<Json<Value>, Problem> {
    let endpoint = account.numbered(&id)?;
    let mut fields = body.fields;
    let association = Association::read(&mut fields);
    let secret = SecretChange::read(&mut fields)?;
    let state = activity(&mut fields, Some(endpoint.state))?;
    let change = Change {
        url: fields.optional("webhook_url", URL)?,
        name: fields.nullable("name", "a string or null")?,
        events: events(&mut fields)?,
        scope: association.scope.clone(),
        secret: secret.change.clone(),
        state: state_to_set(state, endpoint.state, EndpointState::is_active),
        ..Change::default()
    };
    let changed = account
        .change(endpoint.id, change)
        .await
        .map_err(in_own_fields)?;
    let warnings = Warnings::of_change(&changed, fields, &secret);
    saved(&account, &changed, &association, warnings).await
}

/// S24, R-S12: what was saved, and how its test events went. None of them going well is no reason to refuse.
async fn saved(
    account: &Account<Managing>,
    endpoint: &Endpoint,
    association: &Association,
    mut warnings: Warnings,
) -> Result<Json<Value>, Problem> {
    let mut answer = view(endpoint);
    answer["ok"] = true.into();
    answer["message"] = "Webhook saved".into();
    association.warn(endpoint, &mut warnings);
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
    let Some(map) = fields.raw("event_type_map") else {
        return Ok(None);
    };
    let refused = |detail| Err(Problem::field("wrong_type", "event_type_map", detail));
    let Ok(switches) = serde_json::from_str::<BTreeMap<String, Value>>(&map) else {
        return refused(format!("`event_type_map` must be {MAP}"));
    };
    match switches.iter().find(|(_, switch)| !switch.is_boolean()) {
        None => Ok(Some(map)),
        Some((name, _)) => {
            let name: String = name.chars().take(100).collect();
            refused(format!(
                "`{name}` in `event_type_map` must be true or false, without quotation marks"
            ))
        }
    }
}

/// Whose events a webhook gets, as its three fields say (S20, R-S9).
struct Association {
    /// JSON text for the rules, which read it. `None` when nothing is said.
    scope: Option<String>,
    /// The ids that are named.
    ids: Vec<&'static str>,
}

impl Association {
    fn read(fields: &mut Fields) -> Self {
        let mut given = Vec::new();
        let mut ids = Vec::new();
        for name in [TYPE, CAMPAIGN, CLIENT] {
            if let Some(value) = fields.raw(name) {
                given.push(format!("\"{name}\":{value}"));
                if name != TYPE {
                    ids.push(name);
                }
            }
        }
        Self {
            scope: (!given.is_empty()).then(|| format!("{{{}}}", given.join(","))),
            ids,
        }
    }

    /// Tells of ids that have no effect.
    fn warn(&self, endpoint: &Endpoint, warnings: &mut Warnings) {
        let shown = endpoint.rules.scope.association();
        let hears = match shown.association_type {
            1 => "association_type 1 (user): it hears of every campaign",
            2 => "association_type 2 (client): it hears of all campaigns of its `client_id`",
            _ => "association_type 3 (campaign): it hears of its `email_campaign_id` alone",
        };
        for name in &self.ids {
            let used = match *name {
                CAMPAIGN => shown.email_campaign_id.is_some(),
                _ => shown.client_id.is_some(),
            };
            if !used {
                warnings.add(format!(
                    "`{name}` was left out, since the webhook is of {hears}"
                ));
            }
        }
    }
}

/// What is wrong is told under this provider's names of the fields.
fn in_own_fields(problem: Problem) -> Problem {
    match problem.about() {
        Some("events") => problem.at("event_type_map"),
        Some("scope") => problem.at(TYPE),
        Some("scope.email_campaign_id") => problem.at(CAMPAIGN),
        Some("scope.client_id") => problem.at(CLIENT),
        Some("url") => problem.at("webhook_url"),
        _ => problem,
    }
}

/// R-S11: `is_active` or `status`. Who sends a whole webhook back with one of them changed means the change: where they contradict
/// each other, the one counts that says something else than what is so now.
///
/// # Errors
/// 400 for a contradiction where there is nothing yet that it could change.
fn activity(
    fields: &mut Fields,
    now: Option<EndpointState>,
) -> Result<Option<EndpointState>, Problem> {
    let active: Option<bool> = fields.optional("is_active", "true or false")?;
    let by_switch = active.map(|active| match active {
        true => EndpointState::Active,
        false => EndpointState::Disabled,
    });
    let by_word = state(fields, &STATES)?;
    let (Some(switch), Some(word)) = (by_switch, by_word) else {
        return Ok(by_word.or(by_switch));
    };
    match now {
        _ if word.is_active() == switch.is_active() => Ok(Some(word)),
        Some(now) if switch.is_active() == now.is_active() => Ok(Some(word)),
        Some(_) => Ok(Some(switch)),
        None => {
            let detail = "`status` and `is_active` contradict each other; give one of them";
            Err(Problem::field("status_invalid", "status", detail))
        }
    }
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
