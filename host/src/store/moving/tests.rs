//! Everything there and back again, and what happens when it is interrupted.

mod identity;

use super::*;
use crate::{
    identity::ClientIdentity,
    ids::{ApiKeyId, InboundId, WorkspaceId},
    store::{
        ApiKey, DeliveryState, Endpoint, EventType, Filter, Idempotency, Inbound, KeyDigest,
        MessageFilter, NewBatch, NewInbound, NewInboundEvent, NewKey, Role, Store, VerifiedBy,
        Workspace,
        sqlite::{SqliteStore, check, tests::OPTIONS},
        suite::{self, DEAD, ended, keys, message, sqlite::open},
    },
};
use bytes::Bytes;
use countersign_cluster::Database as TestDatabase;
use countersign_core::delivery::DeadLetterReason;
use std::sync::{
    Mutex,
    atomic::{AtomicU64, Ordering},
};
use tempfile::TempDir;

/// More than one part.
const MESSAGES: u64 = 2_300;

/// A file with something in every table.
async fn filled(folder: &Path) -> PathBuf {
    let path = folder.join("a.db");
    let store = open(&path);
    let workspace = Workspace {
        id: WorkspaceId::parse("acme").unwrap(),
        number: 0,
        name: Some("Acme".to_owned()),
        created_at_ms: 3,
    };
    store.create_workspace(workspace).await.unwrap();
    let key = ApiKey {
        id: ApiKeyId::new(1, &SystemChance),
        workspace: None,
        role: Role::Publish,
        name: None,
        digest: KeyDigest([7; 32]),
        created_at_ms: 4,
        expires_at_ms: Some(u64::MAX >> 8),
    };
    store.create_key(key).await.unwrap();
    let event_type = EventType {
        workspace: WorkspaceId::default(),
        provider: "standard".to_owned(),
        name: "a.b".to_owned(),
        description: Some("with a zero byte: \0".to_owned()),
        schema: None,
        created_at_ms: 5,
        updated_at_ms: 6,
    };
    store.keep_event_type(event_type).await.unwrap();
    let (one, two) = (
        suite::create_endpoint(&store).await,
        suite::create_endpoint(&store).await,
    );
    with_certificate(&store, &two).await;
    deliveries(&store, &one, &two).await;
    assert!(store.create_replay(suite::replay(9), 3).await.unwrap());
    store.take_in(inbound(&one)).await.unwrap();
    store.close().await.unwrap();
    drop(store);
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection
        .execute(
            "INSERT INTO deliveries_apart SELECT message_id, id FROM deliveries ORDER BY id LIMIT 1",
            [],
        )
        .unwrap();
    path
}

async fn with_certificate(store: &SqliteStore, endpoint: &Endpoint) {
    let key = crate::store::SecretText::new(identity::KEY.to_owned());
    let identity = ClientIdentity::from_pem(identity::CERTIFICATE, &key).unwrap();
    let changed = Endpoint {
        identity: Some(identity),
        version: 2,
        ..endpoint.clone()
    };
    store.update_endpoint(changed, None, 7).await.unwrap();
}

async fn deliveries(store: &SqliteStore, one: &Endpoint, two: &Endpoint) {
    let messages: Vec<_> = (0..MESSAGES)
        .map(|at_ms| message(one, DeliveryState::Pending, at_ms + 1_000))
        .collect();
    let batch = NewBatch {
        messages,
        idempotency: None,
    };
    store.publish_batch(batch).await.unwrap();
    let two = Endpoint {
        version: 2,
        ..two.clone()
    };
    for (at_ms, state) in [
        (10, DeliveryState::Delivered),
        (20, DeliveryState::DeadLettered),
        (30, DeliveryState::DeadLettered),
        (40, DeliveryState::Pending),
    ] {
        let mut new = message(&two, DeliveryState::Sending, at_ms);
        new.body = Bytes::from(format!("{{\"id\":\"evt_{at_ms}\"}}"));
        new.idempotency = Some(Idempotency {
            key: at_ms.to_string(),
            request_sha256: [3; 32],
            valid_since_ms: 0,
        });
        store.publish(new.clone()).await.unwrap();
        let mut record = ended(&two, &new.deliveries[0].id, state);
        record.dead_reason =
            (state == DeliveryState::DeadLettered).then_some(DeadLetterReason::Exhausted);
        store.record(record).await.unwrap();
        if at_ms == 20 {
            store
                .acknowledge(vec![new.deliveries[0].id.clone()], 200)
                .await
                .unwrap();
        }
    }
    for at_ms in [50, 60] {
        let mut ordered = message(&two, DeliveryState::Pending, at_ms);
        ordered.deliveries[0].order_key = Some("key".into());
        store.publish(ordered).await.unwrap();
    }
    let sending = message(&two, DeliveryState::Sending, 70);
    store.publish(sending).await.unwrap();
}

