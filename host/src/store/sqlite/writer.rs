//! The one writing connection, on a thread of its own.
//!
//! Group commit: whatever has been queued while the last commit was on its way to the disk shares the next one, each job
//! in a savepoint of its own, and is answered after it. So one fsync serves many, and nobody waits for company.

use super::{QueueLimits, room::Room};
use crate::{
    store::{Later, StoreError},
    trouble::Trouble,
};
use rusqlite::{Connection, ErrorCode};
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
    /// A client that adds so many bytes, about. As `Client`, and refused with [`StoreError::Full`] when the disk is short of
    /// room.
    Publisher { bytes: usize },
    /// A client: refused with [`StoreError::Busy`] when too many of its kind wait.
    Client,
    /// The delivery loop or the program itself: never refused. It has at most one call per place for an attempt under way,
    /// so the queue stays bounded although the channel is not.
    Host,
}

type Answer = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// Does its part of the transaction, or nothing when it cannot be part of one; what comes back answers the caller once the
/// commit is known.
type Run = Box<dyn FnOnce(Result<&Connection, StoreError>) -> Answer + Send>;

enum Job {
    Write {
        run: Run,
        /// It adds data.
        adds: bool,
        /// Given back before the answer.
        _places: Places,
    },
    Close(oneshot::Sender<Result<(), StoreError>>),
}

/// Bytes that a permit of [`Writer::bytes`] stands for. Semaphores count no further than 2^29 on small machines.
const PERMIT_BYTES: usize = 1024;

/// What a call of a client takes up in the queue.
type Places = (Option<OwnedSemaphorePermit>, Option<OwnedSemaphorePermit>);

/// The queue to the writing thread.
pub(super) struct Writer {
    jobs: UnboundedSender<Job>,
    places: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    trouble: Arc<Trouble>,
}

impl Writer {
    /// Starts the thread. It ends when the writer is dropped or closed.
    pub(super) fn start(
        connection: Connection,
        limits: QueueLimits,
        room: Room,
    ) -> Result<Self, StoreError> {
        let (jobs, queue) = unbounded_channel();
        let trouble = Arc::new(Trouble::default());
        let thread = Thread {
            connection,
            batch_max: limits.batch_max as usize,
            room,
            trouble: Arc::clone(&trouble),
        };
        thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || thread.run(queue))
            .map_err(|error| StoreError::Failed {
                doing: "starting the writing thread",
                problem: error.to_string(),
            })?;
        Ok(Self {
            jobs,
            places: Arc::new(Semaphore::new(limits.queue_max as usize)),
            bytes: Arc::new(Semaphore::new(permits(limits.queue_bytes_max) as usize)),
            trouble,
        })
    }

    /// Queues a write. What `work` does is undone when it fails.
    pub(super) fn submit<T: Send + 'static>(
        &self,
        caller: Caller,
        doing: &'static str,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Later<T> {
        let Some(places) = self.places(caller) else {
            return Box::pin(async { Err(StoreError::Busy) });
        };
        let (answer, answered) = oneshot::channel();
        let trouble = Arc::clone(&self.trouble);
        let run = Box::new(
            move |connection: Result<&Connection, StoreError>| -> Answer {
                let done = connection.and_then(|connection| {
                    let done = in_savepoint(connection, doing, work);
                    if let Err(error) = &done
                        && let Some(failures) = trouble.failed()
                    {
                        tracing::error!(%error, failures, "the store failed");
                    }
                    done
                });
                Box::new(move |committed| {
                    // A caller that has gone does not mind.
                    let _ = answer.send(committed.and(done));
                })
            },
        );
        let job = Job::Write {
            run,
            adds: matches!(caller, Caller::Publisher { .. }),
            _places: places,
        };
        let queued = self.jobs.send(job).is_ok();
        Box::pin(async move {
            match queued {
                true => answered.await.unwrap_or(Err(StoreError::Closed)),
                false => Err(StoreError::Closed),
            }
        })
    }

    /// Places in the queue for a call; `None` when there are none.
    fn places(&self, caller: Caller) -> Option<Places> {
        let bytes = match caller {
            Caller::Host => return Some((None, None)),
            Caller::Client => None,
            Caller::Publisher { bytes } => {
                let bytes = permits(bytes as u64).max(1);
                Some(Arc::clone(&self.bytes).try_acquire_many_owned(bytes).ok()?)
            }
        };
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        Some((Some(place), bytes))
    }

    /// Finishes what is queued, brings everything into one file and ends the thread.
    pub(super) fn close(&self) -> Later<()> {
        let (answer, answered) = oneshot::channel();
        let _ = self.jobs.send(Job::Close(answer));
        // A writer that is closed already has nothing to do.
        Box::pin(async move { answered.await.unwrap_or(Ok(())) })
    }
}

