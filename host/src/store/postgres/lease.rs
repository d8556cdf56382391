//! Which host works what.
//!
//! Every host is registered under a number that is given once, and renews its lease by the database's clock. Endpoints have
//! one owner each, and whoever owns one works its deliveries alone: rates, places, order and health are in one memory. Nobody
//! leads: each host takes what nobody has up to its share, gives up what is more, and removes hosts that were not heard of.
//!
//! A host that was removed can write nothing any more: see [`Writing::leased`](super::writer::Writing::leased).

mod balance;
mod standing;

pub(super) use self::standing::{HostHints, Standing};

use self::balance::Seen;
use super::{
    clock::DatabaseClock,
    connections::Connections,
    session::{Fault, Parameters, Session},
    writer::{Caller, HISTORY, Writer},
    writes,
};
use crate::{
    clock::Clock,
    ids::EndpointId,
    store::{Fence, Hint, Later, Recovered},
    trouble::Trouble,
    vault::Vault,
};
use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::sync::Notify;

/// Between two looks at the catalogue and at the other hosts.
pub(super) const LOOK: Duration = Duration::from_millis(500);
/// Between two looks for what is due. What this host makes due itself it knows at once, and so it does of others' while
/// `LISTEN` works.
const DUE: Duration = Duration::from_secs(1);
/// How often within a lease it is renewed.
const RENEWALS: u32 = 3;
/// Between two tries to reach the database.
const AGAIN: Duration = Duration::from_millis(500);
/// Between two looks for deliveries that nobody sends any more, beside those after the removal of a host.
const ORPHANS: Duration = Duration::from_secs(15);

/// Keeps the lease, and what comes with it.
pub(super) struct Keeper {
    pool: Connections,
    name: String,
    pub(super) standing: Arc<Standing>,
    clock: Arc<DatabaseClock>,
    writer: Arc<Writer>,
    vault: Arc<Vault>,
    /// The catalogue may have changed.
    pub(super) look: Notify,
    /// Something may be due.
    pub(super) due: Notify,
    trouble: Trouble,
    recovered: AtomicBool,
}

impl Keeper {
    /// Registers this host and keeps it so. It takes nothing over before [`recover`](Self::recover).
    pub(super) async fn start(
        pool: Connections,
        name: String,
        standing: Arc<Standing>,
        clock: Arc<DatabaseClock>,
        writer: Arc<Writer>,
        vault: Arc<Vault>,
    ) -> Result<Arc<Self>, Fault> {
        let keeper = Arc::new(Self {
            pool,
            name,
            standing,
            clock,
            writer,
            vault,
            look: Notify::new(),
            due: Notify::new(),
            trouble: Trouble::default(),
            recovered: AtomicBool::new(false),
        });
        keeper.register().await?;
        tokio::spawn(Arc::clone(&keeper).renew());
        tokio::spawn(Arc::clone(&keeper).look_for_due());
        Ok(keeper)
    }

    pub(super) fn generation(&self) -> i64 {
        self.standing.generation()
    }

    /// Whether the lease holds.
    pub(super) fn is_heard_of(&self) -> bool {
        self.standing.holds_at(self.clock.elapsed())
    }

    /// A lease of before may have been confirmed late, when there is another one already.
    pub(super) fn may_send(&self, fence: Fence) -> bool {
        self.is_heard_of() && fence == Some(self.generation())
    }

    pub(super) fn owns(&self, endpoint: &EndpointId) -> bool {
        self.standing.owns(endpoint)
    }

    pub(super) fn hints(&self) -> HostHints {
        self.standing.hints()
    }

    async fn session(&self) -> Result<Session, Fault> {
        self.pool.session().await
    }

