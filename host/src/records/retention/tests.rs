//! Retention with a clock of its own: days pass in no time.

use super::*;
use crate::{
    chance::SystemChance,
    clock::Sleep,
    ids::{AttemptId, DeliveryId, EndpointId, MessageId, WorkspaceId},
    store::{
        Attempt, Claim, DeliveryState, Ended, Endpoint, Idempotency, NewDelivery, NewMessage,
        Published, Stored,
        sqlite::{Durability, Options, QueueLimits, SqliteStore, StartCheck},
    },
    vault::KeySource,
};
use bytes::Bytes;
use countersign_core::{
    delivery::{EndpointHealth, EndpointState, Outcome},
    subscription::{Scope, Subscription},
};
use countersign_guest::EndpointRules;
use std::sync::atomic::{AtomicU64, Ordering};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// Goes on only when somebody sleeps or sets it.
struct FakeClock(AtomicU64);

impl Clock for FakeClock {
    fn now_ms(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.now_ms())
    }

    fn sleep(&self, wait: Duration) -> Sleep {
        self.0
            .fetch_add(u64::try_from(wait.as_millis()).unwrap(), Ordering::SeqCst);
        Box::pin(std::future::ready(()))
    }
}

struct Fixture {
    retention: Retention,
    given: watch::Sender<Settings>,
    clock: Arc<FakeClock>,
    endpoint: Endpoint,
    _folder: tempfile::TempDir,
}

const FOR_EVER: Settings = Settings {
    messages: None,
    attempts: None,
    bodies: None,
    dead_letters: None,
    inbound: None,
    size_max: None,
};

impl Fixture {
    async fn new(settings: Settings) -> Self {
        let settings = watch::channel(settings);
        let folder = tempfile::tempdir().unwrap();
        let options = Options {
            limits: QueueLimits {
                queue_max: 64,
                queue_bytes_max: 16 * 1024 * 1024,
                batch_max: 16,
            },
            durability: Durability::Normal,
            reserve_bytes: 0,
            check: StartCheck::Off,
            check_limit: DAY,
        };
        let keys = KeySource::File(folder.path().join("secrets.key"));
        let file = folder.path().join("a.db");
        let store = SqliteStore::open(&file, options, &keys, Arc::new(SystemChance)).unwrap();
        let store = Arc::new(store);
        let endpoint = Endpoint {
            id: EndpointId::new(1, &SystemChance),
            workspace: WorkspaceId::default(),
            number: 1,
            provider: "cleanmails".to_owned(),
            url: "https://example.com/".to_owned(),
            name: None,
            rules: EndpointRules {
                subscription: Subscription::All,
                scope: Scope::User,
                filter: None,
            },
            settings: Arc::default(),
            secrets: Vec::new(),
            identity: None,
            state: EndpointState::Active,
            reason: None,
            since_ms: 1,
            probe_at_ms: None,
            health: EndpointHealth::default(),
            version: 1,
            created_at_ms: 1,
        };
        store.create_endpoint(endpoint.clone()).await.unwrap();
        let clock = Arc::new(FakeClock(AtomicU64::new(100 * DAY_MS)));
        Self {
            retention: Retention {
                store,
                clock: Arc::clone(&clock) as Arc<dyn Clock>,
                settings: settings.1,
            },
            given: settings.0,
            clock,
            endpoint,
            _folder: folder,
        }
    }

