//! Other hosts of the same store, and what they mean for this one.
//!
//! What is in memory (endpoints, workspaces, keys, event types) has a version. Whoever finds that the store has another one reads
//! what has changed; whoever is told that this host works an endpoint takes over how it is. A store that one host has for
//! itself tells nothing of this, and then nothing of it happens.

use crate::{
    clock::within,
    context::Context,
    ids::EndpointId,
    store::{Endpoint, Hint, Hints, StoreError},
    worker::Worker,
};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::{Mutex as AsyncMutex, Notify};

/// Longest wait of a request for what other hosts have changed.
const CATCH_UP_MAX: Duration = Duration::from_secs(2);

/// What was read anew and is not acted upon yet.
#[derive(Default)]
pub struct Shared {
    /// One reads at a time.
    turn: AsyncMutex<()>,
    news: Mutex<Vec<News>>,
    wake: Notify,
}

/// What has become of an endpoint.
enum News {
    Changed {
        /// It has become active.
        resumed: bool,
        endpoint: Box<Endpoint>,
    },
    Deleted(EndpointId),
}

impl Context {
    /// Brings memory up to date, unless that has been done since it had the version `seen`.
    ///
    /// # Errors
    /// [`StoreError`]; memory is as it was then.
    pub async fn refresh(&self, seen: Option<u64>) -> Result<(), StoreError> {
        if seen.is_none() {
            return Ok(());
        }
        let _turn = self.shared.turn.lock().await;
        match self.registry.version() == seen {
            true => self.read(seen).await,
            false => Ok(()),
        }
    }

    /// Brings memory up to date with what other hosts have done so far, for whoever did it there and asks here. If the store
    /// does not say in time what that is, memory stays as old as it is, which is a second at most while the store answers.
    pub async fn catch_up(&self) {
        let caught_up = async {
            let newest = self.store.catalogue_version().await?;
            loop {
                let seen = self.registry.version();
                if seen >= newest {
                    return Ok::<_, StoreError>(());
                }
                // Somebody who began a moment ago may bring it to a version in between.
                self.refresh(seen).await?;
            }
        };
        match within(&*self.clock, CATCH_UP_MAX, caught_up).await {
            Some(Ok(())) => {}
            // The store has told of it in the log.
            Some(Err(error)) => tracing::debug!(%error, "what hosts share could not be read"),
            None => tracing::debug!("what hosts share was not read in time"),
        }
    }

    /// Reads everything once more: another host has changed something of which memory believed to know better.
    ///
    /// # Errors
    /// As [`refresh`](Self::refresh)
    pub async fn read_anew(&self) -> Result<(), StoreError> {
        let _turn = self.shared.turn.lock().await;
        self.read(Some(0)).await
    }

    async fn read(&self, since: Option<u64>) -> Result<(), StoreError> {
        // Nobody changes them here while they are read.
        let _workspaces = self.workspaces.turn().await;
        let _keys = self.keys.turn().await;
        let _event_types = self.event_types.turn().await;
        let found = self.store.catalogue(since).await?;
        let mut news = Vec::new();
        for endpoint in found.endpoints {
            let owned = self.store.owns(&endpoint.id);
            if let Some((resumed, endpoint)) = self.registry.refresh(endpoint, owned) {
                news.push(News::Changed {
                    resumed,
                    endpoint: Box::new(endpoint),
                });
            }
        }
        for endpoint in found.deleted {
            if self.registry.read_as_deleted(&endpoint) {
                news.push(News::Deleted(endpoint));
            }
        }
        if let Some(others) = found.others {
            self.workspaces.replace(others.workspaces);
            self.keys.replace(others.keys);
            self.event_types.replace(others.event_types);
        }
        self.registry.set_version(found.version);
        if !news.is_empty() {
            // Secrets may be among what has changed.
            self.rules.kernel.forget_signers();
            self.shared.add(news);
        }
        Ok(())
    }
}

impl Shared {
    fn add(&self, news: Vec<News>) {
        let mut all = self.news.lock().unwrap_or_else(PoisonError::into_inner);
        all.extend(news);
        drop(all);
        self.wake.notify_one();
    }

    fn take(&self) -> Vec<News> {
        std::mem::take(&mut *self.news.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Acts upon what the store and other hosts say, until the store is closed.
pub async fn follow(context: Arc<Context>, worker: Arc<Worker>, mut hints: Box<dyn Hints>) {
    let telling = {
        let (context, worker) = (Arc::clone(&context), Arc::clone(&worker));
        tokio::spawn(async move {
            loop {
                context.shared.wake.notified().await;
                tell(&context, &worker);
            }
        })
    };
    while let Some(hint) = hints.next().await {
        act(&context, &worker, hint).await;
    }
    telling.abort();
}

async fn act(context: &Arc<Context>, worker: &Arc<Worker>, hint: Hint) {
    match hint {
        Hint::Catalogue => {
            if let Err(error) = context.refresh(context.registry.version()).await {
                // The store has told of it in the log, and says it again.
                tracing::debug!(%error, "what hosts share could not be read");
            }
        }
        Hint::Due(due) => {
            for (endpoint, at_ms) in due {
                worker.due(&endpoint, at_ms);
            }
        }
        Hint::Owned(endpoints) => {
            for endpoint in endpoints {
                context.registry.adopt(endpoint.clone());
                worker.adopted(&endpoint);
            }
            context.rules.kernel.forget_signers();
            // Once it is this host's: the next hint is asked for right after.
            let worker = Arc::clone(worker);
            tokio::spawn(async move { worker.look_again().await });
        }
        Hint::Left(endpoints) => {
            for endpoint in endpoints {
                worker.left(&endpoint);
            }
        }
        Hint::Lost => worker.lost_lease(),
    }
}

/// Tells the worker what has been read anew.
fn tell(context: &Context, worker: &Arc<Worker>) {
    for news in context.shared.take() {
        match news {
            News::Changed { resumed, endpoint } => {
                // Whoever works it sees to its deliveries.
                let owned = context.store.owns(&endpoint.id);
                worker.changed(&endpoint, resumed && owned, owned);
            }
            News::Deleted(endpoint) => worker.deleted(&endpoint, true),
        }
    }
}