fn in_savepoint<T>(
    connection: &Connection,
    doing: &'static str,
    work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> Result<T, StoreError> {
    let failed = |error: rusqlite::Error| failed(doing, &error);
    execute(connection, "SAVEPOINT job").map_err(failed)?;
    // A panic is a defect, but it must not take the thread with it.
    let done = catch_unwind(AssertUnwindSafe(|| work(connection)));
    match done {
        Ok(Ok(value)) => {
            execute(connection, "RELEASE job").map_err(failed)?;
            Ok(value)
        }
        other => {
            execute(connection, "ROLLBACK TO job").map_err(failed)?;
            execute(connection, "RELEASE job").map_err(failed)?;
            Err(match other {
                Ok(Err(error)) => failed(error),
                _ => StoreError::Failed {
                    doing,
                    problem: "the write panicked".to_owned(),
                },
            })
        }
    }
}

fn execute(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([])?;
    Ok(())
}

fn permits(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(PERMIT_BYTES as u64))
        .map_or(PERMITS_MAX, |permits| permits.min(PERMITS_MAX))
}

/// 512 GiB; also what a semaphore can count anywhere.
const PERMITS_MAX: u32 = (1 << 29) - 1;

pub(super) fn failed(doing: &'static str, error: &rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::Full,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Locked,
        _ => StoreError::Failed {
            doing,
            problem: error.to_string(),
        },
    }
}

/// The writing thread.
struct Thread {
    connection: Connection,
    batch_max: usize,
    room: Room,
    trouble: Arc<Trouble>,
}

impl Thread {
    fn run(self, mut queue: UnboundedReceiver<Job>) {
        let mut close = None;
        while close.is_none() {
            let Some(first) = queue.blocking_recv() else {
                return;
            };
            close = self.transaction(first, &mut queue);
        }
        // Later calls are told that the store is closed, because their end of the channel is gone.
        drop(queue);
        let done = self
            .connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .and_then(|()| self.connection.close().map_err(|(_, error)| error))
            .map_err(|error| failed("closing the file", &error));
        if let Some(answer) = close {
            let _ = answer.send(done);
        }
    }

