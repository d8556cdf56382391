//! `/v1/dead-letters`

use super::{
    App, IdPath,
    caller::{Allowed, Managing, Reading},
    deliveries::{limit, own, view},
    problem::Problem,
    request::{JsonBody, Query},
    selection::{CONDITIONS, from_fields, from_query},
};
use crate::{
    context::{Context, to_its_end},
    ids::DeliveryId,
    records::replay,
    store::{EndedState, Page, Selection, StoreError},
};
use axum::{
    Json,
    extract::{RawQuery, State},
    http::StatusCode,
};
use serde_json::{Value, json};
use std::sync::Arc;

/// Dead letters that one step acknowledges.
const STEP: u32 = 200;
/// Steps of one request; what is left is told, so that no request takes minutes.
const STEPS_MAX: u32 = 50;

pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Allowed<Reading>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Problem> {
    let known: Vec<_> = CONDITIONS.into_iter().chain(["limit", "after"]).collect();
    let mut query = Query::parse(query.as_deref(), &known)?;
    let page = Page {
        limit: limit(&mut query)?,
        after: query.take("after", "the `next` of the page before", DeliveryId::parse)?,
        newest_first: true,
    };
    let selection = from_query(&caller.workspace, &mut query)?;
    let selected = app.context.store.select(selection, page).await?;
    let found: Vec<_> = selected.found.iter().map(view).collect();
    let next = selected.next.as_ref().map(DeliveryId::as_str);
    Ok(Json(json!({ "dead_letters": found, "next": next })))
}

pub(super) async fn count(
    State(app): State<Arc<App>>,
    caller: Allowed<Reading>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Problem> {
    let mut query = Query::parse(query.as_deref(), &CONDITIONS)?;
    let selection = from_query(&caller.workspace, &mut query)?;
    let counted = app.context.store.count(selection).await?;
    Ok(Json(
        json!({ "count": counted.count, "at_least": counted.at_least }),
    ))
}

pub(super) async fn acknowledge_one(
    State(app): State<Arc<App>>,
    caller: Allowed<Managing>,
    IdPath(id): IdPath<DeliveryId>,
) -> Result<Json<Value>, Problem> {
    own(&app, &caller, id.clone()).await?;
    let now_ms = app.context.clock.now_ms();
    match app
        .context
        .store
        .acknowledge(vec![id.clone()], now_ms)
        .await?
    {
        0 => Err(Problem::new(
            StatusCode::CONFLICT,
            "not_dead_lettered",
            "only a dead letter can be acknowledged",
        )),
        _ => Ok(Json(json!({ "id": id.as_str(), "acknowledged": true }))),
    }
}

pub(super) async fn acknowledge(
    State(app): State<Arc<App>>,
    caller: Allowed<Managing>,
    body: JsonBody,
) -> Result<Json<Value>, Problem> {
    let mut fields = body.fields;
    let selection = from_fields(&caller.workspace, EndedState::DeadLettered, &mut fields)?;
    let dry_run = fields
        .optional("dry_run", "true or false")?
        .unwrap_or(false);
    fields.finish(&["ids", "filter", "dry_run"])?;
    if dry_run {
        let preview = replay::preview(&app.context, selection).await?;
        return Ok(Json(super::replays::preview(&preview)));
    }
    let (acknowledged, more) =
        to_its_end(acknowledge_all(Arc::clone(&app.context), selection)).await?;
    Ok(Json(json!({ "acknowledged": acknowledged, "more": more })))
}

/// In small steps, so that other writes do not wait. Returns how many there were, and whether some may be left.
async fn acknowledge_all(
    context: Arc<Context>,
    selection: Selection,
) -> Result<(u64, bool), StoreError> {
    let mut page = Page {
        after: None,
        newest_first: true,
        limit: STEP,
    };
    let mut acknowledged: u64 = 0;
    for _ in 0..STEPS_MAX {
        let selected = context
            .store
            .select(selection.clone(), page.clone())
            .await?;
        let ids: Vec<_> = selected.found.into_iter().map(|found| found.id).collect();
        if !ids.is_empty() {
            let now_ms = context.clock.now_ms();
            let marked = context.store.acknowledge(ids, now_ms).await?;
            acknowledged = acknowledged.saturating_add(marked);
        }
        page.after = selected.next;
        if page.after.is_none() {
            return Ok((acknowledged, false));
        }
    }
    Ok((acknowledged, true))
}
