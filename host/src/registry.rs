//! The endpoints in memory, in step with the store.
//!
//! One process owns the data, so memory can be the truth between two commits. Every change of an endpoint goes through
//! [`Entry::change`]: under the entry's lock it reads, decides, changes memory and queues the write. The lock is not held
//! while the write is on its way. Since the store applies writes in the order in which they were queued, changes of one
//! endpoint reach the store in the order in which they were decided, and no judgement is made on outdated health.

use crate::{
    ids::{EndpointId, WorkspaceId},
    store::{Endpoint, StoreError, Word},
};
use countersign_core::delivery::EndpointState;
use countersign_guest::{EndpointRules, EndpointSettings, operational::SOURCE};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicU64, Ordering},
    },
};

/// Every endpoint that is not deleted.
#[derive(Default)]
pub struct Registry {
    endpoints: RwLock<Table>,
    /// Those of them that are told of the others. Apart, so that they can be asked while another endpoint is locked.
    operational: RwLock<Entries>,
    /// Of the catalogue, with 0 for a store that has none.
    version: AtomicU64,
    /// Deleted here, where a catalogue is read, and not read as deleted yet: what was read a moment before must not bring them back.
    leaving: Mutex<BTreeSet<EndpointId>>,
}

type Entries = BTreeMap<EndpointId, Arc<Entry>>;

#[derive(Default)]
struct Table {
    all: Entries,
    /// The same by workspace and provider, so that publishing looks at nobody else's.
    groups: HashMap<WorkspaceId, HashMap<String, Entries>>,
}

/// One endpoint.
pub struct Entry {
    /// Its id.
    pub id: EndpointId,
    /// Where it belongs.
    pub workspace: WorkspaceId,
    /// Whose events it takes.
    pub provider: String,
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
    pub fn new(endpoints: Vec<Endpoint>, version: Option<u64>) -> Self {
        let registry = Self::default();
        registry.set_version(version);
        for endpoint in endpoints {
            registry.insert(endpoint);
        }
        registry
    }

    /// The version of the catalogue that memory has at least; `None` when its store has no versions.
    pub fn version(&self) -> Option<u64> {
        match self.version.load(Ordering::Acquire) {
            0 => None,
            version => Some(version),
        }
    }

    /// Memory has this version now.
    pub fn set_version(&self, version: Option<u64>) {
        self.version.store(version.unwrap_or(0), Ordering::Release);
    }

    /// Takes over an endpoint as the store has it, unless memory is ahead of it: a change of it is on its way then. Health is
    /// memory's when this host works it (`owned`) and its state is the same. Returns it when it has changed, and whether it
    /// has become active.
    pub fn refresh(&self, endpoint: Endpoint, owned: bool) -> Option<(bool, Endpoint)> {
        let Some(entry) = self.find(&endpoint.id) else {
            if self.leaving().contains(&endpoint.id) {
                return None;
            }
            self.insert(endpoint.clone());
            return Some((false, endpoint));
        };
        let inner = &mut *entry.lock();
        let before = &inner.endpoint;
        if endpoint.version < before.version || inner.deleted {
            return None;
        }
        let mut after = endpoint;
        if owned && after.state.word() == before.state.word() {
            after.health = before.health.clone();
        }
        // A probe is out, of which the store knows nothing.
        if before.state == EndpointState::HalfOpen && after.state == EndpointState::PausedFailing {
            after.state = before.state;
        }
        if after == *before {
            return None;
        }
        let resumed = after.state.is_active() && !before.state.is_active();
        inner.endpoint = after.clone();
        Some((resumed, after))
    }

    /// Takes over an endpoint that this host works from now on, health and all.
    pub fn adopt(&self, endpoint: Endpoint) {
        match self.find(&endpoint.id) {
            None if self.leaving().contains(&endpoint.id) => {}
            None => self.insert(endpoint),
            Some(entry) => {
                let mut inner = entry.lock();
                if endpoint.version >= inner.endpoint.version {
                    inner.endpoint = endpoint;
                }
            }
        }
    }

    /// Adds an endpoint that has been stored.
    pub fn insert(&self, endpoint: Endpoint) {
        let entry = Arc::new(Entry {
            id: endpoint.id.clone(),
            workspace: endpoint.workspace.clone(),
            provider: endpoint.provider.clone(),
            inner: Mutex::new(Inner {
                endpoint,
                deleted: false,
            }),
        });
        self.add(entry);
    }

    fn add(&self, entry: Arc<Entry>) {
        if entry.provider == SOURCE {
            let mut told = self.write_operational();
            told.insert(entry.id.clone(), Arc::clone(&entry));
        }
        self.write().insert(entry);
    }

    /// The endpoints that are told of others in their workspace. May be called while an endpoint that is none of them is
    /// locked.
    pub fn operational(&self, workspace: &WorkspaceId) -> Vec<Candidate> {
        let told = self.operational.read();
        let told = told.unwrap_or_else(PoisonError::into_inner);
        let told = told.values().filter(|entry| entry.workspace == *workspace);
        told.map(Entry::candidate).collect()
    }

    /// The endpoint of this id.
    pub fn find(&self, id: &EndpointId) -> Option<Arc<Entry>> {
        self.read().all.get(id).cloned()
    }

