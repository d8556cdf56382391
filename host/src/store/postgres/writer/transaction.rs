//! One transaction of the writing connection.

use super::{history::History, statements::Statements};
use crate::{
    clock::Clock,
    ids::{DeliveryId, EndpointId},
    store::{
        StoreError,
        postgres::{
            clock::DatabaseClock,
            lease::Standing,
            session::{Fault, Session},
        },
    },
};
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
};

/// Begins a transaction. A host that stops in the middle of one must not keep its locks: two seconds are many times what one
/// takes. The others keep the database from reading whole tables while they are small, with plans that it then keeps when
/// they have grown.
const BEGIN: &str = "BEGIN; SET LOCAL idle_in_transaction_session_timeout = '2s'; SET LOCAL jit = off;
    SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off";

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Count {
    Messages,
    Delivered,
    Cancelled,
}

/// What a transaction adds to the totals.
#[derive(Debug, Default)]
pub(in super::super) struct Counts([AtomicI64; 3]);

impl Counts {
    fn add(&self, what: Count, number: i64) {
        if let Some(count) = self.0.get(what as usize) {
            count.fetch_add(number, Ordering::Relaxed);
        }
    }

    fn take(&self) -> [i64; 3] {
        [0, 1, 2].map(|place| {
            let count = self.0.get(place);
            count.map_or(0, |count| count.swap(0, Ordering::Relaxed))
        })
    }
}

/// The writing connection in its present transaction.
pub(in super::super) struct Writing {
    pub(in super::super) session: Session,
    pub(super) statements: Statements,
    standing: Arc<Standing>,
    clock: Arc<DatabaseClock>,
    history: History,
    /// The number of this host, as it was when the transaction began.
    host: AtomicI64,
    /// When that was, by the database's clock, in unix milliseconds.
    began_ms: AtomicU64,
    /// The lease holds, and will until the transaction ends.
    leased: AtomicBool,
    /// Of the catalogue, as this transaction found it or has raised it.
    catalogue: AtomicU64,
    /// The number of the commit that this transaction will be.
    commit: AtomicI64,
    counts: Counts,
    /// It has raised the catalogue's version.
    raised: AtomicBool,
    /// It has added deliveries that other hosts work.
    elsewhere: AtomicBool,
}

impl Writing {
    pub(super) async fn new(
        session: Session,
        standing: Arc<Standing>,
        clock: Arc<DatabaseClock>,
    ) -> Result<Self, Fault> {
        Ok(Self {
            statements: Statements::prepare(&session).await?,
            session,
            standing,
            clock,
            history: History::default(),
            host: AtomicI64::new(0),
            began_ms: AtomicU64::new(0),
            leased: AtomicBool::new(false),
            catalogue: AtomicU64::new(0),
            commit: AtomicI64::new(0),
            counts: Counts::default(),
            raised: AtomicBool::new(false),
            elsewhere: AtomicBool::new(false),
        })
    }

