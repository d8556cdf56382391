//! What the owner of an endpoint is told about it, unasked.

use super::{DeadLetterReason, EndedAttempt, EndpointHealth, Next, Pause, PauseReason};
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// Steps on the way to a pause by rule at which its owner is warned, in percent.
const WARNINGS_PERCENT: [u8; 3] = [50, 70, 90];
/// What an owner who knows of a pause has been told.
const PAUSED_PERCENT: u8 = 100;

/// Something that the owner of an endpoint is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// Failures have come this far on the way to a pause by rule: 50, 70 or 90 percent. Each step is told once.
    Warning {
        /// The step.
        percent: u8,
    },
    /// The endpoint is paused by rule.
    Paused(PauseReason),
    /// An attempt succeeded, the first after a warning or a pause, and the endpoint is active.
    Recovered,
    /// A delivery is a dead letter now.
    Exhausted(DeadLetterReason),
}

/// What is told after an attempt, and the health with what has been told.
///
/// `before` is the health before the attempt and `after` the one that follows from it; `active`: the endpoint is active
/// afterwards; `percent`: how far it is on the way to a pause.
pub(super) fn notices(
    attempt: &EndedAttempt,
    before: &EndpointHealth,
    after: EndpointHealth,
    next: Next,
    pause: Option<&Pause>,
    active: bool,
    percent: u8,
) -> (Vec<Notice>, EndpointHealth) {
    let mut notices = Vec::new();
    let mut health = EndpointHealth {
        unwell: before.unwell,
        warned_percent: before.warned_percent,
        ..after
    };
    if let Next::DeadLettered(reason) = next {
        notices.push(Notice::Exhausted(reason));
    }
    match pause {
        // A failed probe pauses again; its owner knows already. That the receiver wants no more is news.
        Some(pause)
            if before.warned_percent < PAUSED_PERCENT || pause.reason == PauseReason::Gone =>
        {
            notices.push(Notice::Paused(pause.reason));
            health.warned_percent = PAUSED_PERCENT;
            health.unwell = true;
        }
        Some(_) => {}
        None if next == Next::Delivered => {
            health.warned_percent = 0;
            if active && before.unwell {
                notices.push(Notice::Recovered);
                health.unwell = false;
            }
        }
        None if active && !attempt.probe => {
            let step = WARNINGS_PERCENT.into_iter().rfind(|step| *step <= percent);
            if let Some(step) = step.filter(|step| *step > before.warned_percent) {
                notices.push(Notice::Warning { percent: step });
                health.warned_percent = step;
                health.unwell = true;
            }
        }
        None => {}
    }
    (notices, health)
}
