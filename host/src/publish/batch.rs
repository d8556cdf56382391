//! Publishing several events in one request: all of them or none, in one transaction.

use super::{
    Accepted, Event, MATCHES_MAX, Matched, PAYLOAD_BYTES_INLINE, Prepared, PublishError, ask,
    check_key, check_schema, idempotency, prepare, question,
};
use crate::{
    context::Context,
    ids::{MessageId, WorkspaceId},
    registry::Candidate,
    rules::RulesError,
    store::{NewBatch, Published, PublishedBatch, StoreError, Stored},
    worker::Worker,
};
use countersign_guest::Rejection;
use std::{collections::HashMap, sync::Arc};

/// Most events of one request.
pub const BATCH_EVENTS_MAX: usize = 1_000;
/// Longest body of such a request: 5 MiB.
pub const BATCH_BYTES_MAX: u64 = 5 * 1024 * 1024;
/// Most mistakes that are told at a time. Whoever has more has made the same one often.
const REJECTIONS_MAX: usize = 100;

/// Why none of the events was published. Nothing of them is stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BatchError {
    /// Some events are wrong, each with its place from 0; the client's mistake.
    #[error("{} events are wrong", .0.len())]
    Rejected(Vec<(usize, Rejection)>),
    /// The idempotency key (`None`) or the id of the event at this place belongs to another request.
    #[error("an idempotency key was used for another request")]
    IdempotencyConflict(Option<usize>),
    /// The key of the API was revoked a moment ago, by way of another host.
    #[error("the key is revoked")]
    Revoked,
    /// A defect.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// Busy or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Publishes events of one workspace, all or none. When this returns `Ok`, they are on the disk; the answers are in their order.
///
/// To be run to its end: the first attempts begin after the commit.
///
/// # Errors
/// [`BatchError`]
pub async fn publish_batch(
    context: Arc<Context>,
    worker: Arc<Worker>,
    workspace: WorkspaceId,
    events: Vec<Event>,
    key: Option<(String, [u8; 32])>,
) -> Result<Vec<Accepted>, BatchError> {
    let now_ms = context.clock.now_ms();
    let ids: Vec<_> = events
        .iter()
        .map(|_| context.message_ids.next(now_ms, &*context.chance))
        .collect();
    let events = Arc::new(events);
    for _ in 0..MATCHES_MAX {
        let catalogue = context.registry.version();
        let candidates = candidates(&context, &workspace, &events);
        let rendered = sound(&context, &events, &ids, now_ms, &candidates).await?;
        let prepared: Vec<_> = events
            .iter()
            .zip(&ids)
            .zip(rendered)
            .map(|((event, id), rendered)| {
                let candidates = candidates.get(&event.provider);
                let candidates = candidates.map_or(&[][..], Vec::as_slice);
                let matched = Matched {
                    candidates,
                    catalogue,
                };
                prepare(&worker, event, id.clone(), rendered, matched, now_ms)
            })
            .collect();
        let batch = NewBatch {
            messages: prepared.iter().map(|one| one.message.clone()).collect(),
            idempotency: key.clone().map(|key| idempotency(&workspace, key, now_ms)),
        };
        match context.store.publish_batch(batch).await? {
            PublishedBatch::Stale => {
                context.refresh(catalogue).await?;
                // All came with one key.
                if let Some(event) = events.first() {
                    check_key(&context, event).map_err(|error| of(error, 0))?;
                }
            }
            PublishedBatch::Conflict(place) => return Err(BatchError::IdempotencyConflict(place)),
            PublishedBatch::Duplicate(receipts) => {
                let duplicate = |receipt| Accepted {
                    receipt,
                    duplicate: true,
                };
                return Ok(receipts.into_iter().map(duplicate).collect());
            }
            PublishedBatch::Done(done) => return Ok(begin(&worker, prepared, done)),
        }
    }
    // Endpoints change faster than events can be matched.
    Err(StoreError::Busy.into())
}

/// What is wrong with events that are not published, because of others.
///
/// # Errors
/// [`BatchError::Rejected`] when something is; [`BatchError::Rules`]
pub async fn check_batch(
    context: &Arc<Context>,
    workspace: &WorkspaceId,
    events: Vec<Event>,
) -> Result<(), BatchError> {
    let now_ms = context.clock.now_ms();
    let ids: Vec<_> = events
        .iter()
        .map(|_| context.message_ids.next(now_ms, &*context.chance))
        .collect();
    let candidates = candidates(context, workspace, &events);
    let checked = sound(context, &Arc::new(events), &ids, now_ms, &candidates).await;
    checked.map(drop)
}

