//! The store of many hosts, for the suite.

use super::{Engine, Fixture, keys};
use crate::{
    chance::SystemChance,
    store::{
        StoreError,
        postgres::{Options, PostgresStore},
        sqlite::tests::OPTIONS,
    },
};
use countersign_cluster::Database;
use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

/// Invariants, each with a query for rows that break it.
const INVARIANTS: [(&str, &str); 16] = [
    (
        "a delivery without its message",
        "FROM deliveries WHERE message_id NOT IN (SELECT id FROM messages)",
    ),
    (
        "a delivery without its endpoint",
        "FROM deliveries WHERE endpoint_id NOT IN (SELECT id FROM endpoints)",
    ),
    (
        "an open delivery without its body",
        "FROM deliveries WHERE state IN ('pending', 'sending', 'waiting', 'held')
             AND message_id NOT IN (SELECT message_id FROM bodies)",
    ),
    (
        "a pending delivery without the time of its attempt",
        "FROM deliveries WHERE state = 'pending' AND next_attempt_at_ms IS NULL",
    ),
    (
        "a dead letter without a reason",
        "FROM deliveries WHERE (state = 'dead_lettered') <> (dead_reason IS NOT NULL)",
    ),
    (
        "a delivery that nobody sends",
        "FROM deliveries WHERE state = 'sending' AND leased_by IS NULL",
    ),
    (
        "an event's id beside a dead letter",
        "FROM deliveries WHERE state <> 'dead_lettered' AND event_id IS NOT NULL",
    ),
    (
        "a place without a key, or of what has ended",
        "FROM deliveries WHERE order_place IS NOT NULL
             AND (order_key IS NULL OR state IN ('delivered', 'dead_lettered', 'cancelled'))",
    ),
    (
        "two of a key at a time",
        "FROM deliveries WHERE order_place IS NOT NULL AND state <> 'waiting' GROUP BY endpoint_id, order_key HAVING count(*) > 1",
    ),
    (
        "a body without its message",
        "FROM bodies WHERE message_id NOT IN (SELECT id FROM messages)",
    ),
    (
        "an attempt without its delivery",
        "FROM attempts WHERE delivery_id NOT IN (SELECT id FROM deliveries)",
    ),
    (
        "more attempts than it counts",
        "FROM deliveries WHERE attempts_total < (SELECT count(*) FROM attempts WHERE delivery_id = deliveries.id)",
    ),
    (
        "an event without its request",
        "FROM inbound_events WHERE inbound_id NOT IN (SELECT id FROM inbound_requests)",
    ),
    (
        "a count of messages that differs",
        "FROM counters HAVING sum(messages) <> (SELECT count(*) FROM messages)",
    ),
    (
        "a count of delivered ones that differs",
        "FROM counters HAVING sum(delivered) <> (SELECT count(*) FROM deliveries WHERE state = 'delivered')",
    ),
    (
        "a count of cancelled ones that differs",
        "FROM counters HAVING sum(cancelled) <> (SELECT count(*) FROM deliveries WHERE state = 'cancelled')",
    ),
];

/// An empty database; `None` when there is no PostgreSQL.
pub(in crate::store) async fn fixture() -> Option<Fixture> {
    let database = Arc::new(countersign_cluster::database()?);
    let fixture = of(database).await;
    fixture.recover(0).await;
    Some(fixture)
}

async fn of(database: Arc<Database>) -> Fixture {
    Fixture {
        store: Arc::new(open(&database).await),
        engine: Box::new(Server(database)),
    }
}

pub(in crate::store) async fn open(database: &Database) -> PostgresStore {
    try_open(database).await.unwrap()
}

pub(in crate::store) async fn try_open(database: &Database) -> Result<PostgresStore, StoreError> {
    let options = Options {
        limits: OPTIONS.limits,
        connections_max: 8,
        lease: Duration::from_secs(60),
        name: "suite".to_owned(),
    };
    let address = database.url().parse().unwrap();
    PostgresStore::open(&address, options, &keys(), Arc::new(SystemChance)).await
}

struct Server(Arc<Database>);

impl Engine for Server {
    fn after_a_crash(&self) -> Pin<Box<dyn Future<Output = Fixture> + Send + '_>> {
        Box::pin(async {
            let copy = Arc::new(self.0.copy_and_cut_off().unwrap());
            let fixture = of(Arc::clone(&copy)).await;
            // It takes over everything at once, and shares it with nobody: it does not look before `recover`, which is left to
            // find what was being sent.
            copy.run(
                "UPDATE endpoints SET owner = (SELECT max(generation) FROM hosts);
                 UPDATE deliveries SET leased_by = (SELECT max(generation) FROM hosts) WHERE state = 'sending';
                 DELETE FROM hosts WHERE generation < (SELECT max(generation) FROM hosts)",
            )
            .unwrap();
            fixture
        })
    }

    fn before_recovery(&self) {
        self.0
            .run("UPDATE deliveries SET leased_by = 0 WHERE state = 'sending'")
            .unwrap();
    }

    fn findings(&self) -> Vec<String> {
        let broken = INVARIANTS.iter().filter(|(_, sql)| {
            let sql = format!("SELECT count(*) {sql}");
            let counts = self.0.query(&sql).unwrap();
            counts.iter().flatten().any(|count| count != "0")
        });
        broken.map(|(name, _)| (*name).to_owned()).collect()
    }

    fn sealed(&self) -> Vec<String> {
        let sql = "SELECT sealed FROM endpoint_secrets ORDER BY endpoint_id, place";
        let found = self.0.query(sql).unwrap();
        found.into_iter().flatten().collect()
    }
}
