//! What concerns the file: how it is written, copied, checked and sealed. The contract is in `store/suite`.

mod commits;
mod files;
mod sealing;

use super::*;
use crate::{
    chance::SystemChance,
    store::{
        DeliveryState, Prunable, SecretText, SigningSecret,
        suite::{
            self, SECRET, ended, keys, message,
            sqlite::{open, sealed},
        },
    },
};
use bytes::Bytes;
use rusqlite::Connection;
use std::{ops::Deref, path::PathBuf, sync::Arc};
use tempfile::TempDir;

pub(in crate::store) const OPTIONS: Options = Options {
    limits: QueueLimits {
        queue_max: 64,
        queue_bytes_max: 1024 * 1024,
        batch_max: 16,
    },
    durability: Durability::Full,
    reserve_bytes: 0,
    check: StartCheck::Quick,
    check_limit: Duration::from_secs(60),
};

/// The suite's, with the folder of the file.
struct Fixture {
    suite: suite::Fixture,
    folder: Arc<TempDir>,
}

impl Fixture {
    fn new() -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        Self {
            suite: suite::sqlite::of(Arc::clone(&folder)),
            folder,
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("a.db")
    }
}

impl Deref for Fixture {
    type Target = suite::Fixture;

    fn deref(&self) -> &Self::Target {
        &self.suite
    }
}

#[tokio::test]
async fn a_second_process_is_refused_and_a_closed_store_opens_again() {
    let fixture = Fixture::new();
    let endpoint = fixture.endpoint().await;
    let second = SqliteStore::open(&fixture.path(), OPTIONS, &keys(), Arc::new(SystemChance));
    assert!(matches!(second, Err(StoreError::InUse { .. })));
    fixture.store.close().await.unwrap();
    assert!(!fixture.folder.path().join("a.db-wal").exists());
    let Fixture { suite, folder } = fixture;
    drop(suite);
    let again = open(&folder.path().join("a.db"));
    assert_eq!(again.endpoints().await.unwrap(), [endpoint]);
}

#[tokio::test]
async fn both_questions_about_failed_events_are_answered_from_their_indices() {
    let fixture = Fixture::new();
    let connection = Connection::open(fixture.path()).unwrap();
    let plan = |sql: &str| -> String {
        let mut explain = connection
            .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
            .unwrap();
        let mut rows = explain.raw_query();
        let mut steps = String::new();
        while let Some(row) = rows.next().unwrap() {
            steps.push_str(&row.get::<_, String>("detail").unwrap());
            steps.push('\n');
        }
        steps
    };
    let listing = plan(reads::FAILED_EVENTS);
    assert!(listing.contains("INDEX failed_events_unseen"), "{listing}");
    assert!(
        !listing.contains("SCAN") && !listing.contains("TEMP B-TREE"),
        "{listing}"
    );
    let finding = plan(reads::FAILED_DELIVERIES);
    assert!(
        finding.contains("INDEX failed_events_by_event"),
        "{finding}"
    );
}
