//! One attempt: sign, send, judge, record.

use crate::{
    chance::number,
    clock::rfc3339,
    context::Context,
    ids::{AttemptId, DeliveryId, EndpointId, MessageId},
    registry::Entry,
    rules::{KernelError, RulesError},
    store::{
        Attempt, DeliveryState, Ended, Endpoint, Later, Lease, NewDelivery, NewMessage, StateReason,
    },
    transport::{Exchange, Outgoing},
};
use bytes::Bytes;
use countersign_core::{
    delivery::{EndedAttempt, Judgement, Next, Notice},
    operational::{About, SOURCE},
};
use countersign_guest::{Judge, Notify};
use std::{sync::Arc, time::Duration};

/// Between two tries to record an attempt when the store fails. The outcome is known and must not get lost; the place
/// stays taken meanwhile, so that a failing store slows the loop down.
const RECORD_AGAIN: Duration = Duration::from_secs(1);

/// Why an attempt could not be made or judged. The delivery is put back.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoAttempt {
    /// Its endpoint was deleted meanwhile.
    #[error("the endpoint was deleted")]
    EndpointDeleted,
    /// A defect of the rules.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// A defect, because secrets are checked when they are set.
    #[error("signing: {0}")]
    Signing(#[from] KernelError),
}

/// Deliveries that are due at some moment, by endpoint.
type Due = Vec<(EndpointId, u64)>;

/// Makes an attempt. When it returns `Ok` the attempt is on the disk; the value says what is due because of it: the next
/// attempt, and what is told to others.
pub(super) async fn make(context: &Context, lease: &Lease) -> Result<Due, NoAttempt> {
    let entry = context.registry.find(&lease.endpoint_id);
    let entry = entry.ok_or(NoAttempt::EndpointDeleted)?;
    let endpoint = entry.snapshot();
    let plan = context.rules.plan(&endpoint.provider)?;
    let started_at_ms = context.clock.now_ms();
    let began = context.clock.elapsed();
    let message_id = lease.message_id.as_str();
    let request = Outgoing {
        headers: context
            .rules
            .headers(&plan, &endpoint, message_id, &lease.body, started_at_ms)?,
        url: endpoint.url,
        body: lease.body.clone(),
        timeout: Duration::from_millis(plan.timeout_ms),
    };
    let exchange = context.transport.send(request).await;
    let duration = context.clock.elapsed().saturating_sub(began);
    let made = Made {
        lease,
        provider: endpoint.provider,
        id: AttemptId::new(started_at_ms, &*context.chance),
        started_at_ms,
        duration_ms: u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
        exchange,
    };
    made.settle(context, &entry).await
}

/// An attempt whose outcome is known.
struct Made<'a> {
    lease: &'a Lease,
    provider: String,
    id: AttemptId,
    started_at_ms: u64,
    duration_ms: u64,
    exchange: Exchange,
}

impl Made<'_> {
    async fn settle(self, context: &Context, entry: &Arc<Entry>) -> Result<Due, NoAttempt> {
        let (mut recorded, mut ended) = self.judge(context, entry)?;
        while let Err(error) = recorded.await {
            // The store has told of it in the log.
            tracing::debug!(delivery = %ended.delivery_id, %error, "an attempt could not be recorded; trying again");
            context.clock.sleep(RECORD_AGAIN).await;
            recorded = record_again(context, entry, &mut ended);
        }
        if let Some((reason, ..)) = ended.pause {
            tracing::warn!(endpoint = %entry.id, ?reason, "the endpoint is paused by rule");
        }
        tracing::debug!(
            delivery = %ended.delivery_id,
            attempt = ended.attempt.number,
            outcome = ?ended.attempt.outcome,
            state = ?ended.state,
            "attempt"
        );
        let next = ended
            .next_attempt_at_ms
            .map(|at_ms| (ended.endpoint_id, at_ms));
        let told = ended.operational.into_iter().flat_map(|message| {
            let at_ms = message.created_at_ms;
            let told = message.deliveries.into_iter();
            told.map(move |delivery| (delivery.endpoint_id, at_ms))
        });
        Ok(next.into_iter().chain(told).collect())
    }

    /// Asks the rules, changes the endpoint in memory and queues the write, all under the endpoint's lock: the next
    /// judgement of this endpoint sees this one's health.
    fn judge(&self, context: &Context, entry: &Entry) -> Result<(Later<()>, Ended), RulesError> {
        let lease = self.lease;
        let ended_at_ms = self.started_at_ms.saturating_add(self.duration_ms);
        let first_started_at_ms = lease.first_started_at_ms.unwrap_or(self.started_at_ms);
        let attempts_in_round = lease.attempts_in_round.saturating_add(1);
        entry.change(|endpoint, deleted| {
            let Judgement {
                next,
                state,
                pause,
                health,
                notices,
            } = context.rules.guest.judge(Judge {
                provider: self.provider.clone(),
                attempt: EndedAttempt {
                    number: attempts_in_round,
                    // No policy of a provider has probes, so none goes out.
                    probe: false,
                    outcome: self.exchange.outcome.clone(),
                    first_started_at_ms,
                    ended_at_ms,
                },
                health: endpoint.health.clone(),
                state: endpoint.state,
                scale: context.scale,
                chance: number(&*context.chance),
            })?;
            endpoint.health = health.clone();
            let pause = pause.map(|pause| {
                let reason = StateReason::from(pause.reason);
                endpoint.state = state;
                endpoint.reason = Some(reason);
                endpoint.since_ms = ended_at_ms;
                endpoint.version = endpoint.version.saturating_add(1);
                (reason, ended_at_ms, endpoint.version)
            });
            let (state, next_attempt_at_ms, dead_reason) = match next {
                Next::Delivered => (DeliveryState::Delivered, None, None),
                // Nobody waits for it any more.
                Next::RetryAt(_) | Next::Held if deleted => (DeliveryState::Cancelled, None, None),
                Next::RetryAt(at_ms) => (DeliveryState::Pending, Some(at_ms), None),
                Next::Held => (DeliveryState::Held, None, None),
                Next::DeadLettered(reason) => (DeliveryState::DeadLettered, None, Some(reason)),
            };
            let operational = self.operational(context, endpoint, &notices, ended_at_ms);
            let ended = Ended {
                delivery_id: lease.delivery_id.clone(),
                endpoint_id: lease.endpoint_id.clone(),
                attempt: Attempt {
                    id: self.id.clone(),
                    number: lease.attempts_total.saturating_add(1),
                    started_at_ms: self.started_at_ms,
                    duration_ms: self.duration_ms,
                    outcome: self.exchange.outcome.clone(),
                    response: self.exchange.response.clone(),
                },
                attempts_in_round,
                first_started_at_ms,
                state,
                dead_reason,
                next_attempt_at_ms,
                health,
                pause,
                operational,
            };
            Ok((context.store.record(ended.clone()), ended))
        })
    }
}

