//! Sending again, and taking note of what was given up.

use super::{
    super::rows::{foreign, id, signed, word},
    ordering::next_place,
};
use crate::{
    ids::{DeliveryId, EndpointId, ReplayId},
    store::{
        DeliveryState, Replay, ReplayState, ReplayStep, Retried, Stepped, Word, sqlite::reads,
    },
};
use rusqlite::{Connection, OptionalExtension, named_params, params};

pub(in super::super) fn retry(
    connection: &Connection,
    delivery: &DeliveryId,
    states: &[DeliveryState],
    now_ms: u64,
) -> rusqlite::Result<Retried> {
    let found = connection
        .prepare_cached(
            "SELECT deliveries.state AS delivery_state, endpoint_id,
                    order_key, endpoints.state = 'active' AND deleted_at_ms IS NULL AS active,
                    EXISTS (SELECT 1 FROM bodies WHERE bodies.id = body_id) AS has_body
             FROM deliveries JOIN endpoints ON endpoints.id = endpoint_id WHERE deliveries.id = ?",
        )?
        .query_row([delivery.as_str()], |row| {
            let state: DeliveryState = word(row, "delivery_state")?;
            let endpoint: EndpointId = id(row, "endpoint_id")?;
            let usable: (bool, bool) = (row.get("active")?, row.get("has_body")?);
            let order_key: Option<String> = row.get("order_key")?;
            Ok((state, endpoint, usable, order_key))
        })
        .optional()?;
    match found {
        None => Ok(Retried::Unknown),
        Some((state, ..)) if !states.contains(&state) => Ok(Retried::NotNow(state)),
        Some((_, _, (_, false), _)) => Ok(Retried::WithoutBody),
        Some((_, _, (false, true), _)) => Ok(Retried::EndpointNotActive),
        Some((_, endpoint, (true, true), order_key)) => {
            let place = order_key
                .map(|key| next_place(connection, &endpoint, &key))
                .transpose()?;
            let (state, next_attempt_at_ms) = match place {
                Some((_, true)) => (DeliveryState::Waiting, None),
                Some((_, false)) | None => (DeliveryState::Pending, Some(signed(now_ms))),
            };
            connection
                .prepare_cached(
                    "UPDATE deliveries SET state = ?, dead_reason = NULL, acknowledged_at_ms = NULL,
                         attempts_in_round = 0, first_started_at_ms = NULL, next_attempt_at_ms = ?, updated_at_ms = ?,
                         order_place = ?
                     WHERE id = ?",
                )?
                .execute(params![
                    state.word(),
                    next_attempt_at_ms,
                    signed(now_ms),
                    place.map(|(place, _)| signed(place)),
                    delivery.as_str()
                ])?;
            Ok(match state {
                DeliveryState::Waiting => Retried::Waiting,
                _ => Retried::Pending(endpoint),
            })
        }
    }
}

pub(in super::super) fn acknowledge(
    connection: &Connection,
    deliveries: &[DeliveryId],
    now_ms: u64,
) -> rusqlite::Result<u64> {
    let mut statement = connection.prepare_cached(
        "UPDATE deliveries SET acknowledged_at_ms = coalesce(acknowledged_at_ms, ?1)
         WHERE id = ?2 AND state = 'dead_lettered'",
    )?;
    let mut marked: u64 = 0;
    for delivery in deliveries {
        let changed = statement.execute(params![signed(now_ms), delivery.as_str()])?;
        marked = marked.saturating_add(changed as u64);
    }
    Ok(marked)
}

