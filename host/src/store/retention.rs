//! What is forgotten, and how much is kept: values.

use super::record::words;

/// What is forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Prunable {
    /// Bodies of messages whose deliveries have all ended. The messages stay listed and cannot be sent again.
    Bodies,
    /// Attempts of deliveries that have ended.
    Attempts,
    /// Messages whose deliveries have all ended, with everything that belongs to them.
    Messages,
    /// Replays that have ended.
    Replays,
    /// Idempotency keys.
    Keys,
    /// Requests of other senders, with their events.
    Inbound,
    /// What recognises their repeats.
    InboundKeys,
}

words!(Prunable:
    Prunable::Bodies = "bodies", Prunable::Attempts = "attempts", Prunable::Messages = "messages",
    Prunable::Replays = "replays", Prunable::Keys = "idempotency_keys",
    Prunable::Inbound = "inbound", Prunable::InboundKeys = "inbound_keys");

/// One step of forgetting, small enough not to hold up other writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prune {
    pub what: Prunable,
    /// Where the step before ended; `None` at the beginning.
    pub after: Option<String>,
    /// What was made, and ended, before this moment.
    pub before_ms: u64,
    /// Dead letters that nobody has taken note of count as ended when they died before this moment; `None`: never.
    pub dead_before_ms: Option<u64>,
    /// Rows to look at, at most.
    pub rows_max: u32,
}

/// What a step has forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pruned {
    pub removed: u64,
    /// Where the next step begins; `None` when there is nothing more that is old enough.
    pub next: Option<String>,
}

/// How much room the data takes, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// What is in use. Space that was freed is used again and does not count.
    pub used_bytes: u64,
    /// What the disk holds of it.
    pub file_bytes: u64,
}
