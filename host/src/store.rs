//! What is kept, and what a store promises.

mod record;
pub mod sqlite;

pub use self::record::{
    Attempt, Backlogs, Claim, Claimed, Delivery, DeliveryState, Ended, Endpoint, Filter,
    Idempotency, Lease, Message, MessageView, NewBatch, NewDelivery, NewMessage, Receipt, Recorded,
    Recovered, Resume, SecretText, StateChange, StateReason, Stats, Word,
};

use crate::ids::{DeliveryId, EndpointId, MessageId};
use std::{future::Future, path::PathBuf, pin::Pin, time::Duration};

/// How long an idempotency key is remembered.
pub const KEYS_KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// Deliveries that change in one step of what concerns all of an endpoint: some milliseconds of writing.
pub const STEP_ROWS: u32 = 200;

/// The answer of a store, some time later. Dropping it does not undo the call.
pub type Later<T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send>>;

/// Why a store did not do what it was asked for. Nothing of the call has been kept.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Too many calls wait already. Nobody's fault: try again later.
    #[error("too many writes are waiting for the disk")]
    Busy,
    /// Another process has the data open. The operator's mistake.
    #[error(
        "another process uses the data at {path}. Stop it first, or give this one its own --data-dir"
    )]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The disk is full, the file is damaged or not writable.
    #[error("the store failed while {doing}: {problem}")]
    Failed {
        /// What was being done.
        doing: &'static str,
        /// What the store says.
        problem: String,
    },
    /// The store has been closed.
    #[error("the store is closed")]
    Closed,
}

/// What became of a published message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Published {
    /// It is kept, with its deliveries. Those that wait for another of their key are named; the others have the state that
    /// they were given with.
    Stored(Vec<DeliveryId>),
    /// The same request came before; this is what it got. Nothing new is kept.
    Duplicate(Receipt),
    /// The idempotency key belongs to another request. Nothing is kept.
    Conflict,
    /// An endpoint changed since the event was matched. Nothing is kept; match again.
    Stale,
}

/// What became of messages that are published together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublishedBatch {
    /// Each, in the order given: [`Published::Stored`] or [`Published::Duplicate`].
    Done(Vec<Published>),
    /// The same request came before; this is what it got. Nothing new is kept.
    Duplicate(Vec<Receipt>),
    /// The key of the request (`None`) or of the event at this place belongs to another. Nothing is kept.
    Conflict(Option<usize>),
    /// As [`Published::Stale`].
    Stale,
}

/// What became of a dead letter that is to be sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Retried {
    /// It is pending.
    Pending(EndpointId),
    /// Another of its key is open; it goes out after that one.
    Waiting,
    /// No such delivery.
    Unknown,
    /// It is in this state, not a dead letter.
    NotDead(DeliveryState),
    /// Its endpoint is not active, or deleted.
    EndpointNotActive,
}

