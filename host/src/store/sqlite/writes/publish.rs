//! Keeping messages with their deliveries.

use super::{
    super::{
        group::Group,
        rows::{OF_MESSAGE, foreign, id, of_message, signed, word},
    },
    endpoint::standing,
    ordering::next_place,
};
use crate::{
    ids::{DeliveryId, MessageId},
    store::{
        DeliveryState, Idempotency, NewBatch, NewDelivery, NewMessage, Published, PublishedBatch,
        Receipt, Stored, Word,
    },
};
use rusqlite::{Connection, OptionalExtension, params};

pub(in super::super) fn publish(
    group: &Group,
    message: &NewMessage,
) -> rusqlite::Result<Published> {
    let connection = group.connection();
    if let Some(idempotency) = &message.idempotency
        && let Some(known) = known_key(connection, idempotency)?
    {
        return Ok(match known {
            Known::One(receipt) => Published::Duplicate(receipt),
            Known::Many(_) | Known::Other => Published::Conflict,
        });
    }
    match is_stale(group, [message])? {
        true => Ok(Published::Stale),
        false => {
            let waiting = insert(connection, message)?;
            if let Some(key) = &message.idempotency {
                remember(connection, key, message.id.as_str(), message.created_at_ms)?;
            }
            Ok(Published::Stored(stored(waiting)))
        }
    }
}

/// One host alone has the store.
pub(super) const fn stored(waiting: Vec<DeliveryId>) -> Stored {
    Stored {
        waiting,
        fence: None,
    }
}

pub(in super::super) fn publish_batch(
    group: &Group,
    batch: &NewBatch,
) -> rusqlite::Result<PublishedBatch> {
    let connection = group.connection();
    if let Some(idempotency) = &batch.idempotency {
        match known_key(connection, idempotency)? {
            None => {}
            Some(Known::Many(receipts)) => return Ok(PublishedBatch::Duplicate(receipts)),
            Some(Known::One(_) | Known::Other) => return Ok(PublishedBatch::Conflict(None)),
        }
    }
    // All questions come before the first change: what is refused leaves nothing.
    let mut done = Vec::with_capacity(batch.messages.len());
    for (place, message) in batch.messages.iter().enumerate() {
        let known = match &message.idempotency {
            Some(idempotency) => known_key(connection, idempotency)?,
            None => None,
        };
        done.push(match known {
            None => None,
            Some(Known::One(receipt)) => Some(Published::Duplicate(receipt)),
            Some(Known::Many(_) | Known::Other) => {
                return Ok(PublishedBatch::Conflict(Some(place)));
            }
        });
    }
    if is_stale(group, &batch.messages)? {
        return Ok(PublishedBatch::Stale);
    }
    let mut ids = Vec::new();
    for (message, done) in batch.messages.iter().zip(&mut done) {
        let id = match done {
            Some(Published::Duplicate(receipt)) => receipt.message_id.as_str().to_owned(),
            _ => {
                let waiting = insert(connection, message)?;
                if let Some(key) = &message.idempotency {
                    remember(connection, key, message.id.as_str(), message.created_at_ms)?;
                }
                *done = Some(Published::Stored(stored(waiting)));
                message.id.as_str().to_owned()
            }
        };
        ids.push(id);
    }
    if let (Some(key), Some(first)) = (&batch.idempotency, batch.messages.first()) {
        let ids = serde_json::to_string(&ids).map_err(|error| foreign(error.to_string()))?;
        remember(connection, key, &ids, first.created_at_ms)?;
    }
    Ok(PublishedBatch::Done(done.into_iter().flatten().collect()))
}

/// Whether an endpoint has changed since one of the messages was matched against it.
pub(super) fn is_stale<'a>(
    group: &Group,
    messages: impl IntoIterator<Item = &'a NewMessage>,
) -> rusqlite::Result<bool> {
    let deliveries = messages.into_iter().flat_map(|message| &message.deliveries);
    for delivery in deliveries {
        if group.version(&delivery.endpoint_id)? != Some(delivery.endpoint_version) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Keeps a message and its body. Returns the number of the body.
fn insert_message(connection: &Connection, message: &NewMessage) -> rusqlite::Result<i64> {
    let id = message.id.as_str();
    let body_id = connection
        .prepare_cached("INSERT INTO bodies (message_id, body) VALUES (?, ?)")?
        .insert(params![id, message.body.as_ref()])?;
    connection
        .prepare_cached(
            "INSERT OR FAIL INTO messages (id, provider, event_type, created_at_ms, body_id, workspace) VALUES (?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            id,
            message.provider,
            message.event_type,
            signed(message.created_at_ms),
            body_id,
            message.workspace.as_str(),
        ])?;
    Ok(body_id)
}

/// Keeps a delivery in this state, or waiting behind another of its key. Returns whether it waits.
fn insert_delivery(
    connection: &Connection,
    message: &NewMessage,
    body_id: i64,
    delivery: &NewDelivery,
    state: DeliveryState,
) -> rusqlite::Result<bool> {
    let (mut state, mut place) = (state, None);
    if let Some(key) = &delivery.order_key {
        let (next, taken) = next_place(connection, &delivery.endpoint_id, key)?;
        place = Some(signed(next));
        if taken {
            state = DeliveryState::Waiting;
        }
    }
    let at = signed(message.created_at_ms);
    let due = match state {
        DeliveryState::Held | DeliveryState::Waiting => None,
        _ => Some(at),
    };
    connection
        .prepare_cached(
            "INSERT INTO deliveries (id, message_id, endpoint_id, body_id, state, attempts_total, attempts_in_round,
                                     next_attempt_at_ms, created_at_ms, updated_at_ms, order_key, order_place)
             VALUES (?1, ?2, ?3, ?4, ?5, 0, 0, ?6, ?7, ?7, ?8, ?9)",
        )?
        .execute(params![
            delivery.id.as_str(),
            message.id.as_str(),
            delivery.endpoint_id.as_str(),
            body_id,
            state.word(),
            due,
            at,
            delivery.order_key.as_deref(),
            place,
        ])?;
    Ok(state == DeliveryState::Waiting)
}

