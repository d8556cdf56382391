//! Sending again, and taking note of what was given up.

use super::{
    super::{
        reads,
        rows::{foreign, id, optional_text, signed, word},
        session::Fault,
        writer::{Count, Writing},
    },
    ordering::Places,
    standing,
};
use crate::{
    ids::{DeliveryId, EndpointId, ReplayId},
    store::{DeliveryState, Replay, ReplayState, ReplayStep, Retried, Stepped, Word},
};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

pub(in super::super) async fn retry(
    writing: &Writing,
    delivery: &DeliveryId,
    states: &[DeliveryState],
    now_ms: u64,
) -> Result<Retried, Fault> {
    let retried = retry_all(writing, std::slice::from_ref(delivery), states, now_ms).await?;
    Ok(retried.into_iter().next().unwrap_or(Retried::Unknown))
}

/// A delivery that may be sent again.
struct Found {
    state: DeliveryState,
    endpoint: EndpointId,
    message: String,
    order_key: Option<Arc<str>>,
}

/// What changes, column by column.
#[derive(Default)]
struct Changes<'a> {
    ids: Vec<&'a str>,
    states: Vec<&'static str>,
    due: Vec<Option<i64>>,
    places: Vec<Option<i64>>,
}

const CHANGE: &str = "UPDATE deliveries SET state = given.state, dead_reason = NULL, acknowledged_at_ms = NULL, event_id = NULL,
        attempts_in_round = 0, first_started_at_ms = NULL, next_attempt_at_ms = given.due, updated_at_ms = $5,
        order_place = given.place
    FROM UNNEST($1::text[], $2::text[], $3::bigint[], $4::bigint[]) AS given (id, state, due, place)
    WHERE deliveries.id = given.id";

/// What becomes of each of these.
async fn retry_all(
    writing: &Writing,
    deliveries: &[DeliveryId],
    states: &[DeliveryState],
    now_ms: u64,
) -> Result<Vec<Retried>, Fault> {
    let ids: Vec<_> = deliveries.iter().map(DeliveryId::as_str).collect();
    // Endpoints are locked before their deliveries, here as everywhere.
    let sql = "SELECT DISTINCT endpoint_id FROM deliveries WHERE id = ANY($1)";
    let endpoints = writing.session.rows(sql, &[&ids]).await?;
    let endpoints = endpoints
        .iter()
        .map(|row| row.try_get("endpoint_id"))
        .collect::<Result<_, _>>()?;
    let standings = standing::lock_all(writing, &endpoints).await?;
    let mut found = lock(writing, &ids).await?;
    let kept = lock_bodies(writing, &found).await?;
    let keys: HashSet<_> = found
        .values()
        .filter_map(|found| Some((found.endpoint.clone(), found.order_key.clone()?)))
        .collect();
    let mut places = Places::of(writing, &keys).await?;
    let mut changes = Changes::default();
    let mut all = Vec::with_capacity(deliveries.len());
    let host = writing.generation();
    for delivery in deliveries {
        let Some(one) = found.get_mut(delivery) else {
            all.push(Retried::Unknown);
            continue;
        };
        let standing = standings.of(&one.endpoint);
        if !states.contains(&one.state) {
            all.push(Retried::NotNow(one.state));
            continue;
        }
        if !kept.contains(&one.message) {
            all.push(Retried::WithoutBody);
            continue;
        }
        if standing.deleted || !standing.active {
            all.push(Retried::EndpointNotActive);
            continue;
        }
        let place = one
            .order_key
            .clone()
            .map(|key| places.next((one.endpoint.clone(), key)));
        let (state, due) = match place {
            Some((_, true)) => (DeliveryState::Waiting, None),
            Some((_, false)) | None => (DeliveryState::Pending, Some(signed(now_ms))),
        };
        changes.ids.push(delivery.as_str());
        changes.states.push(state.word());
        changes.due.push(due);
        changes.places.push(place.map(|(place, _)| signed(place)));
        match one.state {
            DeliveryState::Delivered => writing.count(Count::Delivered, -1),
            DeliveryState::Cancelled => writing.count(Count::Cancelled, -1),
            _ => {}
        }
        // Named a second time, it is what it has become.
        one.state = state;
        all.push(match state {
            DeliveryState::Waiting => Retried::Waiting,
            _ => Retried::Pending(one.endpoint.clone()),
        });
        if host.is_none() || standing.owner != host {
            writing.due_elsewhere();
        }
    }
    if !changes.ids.is_empty() {
        let session = &writing.session;
        session
            .execute(
                CHANGE,
                &[
                    &changes.ids,
                    &changes.states,
                    &changes.due,
                    &changes.places,
                    &signed(now_ms),
                ],
            )
            .await?;
    }
    Ok(all)
}

