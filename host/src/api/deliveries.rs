//! `/v1/messages`, `/v1/deliveries` and `/v1/stats`

use super::{
    App, IdPath,
    caller::{Allowed, Caller, Managing, Reading},
    problem::Problem,
    request::Query,
};
use crate::{
    clock::rfc3339,
    context::to_its_end,
    ids::{DeliveryId, EndpointId, MessageId},
    records::replay,
    store::{Attempt, Delivery, DeliveryState, Filter, Retried, Word},
};
use axum::{
    Json,
    extract::{RawQuery, State},
    http::StatusCode,
    response::IntoResponse,
};
use countersign_core::delivery::{Outcome, machine::delivery::Input};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Entries of a list when the client asks for no number.
const LIMIT_DEFAULT: u32 = 50;
/// Most entries of a list.
const LIMIT_MAX: u32 = 500;

pub(super) async fn message(
    State(app): State<Arc<App>>,
    caller: Allowed<Reading>,
    IdPath(id): IdPath<MessageId>,
) -> Result<Json<Value>, Problem> {
    let found = app.context.store.message(id).await?;
    let found = found.filter(|found| found.message.workspace == caller.workspace);
    let found = found.ok_or_else(|| Problem::not_found("message"))?;
    let deliveries = found.deliveries.iter();
    let deliveries: Vec<_> = deliveries
        .map(|(d, attempts)| with_attempts(d, attempts))
        .collect();
    Ok(Json(json!({
        "id": found.message.id.as_str(),
        "workspace": found.message.workspace.as_str(),
        "provider": found.message.provider,
        "event_type": found.message.event_type,
        "created_at": rfc3339(found.message.created_at_ms),
        "deliveries": deliveries,
    })))
}

pub(super) async fn show(
    State(app): State<Arc<App>>,
    caller: Allowed<Reading>,
    IdPath(id): IdPath<DeliveryId>,
) -> Result<Json<Value>, Problem> {
    let (delivery, attempts) = own(&app, &caller, id).await?;
    Ok(Json(with_attempts(&delivery, &attempts)))
}

/// The delivery of this id, unless it is another workspace's. That a delivery belongs to one never changes.
pub(super) async fn own(
    app: &App,
    caller: &Caller,
    id: DeliveryId,
) -> Result<(Delivery, Vec<Attempt>), Problem> {
    let found = app.context.store.delivery(id).await?;
    let found = found.filter(|(delivery, _)| delivery.workspace == caller.workspace);
    found.ok_or_else(|| Problem::not_found("delivery"))
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Allowed<Reading>,
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
    let limit = limit(&mut query)?;
    let filter = Filter {
        workspace: caller.workspace.clone(),
        state,
        endpoint_id: query.take("endpoint_id", "the id of an endpoint", EndpointId::parse)?,
        after: query.take("after", "the `next` of the page before", DeliveryId::parse)?,
        // One more tells whether there is another page.
        limit: limit.saturating_add(1),
    };
    let mut found = app.context.store.deliveries(filter).await?;
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let next = found.last().filter(|_| more).map(|last| last.id.as_str());
    let deliveries: Vec<_> = found.iter().map(view).collect();
    Ok(Json(json!({ "deliveries": deliveries, "next": next })))
}

/// How many entries a client wants.
pub(super) fn limit(query: &mut Query) -> Result<u32, Problem> {
    let kind = format!("a number from 1 to {LIMIT_MAX}");
    let limit = query.take("limit", &kind, |text| {
        let limit = text.parse().ok();
        limit.filter(|limit| (1..=LIMIT_MAX).contains(limit))
    })?;
    Ok(limit.unwrap_or(LIMIT_DEFAULT))
}

pub(super) async fn retry(
    State(app): State<Arc<App>>,
    caller: Allowed<Managing>,
    IdPath(id): IdPath<DeliveryId>,
) -> Result<impl IntoResponse, Problem> {
    send_again(&app, &caller, id, Input::ReplayAsked).await
}

pub(super) async fn resend(
    State(app): State<Arc<App>>,
    caller: Allowed<Managing>,
    IdPath(id): IdPath<DeliveryId>,
) -> Result<impl IntoResponse, Problem> {
    send_again(&app, &caller, id, Input::ResendAsked).await
}

async fn send_again(
    app: &App,
    caller: &Caller,
    id: DeliveryId,
    asked: Input,
) -> Result<(StatusCode, Json<Value>), Problem> {
    own(app, caller, id.clone()).await?;
    let (context, worker) = (Arc::clone(&app.context), Arc::clone(&app.worker));
    let retried = to_its_end(replay::retry(context, worker, id.clone(), asked)).await?;
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
        Retried::NotNow(state @ DeliveryState::Delivered) => Err(conflict(
            "not_dead_lettered",
            format!(
                "this delivery is {}; to send it once more, POST to its /resend",
                state.word()
            ),
        )),
        Retried::NotNow(state) => Err(conflict(
            "not_dead_lettered",
            format!(
                "only what has ended can be sent again; this delivery is {}",
                state.word()
            ),
        )),
        Retried::EndpointNotActive => Err(conflict(
            "endpoint_not_active",
            "its endpoint is paused, disabled or deleted; set its `status` to active first"
                .to_owned(),
        )),
        Retried::WithoutBody => Err(conflict(
            "body_forgotten",
            "its body is no longer kept (retention.bodies), so it cannot be sent again; publish the event anew"
                .to_owned(),
        )),
    }
}

pub(super) async fn stats(
    State(app): State<Arc<App>>,
    caller: Allowed<Reading>,
) -> Result<Json<Value>, Problem> {
    caller.require_all_workspaces()?;
    let stats = app.context.store.stats().await?;
    let deliveries: Map<_, _> = stats
        .deliveries
        .iter()
        .map(|(state, counted)| (state.word().to_owned(), counted.count.into()))
        .collect();
    let at_least: Vec<_> = stats
        .deliveries
        .iter()
        .filter(|(_, counted)| counted.at_least)
        .map(|(state, _)| state.word())
        .collect();
    Ok(Json(json!({
        "messages": stats.messages,
        "deliveries": deliveries,
        "at_least": at_least,
        "in_flight": app.worker.in_flight(),
        "guest_sha256": app.context.rules.guest.sha256(),
    })))
}

fn with_attempts(delivery: &Delivery, attempts: &[Attempt]) -> Value {
    let mut view = view(delivery);
    view["attempts"] = attempts.iter().map(attempt).collect();
    view
}

pub(super) fn view(delivery: &Delivery) -> Value {
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
        "acknowledged_at": delivery.acknowledged_at_ms.map(rfc3339),
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
