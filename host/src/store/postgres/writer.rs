//! The one task that writes.
//!
//! Group commit: whatever has been queued while the last commit was on its way shares the next one, and is answered after it.
//! Most of it is published messages and outcomes: however many, they are a few statements. While much is queued, the task
//! waits a moment before it begins the next group; at other times nobody waits for company.

mod call;
mod commits;
mod group;
mod history;
mod statements;
mod transaction;

pub(super) use self::{
    call::{Caller, Work},
    history::TARGET as HISTORY,
    transaction::{Count, Writing},
};

use self::{
    call::{Answer, Call, OtherCall, Places, Queued},
    group::Group,
};
use super::{clock::DatabaseClock, connections::Connections, hints::Announcer, lease::Standing};
use crate::{
    store::{Ended, Later, NewMessage, Published, Recorded, StoreError, sqlite::QueueLimits},
    trouble::Trouble,
};
use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::sync::{
    Semaphore,
    mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    oneshot,
};

/// A group of so many writes says that more are about to come.
const BUSY_WRITES: usize = 16;
/// How long the next group gathers then: a fifth of what a commit with its round trips takes, about.
const GATHER: Duration = Duration::from_micros(600);
/// First and longest wait between two tries to reach the database.
const AGAIN: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(5)];

/// Bytes that a permit of [`Writer::bytes`] stands for. Semaphores count no further than 2^29 on small machines.
const PERMIT_BYTES: usize = 1024;
/// 512 GiB; also what a semaphore can count anywhere.
const PERMITS_MAX: u32 = (1 << 29) - 1;

/// The queue to the writing task.
pub(super) struct Writer {
    calls: UnboundedSender<Call>,
    places: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    /// Calls that can be refused are, at once.
    unreachable: Arc<AtomicBool>,
}

impl Writer {
    /// Starts the task. It ends when the writer is dropped or closed.
    pub(super) fn start(
        pool: Connections,
        limits: QueueLimits,
        standing: Arc<Standing>,
        clock: Arc<DatabaseClock>,
        announcer: Announcer,
    ) -> Self {
        let (calls, queue) = unbounded_channel();
        let unreachable = Arc::new(AtomicBool::new(false));
        let task = Task {
            pool,
            batch_max: limits.batch_max as usize,
            standing,
            clock,
            announcer,
            unreachable: Arc::clone(&unreachable),
            trouble: Trouble::default(),
            writing: None,
            queue,
            later: VecDeque::new(),
        };
        tokio::spawn(task.run());
        Self {
            calls,
            places: Arc::new(Semaphore::new(limits.queue_max as usize)),
            bytes: Arc::new(Semaphore::new(permits(limits.queue_bytes_max) as usize)),
            unreachable,
        }
    }

    pub(super) fn publish(&self, message: NewMessage) -> Later<Published> {
        let bytes = message.body.len();
        self.queue(Caller::Publisher { bytes }, |answer, places| {
            Call::Publish(Queued {
                asked: message,
                answer,
                places,
            })
        })
    }

    pub(super) fn record(&self, ended: Ended) -> Later<Recorded> {
        self.queue(Caller::Host, |answer, places| {
            Call::Record(Queued {
                asked: ended,
                answer,
                places,
            })
        })
    }

    /// Queues a write. What `work` does is undone when it fails; it may be run twice, the first time undone.
    pub(super) fn submit<A: Send + Sync + 'static, T: Send + 'static>(
        &self,
        caller: Caller,
        doing: &'static str,
        asked: A,
        work: Work<A, T>,
    ) -> Later<T> {
        self.queue(caller, |answer, places| {
            Call::Other(Box::new(OtherCall {
                caller,
                doing,
                asked,
                work,
                answer,
                places,
            }))
        })
    }

    /// Whether the database answered when it was asked last.
    pub(super) fn is_reachable(&self) -> bool {
        !self.unreachable.load(Ordering::Relaxed)
    }

    fn queue<T: Send + 'static>(
        &self,
        caller: Caller,
        call: impl FnOnce(Answer<T>, Places) -> Call,
    ) -> Later<T> {
        if caller != Caller::Host && !self.is_reachable() {
            return Box::pin(async {
                Err(StoreError::Unreachable {
                    problem: "it did not when it was asked last".to_owned(),
                })
            });
        }
        let Some(places) = self.places(caller) else {
            return Box::pin(async { Err(StoreError::Busy) });
        };
        let (to, answered) = oneshot::channel();
        let queued = self.calls.send(call(Answer::new(to), places)).is_ok();
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
            Caller::Host => return Some(Places::default()),
            Caller::Client => None,
            Caller::Publisher { bytes } => {
                let bytes = permits(bytes as u64).max(1);
                Some(Arc::clone(&self.bytes).try_acquire_many_owned(bytes).ok()?)
            }
        };
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        Some(Places::new(Some(place), bytes))
    }

    /// Finishes what is queued and ends the task.
    pub(super) fn close(&self) -> Later<()> {
        let (answer, answered) = oneshot::channel();
        let _ = self.calls.send(Call::Close(answer));
        // A writer that is closed already has nothing to do.
        Box::pin(async move { answered.await.unwrap_or(Ok(())) })
    }
}

