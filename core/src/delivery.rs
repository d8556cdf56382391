//! Delivery decisions: what follows from the outcome of an attempt.
//!
//! [`judge`] is a pure function: the caller reports what happened and when, and carries out what comes back.

mod endpoint_health;
mod outcome;

pub use self::{
    endpoint_health::{AutoPause, EndpointHealth},
    outcome::{FailureKind, Outcome},
};

use crate::retry::{RETRY_AFTER_MS_MAX, RetrySchedule, TimeScale};
use serde::{Deserialize, Serialize};

/// What a provider promises about deliveries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryPolicy {
    /// Waits between attempts.
    pub schedule: RetrySchedule,
    /// Longest that one attempt may take, in milliseconds.
    pub timeout_ms: u64,
    /// When a failing endpoint is taken out of service.
    pub auto_pause: AutoPause,
}

/// State of an endpoint (R-X8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndpointState {
    /// Events are delivered.
    Active,
    /// Taken out of service, by rule or by hand; events are held.
    Paused,
    /// Switched off by its owner; events are held.
    Disabled,
}

/// An attempt that has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedAttempt {
    /// Its number within the delivery, from 1.
    pub number: u32,
    /// How it ended.
    pub outcome: Outcome,
    /// When the first attempt of the delivery began, unix milliseconds.
    pub first_started_at_ms: u64,
    /// When this attempt ended, unix milliseconds.
    pub ended_at_ms: u64,
}

/// What follows from an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    /// What becomes of the delivery.
    pub next: Next,
    /// What becomes of the endpoint; `None` leaves its state as it is.
    pub pause: Option<PauseReason>,
    /// The endpoint's health from now on.
    pub health: EndpointHealth,
}

/// What becomes of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Next {
    /// Done.
    Delivered,
    /// Another attempt, not before this moment (unix milliseconds).
    RetryAt(u64),
    /// Another attempt once the endpoint is active again; nothing is dropped meanwhile (R-C3).
    Held,
    /// No further attempt by itself; listed for its owner.
    DeadLettered(DeadLetterReason),
}

/// Why a delivery is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeadLetterReason {
    /// The retry schedule is used up.
    Exhausted,
    /// The receiver answered 410: it wants no more (R-X4).
    Gone,
}

/// Why an endpoint is paused by rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PauseReason {
    /// Too many failures; the policy's [`AutoPause`] says how many.
    Failing,
    /// It answered 410 (R-X4).
    Gone,
}

/// What follows from an attempt that has ended.
///
/// `health` is the endpoint's health before the attempt, `state` its state now. An endpoint that was paused meanwhile gets
/// no retry: the delivery is held instead.
pub fn judge(
    policy: &DeliveryPolicy,
    attempt: &EndedAttempt,
    health: &EndpointHealth,
    state: EndpointState,
    scale: TimeScale,
) -> Judgement {
    if attempt.outcome.is_success() {
        return Judgement {
            next: Next::Delivered,
            pause: None,
            health: health.after_success(attempt.ended_at_ms),
        };
    }
    if attempt.outcome.is_gone() {
        return Judgement {
            next: Next::DeadLettered(DeadLetterReason::Gone),
            pause: (state == EndpointState::Active).then_some(PauseReason::Gone),
            health: health.after_exhaustion(),
        };
    }
    match policy.schedule.delay_ms(attempt.number) {
        Some(delay_ms) => Judgement {
            next: match state {
                EndpointState::Active => {
                    let wait_ms = scale.apply(delay_ms).max(retry_after_ms(&attempt.outcome));
                    Next::RetryAt(attempt.ended_at_ms.saturating_add(wait_ms))
                }
                EndpointState::Paused | EndpointState::Disabled => Next::Held,
            },
            pause: None,
            health: health.clone(),
        },
        None => {
            let health = health.after_exhaustion();
            let failing = policy
                .auto_pause
                .applies(&health, attempt.first_started_at_ms);
            Judgement {
                next: Next::DeadLettered(DeadLetterReason::Exhausted),
                pause: (failing && state == EndpointState::Active).then_some(PauseReason::Failing),
                health,
            }
        }
    }
}

