//! The one writing connection, on a thread of its own.
//!
//! Group commit: whatever has been queued while the last commit was on its way to the disk shares the next one, and is
//! answered after it. So one fsync serves many, and nobody waits for company.
//!
//! Jobs of a group run one after the other without savepoints, which cost as much as the writes themselves (SQLite copies
//! each page that is changed within one). When a job fails, the group is rolled back and run again, each job in a savepoint
//! of its own: the failed one leaves nothing, its neighbours are kept.

use super::checkpoint::Checkpointer;
use crate::store::{Later, StoreError};
use rusqlite::Connection;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
};
use tokio::sync::{
    OwnedSemaphorePermit, Semaphore,
    mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    oneshot,
};

/// Who makes a call, and so whether it can be refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Caller {
    /// A client: refused with [`StoreError::Busy`] when too many of its kind wait.
    Client,
    /// The delivery loop or the program itself: never refused. It has at most one call per place for an attempt under way,
    /// so the queue stays bounded although the channel is not.
    Host,
}

/// A write that waits for its turn or for the commit.
trait Write: Send {
    /// Does its part of the transaction and remembers what came of it. May be called again after a rollback.
    ///
    /// # Errors
    /// When it failed. It may have done a part, which must be undone.
    fn run(&mut self, connection: &Connection) -> Result<(), ()>;

    /// Gives back its place in the queue.
    fn leave(&mut self);

    /// Tells the caller, once the commit is known.
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

struct Work<T, F> {
    doing: &'static str,
    work: F,
    done: Option<Result<T, StoreError>>,
    answer: oneshot::Sender<Result<T, StoreError>>,
    place: Option<OwnedSemaphorePermit>,
}

impl<T: Send, F: Fn(&Connection) -> rusqlite::Result<T> + Send> Write for Work<T, F> {
    fn run(&mut self, connection: &Connection) -> Result<(), ()> {
        // A panic is a defect, but it must not take the thread with it.
        let done = catch_unwind(AssertUnwindSafe(|| (self.work)(connection)));
        let done = match done {
            Ok(done) => done.map_err(|error| failed(self.doing, &error)),
            Err(_) => Err(StoreError::Failed {
                doing: self.doing,
                problem: "the write panicked".to_owned(),
            }),
        };
        let well = done.is_ok();
        self.done = Some(done);
        well.then_some(()).ok_or(())
    }

    fn leave(&mut self) {
        self.place = None;
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        let done = self.done.unwrap_or(Err(StoreError::Closed));
        // A caller that has gone does not mind.
        let _ = self.answer.send(committed.and(done));
    }
}

enum Job {
    Write(Box<dyn Write>),
    Close(oneshot::Sender<Result<(), StoreError>>),
}

/// The queue to the writing thread.
pub(super) struct Writer {
    jobs: UnboundedSender<Job>,
    places: Arc<Semaphore>,
}

impl Writer {
    /// Starts the thread. It ends when the writer is dropped or closed.
    pub(super) fn start(
        connection: Connection,
        checkpointer: Option<Checkpointer>,
        queue_max: usize,
        batch_max: usize,
    ) -> Result<Self, StoreError> {
        let (jobs, queue) = unbounded_channel();
        thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || run(connection, checkpointer, queue, batch_max))
            .map_err(|error| StoreError::Failed {
                doing: "starting the writing thread",
                problem: error.to_string(),
            })?;
        Ok(Self {
            jobs,
            places: Arc::new(Semaphore::new(queue_max)),
        })
    }

