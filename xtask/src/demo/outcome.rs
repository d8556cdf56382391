//! What came of each delivery, and the table of it.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use comfy_table::{Cell, CellAlignment, Color};
use serde_json::Value;

use crate::table;

/// One delivery, as host and receiver saw it.
pub(super) struct Delivery {
    pub(super) event_type: String,
    pub(super) provider: String,
    pub(super) receiver: &'static str,
    pub(super) should_arrive: bool,
    pub(super) attempts_expected: usize,
    pub(super) attempts: usize,
    pub(super) outcome: Outcome,
    /// Whether the receiver's check passed, for each request that it saw.
    pub(super) verified: bool,
    /// From before it was published until the last request arrived.
    pub(super) milliseconds: Option<u64>,
}

/// How a delivery ended, as the host says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    UnderWay,
    Delivered,
    DeadLettered,
}

impl Outcome {
    pub(super) fn read(status: &Value) -> Self {
        match status.as_str() {
            Some("delivered") => Self::Delivered,
            Some("dead_lettered") => Self::DeadLettered,
            _ => Self::UnderWay,
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::UnderWay => "under way",
            Self::Delivered => "delivered",
            Self::DeadLettered => "dead letter",
        }
    }
}

impl Delivery {
    /// Verified by its receiver, and delivered or dead as the receiver's manner says, after as many attempts.
    pub(super) fn is_as_expected(&self) -> bool {
        let outcome = match self.should_arrive {
            true => Outcome::Delivered,
            false => Outcome::DeadLettered,
        };
        self.verified && self.outcome == outcome && self.attempts == self.attempts_expected
    }
}

pub(super) fn table(deliveries: &[Delivery]) -> comfy_table::Table {
    let header = [
        "event", "provider", "receiver", "attempts", "verified", "ms", "outcome",
    ];
    let mut table = table::plain(&header, 3..=3);
    for delivery in deliveries {
        let color = match delivery.is_as_expected() {
            true => Color::Green,
            false => Color::Red,
        };
        let number = |text: String| Cell::new(text).set_alignment(CellAlignment::Right);
        table.add_row([
            Cell::new(&delivery.event_type),
            Cell::new(&delivery.provider),
            Cell::new(delivery.receiver),
            number(delivery.attempts.to_string()),
            Cell::new(if delivery.verified { "yes" } else { "no" }).fg(color),
            number(
                delivery
                    .milliseconds
                    .map_or("-".to_owned(), |ms| ms.to_string()),
            ),
            Cell::new(delivery.outcome.words()).fg(color),
        ]);
    }
    table
}

/// Now, as the receivers count it.
pub(super) fn unix_ms() -> Result<u64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(u64::try_from(since.as_millis())?)
}
