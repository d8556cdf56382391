//! What is kept, and what a store promises.

mod record;
pub mod sqlite;

pub use self::record::{
    Attempt, Claimed, Delivery, DeliveryState, Ended, Endpoint, Filter, Idempotency, Lease,
    Message, MessageView, NewDelivery, NewMessage, Receipt, Recovered, SecretText, SigningSecret,
    StateReason, Stats, Word,
};

use crate::{
    ids::{DeliveryId, EndpointId, MessageId},
    vault::KeyError,
};
use std::{future::Future, path::PathBuf, pin::Pin, time::Duration};

/// How long an idempotency key is remembered.
pub const KEYS_KEPT: Duration = Duration::from_secs(24 * 60 * 60);

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
    /// The key of the secrets is missing, wrong or unreadable. The operator's to put right.
    #[error(transparent)]
    Key(KeyError),
    /// The store has been closed.
    #[error("the store is closed")]
    Closed,
}

/// What became of a published message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Published {
    /// It is kept, with its deliveries.
    Stored,
    /// The same request came before; this is what it got. Nothing new is kept.
    Duplicate(Receipt),
    /// The idempotency key belongs to another request. Nothing is kept.
    Conflict,
    /// An endpoint changed since the event was matched. Nothing is kept; match again.
    Stale,
}

/// What became of a dead letter that is to be sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Retried {
    /// It is pending.
    Pending(EndpointId),
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
///    body, message id or recorded attempt changes; a delivery disappears.
/// 6. **Secrets are sealed.** What leaves the process holds no signing secret that opens without the key of the vault, and
///    a secret that was replaced or deleted is overwritten.
/// 7. What may happen twice: a request. After a crash, deliveries that were being sent are pending again.
pub trait Store: Send + Sync + 'static {
    /// Every endpoint that is not deleted, oldest first.
    fn endpoints(&self) -> Later<Vec<Endpoint>>;

    /// Keeps a new endpoint.
    fn create_endpoint(&self, endpoint: Endpoint) -> Later<()>;

    /// Replaces an endpoint. In the same step its deliveries follow its state: held ones become due when it is active
    /// (all at once; the delivery loop takes them a few at a time), pending ones are held when it is not.
    fn update_endpoint(&self, endpoint: Endpoint, now_ms: u64) -> Later<()>;

    /// Deletes an endpoint: its secrets are wiped, its pending and held deliveries are cancelled.
    fn delete_endpoint(&self, endpoint: EndpointId, now_ms: u64) -> Later<()>;

    /// Keeps a message with its deliveries, unless its idempotency key is known or an endpoint has changed.
    fn publish(&self, message: NewMessage) -> Later<Published>;

    /// Takes up to so many due deliveries of each endpoint, oldest first: they are `Sending` from now on.
    fn claim(&self, claims: Vec<(EndpointId, u32)>, now_ms: u64) -> Later<Vec<Claimed>>;

    /// Gives back claimed deliveries without an attempt; not to be claimed before `not_before_ms`. Those of deleted
    /// endpoints are cancelled.
    fn put_back(&self, deliveries: Vec<DeliveryId>, not_before_ms: u64) -> Later<()>;

    /// Keeps an attempt and what follows from it for delivery and endpoint. If the endpoint is paused by it, its pending
    /// deliveries are held in the same step.
    fn record(&self, ended: Ended) -> Later<()>;

    /// Makes a dead letter pending again, with a new round of attempts.
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
