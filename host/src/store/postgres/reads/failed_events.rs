//! Dead letters as the clients of their provider see them: events.

use super::{
    super::{
        rows,
        session::{Fault, Session},
    },
    bodies,
};
use crate::{
    ids::{DeliveryId, EndpointId},
    store::{Attempt, FailedEvent, Selected},
};
use std::collections::HashMap;

/// Bytes of the bodies of one page, beside those of its last event.
const BODY_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Deliveries that one event id stands for, at most. One is usual; a publisher may use it again.
const SAME_ID_MAX: i64 = 1_000;

/// Conditions are those of an index, word for word, and rows are compared as a whole: see `lists`. Ids come before `~`.
pub(super) const FAILED_EVENTS: &str =
    "SELECT failed.*, event_type, workspace, CAST(length AS BIGINT) AS body_bytes
     FROM (SELECT * FROM deliveries WHERE state = 'dead_lettered' AND acknowledged_at_ms IS NULL
               AND (endpoint_id, id) > ($1, $2) AND (endpoint_id, id) < ($1, '~') ORDER BY endpoint_id, id LIMIT $3) AS failed
     CROSS JOIN LATERAL (SELECT event_type, workspace FROM messages WHERE messages.id = failed.message_id LIMIT 1) AS of_message
     LEFT JOIN LATERAL (SELECT octet_length(body) AS length FROM bodies WHERE message_id = failed.message_id LIMIT 1)
         AS kept ON TRUE
     ORDER BY failed.endpoint_id, failed.id";

pub(super) const FAILED_DELIVERIES: &str = "SELECT id FROM deliveries
    WHERE state = 'dead_lettered' AND event_id IS NOT NULL AND endpoint_id = $1 AND event_id = $2 ORDER BY id LIMIT $3";

const LAST_ATTEMPTS: &str = "SELECT last.* FROM UNNEST(CAST($1 AS TEXT[])) AS wanted (id)
    CROSS JOIN LATERAL (SELECT * FROM attempts WHERE delivery_id = wanted.id ORDER BY number DESC LIMIT 1) AS last";

pub(in super::super) async fn failed_events(
    session: &Session,
    endpoint: &EndpointId,
    after: Option<&DeliveryId>,
    limit: u32,
) -> Result<Selected<FailedEvent>, Fault> {
    let after = after.map_or("", DeliveryId::as_str);
    // One more tells whether there is another page.
    let rows_max = i64::from(limit).saturating_add(1);
    let rows = session
        .rows(FAILED_EVENTS, &[&endpoint.as_str(), &after, &rows_max])
        .await?;
    let mut found = Vec::with_capacity(rows.len());
    let mut next = None;
    let mut bytes: u64 = 0;
    for row in &rows {
        if found.len() >= limit as usize || bytes > BODY_BYTES_MAX {
            next = found
                .last()
                .map(|event: &FailedEvent| event.delivery.id.clone());
            break;
        }
        let length = rows::optional_number(row, "body_bytes")?;
        bytes = bytes.saturating_add(length.unwrap_or(0));
        found.push(FailedEvent {
            delivery: rows::delivery(row)?,
            event_id: rows::optional_text(row, "event_id")?,
            body: None,
            last_attempt: None,
        });
    }
    let messages: Vec<&str> = found
        .iter()
        .map(|event| event.delivery.message_id.as_str())
        .collect();
    let bodies = bodies::by_message(session, &messages).await?;
    let mut last = last_attempts(session, &found).await?;
    for event in &mut found {
        event.body = bodies.get(&event.delivery.message_id).cloned();
        event.last_attempt = last.remove(&event.delivery.id);
    }
    Ok(Selected { found, next })
}

async fn last_attempts(
    session: &Session,
    events: &[FailedEvent],
) -> Result<HashMap<DeliveryId, Attempt>, Fault> {
    let wanted: Vec<&str> = events
        .iter()
        .map(|event| event.delivery.id.as_str())
        .collect();
    let found = session.rows(LAST_ATTEMPTS, &[&wanted]).await?;
    found
        .iter()
        .map(|row| Ok((rows::id(row, "delivery_id")?, rows::attempt(row)?)))
        .collect()
}

pub(in super::super) async fn failed_deliveries(
    session: &Session,
    endpoint: &EndpointId,
    event_id: &str,
) -> Result<Vec<DeliveryId>, Fault> {
    if event_id.contains('\0') {
        // The database has no such text.
        return Ok(Vec::new());
    }
    let found = session
        .rows(
            FAILED_DELIVERIES,
            &[&endpoint.as_str(), &event_id, &SAME_ID_MAX],
        )
        .await?;
    found.iter().map(|row| rows::id(row, "id")).collect()
}