/// Returns the deliveries that wait for another of their key.
pub(super) fn insert(
    connection: &Connection,
    message: &NewMessage,
) -> rusqlite::Result<Vec<DeliveryId>> {
    let body_id = insert_message(connection, message)?;
    let mut waiting = Vec::new();
    for delivery in &message.deliveries {
        if insert_delivery(connection, message, body_id, delivery, delivery.state)? {
            waiting.push(delivery.id.clone());
        }
    }
    Ok(waiting)
}

/// Keeps what is told about endpoints, in the same step as what it tells of. Whether a delivery is held is what its endpoint
/// says now: nobody is asked again because an endpoint changed meanwhile.
pub(super) fn keep_operational(
    connection: &Connection,
    message: &NewMessage,
) -> rusqlite::Result<()> {
    let body_id = insert_message(connection, message)?;
    for delivery in &message.deliveries {
        let standing = standing(connection, &delivery.endpoint_id)?;
        let state = match (standing.deleted, standing.active) {
            (true, _) => continue,
            (false, true) => DeliveryState::Pending,
            (false, false) => DeliveryState::Held,
        };
        insert_delivery(connection, message, body_id, delivery, state)?;
    }
    Ok(())
}

/// `messages` is one id, or several as a JSON array.
fn remember(
    connection: &Connection,
    key: &Idempotency,
    messages: &str,
    at_ms: u64,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO idempotency_keys (key, request_sha256, message_id, created_at_ms) VALUES (?, ?, ?, ?)
             ON CONFLICT (key) DO UPDATE SET
                 request_sha256 = excluded.request_sha256, message_id = excluded.message_id,
                 created_at_ms = excluded.created_at_ms",
        )?
        .execute(params![key.key, key.request_sha256.as_slice(), messages, signed(at_ms)])?;
    Ok(())
}

/// What a key that is still valid stands for.
enum Known {
    One(Receipt),
    Many(Vec<Receipt>),
    /// Another request.
    Other,
}

fn known_key(
    connection: &Connection,
    idempotency: &Idempotency,
) -> rusqlite::Result<Option<Known>> {
    let known = connection
        .prepare_cached(
            "SELECT request_sha256, message_id FROM idempotency_keys WHERE key = ? AND created_at_ms >= ?",
        )?
        .query_row(
            params![idempotency.key, signed(idempotency.valid_since_ms)],
            |row| {
                Ok((
                    row.get::<_, Vec<u8>>("request_sha256")?,
                    row.get::<_, String>("message_id")?,
                ))
            },
        )
        .optional()?;
    let Some((request_sha256, messages)) = known else {
        return Ok(None);
    };
    if request_sha256 != idempotency.request_sha256 {
        return Ok(Some(Known::Other));
    }
    let one = |text: &str| {
        let message = MessageId::parse(text).ok_or_else(|| foreign(text))?;
        receipt(connection, message)
    };
    if messages.starts_with('[') {
        let ids: Vec<String> = serde_json::from_str(&messages).map_err(|_| foreign(&*messages))?;
        let receipts = ids.iter().map(|text| one(text));
        return Ok(Some(Known::Many(receipts.collect::<Result<_, _>>()?)));
    }
    Ok(Some(Known::One(one(&messages)?)))
}

fn receipt(connection: &Connection, message_id: MessageId) -> rusqlite::Result<Receipt> {
    let event_type = connection
        .prepare_cached("SELECT event_type FROM messages WHERE id = ?")?
        .query_row([message_id.as_str()], |row| row.get("event_type"))?;
    let deliveries = connection
        .prepare_cached(&format!(
            "SELECT id, endpoint_id, state FROM deliveries WHERE id IN ({OF_MESSAGE}) ORDER BY id"
        ))?
        .query_map(&of_message(&message_id).parameters()[..], |row| {
            Ok((id(row, "id")?, id(row, "endpoint_id")?, word(row, "state")?))
        })?
        .collect::<Result<_, _>>()?;
    Ok(Receipt {
        message_id,
        event_type,
        deliveries,
    })
}