    /// Queues a write. What `work` does is undone when it fails; it may be run twice, the first time undone.
    pub(super) fn submit<T: Send + 'static>(
        &self,
        caller: Caller,
        doing: &'static str,
        work: impl Fn(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Later<T> {
        let place = match caller {
            Caller::Host => None,
            Caller::Client => match Arc::clone(&self.places).try_acquire_owned() {
                Ok(place) => Some(place),
                Err(_) => return Box::pin(async { Err(StoreError::Busy) }),
            },
        };
        let (answer, answered) = oneshot::channel();
        let job = Job::Write(Box::new(Work {
            doing,
            work,
            done: None,
            answer,
            place,
        }));
        let queued = self.jobs.send(job).is_ok();
        Box::pin(async move {
            match queued {
                true => answered.await.unwrap_or(Err(StoreError::Closed)),
                false => Err(StoreError::Closed),
            }
        })
    }

    /// Finishes what is queued, brings everything into one file and ends the thread.
    pub(super) fn close(&self) -> Later<()> {
        let (answer, answered) = oneshot::channel();
        let _ = self.jobs.send(Job::Close(answer));
        // A writer that is closed already has nothing to do.
        Box::pin(async move { answered.await.unwrap_or(Ok(())) })
    }
}

fn execute(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([])?;
    Ok(())
}

pub(super) fn failed(doing: &'static str, error: &rusqlite::Error) -> StoreError {
    StoreError::Failed {
        doing,
        problem: error.to_string(),
    }
}

fn run(
    connection: Connection,
    checkpointer: Option<Checkpointer>,
    mut queue: UnboundedReceiver<Job>,
    batch_max: usize,
) {
    let mut close = None;
    while close.is_none() {
        let Some(first) = queue.blocking_recv() else {
            return;
        };
        close = transaction(&connection, first, &mut queue, batch_max);
    }
    // Later calls are told that the store is closed, because their end of the channel is gone.
    drop(queue);
    // So that the last checkpoint has the file to itself.
    drop(checkpointer);
    let done = connection
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .and_then(|()| connection.close().map_err(|(_, error)| error))
        .map_err(|error| failed("closing the file", &error));
    if let Some(answer) = close {
        let _ = answer.send(done);
    }
}

/// Runs `first` and what else is queued in one transaction. Returns whom to tell when the store is to be closed.
fn transaction(
    connection: &Connection,
    first: Job,
    queue: &mut UnboundedReceiver<Job>,
    batch_max: usize,
) -> Option<oneshot::Sender<Result<(), StoreError>>> {
    let mut close = None;
    let mut writes = Vec::new();
    // Trap: without a transaction around them writes would be kept one by one, and the callers be told that they are not.
    let began = execute(connection, "BEGIN IMMEDIATE");
    let mut well = began.is_ok();
    let mut next = Some(first);
    while let Some(job) = next {
        match job {
            Job::Close(answer) => {
                close = Some(answer);
                break;
            }
            Job::Write(mut write) => {
                well = well && write.run(connection).is_ok();
                writes.push(write);
            }
        }
        next = match writes.len() < batch_max {
            true => queue.try_recv().ok(),
            false => None,
        };
    }
    let committed = match (began, well) {
        (Err(error), _) => Err(error),
        (Ok(()), true) => execute(connection, "COMMIT"),
        (Ok(()), false) => one_by_one(connection, &mut writes),
    };
    let committed = committed.map_err(|error| failed("committing", &error));
    if let Err(error) = &committed {
        tracing::error!(%error, "nothing of the last writes is kept");
        // Nothing to roll back when the transaction did not begin or has ended itself.
        let _ = execute(connection, "ROLLBACK");
    }
    // Before the answers: whoever hears of a commit finds its place free.
    for write in &mut writes {
        write.leave();
    }
    for write in writes {
        write.answer(committed.clone());
    }
    close
}

/// Undoes a transaction in which a write failed, and runs its writes again, so that only those are undone that fail.
fn one_by_one(connection: &Connection, writes: &mut [Box<dyn Write>]) -> rusqlite::Result<()> {
    // A full disk ends the transaction by itself.
    if !connection.is_autocommit() {
        execute(connection, "ROLLBACK")?;
    }
    execute(connection, "BEGIN IMMEDIATE")?;
    for write in writes {
        execute(connection, "SAVEPOINT job")?;
        if write.run(connection).is_err() {
            execute(connection, "ROLLBACK TO job")?;
        }
        execute(connection, "RELEASE job")?;
    }
    execute(connection, "COMMIT")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writer(queue_max: usize) -> (Writer, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let connection = Connection::open(folder.path().join("a.db")).unwrap();
        connection
            .execute_batch("CREATE TABLE t (n INTEGER UNIQUE)")
            .unwrap();
        (
            Writer::start(connection, None, queue_max, 8).unwrap(),
            folder,
        )
    }

    fn insert(writer: &Writer, n: i64) -> Later<()> {
        writer.submit(Caller::Host, "testing", move |connection| {
            connection.execute("INSERT INTO t VALUES (?)", [n])?;
            // Fails when it is there already, after another row was written.
            connection.execute("INSERT INTO t VALUES (?)", [n + 1])?;
            Ok(())
        })
    }

    fn count(writer: &Writer) -> Later<i64> {
        writer.submit(Caller::Host, "testing", |connection| {
            connection.query_row("SELECT count(*) FROM t", [], |row| row.get(0))
        })
    }

    #[tokio::test]
    async fn a_write_that_fails_leaves_nothing_and_its_neighbours_stay() {
        let (writer, _folder) = writer(8);
        // Queued together, so that they share a transaction.
        let writes = [insert(&writer, 1), insert(&writer, 0), insert(&writer, 5)];
        let panics: Later<()> = writer.submit(Caller::Host, "testing", |_| panic!("on purpose"));
        let [one, two, three] = writes;
        assert!(one.await.is_ok());
        assert!(two.await.is_err());
        assert!(three.await.is_ok());
        assert!(panics.await.is_err());
        assert_eq!(count(&writer).await.unwrap(), 4);
    }

    #[tokio::test]
    async fn clients_are_refused_when_too_many_wait_and_the_host_is_not() {
        let (writer, _folder) = writer(1);
        let (hold, held) = std::sync::mpsc::channel::<()>();
        let first = writer.submit(Caller::Client, "testing", move |_| {
            let _ = held.recv();
            Ok(())
        });
        let second = writer.submit(Caller::Client, "testing", |_| Ok(()));
        assert!(matches!(second.await, Err(StoreError::Busy)));
        let host = writer.submit(Caller::Host, "testing", |_| Ok(()));
        hold.send(()).unwrap();
        first.await.unwrap();
        host.await.unwrap();
        let third = writer.submit(Caller::Client, "testing", |_| Ok(()));
        third.await.unwrap();
    }

    #[tokio::test]
    async fn without_a_transaction_nothing_is_written() {
        let connection = Connection::open_in_memory().unwrap();
        // A transaction is open already, so that the writer cannot begin its own.
        connection
            .execute_batch("CREATE TABLE t (n UNIQUE); BEGIN")
            .unwrap();
        let writer = Writer::start(connection, None, 8, 8).unwrap();
        let (ran, has_run) = std::sync::mpsc::channel();
        let first = writer.submit(Caller::Host, "testing", move |_| {
            let _ = ran.send(());
            Ok(())
        });
        assert!(matches!(first.await, Err(StoreError::Failed { .. })));
        assert!(
            has_run.recv().is_err(),
            "it ran, and its release would have kept it"
        );
        assert_eq!(count(&writer).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_closed_writer_has_done_what_was_queued_and_takes_nothing_more() {
        let (writer, _folder) = writer(8);
        let queued = insert(&writer, 1);
        writer.close().await.unwrap();
        queued.await.unwrap();
        assert!(matches!(count(&writer).await, Err(StoreError::Closed)));
        writer.close().await.unwrap();
    }
}
