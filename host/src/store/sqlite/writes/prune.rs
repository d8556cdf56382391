//! Forgetting, a step at a time.
//!
//! Every walk goes from the oldest on and meets only what is left to forget, what is not ended yet, and the first that is too
//! young: ids sort by time, and bodies are numbered as they come.

use super::super::rows::{OF_MESSAGE, id, number, of_message, signed};
use crate::{
    ids::{DeliveryId, InboundId, MessageId},
    store::{Prunable, Prune, Pruned},
};
use rusqlite::{CachedStatement, Connection, ToSql, params};

/// Bytes of bodies that a step forgets. Freeing a long body means reading the chain of its pages.
const BODY_BYTES_MAX: u64 = 4 * 1024 * 1024;

pub(in super::super) fn prune(connection: &Connection, step: &Prune) -> rusqlite::Result<Pruned> {
    match step.what {
        Prunable::Bodies => bodies(connection, step),
        Prunable::Attempts => attempts(connection, step),
        Prunable::Messages => messages(connection, step),
        Prunable::Replays => rows(
            connection,
            step,
            "DELETE FROM replays WHERE id IN
                 (SELECT id FROM replays WHERE state IN ('completed', 'cancelled') AND updated_at_ms < ?1 LIMIT ?2)",
        ),
        Prunable::Keys => rows(
            connection,
            step,
            "DELETE FROM idempotency_keys WHERE key IN
                 (SELECT key FROM idempotency_keys WHERE created_at_ms < ?1 ORDER BY created_at_ms LIMIT ?2)",
        ),
        Prunable::InboundKeys => rows(
            connection,
            step,
            "DELETE FROM inbound_keys WHERE key IN
                 (SELECT key FROM inbound_keys WHERE valid_until_ms < ?1 ORDER BY valid_until_ms LIMIT ?2)",
        ),
        Prunable::Inbound => inbound(connection, step),
    }
}

fn rows(connection: &Connection, step: &Prune, sql: &str) -> rusqlite::Result<Pruned> {
    let removed = connection
        .prepare_cached(sql)?
        .execute(params![signed(step.before_ms), step.rows_max])?;
    Ok(Pruned {
        removed: removed as u64,
        next: (removed >= step.rows_max as usize).then(String::new),
    })
}

/// Asks whether a delivery that fits `key` has not ended, or not long enough ago.
struct Open<'a>(CachedStatement<'a>, &'a Prune);

impl<'a> Open<'a> {
    /// `which` of the deliveries.
    fn new(connection: &'a Connection, which: &str, step: &'a Prune) -> rusqlite::Result<Self> {
        let sql = format!(
            "SELECT EXISTS (SELECT 1 FROM deliveries WHERE id IN ({which}) AND NOT (
                 (state IN ('delivered', 'cancelled')
                  OR state = 'dead_lettered' AND (acknowledged_at_ms IS NOT NULL OR updated_at_ms < :dead_before))
                 AND updated_at_ms < :before AND coalesce(acknowledged_at_ms, 0) < :before))"
        );
        Ok(Self(connection.prepare_cached(&sql)?, step))
    }

    fn any(&mut self, which: &[(&str, &dyn ToSql)]) -> rusqlite::Result<bool> {
        let before = signed(self.1.before_ms);
        let dead_before = self.1.dead_before_ms.map_or(0, signed);
        let mut parameters = which.to_vec();
        parameters.push((":before", &before));
        parameters.push((":dead_before", &dead_before));
        self.0.query_row(&parameters[..], |row| row.get(0))
    }
}

fn bodies(connection: &Connection, step: &Prune) -> rusqlite::Result<Pruned> {
    let after: i64 = step
        .after
        .as_ref()
        .map_or(Some(0), |after| after.parse().ok())
        .unwrap_or(0);
    let found: Vec<(i64, MessageId, u64)> = connection
        .prepare_cached(
            "SELECT id, message_id, length(body) AS bytes FROM bodies WHERE id > ? ORDER BY id LIMIT ?",
        )?
        .query_map(params![after, step.rows_max], |row| {
            Ok((
                row.get("id")?,
                id(row, "message_id")?,
                number(row, "bytes")?,
            ))
        })?
        .collect::<Result<_, _>>()?;
    let mut open = Open::new(connection, OF_MESSAGE, step)?;
    let mut delete = connection.prepare_cached("DELETE FROM bodies WHERE id = ?")?;
    let end = MessageId::floor(step.before_ms);
    let mut pruned = Pruned {
        removed: 0,
        next: None,
    };
    let mut freed: u64 = 0;
    for (body, message, bytes) in found {
        if message >= end {
            pruned.next = None;
            break;
        }
        if !open.any(&of_message(&message).parameters())? {
            delete.execute([body])?;
            pruned.removed = pruned.removed.saturating_add(1);
            freed = freed.saturating_add(bytes);
        }
        pruned.next = Some(body.to_string());
        if freed >= BODY_BYTES_MAX {
            break;
        }
    }
    Ok(pruned)
}

