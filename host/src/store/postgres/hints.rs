//! News between hosts, by `LISTEN` and `NOTIFY`. They may be missing: whoever waits for one looks for itself now and then.

use super::{address::Address, connections::Connections, lease::Keeper};
use crate::store::StoreError;
use std::{
    future::poll_fn,
    pin::Pin,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::sync::Notify;
use tokio_postgres::AsyncMessage;

/// Where news come from, and what they say.
const CHANNEL: &str = "countersign";
const CATALOGUE: &str = "catalogue";
const DUE: &str = "due";
/// News within so long go out together: the database gives each a turn of its own.
const GATHER: Duration = Duration::from_millis(10);
/// First and longest wait before it is listened again.
const AGAIN: [Duration; 2] = [Duration::from_millis(250), Duration::from_secs(15)];

/// Tells other hosts.
#[derive(Clone)]
pub(super) struct Announcer {
    catalogue: Arc<AtomicBool>,
    due: Arc<AtomicBool>,
    wake: Arc<Notify>,
}

impl Announcer {
    /// Starts the task that does it. It ends with the pool.
    pub(super) fn start(pool: Connections) -> Self {
        let announcer = Self {
            catalogue: Arc::default(),
            due: Arc::default(),
            wake: Arc::default(),
        };
        tokio::spawn(announcer.clone().run(pool));
        announcer
    }

    /// What has been committed is news for others.
    pub(super) fn tell(&self, catalogue: bool, due: bool) {
        if catalogue {
            self.catalogue.store(true, Ordering::Relaxed);
        }
        if due {
            self.due.store(true, Ordering::Relaxed);
        }
        if catalogue || due {
            self.wake.notify_one();
        }
    }

    async fn run(self, pool: Connections) {
        loop {
            self.wake.notified().await;
            tokio::time::sleep(GATHER).await;
            if pool.is_closed() {
                return;
            }
            for (flag, word) in [(&self.catalogue, CATALOGUE), (&self.due, DUE)] {
                if !flag.swap(false, Ordering::Relaxed) {
                    continue;
                }
                let Ok(session) = pool.session().await else {
                    continue;
                };
                let told = session
                    .execute("SELECT pg_notify($1, $2)", &[&CHANNEL, &word])
                    .await;
                if let Err(fault) = told {
                    tracing::debug!(%fault, "other hosts are not told; they look for themselves");
                }
            }
        }
    }
}

/// Listens until the keeper is gone, by a connection of its own: it keeps a session, which a pooler does not.
pub(super) fn listen(address: Address, keeper: &Arc<Keeper>) {
    let keeper = Arc::downgrade(keeper);
    tokio::spawn(async move {
        let [mut wait, longest] = AGAIN;
        while let Some(alive) = keeper.upgrade() {
            if alive.standing.is_closed() {
                return;
            }
            drop(alive);
            match listen_once(&address, &keeper).await {
                Ok(()) => wait = AGAIN[0],
                Err(problem) => {
                    tracing::debug!(problem, "no news from other hosts; it is looked for them");
                    wait = wait.saturating_mul(2).min(longest);
                }
            }
            tokio::time::sleep(wait).await;
        }
    });
}

async fn listen_once(address: &Address, keeper: &Weak<Keeper>) -> Result<(), String> {
    let tls = address
        .tls()
        .map_err(|error: StoreError| error.to_string())?;
    let connected = address.config().connect(tls).await;
    let (client, mut connection) = connected.map_err(|error| error.to_string())?;
    let listening = client.batch_execute("LISTEN countersign");
    let mut listening = std::pin::pin!(listening);
    let mut listens = false;
    loop {
        let message = poll_fn(|context| {
            if !listens && let std::task::Poll::Ready(done) = listening.as_mut().poll(context) {
                listens = true;
                if let Err(error) = done {
                    return std::task::Poll::Ready(Some(Err(error)));
                }
            }
            Pin::new(&mut connection).poll_message(context)
        });
        match message.await {
            Some(Ok(AsyncMessage::Notification(news))) => {
                let Some(keeper) = keeper.upgrade() else {
                    return Ok(());
                };
                match news.payload() {
                    CATALOGUE => keeper.look.notify_one(),
                    _ => keeper.due.notify_one(),
                }
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(error.to_string()),
            None => return Ok(()),
        }
        if keeper
            .upgrade()
            .is_none_or(|keeper| keeper.standing.is_closed())
        {
            return Ok(());
        }
    }
}
