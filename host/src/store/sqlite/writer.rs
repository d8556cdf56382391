//! The one writing connection, on a thread of its own.
//!
//! Group commit: whatever has been queued while the last commit was on its way to the disk shares the next one, and is
//! answered after it. So one fsync serves many. While much is queued, the thread waits a moment before it begins the next
//! group, since larger groups write fewer pages for the same rows; at other times nobody waits for company.

mod answers;
#[cfg(test)]
mod tests;

use self::answers::{Answers, Committed};
use super::{QueueLimits, checkpoint::Checkpointer, group::Group, room::Room};
use crate::{
    store::{Later, StoreError},
    trouble::Trouble,
};
use rusqlite::{Connection, ErrorCode};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
    time::Duration,
};
use tokio::sync::{
    OwnedSemaphorePermit, Semaphore,
    mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    oneshot,
};

/// A group of so many writes says that more are about to come.
const BUSY_WRITES: usize = 16;
/// How long the next group gathers then. A fifth of what a commit takes on a good disk, at most.
const GATHER: Duration = Duration::from_micros(400);

/// How often a group is tried again because one of its writes has ended the transaction, as a full disk may make it do.
const LOSSES_MAX: u32 = 8;

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

/// A write that waits for its transaction, or for the end of it.
trait Write: Send {
    /// Does its part, also a second time when the first was undone. `false` when it failed.
    fn run(&mut self, group: &Group) -> bool;
    /// It counts as failed, for this reason.
    fn fail(&mut self, error: StoreError);
    /// Why it failed.
    fn error(&self) -> Option<&StoreError>;
    /// Gives back its places in the queue.
    fn leave(&mut self);
    /// Tells the caller how it ended.
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

struct Work<T, F> {
    doing: &'static str,
    work: F,
    done: Option<Result<T, StoreError>>,
    answer: oneshot::Sender<Result<T, StoreError>>,
    places: Option<Places>,
}

impl<T, F> Write for Work<T, F>
where
    T: Send,
    F: Fn(&Group) -> rusqlite::Result<T> + Send,
{
    fn run(&mut self, group: &Group) -> bool {
        // A panic is a defect, but it must not take the thread with it.
        let done = catch_unwind(AssertUnwindSafe(|| (self.work)(group)));
        let done = match done {
            Ok(done) => done.map_err(|error| failed(self.doing, &error)),
            Err(_) => Err(StoreError::Failed {
                doing: self.doing,
                problem: "the write panicked".to_owned(),
            }),
        };
        let well = done.is_ok();
        self.done = Some(done);
        well
    }

    fn fail(&mut self, error: StoreError) {
        self.done = Some(Err(error));
    }

    fn error(&self) -> Option<&StoreError> {
        self.done.as_ref()?.as_ref().err()
    }

    fn leave(&mut self) {
        self.places = None;
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        let done = self.done.unwrap_or(Err(StoreError::Closed));
        // A caller that has gone does not mind.
        let _ = self.answer.send(committed.and(done));
    }
}

enum Job {
    Write {
        write: Box<dyn Write>,
        /// It adds data.
        adds: bool,
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
}

impl Writer {
    /// Starts the thread. It ends when the writer is dropped or closed.
    pub(super) fn start(
        connection: Connection,
        checkpointer: Option<Checkpointer>,
        limits: QueueLimits,
        room: Room,
    ) -> Result<Self, StoreError> {
        let (jobs, queue) = unbounded_channel();
        let thread = Thread {
            group: Group::new(connection),
            batch_max: limits.batch_max as usize,
            room,
            trouble: Trouble::default(),
            answers: Answers::start(),
        };
        thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || thread.run(queue, checkpointer))
            .map_err(|error| StoreError::Failed {
                doing: "starting the writing thread",
                problem: error.to_string(),
            })?;
        Ok(Self {
            jobs,
            places: Arc::new(Semaphore::new(limits.queue_max as usize)),
            bytes: Arc::new(Semaphore::new(permits(limits.queue_bytes_max) as usize)),
        })
    }

