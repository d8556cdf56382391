//! Deliveries that go out one after the other.

use super::{
    super::rows::{id, number, signed, word},
    endpoint::standing,
};
use crate::{
    ids::{DeliveryId, EndpointId},
    store::{DeliveryState, Word},
};
use rusqlite::{Connection, OptionalExtension, params};

pub(in super::super) const LAST_OF_KEY: &str = "SELECT order_place FROM deliveries
    WHERE order_place IS NOT NULL AND endpoint_id = ? AND order_key = ? ORDER BY order_place DESC LIMIT 1";

pub(in super::super) const FIRST_OF_KEY: &str = "SELECT id, state, created_at_ms FROM deliveries
    WHERE order_place IS NOT NULL AND endpoint_id = ? AND order_key = ? ORDER BY order_place LIMIT 1";

/// The place of one more delivery of this key, and whether another is open before it.
pub(super) fn next_place(
    connection: &Connection,
    endpoint: &EndpointId,
    key: &str,
) -> rusqlite::Result<(u64, bool)> {
    let last = connection
        .prepare_cached(LAST_OF_KEY)?
        .query_row([endpoint.as_str(), key], |row| number(row, "order_place"))
        .optional()?;
    Ok(match last {
        Some(last) => (last.saturating_add(1), true),
        None => (1, false),
    })
}

/// One of this key has ended: the next one has its turn. Returns whether it is held although the endpoint is active.
pub(super) fn release_next(
    connection: &Connection,
    endpoint: &EndpointId,
    key: &str,
    now_ms: u64,
) -> rusqlite::Result<bool> {
    let first = connection
        .prepare_cached(FIRST_OF_KEY)?
        .query_row([endpoint.as_str(), key], |row| {
            let state: DeliveryState = word(row, "state")?;
            Ok((
                id::<DeliveryId>(row, "id")?,
                state,
                number(row, "created_at_ms")?,
            ))
        })
        .optional()?;
    let Some((delivery, DeliveryState::Waiting, created_at_ms)) = first else {
        return Ok(false);
    };
    let standing = standing(connection, endpoint)?;
    // Cancelled with the others, in a step of its own.
    if standing.deleted {
        return Ok(false);
    }
    // What was published before the endpoint became active goes out with what was held, at the same rate.
    let (state, next_attempt_at_ms) = match standing.active && created_at_ms >= standing.since_ms {
        true => (DeliveryState::Pending, Some(signed(now_ms))),
        false => (DeliveryState::Held, None),
    };
    connection
        .prepare_cached(
            "UPDATE deliveries SET state = ?, next_attempt_at_ms = ?, updated_at_ms = ? WHERE id = ?",
        )?
        .execute(params![
            state.word(),
            next_attempt_at_ms,
            signed(now_ms),
            delivery.as_str()
        ])?;
    Ok(standing.active && state == DeliveryState::Held)
}
