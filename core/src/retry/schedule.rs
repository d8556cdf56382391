//! The waits between the attempts of a delivery.

use super::{Backoff, DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS};
use alloc::{borrow::Cow, vec::Vec};
use core::{fmt, str::FromStr};
use serde::{Deserialize, Serialize};

/// Most retries of a schedule. With the longest documented one at nine, more than a hundred is a mistake.
pub const RETRIES_MAX: usize = 100;

/// Longest delay of a schedule: 30 days, in milliseconds. A receiver that is away for longer is asked by hand.
pub const DELAY_MS_MAX: u64 = 30 * DAY_MS;

/// Units that a delay can be written in, each a whole number of the ones after it.
const UNITS: [(&str, u64); 5] = [
    ("d", DAY_MS),
    ("h", HOUR_MS),
    ("min", MINUTE_MS),
    ("s", SECOND_MS),
    ("ms", 1),
];

/// N delays between N + 1 attempts. A delay counts from the end of the attempt before it (R-S6).
///
/// As text it is a list such as `5s, 5min, 2h`, with the units `ms`, `s`, `min`, `h` and `d`; an empty text is a schedule
/// without retries.
///
/// ```
/// use countersign_core::retry::RetrySchedule;
///
/// let schedule: RetrySchedule = "30s, 5min, 30min".parse()?;
/// assert_eq!(schedule, RetrySchedule::SENDEMALL);
/// assert_eq!(schedule.to_string(), "30s, 5min, 30min");
/// # Ok::<(), countersign_core::retry::ScheduleError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct RetrySchedule {
    delays_ms: Cow<'static, [u64]>,
}

/// As it was read, before the bounds are checked.
#[derive(Deserialize)]
struct Unchecked {
    delays_ms: Vec<u64>,
}

/// A schedule that cannot be followed. The fault of whoever sets it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScheduleError {
    /// More than [`RETRIES_MAX`] retries.
    TooManyRetries,
    /// A delay of more than [`DELAY_MS_MAX`].
    DelayTooLong {
        /// The retry that it comes before, from 1.
        retry: usize,
    },
    /// An item of a text that is not a whole number and a unit.
    NotADelay {
        /// The retry that it should come before, from 1.
        retry: usize,
    },
}

impl ScheduleError {
    /// The name of the mistake.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooManyRetries => "too_many_retries",
            Self::DelayTooLong { .. } => "delay_too_long",
            Self::NotADelay { .. } => "delay_invalid",
        }
    }
}

impl fmt::Display for ScheduleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyRetries => write!(
                f,
                "the schedule has too many retries; give {RETRIES_MAX} at most"
            ),
            Self::DelayTooLong { retry } => write!(
                f,
                "the delay before retry {retry} is too long; give 30 days at most"
            ),
            Self::NotADelay { retry } => write!(
                f,
                "the delay before retry {retry} cannot be read; write a whole number and a unit, such as 30s, 5min or 2h"
            ),
        }
    }
}

impl core::error::Error for ScheduleError {}

impl TryFrom<Unchecked> for RetrySchedule {
    type Error = ScheduleError;

    fn try_from(unchecked: Unchecked) -> Result<Self, ScheduleError> {
        Self::custom(unchecked.delays_ms)
    }
}

impl RetrySchedule {
    /// Cleanmails: 2, 4, 8 s. Source: C30, read as R-C1 says: the first attempt and three retries.
    pub const CLEANMAILS: Self = Self::fixed(&[2 * SECOND_MS, 4 * SECOND_MS, 8 * SECOND_MS]);

    /// Cleanmails read strictly, with three attempts in all: 2, 4 s. Source: C30, the setting of R-C1.
    pub const CLEANMAILS_STRICT: Self = Self::fixed(&[2 * SECOND_MS, 4 * SECOND_MS]);

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

    /// A schedule of one's own, delays in milliseconds. An empty one means a single attempt.
    ///
    /// # Errors
    /// [`ScheduleError::TooManyRetries`] and [`ScheduleError::DelayTooLong`].
    pub fn custom(delays_ms: Vec<u64>) -> Result<Self, ScheduleError> {
        if delays_ms.len() > RETRIES_MAX {
            return Err(ScheduleError::TooManyRetries);
        }
        match (1..)
            .zip(&delays_ms)
            .find(|(_, delay_ms)| **delay_ms > DELAY_MS_MAX)
        {
            Some((retry, _)) => Err(ScheduleError::DelayTooLong { retry }),
            None => Ok(Self {
                delays_ms: Cow::Owned(delays_ms),
            }),
        }
    }

    /// A schedule whose delays grow, with this many retries.
    ///
    /// # Errors
    /// [`ScheduleError::TooManyRetries`], and [`ScheduleError::DelayTooLong`] when one of its delays, which the cap can
    /// prevent, is longer than [`DELAY_MS_MAX`].
    pub fn exponential(backoff: Backoff, retries: u32) -> Result<Self, ScheduleError> {
        match usize::try_from(retries) {
            Ok(..=RETRIES_MAX) => {
                Self::custom((1..=retries).map(|retry| backoff.wait_ms(retry)).collect())
            }
            _ => Err(ScheduleError::TooManyRetries),
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

    /// Every delay in milliseconds, in order.
    pub fn delays_ms(&self) -> &[u64] {
        &self.delays_ms
    }

    /// Attempts that are made when all fail.
    pub fn attempts_max(&self) -> usize {
        self.delays_ms.len().saturating_add(1)
    }
}

impl FromStr for RetrySchedule {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Self, ScheduleError> {
        if text.trim().is_empty() {
            return Self::custom(Vec::new());
        }
        let mut delays_ms = Vec::new();
        // One item more than is allowed is enough to find that there are too many.
        for (retry, item) in (1..)
            .zip(text.split(','))
            .take(RETRIES_MAX.saturating_add(1))
        {
            delays_ms.push(delay_ms(item.trim()).ok_or(ScheduleError::NotADelay { retry })?);
        }
        Self::custom(delays_ms)
    }
}

/// Reads `5min`. A number that is too large for its unit becomes one that is out of bounds.
fn delay_ms(item: &str) -> Option<u64> {
    let digits = item.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = item.split_at_checked(digits)?;
    let (_, unit_ms) = UNITS.iter().find(|(name, _)| *name == unit.trim_start())?;
    match number {
        "" => None,
        // Only digits are left, so that an error means too many of them.
        number => Some(
            number
                .parse::<u64>()
                .map_or(u64::MAX, |number| number.saturating_mul(*unit_ms)),
        ),
    }
}

impl fmt::Display for RetrySchedule {
    /// The text that reads back as this schedule.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut between = "";
        for delay_ms in self.delays_ms.iter() {
            let whole = |(_, unit_ms): &&(&str, u64)| {
                delay_ms >= unit_ms && delay_ms.checked_rem(*unit_ms) == Some(0)
            };
            let (unit, unit_ms) = UNITS.iter().find(whole).copied().unwrap_or(("ms", 1));
            let number = delay_ms.checked_div(unit_ms).unwrap_or(*delay_ms);
            write!(f, "{between}{number}{unit}")?;
            between = ", ";
        }
        Ok(())
    }
}
