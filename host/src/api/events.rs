//! `/v1/events` and `/v1/events/batch`

use super::{
    App,
    caller::{Allowed, Caller, Publishing},
    describe::{Accepted, Routes, Verb::Post},
    problem::{PROBLEMS_MAX, Problem},
    request::Fields,
    typed::{BatchBody, EventBody, IdempotencyKey, KEY_BYTES_MAX, is_key},
    views::Same,
};
use crate::{
    context::to_its_end,
    publish::{self, BATCH_EVENTS_MAX, BatchError, Event, PublishError},
};
use axum::extract::State;
use countersign_api::{AcceptedBatch, AcceptedDelivery, AcceptedEvent};
use serde_json::{Value, value::RawValue};
use sha2::{Digest, Sha256};
use std::{collections::HashMap, sync::Arc};

const FIELDS: [&str; 5] = ["provider", "payload", "client_id", "bot", "event_id"];
const BATCH_FIELDS: [&str; 1] = ["events"];

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .on(
            Post,
            "/events",
            "publish_event",
            "Publishes an event.",
            publish,
        )
        .on(
            Post,
            "/events/batch",
            "publish_batch",
            "Publishes up to 1,000 events, all or none.",
            publish_batch,
        )
}

pub(super) async fn publish(
    State(app): State<Arc<App>>,
    caller: Allowed<Publishing>,
    IdempotencyKey(key): IdempotencyKey,
    body: EventBody,
) -> Result<Accepted<AcceptedEvent>, Problem> {
    let mut event = event(body.fields, &caller)?;
    let named_by = match key {
        Some(_) => "Idempotency-Key",
        None => "event_id",
    };
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
    let accepted = to_its_end(publish::publish(context, worker, event)).await;
    let accepted = accepted.map_err(|error| match error {
        PublishError::IdempotencyConflict => Problem::from(error).at(named_by),
        error => error.into(),
    })?;
    Ok(Accepted(view(accepted)))
}

/// Several events, all or none.
pub(super) async fn publish_batch(
    State(app): State<Arc<App>>,
    caller: Allowed<Publishing>,
    IdempotencyKey(key): IdempotencyKey,
    body: BatchBody,
) -> Result<Accepted<AcceptedBatch>, Problem> {
    let mut fields = body.fields;
    let given: Vec<Box<RawValue>> = fields.required("events", "a list of events")?;
    fields.finish(&BATCH_FIELDS)?;
    if !(1..=BATCH_EVENTS_MAX).contains(&given.len()) {
        let detail = format!("`events` must have 1 to {BATCH_EVENTS_MAX} events");
        return Err(Problem::field("events_invalid", "events", detail));
    }
    let mut events = Vec::with_capacity(given.len());
    // Where each of them stands, and the mistakes of the others.
    let mut indices = Vec::with_capacity(given.len());
    let mut problems = Vec::new();
    let mut places = HashMap::new();
    for (place, text) in given.iter().enumerate() {
        let read = Fields::parse(text.get().as_bytes()).and_then(|fields| event(fields, &caller));
        match read {
            Ok(event) => {
                let key = event.idempotency.as_ref().map(|(key, _)| key.clone());
                match key.and_then(|key| places.insert(key, place)) {
                    Some(before) => {
                        let detail = format!("it is the `event_id` of event {before}, too");
                        let problem = Problem::field("repeated_event_id", "event_id", detail);
                        problems.push((place, problem));
                    }
                    None => {
                        events.push(event);
                        indices.push(place);
                    }
                }
            }
            Err(problem) => problems.push((place, problem)),
        }
        if problems.len() >= PROBLEMS_MAX {
            break;
        }
    }
    if !problems.is_empty() {
        // Who mends these shall not hear of others only then.
        // If this fails otherwise, those that are known are told all the same.
        let checked = publish::check_batch(&app.context, &caller.workspace, events).await;
        if let Err(BatchError::Rejected(rejections)) = checked {
            let more = rejections.into_iter().filter_map(|(place, rejection)| {
                Some((*indices.get(place)?, Problem::from(rejection)))
            });
            problems.extend(more);
            problems.sort_by_key(|(place, _)| *place);
            problems.truncate(PROBLEMS_MAX);
        }
        return Err(Problem::of_events(problems));
    }
    let key = key.map(|key| (key, Sha256::digest(&body.bytes).into()));
    let (context, worker) = (Arc::clone(&app.context), Arc::clone(&app.worker));
    let published = publish::publish_batch(context, worker, caller.workspace.clone(), events, key);
    let accepted = to_its_end(published).await?;
    Ok(Accepted(AcceptedBatch {
        events: accepted.into_iter().map(view).collect(),
    }))
}

fn event(mut fields: Fields, caller: &Caller) -> Result<Event, Problem> {
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
        workspace: caller.workspace.clone(),
        sent_by: caller.key.clone(),
        provider,
        payload: payload.into_bytes(),
        client_id,
        bot,
        idempotency,
    })
}

fn view(accepted: publish::Accepted) -> AcceptedEvent {
    let receipt = accepted.receipt;
    let deliveries = receipt.deliveries.into_iter();
    AcceptedEvent {
        message_id: receipt.message_id.to_string(),
        event_type: receipt.event_type,
        deliveries: deliveries
            .map(|(id, endpoint_id, state)| AcceptedDelivery {
                id: id.to_string(),
                endpoint_id: endpoint_id.to_string(),
                status: state.same(),
            })
            .collect(),
        duplicate: accepted.duplicate,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{api::describe::Schemas, ids::WorkspaceId, store::Role};
    use countersign_api::{PublishBatch, PublishEvent};

    /// Events are read by hand, so the schema that is published for them is held to that reader here.
    #[test]
    fn the_schema_of_an_event_names_what_its_reader_knows() {
        let mut schemas = Schemas::default();
        let names = |properties: Vec<(String, _, bool)>| -> Vec<String> {
            properties.into_iter().map(|(name, ..)| name).collect()
        };
        let mut published = names(schemas.properties::<PublishEvent>());
        published.sort_unstable();
        let mut read = FIELDS;
        read.sort_unstable();
        assert_eq!(published, read);
        assert_eq!(names(schemas.properties::<PublishBatch>()), BATCH_FIELDS);
        let required = schemas.properties::<PublishEvent>().into_iter();
        for (name, _, required) in required {
            let event = r#"{"provider": "platform", "payload": {}}"#;
            let without = event.replace(&format!("\"{name}\""), "\"bot\"");
            let without = without
                .replace(r#""bot": "platform""#, r#""bot": true"#)
                .replace(r#""bot": {}"#, r#""bot": true"#);
            let read = Fields::parse(without.as_bytes()).and_then(event_of);
            assert_eq!(read.is_err(), required, "{name}");
        }
    }

    fn event_of(fields: Fields) -> Result<Event, Problem> {
        let caller = Caller {
            scope: None,
            workspace: WorkspaceId::default(),
            key: None,
            role: Role::Admin,
        };
        event(fields, &caller)
    }
}
