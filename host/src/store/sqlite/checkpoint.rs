//! Copying the write-ahead log into the file, on a thread of its own.
//!
//! By itself SQLite does that within a commit, and whoever waits for that commit waits for thousands of pages and two more
//! fsyncs. Here the writing thread only finishes what is left when the log has become long, so that it begins anew.

use super::{schema, writer::failed};
use crate::store::StoreError;
use rusqlite::Connection;
use std::{
    path::Path,
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

/// How often. The log grows by some MiB in this time under full load.
const EVERY: Duration = Duration::from_millis(250);

/// The thread. It ends when this is dropped, and its connection is closed then.
pub(super) struct Checkpointer {
    stop: Option<mpsc::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Checkpointer {
    /// Starts it for a file that is open for writing already.
    pub(super) fn start(store: &Path) -> Result<Self, StoreError> {
        let connection =
            schema::open_second(store).map_err(|error| failed("opening the file", &error))?;
        let (stop, stopped) = mpsc::channel::<()>();
        let thread = thread::Builder::new()
            .name("store-checkpoint".to_owned())
            .spawn(move || {
                while stopped.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                    copy(&connection);
                }
            })
            .map_err(|error| StoreError::Failed {
                doing: "starting the checkpoint thread",
                problem: error.to_string(),
            })?;
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It has nothing to say.
            let _ = thread.join();
        }
    }
}

/// Copies what it can without making anybody wait. What fails here fails again in the writing thread, which tells.
fn copy(connection: &Connection) {
    let copied = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
    if let Err(error) = copied {
        tracing::debug!(%error, "the write-ahead log could not be copied into the file; trying again");
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tests::OPTIONS, *};

    #[test]
    fn what_was_written_is_copied_and_the_thread_ends() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let writer = schema::open_writer(&path, &OPTIONS).unwrap();
        let checkpointer = Checkpointer::start(&path).unwrap();
        writer
            .execute_batch("CREATE TABLE t (n); INSERT INTO t VALUES (1)")
            .unwrap();
        copy(&schema::open_second(&path).unwrap());
        // The file alone has the row now.
        let copied = folder.path().join("b.db");
        std::fs::copy(&path, &copied).unwrap();
        let alone = Connection::open(&copied).unwrap();
        let count = alone.query_row("SELECT count(*) FROM t", [], |row| row.get(0));
        assert_eq!(count, Ok(1));
        drop(checkpointer);
    }
}