/// `Retry-After` lengthens a wait, never shortens it, and not beyond [`RETRY_AFTER_MS_MAX`] (R-X4). It is the receiver's
/// own clock time, so the time scale does not apply to it.
fn retry_after_ms(outcome: &Outcome) -> u64 {
    match outcome {
        Outcome::Response {
            retry_after_s: Some(seconds),
            ..
        } => u64::from(*seconds)
            .saturating_mul(1_000)
            .min(RETRY_AFTER_MS_MAX),
        Outcome::Response { .. } | Outcome::Failure(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    const FAILED: Outcome = Outcome::Response {
        status: 503,
        retry_after_s: None,
    };
    const OK: Outcome = Outcome::Response {
        status: 204,
        retry_after_s: None,
    };

    fn policy(auto_pause: AutoPause) -> DeliveryPolicy {
        DeliveryPolicy {
            schedule: RetrySchedule::CLEANMAILS,
            timeout_ms: 10_000,
            auto_pause,
        }
    }

    fn attempt(number: u32, outcome: Outcome) -> EndedAttempt {
        EndedAttempt {
            number,
            outcome,
            first_started_at_ms: 1_000,
            ended_at_ms: 50_000,
        }
    }

    fn judged(auto_pause: AutoPause, attempt: &EndedAttempt, health: &EndpointHealth) -> Judgement {
        judge(
            &policy(auto_pause),
            attempt,
            health,
            EndpointState::Active,
            TimeScale::REAL,
        )
    }

    #[test]
    fn retries_follow_the_schedule_and_then_the_delivery_is_a_dead_letter() {
        let health = EndpointHealth::default();
        let next: Vec<_> = (1..=4)
            .map(|number| judged(AutoPause::Never, &attempt(number, FAILED), &health).next)
            .collect();
        assert_eq!(
            next,
            [
                Next::RetryAt(52_000),
                Next::RetryAt(54_000),
                Next::RetryAt(58_000),
                Next::DeadLettered(DeadLetterReason::Exhausted)
            ]
        );
    }

    #[test]
    fn retry_after_only_lengthens_and_is_capped() {
        let with = |seconds| Outcome::Response {
            status: 429,
            retry_after_s: Some(seconds),
        };
        let wait_ms = |outcome| {
            let judgement = judged(
                AutoPause::Never,
                &attempt(2, outcome),
                &EndpointHealth::default(),
            );
            match judgement.next {
                Next::RetryAt(at_ms) => at_ms - 50_000,
                other => unreachable!("{other:?}"),
            }
        };
        assert_eq!(wait_ms(with(1)), 4_000);
        assert_eq!(wait_ms(with(60)), 60_000);
        assert_eq!(wait_ms(with(u32::MAX)), RETRY_AFTER_MS_MAX);
    }

    #[test]
    fn gone_ends_the_delivery_and_pauses_the_endpoint() {
        let gone = Outcome::Response {
            status: 410,
            retry_after_s: None,
        };
        let judgement = judged(
            AutoPause::Never,
            &attempt(1, gone),
            &EndpointHealth::default(),
        );
        assert_eq!(judgement.next, Next::DeadLettered(DeadLetterReason::Gone));
        assert_eq!(judgement.pause, Some(PauseReason::Gone));
    }

    #[test]
    fn a_paused_endpoint_gets_no_retry_but_a_success_still_counts() {
        for state in [EndpointState::Paused, EndpointState::Disabled] {
            let health = EndpointHealth::default();
            let judged = |number, outcome| {
                judge(
                    &policy(AutoPause::Never),
                    &attempt(number, outcome),
                    &health,
                    state,
                    TimeScale::REAL,
                )
            };
            assert_eq!(judged(1, FAILED).next, Next::Held);
            assert_eq!(judged(1, OK).next, Next::Delivered);
            let last = judged(4, FAILED);
            assert_eq!(last.next, Next::DeadLettered(DeadLetterReason::Exhausted));
            assert_eq!(last.pause, None);
        }
    }

    #[test]
    fn ten_exhausted_deliveries_in_a_row_pause_a_cleanmails_endpoint() {
        // C31 read as R-C2 says: deliveries, not attempts; any success resets (C32).
        let rule = AutoPause::ConsecutiveDeliveries(10);
        let mut health = EndpointHealth::default();
        for round in 1..=9 {
            let judgement = judged(rule, &attempt(4, FAILED), &health);
            assert_eq!(judgement.pause, None, "round {round}");
            health = judgement.health;
        }
        let success = judged(rule, &attempt(1, OK), &health);
        assert_eq!(success.health.exhausted_in_a_row, 0);
        let tenth = judged(rule, &attempt(4, FAILED), &health);
        assert_eq!(tenth.pause, Some(PauseReason::Failing));
        assert_eq!(tenth.health.exhausted_in_a_row, 10);
    }

    #[test]
    fn a_smartlead_endpoint_is_disabled_unless_something_succeeded_since_the_delivery_began() {
        // S31 read as R-S5 says.
        let rule = AutoPause::NoSuccessSinceDeliveryBegan;
        let silent = EndpointHealth::default();
        let succeeded_at = |at_ms| silent.after_success(at_ms);
        let pause = |health: &EndpointHealth| judged(rule, &attempt(4, FAILED), health).pause;
        assert_eq!(pause(&silent), Some(PauseReason::Failing));
        assert_eq!(pause(&succeeded_at(999)), Some(PauseReason::Failing));
        assert_eq!(pause(&succeeded_at(1_000)), None);
    }
}
