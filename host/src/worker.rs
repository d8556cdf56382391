//! The delivery loop.
//!
//! A delivery gets a place, is sent by a task of its own, and gives the place back once the outcome is on the disk. First
//! attempts usually never wait for the loop: publishing takes the place before it commits and begins the attempt right
//! after. Everything else (retries, backlogs, what a crash left) is claimed from the store when it is due and places are
//! free.

mod attempt;
mod probes;
mod slots;
mod steps;

pub use self::slots::Limits;

use self::{
    probes::Probes,
    slots::{Pace, Pick, Slots},
};
use crate::{
    clock::within,
    context::Context,
    endpoints::wipe_expired,
    ids::{DeliveryId, EndpointId},
    store::{Claim, Fence, Lease, StoreError},
};
use countersign_guest::EndpointSettings;
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::Notify;

/// How often all hints are renewed; also the longest sleep, so that a clock that was set is noticed.
const ROUND: Duration = Duration::from_secs(60);
/// A delivery whose attempt could not be made or judged is not taken up again before this time: the cause is a defect, and
/// trying at once would only repeat it.
const PUT_BACK: Duration = Duration::from_secs(60);
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
    lost: Mutex<Vec<Lost>>,
    probes: Mutex<Probes>,
    /// Endpoints whose deliveries follow their state, by a task for each, and whether they changed since it began.
    following: Mutex<HashMap<EndpointId, bool>>,
}

/// A claimed delivery whose attempt ended without a record.
struct Lost {
    delivery: DeliveryId,
    endpoint: EndpointId,
    probe: bool,
    fence: Fence,
    /// Not to be taken up again before.
    wait: Duration,
}

/// A place for one attempt. Given back when dropped.
pub struct Slot {
    worker: Arc<Worker>,
    endpoint: EndpointId,
    body_bytes: u64,
    /// A request is under way on it.
    under_way: bool,
    /// Somebody else gives it back.
    left: bool,
}

impl Slot {
    fn new(worker: &Arc<Worker>, endpoint: &EndpointId) -> Self {
        Self {
            worker: Arc::clone(worker),
            endpoint: endpoint.clone(),
            body_bytes: 0,
            under_way: false,
            left: false,
        }
    }

    /// The place of a delivery whose request begins.
    fn of(worker: &Arc<Worker>, lease: &Lease) -> Self {
        let mut slot = Self::new(worker, &lease.endpoint_id);
        slot.body_bytes = lease.body.len() as u64;
        slot.under_way = true;
        slot
    }

    /// The request has ended: the next one to this endpoint may begin, although the outcome is not recorded yet.
    fn answered(&mut self, pace: Pace) {
        if !std::mem::replace(&mut self.under_way, false) {
            return;
        }
        let now_ms = self.worker.context.clock.now_ms();
        let mut slots = self.worker.slots();
        slots.answered(&self.endpoint, pace, now_ms);
        let next: Vec<_> = std::iter::from_fn(|| slots.next(&self.endpoint)).collect();
        drop(slots);
        for lease in next {
            self.worker.attempt(lease);
        }
    }