/// The memory of the sender.
///
/// # Contract
///
/// 1. **Durable before the answer.** When a future resolves to `Ok`, what it says survives a crash of the process and of the
///    machine. When it resolves to `Err`, nothing of the call is kept.
/// 2. **In order of the calls.** A write is queued when the method is called, not when the future is first polled, and
///    writes take effect in that order. Callers that hold a lock while they call (and not while they wait) rely on it.
/// 3. **All or nothing.** A call takes effect as a whole.
/// 4. **Bounded.** Calls that a client causes ([`publish`](Store::publish) and changes of endpoints) are refused with
///    [`StoreError::Busy`] when too many wait. Calls of the delivery loop are not: it never makes more than it has places.
/// 5. What must never happen: a delivery is claimed twice without having been put back, recorded or recovered in between; a
///    body, message id or recorded attempt changes; a delivery disappears; two deliveries of one endpoint and one ordering
///    key are claimed at a time.
/// 6. What may happen twice: a request. After a crash, deliveries that were being sent are pending again.
/// 7. **In steps.** What concerns every delivery of an endpoint changes [`STEP_ROWS`] of them at a time, so that nobody waits
///    for a million. Until the rest has followed, no call treats it as anything but what it is to become.
/// 8. **In order.** Of the open deliveries of one endpoint and one key, the one that came first is pending, sending or held, and
///    all others wait. The call that ends it makes the next one pending, or held when the endpoint is not active, or has
///    become so after that one was published: then it is one of those that were held.
pub trait Store: Send + Sync + 'static {
    /// Every endpoint that is not deleted, oldest first.
    fn endpoints(&self) -> Later<Vec<Endpoint>>;

    /// Keeps a new endpoint.
    fn create_endpoint(&self, endpoint: Endpoint) -> Later<()>;

    /// Replaces an endpoint. Pending deliveries are held when it is not active; the first step of that is part of the call.
    /// Held ones stay so when it is active, until they are [claimed](Store::claim); `resume` says which of them, and `None`
    /// leaves that as it was said before. Returns whether more is to [follow](Store::follow).
    fn update_endpoint(
        &self,
        endpoint: Endpoint,
        resume: Option<Resume>,
        now_ms: u64,
    ) -> Later<bool>;

    /// Deletes an endpoint: its secret is wiped, its open deliveries are cancelled, but for those that are being sent; the
    /// first step of that is part of the call. Returns whether more is to [follow](Store::follow).
    fn delete_endpoint(&self, endpoint: EndpointId, now_ms: u64) -> Later<bool>;

    /// The next step for deliveries that are to follow the state of their endpoint: pending ones are held, held ones that its
    /// owner did not want become dead letters, those of a deleted one are cancelled. Returns whether there is more.
    fn follow(&self, endpoint: EndpointId, now_ms: u64) -> Later<bool>;

    /// Endpoints with work that is done in steps, such as was not finished when the last process ended.
    fn backlogs(&self) -> Later<Backlogs>;

    /// Keeps a message with its deliveries, unless its idempotency key is known or an endpoint has changed.
    fn publish(&self, message: NewMessage) -> Later<Published>;

    /// Keeps messages with their deliveries, all or none.
    fn publish_batch(&self, batch: NewBatch) -> Later<PublishedBatch>;

    /// Takes up deliveries of each endpoint that are due or held, each oldest first: they are `Sending` from now on. Of an
    /// endpoint that is not active it takes none. It stops when the bodies are longer than `body_bytes_max` together, but
    /// takes one in any case. The answer has a place for each claim, in their order.
    fn claim(&self, claims: Vec<Claim>, body_bytes_max: u64, now_ms: u64) -> Later<Vec<Claimed>>;

    /// Takes up the oldest held delivery of an endpoint as a probe; `None` when it has none.
    fn claim_probe(&self, endpoint: EndpointId, now_ms: u64) -> Later<Option<Lease>>;

    /// Gives back claimed deliveries without an attempt; not to be claimed before `not_before_ms`. Those of deleted
    /// endpoints are cancelled.
    fn put_back(&self, deliveries: Vec<DeliveryId>, not_before_ms: u64) -> Later<()>;

    /// Keeps an attempt and what follows from it for delivery and endpoint. If the endpoint is paused by it, its pending
    /// deliveries are held, and the first step of that is part of the call.
    fn record(&self, ended: Ended) -> Later<Recorded>;

    /// Makes a dead letter pending again, with a new round of attempts. With an ordering key it goes behind those of its key
    /// that are open by now.
    fn retry(&self, delivery: DeliveryId, now_ms: u64) -> Later<Retried>;

    /// To be called once before the delivery loop starts: what was being sent when the last process ended is pending again.
    fn recover(&self, now_ms: u64) -> Later<Recovered>;

    /// When the next delivery of each endpoint is due; endpoints without pending deliveries are left out.
    fn due(&self) -> Later<Vec<(EndpointId, u64)>>;

    /// Forgets idempotency keys that are older.
    fn forget_keys(&self, before_ms: u64) -> Later<u64>;

    /// A message with its deliveries and attempts.
    fn message(&self, message: MessageId) -> Later<Option<MessageView>>;

    /// A delivery with its attempts.
    fn delivery(&self, delivery: DeliveryId) -> Later<Option<(Delivery, Vec<Attempt>)>>;

    /// Deliveries, newest first.
    fn deliveries(&self, filter: Filter) -> Later<Vec<Delivery>>;

    /// Counts.
    fn stats(&self) -> Later<Stats>;

    /// Brings everything into one file and closes it. Calls that come later fail.
    fn close(&self) -> Later<()>;
}
