//! `/v1/endpoints/{id}/filter/dry-run`

use super::{
    App, IdPath,
    caller::{Allowed, Managing},
    endpoints::own,
    problem::Problem,
    request::JsonBody,
};
use crate::{
    clock::rfc3339,
    endpoints::{self, DryRun, LAST_MAX, Tested},
    ids::EndpointId,
    publish,
    store::Message,
};
use axum::{Json, extract::State};
use countersign_core::filter::Miss;
use serde_json::{Value, json};
use std::sync::Arc;

const FIELDS: [&str; 3] = ["filter", "last", "payload"];

/// Events that are looked at when the client asks for no number.
const LAST_DEFAULT: u32 = 100;

pub(super) async fn dry_run(
    State(app): State<Arc<App>>,
    caller: Allowed<Managing>,
    IdPath(id): IdPath<EndpointId>,
    body: JsonBody,
) -> Result<Json<Value>, Problem> {
    let endpoint = own(&app, &caller, &id)?.snapshot();
    let mut fields = body.fields;
    let filter = fields.raw("filter");
    let last: Option<u32> = fields.optional("last", "a number from 1 to 1000")?;
    let payload = fields.raw("payload");
    fields.finish(&FIELDS)?;
    let context = Arc::clone(&app.context);
    match (last, payload) {
        (Some(_), Some(_)) => {
            let detail = "give `last` to look at events that were published, or `payload` for one that was not, not both";
            Err(Problem::field("payload_invalid", "payload", detail))
        }
        (None, Some(payload)) => {
            let (workspace, provider) = (endpoint.workspace.clone(), endpoint.provider.clone());
            let event = publish::complete(&context, workspace, provider, payload.into_bytes());
            let event = event.await?;
            let event_type = event.event_type.clone();
            let tested = endpoints::dry_run_of(context, &endpoint, filter, event).await?;
            let mut view = view(&tested);
            view["event_type"] = event_type.into();
            Ok(Json(view))
        }
        (last, None) => {
            let last = last.unwrap_or(LAST_DEFAULT);
            if !(1..=LAST_MAX).contains(&last) {
                let detail = format!("`last` must be a number from 1 to {LAST_MAX}");
                return Err(Problem::field("last_invalid", "last", detail));
            }
            let looked = endpoints::dry_run(context, &endpoint, DryRun { filter, last }).await?;
            let count = |is: fn(&Tested) -> bool| {
                let tested = looked.events.iter();
                tested.filter(|(_, tested)| is(tested)).count()
            };
            let events = looked.events.iter();
            Ok(Json(json!({
                "looked_at": looked.events.len(),
                "complete": looked.complete,
                "matched": count(|tested| matches!(tested, Tested::Matches)),
                "filtered": count(|tested| matches!(tested, Tested::Filtered(_))),
                "not_subscribed": count(|tested| matches!(tested, Tested::NotSubscribed(_))),
                "without_body": count(|tested| matches!(tested, Tested::BodyForgotten)),
                "events": events.map(event).collect::<Vec<_>>(),
            })))
        }
    }
}

fn event((message, tested): &(Message, Tested)) -> Value {
    let mut view = view(tested);
    view["message_id"] = message.id.as_str().into();
    view["event_type"] = message.event_type.as_str().into();
    view["created_at"] = rfc3339(message.created_at_ms).into();
    view
}

fn view(tested: &Tested) -> Value {
    let (matches, reason, misses) = match tested {
        Tested::Matches => (Some(true), None, &[][..]),
        Tested::NotSubscribed(misses) => (Some(false), Some("not_subscribed"), misses.as_slice()),
        Tested::Filtered(misses) => (Some(false), Some("filter"), misses.as_slice()),
        Tested::BodyForgotten => (None, Some("body_forgotten"), &[][..]),
    };
    let miss = |miss: &Miss| json!({ "condition": miss.condition, "found": miss.found.word() });
    json!({
        "matches": matches,
        "reason": reason,
        "misses": misses.iter().map(miss).collect::<Vec<_>>(),
    })
}