/// These deliveries; nobody else changes them before the end.
async fn lock(writing: &Writing, ids: &[&str]) -> Result<HashMap<DeliveryId, Found>, Fault> {
    let sql =
        "SELECT id, state, endpoint_id, message_id, order_key FROM deliveries WHERE id = ANY($1)
         ORDER BY id FOR NO KEY UPDATE";
    let rows = writing.session.rows(sql, &[&ids]).await?;
    rows.iter()
        .map(|row| {
            let found = Found {
                state: word(row, "state")?,
                endpoint: id(row, "endpoint_id")?,
                message: row.try_get("message_id")?,
                order_key: optional_text(row, "order_key")?.map(Into::into),
            };
            Ok((id(row, "id")?, found))
        })
        .collect()
}

/// The messages of these whose bodies are kept, and are so until the end. A statement of its own, which sees what another host
/// has forgotten while this one waited for it.
async fn lock_bodies(
    writing: &Writing,
    found: &HashMap<DeliveryId, Found>,
) -> Result<HashSet<String>, Fault> {
    let messages: Vec<_> = found.values().map(|found| &*found.message).collect();
    let sql = "SELECT message_id FROM bodies WHERE message_id = ANY($1) ORDER BY message_id FOR KEY SHARE";
    let rows = writing.session.rows(sql, &[&messages]).await?;
    rows.iter()
        .map(|row| Ok(row.try_get("message_id")?))
        .collect()
}

pub(in super::super) async fn acknowledge(
    writing: &Writing,
    deliveries: &[DeliveryId],
    now_ms: u64,
) -> Result<u64, Fault> {
    let ids: Vec<_> = deliveries.iter().map(DeliveryId::as_str).collect();
    let session = &writing.session;
    let sql = "UPDATE deliveries SET acknowledged_at_ms = $2
         WHERE id = ANY($1) AND state = 'dead_lettered' AND acknowledged_at_ms IS NULL";
    session.execute(sql, &[&ids, &signed(now_ms)]).await?;
    let sql = "SELECT count(*) FROM deliveries WHERE id = ANY($1) AND state = 'dead_lettered'";
    let marked: Option<i64> = session.value(sql, &[&ids]).await?;
    Ok(marked.unwrap_or(0).unsigned_abs())
}

