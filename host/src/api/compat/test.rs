//! Test events: one request each, signed like any delivery, marked as a test, and of no consequence (R-C5, R-S12).

use crate::{
    api::{App, Problem},
    clock::within,
    context::Context,
    ping::{self, PingError, Sample},
    store::Endpoint,
};
use countersign_core::{
    delivery::{FailureKind, Outcome as Ended},
    provider::Provider,
};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio::task::JoinSet;

/// Marks a request as a test (R-S12).
const HEADER: (&str, &str) = ("x-webhook-test", "true");
/// Longest that a test may take, since somebody waits for its outcome; the only figure that any document gives (R-C10).
const TIME_MAX: Duration = Duration::from_secs(10);

/// How a test event went.
pub(super) enum Outcome {
    /// It was sent.
    Sent {
        ended: Ended,
        /// By the rules of the endpoint.
        accepted: bool,
        duration_ms: u64,
        /// What came in place of an answer, in words.
        detail: Option<String>,
    },
    /// Too many are under way already.
    NotSent,
}

impl Outcome {
    pub(super) const fn accepted(&self) -> bool {
        matches!(self, Self::Sent { accepted: true, .. })
    }

    /// Status and milliseconds (R-C5), and what came in place of an answer: its name, and where there is more to say, that.
    pub(super) fn view(&self) -> Value {
        let (status, error, duration_ms) = match self {
            Self::Sent {
                ended: Ended::Response { status, .. },
                accepted,
                duration_ms,
                ..
            } => {
                let error = (!accepted).then(|| format!("the receiver answered {status}"));
                (Some(*status), error, Some(*duration_ms))
            }
            Self::Sent {
                ended: Ended::Failure(kind),
                duration_ms,
                ..
            } => (None, Some(kind.code().to_owned()), Some(*duration_ms)),
            Self::NotSent => {
                let error = "not sent: too many tests are under way; try again";
                (None, Some(error.to_owned()), None)
            }
        };
        let mut told = json!({
            "success": self.accepted(),
            "status": status,
            "error": error,
            "ms": duration_ms,
        });
        if let Self::Sent {
            detail: Some(detail),
            ..
        } = self
        {
            told["detail"] = detail.as_str().into();
        }
        told
    }
}

/// Sends a ping (C19).
pub(super) async fn ping(app: &App, endpoint: &Endpoint) -> Result<Outcome, Problem> {
    send(&app.context, endpoint, None).await
}

/// Sends one sample of each event type that the endpoint wants (S24), all at a time, and returns how they went, in the order of the
/// document.
pub(super) async fn samples(
    app: &App,
    endpoint: &Endpoint,
) -> Result<Vec<(&'static str, Outcome)>, Problem> {
    let provider = Provider::named(&endpoint.provider).map_err(|_| Problem::internal())?;
    let wanted = provider.event_types().iter().copied();
    let wanted = wanted.filter(|event_type| endpoint.rules.subscription.wants(event_type));
    let mut sending = JoinSet::new();
    for (place, event_type) in wanted.enumerate() {
        let (context, endpoint) = (Arc::clone(&app.context), endpoint.clone());
        sending.spawn(async move {
            let outcome = send(&context, &endpoint, Some(event_type)).await;
            outcome.map(|outcome| (place, event_type, outcome))
        });
    }
    let mut sent = Vec::new();
    while let Some(ended) = sending.join_next().await {
        sent.push(ended.map_err(|_| Problem::internal())??);
    }
    sent.sort_unstable_by_key(|(place, ..)| *place);
    let told = sent
        .into_iter()
        .map(|(_, event_type, outcome)| (event_type, outcome));
    Ok(told.collect())
}

async fn send(
    context: &Context,
    endpoint: &Endpoint,
    event_type: Option<&str>,
) -> Result<Outcome, Problem> {
    match attempt(context, endpoint, event_type).await {
        Err(PingError::Busy) => Ok(Outcome::NotSent),
        // Somebody deleted it meanwhile.
        Err(PingError::EndpointDeleted) => Err(Problem::not_found("webhook")),
        Ok(outcome) => Ok(outcome),
        // The types are those that core documents.
        Err(error) => {
            tracing::error!(%error, "a test event could not be sent");
            Err(Problem::internal())
        }
    }
}

async fn attempt(
    context: &Context,
    endpoint: &Endpoint,
    event_type: Option<&str>,
) -> Result<Outcome, PingError> {
    let (name, value) = HEADER;
    let sample = Sample {
        body: ping::body(context, endpoint, event_type)?,
        headers: vec![(name.to_owned(), value.to_owned())],
    };
    let sent = within(
        &*context.clock,
        TIME_MAX,
        ping::send(context, endpoint, sample),
    )
    .await;
    Ok(match sent.transpose()? {
        Some(pinged) => Outcome::Sent {
            accepted: pinged.accepted,
            ended: pinged.outcome,
            duration_ms: pinged.duration_ms,
            detail: pinged.detail,
        },
        None => Outcome::Sent {
            accepted: false,
            ended: Ended::Failure(FailureKind::Timeout),
            duration_ms: u64::try_from(TIME_MAX.as_millis()).unwrap_or(u64::MAX),
            detail: Some(format!("no answer within {} s", TIME_MAX.as_secs())),
        },
    })
}
