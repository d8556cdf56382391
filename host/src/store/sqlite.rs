//! The embedded store: one SQLite file, one writing thread, a few reading connections.

mod backup;
mod check;
mod checkpoint;
mod group;
mod keys;
pub(super) mod moving;
mod reader;
mod reads;
mod room;
mod rows;
mod schema;
mod secrets;
#[cfg(test)]
pub(super) mod tests;
mod writer;
mod writes;

pub use self::{
    backup::{BackupError, backup},
    check::{StartCheck, check},
};

use self::{
    checkpoint::Checkpointer,
    keys::open_sealed,
    reader::Reader,
    room::Room,
    schema::Lock,
    writer::{Caller, Writer},
};
use crate::{
    chance::Chance,
    ids::{ApiKeyId, DeliveryId, EndpointId, InboundId, MessageId, ReplayId, WorkspaceId},
    store::{
        ApiKey, Attempt, Backlogs, Bodies, BodyPage, Claim, Claimed, Counted, Delivery,
        DeliveryState, Ended, Endpoint, EventType, FailedEvent, Fence, Filter, Inbound,
        InboundFilter, InboundView, Later, Lease, Message, MessageFilter, MessageView, NewBatch,
        NewInbound, NewMessage, Page, Prune, Pruned, Published, PublishedBatch, Recorded,
        Recovered, Replay, ReplayState, ReplayStep, Resume, Retried, Selected, Selection, Size,
        Stats, Stepped, Store, StoreError, TakenIn, Tally, TallyOf, Workspace, sealed,
    },
    vault::{KeySource, Vault},
};
use bytes::Bytes;
use std::{path::Path, sync::Arc, time::Duration};

/// Bytes that a request of another sender counts for in the queue, at most: the least that `store.queue_bytes_max` can be. One
/// with more would be refused for ever.
const INBOUND_BYTES_COUNTED: usize = 16 * 1024 * 1024;

/// Limits of the queue to the writing thread.
#[derive(Debug, Clone, Copy)]
pub struct QueueLimits {
    /// Calls of clients that may wait.
    pub queue_max: u32,
    /// Bytes of messages that may wait.
    pub queue_bytes_max: u64,
    /// Calls that share a commit.
    pub batch_max: u32,
}

/// What a commit waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Durability {
    /// Its data is on the disk.
    Full,
    /// Its data is with the operating system: nothing is lost when the process dies, the last moments are when the machine
    /// does.
    Normal,
}

/// How a file is opened.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    pub limits: QueueLimits,
    pub durability: Durability,
    /// Room on the disk that new messages must leave, so that outcomes can still be recorded.
    pub reserve_bytes: u64,
    pub check: StartCheck,
    /// Longest time of a quick check.
    pub check_limit: Duration,
}

/// A store in one SQLite file. The file belongs to this process until the value is dropped.
pub struct SqliteStore {
    writer: Writer,
    reader: Reader,
    vault: Arc<Vault>,
    _lock: Lock,
}

impl SqliteStore {
    /// Opens the file, or makes it, with the folder it is in.
    ///
    /// # Errors
    /// [`StoreError::InUse`], [`StoreError::Damaged`], [`StoreError::Failed`], [`StoreError::Key`]
    pub fn open(
        path: &Path,
        options: Options,
        keys: &KeySource,
        chance: Arc<dyn Chance>,
    ) -> Result<Self, StoreError> {
        let lock = Lock::take(path)?;
        let (connection, vault) = open_sealed(path, &options, keys, chance)?;
        let room = Room::new(path, options.reserve_bytes);
        let writer = Writer::start(
            connection,
            Some(Checkpointer::start(path)?),
            options.limits,
            room,
        )?;
        Ok(Self {
            writer,
            reader: Reader::new(path.to_owned()),
            vault: Arc::new(vault),
            _lock: lock,
        })
    }
}

