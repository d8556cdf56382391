//! The store of many hosts: a PostgreSQL database.
//!
//! One task writes, as with the file of one host: what has been queued while a commit was on its way shares the next one. The
//! tables, and why each index is there: `migrations/postgres`.

mod address;
mod clock;
mod connections;
mod hints;
mod keys;
mod lease;
pub(super) mod moving;
mod pooler;
mod reader;
mod reads;
mod rows;
mod schema;
mod secrets;
mod session;
mod statement;
mod tls;
mod writer;
mod writes;

pub use self::address::{Address, AddressError};

use self::{
    clock::DatabaseClock,
    lease::Keeper,
    reader::Reader,
    writer::{Caller, Writer},
};
use crate::{
    clock::Clock,
    ids::{ApiKeyId, DeliveryId, EndpointId, InboundId, MessageId, ReplayId, WorkspaceId},
    store::{
        ApiKey, Attempt, Backlogs, Bodies, BodyPage, Catalogue, Chore, Claim, Claimed, Counted,
        Delivery, DeliveryState, Ended, Endpoint, EventType, FailedEvent, Fence, Filter, Hints,
        Inbound, InboundFilter, InboundView, Later, Lease, Message, MessageFilter, MessageView,
        NewBatch, NewInbound, NewMessage, Page, Prune, Pruned, Published, PublishedBatch, Recorded,
        Recovered, Replay, ReplayState, ReplayStep, Resume, Retried, Selected, Selection, Size,
        Stats, Stepped, Store, TakenIn, Tally, TallyOf, Workspace, sealed, sqlite::QueueLimits,
    },
    vault::Vault,
};
use bytes::Bytes;
use std::{sync::Arc, time::Duration};

/// Bytes that a request of another sender counts for in the queue, at most: the least that `store.queue_bytes_max` can be. One
/// with more would be refused for ever.
const INBOUND_BYTES_COUNTED: usize = 16 * 1024 * 1024;

/// How a database is used.
#[derive(Debug, Clone)]
pub struct Options {
    pub limits: QueueLimits,
    /// Connections, at most.
    pub connections_max: u32,
    /// How long a host that is not heard of keeps its work.
    pub lease: Duration,
    /// Told to the other hosts.
    pub name: String,
}

/// A store in a PostgreSQL database, which other hosts may use at the same time.
pub struct PostgresStore {
    writer: Arc<Writer>,
    reader: Reader,
    vault: Arc<Vault>,
    clock: Arc<DatabaseClock>,
    keeper: Arc<Keeper>,
}

/// A read by the pool: what it is for, what it is given, and the question.
macro_rules! read {
    ($self:ident, $doing:literal, $asked:expr => |$session:ident, $given:pat_param| $question:expr) => {
        $self
            .reader
            .read($doing, $asked, |$session, $given| Box::pin($question))
    };
}

/// A write by the task that writes, likewise, and whose it is.
macro_rules! submit {
    ($self:ident, $caller:expr, $doing:literal, $asked:expr => |$writing:ident, $given:pat_param| $work:expr) => {
        $self
            .writer
            .submit($caller, $doing, $asked, |$writing, $given| Box::pin($work))
    };
}

impl Store for PostgresStore {
    fn endpoints(&self) -> Later<Vec<Endpoint>> {
        let vault = Arc::clone(&self.vault);
        read!(self, "listing endpoints", vault => |session, vault| reads::endpoints(session, vault))
    }

    fn create_endpoint(&self, endpoint: Endpoint) -> Later<u32> {
        let sealed = match sealed::seal(&self.vault, &endpoint) {
            Ok(sealed) => sealed,
            Err(error) => return Box::pin(async { Err(error) }),
        };
        submit!(self, Caller::Client, "creating an endpoint", (endpoint, sealed) =>
            |writing, (endpoint, sealed)| writes::endpoint::create(writing, endpoint, sealed))
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
        submit!(self, Caller::Client, "changing an endpoint", (endpoint, sealed, resume, now_ms) =>
            |writing, (endpoint, sealed, resume, now_ms)| writes::endpoint::update(writing, endpoint, sealed, *resume, *now_ms))
    }

