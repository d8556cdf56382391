//! What is remembered of an endpoint's past, and when it is taken out of service.

use super::EndedAttempt;
use crate::retry::{DAY_MS, TimeScale};
use serde::{Deserialize, Serialize};

/// What is remembered of an endpoint's past. The caller keeps it and hands it back.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EndpointHealth {
    /// Attempts that failed since the last success.
    pub failed_in_a_row: u32,
    /// Deliveries that were given up since the last success.
    pub exhausted_in_a_row: u32,
    /// Times that it was paused by rule since the last success; the cool-down grows with it.
    pub pauses_in_a_row: u32,
    /// When the first failure since the last success ended, unix milliseconds; `None` when none failed since.
    pub failing_since_ms: Option<u64>,
    /// When an attempt last succeeded, unix milliseconds.
    pub last_success_at_ms: Option<u64>,
    /// How far on the way to a pause its owner has been told that it is, in percent; 100: they were told that it is paused.
    /// Each step is told once.
    pub warned_percent: u8,
    /// Its owner was told of failures and not yet of their end.
    pub unwell: bool,
}

/// When a failing endpoint is taken out of service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AutoPause {
    /// Never (R-E13, R-P11).
    Never,
    /// After this many deliveries in a row were given up (C31, R-C2).
    ConsecutiveDeliveries(u32),
    /// After this many attempts in a row failed, of whatever deliveries: the settings of R-C2 (ten) and R-S5 (five).
    ConsecutiveAttempts(u32),
    /// When a delivery is given up and nothing succeeded since its first attempt (S31, R-S5).
    NoSuccessSinceDeliveryBegan,
    /// When an attempt fails and nothing but failures is known for so long: the setting of R-P11.
    FailingFor {
        /// For how long, in milliseconds. It passes faster with the time scale, like the waits of a schedule.
        limit_ms: u64,
    },
}

impl EndpointHealth {
    /// After a success, which ends every run of failures (C32).
    pub(super) fn after_success(&self, at_ms: u64) -> Self {
        Self {
            last_success_at_ms: Some(self.last_success_at_ms.unwrap_or(0).max(at_ms)),
            ..Self::default()
        }
    }

    /// After a failed attempt.
    pub(super) fn after_failure(&self, at_ms: u64) -> Self {
        // An attempt that ended before the last success began no run of failures before it.
        let began_ms = at_ms.max(self.last_success_at_ms.unwrap_or(0));
        Self {
            failed_in_a_row: self.failed_in_a_row.saturating_add(1),
            failing_since_ms: Some(self.failing_since_ms.unwrap_or(began_ms)),
            ..self.clone()
        }
    }

    /// After a delivery has been given up.
    pub(super) fn after_exhaustion(&self) -> Self {
        Self {
            exhausted_in_a_row: self.exhausted_in_a_row.saturating_add(1),
            ..self.clone()
        }
    }

    /// After a pause by rule.
    pub(super) fn after_pause(&self) -> Self {
        Self {
            pauses_in_a_row: self.pauses_in_a_row.saturating_add(1),
            ..self.clone()
        }
    }

    /// When the owner sets the endpoint active: the counters start anew (C20, R-C4, R-S11).
    pub fn after_reactivation(&self) -> Self {
        Self {
            last_success_at_ms: self.last_success_at_ms,
            unwell: self.unwell,
            ..Self::default()
        }
    }
}

impl AutoPause {
    /// A full day of nothing but failures (the setting of R-P11).
    pub const FAILING_FOR_A_DAY: Self = Self::FailingFor { limit_ms: DAY_MS };

    /// Whether the rule is met after a failed attempt. `health` includes it; `given_up`: its delivery ended with it.
    pub(super) fn applies(
        self,
        health: &EndpointHealth,
        attempt: &EndedAttempt,
        given_up: bool,
        scale: TimeScale,
    ) -> bool {
        match self {
            Self::Never => false,
            Self::ConsecutiveDeliveries(limit) => given_up && health.exhausted_in_a_row >= limit,
            Self::ConsecutiveAttempts(limit) => health.failed_in_a_row >= limit,
            Self::NoSuccessSinceDeliveryBegan => {
                given_up
                    && health
                        .last_success_at_ms
                        .is_none_or(|at_ms| at_ms < attempt.first_started_at_ms)
            }
            Self::FailingFor { limit_ms } => health.failing_since_ms.is_some_and(|since_ms| {
                attempt.ended_at_ms.saturating_sub(since_ms) >= scale.apply(limit_ms)
            }),
        }
    }

    /// How much of what the rule asks for has happened, in percent, after a failed attempt that `health` includes.
    /// `attempts_max`: those of a delivery.
    pub(super) fn percent(
        self,
        health: &EndpointHealth,
        attempt: &EndedAttempt,
        attempts_max: u64,
        scale: TimeScale,
    ) -> u8 {
        let (done, limit) = match self {
            Self::Never => return 0,
            Self::ConsecutiveDeliveries(limit) => (health.exhausted_in_a_row.into(), limit.into()),
            Self::ConsecutiveAttempts(limit) => (health.failed_in_a_row.into(), limit.into()),
            Self::NoSuccessSinceDeliveryBegan => {
                let succeeded = health
                    .last_success_at_ms
                    .is_some_and(|at_ms| at_ms >= attempt.first_started_at_ms);
                match succeeded {
                    true => return 0,
                    false => (attempt.number.into(), attempts_max),
                }
            }
            Self::FailingFor { limit_ms } => {
                let since_ms = health.failing_since_ms.unwrap_or(attempt.ended_at_ms);
                (
                    attempt.ended_at_ms.saturating_sub(since_ms),
                    scale.apply(limit_ms),
                )
            }
        };
        let percent = done.saturating_mul(100).checked_div(limit).unwrap_or(100);
        u8::try_from(percent.min(100)).unwrap_or(100)
    }
}
