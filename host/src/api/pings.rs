//! `/v1/endpoints/{id}/ping`

use super::{
    App,
    caller::{Allowed, Managing},
    describe::{Routes, Shown, Verb::Post},
    endpoints::own,
    problem::Problem,
    typed::{Body, IdPath},
    views::{outcome, time},
};
use crate::{
    context::to_its_end,
    endpoints::{self, Change},
    ids::EndpointId,
    ping::{self, PingError, Sample},
    store::Resume,
};
use axum::{extract::State, http::StatusCode};
use countersign_api::{Ping, Pinged};
use countersign_core::delivery::EndpointState;
use std::sync::Arc;

pub(super) fn routes(routes: Routes) -> Routes {
    routes.on(
        Post,
        "/endpoints/{id}/ping",
        "ping_endpoint",
        "Sends a signed sample at once, which is neither kept nor counted.",
        send,
    )
}

pub(super) async fn send(
    State(app): State<Arc<App>>,
    caller: Allowed<Managing>,
    IdPath(id): IdPath<EndpointId>,
    given: Option<Body<Ping>>,
) -> Result<Shown<Pinged>, Problem> {
    let endpoint = own(&app, &caller, &id)?.snapshot();
    let given = given.map(|Body(given)| given).unwrap_or_default();
    let body = ping::body(&app.context, &endpoint, given.event_type.as_deref())?;
    let sample = Sample {
        body,
        headers: Vec::new(),
    };
    let pinged = ping::send(&app.context, &endpoint, sample).await?;
    let resumed = pinged.accepted && given.resume.unwrap_or(false) && !endpoint.state.is_active();
    if resumed {
        let change = Change {
            state: Some(EndpointState::Active),
            resume: Some(Resume::All),
            ..Change::default()
        };
        let (context, worker) = (Arc::clone(&app.context), Arc::clone(&app.worker));
        to_its_end(endpoints::change(context, worker, id, change)).await?;
    }
    let (outcome, status, _) = outcome(&pinged.outcome);
    Ok(Shown(Pinged {
        success: pinged.accepted,
        message_id: pinged.message_id.to_string(),
        started_at: time(pinged.started_at_ms),
        duration_ms: pinged.duration_ms,
        outcome,
        detail: pinged.detail,
        status,
        response: String::from_utf8_lossy(&pinged.response).into_owned(),
        resumed,
    }))
}

impl From<PingError> for Problem {
    fn from(error: PingError) -> Self {
        let text = error.to_string();
        match error {
            PingError::Busy => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "overloaded",
                format!("{text}; try again"),
            ),
            PingError::EndpointDeleted => Self::not_found("endpoint"),
            PingError::UnknownEventType(_) => Self::field("unknown_event_type", "event_type", text),
            PingError::Rules(_) | PingError::Signing(_) => {
                tracing::error!(error = text, "a sample could not be made");
                Self::internal()
            }
        }
    }
}
