//! What this host is, as its own memory has it.

use crate::{
    ids::EndpointId,
    store::{Hint, Hints},
};
use std::{
    collections::HashSet,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};
use tokio::sync::{
    Mutex as AsyncMutex, Notify,
    mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};

/// What this host is.
pub(in super::super) struct Standing {
    lease: Duration,
    generation: AtomicI64,
    /// Until when, of the monotonic clock, in milliseconds; 0: not at all.
    until_ms: AtomicI64,
    /// Since when it has been renewed without a failure or a gap, likewise; `i64::MAX` while it is not.
    steady_ms: AtomicI64,
    /// Endpoints that it works.
    owned: RwLock<HashSet<EndpointId>>,
    /// Endpoints that it is about to work, as soon as that has been acted upon.
    coming: RwLock<HashSet<EndpointId>>,
    /// Those of them that it is about to give up: nothing is begun for them.
    leaving: RwLock<HashSet<EndpointId>>,
    hints: UnboundedSender<Told>,
    /// Nobody has asked for them yet.
    untaken: Mutex<Option<UnboundedReceiver<Told>>>,
    taken: AtomicBool,
    /// Something due has been told of and is not acted upon yet.
    due_told: Arc<AtomicBool>,
    closed: AtomicBool,
    /// One loss at a time.
    losing: AsyncMutex<()>,
}

fn ms(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

/// A hint on its way.
struct Told {
    hint: Hint,
    /// It has been acted upon.
    done: Option<Arc<Notify>>,
}

impl Standing {
    pub(in super::super) fn new(lease: Duration) -> Self {
        let (hints, untaken) = unbounded_channel();
        Self {
            lease,
            generation: AtomicI64::new(0),
            until_ms: AtomicI64::new(0),
            steady_ms: AtomicI64::new(0),
            owned: RwLock::default(),
            coming: RwLock::default(),
            leaving: RwLock::default(),
            hints,
            untaken: Mutex::new(Some(untaken)),
            taken: AtomicBool::new(false),
            due_told: Arc::default(),
            closed: AtomicBool::new(false),
            losing: AsyncMutex::new(()),
        }
    }

    pub(in super::super) const fn lease(&self) -> Duration {
        self.lease
    }

    pub(super) fn lease_ms(&self) -> f64 {
        self.lease.as_secs_f64() * 1_000.0
    }

    /// The number of this host.
    pub(in super::super) fn generation(&self) -> i64 {
        self.generation.load(Ordering::Acquire)
    }

    pub(super) fn registered(&self, generation: i64, asked: Duration) {
        self.generation.store(generation, Ordering::Release);
        self.renewed(asked);
    }

    /// The lease holds from the moment at which its renewal was asked for: by the database's clock it is later.
    pub(super) fn renewed(&self, asked: Duration) {
        let unsteady = self.steady_ms.load(Ordering::Acquire) == i64::MAX;
        if unsteady || !self.holds_at(asked) {
            self.steady_ms.store(ms(asked), Ordering::Release);
        }
        let until = asked.saturating_add(self.lease);
        self.until_ms.store(ms(until), Ordering::Release);
    }

    /// A renewal has failed.
    pub(super) fn unsteady(&self) {
        self.steady_ms.store(i64::MAX, Ordering::Release);
    }

    /// Whether it has been renewed for so long that the others, if they are there, have renewed theirs.
    pub(super) fn is_steady_at(&self, now: Duration) -> bool {
        let since_ms = self.steady_ms.load(Ordering::Acquire);
        self.holds_at(now) && ms(now).saturating_sub(since_ms) >= ms(self.lease / 2)
    }

    pub(super) fn holds_at(&self, now: Duration) -> bool {
        ms(now) < self.until_ms.load(Ordering::Acquire)
    }

    /// The lease is lost. Returns once that has been acted upon.
    pub(super) async fn lost(&self) {
        let _one = self.losing.lock().await;
        self.until_ms.store(0, Ordering::Release);
        for set in [&self.owned, &self.coming, &self.leaving] {
            self.write(set).clear();
        }
        if self.taken.load(Ordering::Acquire) {
            let done = Arc::new(Notify::new());
            let told = Told {
                hint: Hint::Lost,
                done: Some(Arc::clone(&done)),
            };
            if self.hints.send(told).is_ok() {
                done.notified().await;
            }
        }
        // What was owned after all between the two.
        self.write(&self.owned).clear();
    }

    pub(super) fn owns(&self, endpoint: &EndpointId) -> bool {
        let owned = self.owned.read().unwrap_or_else(PoisonError::into_inner);
        owned.contains(endpoint)
    }

    /// Endpoints that it works, or is about to.
    pub(super) fn owned(&self) -> HashSet<EndpointId> {
        let mut all = HashSet::new();
        for set in [&self.owned, &self.coming] {
            let set = set.read().unwrap_or_else(PoisonError::into_inner);
            all.extend(set.iter().cloned());
        }
        all
    }

    /// It works this one from now on.
    pub(in super::super) fn own(&self, endpoint: EndpointId) {
        self.write(&self.owned).insert(endpoint);
    }

    /// It works none but these. One that is being made at this moment comes back with the next look.
    pub(super) fn keep_only(&self, own: &HashSet<EndpointId>) {
        for set in [&self.owned, &self.coming, &self.leaving] {
            self.write(set).retain(|endpoint| own.contains(endpoint));
        }
    }

    /// Nothing is begun for these any more.
    pub(super) fn leave(&self, endpoints: &[EndpointId]) {
        let mut owned = self.write(&self.owned);
        let mut coming = self.write(&self.coming);
        let mut leaving = self.write(&self.leaving);
        for endpoint in endpoints {
            owned.remove(endpoint);
            coming.remove(endpoint);
            leaving.insert(endpoint.clone());
        }
    }

    /// These have been given up.
    pub(super) fn left(&self, endpoints: &[EndpointId]) {
        let mut leaving = self.write(&self.leaving);
        for endpoint in endpoints {
            leaving.remove(endpoint);
        }
    }

    pub(super) fn all_leaving(&self) -> Vec<EndpointId> {
        let leaving = self.leaving.read().unwrap_or_else(PoisonError::into_inner);
        leaving.iter().cloned().collect()
    }

    pub(in super::super) fn is_leaving(&self, endpoint: &EndpointId) -> bool {
        let leaving = self.leaving.read().unwrap_or_else(PoisonError::into_inner);
        leaving.contains(endpoint)
    }

    fn write<'a>(
        &self,
        set: &'a RwLock<HashSet<EndpointId>>,
    ) -> std::sync::RwLockWriteGuard<'a, HashSet<EndpointId>> {
        set.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether what is due is worth asking for: nobody else is busy with the last answer.
    pub(super) fn wants_due(&self) -> bool {
        self.taken.load(Ordering::Acquire) && !self.due_told.load(Ordering::Acquire)
    }

    /// Tells the host.
    pub(super) fn tell(&self, hint: Hint) {
        let taken = self.taken.load(Ordering::Acquire);
        if let Hint::Owned(endpoints) = &hint {
            let mut set = match taken {
                true => self.write(&self.coming),
                false => self.write(&self.owned),
            };
            set.extend(endpoints.iter().map(|endpoint| endpoint.id.clone()));
        }
        // What nobody reads must not pile up.
        if !taken {
            return;
        }
        if matches!(hint, Hint::Due(_)) {
            self.due_told.store(true, Ordering::Release);
        }
        let _ = self.hints.send(Told { hint, done: None });
    }

    pub(super) fn hints(self: &Arc<Self>) -> HostHints {
        let untaken = self.untaken.lock();
        let hints = untaken.unwrap_or_else(PoisonError::into_inner).take();
        self.taken.store(true, Ordering::Release);
        HostHints {
            standing: Arc::clone(self),
            hints,
            acted: None,
        }
    }

    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.until_ms.store(0, Ordering::Release);
    }

    pub(in super::super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }
}

