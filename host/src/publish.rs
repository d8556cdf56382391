//! Publishing: an event becomes a message and its deliveries, on the disk before the caller hears of it.

mod batch;

pub use self::batch::{BATCH_BYTES_MAX, BATCH_EVENTS_MAX, BatchError, check_batch, publish_batch};

use crate::{
    clock::rfc3339,
    context::Context,
    ids::{ApiKeyId, DeliveryId, MessageId, WorkspaceId},
    registry::Candidate,
    rules::RulesError,
    store::{
        DeliveryState, Idempotency, KEYS_KEPT, Lease, NewDelivery, NewMessage, Published, Receipt,
        StoreError, Stored,
    },
    worker::{Slot, Worker},
};
use bytes::Bytes;
use countersign_guest::{Match, Publish, Rejection, Target, subscription::Overlap};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// How often an event is matched again because an endpoint changed in between. Each time needs another change within a few
/// milliseconds.
pub(crate) const MATCHES_MAX: u32 = 10;
/// Longer payloads are rendered on a thread for blocking work, so that they do not hold up other requests.
pub(crate) const PAYLOAD_BYTES_INLINE: usize = 64 * 1024;
/// Payloads that may need more checks against a schema are checked there, too: some milliseconds.
const CHECKS_INLINE: u64 = 100_000;
/// Long payloads that are rendered at a time; the others wait. Each may take as much memory as the rules are allowed.
pub const LONG_RENDERS_MAX: usize = 4;

/// Longest ordering key that is stored as it is. Usual ones are half as long.
const ORDER_KEY_BYTES_MAX: usize = 160;

/// An event as a client publishes it.
#[derive(Debug, Clone)]
pub struct Event {
    /// Whose endpoints it is for.
    pub workspace: WorkspaceId,
    pub provider: String,
    /// JSON text.
    pub payload: Vec<u8>,
    pub client_id: Option<String>,
    /// It was caused by a machine (R-C13).
    pub bot: bool,
    /// The key of the API that it came with.
    pub sent_by: Option<ApiKeyId>,
    /// Key that recognises it when it comes again, and SHA-256 of what came with it.
    pub idempotency: Option<(String, [u8; 32])>,
}

/// Why an event was not published. Nothing of it is stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The event is wrong; the client's mistake.
    #[error("{}", .0.message)]
    Rejected(Rejection),
    /// The key of the API was revoked a moment ago, by way of another host.
    #[error("the key is revoked")]
    Revoked,
    /// The idempotency key belongs to another request; the client's mistake.
    #[error("the idempotency key was used for another request")]
    IdempotencyConflict,
    /// A defect.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// Busy or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A published event.
#[derive(Debug, Clone)]
pub struct Accepted {
    pub receipt: Receipt,
    /// The same request came before.
    pub duplicate: bool,
}

/// Publishes an event. When this returns `Ok`, it is on the disk.
///
/// To be run to its end: the first attempts begin after the commit.
///
/// # Errors
/// [`PublishError`]
pub async fn publish(
    context: Arc<Context>,
    worker: Arc<Worker>,
    event: Event,
) -> Result<Accepted, PublishError> {
    let now_ms = context.clock.now_ms();
    let message_id = context.message_ids.next(now_ms, &*context.chance);
    for _ in 0..MATCHES_MAX {
        // Before the candidates: what changes in between is found by the store.
        let catalogue = context.registry.version();
        let candidates = context
            .registry
            .candidates(&event.workspace, &event.provider);
        let rendered = render(&context, &event, &message_id, now_ms, &candidates).await?;
        let prepared = prepare(
            &worker,
            &event,
            message_id.clone(),
            rendered,
            Matched {
                candidates: &candidates,
                catalogue,
            },
            now_ms,
        );
        match context.store.publish(prepared.message.clone()).await? {
            Published::Stale => {
                context.refresh(catalogue).await?;
                check_key(&context, &event)?;
            }
            Published::Conflict => return Err(PublishError::IdempotencyConflict),
            Published::Duplicate(receipt) => {
                return Ok(Accepted {
                    receipt,
                    duplicate: true,
                });
            }
            Published::Stored(stored) => return Ok(prepared.begin(&worker, &stored)),
        }
    }
    // Endpoints change faster than events can be matched.
    Err(StoreError::Busy.into())
}

/// Whether what has changed meanwhile is the right to publish.
fn check_key(context: &Context, event: &Event) -> Result<(), PublishError> {
    let is_known = |id: &ApiKeyId| context.keys.find(id).is_some();
    match event.sent_by.as_ref().is_none_or(is_known) {
        true => Ok(()),
        false => Err(PublishError::Revoked),
    }
}