    /// Gives this host a new number.
    async fn register(&self) -> Result<(), Fault> {
        let session = self.session().await?;
        let asked = self.clock.elapsed();
        let lease_ms = self.standing.lease_ms();
        let sql = "WITH host AS (INSERT INTO hosts (name, started_at, expires_at)
                 VALUES ($1, clock_timestamp(), clock_timestamp() + $2 * interval '1 millisecond') RETURNING generation),
             counter AS (INSERT INTO counters (generation) SELECT generation FROM host)
             SELECT generation, CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT) FROM host";
        let row = session.row(sql, &[&self.name, &lease_ms]).await?;
        let row = row.ok_or(Fault::Again)?;
        let generation: i64 = row.try_get(0)?;
        self.clock
            .measured(asked, self.clock.elapsed(), row.try_get(1)?);
        self.standing.registered(generation, asked);
        tracing::info!(
            host = generation,
            name = self.name,
            "this host is registered"
        );
        self.happened("registered", generation);
        Ok(())
    }

    /// Renews the lease until the store is closed.
    async fn renew(self: Arc<Self>) {
        let interval = self.standing.lease() / RENEWALS;
        let mut session = None;
        let mut wait = interval;
        while !self.standing.is_closed() {
            tokio::time::sleep(wait).await;
            let asked = self.clock.elapsed();
            // A renewal that takes longer than this would come too late anyway.
            let renewed = self.renew_once(&mut session, interval).await;
            match renewed {
                Ok(Some(now_us)) => {
                    self.clock.measured(asked, self.clock.elapsed(), now_us);
                    self.standing.renewed(asked);
                    if let Some(failures) = self.trouble.over() {
                        tracing::info!(failures, "the lease is renewed again");
                    }
                    wait = interval;
                }
                Ok(None) if self.standing.is_closed() => return,
                Ok(None) => {
                    self.happened("lost", self.generation());
                    tracing::error!(
                        "this host was not heard of for too long; others have taken over its work"
                    );
                    self.standing.lost().await;
                    while let Err(fault) = self.register().await {
                        self.failed(&fault);
                        tokio::time::sleep(AGAIN).await;
                    }
                    self.look.notify_one();
                }
                Err(fault) => {
                    // Nor do others renew theirs, perhaps; they come first when it is over.
                    self.standing.unsteady();
                    self.failed(&fault);
                    wait = AGAIN.min(interval);
                }
            }
        }
    }

    fn happened(&self, event: &'static str, generation: i64) {
        let db_ms = self.clock.now_ms();
        tracing::trace!(target: HISTORY, event, generation, db_ms);
    }

    fn failed(&self, fault: &Fault) {
        if let Some(failures) = self.trouble.failed() {
            tracing::warn!(%fault, failures, "the lease could not be renewed");
        }
    }

    /// The database's time, within `limit`; `None` when the lease is lost.
    async fn renew_once(
        &self,
        session: &mut Option<Session>,
        limit: Duration,
    ) -> Result<Option<i64>, Fault> {
        let late = |_| Fault::Silent;
        let kept = session.take().filter(|session| !session.is_closed());
        let kept = match kept {
            Some(kept) => kept,
            None => tokio::time::timeout(limit, self.session())
                .await
                .map_err(late)??,
        };
        // As long as nobody has removed it, nobody has taken anything over, however late this is.
        let sql = "UPDATE hosts SET expires_at = clock_timestamp() + $2 * interval '1 millisecond' WHERE generation = $1
             RETURNING CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)";
        let (generation, lease_ms) = (self.generation(), self.standing.lease_ms());
        let parameters: Parameters<'_> = &[&generation, &lease_ms];
        match tokio::time::timeout(limit, kept.value(sql, parameters)).await {
            Ok(now) => {
                *session = Some(kept);
                now
            }
            Err(elapsed) => {
                kept.discard();
                Err(late(elapsed))
            }
        }
    }

    /// Looks for what is due until the store is closed.
    async fn look_for_due(self: Arc<Self>) {
        while !self.standing.is_closed() {
            let _ = tokio::time::timeout(DUE, self.due.notified()).await;
            if !self.standing.wants_due() {
                continue;
            }
            let found = async {
                let session = self.session().await?;
                super::reads::due(&session, self.generation()).await
            };
            match found.await {
                Ok(due) if due.is_empty() => {}
                Ok(due) => self.standing.tell(Hint::Due(due)),
                Err(fault) => tracing::debug!(%fault, "what is due could not be asked for"),
            }
        }
    }

    /// What nobody sends any more becomes pending again. Returns how much that was.
    pub(super) fn orphans(
        &self,
        now_ms: u64,
    ) -> impl Future<Output = Result<u64, crate::store::StoreError>> + use<> {
        let writer = Arc::clone(&self.writer);
        async move {
            let mut found: u64 = 0;
            loop {
                let step = writer.submit(
                    Caller::Host,
                    "taking over deliveries",
                    now_ms,
                    |writing, now_ms| Box::pin(writes::put_back::orphans(writing, *now_ms)),
                );
                match step.await? {
                    0 => return Ok(found),
                    more => found = found.saturating_add(more),
                }
            }
        }
    }

    /// What hosts that have gone were sending is pending again. From then on it is looked for more of it: earlier, a look could
    /// find it first, and it would be missing in what is told here.
    pub(super) fn recover(keeper: &Arc<Self>, now_ms: u64) -> Later<Recovered> {
        let keeper = Arc::clone(keeper);
        Box::pin(async move {
            let again = keeper.recovered.swap(true, Ordering::Relaxed);
            let recovered = keeper.recover_now(again, now_ms).await;
            if !again {
                tokio::spawn(keeper.balance());
            }
            recovered.map_err(|fault| fault.told("recovering"))
        })
    }

    async fn recover_now(&self, again: bool, now_ms: u64) -> Result<Recovered, Fault> {
        // Whatever it was sending before it begins anew.
        if again {
            self.unregister().await?;
            self.standing.lost().await;
            self.register().await?;
        }
        self.remove_expired().await?;
        let interrupted = self.orphans(now_ms).await.map_err(Fault::Told)?;
        self.look(&mut Seen::default()).await?;
        Ok(Recovered { interrupted })
    }

    async fn unregister(&self) -> Result<(), Fault> {
        let session = self.session().await?;
        let sql = "DELETE FROM hosts WHERE generation = $1";
        session.execute(sql, &[&self.generation()]).await?;
        Ok(())
    }

    /// Others may take over at once.
    pub(super) fn leave(keeper: &Arc<Self>) -> impl Future<Output = ()> + Send + use<> {
        let keeper = Arc::clone(keeper);
        async move {
            keeper.standing.close();
            if let Err(fault) = keeper.unregister().await {
                tracing::debug!(%fault, "others take over when the lease has run out");
            }
        }
    }
}
