//! What has happened to deliveries, told once it is committed; for whoever checks a run from its logs.

/// Where it is told, at level `trace`.
pub(in super::super) use crate::HISTORY as TARGET;
use crate::ids::DeliveryId;
use std::sync::{Mutex, PoisonError};

/// What is told when the transaction has been committed.
#[derive(Debug, Default)]
pub(super) struct History(Mutex<Vec<Happened>>);

#[derive(Debug)]
struct Happened {
    event: &'static str,
    delivery: DeliveryId,
    attempt: u32,
    state: &'static str,
}

impl History {
    /// Notes it, if anybody wants to hear it.
    pub(super) fn note(
        &self,
        event: &'static str,
        delivery: &DeliveryId,
        attempt: u32,
        state: &'static str,
    ) {
        if !tracing::enabled!(target: TARGET, tracing::Level::TRACE) {
            return;
        }
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(Happened {
            event,
            delivery: delivery.clone(),
            attempt,
            state,
        });
    }

    /// Forgets what was undone.
    pub(super) fn forget(&self) {
        self.take();
    }

    fn take(&self) -> Vec<Happened> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Tells it.
    pub(super) fn tell(&self, generation: i64, db_ms: u64) {
        for happened in self.take() {
            tracing::trace!(
                target: TARGET,
                event = happened.event,
                generation,
                delivery = %happened.delivery,
                attempt = happened.attempt,
                state = happened.state,
                db_ms,
            );
        }
    }
}
