//! One attempt: sign, send, judge, record.

use crate::{
    HISTORY,
    chance::number,
    clock::rfc3339,
    context::Context,
    ids::{AttemptId, DeliveryId, EndpointId},
    publish::order_key,
    registry::Entry,
    rules::{KernelError, RulesError},
    store::{
        Attempt, DeliveryState, Ended, Endpoint, Later, Lease, NewDelivery, NewMessage, Recorded,
        StateChange, StateReason, StoreError,
    },
    transport::{Exchange, Outgoing},
    worker::slots::{Pace, SLOW_MS},
};
use bytes::Bytes;
use countersign_core::{
    delivery::{EndedAttempt, FailureKind, Judgement, Next, Notice, Outcome},
    operational::{About, SOURCE},
};
use countersign_guest::{Judge, Match, Notify, Target};
use std::{sync::Arc, time::Duration};

/// Between two tries to record an attempt when the store fails. The outcome is known and must not get lost; the place
/// stays taken meanwhile, so that a failing store slows the loop down.
const RECORD_AGAIN: Duration = Duration::from_secs(1);

/// What follows from an attempt, for whoever made it.
pub(super) struct Settled {
    /// When the next delivery of the endpoint is due, if this one or the next of its key is.
    pub(super) next_due_at_ms: Option<u64>,
    /// The endpoint's state changed.
    pub(super) change: Option<StateChange>,
    pub(super) left: Recorded,
    /// Endpoints that are told of it, and have another delivery for that.
    pub(super) told: Vec<EndpointId>,
}

/// Why an attempt could not be made or judged. The delivery is put back.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoAttempt {
    /// Its endpoint was deleted meanwhile.
    #[error("the endpoint was deleted")]
    EndpointDeleted,
    /// Its endpoint is not active any more.
    #[error("the endpoint is not active")]
    NotActive,
    /// Another host may have the delivery by now.
    #[error("this host has no lease")]
    NoLease,
    /// It was made, and others have the delivery by now: nothing is to be put back.
    #[error("the outcome came after the lease")]
    TooLate,
    /// A defect of the rules.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// A defect, because secrets are checked when they are set.
    #[error("signing: {0}")]
    Signing(#[from] KernelError),
}

