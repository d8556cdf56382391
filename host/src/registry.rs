//! The endpoints in memory, in step with the store.
//!
//! One process owns the data, so memory can be the truth between two commits. Every change of an endpoint goes through
//! [`Entry::change`]: under the entry's lock it reads, decides, changes memory and queues the write. The lock is not held
//! while the write is on its way. Since the store applies writes in the order in which they were queued, changes of one
//! endpoint reach the store in the order in which they were decided, and no judgement is made on outdated health.

use crate::{
    ids::EndpointId,
    store::{Endpoint, StoreError},
};
use countersign_core::delivery::EndpointState;
use countersign_guest::{EndpointRules, EndpointSettings};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

/// Every endpoint that is not deleted.
#[derive(Default)]
pub struct Registry(RwLock<BTreeMap<EndpointId, Arc<Entry>>>);

/// One endpoint.
pub struct Entry {
    /// Its id.
    pub id: EndpointId,
    inner: Mutex<Inner>,
}

struct Inner {
    endpoint: Endpoint,
    deleted: bool,
}

/// What matching needs of an endpoint, as it was at one moment.
pub struct Candidate {
    pub entry: Arc<Entry>,
    pub version: u64,
    pub rules: EndpointRules,
    pub settings: Arc<EndpointSettings>,
    pub state: EndpointState,
}

impl Registry {
    /// The endpoints of the store.
    pub fn new(endpoints: Vec<Endpoint>) -> Self {
        let registry = Self::default();
        for endpoint in endpoints {
            registry.insert(endpoint);
        }
        registry
    }

    /// Adds an endpoint that has been stored.
    pub fn insert(&self, endpoint: Endpoint) {
        let entry = Arc::new(Entry {
            id: endpoint.id.clone(),
            inner: Mutex::new(Inner {
                endpoint,
                deleted: false,
            }),
        });
        self.write().insert(entry.id.clone(), entry);
    }

    /// The endpoint of this id.
    pub fn find(&self, id: &EndpointId) -> Option<Arc<Entry>> {
        self.read().get(id).cloned()
    }

    /// Every endpoint, oldest first.
    pub fn all(&self) -> Vec<Endpoint> {
        self.read().values().map(|entry| entry.snapshot()).collect()
    }

    /// The endpoints that events of the provider may go to.
    pub fn candidates(&self, provider: &str) -> Vec<Candidate> {
        let candidate = |entry: &Arc<Entry>| {
            let inner = entry.lock();
            (inner.endpoint.provider == provider).then(|| Candidate {
                entry: Arc::clone(entry),
                version: inner.endpoint.version,
                rules: inner.endpoint.rules.clone(),
                settings: Arc::clone(&inner.endpoint.settings),
                state: inner.endpoint.state,
            })
        };
        self.read().values().filter_map(candidate).collect()
    }

    /// Takes an endpoint out and queues its deletion with `delete`. `None` when it is not there.
    pub fn remove<T>(
        &self,
        id: &EndpointId,
        delete: impl FnOnce() -> T,
    ) -> Option<(Arc<Entry>, T)> {
        let entry = self.write().remove(id)?;
        let mut inner = entry.lock();
        inner.deleted = true;
        let deleting = delete();
        drop(inner);
        Some((entry, deleting))
    }

    /// Puts back an endpoint whose deletion could not be stored.
    pub fn restore(&self, entry: Arc<Entry>) {
        entry.lock().deleted = false;
        self.write().insert(entry.id.clone(), entry);
    }

    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<EndpointId, Arc<Entry>>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<EndpointId, Arc<Entry>>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    /// The endpoint as it is now.
    pub fn snapshot(&self) -> Endpoint {
        self.lock().endpoint.clone()
    }

    /// Changes the endpoint. `change` gets it and whether it has been deleted, and queues the write that goes with the
    /// change before it returns.
    ///
    /// # Errors
    /// What `change` says; it must leave the endpoint as it was then.
    pub fn change<T, E>(
        &self,
        change: impl FnOnce(&mut Endpoint, bool) -> Result<T, E>,
    ) -> Result<T, E> {
        let inner = &mut *self.lock();
        change(&mut inner.endpoint, inner.deleted)
    }

    /// After a write has failed: takes back everything but health, unless a later change has been made already. Health
    /// stays, because the attempts that it counts did take place.
    pub fn take_back(&self, written: &Endpoint, before: Endpoint, error: &StoreError) {
        tracing::error!(endpoint = %self.id, %error, "a change of an endpoint could not be stored and is taken back");
        let mut inner = self.lock();
        if inner.endpoint.version == written.version {
            let health = inner.endpoint.health.clone();
            // With the version: events matched against the change are then matched again, since the store has the old one.
            inner.endpoint = Endpoint { health, ..before };
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
