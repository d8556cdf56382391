//! What each write does inside its transaction. Contract: [`Store`](crate::store::Store).
//!
//! The frequent ones say `OR FAIL`: with a trigger on its table SQLite would copy every page that a statement changes, to undo that
//! one statement, and here a write that fails is undone as a whole.

pub(super) mod access;
mod claim;
mod endpoint;
mod inbound;
mod ordering;
mod prune;
mod publish;
pub(super) mod replay;

#[cfg(test)]
pub(super) use self::{
    claim::{CLAIM, CLAIM_HELD, NEXT_DUE},
    endpoint::{CANCEL, HOLD, SKIPPED},
    ordering::{FIRST_OF_KEY, LAST_OF_KEY},
};
pub(super) use self::{
    claim::{claim, claim_probe},
    endpoint::{create_endpoint, delete_endpoint, follow, update_endpoint},
    inbound::take_in,
    prune::prune,
    publish::{publish, publish_batch},
    replay::{acknowledge, retry},
};

use self::ordering::release_next;
use super::{
    group::Group,
    rows::{id, signed},
};
use crate::{
    ids::DeliveryId,
    store::{DeliveryState, Ended, Recorded, Recovered, Word},
};
use countersign_core::delivery::Outcome;
use rusqlite::{Connection, params};

pub(super) fn put_back(
    connection: &Connection,
    deliveries: &[DeliveryId],
    not_before_ms: u64,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "UPDATE deliveries SET
             state = CASE (SELECT iif(deleted_at_ms IS NULL, endpoints.state, 'deleted')
                           FROM endpoints WHERE endpoints.id = endpoint_id)
                     WHEN 'active' THEN 'pending' WHEN 'deleted' THEN 'cancelled' ELSE 'held' END,
             next_attempt_at_ms = ?1
         WHERE id = ?2 AND state = 'sending'",
    )?;
    // What is cancelled has no place any more; nobody of its key is left to wait for it.
    let mut leave = connection.prepare_cached(
        "UPDATE deliveries SET order_place = NULL
         WHERE id = ? AND state = 'cancelled' AND order_place IS NOT NULL",
    )?;
    for delivery in deliveries {
        statement.execute(params![signed(not_before_ms), delivery.as_str()])?;
        leave.execute([delivery.as_str()])?;
    }
    Ok(())
}

const END: &str = "UPDATE OR FAIL deliveries SET state = ?, dead_reason = ?, attempts_total = ?, attempts_in_round = ?,
                              first_started_at_ms = ?, next_attempt_at_ms = ?, updated_at_ms = ?,
                              order_place = CASE WHEN ? THEN NULL ELSE order_place END
    WHERE id = ?";

pub(super) fn record(group: &Group, ended: &Ended) -> rusqlite::Result<Recorded> {
    let connection = group.connection();
    let attempt = &ended.attempt;
    let ended_at = attempt.started_at_ms.saturating_add(attempt.duration_ms);
    let has_ended = matches!(
        ended.state,
        DeliveryState::Delivered | DeliveryState::DeadLettered | DeliveryState::Cancelled
    );
    let (status, retry_after_s, failure) = match attempt.outcome {
        Outcome::Response {
            status,
            retry_after_s,
        } => (Some(status), retry_after_s, None),
        Outcome::Failure(kind) => (None, None, Some(kind.word())),
    };
    connection
        .prepare_cached(
            "INSERT INTO attempts (delivery_id, number, id, started_at_ms, duration_ms, status, retry_after_s, failure,
                                   detail, response)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            ended.delivery_id.as_str(),
            attempt.number,
            attempt.id.as_str(),
            signed(attempt.started_at_ms),
            signed(attempt.duration_ms),
            status,
            retry_after_s,
            failure,
            attempt.detail,
            attempt.response,
        ])?;
    let update = match ended.state {
        // Trap: the word would take the place of the one in the trigger that lists failed events.
        DeliveryState::DeadLettered => &END.replacen(" OR FAIL", "", 1),
        _ => END,
    };
    connection.prepare_cached(update)?.execute(params![
        ended.state.word(),
        ended.dead_reason.map(Word::word),
        attempt.number,
        ended.attempts_in_round,
        signed(ended.first_started_at_ms),
        ended.next_attempt_at_ms.map(signed),
        signed(ended_at),
        has_ended,
        ended.delivery_id.as_str(),
    ])?;
    let drain = match (has_ended, &ended.order_key) {
        (true, Some(key)) => release_next(connection, &ended.endpoint_id, key, ended_at)?,
        _ => false,
    };
    group.note_health(&ended.endpoint_id, &ended.health);
    if ended.operational.is_empty() && ended.change.is_none() {
        return Ok(Recorded {
            follow: false,
            drain,
        });
    }
    let connection = group.settled()?;
    for message in &ended.operational {
        publish::keep_operational(connection, message)?;
    }
    let Some(change) = ended.change else {
        return Ok(Recorded {
            follow: false,
            drain,
        });
    };
    connection
        .prepare_cached(
            "UPDATE endpoints SET state = ?, reason = ?, since_ms = ?, probe_at_ms = ?, version = ?
             WHERE id = ? AND deleted_at_ms IS NULL",
        )?
        .execute(params![
            change.state.word(),
            change.reason.map(Word::word),
            signed(change.since_ms),
            change.probe_at_ms.map(signed),
            signed(change.version),
            ended.endpoint_id.as_str(),
        ])?;
    Ok(Recorded {
        follow: follow(connection, &ended.endpoint_id, ended_at)?,
        drain,
    })
}

pub(super) const RECOVER: &str = "SELECT id FROM deliveries
    WHERE state IN ('pending', 'sending') AND state = 'sending'";

pub(super) fn recover(connection: &Connection, now_ms: u64) -> rusqlite::Result<Recovered> {
    let interrupted: Vec<DeliveryId> = connection
        .prepare_cached(RECOVER)?
        .query_map([], |row| id(row, "id"))?
        .collect::<Result<_, _>>()?;
    put_back(connection, &interrupted, now_ms)?;
    Ok(Recovered {
        interrupted: interrupted.len() as u64,
    })
}
