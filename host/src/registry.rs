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
use countersign_guest::{EndpointRules, EndpointSettings, operational::SOURCE};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

/// Every endpoint that is not deleted.
#[derive(Default)]
pub struct Registry {
    endpoints: RwLock<BTreeMap<EndpointId, Arc<Entry>>>,
    /// Those of them that are told of the others. Apart, so that they can be asked while another endpoint is locked.
    operational: RwLock<BTreeMap<EndpointId, Arc<Entry>>>,
}

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
        let operational = endpoint.provider == SOURCE;
        let entry = Arc::new(Entry {
            id: endpoint.id.clone(),
            inner: Mutex::new(Inner {
                endpoint,
                deleted: false,
            }),
        });
        if operational {
            let mut told = self.write_operational();
            told.insert(entry.id.clone(), Arc::clone(&entry));
        }
        self.write().insert(entry.id.clone(), entry);
    }

    /// The endpoints that are told of others. May be called while an endpoint that is none of them is locked.
    pub fn operational(&self) -> Vec<Candidate> {
        let told = self.operational.read();
        let told = told.unwrap_or_else(PoisonError::into_inner);
        told.values()
            .filter_map(|entry| entry.candidate(SOURCE))
            .collect()
    }

    /// The endpoint of this id.
    pub fn find(&self, id: &EndpointId) -> Option<Arc<Entry>> {
        self.read().get(id).cloned()
    }

    /// Every endpoint, oldest first.
    pub fn all(&self) -> Vec<Endpoint> {
        self.read().values().map(|entry| entry.snapshot()).collect()
    }

    /// The endpoints that have more than one secret.
    pub fn rotating(&self) -> Vec<Arc<Entry>> {
        let rotating = |entry: &&Arc<Entry>| entry.lock().endpoint.secrets.len() > 1;
        self.read().values().filter(rotating).cloned().collect()
    }

    /// The endpoints that events of the provider may go to.
    pub fn candidates(&self, provider: &str) -> Vec<Candidate> {
        let endpoints = self.read();
        let found = endpoints.values();
        found
            .filter_map(|entry| entry.candidate(provider))
            .collect()
    }

    /// Takes an endpoint out and queues its deletion with `delete`. `None` when it is not there.
    pub fn remove<T>(
        &self,
        id: &EndpointId,
        delete: impl FnOnce() -> T,
    ) -> Option<(Arc<Entry>, T)> {
        let entry = self.write().remove(id)?;
        self.write_operational().remove(id);
        let mut inner = entry.lock();
        inner.deleted = true;
        let deleting = delete();
        drop(inner);
        Some((entry, deleting))
    }

    /// Puts back an endpoint whose deletion could not be stored.
    pub fn restore(&self, entry: Arc<Entry>) {
        entry.lock().deleted = false;
        if entry.lock().endpoint.provider == SOURCE {
            let mut told = self.write_operational();
            told.insert(entry.id.clone(), Arc::clone(&entry));
        }
        self.write().insert(entry.id.clone(), entry);
    }

    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<EndpointId, Arc<Entry>>> {
        self.endpoints
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<EndpointId, Arc<Entry>>> {
        self.endpoints
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn write_operational(&self) -> RwLockWriteGuard<'_, BTreeMap<EndpointId, Arc<Entry>>> {
        self.operational
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    /// What matching needs, if it is an endpoint of this provider.
    fn candidate(self: &Arc<Self>, provider: &str) -> Option<Candidate> {
        let inner = self.lock();
        (inner.endpoint.provider == provider).then(|| Candidate {
            entry: Arc::clone(self),
            version: inner.endpoint.version,
            rules: inner.endpoint.rules.clone(),
            settings: Arc::clone(&inner.endpoint.settings),
            state: inner.endpoint.state,
        })
    }

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