    /// Queues a write. What `work` does is undone when it fails; it may be run twice, the first time undone.
    pub(super) fn submit<T: Send + 'static>(
        &self,
        caller: Caller,
        doing: &'static str,
        work: impl Fn(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Later<T> {
        self.submit_grouped(caller, doing, move |group| work(group.settled()?))
    }

    /// The same for a write that knows of the others in its transaction.
    pub(super) fn submit_grouped<T: Send + 'static>(
        &self,
        caller: Caller,
        doing: &'static str,
        work: impl Fn(&Group) -> rusqlite::Result<T> + Send + 'static,
    ) -> Later<T> {
        let Some(places) = self.places(caller) else {
            return Box::pin(async { Err(StoreError::Busy) });
        };
        let (answer, answered) = oneshot::channel();
        let job = Job::Write {
            write: Box::new(Work {
                doing,
                work,
                done: None,
                answer,
                places: Some(places),
            }),
            adds: matches!(caller, Caller::Publisher { .. }),
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

fn ended_by_itself() -> StoreError {
    StoreError::Failed {
        doing: "committing",
        problem: "the transaction has ended by itself".to_owned(),
    }
}

/// The writing thread.
struct Thread {
    group: Group,
    batch_max: usize,
    room: Room,
    trouble: Trouble,
    answers: Answers,
}

/// What has been taken from the queue for one transaction.
struct Taken {
    /// Those that are to be run.
    writes: Vec<Box<dyn Write>>,
    /// Those that add data while the disk is short of room.
    refused: Vec<Box<dyn Write>>,
    close: Option<oneshot::Sender<Result<(), StoreError>>>,
    /// All went well so far.
    well: bool,
}

impl Taken {
    fn count(&self) -> usize {
        self.writes.len().saturating_add(self.refused.len())
    }
}

impl Thread {
    fn run(self, mut queue: UnboundedReceiver<Job>, checkpointer: Option<Checkpointer>) {
        let mut close = None;
        let mut busy = false;
        while close.is_none() {
            let Some(first) = queue.blocking_recv() else {
                return;
            };
            if busy && queue.len() < self.batch_max {
                thread::sleep(GATHER);
            }
            let taken = self.transaction(first, &mut queue);
            busy = taken.0 >= BUSY_WRITES;
            close = taken.1;
        }
        // Later calls are told that the store is closed, because their end of the channel is gone.
        drop(queue);
        // So that the last checkpoint has the file to itself.
        drop(checkpointer);
        let done = self
            .group
            .connection()
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .and_then(|()| self.group.close())
            .map_err(|error| failed("closing the file", &error));
        if let Some(answer) = close {
            let _ = answer.send(done);
        }
    }

    /// Runs `first` and what else is queued in one transaction. Returns how many these were, and whom to tell when the store
    /// is to be closed.
    fn transaction(
        &self,
        first: Job,
        queue: &mut UnboundedReceiver<Job>,
    ) -> (usize, Option<oneshot::Sender<Result<(), StoreError>>>) {
        let failures = self.trouble.count();
        let began = self
            .begin()
            .map_err(|error| failed("beginning a transaction", &error));
        let mut taken = self.take(first, queue, began.is_ok());
        let committed = match began {
            Err(error) => Err(error),
            Ok(()) => match taken.well.then(|| self.commit()) {
                Some(Ok(())) => Ok(()),
                // One of them, or their commit, failed: each for itself.
                _ => self.one_by_one(&mut taken.writes),
            },
        };
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
                self.undo();
            }
        }
        self.group.forget();
        let count = taken.count();
        let mut answered = taken.writes;
        answered.append(&mut taken.refused);
        // Before the answers: whoever hears of a commit finds its place free.
        for write in &mut answered {
            write.leave();
        }
        self.answers.give(answered, committed);
        (count, taken.close)
    }

    /// Takes writes from the queue and runs them. Once one has failed, the others are only taken.
    fn take(&self, first: Job, queue: &mut UnboundedReceiver<Job>, began: bool) -> Taken {
        let mut taken = Taken {
            writes: Vec::new(),
            refused: Vec::new(),
            close: None,
            // Trap: without a transaction around them writes would be kept one by one, and the callers be told that they
            // are not.
            well: began,
        };
        let mut is_short = None;
        let mut next = Some(first);
        while let Some(job) = next {
            match job {
                Job::Close(answer) => {
                    taken.close = Some(answer);
                    break;
                }
                Job::Write { mut write, adds } => {
                    if adds && *is_short.get_or_insert_with(|| self.room.is_short()) {
                        write.fail(StoreError::Full);
                        taken.refused.push(write);
                    } else {
                        // Trap: outside of a transaction writes would be kept one by one.
                        taken.well = taken.well
                            && write.run(&self.group)
                            && !self.group.connection().is_autocommit();
                        taken.writes.push(write);
                    }
                }
            }
            next = match taken.count() < self.batch_max {
                true => queue.try_recv().ok(),
                false => None,
            };
        }
        taken
    }

    fn begin(&self) -> rusqlite::Result<()> {
        execute(self.group.connection(), "BEGIN IMMEDIATE")
    }

    fn commit(&self) -> rusqlite::Result<()> {
        self.group.settle()?;
        // Fails when the transaction was lost: a full disk may make SQLite end it in the middle of a statement.
        execute(self.group.connection(), "COMMIT")
    }

    /// Undoes the transaction, unless it did not begin or has ended itself.
    fn undo(&self) {
        self.group.forget();
        if !self.group.connection().is_autocommit() {
            let _ = execute(self.group.connection(), "ROLLBACK");
        }
    }

    /// Undoes a transaction that failed, and runs its writes again, each in a savepoint, so that only those are undone that
    /// fail. Savepoints copy every page that a write changes, so that they are for this case alone.
    fn one_by_one(&self, writes: &mut [Box<dyn Write>]) -> Committed {
        let mut left: Vec<_> = writes.iter_mut().collect();
        for _ in 0..LOSSES_MAX {
            self.undo();
            self.begin()
                .map_err(|error| failed("beginning a transaction", &error))?;
            match self.each_for_itself(&mut left)? {
                None => {
                    return self.commit().map_err(|error| failed("committing", &error));
                }
                // It has ended the transaction and takes nobody with it: the others once more, without it.
                Some(place) => {
                    let write = left.remove(place);
                    if write.error().is_none() {
                        write.fail(ended_by_itself());
                    }
                    self.told(write.error());
                }
            }
        }
        Err(ended_by_itself())
    }

    /// Returns the place of a write during which the transaction ended.
    fn each_for_itself(
        &self,
        writes: &mut [&mut Box<dyn Write>],
    ) -> Result<Option<usize>, StoreError> {
        let connection = self.group.connection();
        let failed = |error: rusqlite::Error| failed("committing", &error);
        for (place, write) in writes.iter_mut().enumerate() {
            execute(connection, "SAVEPOINT job").map_err(failed)?;
            if write.run(&self.group)
                && let Err(error) = self.group.settle()
            {
                write.fail(failed(error));
            }
            if connection.is_autocommit() {
                return Ok(Some(place));
            }
            if write.error().is_some() {
                self.told(write.error());
                self.group.forget();
                execute(connection, "ROLLBACK TO job").map_err(failed)?;
            }
            execute(connection, "RELEASE job").map_err(failed)?;
        }
        Ok(None)
    }

    fn told(&self, error: Option<&StoreError>) {
        if let Some(error) = error
            && let Some(failures) = self.trouble.failed()
        {
            tracing::error!(%error, failures, "the store failed");
        }
    }
}
