//! What waits to be written.

use super::Writing;
use crate::store::{
    StoreError,
    postgres::session::{Doing, Fault},
};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

/// Who makes a call, and so whether it can be refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Caller {
    /// A client that adds so many bytes, about. As `Client`.
    Publisher { bytes: usize },
    /// A client: refused with [`StoreError::Busy`] when too many of its kind wait.
    Client,
    /// The delivery loop or the program itself: never refused. It has at most one call per place for an attempt under way,
    /// so the queue stays bounded although the channel is not.
    Host,
}

/// What a call takes up in the queue.
#[derive(Debug, Default)]
pub(super) struct Places {
    _place: Option<OwnedSemaphorePermit>,
    _bytes: Option<OwnedSemaphorePermit>,
}

impl Places {
    pub(super) const fn new(
        place: Option<OwnedSemaphorePermit>,
        bytes: Option<OwnedSemaphorePermit>,
    ) -> Self {
        Self {
            _place: place,
            _bytes: bytes,
        }
    }
}

/// What a caller will be told.
pub(super) struct Answer<T> {
    done: Option<Result<T, StoreError>>,
    to: oneshot::Sender<Result<T, StoreError>>,
}

impl<T> Answer<T> {
    pub(super) const fn new(to: oneshot::Sender<Result<T, StoreError>>) -> Self {
        Self { done: None, to }
    }

    pub(super) fn set(&mut self, done: Result<T, StoreError>) {
        self.done = Some(done);
    }

    /// Tells it, or `failed`.
    fn give(self, failed: Option<&StoreError>) {
        let done = match failed {
            Some(error) => Err(error.clone()),
            None => self.done.unwrap_or(Err(StoreError::Closed)),
        };
        // A caller that has gone does not mind.
        let _ = self.to.send(done);
    }
}

/// A call of a kind of which many share a statement.
pub(super) struct Queued<A, T> {
    pub(super) asked: A,
    pub(super) answer: Answer<T>,
    pub(super) places: Places,
}

/// A call that waits.
pub(super) enum Call {
    Publish(Queued<crate::store::NewMessage, crate::store::Published>),
    Record(Queued<crate::store::Ended, crate::store::Recorded>),
    Other(Box<dyn Other>),
    Close(oneshot::Sender<Result<(), StoreError>>),
}

impl Call {
    /// Whether it can be refused.
    pub(super) fn is_of_client(&self) -> bool {
        match self {
            Self::Publish(_) => true,
            Self::Record(_) | Self::Close(_) => false,
            Self::Other(other) => other.caller() != Caller::Host,
        }
    }

    /// Tells the caller how it ended. Whoever hears of it finds its place free.
    pub(super) fn answer(self, failed: Option<&StoreError>) {
        match self {
            Self::Publish(Queued { answer, places, .. }) => {
                drop(places);
                answer.give(failed);
            }
            Self::Record(Queued { answer, places, .. }) => {
                drop(places);
                answer.give(failed);
            }
            Self::Other(other) => other.answer(failed),
            Self::Close(to) => {
                let _ = to.send(Err(StoreError::Closed));
            }
        }
    }
}

/// What a write is given, and its arguments.
pub(in super::super) type Work<A, T> = for<'a> fn(&'a Writing, &'a A) -> Doing<'a, T>;

/// A call of its own statements.
pub(super) trait Other: Send {
    /// Does its part, also a second time when the first was undone.
    fn run<'a>(&'a mut self, writing: &'a Writing) -> Doing<'a, ()>;
    /// What it is for.
    fn doing(&self) -> &'static str;
    /// Whose it is.
    fn caller(&self) -> Caller;
    /// Tells the caller how it ended.
    fn answer(self: Box<Self>, failed: Option<&StoreError>);
}

pub(super) struct OtherCall<A, T> {
    pub(super) caller: Caller,
    pub(super) doing: &'static str,
    pub(super) asked: A,
    pub(super) work: Work<A, T>,
    pub(super) answer: Answer<T>,
    pub(super) places: Places,
}

impl<A: Send + Sync, T: Send> Other for OtherCall<A, T> {
    fn run<'a>(&'a mut self, writing: &'a Writing) -> Doing<'a, ()> {
        Box::pin(async move {
            let done = (self.work)(writing, &self.asked).await;
            match done {
                Ok(done) => {
                    self.answer.set(Ok(done));
                    Ok(())
                }
                // Both are said before anything is written, so that nothing has to be undone.
                Err(Fault::Told(error @ (StoreError::LeaseLost | StoreError::Changed))) => {
                    self.answer.set(Err(error));
                    Ok(())
                }
                Err(fault) => Err(fault),
            }
        })
    }

    fn doing(&self) -> &'static str {
        self.doing
    }

    fn caller(&self) -> Caller {
        self.caller
    }

    fn answer(self: Box<Self>, failed: Option<&StoreError>) {
        let Self { answer, places, .. } = *self;
        drop(places);
        answer.give(failed);
    }
}

/// What a call does when it fails: the fault and what was being done.
pub(super) type Failed = (Fault, &'static str);