pub(in super::super) fn create(
    connection: &Connection,
    replay: &Replay,
    open_max: u32,
) -> rusqlite::Result<bool> {
    let selection = &replay.selection;
    let ids = selection.ids.as_ref().map(|ids| {
        let ids: Vec<_> = ids.iter().map(DeliveryId::as_str).collect();
        serde_json::to_string(&ids).map_err(|error| foreign(error.to_string()))
    });
    let time = |at_ms: Option<u64>| at_ms.map(signed);
    let kept = connection
        .prepare_cached(
            "INSERT INTO replays (id, state, delivery_state, endpoint_id, event_type, dead_reason, acknowledged,
                                  created_since_ms, created_until_ms, ended_since_ms, ended_until_ms, ids, per_second,
                                  matched, matched_at_least, cursor, replayed, skipped, created_at_ms, updated_at_ms,
                                  workspace)
             SELECT :id, :state, :delivery_state, :endpoint_id, :event_type, :dead_reason, :acknowledged,
                    :created_since_ms, :created_until_ms, :ended_since_ms, :ended_until_ms, :ids, :per_second,
                    :matched, :matched_at_least, :cursor, :replayed, :skipped, :created_at_ms, :updated_at_ms,
                    :workspace
             WHERE (SELECT count(*) FROM replays
                    WHERE state IN ('running', 'paused') AND workspace = :workspace) < :open_max",
        )?
        .execute(named_params! {
            ":id": replay.id.as_str(),
            ":state": replay.state.word(),
            ":delivery_state": selection.state.word(),
            ":endpoint_id": selection.endpoint_id.as_ref().map(EndpointId::as_str),
            ":event_type": selection.event_type,
            ":dead_reason": selection.reason.map(Word::word),
            ":acknowledged": selection.acknowledged,
            ":created_since_ms": time(selection.created_since_ms),
            ":created_until_ms": time(selection.created_until_ms),
            ":ended_since_ms": time(selection.ended_since_ms),
            ":ended_until_ms": time(selection.ended_until_ms),
            ":ids": ids.transpose()?,
            ":per_second": replay.per_second,
            ":matched": signed(replay.matched.count),
            ":matched_at_least": replay.matched.at_least,
            ":cursor": replay.cursor.as_ref().map(DeliveryId::as_str),
            ":replayed": signed(replay.replayed),
            ":skipped": signed(replay.skipped),
            ":created_at_ms": signed(replay.created_at_ms),
            ":updated_at_ms": signed(replay.updated_at_ms),
            ":workspace": selection.workspace.as_str(),
            ":open_max": open_max,
        })?;
    Ok(kept == 1)
}

pub(in super::super) fn step(
    connection: &Connection,
    step: &ReplayStep,
) -> rusqlite::Result<Stepped> {
    let expected = reads::replay(connection, &step.id)?
        .is_some_and(|replay| replay.state == ReplayState::Running && replay.cursor == step.from);
    if !expected {
        return Ok(Stepped::default());
    }
    let (mut replayed, mut skipped) = (0_u32, 0_u32);
    let mut endpoints = Vec::new();
    for delivery in &step.deliveries {
        match retry(connection, delivery, &step.states, step.now_ms)? {
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
    connection
        .prepare_cached(
            "UPDATE replays SET replayed = replayed + ?, skipped = skipped + ?, cursor = coalesce(?, cursor), state = ?,
                 updated_at_ms = ?
             WHERE id = ?",
        )?
        .execute(params![
            replayed,
            skipped,
            step.to.as_ref().map(DeliveryId::as_str),
            match step.to {
                Some(_) => ReplayState::Running.word(),
                None => ReplayState::Completed.word(),
            },
            signed(step.now_ms),
            step.id.as_str(),
        ])?;
    endpoints.sort_unstable();
    endpoints.dedup();
    Ok(Stepped { endpoints })
}

pub(in super::super) fn change(
    connection: &Connection,
    replay: &ReplayId,
    from: &[ReplayState],
    to: ReplayState,
    now_ms: u64,
) -> rusqlite::Result<Option<Replay>> {
    let Some(found) = reads::replay(connection, replay)? else {
        return Ok(None);
    };
    if !from.contains(&found.state) {
        return Ok(Some(found));
    }
    connection
        .prepare_cached("UPDATE replays SET state = ?, updated_at_ms = ? WHERE id = ?")?
        .execute(params![to.word(), signed(now_ms), replay.as_str()])?;
    reads::replay(connection, replay)
}
