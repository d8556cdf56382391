//! Delivery decisions: what follows from the outcome of an attempt.
//!
//! [`judge`] is a pure function: the caller reports what happened and when, and carries out what comes back. What it decides
//! for deliveries and endpoints are steps of the two state machines in [`machine`].

mod endpoint_health;
pub mod machine;
mod notice;
mod outcome;
mod policy;
pub mod rotation;
mod settings;
#[cfg(test)]
mod tests;

pub use self::{
    endpoint_health::{AutoPause, EndpointHealth},
    machine::endpoint::State as EndpointState,
    notice::Notice,
    outcome::{FailureKind, Outcome},
    policy::{
        ClientErrors, DeliveryPolicy, PolicyError, Probing, SuccessRule, TIMEOUT_MS_MAX,
        TIMEOUT_MS_MIN,
    },
    settings::PolicySettings,
};

use self::{
    machine::{Transition, delivery, endpoint},
    policy::Verdict,
};
use crate::retry::{RETRY_AFTER_MS_MAX, TimeScale};
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// An attempt that has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedAttempt {
    /// Its number within the delivery, from 1. Failed probes are not counted.
    pub number: u32,
    /// It was the probe of an endpoint that is paused by rule.
    pub probe: bool,
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
    /// The endpoint's state from now on. If it becomes active by this attempt, what is held for it is released.
    pub state: EndpointState,
    /// The endpoint is paused by this attempt. `None` when it is not, and when it was paused for the same reason before.
    pub pause: Option<Pause>,
    /// The endpoint's health from now on.
    pub health: EndpointHealth,
    /// What the endpoint's owner is to be told.
    pub notices: Vec<Notice>,
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
    /// The receiver answered 4xx, and the policy takes that as final (R-X9).
    ClientError,
    /// It was held, and its owner resumed the endpoint without it.
    Skipped,
}

/// A pause by rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Why.
    pub reason: PauseReason,
    /// When a probe may go out, unix milliseconds; `None`: only the owner ends the pause.
    pub probe_at_ms: Option<u64>,
}

/// Why an endpoint is paused by rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PauseReason {
    /// Too many failures; the policy's [`AutoPause`] says how many. Also after a failed probe.
    Failing,
    /// It answered 410 (R-X4).
    Gone,
}

