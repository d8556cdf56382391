//! Waits that grow.

use serde::{Deserialize, Serialize};

/// Waits that grow by a factor up to a cap: `base`, `base x factor`, `base x factor x factor`, and so on.
///
/// Any values will do: a product that is too large is the cap, and a factor of `0` is taken as `1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backoff {
    /// The first wait, in milliseconds.
    pub base_ms: u64,
    /// By how much each wait is longer than the one before it.
    pub factor: u32,
    /// The longest wait, in milliseconds; also of the first one.
    pub cap_ms: u64,
}

impl Backoff {
    /// The wait of this number, in milliseconds. Waits are counted from 1; `0` is taken as `1`.
    pub const fn wait_ms(&self, number: u32) -> u64 {
        let factor = match self.factor {
            0 => 1,
            factor => factor as u64,
        };
        let grown_ms = self
            .base_ms
            .saturating_mul(factor.saturating_pow(number.saturating_sub(1)));
        if grown_ms > self.cap_ms {
            self.cap_ms
        } else {
            grown_ms
        }
    }
}
