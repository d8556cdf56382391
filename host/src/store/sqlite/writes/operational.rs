//! Keeping what is told about endpoints, in the same step as what it tells of.

use super::{super::rows::signed, ordering::next_place};
use crate::store::NewMessage;
use rusqlite::{Connection, params};

pub(super) fn keep(connection: &Connection, message: &NewMessage) -> rusqlite::Result<()> {
    let id = message.id.as_str();
    let at = signed(message.created_at_ms);
    connection
        .prepare_cached(
            "INSERT INTO messages (id, provider, event_type, created_at_ms, workspace) VALUES (?, ?, ?, ?, ?)",
        )?
        .execute(params![
            id,
            message.provider,
            message.event_type,
            at,
            message.workspace.as_str()
        ])?;
    let body_id = connection
        .prepare_cached("INSERT INTO bodies (message_id, format, body) VALUES (?, ?, ?)")?
        .insert(params![id, message.provider, message.body.as_ref()])?;
    // Whether it is held is what its endpoint says now: nobody is asked again because an endpoint changed meanwhile.
    let mut insert = connection.prepare_cached(
        "INSERT INTO deliveries (id, message_id, endpoint_id, body_id, state, attempts_total, attempts_in_round,
                                 next_attempt_at_ms, created_at_ms, updated_at_ms, order_key, order_place)
         SELECT ?1, ?2, id, ?4, CASE WHEN ?8 THEN 'waiting' WHEN state = 'active' THEN 'pending' ELSE 'held' END, 0, 0,
                iif(state = 'active' AND NOT ?8, ?5, NULL), ?5, ?5, ?6, ?7
         FROM endpoints WHERE id = ?3 AND deleted_at_ms IS NULL",
    )?;
    for delivery in &message.deliveries {
        let place = delivery
            .order_key
            .as_ref()
            .map(|key| next_place(connection, &delivery.endpoint_id, key))
            .transpose()?;
        insert.execute(params![
            delivery.id.as_str(),
            id,
            delivery.endpoint_id.as_str(),
            body_id,
            at,
            delivery.order_key.as_deref(),
            place.map(|(place, _)| signed(place)),
            place.is_some_and(|(_, taken)| taken),
        ])?;
    }
    Ok(())
}
