//! What is remembered of an endpoint's past, and when it is taken out of service.

use serde::{Deserialize, Serialize};

/// What is remembered of an endpoint's past. The caller keeps it and hands it back.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EndpointHealth {
    /// Deliveries that used up their retries since the last success.
    pub exhausted_in_a_row: u32,
    /// When an attempt last succeeded, unix milliseconds.
    pub last_success_at_ms: Option<u64>,
}

/// When a failing endpoint is taken out of service. Checked when a delivery has used up its retries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AutoPause {
    /// Never (E33, R-P11).
    Never,
    /// After this many such deliveries in a row (C31, R-C2).
    ConsecutiveDeliveries(u32),
    /// When nothing succeeded since the delivery's first attempt (S31, R-S5).
    NoSuccessSinceDeliveryBegan,
}

impl EndpointHealth {
    /// After a success, which ends every run of failures (C32).
    pub(super) fn after_success(&self, at_ms: u64) -> Self {
        Self {
            exhausted_in_a_row: 0,
            last_success_at_ms: Some(self.last_success_at_ms.unwrap_or(0).max(at_ms)),
        }
    }

    /// After a delivery has been given up.
    pub(super) fn after_exhaustion(&self) -> Self {
        Self {
            exhausted_in_a_row: self.exhausted_in_a_row.saturating_add(1),
            ..self.clone()
        }
    }

    /// When the owner sets the endpoint active: the counter starts anew (C20, R-C4, R-S11).
    pub fn after_reactivation(&self) -> Self {
        Self {
            exhausted_in_a_row: 0,
            ..self.clone()
        }
    }
}

impl AutoPause {
    pub(super) fn applies(self, health: &EndpointHealth, first_started_at_ms: u64) -> bool {
        match self {
            Self::Never => false,
            Self::ConsecutiveDeliveries(limit) => health.exhausted_in_a_row >= limit,
            Self::NoSuccessSinceDeliveryBegan => health
                .last_success_at_ms
                .is_none_or(|at_ms| at_ms < first_started_at_ms),
        }
    }
}
