//! Reading connections. They see the last commit and never wait for the writer (WAL).

use super::{schema, writer::failed};
use crate::{
    store::{Later, StoreError},
    trouble::Trouble,
};
use rusqlite::Connection;
use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
};
use tokio::sync::Semaphore;

/// Reads at a time. They share the disk with the writer; more would only take turns.
const READS_MAX: usize = 4;

pub(super) struct Reader {
    store: PathBuf,
    idle: Arc<Mutex<Vec<Connection>>>,
    places: Arc<Semaphore>,
    trouble: Arc<Trouble>,
}

impl Reader {
    pub(super) fn new(store: PathBuf) -> Self {
        Self {
            store,
            idle: Arc::default(),
            places: Arc::new(Semaphore::new(READS_MAX)),
            trouble: Arc::default(),
        }
    }

    /// Reads in one transaction, on a thread for blocking work.
    pub(super) fn read<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Later<T> {
        let (store, idle, places) = (
            self.store.clone(),
            Arc::clone(&self.idle),
            Arc::clone(&self.places),
        );
        let trouble = Arc::clone(&self.trouble);
        Box::pin(async move {
            let _place = places
                .acquire_owned()
                .await
                .map_err(|_| StoreError::Closed)?;
            let read = tokio::task::spawn_blocking(move || {
                let kept = idle.lock().ok().and_then(|mut idle| idle.pop());
                let mut connection = kept.map_or_else(|| schema::open_reader(&store), Ok)?;
                let transaction = connection.transaction()?;
                let done = work(&transaction)?;
                drop(transaction);
                if let Ok(mut idle) = idle.lock() {
                    idle.push(connection);
                }
                Ok(done)
            });
            let done = match read.await {
                Ok(done) => done.map_err(|error| failed(doing, &error)),
                Err(error) => Err(StoreError::Failed {
                    doing,
                    problem: error.to_string(),
                }),
            };
            match &done {
                Ok(_) => {
                    trouble.over();
                }
                Err(error) => {
                    if let Some(failures) = trouble.failed() {
                        tracing::error!(%error, failures, "reading from the store failed");
                    }
                }
            }
            done
        })
    }

    /// Closes idle connections.
    pub(super) fn close(&self) {
        self.places.close();
        if let Ok(mut idle) = self.idle.lock() {
            idle.clear();
        }
    }
}
