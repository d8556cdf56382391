//! What is kept, and what a store promises.

mod access;
mod bodies;
mod event_type;
mod hosts;
mod inbound;
mod list;
pub mod moving;
pub mod postgres;
mod record;
mod replay;
mod retention;
mod sealed;
pub mod sqlite;
#[cfg(test)]
mod suite;

pub use self::access::{ApiKey, KeyDigest, Permission, Role, Workspace};
pub use self::bodies::{Bodies, BodyPage};
pub use self::event_type::EventType;
pub use self::hosts::{Catalogue, Chore, Hint, Hints, Others};
pub use self::inbound::{
    Inbound, InboundEvent, InboundFilter, InboundView, NewInbound, NewInboundEvent, NewKey,
    TakenIn, VerifiedBy,
};
pub use self::list::{Filter, MessageFilter, Tally, TallyOf};
pub use self::record::{
    Attempt, Backlogs, Claim, Claimed, Delivery, DeliveryState, Ended, Endpoint, Fence,
    Idempotency, Lease, Message, MessageView, NewBatch, NewDelivery, NewMessage, Receipt, Recorded,
    Recovered, Resume, SecretText, SigningSecret, StateChange, StateReason, Stats, Word,
};
pub use self::replay::{
    Counted, EndedState, FailedEvent, Page, Replay, ReplayState, ReplayStep, Retried, Selected,
    Selection, Stepped,
};
pub use self::retention::{Prunable, Prune, Pruned, Size};

use crate::{
    clock::Clock,
    ids::{ApiKeyId, DeliveryId, EndpointId, InboundId, MessageId, ReplayId, WorkspaceId},
    vault::KeyError,
};
use bytes::Bytes;
use std::{future::Future, path::PathBuf, pin::Pin, sync::Arc, time::Duration};

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
    /// The disk has no room left, or only what is kept for the outcomes of what was accepted. The operator's task; calls work
    /// again once there is room.
    #[error("the disk of the store has no room left for it. Free some, or lower retention.*")]
    Full,
    /// Another program, such as a sqlite3 shell in a transaction, keeps the store from writing. Try again later.
    #[error("another program keeps the file of the store locked; end its transaction")]
    Locked,
    /// The data is not what was written. A fault of the disk, or of another program.
    #[error(
        "the data at {path} is damaged: {problem}. Restore a backup, or look closer with `countersign check`"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The first finding.
        problem: String,
    },
    /// The file cannot be read or written.
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
    /// The database does not answer. The operator's task, or over soon: calls work again once it is there.
    #[error(
        "the database cannot be reached: {problem}. Look whether it runs and store.url names it"
    )]
    Unreachable {
        /// What became of the last try.
        problem: String,
    },
    /// This host was not heard of for too long: others have taken over its work, and what it says of it counts no more.
    #[error("this host has lost its lease; others have taken over its work")]
    LeaseLost,
    /// Another host has changed the same thing meanwhile. Try again.
    #[error("another host has changed the same meanwhile; try again")]
    Changed,
    /// The store has been closed.
    #[error("the store is closed")]
    Closed,
}

/// What became of a published message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Published {
    /// It is kept, with its deliveries.
    Stored(Stored),
    /// The same request came before; this is what it got. Nothing new is kept.
    Duplicate(Receipt),
    /// The idempotency key belongs to another request. Nothing is kept.
    Conflict,
    /// An endpoint changed since the event was matched. Nothing is kept; match again.
    Stale,
}