fn inbound(endpoint: &Endpoint) -> NewInbound {
    NewInbound {
        request: Inbound {
            id: InboundId::new(80, &SystemChance),
            workspace: WorkspaceId::default(),
            source: "mailgun".to_owned(),
            provider: "mailgun".to_owned(),
            verified: VerifiedBy::Token,
            scheme: None,
            received_at_ms: 80,
            events_total: 1,
            body_sha256: [8; 32],
            body_bytes: 2,
        },
        body: Bytes::from_static(b"{}"),
        used_once: Some(NewKey {
            sha256: [9; 32],
            valid_until_ms: 900,
        }),
        events: vec![NewInboundEvent {
            event_type: "email.bounced".to_owned(),
            key: NewKey {
                sha256: [1; 32],
                valid_until_ms: 900,
            },
            event: "{}".to_owned(),
            passed_on: "[]".to_owned(),
            messages: vec![message(endpoint, DeliveryState::Held, 80)],
        }],
    }
}

async fn run_telling(
    from: &Location,
    to: Location,
    tell: impl FnMut(Told) + Send,
) -> Result<Moved, MoveError> {
    run(from, &to, &OPTIONS, &keys(), tell).await
}

async fn run_quietly(from: &Location, to: Location) -> Result<Moved, MoveError> {
    run_telling(from, to, |_| {}).await
}

/// What a host finds, through its own eyes.
async fn seen(store: &dyn Store) -> Vec<String> {
    let mut seen = vec![
        format!("{:?}", store.endpoints().await.unwrap()),
        format!("{:?}", store.workspaces().await.unwrap()),
        format!("{:?}", store.keys().await.unwrap()),
        format!("{:?}", store.event_types().await.unwrap()),
        format!("{:?}", store.stats().await.unwrap()),
        format!("{:?}", store.open_replays().await.unwrap()),
    ];
    let newest = MessageFilter {
        limit: 20,
        ..MessageFilter::default()
    };
    for message in store.messages(newest).await.unwrap().found {
        seen.push(format!(
            "{:?}",
            store.message(message.id.clone()).await.unwrap()
        ));
        seen.push(format!("{:?}", store.body(message.id).await.unwrap()));
    }
    let dead = Filter {
        state: Some(DeliveryState::DeadLettered),
        limit: 20,
        ..Filter::default()
    };
    let dead = store.deliveries(dead).await.unwrap().found;
    assert_eq!(dead.len(), 2);
    for delivery in &dead {
        let endpoint = delivery.endpoint_id.clone();
        let events = store
            .failed_events(endpoint.clone(), None, 10)
            .await
            .unwrap();
        seen.push(format!("{events:?}"));
        let named = store.failed_deliveries(endpoint, "evt_20".to_owned());
        seen.push(format!("{:?}", named.await.unwrap()));
    }
    seen
}

fn assert_same(one: &[String], other: &[String]) {
    assert_eq!(one.len(), other.len());
    for (one, other) in one.iter().zip(other) {
        assert_eq!(one, other);
    }
}

struct Ways {
    folder: TempDir,
    file: Location,
    database: TestDatabase,
}

impl Ways {
    /// A file that is filled, and a database that is not; `None` without PostgreSQL.
    async fn new() -> Option<Self> {
        let database = countersign_cluster::database()?;
        let folder = tempfile::tempdir().unwrap();
        let file = Location::File(filled(folder.path()).await);
        Some(Self {
            folder,
            file,
            database,
        })
    }

    fn database(&self) -> Location {
        Location::parse(self.database.url()).unwrap()
    }