    fn follow(&self, endpoint: EndpointId, now_ms: u64) -> Later<bool> {
        submit!(self, Caller::Host, "changing deliveries", (endpoint, now_ms) =>
            |writing, (endpoint, now_ms)| writes::endpoint::follow(writing, endpoint, *now_ms))
    }

    fn backlogs(&self) -> Later<Backlogs> {
        let asked = self.keeper.generation();
        read!(self, "looking for backlogs", asked => |session, generation| reads::backlogs(session, *generation))
    }

    fn delete_endpoint(&self, endpoint: EndpointId, now_ms: u64) -> Later<bool> {
        submit!(self, Caller::Client, "deleting an endpoint", (endpoint, now_ms) =>
            |writing, (endpoint, now_ms)| writes::endpoint::delete(writing, endpoint, *now_ms))
    }

    fn publish(&self, message: NewMessage) -> Later<Published> {
        self.writer.publish(message)
    }

    fn publish_batch(&self, batch: NewBatch) -> Later<PublishedBatch> {
        let bodies = batch.messages.iter().map(|message| message.body.len());
        let caller = Caller::Publisher {
            bytes: bodies.fold(0, usize::saturating_add),
        };
        submit!(self, caller, "publishing", batch => |writing, batch| writes::publish::batch(writing, batch))
    }

    fn take_in(&self, inbound: NewInbound) -> Later<TakenIn> {
        let caller = Caller::Publisher {
            bytes: inbound.bytes().min(INBOUND_BYTES_COUNTED),
        };
        submit!(self, caller, "taking in a request", inbound => |writing, inbound| writes::inbound::take_in(writing, inbound))
    }

    fn inbound_requests(&self, filter: InboundFilter) -> Later<Vec<Inbound>> {
        read!(self, "listing requests", filter => |session, filter| reads::inbound::list(session, filter))
    }

    fn inbound_request(&self, id: InboundId, from: u64, limit: u32) -> Later<Option<InboundView>> {
        let asked = (id, from, limit);
        read!(self, "reading a request", asked => |session, (id, from, limit)| reads::inbound::view(session, id, *from, *limit))
    }

    fn claim(&self, claims: Vec<Claim>, body_bytes_max: u64, now_ms: u64) -> Later<Vec<Claimed>> {
        submit!(self, Caller::Host, "claiming deliveries", (claims, body_bytes_max, now_ms) =>
            |writing, (claims, body_bytes_max, now_ms)| writes::claim::claim(writing, claims, *body_bytes_max, *now_ms))
    }

    fn claim_probe(&self, endpoint: EndpointId, now_ms: u64) -> Later<Option<Lease>> {
        submit!(self, Caller::Host, "claiming a probe", (endpoint, now_ms) =>
            |writing, (endpoint, now_ms)| writes::claim::claim_probe(writing, endpoint, *now_ms))
    }

    fn put_back(&self, deliveries: Vec<DeliveryId>, fence: Fence, not_before_ms: u64) -> Later<()> {
        submit!(self, Caller::Host, "putting deliveries back", (deliveries, fence, not_before_ms) =>
            |writing, (deliveries, fence, not_before_ms)| writes::put_back::put_back(writing, deliveries, *fence, *not_before_ms))
    }

    fn record(&self, ended: Ended) -> Later<Recorded> {
        self.writer.record(ended)
    }

    fn retry(
        &self,
        delivery: DeliveryId,
        states: Vec<DeliveryState>,
        now_ms: u64,
    ) -> Later<Retried> {
        submit!(self, Caller::Client, "sending a delivery again", (delivery, states, now_ms) =>
            |writing, (delivery, states, now_ms)| writes::replay::retry(writing, delivery, states, *now_ms))
    }

    fn acknowledge(&self, deliveries: Vec<DeliveryId>, now_ms: u64) -> Later<u64> {
        submit!(self, Caller::Client, "acknowledging dead letters", (deliveries, now_ms) =>
            |writing, (deliveries, now_ms)| writes::replay::acknowledge(writing, deliveries, *now_ms))
    }

    fn select(&self, selection: Selection, page: Page) -> Later<Selected<Delivery>> {
        let asked = (selection, page);
        read!(self, "selecting deliveries", asked =>
            |session, (selection, page)| reads::selection::select(session, selection, page))
    }