    /// A message of this moment, delivered at once unless it is to stay open.
    async fn message(&self, body_bytes: usize, open: bool) -> (MessageId, DeliveryId) {
        let now_ms = self.clock.now_ms();
        let id = MessageId::new(now_ms, &SystemChance);
        let delivery = DeliveryId::of(&id, 0);
        let message = NewMessage {
            id: id.clone(),
            workspace: WorkspaceId::default(),
            provider: "cleanmails".to_owned(),
            event_type: "email.sent".to_owned(),
            body: Bytes::from(vec![b'x'; body_bytes]),
            created_at_ms: now_ms,
            catalogue: None,
            idempotency: Some(Idempotency {
                key: id.to_string(),
                request_sha256: [1; 32],
                valid_since_ms: 0,
            }),
            deliveries: vec![NewDelivery {
                id: delivery.clone(),
                endpoint_id: self.endpoint.id.clone(),
                endpoint_version: 1,
                state: DeliveryState::Sending,
                order_key: None,
            }],
        };
        let published = self.retention.store.publish(message).await.unwrap();
        assert_eq!(published, Published::Stored(Stored::default()));
        if !open {
            let ended = Ended {
                fence: None,
                delivery_id: delivery.clone(),
                endpoint_id: self.endpoint.id.clone(),
                attempt: Attempt {
                    id: AttemptId::new(now_ms, &SystemChance),
                    number: 1,
                    started_at_ms: now_ms,
                    duration_ms: 0,
                    outcome: Outcome::Response {
                        status: 200,
                        retry_after_s: None,
                    },
                    detail: None,
                    response: Vec::new(),
                },
                attempts_in_round: 1,
                first_started_at_ms: now_ms,
                state: DeliveryState::Delivered,
                dead_reason: None,
                next_attempt_at_ms: None,
                health: EndpointHealth::default(),
                order_key: None,
                change: None,
                operational: Vec::new(),
            };
            self.retention.store.record(ended).await.unwrap();
        }
        (id, delivery)
    }

    fn pass(&self, days: u64) {
        self.clock.0.fetch_add(days * DAY_MS, Ordering::SeqCst);
    }

    async fn is_kept(&self, message: &MessageId) -> bool {
        let found = self.retention.store.message(message.clone()).await.unwrap();
        found.is_some()
    }

    async fn attempts(&self, delivery: &DeliveryId) -> usize {
        let found = self
            .retention
            .store
            .delivery(delivery.clone())
            .await
            .unwrap();
        found.unwrap().1.len()
    }
}

#[tokio::test]
async fn each_age_is_kept_to_the_day() {
    let fixture = Fixture::new(Settings {
        messages: Some(30 * DAY),
        attempts: Some(10 * DAY),
        bodies: Some(20 * DAY),
        ..FOR_EVER
    })
    .await;
    let (message, delivery) = fixture.message(10, false).await;
    let (open, open_delivery) = fixture.message(10, true).await;
    fixture.pass(9);
    fixture.retention.round().await.unwrap();
    assert_eq!(fixture.attempts(&delivery).await, 1);
    fixture.pass(2);
    fixture.retention.round().await.unwrap();
    assert_eq!(fixture.attempts(&delivery).await, 0);
    let again = || {
        let states = vec![DeliveryState::Delivered];
        let retried = fixture.retention.store.retry(delivery.clone(), states, 1);
        async { format!("{:?}", retried.await.unwrap()) }
    };
    fixture.pass(10);
    fixture.retention.round().await.unwrap();
    assert_eq!(again().await, "WithoutBody");
    assert!(fixture.is_kept(&message).await);
    fixture.pass(10);
    fixture.retention.round().await.unwrap();
    assert!(!fixture.is_kept(&message).await);
    // What has not ended stays whatever its age, and can be sent.
    fixture.pass(1_000);
    fixture.retention.round().await.unwrap();
    assert!(fixture.is_kept(&open).await);
    let store = &fixture.retention.store;
    store.put_back(vec![open_delivery], None, 5).await.unwrap();
    let claim = Claim {
        endpoint_id: fixture.endpoint.id.clone(),
        places: 9,
        held_max: 9,
    };
    let now_ms = fixture.clock.now_ms();
    let claimed = store.claim(vec![claim], u64::MAX, now_ms).await.unwrap();
    assert_eq!(claimed[0].leases.len(), 1);
}

