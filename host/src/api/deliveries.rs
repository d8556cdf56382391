//! `/v1/messages`, `/v1/deliveries`, `/v1/dead-letters` and `/v1/stats`

use super::{App, IdPath, problem::Problem, request::Query};
use crate::{
    clock::rfc3339,
    context::{Context, to_its_end},
    ids::{DeliveryId, EndpointId, MessageId},
    store::{Attempt, Delivery, DeliveryState, Filter, Retried, StoreError, Word},
    worker::Worker,
};
use axum::{
    Json,
    extract::{RawQuery, State},
    http::StatusCode,
    response::IntoResponse,
};
use countersign_core::delivery::Outcome;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Entries of a list when the client asks for no number.
const LIMIT_DEFAULT: u32 = 50;
/// Most entries of a list.
const LIMIT_MAX: u32 = 500;

pub(super) async fn message(
    State(app): State<Arc<App>>,
    IdPath(id): IdPath<MessageId>,
) -> Result<Json<Value>, Problem> {
    let found = app.context.store.message(id).await?;
    let found = found.ok_or_else(|| Problem::not_found("message"))?;
    let deliveries = found.deliveries.iter();
    let deliveries: Vec<_> = deliveries
        .map(|(d, attempts)| with_attempts(d, attempts))
        .collect();
    Ok(Json(json!({
        "id": found.message.id.as_str(),
        "provider": found.message.provider,
        "event_type": found.message.event_type,
        "created_at": rfc3339(found.message.created_at_ms),
        "deliveries": deliveries,
    })))
}

