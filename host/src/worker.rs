//! The delivery loop.
//!
//! A delivery gets a place, is sent by a task of its own, and gives the place back once the outcome is on the disk. First
//! attempts usually never wait for the loop: publishing takes the place before it commits and begins the attempt right
//! after. Everything else (retries, backlogs, what a crash left) is claimed from the store when it is due and places are
//! free.

mod attempt;
mod slots;

pub use self::slots::Limits;

use self::slots::{Pick, Slots};
use crate::{
    clock::within,
    context::Context,
    ids::{DeliveryId, EndpointId},
    store::{Lease, StoreError},
};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::Notify;

/// How often all hints are renewed; also the longest sleep, so that a clock that was set is noticed.
const ROUND: Duration = Duration::from_secs(60);
/// A delivery whose attempt could not be made or judged is not taken up again before this time: the cause is a defect, and
/// trying at once would only repeat it.
const PUT_BACK_MS: u64 = 60_000;
/// Pause after the store has failed.
const STORE_FAILED: Duration = Duration::from_secs(1);

/// The loop and its places.
pub struct Worker {
    context: Arc<Context>,
    slots: Mutex<Slots>,
    /// Something happened that the loop may have to act on.
    wake: Notify,
    /// A place was given back during a stop.
    ended: Notify,
    /// Claimed deliveries whose attempt ended without a record.
    lost: Mutex<Vec<(DeliveryId, EndpointId)>>,
}

/// A place for one attempt. Given back when dropped.
pub struct Slot {
    worker: Arc<Worker>,
    endpoint: EndpointId,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.worker.release(&self.endpoint, 1);
    }
}

impl Worker {
    /// A worker that does nothing yet.
    pub fn new(context: Arc<Context>, limits: Limits) -> Arc<Self> {
        Arc::new(Self {
            context,
            slots: Mutex::new(Slots::new(limits)),
            wake: Notify::new(),
            ended: Notify::new(),
            lost: Mutex::default(),
        })
    }

    /// Runs until [`stop`](Self::stop). The store must have been recovered before.
    pub async fn run(self: Arc<Self>) {
        let mut round_at_ms = 0;
        loop {
            let now_ms = self.context.clock.now_ms();
            self.put_back_lost(now_ms).await;
            if now_ms >= round_at_ms {
                self.round().await;
                round_at_ms = now_ms.saturating_add(duration_ms(ROUND));
            }
            let pick = self.slots().pick(now_ms);
            match pick {
                Pick::Stop => return,
                Pick::Claim(claims) => self.claim(claims, now_ms).await,
                Pick::Wait(until_ms) => {
                    let until_ms = until_ms.unwrap_or(u64::MAX).min(round_at_ms);
                    let wait = Duration::from_millis(until_ms.saturating_sub(now_ms)).min(ROUND);
                    within(&*self.context.clock, wait, self.wake.notified()).await;
                }
            }
        }
    }

    /// Begins no further attempt and waits for those under way, `limit` at most. Returns how many are still under way; they
    /// count as interrupted by a crash.
    pub async fn stop(&self, limit: Duration) -> u32 {
        self.slots().stop();
        self.wake.notify_one();
        let ended = async {
            loop {
                let notified = self.ended.notified();
                if self.in_flight() == 0 {
                    return;
                }
                notified.await;
            }
        };
        within(&*self.context.clock, limit, ended).await;
        self.in_flight()
    }

    /// Attempts under way, and places taken for some that are about to begin.
    pub fn in_flight(&self) -> u32 {
        self.slots().in_flight()
    }

    /// A place for the first attempt of a delivery that is about to be stored, if there is one and nobody waits for it.
    pub fn reserve(self: &Arc<Self>, endpoint: &EndpointId) -> Option<Slot> {
        let now_ms = self.context.clock.now_ms();
        self.slots().reserve(endpoint, now_ms).then(|| Slot {
            worker: Arc::clone(self),
            endpoint: endpoint.clone(),
        })
    }