#[tokio::test]
async fn keys_are_forgotten_after_a_day_whatever_is_set() {
    let fixture = Fixture::new(FOR_EVER).await;
    let (message, _) = fixture.message(10, false).await;
    let size = |what| {
        let step = Prune {
            what,
            after: None,
            before_ms: u64::MAX >> 1,
            dead_before_ms: None,
            rows_max: 10,
        };
        fixture.retention.store.prune(step)
    };
    fixture.pass(2);
    fixture.retention.round().await.unwrap();
    assert_eq!(size(Prunable::Keys).await.unwrap().removed, 0);
    assert!(fixture.is_kept(&message).await);
    let (_, delivery) = fixture.message(10, false).await;
    fixture.retention.round().await.unwrap();
    assert_eq!(size(Prunable::Keys).await.unwrap().removed, 1);
    assert_eq!(fixture.attempts(&delivery).await, 1);
}

#[tokio::test]
async fn when_there_is_too_much_the_oldest_goes_first_and_a_day_of_messages_stays_listed() {
    let size_max = 2_000_000;
    let fixture = Fixture::new(Settings {
        messages: Some(30 * DAY),
        size_max: Some(size_max),
        ..FOR_EVER
    })
    .await;
    let mut messages = Vec::new();
    for day in 0..4 {
        for _ in 0..100 {
            messages.push((day, fixture.message(10_000, false).await.0));
        }
        let open = fixture.message(10_000, true).await.0;
        messages.push((9, open));
        fixture.pass(1);
    }
    let used = || async { fixture.retention.store.size().await.unwrap().used_bytes };
    assert!(used().await > size_max);
    fixture.retention.round().await.unwrap();
    assert!(used().await <= size_max, "{}", used().await);
    let mut kept = [0; 10];
    for (day, message) in &messages {
        kept[*day] += usize::from(fixture.is_kept(message).await);
    }
    // The oldest days are gone, the last one is whole, and nothing open is missing.
    assert_eq!((kept[0], kept[3], kept[9]), (0, 100, 4), "{kept:?}");

    // A single day that is too much keeps its messages, without bodies.
    for _ in 0..400 {
        fixture.message(10_000, false).await;
    }
    assert!(used().await > size_max);
    fixture.retention.round().await.unwrap();
    assert!(used().await <= size_max, "{}", used().await);
    let stats = fixture.retention.store.stats().await.unwrap();
    assert!(stats.messages >= 404, "{stats:?}");
}

/// Lets no time pass, except that the wait for the next round has no end. Takes ages back in the middle of a round.
struct Interfering {
    clock: Arc<FakeClock>,
    given: watch::Sender<Settings>,
}

impl Clock for Interfering {
    fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }

    fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }

    fn sleep(&self, wait: Duration) -> Sleep {
        if wait >= ROUND {
            return Box::pin(std::future::pending());
        }
        self.given.send_replace(FOR_EVER);
        Box::pin(std::future::ready(()))
    }
}

#[tokio::test]
async fn other_settings_end_a_round_at_its_next_step_and_begin_another() {
    let fixture = Fixture::new(FOR_EVER).await;
    for _ in 0..250 {
        fixture.message(10, false).await;
    }
    fixture.pass(9);
    // Their keys go first.
    fixture.retention.round().await.unwrap();
    let store = Arc::clone(&fixture.retention.store);
    let given = fixture.given.clone();
    let running = tokio::spawn(
        Retention {
            clock: Arc::new(Interfering {
                clock: Arc::clone(&fixture.clock),
                given: given.clone(),
            }),
            ..fixture.retention
        }
        .run(),
    );
    // A step takes a hundred.
    for expected in [150, 50, 0] {
        given.send_replace(Settings {
            messages: Some(8 * DAY),
            ..FOR_EVER
        });
        let left = || async { store.stats().await.unwrap().messages };
        while left().await > expected {}
        while expected > 0 && *given.borrow() != FOR_EVER {
            tokio::task::yield_now().await;
        }
        assert_eq!(left().await, expected);
    }
    running.abort();
}