    fn failed_events(
        &self,
        endpoint: EndpointId,
        after: Option<DeliveryId>,
        limit: u32,
    ) -> Later<Selected<FailedEvent>> {
        read!(self, "listing failed events", (endpoint, after, limit) =>
            |session, (endpoint, after, limit)| reads::failed_events::failed_events(session, endpoint, after.as_ref(), *limit))
    }

    fn failed_deliveries(&self, endpoint: EndpointId, event_id: String) -> Later<Vec<DeliveryId>> {
        read!(self, "looking for a failed event", (endpoint, event_id) =>
            |session, (endpoint, event_id)| reads::failed_events::failed_deliveries(session, endpoint, event_id))
    }

    fn count(&self, selection: Selection) -> Later<Counted> {
        read!(self, "counting deliveries", selection => |session, selection| reads::selection::count(session, selection))
    }

    fn create_replay(&self, replay: Replay, open_max: u32) -> Later<bool> {
        submit!(self, Caller::Client, "beginning a replay", (replay, open_max) =>
            |writing, (replay, open_max)| writes::replay::create(writing, replay, *open_max))
    }

    fn step_replay(&self, step: ReplayStep) -> Later<Stepped> {
        submit!(self, Caller::Host, "replaying", step => |writing, step| writes::replay::step(writing, step))
    }

    fn change_replay(
        &self,
        replay: ReplayId,
        from: Vec<ReplayState>,
        to: ReplayState,
        now_ms: u64,
    ) -> Later<Option<Replay>> {
        submit!(self, Caller::Client, "changing a replay", (replay, from, to, now_ms) =>
            |writing, (replay, from, to, now_ms)| writes::replay::change(writing, replay, from, *to, *now_ms))
    }

    fn replays(
        &self,
        workspace: WorkspaceId,
        after: Option<ReplayId>,
        limit: u32,
    ) -> Later<Vec<Replay>> {
        read!(self, "listing replays", (workspace, after, limit) =>
            |session, (workspace, after, limit)| reads::replays::replays(session, workspace, after.as_ref(), *limit))
    }

    fn open_replays(&self) -> Later<Vec<Replay>> {
        read!(self, "listing replays", () => |session, ()| reads::replays::open_replays(session))
    }

    fn replay(&self, replay: ReplayId) -> Later<Option<Replay>> {
        read!(self, "reading a replay", replay => |session, replay| reads::replays::replay(session, replay))
    }

    fn recover(&self, now_ms: u64) -> Later<Recovered> {
        Keeper::recover(&self.keeper, now_ms)
    }

    fn due(&self) -> Later<Vec<(EndpointId, u64)>> {
        let asked = self.keeper.generation();
        read!(self, "looking for due deliveries", asked => |session, generation| reads::due(session, *generation))
    }

    fn prune(&self, step: Prune) -> Later<Pruned> {
        submit!(self, Caller::Host, "forgetting what is old", step => |writing, step| writes::prune::prune(writing, step))
    }

    fn size(&self) -> Later<Size> {
        read!(self, "measuring", () => |session, ()| reads::stats::size(session))
    }

    fn message(&self, message: MessageId) -> Later<Option<MessageView>> {
        read!(self, "reading a message", message => |session, message| reads::one::message(session, message))
    }

    fn bodies(&self, bodies: Bodies) -> Later<BodyPage> {
        read!(self, "reading bodies", bodies => |session, bodies| reads::bodies::bodies(session, bodies))
    }

    fn delivery(&self, delivery: DeliveryId) -> Later<Option<(Delivery, Vec<Attempt>)>> {
        read!(self, "reading a delivery", delivery => |session, delivery| reads::one::delivery(session, delivery))
    }

    fn deliveries(&self, filter: Filter) -> Later<Selected<Delivery>> {
        read!(self, "listing deliveries", filter => |session, filter| reads::lists::deliveries(session, filter))
    }

    fn messages(&self, filter: MessageFilter) -> Later<Selected<Message, MessageId>> {
        read!(self, "listing messages", filter => |session, filter| reads::lists::messages(session, filter))
    }

