//! Keeping a message with its deliveries.

use super::super::rows::{id, number, signed, word};
use crate::{
    ids::MessageId,
    store::{Idempotency, NewMessage, Published, Receipt, Word},
};
use rusqlite::{Connection, OptionalExtension, params};

pub(in super::super) fn publish(
    connection: &Connection,
    message: &NewMessage,
) -> rusqlite::Result<Published> {
    if let Some(idempotency) = &message.idempotency
        && let Some(known) = known_key(connection, idempotency)?
    {
        return Ok(known);
    }
    let mut version = connection
        .prepare_cached("SELECT version FROM endpoints WHERE id = ? AND deleted_at_ms IS NULL")?;
    for delivery in &message.deliveries {
        let now = version.query_row([delivery.endpoint_id.as_str()], |row| {
            number(row, "version")
        });
        if now.optional()? != Some(delivery.endpoint_version) {
            return Ok(Published::Stale);
        }
    }
    let id = message.id.as_str();
    let at = signed(message.created_at_ms);
    connection
        .prepare_cached(
            "INSERT INTO messages (id, provider, event_type, created_at_ms) VALUES (?, ?, ?, ?)",
        )?
        .execute(params![id, message.provider, message.event_type, at])?;
    let body_id = connection
        .prepare_cached("INSERT INTO bodies (message_id, format, body) VALUES (?, ?, ?)")?
        .insert(params![id, message.provider, message.body.as_ref()])?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO deliveries (id, message_id, endpoint_id, body_id, state, attempts_total, attempts_in_round,
                                 next_attempt_at_ms, created_at_ms, updated_at_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, 0, 0, iif(?5 = 'held', NULL, ?6), ?6, ?6)",
    )?;
    for delivery in &message.deliveries {
        insert.execute(params![
            delivery.id.as_str(),
            id,
            delivery.endpoint_id.as_str(),
            body_id,
            delivery.state.word(),
            at,
        ])?;
    }
    if let Some(key) = &message.idempotency {
        connection
            .prepare_cached(
                "INSERT OR REPLACE INTO idempotency_keys (key, request_sha256, message_id, created_at_ms)
                 VALUES (?, ?, ?, ?)",
            )?
            .execute(params![key.key, key.request_sha256.as_slice(), id, at])?;
    }
    Ok(Published::Stored)
}

fn known_key(
    connection: &Connection,
    idempotency: &Idempotency,
) -> rusqlite::Result<Option<Published>> {
    let known = connection
        .prepare_cached(
            "SELECT request_sha256, message_id FROM idempotency_keys WHERE key = ? AND created_at_ms >= ?",
        )?
        .query_row(
            params![idempotency.key, signed(idempotency.valid_since_ms)],
            |row| Ok((row.get::<_, Vec<u8>>("request_sha256")?, id::<MessageId>(row, "message_id")?)),
        )
        .optional()?;
    let Some((request_sha256, message_id)) = known else {
        return Ok(None);
    };
    if request_sha256 != idempotency.request_sha256 {
        return Ok(Some(Published::Conflict));
    }
    let event_type = connection
        .prepare_cached("SELECT event_type FROM messages WHERE id = ?")?
        .query_row([message_id.as_str()], |row| row.get("event_type"))?;
    let deliveries = connection
        .prepare_cached(
            "SELECT id, endpoint_id, state FROM deliveries WHERE message_id = ? ORDER BY id",
        )?
        .query_map([message_id.as_str()], |row| {
            Ok((id(row, "id")?, id(row, "endpoint_id")?, word(row, "state")?))
        })?
        .collect::<Result<_, _>>()?;
    Ok(Some(Published::Duplicate(Receipt {
        message_id,
        event_type,
        deliveries,
    })))
}
