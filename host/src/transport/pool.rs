//! Connections kept for the next request, per endpoint and bounded in all.

use super::{Outgoing, connection::Connection};
use crate::{clock::Clock, identity::ClientIdentity, ids::EndpointId};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

/// An idle connection is closed after this time. Node's HTTP server closes its side after 5 s; staying below avoids most
/// requests that meet a connection in the moment it is closed.
const IDLE_MAX: Duration = Duration::from_secs(4);
/// A connection takes no request after this time, however busy it is, so that a name that leads elsewhere by now is looked
/// up, and judged, again.
const AGE_MAX: Duration = Duration::from_secs(300);
/// Between two looks for connections that are idle for too long.
const SWEEP: Duration = Duration::from_secs(1);

/// Kept connections. Invariant: each leads to addresses that were judged when it was opened, and is used for the endpoint,
/// address and identity that it was opened for only.
pub(super) struct Pool {
    clock: Arc<dyn Clock>,
    idle_max: usize,
    endpoint_idle_max: usize,
    shelves: Mutex<Shelves>,
}

#[derive(Default)]
struct Shelves {
    by_endpoint: HashMap<EndpointId, Shelf>,
    /// Connections on all shelves.
    kept: usize,
    sweeping: bool,
}

/// What is kept for one endpoint.
struct Shelf {
    url: String,
    identity: Option<ClientIdentity>,
    /// The one that was used last is at the end, and is taken first.
    idle: Vec<Kept>,
    /// Stays here while it is used.
    shared: Option<Kept>,
}

struct Kept {
    connection: Connection,
    used_at: Duration,
}

impl Kept {
    fn is_fresh(&self, now: Duration) -> bool {
        let since = |then| now.saturating_sub(then);
        !self.connection.is_closed()
            && since(self.used_at) < IDLE_MAX
            && since(self.connection.opened_at) < AGE_MAX
    }
}

impl Shelf {
    fn is_for(&self, request: &Outgoing) -> bool {
        self.url == request.url && self.identity == request.identity
    }

    fn len(&self) -> usize {
        self.idle
            .len()
            .saturating_add(usize::from(self.shared.is_some()))
    }
}

impl Pool {
    pub(super) fn new(
        clock: Arc<dyn Clock>,
        idle_max: usize,
        endpoint_idle_max: usize,
    ) -> Arc<Self> {
        Arc::new(Self {
            clock,
            idle_max,
            endpoint_idle_max,
            shelves: Mutex::default(),
        })
    }

    /// A connection that a request to this endpoint may use.
    pub(super) fn take(&self, request: &Outgoing) -> Option<Connection> {
        let now = self.clock.elapsed();
        let mut shelves = self.lock();
        let Shelves {
            by_endpoint, kept, ..
        } = &mut *shelves;
        let shelf = by_endpoint.get_mut(&request.endpoint)?;
        if !shelf.is_for(request) {
            *kept = kept.saturating_sub(shelf.len());
            by_endpoint.remove(&request.endpoint);
            return None;
        }
        if let Some(shared) = &mut shelf.shared {
            if shared.is_fresh(now) && shared.connection.is_ready() {
                shared.used_at = now;
                return shared.connection.share();
            }
            shelf.shared = None;
            *kept = kept.saturating_sub(1);
        }
        let before = shelf.idle.len();
        let mut busy = Vec::new();
        let mut taken = None;
        while taken.is_none()
            && let Some(last) = shelf.idle.pop()
        {
            match last.is_fresh(now) {
                true if last.connection.is_ready() => taken = Some(last.connection),
                // Its answer has just been read, and it needs a moment more.
                true => busy.push(last),
                false => {}
            }
        }
        shelf.idle.extend(busy.into_iter().rev());
        *kept = kept.saturating_sub(before.saturating_sub(shelf.idle.len()));
        taken
    }