    fn body(&self, message: MessageId) -> Later<Option<(Message, Option<Bytes>)>> {
        read!(self, "reading a body", message => |session, message| reads::lists::body(session, message))
    }

    fn tally(&self, of: TallyOf) -> Later<Tally> {
        read!(self, "counting", of => |session, of| reads::lists::tally(session, of))
    }

    fn open(&self, endpoint: EndpointId) -> Later<Vec<(DeliveryState, Counted)>> {
        read!(self, "counting", endpoint => |session, endpoint| reads::stats::open(session, endpoint))
    }

    fn stats(&self) -> Later<Stats> {
        read!(self, "counting", () => |session, ()| reads::stats::stats(session))
    }

    fn workspaces(&self) -> Later<Vec<Workspace>> {
        read!(self, "listing workspaces", () => |session, ()| reads::access::workspaces(session))
    }

    fn create_workspace(&self, workspace: Workspace) -> Later<Option<u32>> {
        submit!(self, Caller::Client, "creating a workspace", workspace =>
            |writing, workspace| writes::access::create_workspace(writing, workspace))
    }

    fn rename_workspace(&self, workspace: Workspace) -> Later<()> {
        submit!(self, Caller::Client, "renaming a workspace", workspace =>
            |writing, workspace| writes::access::rename_workspace(writing, workspace))
    }

    fn keys(&self) -> Later<Vec<ApiKey>> {
        read!(self, "listing keys", () => |session, ()| reads::access::keys(session))
    }

    fn create_key(&self, key: ApiKey) -> Later<()> {
        submit!(self, Caller::Client, "creating a key", key => |writing, key| writes::access::create_key(writing, key))
    }

    fn revoke_key(&self, key: ApiKeyId, now_ms: u64) -> Later<()> {
        submit!(self, Caller::Client, "revoking a key", (key, now_ms) =>
            |writing, (key, now_ms)| writes::access::revoke_key(writing, key, *now_ms))
    }

    fn event_types(&self) -> Later<Vec<EventType>> {
        read!(self, "listing event types", () => |session, ()| reads::access::event_types(session))
    }

    fn keep_event_type(&self, event_type: EventType) -> Later<()> {
        submit!(self, Caller::Client, "describing an event type", event_type =>
            |writing, event_type| writes::access::keep_event_type(writing, event_type))
    }

    fn forget_event_type(&self, event_type: EventType) -> Later<()> {
        submit!(self, Caller::Client, "forgetting an event type", event_type =>
            |writing, event_type| writes::access::forget_event_type(writing, event_type))
    }

    fn clock(&self) -> Option<Arc<dyn Clock>> {
        Some(Arc::clone(&self.clock) as Arc<dyn Clock>)
    }

    fn catalogue(&self, since: Option<u64>) -> Later<Catalogue> {
        let asked = (Arc::clone(&self.vault), since);
        read!(self, "reading what hosts share", asked => |session, (vault, since)| reads::catalogue(session, vault, *since))
    }

    fn catalogue_version(&self) -> Later<Option<u64>> {
        read!(self, "asking for changes", () => |session, ()| reads::catalogue_version(session))
    }

    fn is_ready(&self) -> bool {
        self.keeper.is_heard_of() && self.writer.is_reachable()
    }

    fn hints(&self) -> Option<Box<dyn Hints>> {
        Some(Box::new(self.keeper.hints()))
    }

    fn may_send(&self, fence: Fence) -> bool {
        self.keeper.may_send(fence)
    }

    fn owns(&self, endpoint: &EndpointId) -> bool {
        self.keeper.owns(endpoint)
    }

    fn take_chore(&self, chore: Chore) -> Later<bool> {
        submit!(self, Caller::Host, "taking a chore", chore => |writing, chore| writes::chore::take(writing, chore))
    }

    fn close(&self) -> Later<()> {
        let (writing, reader) = (self.writer.close(), self.reader.clone());
        let leaving = Keeper::leave(&self.keeper);
        Box::pin(async move {
            let written = writing.await;
            // Others take over at once, instead of when its lease has run out.
            leaving.await;
            reader.close();
            written
        })
    }
}