/// The hints of a host.
pub(in super::super) struct HostHints {
    standing: Arc<Standing>,
    hints: Option<UnboundedReceiver<Told>>,
    /// The last one, which counts as acted upon when the next one is asked for.
    acted: Option<Told>,
}

impl HostHints {
    fn acted(&mut self) {
        let Some(Told { hint, done }) = self.acted.take() else {
            return;
        };
        match hint {
            Hint::Owned(endpoints) => {
                for endpoint in endpoints.into_iter().map(|endpoint| endpoint.id) {
                    // Unless the lease was lost meanwhile, or another host is to have it.
                    let comes = self.standing.write(&self.standing.coming).remove(&endpoint);
                    if comes {
                        self.standing.own(endpoint);
                    }
                }
            }
            Hint::Due(_) => self.standing.due_told.store(false, Ordering::Release),
            Hint::Catalogue | Hint::Left(_) | Hint::Lost => {}
        }
        if let Some(done) = done {
            done.notify_one();
        }
    }
}

impl Hints for HostHints {
    fn next(&mut self) -> Pin<Box<dyn Future<Output = Option<Hint>> + Send + '_>> {
        Box::pin(async move {
            self.acted();
            let told = self.hints.as_mut()?.recv().await?;
            let hint = told.hint.clone();
            self.acted = Some(told);
            Some(hint)
        })
    }
}

impl Drop for HostHints {
    fn drop(&mut self) {
        self.standing.taken.store(false, Ordering::Release);
        self.acted();
        if let Some(hints) = &mut self.hints {
            hints.close();
            while let Ok(told) = hints.try_recv() {
                if let Some(done) = told.done {
                    done.notify_one();
                }
            }
        }
    }
}
