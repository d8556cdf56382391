//! Test events: one request each, signed like any delivery, marked as a test, and of no consequence (R-C5, R-S12).

use crate::{
    api::{App, Problem},
    chance::number,
    context::Context,
    ids::MessageId,
    rules::RulesError,
    store::Endpoint,
    transport::{Exchange, Outgoing},
};
use bytes::Bytes;
use countersign_core::{
    delivery::{EndedAttempt, EndpointHealth, Next, Outcome as Ended},
    provider::Provider,
};
use countersign_guest::{AskSample, Judge};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::{sync::Semaphore, task::JoinSet};

/// Marks a request as a test (R-S12).
const HEADER: &str = "x-webhook-test";
/// Longest that a test may take, since somebody waits for its outcome; the only figure that any document gives (R-C10).
const TIME_MAX: Duration = Duration::from_secs(10);
/// Tests under way at a time; the others wait. They have no part in the places of deliveries.
const TURNS_MAX: usize = 32;

static TURNS: Semaphore = Semaphore::const_new(TURNS_MAX);

/// How a test event went.
pub(super) struct Outcome {
    ended: Ended,
    /// By the rules of the endpoint.
    accepted: bool,
    duration_ms: u64,
}

impl Outcome {
    pub(super) const fn accepted(&self) -> bool {
        self.accepted
    }

    /// Status and milliseconds (R-C5), and what came in place of an answer.
    pub(super) fn view(&self) -> Value {
        let (status, error) = match &self.ended {
            Ended::Response { status, .. } => (
                Some(*status),
                (!self.accepted).then(|| format!("the receiver answered {status}")),
            ),
            Ended::Failure(kind) => (None, Some(kind.code().to_owned())),
        };
        json!({
            "success": self.accepted,
            "status": status,
            "error": error,
            "ms": self.duration_ms,
        })
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
        let (context, endpoint) = (std::sync::Arc::clone(&app.context), endpoint.clone());
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
    Ok(sent
        .into_iter()
        .map(|(_, event_type, outcome)| (event_type, outcome))
        .collect())
}

async fn send(
    context: &Context,
    endpoint: &Endpoint,
    event_type: Option<&str>,
) -> Result<Outcome, Problem> {
    let Ok(_turn) = TURNS.acquire().await else {
        return Err(Problem::internal());
    };
    attempt(context, endpoint, event_type)
        .await
        .map_err(|error| {
            tracing::error!(%error, "a test event could not be sent");
            Problem::internal()
        })
}

async fn attempt(
    context: &Context,
    endpoint: &Endpoint,
    event_type: Option<&str>,
) -> Result<Outcome, RulesError> {
    let settings = &endpoint.settings;
    let plan = context
        .rules
        .plan(&endpoint.provider, settings.standard_headers)?;
    let now_ms = context.clock.now_ms();
    let message_id = MessageId::new(now_ms, &*context.chance);
    let body = body(context, endpoint, event_type, &message_id, now_ms)?;
    let own = settings.headers.iter();
    let mut headers: Vec<_> = own.map(|(k, v)| (k.clone(), v.clone())).collect();
    headers.push((HEADER.to_owned(), "true".to_owned()));
    let signed = context
        .rules
        .headers(&plan, endpoint, message_id.as_str(), &body, now_ms);
    headers.extend(signed.map_err(|error| RulesError::Refused(error.to_string()))?);
    let timeout_ms = settings.policy.timeout_ms.unwrap_or(plan.timeout_ms);
    let request = Outgoing {
        endpoint: endpoint.id.clone(),
        headers,
        url: endpoint.url.clone(),
        body,
        timeout: Duration::from_millis(timeout_ms).min(TIME_MAX),
        identity: None,
    };
    let began = context.clock.elapsed();
    let exchange = context.transport.send(request).await;
    let took = context.clock.elapsed().saturating_sub(began);
    let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    Ok(Outcome {
        accepted: accepted(context, endpoint, &exchange, now_ms, duration_ms)?,
        ended: exchange.outcome,
        duration_ms,
    })
}

fn body(
    context: &Context,
    endpoint: &Endpoint,
    event_type: Option<&str>,
    message_id: &MessageId,
    now_ms: u64,
) -> Result<Bytes, RulesError> {
    let workspace = context.workspaces.find(endpoint.workspace.as_str());
    let sample = context.rules.guest.sample(AskSample {
        provider: endpoint.provider.clone(),
        event_type: event_type.map(str::to_owned),
        id: message_id.bare().to_owned(),
        at_ms: i64::try_from(now_ms).unwrap_or(i64::MAX),
        workspace_id: workspace.map_or(1, |workspace| workspace.number.into()),
        rules: endpoint.rules.clone(),
    })?;
    // The types are those that core documents, and guest and host are of one build or tried on each other.
    let sample = sample.map_err(|rejection| RulesError::Refused(rejection.message))?;
    Ok(Bytes::from(sample))
}

/// What the rules say of an attempt with this outcome; nothing else of what they say counts.
fn accepted(
    context: &Context,
    endpoint: &Endpoint,
    exchange: &Exchange,
    started_at_ms: u64,
    duration_ms: u64,
) -> Result<bool, RulesError> {
    let policy = &endpoint.settings.policy;
    let judgement = context.rules.guest.judge(Judge {
        provider: endpoint.provider.clone(),
        settings: (!policy.is_empty()).then(|| policy.clone()),
        attempt: EndedAttempt {
            number: 1,
            probe: false,
            outcome: exchange.outcome.clone(),
            first_started_at_ms: started_at_ms,
            ended_at_ms: started_at_ms.saturating_add(duration_ms),
        },
        health: EndpointHealth::default(),
        state: endpoint.state,
        scale: context.scale,
        chance: number(&*context.chance),
    })?;
    Ok(judgement.next == Next::Delivered)
}