    /// The place stays taken: a delivery that waits for its request has it.
    fn leave(mut self) {
        self.left = true;
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if self.left {
            return;
        }
        self.answered(Pace::NotMade);
        let more = self
            .worker
            .slots()
            .release(&self.endpoint, 1, self.body_bytes);
        self.worker.woken_by_release(more);
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
            probes: Mutex::default(),
            following: Mutex::default(),
        })
    }

    /// Other limits from now on.
    pub fn limit(&self, limits: Limits) {
        self.slots().limit(limits);
        self.wake.notify_one();
    }

    /// Runs until [`stop`](Self::stop). The store must have been recovered before.
    pub async fn run(self: Arc<Self>) {
        let mut round_at_ms = 0;
        for endpoint in self.context.registry.all() {
            self.configure(&endpoint.id, &endpoint.settings);
            if let Some(at_ms) = endpoint.probe_at_ms {
                self.probes().arm(&endpoint.id, at_ms);
            }
        }
        loop {
            let now_ms = self.context.clock.now_ms();
            self.put_back_lost(now_ms).await;
            self.probe(now_ms).await;
            if now_ms >= round_at_ms {
                self.round(now_ms).await;
                round_at_ms = now_ms.saturating_add(duration_ms(ROUND));
            }
            let pick = self.slots().pick(now_ms);
            match pick {
                Pick::Stop => return,
                Pick::Claim(claims, body_bytes_max) => {
                    self.claim(claims, body_bytes_max, now_ms).await;
                }
                Pick::Wait(until_ms) => {
                    let probe_ms = self.probes().next_ms();
                    let until_ms = [until_ms, probe_ms, Some(round_at_ms)]
                        .into_iter()
                        .flatten()
                        .fold(u64::MAX, u64::min);
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
        // What waits in memory goes back, so that it need not be recovered.
        self.put_back_lost(self.context.clock.now_ms()).await;
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
        if !self.context.store.owns(endpoint) {
            return None;
        }
        let now_ms = self.context.clock.now_ms();
        let reserved = self.slots().reserve(endpoint, now_ms);
        reserved.then(|| Slot::new(self, endpoint))
    }

    /// Takes over the settings of an endpoint that is new or changed.
    pub fn configure(&self, endpoint: &EndpointId, settings: &EndpointSettings) {
        self.slots().configure(endpoint, settings);
    }

    /// Tells that a delivery of the endpoint is due at this moment. If another host works it, the store tells that one.
    pub fn due(&self, endpoint: &EndpointId, at_ms: u64) {
        if !self.context.store.owns(endpoint) {
            return;
        }
        self.slots().lower(endpoint, at_ms);
        self.wake.notify_one();
    }

    /// Takes over a delivery that the store has as `Sending`: its request is made now, or when one of its endpoint's has ended.
    pub fn begin(self: &Arc<Self>, slot: Slot, lease: Lease) {
        // What the place stands for is given back with the delivery.
        slot.leave();
        let mut slots = self.slots();
        slots.hold(lease.body.len() as u64);
        let starts = slots.start(lease);
        drop(slots);
        if let Some(lease) = starts {
            self.attempt(lease);
        }
    }

    /// Makes an attempt.
    fn attempt(self: &Arc<Self>, lease: Lease) {
        let mut slot = Slot::of(self, &lease);
        let worker = Arc::clone(self);
        tokio::spawn(async move {
            let mut claimed = Claimed {
                worker: &worker,
                lease: &lease,
                lost: Some(PUT_BACK),
            };
            let made = attempt::make(&worker.context, &lease, |pace| slot.answered(pace)).await;
            match made {
                Ok(settled) => {
                    claimed.lost = None;
                    worker.after(&lease, &settled);
                }
                Err(
                    attempt::NoAttempt::EndpointDeleted
                    | attempt::NoAttempt::NotActive
                    | attempt::NoAttempt::NoLease,
                ) => {
                    claimed.lost = Some(Duration::ZERO);
                }
                Err(attempt::NoAttempt::TooLate) => claimed.lost = None,
                Err(error) => {
                    tracing::error!(delivery = %lease.delivery_id, %error, "no attempt could be made or judged");
                }
            }
            drop(claimed);
            drop(slot);
        });
    }

    /// Puts back what was taken up ahead and is not to be sent.
    fn put_back_strays(&self) {
        let strays = self.slots().strays();
        if strays.is_empty() {
            return;
        }
        let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        for lease in strays {
            lost.push(Lost {
                delivery: lease.delivery_id,
                endpoint: lease.endpoint_id.clone(),
                probe: lease.probe,
                fence: lease.fence,
                wait: Duration::ZERO,
            });
            let bytes = lease.body.len() as u64;
            self.slots().release(&lease.endpoint_id, 1, bytes);
        }
    }

    async fn claim(self: &Arc<Self>, claims: Vec<Claim>, body_bytes_max: u64, now_ms: u64) {
        let claiming = self
            .context
            .store
            .claim(claims.clone(), body_bytes_max, now_ms);
        let claimed = match claiming.await {
            Ok(claimed) => claimed,
            Err(error) => {
                for claim in &claims {
                    let (endpoint, places) = (&claim.endpoint_id, claim.places);
                    let mut slots = self.slots();
                    slots.release(endpoint, places, 0);
                    slots.lower(endpoint, now_ms);
                }
                self.store_failed(&error).await;
                return;
            }
        };
        for (claim, claimed) in claims.into_iter().zip(claimed) {
            self.slots().claimed(&claim, &claimed, now_ms);
            for lease in claimed.leases {
                self.begin(Slot::new(self, &claim.endpoint_id), lease);
            }
        }
    }

    async fn put_back_lost(&self, now_ms: u64) {
        self.put_back_strays();
        let lost = std::mem::take(&mut *self.lost.lock().unwrap_or_else(PoisonError::into_inner));
        let (soon, later): (Vec<_>, Vec<_>) =
            lost.into_iter().partition(|lost| lost.wait.is_zero());
        for (lost, wait) in [(soon, Duration::ZERO), (later, PUT_BACK)] {
            let not_before_ms = now_ms.saturating_add(duration_ms(wait));
            let mut by_fence: BTreeMap<Fence, Vec<Lost>> = BTreeMap::new();
            for lost in lost {
                by_fence.entry(lost.fence).or_default().push(lost);
            }
            for (fence, lost) in by_fence {
                self.put_back(lost, fence, not_before_ms).await;
            }
        }
    }

    async fn put_back(&self, lost: Vec<Lost>, fence: Fence, not_before_ms: u64) {
        let deliveries = lost.iter().map(|lost| lost.delivery.clone()).collect();
        let putting_back = self
            .context
            .store
            .put_back(deliveries, fence, not_before_ms);
        match putting_back.await {
            Ok(()) => {
                for lost in &lost {
                    match lost.probe {
                        true => self.probe_lost(&lost.endpoint, not_before_ms),
                        false => self.slots().lower(&lost.endpoint, not_before_ms),
                    }
                }
            }
            // Others have them.
            Err(StoreError::LeaseLost) => {}
            Err(error) => {
                self.lost
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .extend(lost);
                self.store_failed(&error).await;
            }
        }
    }

    /// Renews the hints and wipes expired secrets.
    async fn round(self: &Arc<Self>, now_ms: u64) {
        match self.context.store.due().await {
            Ok(due) => {
                let mut slots = self.slots();
                for (endpoint, at_ms) in due {
                    slots.lower(&endpoint, at_ms);
                }
            }
            Err(error) => self.store_failed(&error).await,
        }
        if self.context.registry.version().is_some() {
            // Other hosts publish, too, and do not tell of what is held.
            self.probes().want_again(now_ms);
        }
        wipe_expired(&self.context, now_ms).await;
        match self.context.store.backlogs().await {
            Ok(backlogs) => {
                for endpoint in backlogs.unsettled {
                    self.follow(&endpoint);
                }
                for endpoint in backlogs.draining {
                    self.slots().drain(&endpoint, now_ms, false);
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

    fn woken_by_release(&self, more: bool) {
        if more {
            self.wake.notify_one();
            self.ended.notify_waiters();
        }
    }

    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn probes(&self) -> MutexGuard<'_, Probes> {
        self.probes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A claimed delivery. If its task ends without a record, even by a panic, the loop puts it back.
struct Claimed<'a> {
    worker: &'a Worker,
    lease: &'a Lease,
    /// How long it rests then; `None`: it is recorded.
    lost: Option<Duration>,
}

impl Drop for Claimed<'_> {
    fn drop(&mut self) {
        if let Some(wait) = self.lost {
            let lost = Lost {
                delivery: self.lease.delivery_id.clone(),
                endpoint: self.lease.endpoint_id.clone(),
                probe: self.lease.probe,
                fence: self.lease.fence,
                wait,
            };
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
