//! Retry schedules: how long to wait after each failed attempt.

mod backoff;
mod jitter;
mod schedule;
#[cfg(test)]
mod tests;

pub use self::{
    backoff::Backoff,
    jitter::{JITTER_PERCENT_MAX, Jitter, JitterError},
    schedule::{DELAY_MS_MAX, RETRIES_MAX, RetrySchedule, ScheduleError},
};

use serde::{Deserialize, Serialize};

pub(crate) const SECOND_MS: u64 = 1_000;
pub(crate) const MINUTE_MS: u64 = 60 * SECOND_MS;
pub(crate) const HOUR_MS: u64 = 60 * MINUTE_MS;
pub(crate) const DAY_MS: u64 = 24 * HOUR_MS;

/// Longest wait that a receiver's `Retry-After` can ask for: a day. Longer values are taken as a day, so that a broken
/// receiver cannot park a delivery for ever (R-X4).
pub const RETRY_AFTER_MS_MAX: u64 = DAY_MS;

/// How many times faster than documented waits pass; `1` is real time. For demonstrations and tests: a schedule of hours
/// is seen to the end in seconds, through the same code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeScale(u32);

impl TimeScale {
    /// Waits as documented.
    pub const REAL: Self = Self(1);

    /// Waits divided by `factor`; `0` is taken as `1`.
    pub const fn faster_by(factor: u32) -> Self {
        match factor {
            0 => Self::REAL,
            factor => Self(factor),
        }
    }

    /// The wait that takes the place of `wait_ms`.
    pub const fn apply(self, wait_ms: u64) -> u64 {
        match wait_ms.checked_div(self.0 as u64) {
            Some(scaled) => scaled,
            None => wait_ms,
        }
    }
}
