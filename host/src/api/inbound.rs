//! `/v1/inbound`: what other senders posted.

use super::{
    App,
    caller::{Allowed, Reading},
    describe::{Routes, Shown, Verb::Get},
    page::Paged,
    problem::Problem,
    typed::{IdPath, Params},
    views::{Same, time},
};
use crate::{
    ids::InboundId,
    store::{Inbound, InboundFilter, StoreError},
};
use axum::extract::State;
use base64ct::{Base64, Encoding};
use countersign_api::{
    InboundDetails, InboundEvent, InboundQuery, InboundRequest, InboundRequests, PageQuery,
};
use serde_json::Value;
use std::sync::Arc;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .on(
            Get,
            "/inbound",
            "list_inbound",
            "Lists what other senders posted, newest first.",
            list,
        )
        .on(
            Get,
            "/inbound/{id}",
            "show_inbound",
            "Shows a request of another sender, with its body and its events.",
            show,
        )
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Allowed<Reading>,
    Params(query): Params<InboundQuery>,
) -> Result<Shown<InboundRequests>, Problem> {
    let paged = Paged::new(query.limit, query.after.as_deref(), InboundId::parse)?;
    let filter = InboundFilter {
        workspace: caller.workspace.clone(),
        source: query.source,
        after: paged.after.clone(),
        // One more tells whether there is another page.
        limit: paged.limit.saturating_add(1),
    };
    let found = app.context.store.inbound_requests(filter).await?;
    let (found, next) = paged.cut(found, |last| last.id.to_string());
    Ok(Shown(InboundRequests {
        inbound: found.iter().map(view).collect(),
        next,
    }))
}

pub(super) async fn show(
    State(app): State<Arc<App>>,
    caller: Allowed<Reading>,
    IdPath(id): IdPath<InboundId>,
    Params(page): Params<PageQuery>,
) -> Result<Shown<InboundDetails>, Problem> {
    let place = |text: &str| text.parse::<u64>().ok();
    let paged = Paged::new(page.limit, page.after.as_deref(), place)?;
    let from = paged.after.unwrap_or(0);
    // One more tells whether others follow.
    let limit = paged.limit.saturating_add(1);
    let found = app.context.store.inbound_request(id, from, limit).await?;
    let found = found.filter(|found| found.request.workspace == caller.workspace);
    let mut found = found.ok_or_else(|| Problem::not_found("request"))?;
    let next = found.events.get(paged.limit as usize);
    let next = next.map(|event| event.place.to_string());
    found.events.truncate(paged.limit as usize);
    let events: Result<Vec<_>, StoreError> = found.events.iter().map(event).collect();
    // Bodies are text by nature. One that is none is told as what it is.
    let (body, body_base64) = match String::from_utf8(found.body) {
        Ok(text) => (Some(text), None),
        Err(error) => (None, Some(Base64::encode_string(error.as_bytes()))),
    };
    Ok(Shown(InboundDetails {
        request: view(&found.request),
        body,
        body_base64,
        events: events?,
        next,
    }))
}

fn view(request: &Inbound) -> InboundRequest {
    InboundRequest {
        id: request.id.to_string(),
        workspace: request.workspace.to_string(),
        source: request.source.clone(),
        provider: request.provider.clone(),
        verified: request.verified.same(),
        scheme: request.scheme.clone(),
        received_at: time(request.received_at_ms),
        events_total: request.events_total,
        body_bytes: request.body_bytes,
        body_sha256: base16ct::lower::encode_string(&request.body_sha256),
    }
}

fn event(event: &crate::store::InboundEvent) -> Result<InboundEvent, StoreError> {
    let read = |text: &str| -> Result<Value, StoreError> {
        serde_json::from_str(text).map_err(|error| StoreError::Failed {
            doing: "reading an event",
            problem: error.to_string(),
        })
    };
    Ok(InboundEvent {
        place: event.place,
        r#type: event.event_type.clone(),
        event: read(&event.event)?,
        passed_on: read(&event.passed_on)?,
    })
}
