//! The embedded store, for the suite.

use super::{Engine, Fixture, keys};
use crate::{
    chance::SystemChance,
    store::sqlite::{SqliteStore, check, tests::OPTIONS},
};
use rusqlite::Connection;
use std::{future::Future, path::Path, pin::Pin, sync::Arc};
use tempfile::TempDir;

/// An empty file.
pub(in crate::store) fn fixture() -> Fixture {
    of(Arc::new(tempfile::tempdir().unwrap()))
}

/// The file of this folder, which is kept until the end.
pub(in crate::store) fn of(folder: Arc<TempDir>) -> Fixture {
    Fixture {
        store: Arc::new(open(&folder.path().join("a.db"))),
        engine: Box::new(File(folder)),
    }
}

pub(in crate::store) fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path, OPTIONS, &keys(), Arc::new(SystemChance)).unwrap()
}

/// The sealed secrets of a file.
pub(in crate::store) fn sealed(path: &Path) -> Vec<String> {
    let connection = Connection::open(path).unwrap();
    let mut statement = connection
        .prepare("SELECT sealed FROM endpoint_secrets ORDER BY endpoint_id, place")
        .unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

struct File(Arc<TempDir>);

impl Engine for File {
    fn after_a_crash(&self) -> Pin<Box<dyn Future<Output = Fixture> + Send + '_>> {
        let copy = tempfile::tempdir().unwrap();
        for name in ["a.db", "a.db-wal"] {
            std::fs::copy(self.0.path().join(name), copy.path().join(name)).unwrap();
        }
        Box::pin(async { of(Arc::new(copy)) })
    }

    fn before_recovery(&self) {
        // The lock of its file says that it has gone.
    }

    fn findings(&self) -> Vec<String> {
        check(&self.0.path().join("a.db")).unwrap()
    }

    fn sealed(&self) -> Vec<String> {
        sealed(&self.0.path().join("a.db"))
    }
}