/// Makes an attempt. When it returns `Ok` the attempt is on the disk; `answered` is called before that, once the request has
/// ended.
pub(super) async fn make(
    context: &Context,
    lease: &Lease,
    answered: impl FnOnce(Pace),
) -> Result<Settled, NoAttempt> {
    let entry = context.registry.find(&lease.endpoint_id);
    let entry = entry.ok_or(NoAttempt::EndpointDeleted)?;
    let read_at = context.rules.kernel.generation();
    let endpoint = entry.snapshot();
    if !endpoint.state.is_active() && !lease.probe {
        return Err(NoAttempt::NotActive);
    }
    let settings = Arc::clone(&endpoint.settings);
    let plan = context.rules.plan(
        &endpoint.provider,
        settings.standard_headers,
        settings.signature.as_ref(),
    )?;
    let started_at_ms = context.clock.now_ms();
    let began = context.clock.elapsed();
    let message_id = lease.message_id.as_str();
    let own = settings.headers.iter();
    let mut headers: Vec<_> = own.map(|(k, v)| (k.clone(), v.clone())).collect();
    headers.extend(context.rules.headers(
        &plan,
        &endpoint,
        read_at,
        message_id,
        &lease.body,
        started_at_ms,
    )?);
    let timeout_ms = settings.policy.timeout_ms.unwrap_or(plan.timeout_ms);
    let request = Outgoing {
        endpoint: lease.endpoint_id.clone(),
        headers,
        url: endpoint.url,
        body: lease.body.clone(),
        timeout: Duration::from_millis(timeout_ms),
        identity: endpoint.identity,
    };
    if !context.store.may_send(lease.fence) {
        return Err(NoAttempt::NoLease);
    }
    let (delivery, generation) = (&lease.delivery_id, lease.fence);
    tracing::trace!(target: HISTORY, event = "sent", generation, %delivery, db_ms = context.clock.now_ms());
    let exchange = context.transport.send(request).await;
    tracing::trace!(target: HISTORY, event = "answered", generation, %delivery, db_ms = context.clock.now_ms());
    let duration = context.clock.elapsed().saturating_sub(began);
    let made = Made {
        lease,
        provider: endpoint.provider,
        id: AttemptId::new(started_at_ms, &*context.chance),
        started_at_ms,
        duration_ms: u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
        exchange,
    };
    made.settle(context, &entry, answered).await
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
    async fn settle(
        self,
        context: &Context,
        entry: &Arc<Entry>,
        answered: impl FnOnce(Pace),
    ) -> Result<Settled, NoAttempt> {
        let (mut recorded, mut ended) = self.judge(context, entry)?;
        answered(self.pace());
        let left = loop {
            match recorded.await {
                Ok(left) => break left,
                // It came too late, and whoever has the delivery makes another one.
                Err(StoreError::LeaseLost) => return Err(NoAttempt::TooLate),
                Err(error) => {
                    // The store has told of it in the log.
                    tracing::debug!(delivery = %ended.delivery_id, %error, "an attempt could not be recorded; trying again");
                    context.clock.sleep(RECORD_AGAIN).await;
                    recorded = record_again(context, entry, &mut ended);
                }
            }
        };
        match ended.change.map(|change| change.reason) {
            Some(Some(reason)) => {
                tracing::warn!(endpoint = %entry.id, ?reason, "the endpoint is paused by rule");
            }
            Some(None) => {
                tracing::info!(endpoint = %entry.id, "a probe succeeded, the endpoint is active again");
            }
            None => {}
        }
        tracing::debug!(
            delivery = %ended.delivery_id,
            attempt = ended.attempt.number,
            outcome = ?ended.attempt.outcome,
            detail = self.exchange.detail,
            state = ?ended.state,
            "attempt"
        );
        let freed = ended.order_key.is_some() && ended.next_attempt_at_ms.is_none();
        let ended_at_ms = self.started_at_ms.saturating_add(self.duration_ms);
        let told = ended.operational.into_iter().flat_map(|message| {
            let deliveries = message.deliveries.into_iter();
            deliveries.map(|delivery| delivery.endpoint_id)
        });
        Ok(Settled {
            told: told.collect(),
            // The next one of its key is due at once.
            next_due_at_ms: ended.next_attempt_at_ms.or(freed.then_some(ended_at_ms)),
            change: ended.change,
            left,
        })
    }

    /// What it says to others who wait for places.
    fn pace(&self) -> Pace {
        match (&self.exchange.outcome, self.duration_ms) {
            (Outcome::Failure(FailureKind::Timeout), _) => Pace::TimedOut,
            (_, SLOW_MS..) => Pace::Slow,
            (Outcome::Response { status, .. }, _) if *status < 300 => Pace::Accepted,
            (Outcome::Response { .. } | Outcome::Failure(_), _) => Pace::Prompt,
        }
    }

    /// Asks the rules, changes the endpoint in memory and queues the write, all under the endpoint's lock: the next
    /// judgement of this endpoint sees this one's health.
    fn judge(
        &self,
        context: &Context,
        entry: &Entry,
    ) -> Result<(Later<Recorded>, Ended), RulesError> {
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
                settings: (!endpoint.settings.policy.is_empty())
                    .then(|| endpoint.settings.policy.clone()),
                attempt: EndedAttempt {
                    number: attempts_in_round,
                    probe: lease.probe,
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
            let reopened = state.is_active() && !endpoint.state.is_active();
            let change = (pause.is_some() || reopened).then(|| StateChange {
                state,
                reason: pause.map(|pause| StateReason::from(pause.reason)),
                since_ms: ended_at_ms,
                probe_at_ms: pause.and_then(|pause| pause.probe_at_ms),
                version: endpoint.version.saturating_add(1),
            });
            if let Some(change) = change {
                endpoint.state = change.state;
                endpoint.reason = change.reason;
                endpoint.since_ms = change.since_ms;
                endpoint.probe_at_ms = change.probe_at_ms;
                endpoint.version = change.version;
            }
            // A probe that failed does not count against the schedule.
            let attempts_in_round = match (lease.probe, next) {
                (true, Next::Held) => lease.attempts_in_round,
                _ => attempts_in_round,
            };
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
                fence: lease.fence,
                endpoint_id: lease.endpoint_id.clone(),
                attempt: Attempt {
                    id: self.id.clone(),
                    number: lease.attempts_total.saturating_add(1),
                    started_at_ms: self.started_at_ms,
                    duration_ms: self.duration_ms,
                    outcome: self.exchange.outcome.clone(),
                    detail: self.exchange.detail.clone(),
                    response: self.exchange.response.clone(),
                },
                attempts_in_round,
                first_started_at_ms,
                state,
                dead_reason,
                next_attempt_at_ms,
                health,
                order_key: lease.order_key.clone(),
                change,
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
        let candidates = context.registry.operational(&endpoint.workspace);
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
                    .map(|candidate| Target {
                        rules: candidate.rules.clone(),
                        state: candidate.state,
                        ordering: candidate.settings.ordering.clone(),
                    })
                    .collect(),
            });
            // What follows for the delivery matters more than telling of it.
            let rendered = rendered
                .inspect_err(|error| tracing::error!(%error, "an operational event is lost"))
                .ok()?;
            let message_id = context.message_ids.next(at_ms, &*context.chance);
            let delivery = |(place, matched): (u32, Match)| {
                let candidate = candidates.get(matched.endpoint as usize)?;
                Some(NewDelivery {
                    id: DeliveryId::of(&message_id, place),
                    endpoint_id: candidate.entry.id.clone(),
                    endpoint_version: candidate.version,
                    state: DeliveryState::Pending,
                    order_key: matched.order_key.map(order_key),
                })
            };
            let told = (0..).zip(rendered.matches);
            let deliveries: Vec<_> = told.filter_map(delivery).collect();
            (!deliveries.is_empty()).then(|| NewMessage {
                id: message_id,
                workspace: endpoint.workspace.clone(),
                provider: SOURCE.to_owned(),
                event_type: rendered.event_type,
                body: Bytes::from(rendered.body),
                created_at_ms: at_ms,
                idempotency: None,
                // Endpoints that are told are asked for their state when it is kept.
                catalogue: None,
                deliveries,
            })
        };
        notices.iter().filter_map(message).collect()
    }
}

/// Queues the write once more. What the attempt means for its delivery stands; health is what memory has by now, which
/// includes this attempt and later ones, and a pause that was lifted meanwhile is not repeated.
fn record_again(context: &Context, entry: &Entry, ended: &mut Ended) -> Later<Recorded> {
    let queued: Result<_, std::convert::Infallible> = entry.change(|endpoint, _| {
        ended.health = endpoint.health.clone();
        ended.change = ended
            .change
            .filter(|change| change.version == endpoint.version);
        Ok(context.store.record(ended.clone()))
    });
    match queued {
        Ok(queued) => queued,
        Err(never) => match never {},
    }
}
