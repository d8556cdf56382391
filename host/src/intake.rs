//! Requests of other senders: vouched for, kept, and passed on to endpoints, each in its own format.
//!
//! A request is kept with its events, their messages and deliveries in one transaction, and answered after it. What had come
//! before is left out, so that a sender that heard no answer may post again.

mod keep;
mod refusals;
mod verify;

use self::{
    keep::{Read, read},
    refusals::Refusals,
};
use crate::{
    config::Source,
    context::Context,
    ids::{DeliveryId, InboundId},
    publish::{MATCHES_MAX, PAYLOAD_BYTES_INLINE, Prepared},
    rules::{Generation, RulesError},
    store::{StoreError, Stored, TakenIn, VerifiedBy},
    worker::Worker,
};
use bytes::Bytes;
use countersign_core::event::Source as Known;
use countersign_guest::Rejection;
use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};
use tokio::sync::{Semaphore, SemaphorePermit};

/// Long requests that are worked on at a time; the others wait. Each may have thousands of events, and each of those a message a
/// format.
const LONG_MAX: usize = 4;

/// Takes in what other senders post.
pub struct Intake {
    context: Arc<Context>,
    worker: Arc<Worker>,
    /// Requests under way, bounded so that their bodies occupy bounded memory.
    requests: Arc<AtomicU32>,
    long: Semaphore,
    refusals: Refusals,
}

/// A request as it was posted.
pub struct Posted {
    pub source: Arc<Source>,
    /// Asked for before the source was.
    pub read_at: Generation,
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Bytes,
}

