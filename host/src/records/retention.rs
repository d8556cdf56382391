//! Retention: what has ended is forgotten by age, and earlier when the data takes too much room.
//!
//! Small steps with pauses between them, so that deliveries do not wait for it. What is pending, being sent or held stays, and
//! so do dead letters that nobody has taken note of, unless an age is set for them.

use crate::{
    clock::{Clock, within},
    store::{Chore, KEYS_KEPT, Prunable, Prune, Store, StoreError},
};
use std::{sync::Arc, time::Duration};
use tokio::sync::watch;

/// Between two rounds.
const ROUND: Duration = Duration::from_secs(600);
/// Rows that a step looks at: a few milliseconds of the writer's time.
const STEP_ROWS: u32 = 100;
/// Between two steps, for those who wait for the writer. So some 2,000 messages a second can be forgotten.
const PAUSE: Duration = Duration::from_millis(50);
/// How far below the greatest size is made room, in percent of it, so that the next message does not exceed it again.
const LOW_PERCENT: u64 = 90;

/// For how long what has ended is kept; `None`: for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// At least a day: an idempotency key refers to its message for so long.
    pub messages: Option<Duration>,
    pub attempts: Option<Duration>,
    pub bodies: Option<Duration>,
    /// Dead letters that nobody has taken note of.
    pub dead_letters: Option<Duration>,
    /// What other senders posted.
    pub inbound: Option<Duration>,
    /// In bytes. When more is in use, the oldest of what has ended goes before its time.
    pub size_max: Option<u64>,
}

/// Forgets.
pub struct Retention {
    pub store: Arc<dyn Store>,
    pub clock: Arc<dyn Clock>,
    /// Those in force. Others end a round at its next step, and begin one.
    pub settings: watch::Receiver<Settings>,
}

impl Retention {
    /// Runs until it is aborted, which may happen at any time: a step is kept as a whole or not at all.
    pub async fn run(mut self) {
        loop {
            self.settings.mark_unchanged();
            if let Err(error) = self.round().await {
                tracing::debug!(%error, "retention waits for the next round");
            }
            let changed = within(&*self.clock, ROUND, self.settings.changed()).await;
            // Nobody is left who could change them.
            if let Some(Err(_)) = changed {
                self.clock.sleep(ROUND).await;
            }
        }
    }

    /// Forgets what is too old, and what is too much.
    ///
    /// # Errors
    /// [`StoreError`]; what was forgotten before it stays forgotten.
    pub async fn round(&self) -> Result<(), StoreError> {
        // Another host does it.
        if !self.store.take_chore(Chore::Retention).await? {
            return Ok(());
        }
        let settings = *self.settings.borrow();
        for (what, kept) in [
            (Prunable::Keys, Some(KEYS_KEPT)),
            // They say themselves until when they count.
            (Prunable::InboundKeys, Some(Duration::ZERO)),
            (Prunable::Messages, settings.messages),
            (Prunable::Bodies, settings.bodies),
            (Prunable::Attempts, settings.attempts),
            (Prunable::Replays, settings.messages),
            (Prunable::Inbound, settings.inbound),
        ] {
            if let Some(kept) = kept {
                self.forget(&settings, what, kept, None).await?;
            }
        }
        self.shrink(&settings).await
    }

    /// Makes room when there is too much.
    async fn shrink(&self, settings: &Settings) -> Result<(), StoreError> {
        let Some(size_max) = settings.size_max else {
            return Ok(());
        };
        let used_bytes = self.store.size().await?.used_bytes;
        if used_bytes <= size_max {
            return Ok(());
        }
        tracing::warn!(
            used_bytes,
            size_max,
            "the data takes more room than retention.max_size; the oldest of what has ended is forgotten early"
        );
        let low = (size_max / 100).saturating_mul(LOW_PERCENT);
        for (what, kept) in [
            (Prunable::Inbound, Duration::ZERO),
            (Prunable::Messages, KEYS_KEPT),
            (Prunable::Bodies, Duration::ZERO),
            (Prunable::Attempts, Duration::ZERO),
        ] {
            if self.store.size().await?.used_bytes > low {
                self.forget(settings, what, kept, Some(low)).await?;
            }
        }
        let used_bytes = self.store.size().await?.used_bytes;
        if used_bytes > size_max {
            tracing::warn!(
                used_bytes,
                size_max,
                "the data still takes more room than retention.max_size: it is open, held, or dead letters that nobody acknowledged"
            );
        }
        Ok(())
    }

    /// Forgets what ended so long ago, from the oldest on; until the size is `low`, when that is given, and as long as the
    /// settings are these.
    async fn forget(
        &self,
        settings: &Settings,
        what: Prunable,
        kept: Duration,
        low: Option<u64>,
    ) -> Result<(), StoreError> {
        let now_ms = self.clock.now_ms();
        let before = |kept: Duration| {
            now_ms.saturating_sub(u64::try_from(kept.as_millis()).unwrap_or(u64::MAX))
        };
        let mut step = Prune {
            what,
            after: None,
            before_ms: before(kept),
            dead_before_ms: settings.dead_letters.map(before),
            rows_max: STEP_ROWS,
        };
        let mut removed: u64 = 0;
        while *self.settings.borrow() == *settings {
            let pruned = self.store.prune(step.clone()).await?;
            removed = removed.saturating_add(pruned.removed);
            step.after = pruned.next;
            if step.after.is_none() {
                break;
            }
            if let Some(low) = low
                && self.store.size().await?.used_bytes <= low
            {
                break;
            }
            self.clock.sleep(PAUSE).await;
        }
        if removed > 0 {
            tracing::info!(?what, removed, "forgot what is old");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
