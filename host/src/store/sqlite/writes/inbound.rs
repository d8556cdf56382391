//! Keeping what other senders posted: request, events, messages and deliveries, or nothing.

use super::{
    super::{group::Group, rows::signed},
    publish::{insert, is_stale, stored},
};
use crate::{
    ids::DeliveryId,
    store::{NewInbound, NewInboundEvent, NewKey, NewMessage, TakenIn, Word},
};
use rusqlite::{CachedStatement, Connection, OptionalExtension, params};
use std::collections::HashSet;

pub(in super::super) fn take_in(group: &Group, inbound: &NewInbound) -> rusqlite::Result<TakenIn> {
    let connection = group.connection();
    let now_ms = inbound.request.received_at_ms;
    let mut known = connection.prepare_cached(
        "SELECT body_sha256 FROM inbound_keys WHERE key = ? AND valid_until_ms > ?",
    )?;
    // All questions come before the first change: what is refused leaves nothing.
    if let Some(once) = &inbound.used_once {
        let came_with: Option<Option<Vec<u8>>> = known
            .query_row(params![once.sha256, signed(now_ms)], |row| row.get(0))
            .optional()?;
        if let Some(body_sha256) = came_with {
            return Ok(
                match body_sha256 == Some(inbound.request.body_sha256.to_vec()) {
                    true => TakenIn::Duplicate,
                    false => TakenIn::UsedBefore,
                },
            );
        }
    }
    let mut seen = HashSet::new();
    let mut is_new = Vec::with_capacity(inbound.events.len());
    for event in &inbound.events {
        let key = &event.key.sha256;
        is_new.push(seen.insert(key) && !known.exists(params![key, signed(now_ms)])?);
    }
    if !is_new.contains(&true) && !inbound.events.is_empty() {
        return Ok(TakenIn::Duplicate);
    }
    let new = || {
        let events = (0_u64..).zip(&inbound.events).zip(&is_new);
        events.filter_map(|(event, is_new)| is_new.then_some(event))
    };
    let messages = || new().flat_map(|(_, event)| &event.messages);
    if is_stale(group, messages())? {
        return Ok(TakenIn::Stale);
    }
    keep_request(connection, inbound)?;
    keep_events(connection, inbound, new())?;
    let waiting = keep_messages(connection, messages())?;
    let stored = stored(waiting);
    Ok(TakenIn::Stored { is_new, stored })
}

fn keep_request(connection: &Connection, inbound: &NewInbound) -> rusqlite::Result<()> {
    let request = &inbound.request;
    connection
        .prepare_cached(
            "INSERT INTO inbound_requests (id, workspace, source, provider, verified, scheme, received_at_ms, events_total,
                                           body_sha256, body)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            request.id.as_str(),
            request.workspace.as_str(),
            request.source,
            request.provider,
            request.verified.word(),
            request.scheme,
            signed(request.received_at_ms),
            signed(request.events_total),
            request.body_sha256,
            inbound.body.as_ref(),
        ])?;
    match &inbound.used_once {
        Some(once) => remember(
            &mut remembering(connection)?,
            once,
            Some(&request.body_sha256),
        ),
        None => Ok(()),
    }
}

fn keep_events<'a>(
    connection: &Connection,
    inbound: &NewInbound,
    new: impl Iterator<Item = (u64, &'a NewInboundEvent)>,
) -> rusqlite::Result<()> {
    let id = inbound.request.id.as_str();
    let mut insert = connection.prepare_cached(
        "INSERT INTO inbound_events (inbound_id, place, event_type, dedupe, event, passed_on) VALUES (?, ?, ?, ?, ?, ?)",
    )?;
    let mut remembering = remembering(connection)?;
    for (place, event) in new {
        insert.execute(params![
            id,
            signed(place),
            event.event_type,
            event.key.sha256,
            event.event,
            event.passed_on,
        ])?;
        remember(&mut remembering, &event.key, None)?;
    }
    Ok(())
}

fn keep_messages<'a>(
    connection: &Connection,
    messages: impl Iterator<Item = &'a NewMessage>,
) -> rusqlite::Result<Vec<DeliveryId>> {
    let mut waiting = Vec::new();
    for message in messages {
        waiting.extend(insert(connection, message)?);
    }
    Ok(waiting)
}

fn remembering(connection: &Connection) -> rusqlite::Result<CachedStatement<'_>> {
    // One that is there already counts no more.
    connection.prepare_cached(
        "INSERT INTO inbound_keys (key, body_sha256, valid_until_ms) VALUES (?, ?, ?)
         ON CONFLICT (key) DO UPDATE SET body_sha256 = excluded.body_sha256, valid_until_ms = excluded.valid_until_ms",
    )
}

fn remember(
    remembering: &mut CachedStatement<'_>,
    key: &NewKey,
    body_sha256: Option<&[u8; 32]>,
) -> rusqlite::Result<()> {
    remembering.execute(params![key.sha256, body_sha256, signed(key.valid_until_ms)])?;
    Ok(())
}