    /// Tells that a delivery of the endpoint is due at this moment.
    pub fn due(&self, endpoint: &EndpointId, at_ms: u64) {
        self.slots().lower(endpoint, at_ms);
        self.wake.notify_one();
    }

    /// Begins an attempt for a delivery that the store has as `Sending`.
    pub fn begin(self: &Arc<Self>, slot: Slot, lease: Lease) {
        let worker = Arc::clone(self);
        tokio::spawn(async move {
            let mut claimed = Claimed {
                worker: &worker,
                lease: &lease,
                recorded: false,
            };
            match attempt::make(&worker.context, &lease).await {
                Ok(due) => {
                    claimed.recorded = true;
                    for (endpoint, at_ms) in due {
                        worker.due(&endpoint, at_ms);
                    }
                }
                Err(attempt::NoAttempt::EndpointDeleted) => {}
                Err(error) => {
                    tracing::error!(delivery = %lease.delivery_id, %error, "no attempt could be made or judged");
                }
            }
            drop(claimed);
            drop(slot);
        });
    }

    async fn claim(self: &Arc<Self>, claims: Vec<(EndpointId, u32)>, now_ms: u64) {
        let claimed = match self.context.store.claim(claims.clone(), now_ms).await {
            Ok(claimed) => claimed,
            Err(error) => {
                for (endpoint, places) in &claims {
                    self.release(endpoint, *places);
                    self.slots().lower(endpoint, now_ms);
                }
                self.store_failed(&error).await;
                return;
            }
        };
        for ((endpoint, places), claimed) in claims.into_iter().zip(claimed) {
            let used = u32::try_from(claimed.leases.len()).unwrap_or(u32::MAX);
            self.release(&endpoint, places.saturating_sub(used));
            if let Some(at_ms) = claimed.next_due_at_ms {
                self.slots().lower(&endpoint, at_ms);
            }
            for lease in claimed.leases {
                let slot = Slot {
                    worker: Arc::clone(self),
                    endpoint: endpoint.clone(),
                };
                self.begin(slot, lease);
            }
        }
    }

    async fn put_back_lost(&self, now_ms: u64) {
        let lost = std::mem::take(&mut *self.lost.lock().unwrap_or_else(PoisonError::into_inner));
        if lost.is_empty() {
            return;
        }
        let not_before_ms = now_ms.saturating_add(PUT_BACK_MS);
        let deliveries = lost.iter().map(|(delivery, _)| delivery.clone()).collect();
        let put_back = self.context.store.put_back(deliveries, not_before_ms);
        match put_back.await {
            Ok(()) => {
                for (_, endpoint) in &lost {
                    self.slots().lower(endpoint, not_before_ms);
                }
            }
            Err(error) => {
                self.lost
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .extend(lost);
                self.store_failed(&error).await;
            }
        }
    }

    /// Renews the hints.
    async fn round(&self) {
        match self.context.store.due().await {
            Ok(due) => {
                let mut slots = self.slots();
                for (endpoint, at_ms) in due {
                    slots.lower(&endpoint, at_ms);
                }
            }
            Err(error) => self.store_failed(&error).await,
        }
    }

    async fn store_failed(&self, error: &StoreError) {
        // The store has told of it in the log.
        tracing::debug!(%error, "the delivery loop waits for the store");
        self.context.clock.sleep(STORE_FAILED).await;
    }

    fn release(&self, endpoint: &EndpointId, places: u32) {
        if self.slots().release(endpoint, places) {
            self.wake.notify_one();
            self.ended.notify_waiters();
        }
    }

    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A claimed delivery. If its task ends without a record, even by a panic, the loop puts it back.
struct Claimed<'a> {
    worker: &'a Worker,
    lease: &'a Lease,
    recorded: bool,
}

impl Drop for Claimed<'_> {
    fn drop(&mut self) {
        if !self.recorded {
            let lost = (
                self.lease.delivery_id.clone(),
                self.lease.endpoint_id.clone(),
            );
            self.worker
                .lost
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(lost);
            self.worker.wake.notify_one();
        }
    }
}

fn duration_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