/// An event as it would be published: its type and the bytes that would be sent. It is not published.
///
/// # Errors
/// [`PublishError`]
pub async fn complete(
    context: &Arc<Context>,
    workspace: WorkspaceId,
    provider: String,
    payload: Vec<u8>,
) -> Result<countersign_guest::Published, PublishError> {
    let now_ms = context.clock.now_ms();
    let id = MessageId::new(now_ms, &*context.chance);
    let event = Event {
        workspace,
        sent_by: None,
        provider,
        payload,
        client_id: None,
        bot: false,
        idempotency: None,
    };
    render(context, &event, &id, now_ms, &[]).await
}

/// A message to be stored, with the places of deliveries whose first attempt begins right after.
pub(crate) struct Prepared {
    message: NewMessage,
    slots: Vec<Option<Slot>>,
}

/// What an event was matched against.
#[derive(Clone, Copy)]
struct Matched<'a> {
    candidates: &'a [Candidate],
    /// The version of the catalogue that they are of, at least.
    catalogue: Option<u64>,
}

fn prepare(
    worker: &Arc<Worker>,
    event: &Event,
    message_id: MessageId,
    rendered: countersign_guest::Published,
    matched: Matched<'_>,
    now_ms: u64,
) -> Prepared {
    let message = NewMessage {
        id: message_id,
        workspace: event.workspace.clone(),
        provider: event.provider.clone(),
        event_type: rendered.event_type,
        body: Bytes::from(rendered.body),
        created_at_ms: now_ms,
        idempotency: event
            .idempotency
            .clone()
            .map(|key| idempotency(&event.workspace, key, now_ms)),
        catalogue: matched.catalogue,
        deliveries: Vec::new(),
    };
    Prepared::new(worker, message, rendered.matches, matched.candidates)
}

fn idempotency(
    workspace: &WorkspaceId,
    (key, sha256): (String, [u8; 32]),
    now_ms: u64,
) -> Idempotency {
    Idempotency {
        // A key is its workspace's own. No client's key can look like this: it has no control character but a first one.
        key: match workspace.is_default() {
            true => key,
            false => format!("\t{workspace}\t{key}"),
        },
        request_sha256: sha256,
        valid_since_ms: now_ms.saturating_sub(KEYS_KEPT.as_secs() * 1_000),
    }
}

impl Prepared {
    /// A message to those of the candidates that it was matched with.
    pub(crate) fn new(
        worker: &Arc<Worker>,
        message: NewMessage,
        matches: Vec<Match>,
        candidates: &[Candidate],
    ) -> Self {
        let planned = plan(worker, candidates, matches, &message.id);
        let (deliveries, slots) = planned.into_iter().unzip();
        Self {
            message: NewMessage {
                deliveries,
                ..message
            },
            slots,
        }
    }

    /// What is to be stored.
    pub(crate) const fn message(&self) -> &NewMessage {
        &self.message
    }

    /// It has been stored: first attempts begin, but for those that wait for another of their key.
    pub(crate) fn begin(self, worker: &Arc<Worker>, stored: &Stored) -> Accepted {
        let Self { message, slots } = self;
        let mut receipt = Receipt {
            message_id: message.id.clone(),
            event_type: message.event_type,
            deliveries: Vec::with_capacity(message.deliveries.len()),
        };
        for (new, slot) in message.deliveries.into_iter().zip(slots) {
            let state = match stored.waiting.contains(&new.id) {
                true => DeliveryState::Waiting,
                false => new.state,
            };
            let delivery = (new.id.clone(), new.endpoint_id.clone(), state);
            receipt.deliveries.push(delivery);
            match (state, slot) {
                (DeliveryState::Sending, Some(slot)) => worker.begin(
                    slot,
                    Lease {
                        delivery_id: new.id,
                        message_id: message.id.clone(),
                        endpoint_id: new.endpoint_id,
                        attempts_total: 0,
                        attempts_in_round: 0,
                        first_started_at_ms: None,
                        body: message.body.clone(),
                        order_key: new.order_key,
                        probe: false,
                        fence: stored.fence,
                    },
                ),
                (DeliveryState::Pending, _) => {
                    worker.due(&new.endpoint_id, message.created_at_ms);
                }
                (DeliveryState::Held, _) => worker.held(&new.endpoint_id),
                // A place that is not needed is given back.
                _ => {}
            }
        }
        Accepted {
            receipt,
            duplicate: false,
        }
    }
}

