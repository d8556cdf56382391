//! `/v1/endpoints/{id}/filter/dry-run`

use super::{
    App,
    caller::{Allowed, Managing},
    describe::{Routes, Shown, Verb::Post},
    endpoints::own,
    problem::Problem,
    typed::{Body, IdPath},
    views::time,
};
use crate::{
    endpoints::{self, LAST_MAX, Tested},
    ids::EndpointId,
    publish,
    store::Message,
};
use axum::extract::State;
use countersign_api::{DryRun, DryRunAnswer, DryRunEvent, DryRunReason, Miss, Raw};
use countersign_core::filter;
use std::sync::Arc;

/// Events that are looked at when the client asks for no number.
const LAST_DEFAULT: u32 = 100;

pub(super) fn routes(routes: Routes) -> Routes {
    routes.on(
        Post,
        "/endpoints/{id}/filter/dry-run",
        "dry_run_filter",
        "Says which events a filter would have let through, and why not.",
        dry_run,
    )
}

pub(super) async fn dry_run(
    State(app): State<Arc<App>>,
    caller: Allowed<Managing>,
    IdPath(id): IdPath<EndpointId>,
    Body(given): Body<DryRun>,
) -> Result<Shown<DryRunAnswer>, Problem> {
    let endpoint = own(&app, &caller, &id)?.snapshot();
    let filter = given.filter.map(|filter| filter.as_str().to_owned());
    let context = Arc::clone(&app.context);
    match (given.last, given.payload.as_ref().map(Raw::as_str)) {
        (Some(_), Some(_)) => {
            let detail = "give `last` to look at events that were published, or `payload` for one that was not, not both";
            Err(Problem::field("payload_invalid", "payload", detail))
        }
        (None, Some(payload)) => {
            let (workspace, provider) = (endpoint.workspace.clone(), endpoint.provider.clone());
            let payload = payload.as_bytes().to_vec();
            let event = publish::complete(&context, workspace, provider, payload).await?;
            let event_type = event.event_type.clone();
            let tested = endpoints::dry_run_of(context, &endpoint, filter, event).await?;
            Ok(Shown(DryRunAnswer::One(view(&tested, event_type))))
        }
        (last, None) => {
            let last = last.unwrap_or(LAST_DEFAULT).min(LAST_MAX);
            let asked = endpoints::DryRun { filter, last };
            let looked = endpoints::dry_run(context, &endpoint, asked).await?;
            let count = |is: fn(&Tested) -> bool| {
                let tested = looked.events.iter();
                tested.filter(|(_, tested)| is(tested)).count() as u64
            };
            Ok(Shown(DryRunAnswer::Last {
                looked_at: looked.events.len() as u64,
                complete: looked.complete,
                matched: count(|tested| matches!(tested, Tested::Matches)),
                filtered: count(|tested| matches!(tested, Tested::Filtered(_))),
                not_subscribed: count(|tested| matches!(tested, Tested::NotSubscribed(_))),
                without_body: count(|tested| matches!(tested, Tested::BodyForgotten)),
                events: looked.events.iter().map(event).collect(),
            }))
        }
    }
}

fn event((message, tested): &(Message, Tested)) -> DryRunEvent {
    DryRunEvent {
        message_id: Some(message.id.to_string()),
        created_at: Some(time(message.created_at_ms)),
        ..view(tested, message.event_type.clone())
    }
}

fn view(tested: &Tested, event_type: String) -> DryRunEvent {
    let (matches, reason, misses) = match tested {
        Tested::Matches => (Some(true), None, &[][..]),
        Tested::NotSubscribed(misses) => (
            Some(false),
            Some(DryRunReason::NotSubscribed),
            misses.as_slice(),
        ),
        Tested::Filtered(misses) => (Some(false), Some(DryRunReason::Filter), misses.as_slice()),
        Tested::BodyForgotten => (None, Some(DryRunReason::BodyForgotten), &[][..]),
    };
    let miss = |miss: &filter::Miss| Miss {
        condition: miss.condition.clone(),
        found: miss.found.word().to_owned(),
    };
    DryRunEvent {
        matches,
        reason,
        misses: misses.iter().map(miss).collect(),
        message_id: None,
        event_type,
        created_at: None,
    }
}