impl Store for SqliteStore {
    fn endpoints(&self) -> Later<Vec<Endpoint>> {
        let vault = Arc::clone(&self.vault);
        self.reader.read("listing endpoints", move |connection| {
            reads::endpoints(connection, &vault)
        })
    }

    fn create_endpoint(&self, endpoint: Endpoint) -> Later<u32> {
        let sealed = match sealed::seal(&self.vault, &endpoint) {
            Ok(sealed) => sealed,
            Err(error) => return Box::pin(async { Err(error) }),
        };
        self.writer
            .submit(Caller::Client, "creating an endpoint", move |connection| {
                writes::create_endpoint(connection, &endpoint, &sealed)
            })
    }

    fn update_endpoint(
        &self,
        endpoint: Endpoint,
        resume: Option<Resume>,
        now_ms: u64,
    ) -> Later<bool> {
        let sealed = match sealed::seal(&self.vault, &endpoint) {
            Ok(sealed) => sealed,
            Err(error) => return Box::pin(async { Err(error) }),
        };
        self.writer
            .submit(Caller::Client, "changing an endpoint", move |connection| {
                writes::update_endpoint(connection, &endpoint, &sealed, resume, now_ms)
            })
    }

    fn follow(&self, endpoint: EndpointId, now_ms: u64) -> Later<bool> {
        self.writer
            .submit(Caller::Host, "changing deliveries", move |connection| {
                writes::follow(connection, &endpoint, now_ms)
            })
    }

    fn backlogs(&self) -> Later<Backlogs> {
        self.reader.read("looking for backlogs", reads::backlogs)
    }

    fn delete_endpoint(&self, endpoint: EndpointId, now_ms: u64) -> Later<bool> {
        self.writer
            .submit(Caller::Client, "deleting an endpoint", move |connection| {
                writes::delete_endpoint(connection, &endpoint, now_ms)
            })
    }

    fn publish(&self, message: NewMessage) -> Later<Published> {
        let caller = Caller::Publisher {
            bytes: message.body.len(),
        };
        self.writer
            .submit_grouped(caller, "publishing", move |group| {
                writes::publish(group, &message)
            })
    }

    fn publish_batch(&self, batch: NewBatch) -> Later<PublishedBatch> {
        let bodies = batch.messages.iter().map(|message| message.body.len());
        let caller = Caller::Publisher {
            bytes: bodies.fold(0, usize::saturating_add),
        };
        self.writer
            .submit_grouped(caller, "publishing", move |group| {
                writes::publish_batch(group, &batch)
            })
    }

    fn take_in(&self, inbound: NewInbound) -> Later<TakenIn> {
        let caller = Caller::Publisher {
            bytes: inbound.bytes().min(INBOUND_BYTES_COUNTED),
        };
        self.writer
            .submit_grouped(caller, "taking in a request", move |group| {
                writes::take_in(group, &inbound)
            })
    }

    fn inbound_requests(&self, filter: InboundFilter) -> Later<Vec<Inbound>> {
        self.reader.read("listing requests", move |connection| {
            reads::inbound::list(connection, &filter)
        })
    }

    fn inbound_request(&self, id: InboundId, from: u64, limit: u32) -> Later<Option<InboundView>> {
        self.reader.read("reading a request", move |connection| {
            reads::inbound::view(connection, &id, from, limit)
        })
    }

    fn claim(&self, claims: Vec<Claim>, body_bytes_max: u64, now_ms: u64) -> Later<Vec<Claimed>> {
        self.writer
            .submit(Caller::Host, "claiming deliveries", move |connection| {
                writes::claim(connection, &claims, body_bytes_max, now_ms)
            })
    }

    fn claim_probe(&self, endpoint: EndpointId, now_ms: u64) -> Later<Option<Lease>> {
        self.writer
            .submit(Caller::Host, "claiming a probe", move |connection| {
                writes::claim_probe(connection, &endpoint, now_ms)
            })
    }