fn permits(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(PERMIT_BYTES as u64))
        .map_or(PERMITS_MAX, |permits| permits.min(PERMITS_MAX))
}

/// The writing task.
struct Task {
    pool: Connections,
    batch_max: usize,
    standing: Arc<Standing>,
    clock: Arc<DatabaseClock>,
    announcer: Announcer,
    unreachable: Arc<AtomicBool>,
    trouble: Trouble,
    writing: Option<Writing>,
    queue: UnboundedReceiver<Call>,
    /// What was taken from the queue while the database was away, and comes first.
    later: VecDeque<Call>,
}

impl Task {
    async fn run(mut self) {
        let mut busy = false;
        loop {
            let first = match self.later.pop_front() {
                Some(first) => Some(first),
                None => self.queue.recv().await,
            };
            let Some(first) = first else {
                return;
            };
            if busy && self.queue.len() < self.batch_max {
                tokio::time::sleep(GATHER).await;
            }
            let mut group = Group::default();
            let mut close = None;
            let mut next = Some(first);
            while let Some(call) = next {
                match call {
                    Call::Close(answer) => close = Some(answer),
                    call => group.calls.push(call),
                }
                next = match close.is_none() && group.calls.len() < self.batch_max {
                    true => self.next(),
                    false => None,
                };
            }
            busy = group.calls.len() >= BUSY_WRITES;
            if !group.calls.is_empty() {
                self.carry_out(group).await;
            }
            if let Some(answer) = close {
                // Later calls are told that the store is closed, because their end of the channel is gone.
                drop(self);
                let _ = answer.send(Ok(()));
                return;
            }
        }
    }

    fn next(&mut self) -> Option<Call> {
        let later = self.later.pop_front();
        later.or_else(|| self.queue.try_recv().ok())
    }

    /// Nothing is written for now: calls of clients that wait are refused, those of the host wait on. Returns whether the store
    /// is to be closed.
    fn refuse_clients(&mut self, error: &StoreError) -> bool {
        self.unreachable.store(true, Ordering::Relaxed);
        while let Ok(call) = self.queue.try_recv() {
            match call.is_of_client() {
                true => call.answer(Some(error)),
                false => self.later.push_back(call),
            }
        }
        let mut later = self.later.iter();
        later.any(|call| matches!(call, Call::Close(_)))
    }

    /// Runs a group, and what of it failed once more, each for itself; then all are answered.
    async fn carry_out(&mut self, mut group: Group) {
        let failures = self.trouble.count();
        match self.transaction(&mut group).await {
            Ok(()) => group.answer(None),
            Err(error) if matches!(error, StoreError::Unreachable { .. }) => {
                self.told(&error);
                group.answer(Some(&error));
                self.reach(error).await;
            }
            Err(error) if group.calls.len() == 1 => {
                if !matches!(error, StoreError::LeaseLost | StoreError::Changed) {
                    self.told(&error);
                }
                group.answer(Some(&error));
            }
            // One of them, or their commit, failed: each for itself.
            Err(_) => {
                for call in std::mem::take(&mut group.calls) {
                    let mut alone = Group::default();
                    alone.calls.push(call);
                    Box::pin(self.carry_out(alone)).await;
                }
            }
        }
        // Unless one of them failed alone.
        if self.trouble.count() == failures
            && let Some(failures) = self.trouble.over()
        {
            tracing::info!(failures, "the store works again");
        }
    }

    fn told(&self, error: &StoreError) {
        if let Some(failures) = self.trouble.failed() {
            tracing::error!(%error, failures, "the store failed; nothing of the last writes is kept");
        }
    }

    /// Waits until the database answers, or the store is to be closed.
    async fn reach(&mut self, mut error: StoreError) {
        let [mut wait, longest] = AGAIN;
        while self.writing.is_none() && !self.pool.is_closed() {
            if self.refuse_clients(&error) {
                break;
            }
            tokio::time::sleep(wait).await;
            wait = wait.saturating_mul(2).min(longest);
            match self.connected().await {
                Ok(_) => {}
                Err(failed) => {
                    self.told(&failed);
                    error = failed;
                }
            }
        }
        self.unreachable.store(false, Ordering::Relaxed);
    }

    /// The connection, made anew when it is gone.
    async fn connected(&mut self) -> Result<&mut Writing, StoreError> {
        let kept = self
            .writing
            .take()
            .filter(|writing| !writing.session.is_closed());
        let writing = match kept {
            Some(writing) => writing,
            None => {
                let session = self.pool.session().await;
                let session = session.map_err(|fault| fault.told("connecting"))?;
                let clock = Arc::clone(&self.clock);
                Writing::new(session, Arc::clone(&self.standing), clock)
                    .await
                    .map_err(|fault| fault.told("preparing to write"))?
            }
        };
        Ok(self.writing.insert(writing))
    }
}
