//! Chance in waits, so that deliveries which failed together do not come back together.

use core::fmt;
use serde::{Deserialize, Serialize};

/// Largest share of a wait that can be added or taken away, in percent.
pub const JITTER_PERCENT_MAX: u8 = 100;

/// By how much chance changes a wait, as a share of it.
///
/// Chance is a number that the caller draws; the same number gives the same wait. Every wait of the range is as likely as
/// any other. `Retry-After` stands above it: no jitter makes a wait shorter than the receiver asked for (R-X4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Jitter {
    shorten_percent: u8,
    lengthen_percent: u8,
}

/// As it was read, before the range is checked.
#[derive(Deserialize)]
struct Unchecked {
    shorten_percent: u8,
    lengthen_percent: u8,
}

/// A jitter that is out of range. The fault of whoever sets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum JitterError {
    /// More than [`JITTER_PERCENT_MAX`].
    TooLarge {
        /// The share as given.
        percent: u8,
    },
}

impl JitterError {
    /// The name of the mistake.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "jitter_too_large",
        }
    }
}

impl fmt::Display for JitterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { percent } => write!(
                f,
                "a jitter of {percent} % is too large; give {JITTER_PERCENT_MAX} % at most"
            ),
        }
    }
}

impl core::error::Error for JitterError {}

impl TryFrom<Unchecked> for Jitter {
    type Error = JitterError;

    fn try_from(unchecked: Unchecked) -> Result<Self, JitterError> {
        Self::around(unchecked.shorten_percent, unchecked.lengthen_percent)
    }
}

impl Jitter {
    /// Waits exactly as scheduled. The default, because providers document exact waits (C30, S30, E30).
    pub const NONE: Self = Self {
        shorten_percent: 0,
        lengthen_percent: 0,
    };

    /// Up to a fifth longer, never shorter.
    pub const FIFTH: Self = Self {
        shorten_percent: 0,
        lengthen_percent: 20,
    };

    /// Up to `percent` longer, never shorter.
    ///
    /// # Errors
    /// [`JitterError::TooLarge`] for more than [`JITTER_PERCENT_MAX`].
    pub const fn lengthening(percent: u8) -> Result<Self, JitterError> {
        Self::around(0, percent)
    }

    /// Between `shorten_percent` shorter and `lengthen_percent` longer. Waits may then be shorter than documented.
    ///
    /// # Errors
    /// [`JitterError::TooLarge`] when one of them is more than [`JITTER_PERCENT_MAX`].
    pub const fn around(shorten_percent: u8, lengthen_percent: u8) -> Result<Self, JitterError> {
        let percent = match shorten_percent > lengthen_percent {
            true => shorten_percent,
            false => lengthen_percent,
        };
        match percent > JITTER_PERCENT_MAX {
            true => Err(JitterError::TooLarge { percent }),
            false => Ok(Self {
                shorten_percent,
                lengthen_percent,
            }),
        }
    }

    /// The wait that takes the place of `wait_ms`. `chance` is any number, best one that is drawn evenly from all of `u64`.
    pub fn apply(self, wait_ms: u64, chance: u64) -> u64 {
        let least_ms = wait_ms.saturating_sub(share_ms(wait_ms, self.shorten_percent));
        let most_ms = wait_ms.saturating_add(share_ms(wait_ms, self.lengthen_percent));
        // As far into the range as `chance` is into the numbers; cannot overflow, as both factors fit 65 and 64 bits.
        let range = u128::from(most_ms.saturating_sub(least_ms)).saturating_add(1);
        let drawn_ms = range.saturating_mul(u128::from(chance)) >> u64::BITS;
        least_ms.saturating_add(u64::try_from(drawn_ms).unwrap_or(u64::MAX))
    }
}

fn share_ms(wait_ms: u64, percent: u8) -> u64 {
    let share = u128::from(wait_ms)
        .saturating_mul(u128::from(percent))
        .checked_div(100);
    // At most the wait itself, as a share is at most 100 %.
    share.map_or(0, |share| u64::try_from(share).unwrap_or(wait_ms))
}
