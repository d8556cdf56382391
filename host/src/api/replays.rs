//! `/v1/replays`

use super::{
    App, IdPath,
    caller::{Allowed, Caller, Managing, Reading},
    deliveries::limit,
    problem::Problem,
    request::{JsonBody, Query},
    selection::from_fields,
};
use crate::{
    clock::rfc3339,
    context::to_its_end,
    ids::{DeliveryId, EndpointId, ReplayId},
    records::replay::{self, PER_SECOND_MAX, Preview},
    store::{EndedState, Replay, ReplayState, Word},
};
use axum::{
    Json,
    extract::{RawQuery, State},
    http::StatusCode,
    response::IntoResponse,
};
use serde_json::{Map, Value, json};
use std::sync::Arc;

const FIELDS: [&str; 5] = ["of", "filter", "ids", "per_second", "dry_run"];

/// Deliveries a second when the client asks for no number: hardly felt by any receiver.
const PER_SECOND_DEFAULT: u32 = 10;

pub(super) async fn create(
    State(app): State<Arc<App>>,
    caller: Allowed<Managing>,
    body: JsonBody,
) -> Result<impl IntoResponse, Problem> {
    let mut fields = body.fields;
    let of: Option<String> = fields.optional("of", "dead_lettered or delivered")?;
    let state = of
        .as_deref()
        .map_or(Some(EndedState::DeadLettered), EndedState::from_word);
    let state = state.ok_or_else(|| {
        let detail = "`of` must be dead_lettered or delivered";
        Problem::field("of_invalid", "of", detail)
    })?;
    let selection = from_fields(&caller.workspace, state, &mut fields)?;
    let kind = format!("a number from 1 to {PER_SECOND_MAX}");
    let per_second = fields
        .optional("per_second", &kind)?
        .unwrap_or(PER_SECOND_DEFAULT);
    if !(1..=PER_SECOND_MAX).contains(&per_second) {
        let detail = format!("`per_second` must be {kind}");
        return Err(Problem::field("out_of_range", "per_second", detail));
    }
    let dry_run = fields
        .optional("dry_run", "true or false")?
        .unwrap_or(false);
    fields.finish(&FIELDS)?;
    if dry_run {
        let preview = replay::preview(&app.context, selection).await?;
        return Ok((StatusCode::OK, Json(self::preview(&preview))));
    }
    let replays = Arc::clone(&app.replays);
    let begun = to_its_end(async move { replays.begin(selection, per_second).await }).await?;
    Ok((StatusCode::ACCEPTED, Json(view(&begun))))
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Allowed<Reading>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Problem> {
    let mut query = Query::parse(query.as_deref(), &["limit", "after"])?;
    let limit = limit(&mut query)?;
    let after = query.take("after", "the `next` of the page before", ReplayId::parse)?;
    // One more tells whether there is another page.
    let found = app
        .context
        .store
        .replays(caller.workspace.clone(), after, limit.saturating_add(1));
    let mut found = found.await?;
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let next = found.last().filter(|_| more).map(|last| last.id.as_str());
    let replays: Vec<_> = found.iter().map(view).collect();
    Ok(Json(json!({ "replays": replays, "next": next })))
}

pub(super) async fn show(
    State(app): State<Arc<App>>,
    caller: Allowed<Reading>,
    IdPath(id): IdPath<ReplayId>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(view(&own(&app, &caller, id).await?)))
}

/// The replay of this id, unless it is another workspace's. That a replay belongs to one never changes.
async fn own(app: &App, caller: &Caller, id: ReplayId) -> Result<Replay, Problem> {
    let found = app.context.store.replay(id).await?;
    let found = found.filter(|found| found.selection.workspace == caller.workspace);
    found.ok_or_else(|| Problem::not_found("replay"))
}

pub(super) async fn pause(
    State(app): State<Arc<App>>,
    caller: Allowed<Managing>,
    IdPath(id): IdPath<ReplayId>,
) -> Result<Json<Value>, Problem> {
    change(app, &caller, id, ReplayState::Paused).await
}

pub(super) async fn resume(
    State(app): State<Arc<App>>,
    caller: Allowed<Managing>,
    IdPath(id): IdPath<ReplayId>,
) -> Result<Json<Value>, Problem> {
    change(app, &caller, id, ReplayState::Running).await
}

pub(super) async fn cancel(
    State(app): State<Arc<App>>,
    caller: Allowed<Managing>,
    IdPath(id): IdPath<ReplayId>,
) -> Result<Json<Value>, Problem> {
    change(app, &caller, id, ReplayState::Cancelled).await
}

async fn change(
    app: Arc<App>,
    caller: &Caller,
    id: ReplayId,
    to: ReplayState,
) -> Result<Json<Value>, Problem> {
    own(&app, caller, id.clone()).await?;
    let replays = Arc::clone(&app.replays);
    let changed = to_its_end(async move { replays.change(id, to).await }).await?;
    let changed = changed.ok_or_else(|| Problem::not_found("replay"))?;
    match changed.state == to {
        true => Ok(Json(view(&changed))),
        false => Err(Problem::new(
            StatusCode::CONFLICT,
            "replay_ended",
            format!("this replay is {}; begin another one", changed.state.word()),
        )),
    }
}

pub(super) fn preview(preview: &Preview) -> Value {
    let sample: Vec<_> = preview.sample.iter().map(DeliveryId::as_str).collect();
    json!({
        "dry_run": true,
        "count": preview.matched.count,
        "at_least": preview.matched.at_least,
        "sample": sample,
    })
}

fn view(replay: &Replay) -> Value {
    let selection = &replay.selection;
    let text = |text: &str| Value::from(text);
    let time = |at_ms: Option<u64>| at_ms.map(|at_ms| Value::from(rfc3339(at_ms)));
    let (since, until) = match selection.state {
        EndedState::DeadLettered => ("died_since", "died_until"),
        EndedState::Delivered => ("delivered_since", "delivered_until"),
    };
    let filter: Map<_, _> = [
        (
            "endpoint_id",
            selection
                .endpoint_id
                .as_ref()
                .map(EndpointId::as_str)
                .map(text),
        ),
        ("event_type", selection.event_type.as_deref().map(text)),
        ("reason", selection.reason.map(|reason| text(reason.word()))),
        ("acknowledged", selection.acknowledged.map(Value::from)),
        ("created_since", time(selection.created_since_ms)),
        ("created_until", time(selection.created_until_ms)),
        (since, time(selection.ended_since_ms)),
        (until, time(selection.ended_until_ms)),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), value?)))
    .collect();
    json!({
        "id": replay.id.as_str(),
        "status": replay.state.word(),
        "of": selection.state.word(),
        "filter": filter,
        "ids": selection.ids.as_ref().map(Vec::len),
        "per_second": replay.per_second,
        "matched": replay.matched.count,
        "matched_at_least": replay.matched.at_least,
        "replayed": replay.replayed,
        "skipped": replay.skipped,
        "created_at": rfc3339(replay.created_at_ms),
        "updated_at": rfc3339(replay.updated_at_ms),
    })
}