    fn back(&self) -> PathBuf {
        self.folder.path().join("back.db")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_moves_to_a_database_and_back_and_secrets_open_there() {
    let Some(ways) = Ways::new().await else {
        return;
    };
    let there = run_quietly(&ways.file, ways.database()).await.unwrap();
    for (name, rows, _) in &there.tables {
        assert!(*rows > 0, "{name} is empty and shows nothing");
    }
    assert_eq!(there.replaced, 1);
    let back = ways.back();
    let database = ways.database();
    let back_again = run_quietly(&database, Location::File(back.clone()));
    let back_again = back_again.await.unwrap();
    assert_eq!(there.tables, back_again.tables);
    assert_eq!(check(&back).unwrap(), Vec::<String>::new());

    // What was being sent is nobody's, and pending once a host has started.
    let (of_database, of_file) = (suite::postgres::open(&ways.database).await, open(&back));
    of_database.recover(100).await.unwrap();
    assert_eq!(of_file.recover(100).await.unwrap().interrupted, 1);
    let (in_database, in_file) = (seen(&of_database).await, seen(&of_file).await);
    assert_same(&in_database, &in_file);
    // The file that everything came from differs by the zero byte.
    let Location::File(file) = &ways.file else {
        unreachable!("it is a file");
    };
    let of_file = open(file);
    of_file.recover(100).await.unwrap();
    let before = seen(&of_file).await;
    let without_zeroes: Vec<_> = before
        .iter()
        .map(|text| text.replace("\\0", "\u{fffd}"))
        .collect();
    assert_same(&without_zeroes, &in_file);
    let dead = Filter {
        state: Some(DeliveryState::DeadLettered),
        limit: 1,
        ..Filter::default()
    };
    let dead = of_database.deliveries(dead).await.unwrap().found.remove(0);
    let retried = of_database
        .retry(dead.id, DEAD.to_vec(), 300)
        .await
        .unwrap();
    assert!(
        matches!(retried, crate::store::Retried::Pending(_)),
        "{retried:?}"
    );
}

/// Moves until so many parts have been kept, and is killed then.
async fn killed_after(parts: u64, from: &Location, to: &Location) {
    let (from, to) = (from.clone(), to.clone());
    let moving = tokio::spawn(async move {
        let kept = AtomicU64::new(0);
        run(&from, &to, &OPTIONS, &keys(), |told| {
            if matches!(told, Told::Moved { .. })
                && kept.fetch_add(1, Ordering::Relaxed) + 1 >= parts
            {
                std::panic::resume_unwind(Box::new("killed"));
            }
        })
        .await
    });
    assert!(moving.await.is_err_and(|error| error.is_panic()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_move_goes_on_and_nobody_opens_what_it_left() {
    let Some(ways) = Ways::new().await else {
        return;
    };
    let whole = run_quietly(
        &ways.file,
        Location::File(ways.folder.path().join("whole.db")),
    );
    let whole = whole.await.unwrap();
    let (database, back) = (ways.database(), Location::File(ways.back()));
    for (from, to) in [(&ways.file, &database), (&database, &back)] {
        // In the middle of the messages, and of the deliveries.
        for parts in [17, 4] {
            killed_after(parts, from, to).await;
            let refused = match to {
                Location::File(path) => {
                    let opened = SqliteStore::open(path, OPTIONS, &keys(), Arc::new(SystemChance));
                    opened.err()
                }
                Location::Database(_) => suite::postgres::try_open(&ways.database).await.err(),
            };
            let refused = refused.unwrap().to_string();
            assert!(refused.contains("migrate-store"), "{refused}");
        }
        let begun = Mutex::new(None);
        let moved = run_telling(from, to.clone(), |told| {
            if let Told::Begins { rows, done } = told {
                *begun.lock().unwrap() = Some((rows, done));
            }
        });
        let moved = moved.await.unwrap();
        let (rows, done) = begun.lock().unwrap().unwrap();
        assert!(done > 0 && done < rows, "{done} of {rows}");
        let names = |moved: &Moved| -> Vec<_> {
            let tables = moved.tables.iter();
            tables.map(|(name, rows, _)| (*name, *rows)).collect()
        };
        assert_eq!(names(&moved), names(&whole));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_moved_is_refused_by_name_and_stays() {
    let Some(ways) = Ways::new().await else {
        return;
    };
    let database = ways.database();
    let same = run_quietly(&ways.file, ways.file.clone())
        .await
        .unwrap_err();
    assert!(matches!(same, MoveError::Same(_)), "{same}");
    let missing = Location::File(ways.folder.path().join("missing.db"));
    let refused = run_quietly(&missing, ways.database()).await.unwrap_err();
    assert!(refused.to_string().contains("there is no"), "{refused}");
    let unused = run_quietly(&database, missing).await.unwrap_err();
    assert!(unused.to_string().contains("no host has ever"), "{unused}");

    let other = KeySource::Given(zeroize::Zeroizing::new("02".repeat(32)));
    let refused = run(&ways.file, &database, &OPTIONS, &other, |_| {}).await;
    assert!(
        matches!(refused, Err(MoveError::Store(StoreError::Key(_)))),
        "{refused:?}"
    );
    // Half of it came from elsewhere.
    killed_after(8, &ways.file, &database).await;
    let second = ways.folder.path().join("second");
    std::fs::create_dir(&second).unwrap();
    let second = Location::File(filled(&second).await);
    let mixed = run_quietly(&second, ways.database()).await.unwrap_err();
    assert!(matches!(mixed, MoveError::OtherSource { .. }), "{mixed}");
    run_quietly(&ways.file, ways.database()).await.unwrap();
    let full = run_quietly(&second, ways.database()).await.unwrap_err();
    assert!(full.to_string().contains("something in it"), "{full}");
    // A host uses it.
    let host = suite::postgres::open(&ways.database).await;
    host.recover(1).await.unwrap();
    let used = run_quietly(&database, Location::File(ways.back()));
    let used = used.await.unwrap_err();
    assert!(used.to_string().contains("Stop every host"), "{used}");
    let Location::File(path) = &ways.file else {
        unreachable!("it is a file");
    };
    let _store = open(path);
    let used = run_quietly(&ways.file, ways.database()).await.unwrap_err();
    assert!(
        matches!(used, MoveError::Store(StoreError::InUse { .. })),
        "{used}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_changed_on_the_way_is_found() {
    let Some(ways) = Ways::new().await else {
        return;
    };
    let once = std::sync::Once::new();
    let damage = |sql: &str| ways.database.run(sql).unwrap();
    let moved = run_telling(&ways.file, ways.database(), |told| {
        if matches!(told, Told::Checks { .. }) {
            once.call_once(|| damage("UPDATE attempts SET duration_ms = duration_ms + 1"));
        }
    });
    let refused = moved.await.unwrap_err();
    assert!(
        matches!(
            refused,
            MoveError::Differs {
                table: "attempts",
                ..
            }
        ),
        "{refused}"
    );
}