    /// Runs `first` and what else is queued in one transaction. Returns whom to tell when the store is to be closed.
    fn transaction(
        &self,
        first: Job,
        queue: &mut UnboundedReceiver<Job>,
    ) -> Option<oneshot::Sender<Result<(), StoreError>>> {
        let connection = &self.connection;
        let mut close = None;
        let mut answers = Vec::new();
        let mut all_places = Vec::new();
        let mut is_short = None;
        let failures = self.trouble.count();
        let began = execute(connection, "BEGIN IMMEDIATE")
            .map_err(|error| failed("beginning a transaction", &error));
        let mut next = Some(first);
        while let Some(job) = next {
            match job {
                Job::Close(answer) => {
                    close = Some(answer);
                    break;
                }
                Job::Write { run, adds, _places } => {
                    // Trap: without a transaction around it a savepoint is one by itself, and its release would commit what
                    // the callers are then told is not kept.
                    let within = match &began {
                        Err(error) => Err(error.clone()),
                        Ok(()) if adds && *is_short.get_or_insert_with(|| self.room.is_short()) => {
                            Err(StoreError::Full)
                        }
                        Ok(()) => Ok(connection),
                    };
                    answers.push(run(within));
                    all_places.push(_places);
                }
            }
            // Trap: a full disk may make SQLite end the whole transaction in the middle of a statement.
            let lost = began.is_ok() && connection.is_autocommit();
            next = match answers.len() < self.batch_max && !lost {
                true => queue.try_recv().ok(),
                false => None,
            };
        }
        // Fails when the transaction was lost.
        let committed = began.and_then(|()| {
            execute(connection, "COMMIT").map_err(|error| failed("committing", &error))
        });
        match &committed {
            Ok(()) => {
                // Unless one of them failed alone.
                if self.trouble.count() == failures
                    && let Some(failures) = self.trouble.over()
                {
                    tracing::info!(failures, "the store works again");
                }
            }
            Err(error) => {
                if let Some(failures) = self.trouble.failed() {
                    tracing::error!(%error, failures, "the store failed; nothing of the last writes is kept");
                }
                // Nothing to roll back when the transaction did not begin or has ended itself.
                let _ = execute(connection, "ROLLBACK");
            }
        }
        // Before the answers: whoever hears of a commit finds its place free.
        drop(all_places);
        for answer in answers {
            answer(committed.clone());
        }
        close
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(queue_max: u32) -> QueueLimits {
        QueueLimits {
            queue_max,
            queue_bytes_max: 64 * 1024,
            batch_max: 8,
        }
    }

    fn writer(queue_max: u32) -> (Writer, tempfile::TempDir) {
        writer_with_reserve(queue_max, 0)
    }

    fn writer_with_reserve(queue_max: u32, reserve_bytes: u64) -> (Writer, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let connection = Connection::open(folder.path().join("a.db")).unwrap();
        connection
            .execute_batch("CREATE TABLE t (n INTEGER UNIQUE)")
            .unwrap();
        let room = Room::new(&folder.path().join("a.db"), reserve_bytes);
        (
            Writer::start(connection, limits(queue_max), room).unwrap(),
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
    async fn publishers_are_refused_when_too_many_bytes_wait() {
        let (writer, _folder) = writer(8);
        let (hold, held) = std::sync::mpsc::channel::<()>();
        let publish = |kib: usize| Caller::Publisher { bytes: kib * 1024 };
        let first = writer.submit(publish(40), "testing", move |_| {
            let _ = held.recv();
            Ok(())
        });
        let second = writer.submit(publish(30), "testing", |_| Ok(()));
        assert!(matches!(second.await, Err(StoreError::Busy)));
        let small = writer.submit(publish(20), "testing", |_| Ok(()));
        let client = writer.submit(Caller::Client, "testing", |_| Ok(()));
        hold.send(()).unwrap();
        for queued in [first, small, client] {
            queued.await.unwrap();
        }
        let again = writer.submit(publish(60), "testing", |_| Ok(()));
        again.await.unwrap();
    }

    #[tokio::test]
    async fn a_disk_that_is_short_of_room_takes_outcomes_and_nothing_new() {
        let (writer, _folder) = writer_with_reserve(8, u64::MAX);
        let (hold, held) = std::sync::mpsc::channel::<()>();
        let first = writer.submit(Caller::Client, "testing", move |_| {
            let _ = held.recv();
            Ok(())
        });
        // They share a transaction; only one of them adds data.
        let outcome = insert(&writer, 1);
        let publish = Caller::Publisher { bytes: 1 };
        let new = writer.submit(publish, "testing", |connection| {
            connection.execute("INSERT INTO t VALUES (9)", [])?;
            Ok(())
        });
        hold.send(()).unwrap();
        first.await.unwrap();
        outcome.await.unwrap();
        assert!(matches!(new.await, Err(StoreError::Full)));
        assert_eq!(count(&writer).await.unwrap(), 2);
    }

    #[tokio::test]
    async fn a_transaction_that_is_lost_in_the_middle_takes_nobody_with_it() {
        let (writer, _folder) = writer(8);
        let (hold, held) = std::sync::mpsc::channel::<()>();
        let first = writer.submit(Caller::Host, "testing", move |connection| {
            let _ = held.recv();
            connection.execute("INSERT INTO t VALUES (7)", [])?;
            // What SQLite does by itself when the disk is full.
            connection.execute_batch("ROLLBACK")
        });
        let second = insert(&writer, 1);
        hold.send(()).unwrap();
        assert!(first.await.is_err());
        second.await.unwrap();
        assert_eq!(count(&writer).await.unwrap(), 2);
    }

    #[tokio::test]
    async fn without_a_transaction_nothing_is_written() {
        let connection = Connection::open_in_memory().unwrap();
        // A transaction is open already, so that the writer cannot begin its own.
        connection
            .execute_batch("CREATE TABLE t (n UNIQUE); BEGIN")
            .unwrap();
        let room = Room::new(std::path::Path::new("a.db"), 0);
        let writer = Writer::start(connection, limits(8), room).unwrap();
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
