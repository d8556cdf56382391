//! `/v1/events` and `/v1/events/batch`

use super::{
    App,
    caller::{Allowed, Publishing},
    problem::{PROBLEMS_MAX, Problem},
    request::{Fields, JsonBody},
};
use crate::{
    context::to_its_end,
    ids::WorkspaceId,
    publish::{self, Accepted, BATCH_BYTES_MAX, BATCH_EVENTS_MAX, Event},
    store::Word,
};
use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
};
use serde_json::{Value, json, value::RawValue};
use sha2::{Digest, Sha256};
use std::{collections::HashMap, sync::Arc};

const FIELDS: [&str; 5] = ["provider", "payload", "client_id", "bot", "event_id"];
const BATCH_FIELDS: [&str; 1] = ["events"];

/// Longest idempotency key and longest id of an event, in bytes.
const KEY_BYTES_MAX: usize = 255;

pub(super) async fn publish(
    State(app): State<Arc<App>>,
    caller: Allowed<Publishing>,
    headers: HeaderMap,
    body: JsonBody,
) -> Result<impl IntoResponse, Problem> {
    // Once more: the body may have taken its time to arrive.
    app.check_running()?;
    let key = idempotency_key(&headers)?;
    let mut event = event(body.fields, &caller.workspace)?;
    if let Some(key) = key {
        if event.idempotency.is_some() {
            let detail = "give `event_id` or the header Idempotency-Key, not both";
            return Err(Problem::field(
                "idempotency_key_invalid",
                "event_id",
                detail,
            ));
        }
        event.idempotency = Some((key, Sha256::digest(&body.bytes).into()));
    }
    let (context, worker) = (Arc::clone(&app.context), Arc::clone(&app.worker));
    let accepted = to_its_end(publish::publish(context, worker, event)).await?;
    Ok((StatusCode::ACCEPTED, Json(view(&accepted))))
}

/// Several events, all or none.
pub(super) async fn publish_batch(
    State(app): State<Arc<App>>,
    caller: Allowed<Publishing>,
    request: Request,
) -> Result<impl IntoResponse, Problem> {
    let key = idempotency_key(request.headers())?;
    // Before the body is read, so that what waits is small.
    let Ok(_turn) = app.batches.acquire().await else {
        return Err(Problem::internal());
    };
    let hint = "; send the events in several requests";
    let body = JsonBody::read(request, &app, BATCH_BYTES_MAX, hint).await?;
    // Once more: the turn and the body may have taken their time.
    app.check_running()?;
    let mut fields = body.fields;
    let given: Vec<Box<RawValue>> = fields.required("events", "a list of events")?;
    fields.finish(&BATCH_FIELDS)?;
    if !(1..=BATCH_EVENTS_MAX).contains(&given.len()) {
        let detail = format!("`events` must have 1 to {BATCH_EVENTS_MAX} events");
        return Err(Problem::field("events_invalid", "events", detail));
    }
    let mut events = Vec::with_capacity(given.len());
    let mut problems = Vec::new();
    let mut places = HashMap::new();
    for (place, text) in given.iter().enumerate() {
        let read = Fields::parse(text.get().as_bytes())
            .and_then(|fields| event(fields, &caller.workspace));
        match read {
            Ok(event) => {
                let key = event.idempotency.as_ref().map(|(key, _)| key.clone());
                match key.and_then(|key| places.insert(key, place)) {
                    Some(before) => {
                        let detail = format!("it is the `event_id` of event {before}, too");
                        let problem = Problem::field("repeated_event_id", "event_id", detail);
                        problems.push((place, problem));
                    }
                    None => events.push(event),
                }
            }
            Err(problem) => problems.push((place, problem)),
        }
        if problems.len() >= PROBLEMS_MAX {
            break;
        }
    }
    if !problems.is_empty() {
        return Err(Problem::of_events(problems));
    }
    let key = key.map(|key| (key, Sha256::digest(&body.bytes).into()));
    let (context, worker) = (Arc::clone(&app.context), Arc::clone(&app.worker));
    let published = publish::publish_batch(context, worker, caller.workspace.clone(), events, key);
    let accepted = to_its_end(published).await?;
    let events: Vec<_> = accepted.iter().map(view).collect();
    Ok((StatusCode::ACCEPTED, Json(json!({ "events": events }))))
}

fn event(mut fields: Fields, workspace: &WorkspaceId) -> Result<Event, Problem> {
    let provider: String = fields.required("provider", "the name of a provider, a string")?;
    let Some(payload) = fields.raw("payload") else {
        return Err(Problem::field(
            "missing_field",
            "payload",
            "`payload` is missing: give the event as an object in the provider's documented shape",
        ));
    };
    if !payload.starts_with('{') {
        return Err(Problem::field(
            "wrong_type",
            "payload",
            "`payload` must be an object",
        ));
    }
    let client_id = match fields.optional("client_id", "a string or a number")? {
        None => None,
        Some(Value::String(id)) => Some(id),
        Some(Value::Number(id)) => Some(id.to_string()),
        Some(_) => {
            let detail = "`client_id` must be a string or a number";
            return Err(Problem::field("wrong_type", "client_id", detail));
        }
    };
    let bot = fields.optional("bot", "true or false")?.unwrap_or(false);
    let id: Option<String> = fields.optional("event_id", "a string")?;
    fields.finish(&FIELDS)?;
    let idempotency = match id {
        None => None,
        Some(id) if is_key(&id) => {
            let mut digest = Sha256::new();
            for part in [
                payload.as_bytes(),
                client_id.as_deref().unwrap_or_default().as_bytes(),
            ] {
                digest.update((part.len() as u64).to_le_bytes());
                digest.update(part);
            }
            digest.update([u8::from(bot), u8::from(client_id.is_some())]);
            // No header can have this key: a line break is none of its characters.
            Some((format!("\n{provider}\n{id}"), digest.finalize().into()))
        }
        Some(_) => {
            let detail =
                format!("`event_id` must have 1 to {KEY_BYTES_MAX} visible ASCII characters");
            return Err(Problem::field("event_id_invalid", "event_id", detail));
        }
    };
    Ok(Event {
        workspace: workspace.clone(),
        provider,
        payload: payload.into_bytes(),
        client_id,
        bot,
        idempotency,
    })
}

fn is_key(text: &str) -> bool {
    (1..=KEY_BYTES_MAX).contains(&text.len()) && text.bytes().all(|b| (32..127).contains(&b))
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all("idempotency-key").iter();
    let (first, more) = (values.next(), values.next());
    let Some(value) = first else {
        return Ok(None);
    };
    let invalid = || {
        let detail = format!(
            "Idempotency-Key must be one value of 1 to {KEY_BYTES_MAX} visible ASCII characters"
        );
        Problem::field("idempotency_key_invalid", "Idempotency-Key", detail)
    };
    let text = value.to_str().map_err(|_| invalid())?;
    match is_key(text) && more.is_none() {
        true => Ok(Some(text.to_owned())),
        false => Err(invalid()),
    }
}

fn view(accepted: &Accepted) -> Value {
    let receipt = &accepted.receipt;
    let deliveries: Vec<_> = receipt
        .deliveries
        .iter()
        .map(|(id, endpoint_id, state)| {
            json!({
                "id": id.as_str(),
                "endpoint_id": endpoint_id.as_str(),
                "status": state.word(),
            })
        })
        .collect();
    let mut view = json!({
        "message_id": receipt.message_id.as_str(),
        "event_type": receipt.event_type,
        "deliveries": deliveries,
    });
    if accepted.duplicate {
        view["duplicate"] = true.into();
    }
    view
}
