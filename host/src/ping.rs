//! A sample sent to an endpoint at once, for its owner to see whether it works.
//!
//! One attempt outside of the delivery loop (C19, R-C5, R-S12): signed like any delivery, not kept, and neither a success nor
//! a failure for the endpoint's health, whatever its state.

use crate::{
    chance::number,
    context::Context,
    ids::MessageId,
    rules::{KernelError, RulesError},
    store::Endpoint,
    transport::Outgoing,
};
use bytes::Bytes;
use countersign_core::delivery::{EndedAttempt, EndpointHealth, Next, Outcome};
use countersign_guest::{AskSample, Judge};
use std::time::Duration;
use tokio::sync::Semaphore;

/// Samples under way at a time, so that receivers that hang cannot take every request's place.
pub const PINGS_MAX: usize = 32;

/// Turns for samples.
pub struct Pings(Semaphore);

impl Default for Pings {
    fn default() -> Self {
        Self(Semaphore::new(PINGS_MAX))
    }
}

/// What is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    pub body: Bytes,
    /// Beside those of a delivery, such as `X-Webhook-Test: true` (R-S12).
    pub headers: Vec<(String, String)>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pinged {
    /// What was sent as `webhook-id`. No message has it.
    pub message_id: MessageId,
    pub started_at_ms: u64,
    pub duration_ms: u64,
    pub outcome: Outcome,
    /// Whether a delivery with this outcome would count as delivered.
    pub accepted: bool,
    /// Beginning of the answer's body.
    pub response: Vec<u8>,
    /// What went wrong, for people; `None` when there was an answer.
    pub detail: Option<String>,
}

/// Why nothing was sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PingError {
    /// Nobody's fault: try again later.
    #[error("{PINGS_MAX} samples are under way already")]
    Busy,
    /// It was deleted meanwhile.
    #[error("the endpoint was deleted")]
    EndpointDeleted,
    /// The provider has no such event; the client's mistake.
    #[error("{0}")]
    UnknownEventType(String),
    /// A defect.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// A defect, because secrets are checked when they are set.
    #[error("signing: {0}")]
    Signing(#[from] KernelError),
}

/// The body of a sample for the endpoint: of a type that its provider has, or a ping without one. It is within the endpoint's
/// scope.
///
/// # Errors
/// [`PingError::UnknownEventType`]
pub fn body(
    context: &Context,
    endpoint: &Endpoint,
    event_type: Option<&str>,
) -> Result<Bytes, PingError> {
    let now_ms = context.clock.now_ms();
    let id = MessageId::new(now_ms, &*context.chance);
    let workspace = context.workspaces.find(endpoint.workspace.as_str());
    let sample = context.rules.guest.sample(AskSample {
        provider: endpoint.provider.clone(),
        event_type: event_type.map(ToOwned::to_owned),
        id: id.bare().to_owned(),
        at_ms: i64::try_from(now_ms).unwrap_or(i64::MAX),
        workspace_id: workspace.map_or(1, |workspace| u64::from(workspace.number)),
        rules: endpoint.rules.clone(),
    })?;
    sample
        .map(Bytes::from)
        .map_err(|rejection| PingError::UnknownEventType(rejection.message))
}

/// Sends a sample to the endpoint as it is now and waits for what comes back, as long as an attempt may take.
///
/// # Errors
/// [`PingError`]; nothing is sent then. What the receiver does is no error.
pub async fn send(
    context: &Context,
    endpoint: &Endpoint,
    sample: Sample,
) -> Result<Pinged, PingError> {
    let Ok(_turn) = context.pings.0.try_acquire() else {
        return Err(PingError::Busy);
    };
    // Before the secrets are read.
    let read_at = context.rules.kernel.generation();
    let entry = context.registry.find(&endpoint.id);
    let entry = entry.ok_or(PingError::EndpointDeleted)?;
    let endpoint = entry.snapshot();
    let settings = &endpoint.settings;
    let plan = context.rules.plan(
        &endpoint.provider,
        settings.standard_headers,
        settings.signature.as_ref(),
    )?;
    let started_at_ms = context.clock.now_ms();
    let message_id = MessageId::new(started_at_ms, &*context.chance);
    let own = settings.headers.iter();
    let mut headers: Vec<_> = own.map(|(k, v)| (k.clone(), v.clone())).collect();
    headers.extend(sample.headers);
    headers.extend(context.rules.headers(
        &plan,
        &endpoint,
        read_at,
        message_id.as_str(),
        &sample.body,
        started_at_ms,
    )?);
    let timeout_ms = settings.policy.timeout_ms.unwrap_or(plan.timeout_ms);
    let request = Outgoing {
        endpoint: endpoint.id.clone(),
        headers,
        url: endpoint.url.clone(),
        body: sample.body,
        timeout: Duration::from_millis(timeout_ms),
        identity: endpoint.identity,
    };
    let began = context.clock.elapsed();
    let exchange = context.transport.send(request).await;
    let duration = context.clock.elapsed().saturating_sub(began);
    let duration_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    Ok(Pinged {
        message_id,
        started_at_ms,
        duration_ms,
        accepted: accepted(context, &entry.snapshot(), &exchange.outcome, duration_ms)?,
        outcome: exchange.outcome,
        response: exchange.response,
        detail: exchange.detail,
    })
}

/// What the rules say of an attempt with this outcome; nothing else of what they say counts.
fn accepted(
    context: &Context,
    endpoint: &Endpoint,
    outcome: &Outcome,
    duration_ms: u64,
) -> Result<bool, RulesError> {
    let policy = &endpoint.settings.policy;
    let judgement = context.rules.guest.judge(Judge {
        provider: endpoint.provider.clone(),
        settings: (!policy.is_empty()).then(|| policy.clone()),
        attempt: EndedAttempt {
            number: 1,
            probe: false,
            outcome: outcome.clone(),
            first_started_at_ms: 0,
            ended_at_ms: duration_ms,
        },
        health: EndpointHealth::default(),
        state: endpoint.state,
        scale: context.scale,
        chance: number(&*context.chance),
    })?;
    Ok(judgement.next == Next::Delivered)
}