    fn put_back(&self, deliveries: Vec<DeliveryId>, _: Fence, not_before_ms: u64) -> Later<()> {
        self.writer
            .submit(Caller::Host, "putting deliveries back", move |connection| {
                writes::put_back(connection, &deliveries, not_before_ms)
            })
    }

    fn record(&self, ended: Ended) -> Later<Recorded> {
        self.writer
            .submit_grouped(Caller::Host, "recording an attempt", move |group| {
                writes::record(group, &ended)
            })
    }

    fn retry(
        &self,
        delivery: DeliveryId,
        states: Vec<DeliveryState>,
        now_ms: u64,
    ) -> Later<Retried> {
        self.writer.submit(
            Caller::Client,
            "sending a delivery again",
            move |connection| writes::retry(connection, &delivery, &states, now_ms),
        )
    }

    fn acknowledge(&self, deliveries: Vec<DeliveryId>, now_ms: u64) -> Later<u64> {
        self.writer.submit(
            Caller::Client,
            "acknowledging dead letters",
            move |connection| writes::acknowledge(connection, &deliveries, now_ms),
        )
    }

    fn select(&self, selection: Selection, page: Page) -> Later<Selected<Delivery>> {
        self.reader.read("selecting deliveries", move |connection| {
            reads::select(connection, &selection, &page)
        })
    }

    fn failed_events(
        &self,
        endpoint: EndpointId,
        after: Option<DeliveryId>,
        limit: u32,
    ) -> Later<Selected<FailedEvent>> {
        self.reader
            .read("listing failed events", move |connection| {
                reads::failed_events(connection, &endpoint, after.as_ref(), limit)
            })
    }

    fn failed_deliveries(&self, endpoint: EndpointId, event_id: String) -> Later<Vec<DeliveryId>> {
        self.reader
            .read("looking for a failed event", move |connection| {
                reads::failed_deliveries(connection, &endpoint, &event_id)
            })
    }

    fn count(&self, selection: Selection) -> Later<Counted> {
        self.reader.read("counting deliveries", move |connection| {
            reads::count(connection, &selection)
        })
    }

    fn create_replay(&self, replay: Replay, open_max: u32) -> Later<bool> {
        self.writer
            .submit(Caller::Client, "beginning a replay", move |connection| {
                writes::replay::create(connection, &replay, open_max)
            })
    }

    fn step_replay(&self, step: ReplayStep) -> Later<Stepped> {
        self.writer
            .submit(Caller::Host, "replaying", move |connection| {
                writes::replay::step(connection, &step)
            })
    }

    fn change_replay(
        &self,
        replay: ReplayId,
        from: Vec<ReplayState>,
        to: ReplayState,
        now_ms: u64,
    ) -> Later<Option<Replay>> {
        self.writer
            .submit(Caller::Client, "changing a replay", move |connection| {
                writes::replay::change(connection, &replay, &from, to, now_ms)
            })
    }

    fn replays(
        &self,
        workspace: WorkspaceId,
        after: Option<ReplayId>,
        limit: u32,
    ) -> Later<Vec<Replay>> {
        self.reader.read("listing replays", move |connection| {
            reads::replays(connection, &workspace, after.as_ref(), limit)
        })
    }

    fn open_replays(&self) -> Later<Vec<Replay>> {
        self.reader.read("listing replays", reads::open_replays)
    }

    fn replay(&self, replay: ReplayId) -> Later<Option<Replay>> {
        self.reader.read("reading a replay", move |connection| {
            reads::replay(connection, &replay)
        })
    }

    fn recover(&self, now_ms: u64) -> Later<Recovered> {
        self.writer
            .submit(Caller::Host, "recovering", move |connection| {
                writes::recover(connection, now_ms)
            })
    }

    fn due(&self) -> Later<Vec<(EndpointId, u64)>> {
        self.reader.read("looking for due deliveries", reads::due)
    }

