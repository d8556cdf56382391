//! `/v1/inbound`: what other senders posted.

use super::{
    App, IdPath,
    caller::{Allowed, Reading},
    deliveries::limit,
    problem::Problem,
    request::Query,
};
use crate::{
    clock::rfc3339,
    ids::InboundId,
    store::{Inbound, InboundEvent, InboundFilter, StoreError, Word},
};
use axum::{
    Json,
    extract::{RawQuery, State},
};
use base64ct::{Base64, Encoding};
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Allowed<Reading>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Problem> {
    let mut query = Query::parse(query.as_deref(), &["source", "limit", "after"])?;
    let limit = limit(&mut query)?;
    let filter = InboundFilter {
        workspace: caller.workspace.clone(),
        source: query.take("source", "the name of a source", |text| {
            Some(text.to_owned())
        })?,
        after: query.take("after", "the `next` of the page before", InboundId::parse)?,
        // One more tells whether there is another page.
        limit: limit.saturating_add(1),
    };
    let mut found = app.context.store.inbound_requests(filter).await?;
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let next = found.last().filter(|_| more).map(|last| last.id.as_str());
    let requests: Vec<_> = found.iter().map(view).collect();
    Ok(Json(json!({ "inbound": requests, "next": next })))
}

pub(super) async fn show(
    State(app): State<Arc<App>>,
    caller: Allowed<Reading>,
    IdPath(id): IdPath<InboundId>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Problem> {
    let mut query = Query::parse(query.as_deref(), &["limit", "from"])?;
    let limit = limit(&mut query)?;
    let kind = "the `next` of the answer before";
    let from: u64 = query
        .take("from", kind, |text| text.parse().ok())?
        .unwrap_or(0);
    // One more tells whether others follow.
    let found = app
        .context
        .store
        .inbound_request(id, from, limit.saturating_add(1));
    let found = found.await?;
    let found = found.filter(|found| found.request.workspace == caller.workspace);
    let mut found = found.ok_or_else(|| Problem::not_found("request"))?;
    let next = found.events.get(limit as usize).map(|event| event.place);
    found.events.truncate(limit as usize);
    let events: Result<Vec<_>, _> = found.events.iter().map(event_view).collect();
    let mut view = view(&found.request);
    // Bodies are text by nature. One that is none is told as what it is.
    match String::from_utf8(found.body) {
        Ok(text) => view["body"] = text.into(),
        Err(error) => view["body_base64"] = Base64::encode_string(error.as_bytes()).into(),
    }
    view["events"] = events?.into();
    view["next"] = next.into();
    Ok(Json(view))
}

fn view(request: &Inbound) -> Value {
    json!({
        "id": request.id.as_str(),
        "workspace": request.workspace.as_str(),
        "source": request.source,
        "provider": request.provider,
        "verified": request.verified.word(),
        "scheme": request.scheme,
        "received_at": rfc3339(request.received_at_ms),
        "events_total": request.events_total,
        "body_bytes": request.body_bytes,
        "body_sha256": base16ct::lower::encode_string(&request.body_sha256),
    })
}

fn event_view(event: &InboundEvent) -> Result<Value, StoreError> {
    let read = |text: &str| -> Result<Value, StoreError> {
        serde_json::from_str(text).map_err(|error| StoreError::Failed {
            doing: "reading an event",
            problem: error.to_string(),
        })
    };
    Ok(json!({
        "place": event.place,
        "type": event.event_type,
        "event": read(&event.event)?,
        "passed_on": read(&event.passed_on)?,
    }))
}
