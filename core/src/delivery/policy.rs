//! What is promised about deliveries, with the settings that the readings of the documents leave open.

use super::{AutoPause, EndedAttempt, EndpointHealth, Outcome};
use crate::retry::{
    Backoff, DELAY_MS_MAX, HOUR_MS, Jitter, MINUTE_MS, RetrySchedule, SECOND_MS, TimeScale,
};
use core::fmt;
use serde::{Deserialize, Serialize};

/// Shortest time limit of an attempt: a second, in milliseconds. Less fails receivers that are merely far away.
pub const TIMEOUT_MS_MIN: u64 = SECOND_MS;

/// Longest time limit of an attempt: five minutes, in milliseconds. Each attempt occupies a place for as long.
pub const TIMEOUT_MS_MAX: u64 = 5 * MINUTE_MS;

/// What a provider promises about deliveries.
///
/// [`new`](Self::new) takes the readings of the documents as they are; the public fields are the settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryPolicy {
    /// Waits between attempts. R-C1 strict: [`RetrySchedule::CLEANMAILS_STRICT`].
    pub schedule: RetrySchedule,
    /// Chance in those waits.
    pub jitter: Jitter,
    /// Longest that one attempt may take, in milliseconds, from [`TIMEOUT_MS_MIN`] to [`TIMEOUT_MS_MAX`] (E29, R-C10,
    /// R-S19, R-P11).
    pub timeout_ms: u64,
    /// Which answers mean that the receiver has the event.
    pub success: SuccessRule,
    /// What an answer of 4xx means.
    pub client_errors: ClientErrors,
    /// When a failing endpoint is taken out of service.
    pub auto_pause: AutoPause,
    /// How an endpoint that was taken out of service by rule comes back; `None`: only by hand, as the documents have it
    /// (C20, S32).
    pub probing: Option<Probing>,
}

/// Which answers mean that the receiver has the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SuccessRule {
    /// Any 2xx (E29, R-S7).
    #[default]
    Any2xx,
    /// Exactly 200 (the setting of R-S7).
    Only200,
}

/// What an answer of 4xx means. 410 is apart from it: it always ends the delivery (R-X4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientErrors {
    /// A failure like any other: it is retried (R-X9).
    #[default]
    Retried,
    /// The end of the delivery (the setting of R-X9), except of 408, 425 and 429, which say themselves that a later attempt
    /// may succeed (RFC 9110 section 15.5.9, RFC 8470 section 5.2, RFC 6585 section 4).
    Final,
}

/// When an endpoint that is paused by rule is tried again: waits before each probe, growing with every pause in a row.
///
/// An endpoint that answered 410 gets no probe; it asked for silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probing {
    /// The cool-down after the first pause, and how it grows.
    pub cool_down: Backoff,
}

impl Probing {
    /// After 5 minutes, then 10, 20, 40, up to a day.
    pub const STANDARD: Self = Self {
        cool_down: Backoff {
            base_ms: 5 * MINUTE_MS,
            factor: 2,
            cap_ms: 24 * HOUR_MS,
        },
    };
}

/// A policy that cannot be kept. The fault of whoever sets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PolicyError {
    /// The time limit is not within [`TIMEOUT_MS_MIN`] and [`TIMEOUT_MS_MAX`].
    TimeoutOutOfRange {
        /// As given, in milliseconds.
        timeout_ms: u64,
    },
    /// A pause after no failures at all.
    PauseAfterNothing,
    /// A cool-down of nothing, or one that can be longer than [`DELAY_MS_MAX`].
    CoolDownOutOfRange,
}

impl PolicyError {
    /// The name of the mistake.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TimeoutOutOfRange { .. } => "timeout_out_of_range",
            Self::PauseAfterNothing => "pause_after_nothing",
            Self::CoolDownOutOfRange => "cool_down_out_of_range",
        }
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimeoutOutOfRange { timeout_ms } => write!(
                f,
                "a time limit of {timeout_ms} ms is out of range; give {TIMEOUT_MS_MIN} to {TIMEOUT_MS_MAX} ms"
            ),
            Self::PauseAfterNothing => f.write_str(
                "a pause after 0 failures would stop a sound endpoint; give 1 or more, or never",
            ),
            Self::CoolDownOutOfRange => {
                f.write_str("the cool-down must be more than 0 ms and its cap 30 days at most")
            }
        }
    }
}

impl core::error::Error for PolicyError {}

/// What the policy makes of an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Succeeded,
    Failed,
    /// A failure that no retry can cure.
    ClientError,
    /// 410.
    Gone,
}

impl DeliveryPolicy {
    /// A policy with the readings of the documents: exact waits, any 2xx is a success (R-S7), 4xx is retried (R-X9), and a
    /// paused endpoint comes back by hand only.
    pub const fn new(schedule: RetrySchedule, timeout_ms: u64, auto_pause: AutoPause) -> Self {
        Self {
            schedule,
            jitter: Jitter::NONE,
            timeout_ms,
            success: SuccessRule::Any2xx,
            client_errors: ClientErrors::Retried,
            auto_pause,
            probing: None,
        }
    }

    /// Whether the settings are within their bounds. [`judge`](super::judge) takes any; this is for those who read settings.
    ///
    /// # Errors
    /// [`PolicyError`], the first that is found.
    pub const fn check(&self) -> Result<(), PolicyError> {
        if self.timeout_ms < TIMEOUT_MS_MIN || self.timeout_ms > TIMEOUT_MS_MAX {
            return Err(PolicyError::TimeoutOutOfRange {
                timeout_ms: self.timeout_ms,
            });
        }
        if let AutoPause::ConsecutiveDeliveries(0)
        | AutoPause::ConsecutiveAttempts(0)
        | AutoPause::FailingFor { limit_ms: 0 } = self.auto_pause
        {
            return Err(PolicyError::PauseAfterNothing);
        }
        match self.probing {
            Some(Probing { cool_down })
                if cool_down.base_ms == 0
                    || cool_down.cap_ms == 0
                    || cool_down.cap_ms > DELAY_MS_MAX =>
            {
                Err(PolicyError::CoolDownOutOfRange)
            }
            Some(_) | None => Ok(()),
        }
    }

    /// How far the endpoint is on the way to a pause by rule, in percent, after a failed attempt.
    pub(super) fn pause_percent(
        &self,
        health: &EndpointHealth,
        attempt: &EndedAttempt,
        scale: TimeScale,
    ) -> u8 {
        let attempts_max = u64::try_from(self.schedule.attempts_max()).unwrap_or(u64::MAX);
        self.auto_pause
            .percent(health, attempt, attempts_max, scale)
    }

    pub(super) const fn verdict(&self, outcome: &Outcome) -> Verdict {
        let status = match outcome {
            Outcome::Response { status, .. } => *status,
            Outcome::Failure(_) => return Verdict::Failed,
        };
        match (self.success, self.client_errors, status) {
            (SuccessRule::Any2xx, _, 200..=299) | (SuccessRule::Only200, _, 200) => {
                Verdict::Succeeded
            }
            (_, _, 410) => Verdict::Gone,
            (_, _, 408 | 425 | 429) => Verdict::Failed,
            (_, ClientErrors::Final, 400..=499) => Verdict::ClientError,
            (_, ClientErrors::Retried | ClientErrors::Final, _) => Verdict::Failed,
        }
    }
}