fn attempts(connection: &Connection, step: &Prune) -> rusqlite::Result<Pruned> {
    let found: Vec<DeliveryId> = connection
        .prepare_cached(
            "SELECT DISTINCT delivery_id FROM attempts WHERE delivery_id > ? ORDER BY delivery_id LIMIT ?",
        )?
        .query_map(
            params![step.after.as_deref().unwrap_or_default(), step.rows_max],
            |row| id(row, "delivery_id"),
        )?
        .collect::<Result<_, _>>()?;
    let mut open = Open::new(connection, ":id", step)?;
    let mut delete = connection.prepare_cached("DELETE FROM attempts WHERE delivery_id = ?")?;
    let end = DeliveryId::floor(step.before_ms);
    let mut pruned = Pruned {
        removed: 0,
        next: None,
    };
    for delivery in found {
        if delivery >= end {
            pruned.next = None;
            break;
        }
        if !open.any(&[(":id", &delivery)])? {
            let removed = delete.execute([delivery.as_str()])?;
            pruned.removed = pruned.removed.saturating_add(removed as u64);
        }
        pruned.next = Some(delivery.to_string());
    }
    Ok(pruned)
}

/// Events first, so that a request with many of them goes in several steps and none is left without its request.
fn inbound(connection: &Connection, step: &Prune) -> rusqlite::Result<Pruned> {
    let end = InboundId::floor(step.before_ms);
    let found: Vec<(InboundId, u64)> = connection
        .prepare_cached(
            "SELECT id, length(body) AS bytes FROM inbound_requests WHERE id < ? ORDER BY id LIMIT ?",
        )?
        .query_map(params![end.as_str(), step.rows_max], |row| {
            Ok((id(row, "id")?, number(row, "bytes")?))
        })?
        .collect::<Result<_, _>>()?;
    let mut delete_events = connection.prepare_cached(
        "DELETE FROM inbound_events WHERE inbound_id = ?1 AND place IN
             (SELECT place FROM inbound_events WHERE inbound_id = ?1 LIMIT ?2)",
    )?;
    let mut delete = connection.prepare_cached("DELETE FROM inbound_requests WHERE id = ?")?;
    let (mut removed, mut freed, mut rows_left) = (0_u64, 0_u64, u64::from(step.rows_max));
    for (request, bytes) in &found {
        let events = delete_events.execute(params![request.as_str(), signed(rows_left)])? as u64;
        if events >= rows_left {
            break;
        }
        delete.execute([request.as_str()])?;
        removed = removed.saturating_add(1);
        freed = freed.saturating_add(*bytes);
        rows_left = rows_left.saturating_sub(events.saturating_add(1));
        if rows_left == 0 || freed >= BODY_BYTES_MAX {
            break;
        }
    }
    // As long as something of that age was found, there may be more.
    Ok(Pruned {
        removed,
        next: (!found.is_empty()).then(String::new),
    })
}

fn messages(connection: &Connection, step: &Prune) -> rusqlite::Result<Pruned> {
    let found: Vec<MessageId> = connection
        .prepare_cached("SELECT id FROM messages WHERE id > ? ORDER BY id LIMIT ?")?
        .query_map(
            params![step.after.as_deref().unwrap_or_default(), step.rows_max],
            |row| id(row, "id"),
        )?
        .collect::<Result<_, _>>()?;
    let mut open = Open::new(connection, OF_MESSAGE, step)?;
    let prepare = |sql: &str| connection.prepare_cached(sql);
    let mut of_message_deletes = [
        prepare(&format!(
            "DELETE FROM attempts WHERE delivery_id IN ({OF_MESSAGE})"
        ))?,
        prepare(&format!(
            "DELETE FROM deliveries WHERE id IN ({OF_MESSAGE})"
        ))?,
    ];
    let mut deletes = [
        prepare("DELETE FROM deliveries_apart WHERE message_id = ?")?,
        prepare("DELETE FROM bodies WHERE id = (SELECT body_id FROM messages WHERE id = ?)")?,
        prepare("DELETE FROM messages WHERE id = ?")?,
    ];
    let end = MessageId::floor(step.before_ms);
    let mut pruned = Pruned {
        removed: 0,
        next: None,
    };
    for message in found {
        if message >= end {
            pruned.next = None;
            break;
        }
        if !open.any(&of_message(&message).parameters())? {
            for delete in &mut of_message_deletes {
                delete.execute(&of_message(&message).parameters()[..])?;
            }
            for delete in &mut deletes {
                delete.execute([message.as_str()])?;
            }
            pruned.removed = pruned.removed.saturating_add(1);
        }
        pruned.next = Some(message.to_string());
    }
    Ok(pruned)
}