    /// Keeps a connection for the next request, or closes it: when enough are kept, or it is too old.
    pub(super) fn keep(self: &Arc<Self>, request: &Outgoing, connection: Connection) {
        let now = self.clock.elapsed();
        let new = Kept {
            connection,
            used_at: now,
        };
        let mut shelves = self.lock();
        let Shelves {
            by_endpoint,
            kept,
            sweeping,
        } = &mut *shelves;
        if let Some(shelf) = by_endpoint.get_mut(&request.endpoint)
            && let Some(shared) = &mut shelf.shared
            && shared.connection.is_same(&new.connection)
        {
            shared.used_at = now;
            return;
        }
        if *kept >= self.idle_max || !new.is_fresh(now) {
            return;
        }
        let shelf = by_endpoint
            .entry(request.endpoint.clone())
            .or_insert_with(|| Shelf {
                url: request.url.clone(),
                identity: request.identity.clone(),
                idle: Vec::new(),
                shared: None,
            });
        if !shelf.is_for(request) {
            // The endpoint was changed meanwhile.
            return;
        }
        if new.connection.is_shared() {
            if shelf.shared.is_some() {
                return;
            }
            shelf.shared = Some(new);
        } else {
            if shelf.idle.len() >= self.endpoint_idle_max {
                return;
            }
            shelf.idle.push(new);
        }
        *kept = kept.saturating_add(1);
        if !*sweeping {
            *sweeping = true;
            tokio::spawn(sweep(Arc::downgrade(self), Arc::clone(&self.clock)));
        }
    }

    /// Takes a shared connection off its shelf unless it is told not to: one that leaves a request without an answer may be
    /// dead without saying so.
    pub(super) fn forgetting(&self, request: &Outgoing, connection: &Connection) -> Forgetting<'_> {
        Forgetting {
            pool: self,
            endpoint: request.endpoint.clone(),
            connection: connection.share(),
        }
    }

    /// Closes what is idle for too long. Returns whether anything is left.
    fn sweep(&self) -> bool {
        let now = self.clock.elapsed();
        let mut shelves = self.lock();
        let Shelves {
            by_endpoint,
            kept,
            sweeping,
        } = &mut *shelves;
        by_endpoint.retain(|_, shelf| {
            shelf.idle.retain(|kept| kept.is_fresh(now));
            // One that is in use is not idle, however long its answer takes.
            let in_use = |kept: &Kept| kept.connection.handles() > 1;
            shelf.shared = shelf.shared.take().filter(|kept| {
                kept.is_fresh(now) || (in_use(kept) && !kept.connection.is_closed())
            });
            shelf.len() > 0
        });
        *kept = by_endpoint.values().map(Shelf::len).sum();
        *sweeping = *kept > 0;
        *sweeping
    }

    fn lock(&self) -> MutexGuard<'_, Shelves> {
        // Nothing here panics half-way.
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn sweep(pool: Weak<Pool>, clock: Arc<dyn Clock>) {
    loop {
        clock.sleep(SWEEP).await;
        match pool.upgrade() {
            Some(pool) if pool.sweep() => {}
            _ => return,
        }
    }
}

/// See [`Pool::forgetting`].
pub(super) struct Forgetting<'a> {
    pool: &'a Pool,
    endpoint: EndpointId,
    connection: Option<Connection>,
}

impl Forgetting<'_> {
    /// The connection has answered: it stays.
    pub(super) fn not(mut self) {
        self.connection = None;
    }
}

impl Drop for Forgetting<'_> {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else {
            return;
        };
        let mut shelves = self.pool.lock();
        let Shelves {
            by_endpoint, kept, ..
        } = &mut *shelves;
        if let Some(shelf) = by_endpoint.get_mut(&self.endpoint)
            && let Some(shared) = &shelf.shared
            && shared.connection.is_same(&connection)
        {
            shelf.shared = None;
            *kept = kept.saturating_sub(1);
        }
    }
}