pub(super) async fn show(
    State(app): State<Arc<App>>,
    IdPath(id): IdPath<DeliveryId>,
) -> Result<Json<Value>, Problem> {
    let found = app.context.store.delivery(id).await?;
    let (delivery, attempts) = found.ok_or_else(|| Problem::not_found("delivery"))?;
    Ok(Json(with_attempts(&delivery, &attempts)))
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Problem> {
    let known = ["status", "endpoint_id", "limit", "after"];
    let mut query = Query::parse(query.as_deref(), &known)?;
    let words: Vec<_> = DeliveryState::ALL
        .iter()
        .map(|state| state.word())
        .collect();
    let kind = format!("one of {}", words.join(", "));
    let state = query.take("status", &kind, DeliveryState::from_word)?;
    page(&app.context, state, query, "deliveries").await
}

pub(super) async fn dead_letters(
    State(app): State<Arc<App>>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Problem> {
    let query = Query::parse(query.as_deref(), &["endpoint_id", "limit", "after"])?;
    page(
        &app.context,
        Some(DeliveryState::DeadLettered),
        query,
        "dead_letters",
    )
    .await
}

async fn page(
    context: &Context,
    state: Option<DeliveryState>,
    mut query: Query,
    name: &str,
) -> Result<Json<Value>, Problem> {
    let limit_kind = format!("a number from 1 to {LIMIT_MAX}");
    let limit = query.take("limit", &limit_kind, |text| {
        let limit = text.parse().ok();
        limit.filter(|limit| (1..=LIMIT_MAX).contains(limit))
    })?;
    let limit = limit.unwrap_or(LIMIT_DEFAULT);
    let filter = Filter {
        state,
        endpoint_id: query.take("endpoint_id", "the id of an endpoint", EndpointId::parse)?,
        after: query.take("after", "the `next` of the page before", DeliveryId::parse)?,
        // One more tells whether there is another page.
        limit: limit.saturating_add(1),
    };
    let mut found = context.store.deliveries(filter).await?;
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let next = found
        .last()
        .filter(|_| more)
        .map(|last| last.id.to_string());
    let found: Vec<_> = found.iter().map(view).collect();
    let mut answer = Map::new();
    answer.insert(name.to_owned(), found.into());
    answer.insert("next".to_owned(), next.into());
    Ok(Json(answer.into()))
}

pub(super) async fn retry(
    State(app): State<Arc<App>>,
    IdPath(id): IdPath<DeliveryId>,
) -> Result<impl IntoResponse, Problem> {
    let (context, worker) = (Arc::clone(&app.context), Arc::clone(&app.worker));
    let retried = to_its_end(retry_dead_letter(context, worker, id.clone())).await?;
    let conflict = |code: &str, detail: String| Problem::new(StatusCode::CONFLICT, code, detail);
    match retried {
        Retried::Pending(_) => {
            let answer = json!({ "id": id.as_str(), "status": DeliveryState::Pending.word() });
            Ok((StatusCode::ACCEPTED, Json(answer)))
        }
        Retried::Waiting => {
            let answer = json!({ "id": id.as_str(), "status": DeliveryState::Waiting.word() });
            Ok((StatusCode::ACCEPTED, Json(answer)))
        }
        Retried::Unknown => Err(Problem::not_found("delivery")),
        Retried::NotDead(state) => Err(conflict(
            "not_dead_lettered",
            format!(
                "only dead letters can be sent again; this delivery is {}",
                state.word()
            ),
        )),
        Retried::EndpointNotActive => Err(conflict(
            "endpoint_not_active",
            "its endpoint is paused, disabled or deleted; set its `status` to active first"
                .to_owned(),
        )),
    }
}

async fn retry_dead_letter(
    context: Arc<Context>,
    worker: Arc<Worker>,
    id: DeliveryId,
) -> Result<Retried, StoreError> {
    let now_ms = context.clock.now_ms();
    let retried = context.store.retry(id, now_ms).await?;
    if let Retried::Pending(endpoint) = &retried {
        worker.due(endpoint, now_ms);
    }
    Ok(retried)
}

pub(super) async fn stats(State(app): State<Arc<App>>) -> Result<Json<Value>, Problem> {
    let stats = app.context.store.stats().await?;
    let count = |state: DeliveryState| {
        let same = |(counted, _): &&(DeliveryState, u64)| *counted == state;
        stats
            .deliveries
            .iter()
            .find(same)
            .map_or(0, |(_, count)| *count)
    };
    let states = DeliveryState::ALL.iter();
    let deliveries: Map<_, _> = states
        .map(|state| (state.word().to_owned(), count(*state).into()))
        .collect();
    Ok(Json(json!({
        "messages": stats.messages,
        "deliveries": deliveries,
        "in_flight": app.worker.in_flight(),
    })))
}

fn with_attempts(delivery: &Delivery, attempts: &[Attempt]) -> Value {
    let mut view = view(delivery);
    view["attempts"] = attempts.iter().map(attempt).collect();
    view
}

fn view(delivery: &Delivery) -> Value {
    let next_ms = delivery
        .next_attempt_at_ms
        .filter(|_| delivery.state == DeliveryState::Pending);
    json!({
        "id": delivery.id.as_str(),
        "message_id": delivery.message_id.as_str(),
        "endpoint_id": delivery.endpoint_id.as_str(),
        "event_type": delivery.event_type,
        "status": delivery.state.word(),
        "reason": delivery.dead_reason.map(Word::word),
        "attempt_count": delivery.attempts,
        "next_attempt_at": next_ms.map(rfc3339),
        "created_at": rfc3339(delivery.created_at_ms),
        "updated_at": rfc3339(delivery.updated_at_ms),
    })
}

fn attempt(attempt: &Attempt) -> Value {
    let (outcome, status, retry_after_s) = match attempt.outcome {
        Outcome::Response {
            status,
            retry_after_s,
        } => ("response", Some(status), retry_after_s),
        Outcome::Failure(kind) => (kind.code(), None, None),
    };
    json!({
        "id": attempt.id.as_str(),
        "number": attempt.number,
        "started_at": rfc3339(attempt.started_at_ms),
        "duration_ms": attempt.duration_ms,
        // `response`, or the kind of failure.
        "outcome": outcome,
        "status": status,
        "retry_after_s": retry_after_s,
        "response": String::from_utf8_lossy(&attempt.response),
    })
}