pub(in super::super) async fn create(
    writing: &Writing,
    replay: &Replay,
    open_max: u32,
) -> Result<bool, Fault> {
    let selection = &replay.selection;
    let workspace = selection.workspace.as_str();
    let ids = selection.ids.as_ref().map(|ids| {
        let ids: Vec<_> = ids.iter().map(DeliveryId::as_str).collect();
        serde_json::to_string(&ids).map_err(|error| foreign(error.to_string()))
    });
    let time = |at_ms: Option<u64>| at_ms.map(signed);
    let session = &writing.session;
    // One at a time in a workspace, so that the count holds.
    let sql = "SELECT 1 FROM workspaces WHERE id = $1 FOR UPDATE";
    session.rows(sql, &[&workspace]).await?;
    let sql = "INSERT INTO replays (id, state, delivery_state, endpoint_id, event_type, dead_reason, acknowledged,
                              created_since_ms, created_until_ms, ended_since_ms, ended_until_ms, ids, per_second,
                              matched, matched_at_least, cursor, replayed, skipped, created_at_ms, updated_at_ms, workspace)
         SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21
         WHERE (SELECT count(*) FROM replays WHERE state IN ('running', 'paused') AND workspace = $21) < $22";
    let kept = session
        .execute(
            sql,
            &[
                &replay.id.as_str(),
                &replay.state.word(),
                &selection.state.word(),
                &selection.endpoint_id.as_ref().map(EndpointId::as_str),
                &selection.event_type,
                &selection.reason.map(Word::word),
                &selection.acknowledged,
                &time(selection.created_since_ms),
                &time(selection.created_until_ms),
                &time(selection.ended_since_ms),
                &time(selection.ended_until_ms),
                &ids.transpose()?,
                &i64::from(replay.per_second),
                &signed(replay.matched.count),
                &replay.matched.at_least,
                &replay.cursor.as_ref().map(DeliveryId::as_str),
                &signed(replay.replayed),
                &signed(replay.skipped),
                &signed(replay.created_at_ms),
                &signed(replay.updated_at_ms),
                &workspace,
                &i64::from(open_max),
            ],
        )
        .await?;
    Ok(kept == 1)
}

/// A replay, which nobody else changes before the end.
async fn lock_replay(writing: &Writing, replay: &ReplayId) -> Result<Option<Replay>, Fault> {
    let sql = "SELECT * FROM replays WHERE id = $1 FOR NO KEY UPDATE";
    let found = writing.session.row(sql, &[&replay.as_str()]).await?;
    found.as_ref().map(reads::replays::read).transpose()
}

pub(in super::super) async fn step(writing: &Writing, step: &ReplayStep) -> Result<Stepped, Fault> {
    writing.leased()?;
    let expected = lock_replay(writing, &step.id)
        .await?
        .is_some_and(|replay| replay.state == ReplayState::Running && replay.cursor == step.from);
    if !expected {
        return Ok(Stepped::default());
    }
    let (mut replayed, mut skipped) = (0_i64, 0_i64);
    let mut endpoints = Vec::new();
    for retried in retry_all(writing, &step.deliveries, &step.states, step.now_ms).await? {
        match retried {
            Retried::Pending(endpoint) => {
                replayed = replayed.saturating_add(1);
                endpoints.push(endpoint);
            }
            // It is due when its turn comes.
            Retried::Waiting => replayed = replayed.saturating_add(1),
            Retried::Unknown
            | Retried::NotNow(_)
            | Retried::EndpointNotActive
            | Retried::WithoutBody => skipped = skipped.saturating_add(1),
        }
    }
    let state = match step.to {
        Some(_) => ReplayState::Running,
        None => ReplayState::Completed,
    };
    let sql = "UPDATE replays SET replayed = replayed + $1, skipped = skipped + $2, cursor = coalesce($3, cursor), state = $4,
             updated_at_ms = $5
         WHERE id = $6";
    let session = &writing.session;
    session
        .execute(
            sql,
            &[
                &replayed,
                &skipped,
                &step.to.as_ref().map(DeliveryId::as_str),
                &state.word(),
                &signed(step.now_ms),
                &step.id.as_str(),
            ],
        )
        .await?;
    endpoints.sort_unstable();
    endpoints.dedup();
    Ok(Stepped { endpoints })
}

pub(in super::super) async fn change(
    writing: &Writing,
    replay: &ReplayId,
    from: &[ReplayState],
    to: ReplayState,
    now_ms: u64,
) -> Result<Option<Replay>, Fault> {
    let Some(found) = lock_replay(writing, replay).await? else {
        return Ok(None);
    };
    if !from.contains(&found.state) {
        return Ok(Some(found));
    }
    let sql = "UPDATE replays SET state = $1, updated_at_ms = $2 WHERE id = $3";
    let session = &writing.session;
    session
        .execute(sql, &[&to.word(), &signed(now_ms), &replay.as_str()])
        .await?;
    Ok(Some(Replay {
        state: to,
        updated_at_ms: now_ms,
        ..found
    }))
}