/// What is known of the deliveries of a message that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stored {
    /// Those that wait for another of their key, or for another host; the others have the state that they were given with.
    pub waiting: Vec<DeliveryId>,
    /// Of those that are `Sending`.
    pub fence: Fence,
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
/// 6. A store that fails goes on by itself when the cause is gone, and logs its own failures, few lines however many they are.
/// 7. What may happen twice: a request. After a crash, deliveries that were being sent are pending again.
/// 8. **In steps.** What concerns every delivery of an endpoint changes [`STEP_ROWS`] of them at a time, so that nobody waits
///    for a million. Until the rest has followed, no call treats it as anything but what it is to become.
/// 9. **In order.** Of the open deliveries of one endpoint and one key, the one that came first is pending, sending or held, and
///    all others wait. The call that ends it makes the next one pending, or held when the endpoint is not active, or has
///    become so after that one was published: then it is one of those that were held.
/// 10. **Secrets are sealed.** What leaves the process holds no signing secret and no private key that opens without the key of
///     the vault, and one that was replaced or deleted is overwritten.
/// 11. **One host an endpoint.** Where several hosts share a store, each endpoint is one host's at a time, and a host that was not
///     heard of for too long has none: [`claim`](Store::claim), [`claim_probe`](Store::claim_probe), [`put_back`](Store::put_back),
///     [`record`](Store::record) and [`step_replay`](Store::step_replay) change nothing for it then and say
///     [`StoreError::LeaseLost`]. A change of an endpoint that another host has changed meanwhile is [`StoreError::Changed`].
pub trait Store: Send + Sync + 'static {
    /// Every endpoint that is not deleted, oldest first.
    fn endpoints(&self) -> Later<Vec<Endpoint>>;

    /// Keeps a new endpoint. Returns the number that it is given, which no other endpoint had before.
    fn create_endpoint(&self, endpoint: Endpoint) -> Later<u32>;

    /// Replaces an endpoint. Pending deliveries are held when it is not active; the first step of that is part of the call.
    /// Held ones stay so when it is active, until they are [claimed](Store::claim); `resume` says which of them, and `None`
    /// leaves that as it was said before. Returns whether more is to [follow](Store::follow).
    fn update_endpoint(
        &self,
        endpoint: Endpoint,
        resume: Option<Resume>,
        now_ms: u64,
    ) -> Later<bool>;

    /// Deletes an endpoint: its secrets are wiped, its open deliveries are cancelled, but for those that are being sent; the
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

    /// Keeps a request of another sender with its events, their messages and deliveries, unless it has come before: all of it or
    /// nothing. Events that have come before are left out.
    fn take_in(&self, inbound: NewInbound) -> Later<TakenIn>;

    /// Requests of other senders, newest first.
    fn inbound_requests(&self, filter: InboundFilter) -> Later<Vec<Inbound>>;

    /// A request of another sender, with `limit` of its events at most from the place `from` on.
    fn inbound_request(&self, id: InboundId, from: u64, limit: u32) -> Later<Option<InboundView>>;

    /// Takes up deliveries of each endpoint that are due or held, each oldest first: they are `Sending` from now on. Of an
    /// endpoint that is not active it takes none. It stops when the bodies are longer than `body_bytes_max` together, but
    /// takes one in any case. The answer has a place for each claim, in their order.
    fn claim(&self, claims: Vec<Claim>, body_bytes_max: u64, now_ms: u64) -> Later<Vec<Claimed>>;

    /// Takes up the oldest held delivery of an endpoint as a probe; `None` when it has none.
    fn claim_probe(&self, endpoint: EndpointId, now_ms: u64) -> Later<Option<Lease>>;

    /// Gives back claimed deliveries without an attempt; not to be claimed before `not_before_ms`. Those of deleted
    /// endpoints are cancelled, and what was claimed under another fence than the present one is left as it is.
    fn put_back(&self, deliveries: Vec<DeliveryId>, fence: Fence, not_before_ms: u64) -> Later<()>;

    /// Keeps an attempt and what follows from it for delivery and endpoint. If the endpoint is paused by it, its pending
    /// deliveries are held, and the first step of that is part of the call. So are the operational messages about it.
    fn record(&self, ended: Ended) -> Later<Recorded>;

    /// Makes a delivery that is in one of these states pending again, with the same message id and body and a new round of
    /// attempts; its earlier attempts stay. A dead letter is then no longer acknowledged. With an ordering key it goes behind those
    /// of its key that are open by now.
    fn retry(
        &self,
        delivery: DeliveryId,
        states: Vec<DeliveryState>,
        now_ms: u64,
    ) -> Later<Retried>;

    /// Marks dead letters as known to their owner. What is none, or is marked already, is left as it is. Returns how many of
    /// them are dead letters and marked now.
    fn acknowledge(&self, deliveries: Vec<DeliveryId>, now_ms: u64) -> Later<u64>;

    /// A page of the selection. A read looks at a bounded number of rows, so a page may be short, or empty, and still have
    /// another one behind it.
    fn select(&self, selection: Selection, page: Page) -> Later<Selected<Delivery>>;

    /// A page of an endpoint's dead letters that nobody has taken note of, oldest first, as their receiver would have got them. A
    /// page ends early when its bodies are long.
    fn failed_events(
        &self,
        endpoint: EndpointId,
        after: Option<DeliveryId>,
        limit: u32,
    ) -> Later<Selected<FailedEvent>>;

    /// The dead letters of an endpoint whose event has this id in its body, noted or not; few, unless a publisher gives many
    /// events one id.
    fn failed_deliveries(&self, endpoint: EndpointId, event_id: String) -> Later<Vec<DeliveryId>>;

    /// How many deliveries fit. Counting stops after a bounded number of rows and says so.
    fn count(&self, selection: Selection) -> Later<Counted>;

    /// Keeps a new replay. `false`, and nothing is kept, when `open_max` of its workspace are running or paused already.
    fn create_replay(&self, replay: Replay, open_max: u32) -> Later<bool>;

    /// Sends some deliveries of a running replay again, as [`retry`](Store::retry) does, and keeps how far it came: both or
    /// neither, so that no delivery is sent again twice by one replay. Nothing happens when the replay is not running or not
    /// where the caller believes it to be.
    fn step_replay(&self, step: ReplayStep) -> Later<Stepped>;

    /// Changes the state of a replay that is in one of these. Returns it as it is then; `None` when there is none.
    fn change_replay(
        &self,
        replay: ReplayId,
        from: Vec<ReplayState>,
        to: ReplayState,
        now_ms: u64,
    ) -> Later<Option<Replay>>;

    /// Replays of a workspace, newest first.
    fn replays(
        &self,
        workspace: WorkspaceId,
        after: Option<ReplayId>,
        limit: u32,
    ) -> Later<Vec<Replay>>;

    /// Every replay that is running or paused.
    fn open_replays(&self) -> Later<Vec<Replay>>;

    /// A replay.
    fn replay(&self, replay: ReplayId) -> Later<Option<Replay>>;

    /// To be called once before the delivery loop starts: what was being sent when the last process ended is pending again.
    fn recover(&self, now_ms: u64) -> Later<Recovered>;

    /// When the next delivery of each endpoint is due; endpoints without pending deliveries are left out.
    fn due(&self) -> Later<Vec<(EndpointId, u64)>>;

    /// Forgets what is old, one small step at a time. Deliveries that have not ended are never touched, nor
    /// what belongs to them; dead letters that nobody has taken note of only as the step says. What was forgotten leaves room
    /// for new data.
    fn prune(&self, step: Prune) -> Later<Pruned>;

    /// How much room the data takes.
    fn size(&self) -> Later<Size>;

    /// A message with its deliveries and attempts.
    fn message(&self, message: MessageId) -> Later<Option<MessageView>>;

    /// Messages with their bodies, newest first. A read looks at a bounded number of rows, so a page may be short, or empty,
    /// and still have another one behind it.
    fn bodies(&self, bodies: Bodies) -> Later<BodyPage>;

    /// A delivery with its attempts.
    fn delivery(&self, delivery: DeliveryId) -> Later<Option<(Delivery, Vec<Attempt>)>>;

    /// A page of deliveries, newest first. A read looks at a bounded number of rows, as with [`select`](Store::select).
    fn deliveries(&self, filter: Filter) -> Later<Selected<Delivery>>;

    /// A page of messages, newest first; the same goes for it.
    fn messages(&self, filter: MessageFilter) -> Later<Selected<Message, MessageId>>;

    /// A message with its body, if that is still kept.
    fn body(&self, message: MessageId) -> Later<Option<(Message, Option<Bytes>)>>;

    /// Counts of what was published since a moment. Counting stops after a bounded number of rows and says so.
    fn tally(&self, of: TallyOf) -> Later<Tally>;

    /// Counts of deliveries to an endpoint that have not ended, or are dead letters, each up to a bound.
    fn open(&self, endpoint: EndpointId) -> Later<Vec<(DeliveryState, Counted)>>;

    /// Counts, without a look at every row. Messages and the deliveries that are delivered or cancelled are exact; others are
    /// counted up to a bound.
    fn stats(&self) -> Later<Stats>;

    /// Every workspace.
    fn workspaces(&self) -> Later<Vec<Workspace>>;

    /// Keeps a new workspace, whose number is left open. Returns the number that it is given, or `None`, and nothing is kept,
    /// when there is one of this id.
    fn create_workspace(&self, workspace: Workspace) -> Later<Option<u32>>;

    /// Changes the name of a workspace.
    fn rename_workspace(&self, workspace: Workspace) -> Later<()>;

    /// Every key that is not revoked.
    fn keys(&self) -> Later<Vec<ApiKey>>;

    /// Keeps a new key.
    fn create_key(&self, key: ApiKey) -> Later<()>;

    /// A key that is revoked is not among [`keys`](Store::keys) any more.
    fn revoke_key(&self, key: ApiKeyId, now_ms: u64) -> Later<()>;

    /// Every event type that a workspace has described.
    fn event_types(&self) -> Later<Vec<EventType>>;

    /// Keeps what is said of an event type, in place of what was said before.
    fn keep_event_type(&self, event_type: EventType) -> Later<()>;

    /// Forgets what is said of an event type.
    fn forget_event_type(&self, event_type: EventType) -> Later<()>;

    /// What hosts have in memory, as it is at one moment: all of it, or what has changed since that version.
    fn catalogue(&self, _since: Option<u64>) -> Later<Catalogue> {
        let (endpoints, workspaces) = (self.endpoints(), self.workspaces());
        let (keys, event_types) = (self.keys(), self.event_types());
        Box::pin(async move {
            Ok(Catalogue {
                version: None,
                endpoints: endpoints.await?,
                deleted: Vec::new(),
                others: Some(Others {
                    workspaces: workspaces.await?,
                    keys: keys.await?,
                    event_types: event_types.await?,
                }),
            })
        })
    }

    /// The version of what hosts have in memory, as it is now; `None`: there are no other hosts.
    fn catalogue_version(&self) -> Later<Option<u64>> {
        Box::pin(async { Ok(None) })
    }

    /// Whether it keeps what it is given, as far as is known.
    fn is_ready(&self) -> bool {
        true
    }

    /// The time that all hosts of the store share; `None`: it is the machine's.
    fn clock(&self) -> Option<Arc<dyn Clock>> {
        None
    }

    /// What other hosts mean for this one; `None`: there are no others.
    fn hints(&self) -> Option<Box<dyn Hints>> {
        None
    }

    /// Whether an attempt of what was taken up under this fence may begin now. If not, others may have taken over its delivery.
    fn may_send(&self, _fence: Fence) -> bool {
        true
    }

    /// Whether this host works the deliveries of the endpoint. It may be wrong for a moment; the store is not: what it hands
    /// out is the host's.
    fn owns(&self, _endpoint: &EndpointId) -> bool {
        true
    }

    /// Whether this host is the one that does it, from now on at the latest.
    fn take_chore(&self, _chore: Chore) -> Later<bool> {
        Box::pin(async { Ok(true) })
    }

    /// Brings everything into one file and closes it. Calls that come later fail.
    fn close(&self) -> Later<()>;
}
