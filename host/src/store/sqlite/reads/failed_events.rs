//! Dead letters as the clients of their provider see them: events.

use super::super::rows;
use crate::{
    ids::{DeliveryId, EndpointId},
    store::{FailedEvent, Selected},
};
use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, named_params, params};

/// Bytes of the bodies of one page, beside those of its last event.
const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Deliveries that one event id stands for, at most. One is usual; a publisher may use it again.
const SAME_ID_MAX: u32 = 1_000;

/// The order of the tables is said, so that the index of what is unseen leads; its condition is that of the index, word for
/// word.
pub(in super::super) const FAILED_EVENTS: &str =
    "SELECT deliveries.*, event_type, workspace, event_id, body
         FROM failed_events INDEXED BY failed_events_unseen
         CROSS JOIN deliveries ON deliveries.id = delivery_id
         CROSS JOIN messages ON messages.id = deliveries.message_id
         LEFT JOIN bodies ON bodies.id = deliveries.body_id
         WHERE failed_events.endpoint_id = :endpoint AND seen = 0 AND delivery_id > :after
         ORDER BY delivery_id LIMIT :limit";

pub(in super::super) const FAILED_DELIVERIES: &str = "SELECT delivery_id FROM failed_events WHERE endpoint_id = ? AND event_id IS NOT NULL AND event_id = ?
             ORDER BY delivery_id LIMIT ?";

pub(in super::super) fn failed_events(
    connection: &Connection,
    endpoint: &EndpointId,
    after: Option<&DeliveryId>,
    limit: u32,
) -> rusqlite::Result<Selected<FailedEvent>> {
    let mut statement = connection.prepare_cached(FAILED_EVENTS)?;
    let mut last = connection.prepare_cached(
        "SELECT * FROM attempts WHERE delivery_id = ? ORDER BY number DESC LIMIT 1",
    )?;
    let mut rows = statement.query(named_params! {
        ":endpoint": endpoint.as_str(),
        ":after": after.map_or("", DeliveryId::as_str),
        // One more tells whether there is another page.
        ":limit": limit.saturating_add(1),
    })?;
    let mut found: Vec<FailedEvent> = Vec::new();
    let mut bytes: usize = 0;
    while let Some(row) = rows.next()? {
        if found.len() >= limit as usize || bytes > BODY_BYTES_MAX {
            let next = found.last().map(|event| event.delivery.id.clone());
            return Ok(Selected { found, next });
        }
        let delivery = rows::delivery(row)?;
        let body: Option<Vec<u8>> = row.get("body")?;
        bytes = bytes.saturating_add(body.as_ref().map_or(0, Vec::len));
        found.push(FailedEvent {
            event_id: row.get("event_id")?,
            body: body.map(Bytes::from),
            last_attempt: last
                .query_row([delivery.id.as_str()], rows::attempt)
                .optional()?,
            delivery,
        });
    }
    Ok(Selected { found, next: None })
}

pub(in super::super) fn failed_deliveries(
    connection: &Connection,
    endpoint: &EndpointId,
    event_id: &str,
) -> rusqlite::Result<Vec<DeliveryId>> {
    connection
        .prepare_cached(FAILED_DELIVERIES)?
        .query_map(params![endpoint.as_str(), event_id, SAME_ID_MAX], |row| {
            rows::id(row, "delivery_id")
        })?
        .collect()
}