/// What follows from an attempt that has ended.
///
/// `health` is the endpoint's health before the attempt, `state` its state now. An endpoint that was paused meanwhile gets
/// no retry: the delivery is held instead. `chance` is a number that the caller draws for this call, for the policy's
/// [`Jitter`](crate::retry::Jitter).
pub fn judge(
    policy: &DeliveryPolicy,
    attempt: &EndedAttempt,
    health: &EndpointHealth,
    state: EndpointState,
    scale: TimeScale,
    chance: u64,
) -> Judgement {
    // Its owner set the endpoint active before the probe ended: then it is an attempt like any other.
    let probe = attempt.probe && !state.is_active();
    let delay_ms = policy.schedule.delay_ms(attempt.number);
    let (ending, dead_letter) = ending(policy.verdict(&attempt.outcome), probe, delay_ms);

    let succeeded = ending == delivery::Input::AttemptSucceeded;
    let before = health;
    let health = match (succeeded, dead_letter) {
        (true, _) => health.after_success(attempt.ended_at_ms),
        (false, None) => health.after_failure(attempt.ended_at_ms),
        (false, Some(_)) => health.after_failure(attempt.ended_at_ms).after_exhaustion(),
    };

    let told = if dead_letter == Some(DeadLetterReason::Gone) {
        endpoint::Input::ReceiverGone
    } else {
        match (succeeded, probe) {
            (true, true) => endpoint::Input::ProbeSucceeded,
            (true, false) => endpoint::Input::AttemptSucceeded,
            (false, true) => endpoint::Input::ProbeFailed,
            (false, false)
                if policy
                    .auto_pause
                    .applies(&health, attempt, dead_letter.is_some(), scale) =>
            {
                endpoint::Input::ThresholdReached
            }
            (false, false) => endpoint::Input::AttemptFailed,
        }
    };
    let transition = endpoint::transition(state, told);
    let state = transition.after(state);
    let reason = match transition {
        Transition::To(EndpointState::PausedFailing) => Some(PauseReason::Failing),
        Transition::To(EndpointState::PausedGone) => Some(PauseReason::Gone),
        Transition::To(_) | Transition::Ignored(_) | Transition::Refused(_) => None,
    };
    let health = match reason {
        Some(_) => health.after_pause(),
        None => health,
    };
    let retry_after_ms = retry_after_ms(&attempt.outcome);
    let pause = reason.map(|reason| Pause {
        reason,
        probe_at_ms: cool_down_ms(policy, reason, &health, scale).map(|wait_ms| {
            let wait_ms = wait_ms.max(retry_after_ms);
            attempt.ended_at_ms.saturating_add(wait_ms)
        }),
    });

    // The attempt ends first; then what happened to the endpoint reaches its delivery.
    let sent = delivery::State::Sending;
    let ended = delivery::transition(sent, ending).after(sent);
    let ended = match state.is_active() {
        true => ended,
        false => delivery::transition(ended, delivery::Input::EndpointPaused).after(ended),
    };

    let next = match (ended, dead_letter) {
        (delivery::State::Delivered, _) => Next::Delivered,
        (delivery::State::DeadLettered, Some(reason)) => Next::DeadLettered(reason),
        (delivery::State::RetryDue, _) => {
            let wait_ms = policy
                .jitter
                .apply(scale.apply(delay_ms.unwrap_or(0)), chance)
                .max(retry_after_ms);
            Next::RetryAt(attempt.ended_at_ms.saturating_add(wait_ms))
        }
        // Held; no other state follows an attempt, and what is held is not lost.
        _ => Next::Held,
    };
    let percent = match succeeded {
        true => 0,
        false => policy.pause_percent(&health, attempt, scale),
    };
    let active = state.is_active();
    let (notices, health) = notice::notices(
        attempt,
        before,
        health,
        next,
        pause.as_ref(),
        active,
        percent,
    );
    Judgement {
        next,
        state,
        pause,
        health,
        notices,
    }
}

/// What the end of an attempt means for its delivery. `delay_ms`: the schedule's wait for a retry.
const fn ending(
    verdict: Verdict,
    probe: bool,
    delay_ms: Option<u64>,
) -> (delivery::Input, Option<DeadLetterReason>) {
    use delivery::Input::{
        AttemptFailed, AttemptSucceeded, LastAttemptFailed, ProbeFailed, ReceiverGone,
    };
    match (verdict, probe, delay_ms) {
        (Verdict::Succeeded, _, _) => (AttemptSucceeded, None),
        (Verdict::Gone, _, _) => (ReceiverGone, Some(DeadLetterReason::Gone)),
        // A broken endpoint must not use up one held delivery after another.
        (Verdict::Failed | Verdict::ClientError, true, _) => (ProbeFailed, None),
        (Verdict::ClientError, false, _) => {
            (LastAttemptFailed, Some(DeadLetterReason::ClientError))
        }
        (Verdict::Failed, false, Some(_)) => (AttemptFailed, None),
        (Verdict::Failed, false, None) => (LastAttemptFailed, Some(DeadLetterReason::Exhausted)),
    }
}

/// How long to wait before a probe of an endpoint that is paused for this reason.
fn cool_down_ms(
    policy: &DeliveryPolicy,
    reason: PauseReason,
    health: &EndpointHealth,
    scale: TimeScale,
) -> Option<u64> {
    match reason {
        PauseReason::Failing => policy
            .probing
            .map(|probing| scale.apply(probing.cool_down.wait_ms(health.pauses_in_a_row))),
        PauseReason::Gone => None,
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