    /// The endpoint of this id, if it is of this workspace.
    pub fn find_in(&self, workspace: &WorkspaceId, id: &EndpointId) -> Option<Arc<Entry>> {
        self.find(id).filter(|entry| entry.workspace == *workspace)
    }

    /// The endpoint of this number, if it is of this workspace.
    pub fn find_number(&self, workspace: &WorkspaceId, number: u32) -> Option<Arc<Entry>> {
        let table = self.read();
        let mut entries = table.of(workspace);
        entries
            .find(|entry| entry.lock().endpoint.number == number)
            .cloned()
    }

    /// Every endpoint, oldest first.
    pub fn all(&self) -> Vec<Endpoint> {
        self.read()
            .all
            .values()
            .map(|entry| entry.snapshot())
            .collect()
    }

    /// The endpoints of a workspace, oldest first: those after `after`, at most `limit`.
    pub fn list(
        &self,
        workspace: &WorkspaceId,
        after: Option<&EndpointId>,
        limit: usize,
    ) -> Vec<Endpoint> {
        let table = self.read();
        let behind = |entry: &&Arc<Entry>| after.is_none_or(|after| entry.id > *after);
        let mut entries: Vec<_> = table.of(workspace).filter(behind).collect();
        // Each provider's are in order.
        entries.sort_unstable_by(|one, other| one.id.cmp(&other.id));
        let page = entries.into_iter().take(limit);
        page.map(|entry| entry.snapshot()).collect()
    }

    /// The endpoints that have more than one secret.
    pub fn rotating(&self) -> Vec<Arc<Entry>> {
        let rotating = |entry: &&Arc<Entry>| entry.lock().endpoint.secrets.len() > 1;
        self.read().all.values().filter(rotating).cloned().collect()
    }

    /// The endpoints that events of the provider in this workspace may go to.
    pub fn candidates(&self, workspace: &WorkspaceId, provider: &str) -> Vec<Candidate> {
        let table = self.read();
        let group = table.groups.get(workspace);
        let group = group.and_then(|providers| providers.get(provider));
        let entries = group.into_iter().flat_map(BTreeMap::values);
        entries.map(Entry::candidate).collect()
    }

    /// Takes an endpoint out and queues its deletion with `delete`. `None` when it is not there.
    pub fn remove<T>(
        &self,
        id: &EndpointId,
        delete: impl FnOnce() -> T,
    ) -> Option<(Arc<Entry>, T)> {
        let entry = self.write().remove(id)?;
        self.write_operational().remove(id);
        if self.version().is_some() {
            self.leaving().insert(id.clone());
        }
        let mut inner = entry.lock();
        inner.deleted = true;
        let deleting = delete();
        drop(inner);
        Some((entry, deleting))
    }

    /// Takes out an endpoint that was read as deleted. Returns whether it was there.
    pub fn read_as_deleted(&self, id: &EndpointId) -> bool {
        let was_there = self.remove(id, || ()).is_some();
        self.leaving().remove(id);
        was_there
    }

    fn leaving(&self) -> MutexGuard<'_, BTreeSet<EndpointId>> {
        self.leaving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts back an endpoint whose deletion could not be stored.
    pub fn restore(&self, entry: Arc<Entry>) {
        entry.lock().deleted = false;
        self.leaving().remove(&entry.id);
        self.add(entry);
    }

    /// How many endpoints a workspace has.
    pub fn count(&self, workspace: &WorkspaceId) -> usize {
        self.read().of(workspace).count()
    }

    fn read(&self) -> RwLockReadGuard<'_, Table> {
        self.endpoints
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Table> {
        self.endpoints
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn write_operational(&self) -> RwLockWriteGuard<'_, Entries> {
        self.operational
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn insert(&mut self, entry: Arc<Entry>) {
        let providers = self.groups.entry(entry.workspace.clone()).or_default();
        let group = providers.entry(entry.provider.clone()).or_default();
        group.insert(entry.id.clone(), Arc::clone(&entry));
        self.all.insert(entry.id.clone(), entry);
    }

    fn remove(&mut self, id: &EndpointId) -> Option<Arc<Entry>> {
        let entry = self.all.remove(id)?;
        if let Some(providers) = self.groups.get_mut(&entry.workspace) {
            if let Some(group) = providers.get_mut(&entry.provider) {
                group.remove(id);
            }
            providers.retain(|_, group| !group.is_empty());
        }
        Some(entry)
    }

    /// Those of a workspace, one provider's after the other's.
    fn of(&self, workspace: &WorkspaceId) -> impl Iterator<Item = &Arc<Entry>> {
        let providers = self.groups.get(workspace);
        let groups = providers.into_iter().flat_map(HashMap::values);
        groups.flat_map(BTreeMap::values)
    }
}

impl Entry {
    /// What matching needs.
    fn candidate(self: &Arc<Self>) -> Candidate {
        let inner = self.lock();
        Candidate {
            entry: Arc::clone(self),
            version: inner.endpoint.version,
            rules: inner.endpoint.rules.clone(),
            settings: Arc::clone(&inner.endpoint.settings),
            state: inner.endpoint.state,
        }
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
        match error {
            // Another host was quicker, and this one has not heard of it yet.
            StoreError::Changed => {
                tracing::debug!(endpoint = %self.id, "a change of an endpoint is taken back, because there is another");
            }
            _ => {
                tracing::error!(endpoint = %self.id, %error, "a change of an endpoint could not be stored and is taken back");
            }
        }
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