/// Why a request was not taken in. Nothing of it is kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IntakeError {
    /// Nobody vouches for it. A stranger's doing, or a wrong key.
    #[error("nobody vouches for the request: {0}")]
    Unverified(&'static str),
    /// The workspace that its events belong to is not there. The operator's mistake, who can make it.
    #[error("there is no such workspace")]
    NoWorkspace,
    /// It cannot be read; the sender's mistake.
    #[error("{}", .0.message)]
    Unreadable(Rejection),
    /// A defect.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// Busy or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A place for a request. Given back when dropped.
pub struct Place(Arc<AtomicU32>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Intake {
    pub fn new(context: Arc<Context>, worker: Arc<Worker>) -> Self {
        Self {
            context,
            worker,
            requests: Arc::default(),
            long: Semaphore::new(LONG_MAX),
            refusals: Refusals::default(),
        }
    }

    /// A place for a request, if one is free.
    pub fn place(&self) -> Option<Place> {
        let most = self.context.config.current().inbound.requests_max;
        let one_more = |count: u32| count.checked_add(1).filter(|count| *count <= most);
        let taken = self
            .requests
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
        taken.is_ok().then(|| Place(Arc::clone(&self.requests)))
    }

    /// The source that takes a request to the route without a name (R-P6); `None` when it is nobody's that is configured.
    ///
    /// # Errors
    /// [`IntakeError::Rules`]
    pub async fn recognise(
        &self,
        headers: &[(String, Vec<u8>)],
        body: &Bytes,
    ) -> Result<Option<Arc<Source>>, IntakeError> {
        let is_long = is_long(body);
        let _turn = self.turn(is_long).await;
        let (context, headers, body) = (Arc::clone(&self.context), headers.to_vec(), body.to_vec());
        let ask = move || Ok(context.rules.guest.recognise(headers, body)?);
        let known = match on_a_thread(is_long, ask).await {
            // Of no shape that anybody posts.
            Err(IntakeError::Rules(RulesError::Memory)) => None,
            known => known?,
        };
        let known = known.and_then(|name| Known::named(&name).ok());
        let config = self.context.config.current();
        Ok(known.and_then(|known| config.inbound.sources.of_provider(known).cloned()))
    }

    /// Notes that a request was refused, for the log.
    pub fn refused(&self, source: &str, why: &str) {
        self.refusals
            .note(self.context.clock.elapsed(), source, why);
    }

    /// Takes in a request. When this returns `Ok`, it is on the disk, or had been before.
    ///
    /// To be run to its end: the first attempts begin after the commit.
    ///
    /// # Errors
    /// [`IntakeError`]
    pub async fn take_in(self: Arc<Self>, posted: Posted) -> Result<(), IntakeError> {
        let name = posted.source.name.clone();
        let taken = self.take(posted).await;
        match &taken {
            Err(IntakeError::Unverified(why)) => self.refused(&name, why),
            // Somebody vouched for it, so that its sender should be told and its operator, too.
            Err(IntakeError::Unreadable(rejection)) => self.refused(&name, &rejection.code),
            Err(IntakeError::NoWorkspace) => {
                self.refused(
                    &name,
                    "its workspace is not there; make it with POST /v1/workspaces",
                );
            }
            _ => {}
        }
        taken
    }

    async fn take(self: &Arc<Self>, posted: Posted) -> Result<(), IntakeError> {
        let is_long = is_long(&posted.body);
        let _turn = self.turn(is_long).await;
        let now_ms = self.context.clock.now_ms();
        let posted = Arc::new(posted);
        let verified = {
            let (intake, posted) = (Arc::clone(self), Arc::clone(&posted));
            let work = move || verify::verify(&intake.context, &posted, now_ms);
            on_a_thread(is_long, work).await?
        };
        let id = InboundId::new(now_ms, &*self.context.chance);
        for _ in 0..MATCHES_MAX {
            let read = {
                let (intake, posted, id) = (Arc::clone(self), Arc::clone(&posted), id.clone());
                let work = move || {
                    read(
                        &intake.context,
                        &intake.worker,
                        &posted,
                        verified,
                        id,
                        now_ms,
                    )
                };
                on_a_thread(is_long, work).await?
            };
            let Read {
                inbound,
                prepared,
                catalogue,
            } = read;
            match self.context.store.take_in(inbound).await? {
                TakenIn::Stale => self.context.refresh(catalogue).await?,
                TakenIn::Duplicate => return Ok(()),
                TakenIn::UsedBefore => return Err(IntakeError::Unverified("used_before")),
                TakenIn::Stored { is_new, stored } => {
                    self.begin(prepared, &is_new, stored);
                    return Ok(());
                }
            }
        }
        // Endpoints change faster than events can be matched.
        Err(StoreError::Busy.into())
    }

    /// A turn for a long request; the others need none.
    async fn turn(&self, is_long: bool) -> Option<SemaphorePermit<'_>> {
        match is_long {
            true => self.long.acquire().await.ok(),
            false => None,
        }
    }

    /// It has been stored: first attempts begin. The places of what had come before are given back.
    fn begin(&self, prepared: Vec<Vec<Prepared>>, is_new: &[bool], stored: Stored) {
        let Stored { waiting, fence } = stored;
        let waiting: HashSet<DeliveryId> = waiting.into_iter().collect();
        let new = prepared.into_iter().zip(is_new);
        for prepared in new.filter(|(_, is_new)| **is_new).flat_map(|(all, _)| all) {
            let deliveries = prepared.message().deliveries.iter();
            let own = deliveries.map(|delivery| &delivery.id);
            let waiting = own.filter(|id| waiting.contains(*id)).cloned().collect();
            prepared.begin(&self.worker, &Stored { waiting, fence });
        }
    }
}

/// What vouches for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Verified {
    by: VerifiedBy,
}

fn is_long(body: &Bytes) -> bool {
    body.len() > PAYLOAD_BYTES_INLINE
}

/// Does `work` here, or on a thread for blocking work when it may take long, so that it does not hold up other requests.
async fn on_a_thread<T: Send + 'static>(
    is_long: bool,
    work: impl FnOnce() -> Result<T, IntakeError> + Send + 'static,
) -> Result<T, IntakeError> {
    match is_long {
        false => work(),
        true => {
            let done = tokio::task::spawn_blocking(work).await;
            done.unwrap_or_else(|error| Err(RulesError::Trap(error.to_string()).into()))
        }
    }
}
