//! What each read asks.

mod access;
pub(super) mod bodies;
mod failed_events;
pub(super) mod inbound;
pub(super) mod lists;
mod replays;
mod selection;
mod stats;

pub(super) use self::{
    access::{event_types, keys, workspaces},
    bodies::bodies,
    failed_events::{failed_deliveries, failed_events},
    replays::{open_replays, replay, replays},
    selection::{count, select},
    stats::{open, size, stats},
};
#[cfg(test)]
pub(super) use self::{
    failed_events::{FAILED_DELIVERIES, FAILED_EVENTS},
    selection::search,
    stats::{COUNTS, COUNTS_OF},
};

use super::{
    rows::{self, OF_MESSAGE, of_message},
    secrets,
};
use crate::{
    ids::{DeliveryId, EndpointId, MessageId},
    store::{Attempt, Backlogs, Delivery, Endpoint, MessageView},
    vault::Vault,
};
use rusqlite::{Connection, OptionalExtension};

pub(super) fn endpoints(connection: &Connection, vault: &Vault) -> rusqlite::Result<Vec<Endpoint>> {
    let mut secrets = secrets::all(connection, vault)?;
    let mut identities = secrets::identities(connection, vault)?;
    connection
        .prepare_cached("SELECT * FROM endpoints WHERE deleted_at_ms IS NULL ORDER BY id")?
        .query_map([], rows::endpoint)?
        .map(|endpoint| {
            let mut endpoint = endpoint?;
            endpoint.secrets = secrets.remove(&endpoint.id).unwrap_or_default();
            endpoint.identity = identities.remove(&endpoint.id);
            Ok(endpoint)
        })
        .collect()
}

pub(super) fn due(connection: &Connection) -> rusqlite::Result<Vec<(EndpointId, u64)>> {
    connection
        .prepare_cached(
            "SELECT endpoint_id, min(next_attempt_at_ms) AS due FROM deliveries
             WHERE state IN ('pending', 'sending') AND state = 'pending' GROUP BY endpoint_id",
        )?
        .query_map([], |row| {
            Ok((rows::id(row, "endpoint_id")?, rows::number(row, "due")?))
        })?
        .collect()
}

/// One look into an index an endpoint, however many deliveries it has.
pub(super) fn backlogs(connection: &Connection) -> rusqlite::Result<Backlogs> {
    let ids = |sql: &str| -> rusqlite::Result<Vec<EndpointId>> {
        connection
            .prepare_cached(sql)?
            .query_map([], |row| rows::id(row, "id"))?
            .collect()
    };
    Ok(Backlogs {
        unsettled: ids(
            "SELECT id FROM endpoints WHERE skip_held_before_ms IS NOT NULL
                 OR (state <> 'active' OR deleted_at_ms IS NOT NULL)
                    AND EXISTS (SELECT 1 FROM deliveries WHERE state IN ('pending', 'sending') AND state = 'pending'
                                    AND endpoint_id = endpoints.id)
                 OR deleted_at_ms IS NOT NULL
                    AND (EXISTS (SELECT 1 FROM deliveries WHERE state = 'held' AND endpoint_id = endpoints.id)
                         OR EXISTS (SELECT 1 FROM deliveries WHERE state = 'waiting' AND endpoint_id = endpoints.id))",
        )?,
        draining: ids(
            "SELECT id FROM endpoints WHERE state = 'active' AND deleted_at_ms IS NULL
                 AND EXISTS (SELECT 1 FROM deliveries WHERE state = 'held' AND endpoint_id = endpoints.id)",
        )?,
    })
}

pub(super) fn message(
    connection: &Connection,
    message: &MessageId,
) -> rusqlite::Result<Option<MessageView>> {
    let id = message.as_str();
    let found = connection
        .prepare_cached("SELECT * FROM messages WHERE id = ?")?
        .query_row([id], rows::message)
        .optional()?;
    let Some(message) = found else {
        return Ok(None);
    };
    let deliveries: Vec<Delivery> = connection
        .prepare_cached(
            &format!(
                "SELECT deliveries.*, event_type, workspace FROM deliveries JOIN messages ON messages.id = message_id
                 WHERE deliveries.id IN ({OF_MESSAGE}) ORDER BY deliveries.id"
            ),
        )?
        .query_map(&of_message(&message.id).parameters()[..], rows::delivery)?
        .collect::<Result<_, _>>()?;
    let with_attempts = |delivery: Delivery| {
        let attempts = attempts(connection, &delivery.id)?;
        Ok((delivery, attempts))
    };
    let deliveries = deliveries.into_iter().map(with_attempts);
    Ok(Some(MessageView {
        message,
        deliveries: deliveries.collect::<rusqlite::Result<_>>()?,
    }))
}

pub(super) fn delivery(
    connection: &Connection,
    delivery: &DeliveryId,
) -> rusqlite::Result<Option<(Delivery, Vec<Attempt>)>> {
    let found = connection
        .prepare_cached(
            "SELECT deliveries.*, event_type, workspace FROM deliveries JOIN messages ON messages.id = message_id
             WHERE deliveries.id = ?",
        )?
        .query_row([delivery.as_str()], rows::delivery)
        .optional()?;
    found
        .map(|found| Ok((found, attempts(connection, delivery)?)))
        .transpose()
}

fn attempts(connection: &Connection, delivery: &DeliveryId) -> rusqlite::Result<Vec<Attempt>> {
    connection
        .prepare_cached("SELECT * FROM attempts WHERE delivery_id = ? ORDER BY number")?
        .query_map([delivery.as_str()], rows::attempt)?
        .collect()
}