fn begin(worker: &Arc<Worker>, prepared: Vec<Prepared>, done: Vec<Published>) -> Vec<Accepted> {
    let accepted = prepared
        .into_iter()
        .zip(done)
        .map(|(one, done)| match done {
            Published::Duplicate(receipt) => Accepted {
                receipt,
                duplicate: true,
            },
            Published::Stored(stored) => one.begin(worker, &stored),
            // The store says so for all of them, and not here.
            Published::Conflict | Published::Stale => one.begin(worker, &Stored::default()),
        });
    accepted.collect()
}

type Candidates = HashMap<String, Vec<Candidate>>;

fn candidates(context: &Context, workspace: &WorkspaceId, events: &[Event]) -> Arc<Candidates> {
    let mut candidates = Candidates::new();
    for event in events {
        if !candidates.contains_key(&event.provider) {
            let found = context.registry.candidates(workspace, &event.provider);
            candidates.insert(event.provider.clone(), found);
        }
    }
    Arc::new(candidates)
}

/// The events as they are delivered, when all of them can be read and fit what their workspace has said of their types.
async fn sound(
    context: &Arc<Context>,
    events: &Arc<Vec<Event>>,
    ids: &[MessageId],
    now_ms: u64,
    candidates: &Arc<Candidates>,
) -> Result<Vec<countersign_guest::Published>, BatchError> {
    let answers = render(context, events, ids, now_ms, candidates).await?;
    let mut rendered = Vec::with_capacity(answers.len());
    let mut rejections = Vec::new();
    for (place, (event, answer)) in events.iter().zip(answers).enumerate() {
        let checked = match answer {
            Ok(one) => match check_schema(context, event, &one.event_type).await {
                Ok(()) => Ok(one),
                Err(PublishError::Rejected(rejection)) => Err(rejection),
                Err(error) => return Err(of(error, place)),
            },
            Err(rejection) => Err(rejection),
        };
        match checked {
            Ok(one) => rendered.push(one),
            Err(rejection) => rejections.push((place, rejection)),
        }
        if rejections.len() >= REJECTIONS_MAX {
            break;
        }
    }
    match rejections.is_empty() {
        true => Ok(rendered),
        false => Err(BatchError::Rejected(rejections)),
    }
}

/// Of each event what is delivered, or what is wrong with it; of none behind the last that is wrong and told.
type Answers = Vec<Result<countersign_guest::Published, Rejection>>;

async fn render(
    context: &Arc<Context>,
    events: &Arc<Vec<Event>>,
    ids: &[MessageId],
    now_ms: u64,
    candidates: &Arc<Candidates>,
) -> Result<Answers, BatchError> {
    let bytes = events.iter().fold(0, |sum: usize, event| {
        sum.saturating_add(event.payload.len())
    });
    if bytes <= PAYLOAD_BYTES_INLINE {
        return render_all(context, events, ids, now_ms, candidates);
    }
    let _turn = context.long_renders.acquire().await;
    let (context, events, candidates) = (
        Arc::clone(context),
        Arc::clone(events),
        Arc::clone(candidates),
    );
    let ids = ids.to_vec();
    let work = move || render_all(&context, &events, &ids, now_ms, &candidates);
    let answered = tokio::task::spawn_blocking(work).await;
    answered.unwrap_or_else(|error| Err(RulesError::Trap(error.to_string()).into()))
}

/// What is wrong with one event, as what is wrong with the batch.
fn of(error: PublishError, place: usize) -> BatchError {
    match error {
        PublishError::Rejected(rejection) => BatchError::Rejected(vec![(place, rejection)]),
        PublishError::Rules(error) => error.into(),
        PublishError::Store(error) => error.into(),
        PublishError::IdempotencyConflict => BatchError::IdempotencyConflict(Some(place)),
        PublishError::Revoked => BatchError::Revoked,
    }
}

fn render_all(
    context: &Context,
    events: &[Event],
    ids: &[MessageId],
    now_ms: u64,
    candidates: &Candidates,
) -> Result<Answers, BatchError> {
    let mut answers = Vec::with_capacity(events.len());
    let mut rejected: usize = 0;
    for (place, (event, id)) in events.iter().zip(ids).enumerate() {
        let targets = candidates.get(&event.provider);
        let targets = targets.map_or(&[][..], Vec::as_slice);
        answers.push(
            match ask(context, question(context, event, id, now_ms, targets)) {
                Ok(one) => Ok(one),
                Err(PublishError::Rejected(rejection)) => {
                    rejected = rejected.saturating_add(1);
                    Err(rejection)
                }
                Err(error) => return Err(of(error, place)),
            },
        );
        if rejected >= REJECTIONS_MAX {
            break;
        }
    }
    Ok(answers)
}