async fn render(
    context: &Arc<Context>,
    event: &Event,
    message_id: &MessageId,
    now_ms: u64,
    candidates: &[Candidate],
) -> Result<countersign_guest::Published, PublishError> {
    let question = question(context, event, message_id, now_ms, candidates);
    let rendered = match event.payload.len() <= PAYLOAD_BYTES_INLINE {
        true => ask(context, question),
        false => {
            let _turn = context.long_renders.acquire().await;
            let context = Arc::clone(context);
            let asked = tokio::task::spawn_blocking(move || ask(&context, question));
            let answered = asked.await;
            answered.unwrap_or_else(|error| Err(RulesError::Trap(error.to_string()).into()))
        }
    }?;
    check_schema(context, event, &rendered.event_type).await?;
    Ok(rendered)
}

/// Whether the payload fits what its workspace has said of its type.
async fn check_schema(
    context: &Context,
    event: &Event,
    event_type: &str,
) -> Result<(), PublishError> {
    let schemas = &context.event_types;
    let Some(schema) = schemas.schema(&event.workspace, &event.provider, event_type) else {
        return Ok(());
    };
    let checked = match schema.checks(event.payload.len()) {
        ..=CHECKS_INLINE => schema.check(&event.payload),
        _ => {
            let _turn = context.long_renders.acquire().await;
            let payload = event.payload.clone();
            let checked = tokio::task::spawn_blocking(move || schema.check(&payload)).await;
            checked.map_err(|error| RulesError::Trap(error.to_string()))?
        }
    };
    checked.map_err(PublishError::Rejected)
}

fn question(
    context: &Context,
    event: &Event,
    message_id: &MessageId,
    now_ms: u64,
    candidates: &[Candidate],
) -> Publish {
    Publish {
        provider: event.provider.clone(),
        payload: event.payload.clone(),
        default_id: message_id.bare().to_owned(),
        default_timestamp: to_the_second(now_ms),
        client_id: event.client_id.clone(),
        bot: event.bot,
        endpoints: candidates
            .iter()
            .map(|candidate| Target {
                rules: candidate.rules.clone(),
                state: candidate.state,
                ordering: candidate.settings.ordering.clone(),
            })
            .collect(),
        overlap: overlap(context),
    }
}

/// Which of SmartLead's levels get an event that several of them match (R-S10).
pub(crate) fn overlap(context: &Context) -> Overlap {
    match context.config.current().compat.smartlead.user_level_wins {
        true => Overlap::UserLevelWins,
        false => Overlap::Each,
    }
}

fn ask(context: &Context, question: Publish) -> Result<countersign_guest::Published, PublishError> {
    match context.rules.guest.publish(question) {
        // Enough for any event of a sensible shape. The deadline is another matter: a machine that is short of time can miss
        // it with any payload, so the client is asked to try again.
        Err(RulesError::Memory) => Err(PublishError::Rejected(Rejection {
            field: "payload".to_owned(),
            code: "payload_too_complex".to_owned(),
            message: "the payload has too many parts to be read within the limits; send less in one event".to_owned(),
        })),
        answer => answer?.map_err(PublishError::Rejected),
    }
}

/// The documents write times to the second (C23).
pub(crate) fn to_the_second(at_ms: u64) -> String {
    let time = rfc3339(at_ms);
    match time.split_once('.') {
        Some((seconds, _)) => format!("{seconds}Z"),
        None => time,
    }
}

/// The deliveries to be stored, with the places of those whose first attempt begins right after.
fn plan(
    worker: &Arc<Worker>,
    candidates: &[Candidate],
    matches: Vec<Match>,
    message: &MessageId,
) -> Vec<(NewDelivery, Option<Slot>)> {
    let planned = (0..).zip(matches).filter_map(|(place, matched)| {
        let candidate = candidates.get(matched.endpoint as usize)?;
        let endpoint_id = candidate.entry.id.clone();
        let slot = match matched.held {
            true => None,
            false => worker.reserve(&endpoint_id),
        };
        let state = match (matched.held, &slot) {
            (true, _) => DeliveryState::Held,
            (false, Some(_)) => DeliveryState::Sending,
            (false, None) => DeliveryState::Pending,
        };
        let new = NewDelivery {
            id: DeliveryId::of(message, place),
            endpoint_id,
            endpoint_version: candidate.version,
            state,
            order_key: matched.order_key.map(order_key),
        };
        Some((new, slot))
    });
    planned.collect()
}

/// A key of order as it is stored: as it is, or its digest when it is long.
pub(crate) fn order_key(key: String) -> Arc<str> {
    match key.len() {
        // Not every store keeps the character U+0000.
        ..=ORDER_KEY_BYTES_MAX if !key.contains('\0') => key.into(),
        _ => {
            let digest = Sha256::digest(key.as_bytes());
            format!("sha256:{}", base16ct::lower::encode_string(&digest)).into()
        }
    }
}