impl Made<'_> {
    /// The messages that tell of it, for those who subscribe to such. `endpoint` is locked and as it is afterwards.
    fn operational(
        &self,
        context: &Context,
        endpoint: &Endpoint,
        notices: &[Notice],
        at_ms: u64,
    ) -> Vec<NewMessage> {
        if notices.is_empty() {
            return Vec::new();
        }
        let candidates = context.registry.operational();
        if candidates.is_empty() {
            return Vec::new();
        }
        let message = |notice: &Notice| {
            let rendered = context.rules.guest.notify(Notify {
                notice: *notice,
                about: About {
                    timestamp: rfc3339(at_ms),
                    endpoint_id: endpoint.id.to_string(),
                    endpoint_name: endpoint.name.clone(),
                    provider: endpoint.provider.clone(),
                    health: endpoint.health.clone(),
                    delivery_id: self.lease.delivery_id.to_string(),
                    message_id: self.lease.message_id.to_string(),
                    attempts: self.lease.attempts_total.saturating_add(1),
                    outcome: self.exchange.outcome.clone(),
                },
                endpoints: candidates
                    .iter()
                    .map(|candidate| (candidate.rules.clone(), candidate.state))
                    .collect(),
            });
            // What follows for the delivery matters more than telling of it.
            let rendered = rendered
                .inspect_err(|error| tracing::error!(%error, "an operational event is lost"))
                .ok()?;
            let told = rendered.matches.iter();
            let deliveries: Vec<_> = told
                .filter_map(|matched| candidates.get(matched.endpoint as usize))
                .map(|candidate| NewDelivery {
                    id: DeliveryId::new(at_ms, &*context.chance),
                    endpoint_id: candidate.entry.id.clone(),
                    endpoint_version: candidate.version,
                    state: DeliveryState::Pending,
                })
                .collect();
            (!deliveries.is_empty()).then(|| NewMessage {
                id: MessageId::new(at_ms, &*context.chance),
                provider: SOURCE.to_owned(),
                event_type: rendered.event_type,
                body: Bytes::from(rendered.body),
                created_at_ms: at_ms,
                idempotency: None,
                deliveries,
            })
        };
        notices.iter().filter_map(message).collect()
    }
}

/// Queues the write once more. What the attempt means for its delivery stands; health is what memory has by now, which
/// includes this attempt and later ones, and a pause that was lifted meanwhile is not repeated.
fn record_again(context: &Context, entry: &Entry, ended: &mut Ended) -> Later<()> {
    let queued: Result<_, std::convert::Infallible> = entry.change(|endpoint, _| {
        ended.health = endpoint.health.clone();
        ended.pause = ended
            .pause
            .filter(|(_, _, version)| *version == endpoint.version);
        Ok(context.store.record(ended.clone()))
    });
    match queued {
        Ok(queued) => queued,
        Err(never) => match never {},
    }
}