    /// Begins a transaction, finds out whether the lease holds, and keeps it from being taken away before the end.
    pub(super) async fn begin(&self) -> Result<(), Fault> {
        self.counts.take();
        self.history.forget();
        for flag in [&self.leased, &self.raised, &self.elsewhere] {
            flag.store(false, Ordering::Relaxed);
        }
        let generation = self.standing.generation();
        self.host.store(generation, Ordering::Relaxed);
        let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 1] = [&generation];
        let (_, rows) = futures_util::future::try_join(
            self.session.batch(BEGIN),
            self.session
                .prepared_rows(&self.statements.fence, &parameters),
        )
        .await?;
        let rows = match rows.is_empty() {
            false => {
                self.leased.store(true, Ordering::Relaxed);
                rows
            }
            true => {
                self.session
                    .prepared_rows(&self.statements.begin_without, &parameters)
                    .await?
            }
        };
        // Its counters are there from the moment it is registered.
        let row = rows.first().ok_or(Fault::Told(StoreError::LeaseLost))?;
        let commits: i64 = row.try_get(0)?;
        let version: i64 = row.try_get(1)?;
        self.commit
            .store(commits.saturating_add(1), Ordering::Relaxed);
        self.catalogue
            .store(version.unsigned_abs(), Ordering::Relaxed);
        self.began_ms.store(self.clock.now_ms(), Ordering::Relaxed);
        Ok(())
    }

    /// Ends it. Returns whether it is sure that it did when this fails: see [`commits`](super::commits).
    pub(super) async fn commit(&self) -> Result<(), Fault> {
        let [messages, delivered, cancelled] = self.counts.take();
        let (generation, commit) = (self.host(), self.commit_number());
        let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 5] =
            [&generation, &commit, &messages, &delivered, &cancelled];
        let (counted, ()) = futures_util::future::try_join(
            self.session
                .prepared_execute(&self.statements.count, &parameters),
            self.session.batch("COMMIT"),
        )
        .await?;
        match counted {
            1 => Ok(()),
            _ => Err(Fault::Told(StoreError::LeaseLost)),
        }
    }

    /// The number of this host; whether it still has its lease is another question.
    pub(super) fn host(&self) -> i64 {
        self.host.load(Ordering::Relaxed)
    }

    pub(super) fn commit_number(&self) -> i64 {
        self.commit.load(Ordering::Relaxed)
    }

    /// The number of this host, which has its lease until the transaction ends.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`]
    pub(in super::super) fn leased(&self) -> Result<i64, Fault> {
        match self.leased.load(Ordering::Relaxed) {
            true => Ok(self.host()),
            false => Err(StoreError::LeaseLost.into()),
        }
    }

    /// The number of this host, if its lease holds.
    pub(in super::super) fn generation(&self) -> Option<i64> {
        self.leased().ok()
    }

    /// Whether nothing is to be begun for the endpoint, because another host is about to take it.
    pub(in super::super) fn is_leaving(&self, endpoint: &EndpointId) -> bool {
        self.standing.is_leaving(endpoint)
    }

    /// This host works the endpoint, which it has just made.
    pub(in super::super) fn own(&self, endpoint: EndpointId) {
        self.standing.own(endpoint);
    }

    /// The version of the catalogue.
    pub(in super::super) fn catalogue(&self) -> u64 {
        self.catalogue.load(Ordering::Relaxed)
    }

    /// A workspace, a key or an event type changes in this transaction.
    pub(in super::super) async fn raise_catalogue(&self) -> Result<(), Fault> {
        let sql = "UPDATE catalogue SET version = version + 1, others = version + 1 WHERE id = 1 RETURNING version";
        self.raised_to(self.session.value(sql, &[]).await?);
        Ok(())
    }

    /// An endpoint changes in this transaction. Returns the version that says so.
    pub(in super::super) async fn raise_endpoints(&self) -> Result<i64, Fault> {
        let sql = "UPDATE catalogue SET version = version + 1 WHERE id = 1 RETURNING version";
        let version: i64 = self.session.value(sql, &[]).await?.unwrap_or(0);
        self.raised_to(Some(version));
        Ok(version)
    }

    fn raised_to(&self, version: Option<i64>) {
        let version = version.unwrap_or(0).unsigned_abs();
        self.catalogue.store(version, Ordering::Relaxed);
        self.raised.store(true, Ordering::Relaxed);
    }

    /// Something happens to a delivery in this transaction.
    pub(in super::super) fn note(
        &self,
        event: &'static str,
        delivery: &DeliveryId,
        attempt: u32,
        state: &'static str,
    ) {
        self.history.note(event, delivery, attempt, state);
    }

    /// Adds to a total, or takes from it.
    pub(in super::super) fn count(&self, what: Count, number: i64) {
        self.counts.add(what, number);
    }

    /// Deliveries that another host works are due.
    pub(in super::super) fn due_elsewhere(&self) {
        self.elsewhere.store(true, Ordering::Relaxed);
    }

    /// It has been committed: it is told what has happened. Returns what others are to be told, too: that the catalogue has changed, that something is due.
    pub(super) fn committed(&self) -> (bool, bool) {
        // Nobody takes the host's work away between its begin and its end.
        self.history
            .tell(self.host(), self.began_ms.load(Ordering::Relaxed));
        (
            self.raised.load(Ordering::Relaxed),
            self.elsewhere.load(Ordering::Relaxed),
        )
    }
}
