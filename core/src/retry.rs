//! Retry schedules: how long to wait after each failed attempt.

use alloc::{borrow::Cow, vec::Vec};
use serde::{Deserialize, Serialize};

const SECOND_MS: u64 = 1_000;
const MINUTE_MS: u64 = 60 * SECOND_MS;
const HOUR_MS: u64 = 60 * MINUTE_MS;

/// N delays between N + 1 attempts. A delay counts from the end of the attempt before it (R-S6).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetrySchedule {
    delays_ms: Cow<'static, [u64]>,
}

/// Longest wait that a receiver's `Retry-After` can ask for: a day. Longer values are taken as a day, so that a broken
/// receiver cannot park a delivery for ever (R-X4).
pub const RETRY_AFTER_MS_MAX: u64 = 24 * HOUR_MS;

impl RetrySchedule {
    /// Cleanmails: 2, 4, 8 s. Source: C30, read as R-C1 says: the first attempt and three retries.
    pub const CLEANMAILS: Self = Self::fixed(&[2 * SECOND_MS, 4 * SECOND_MS, 8 * SECOND_MS]);

    /// SmartLead: 1 min, 5 min, 15 min, 1 h, 6 h. Source: S30.
    pub const SMARTLEAD: Self = Self::fixed(&[
        MINUTE_MS,
        5 * MINUTE_MS,
        15 * MINUTE_MS,
        HOUR_MS,
        6 * HOUR_MS,
    ]);

    /// SendEmAll: 30 s, 5 min, 30 min. Source: E30.
    pub const SENDEMALL: Self = Self::fixed(&[30 * SECOND_MS, 5 * MINUTE_MS, 30 * MINUTE_MS]);

    /// 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h. Source: Standard Webhooks 1.0.0, "Deliverability and
    /// reliability"; taken for the platform, which documents none (R-P11).
    pub const STANDARD_WEBHOOKS: Self = Self::fixed(&[
        5 * SECOND_MS,
        5 * MINUTE_MS,
        30 * MINUTE_MS,
        2 * HOUR_MS,
        5 * HOUR_MS,
        10 * HOUR_MS,
        14 * HOUR_MS,
        20 * HOUR_MS,
        24 * HOUR_MS,
    ]);

    /// A schedule of one's own. An empty one means a single attempt.
    pub const fn custom(delays_ms: Vec<u64>) -> Self {
        Self {
            delays_ms: Cow::Owned(delays_ms),
        }
    }

    const fn fixed(delays_ms: &'static [u64]) -> Self {
        Self {
            delays_ms: Cow::Borrowed(delays_ms),
        }
    }

    /// The wait after attempt `attempt` (counted from 1) has failed; `None` when it was the last one.
    pub fn delay_ms(&self, attempt: u32) -> Option<u64> {
        let place = usize::try_from(attempt.checked_sub(1)?).ok()?;
        self.delays_ms.get(place).copied()
    }

    /// Attempts that are made when all fail.
    pub fn attempts_max(&self) -> usize {
        self.delays_ms.len().saturating_add(1)
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    fn total_ms(schedule: &RetrySchedule) -> u64 {
        schedule.delays_ms.iter().sum()
    }

    #[test]
    fn the_documented_totals_come_out() {
        // R-C1: 14 s, four requests. R-S6: 7 h 21 min, six requests. E30: 35 min 30 s, four requests.
        for (schedule, attempts, total_s) in [
            (RetrySchedule::CLEANMAILS, 4, 14),
            (RetrySchedule::SMARTLEAD, 6, 7 * 3600 + 21 * 60),
            (RetrySchedule::SENDEMALL, 4, 35 * 60 + 30),
            (
                RetrySchedule::STANDARD_WEBHOOKS,
                10,
                75 * 3600 + 35 * 60 + 5,
            ),
        ] {
            assert_eq!(schedule.attempts_max(), attempts);
            assert_eq!(total_ms(&schedule) / 1000, total_s, "{schedule:?}");
        }
    }

    #[test]
    fn delays_are_counted_from_the_first_attempt() {
        let schedule = RetrySchedule::CLEANMAILS;
        let delays: Vec<_> = (0..6).map(|attempt| schedule.delay_ms(attempt)).collect();
        assert_eq!(
            delays,
            [None, Some(2_000), Some(4_000), Some(8_000), None, None]
        );
        assert_eq!(RetrySchedule::custom(Vec::new()).delay_ms(1), None);
    }

    #[test]
    fn the_time_scale_divides() {
        assert_eq!(TimeScale::REAL.apply(2_000), 2_000);
        assert_eq!(TimeScale::faster_by(1_000).apply(2_000), 2);
        assert_eq!(TimeScale::faster_by(0).apply(2_000), 2_000);
    }
}