    fn prune(&self, step: Prune) -> Later<Pruned> {
        self.writer
            .submit(Caller::Host, "forgetting what is old", move |connection| {
                writes::prune(connection, &step)
            })
    }

    fn size(&self) -> Later<Size> {
        self.reader.read("measuring", reads::size)
    }

    fn message(&self, message: MessageId) -> Later<Option<MessageView>> {
        self.reader.read("reading a message", move |connection| {
            reads::message(connection, &message)
        })
    }

    fn bodies(&self, bodies: Bodies) -> Later<BodyPage> {
        self.reader.read("reading bodies", move |connection| {
            reads::bodies(connection, &bodies)
        })
    }

    fn delivery(&self, delivery: DeliveryId) -> Later<Option<(Delivery, Vec<Attempt>)>> {
        self.reader.read("reading a delivery", move |connection| {
            reads::delivery(connection, &delivery)
        })
    }

    fn deliveries(&self, filter: Filter) -> Later<Selected<Delivery>> {
        self.reader.read("listing deliveries", move |connection| {
            reads::lists::deliveries(connection, &filter)
        })
    }

    fn messages(&self, filter: MessageFilter) -> Later<Selected<Message, MessageId>> {
        self.reader.read("listing messages", move |connection| {
            reads::lists::messages(connection, &filter)
        })
    }

    fn body(&self, message: MessageId) -> Later<Option<(Message, Option<Bytes>)>> {
        self.reader.read("reading a body", move |connection| {
            reads::lists::body(connection, &message)
        })
    }

    fn tally(&self, of: TallyOf) -> Later<Tally> {
        self.reader.read("counting", move |connection| {
            reads::lists::tally(connection, &of)
        })
    }

    fn open(&self, endpoint: EndpointId) -> Later<Vec<(DeliveryState, Counted)>> {
        self.reader.read("counting", move |connection| {
            reads::open(connection, &endpoint)
        })
    }

    fn stats(&self) -> Later<Stats> {
        self.reader.read("counting", reads::stats)
    }

    fn workspaces(&self) -> Later<Vec<Workspace>> {
        self.reader.read("listing workspaces", reads::workspaces)
    }

    fn create_workspace(&self, workspace: Workspace) -> Later<Option<u32>> {
        self.writer
            .submit(Caller::Client, "creating a workspace", move |connection| {
                writes::access::create_workspace(connection, &workspace)
            })
    }

    fn rename_workspace(&self, workspace: Workspace) -> Later<()> {
        self.writer
            .submit(Caller::Client, "renaming a workspace", move |connection| {
                writes::access::rename_workspace(connection, &workspace)
            })
    }

    fn keys(&self) -> Later<Vec<ApiKey>> {
        self.reader.read("listing keys", reads::keys)
    }

    fn create_key(&self, key: ApiKey) -> Later<()> {
        self.writer
            .submit(Caller::Client, "creating a key", move |connection| {
                writes::access::create_key(connection, &key)
            })
    }

    fn revoke_key(&self, key: ApiKeyId, now_ms: u64) -> Later<()> {
        self.writer
            .submit(Caller::Client, "revoking a key", move |connection| {
                writes::access::revoke_key(connection, &key, now_ms)
            })
    }

    fn event_types(&self) -> Later<Vec<EventType>> {
        self.reader.read("listing event types", reads::event_types)
    }

    fn keep_event_type(&self, event_type: EventType) -> Later<()> {
        self.writer.submit(
            Caller::Client,
            "describing an event type",
            move |connection| writes::access::keep_event_type(connection, &event_type),
        )
    }

    fn forget_event_type(&self, event_type: EventType) -> Later<()> {
        self.writer.submit(
            Caller::Client,
            "forgetting an event type",
            move |connection| writes::access::forget_event_type(connection, &event_type),
        )
    }

    fn close(&self) -> Later<()> {
        self.reader.close();
        self.writer.close()
    }
}
