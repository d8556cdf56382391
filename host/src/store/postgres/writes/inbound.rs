//! Keeping what other senders posted: request, events, messages and deliveries, or nothing.

use super::{
    super::{
        rows::{digest, signed},
        session::Fault,
        writer::Writing,
    },
    publish, standing,
};
use crate::store::{NewInbound, NewInboundEvent, NewKey, NewMessage, TakenIn, Word};
use std::collections::{HashMap, HashSet};

/// The digest of a key.
type Key = [u8; 32];

pub(in super::super) async fn take_in(
    writing: &Writing,
    inbound: &NewInbound,
) -> Result<TakenIn, Fault> {
    let known = known(writing, inbound).await?;
    // All questions come before the first change: what is refused leaves nothing.
    if let Some(once) = &inbound.used_once
        && let Some(came_with) = known.get(&once.sha256)
    {
        return Ok(match *came_with == Some(inbound.request.body_sha256) {
            true => TakenIn::Duplicate,
            false => TakenIn::UsedBefore,
        });
    }
    let mut seen = HashSet::new();
    let is_new: Vec<bool> = inbound
        .events
        .iter()
        .map(|event| &event.key.sha256)
        .map(|key| seen.insert(key) && !known.contains_key(key))
        .collect();
    if !is_new.contains(&true) && !inbound.events.is_empty() {
        return Ok(TakenIn::Duplicate);
    }
    let new: Vec<(u64, &NewInboundEvent)> = (0_u64..)
        .zip(&inbound.events)
        .zip(&is_new)
        .filter_map(|(event, is_new)| is_new.then_some(event))
        .collect();
    let messages: Vec<&NewMessage> = new.iter().flat_map(|(_, event)| &event.messages).collect();
    let standings = standing::lock(writing, &standing::asked(&messages, &[])).await?;
    if messages
        .iter()
        .any(|message| publish::is_stale(writing, message, &standings))
    {
        return Ok(TakenIn::Stale);
    }
    remember(writing, inbound, &new).await?;
    keep_request(writing, inbound).await?;
    keep_events(writing, inbound, &new).await?;
    let waiting = publish::keep(writing, &messages, &standings).await?;
    Ok(TakenIn::Stored {
        is_new,
        stored: publish::stored(writing, waiting.into_iter().flatten().collect()),
    })
}

/// What of the request has come before, each with the body that it came with where that matters.
async fn known(
    writing: &Writing,
    inbound: &NewInbound,
) -> Result<HashMap<Key, Option<Key>>, Fault> {
    let mut keys: Vec<&[u8]> = inbound
        .events
        .iter()
        .map(|event| event.key.sha256.as_slice())
        .collect();
    keys.extend(
        inbound
            .used_once
            .as_ref()
            .map(|once| once.sha256.as_slice()),
    );
    let sql =
        "SELECT key, body_sha256 FROM inbound_keys WHERE key = ANY($1) AND valid_until_ms > $2";
    let now = signed(inbound.request.received_at_ms);
    let mut known = HashMap::new();
    for row in writing.session.rows(sql, &[&keys, &now]).await? {
        let body: Option<&[u8]> = row.try_get("body_sha256")?;
        let body = body.map(|_| digest(&row, "body_sha256")).transpose()?;
        known.insert(digest(&row, "key")?, body);
    }
    Ok(known)
}

/// One that is there already counts no more; when another host has just added it, nothing of this is kept, and it is looked up
/// once more.
const REMEMBER: &str = "INSERT INTO inbound_keys (key, body_sha256, valid_until_ms)
    SELECT key, body_sha256, valid_until_ms
    FROM UNNEST($1::bytea[], $2::bytea[], $3::bigint[]) AS given (key, body_sha256, valid_until_ms)
    ON CONFLICT (key) DO UPDATE SET body_sha256 = excluded.body_sha256, valid_until_ms = excluded.valid_until_ms
    WHERE inbound_keys.valid_until_ms <= $4";

async fn remember(
    writing: &Writing,
    inbound: &NewInbound,
    new: &[(u64, &NewInboundEvent)],
) -> Result<(), Fault> {
    let body = inbound.request.body_sha256;
    let once = inbound.used_once.iter().map(|once| (once, Some(&body)));
    let events = new.iter().map(|(_, event)| (&event.key, None));
    let mut keys: Vec<(&NewKey, Option<&Key>)> = events.chain(once).collect();
    if keys.is_empty() {
        return Ok(());
    }
    // In one order everywhere, so that two hosts with the same keys do not wait for each other.
    keys.sort_unstable_by_key(|(key, _)| key.sha256);
    let digests: Vec<&[u8]> = keys.iter().map(|(key, _)| key.sha256.as_slice()).collect();
    let bodies: Vec<Option<&[u8]>> = keys
        .iter()
        .map(|(_, body)| body.map(<[u8; 32]>::as_slice))
        .collect();
    let until: Vec<i64> = keys
        .iter()
        .map(|(key, _)| signed(key.valid_until_ms))
        .collect();
    let now = signed(inbound.request.received_at_ms);
    let session = &writing.session;
    let kept = session
        .execute(REMEMBER, &[&digests, &bodies, &until, &now])
        .await?;
    match usize::try_from(kept) == Ok(keys.len()) {
        true => Ok(()),
        false => Err(Fault::Again),
    }
}

async fn keep_request(writing: &Writing, inbound: &NewInbound) -> Result<(), Fault> {
    let sql = "INSERT INTO inbound_requests (id, workspace, source, provider, verified, scheme, received_at_ms, events_total,
                                       body_sha256, body)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    let request = &inbound.request;
    let session = &writing.session;
    session
        .execute(
            sql,
            &[
                &request.id.as_str(),
                &request.workspace.as_str(),
                &request.source,
                &request.provider,
                &request.verified.word(),
                &request.scheme,
                &signed(request.received_at_ms),
                &signed(request.events_total),
                &request.body_sha256.as_slice(),
                &inbound.body.as_ref(),
            ],
        )
        .await?;
    Ok(())
}

async fn keep_events(
    writing: &Writing,
    inbound: &NewInbound,
    new: &[(u64, &NewInboundEvent)],
) -> Result<(), Fault> {
    if new.is_empty() {
        return Ok(());
    }
    let sql = "INSERT INTO inbound_events (inbound_id, place, event_type, dedupe, event, passed_on)
         SELECT $1, * FROM UNNEST($2::bigint[], $3::text[], $4::bytea[], $5::text[], $6::text[])";
    let places: Vec<i64> = new.iter().map(|(place, _)| signed(*place)).collect();
    let digests: Vec<&[u8]> = new
        .iter()
        .map(|(_, event)| event.key.sha256.as_slice())
        .collect();
    let of = |text: fn(&NewInboundEvent) -> &str| -> Vec<&str> {
        new.iter().map(|(_, event)| text(event)).collect()
    };
    let session = &writing.session;
    session
        .execute(
            sql,
            &[
                &inbound.request.id.as_str(),
                &places,
                &of(|event| &event.event_type),
                &digests,
                &of(|event| &event.event),
                &of(|event| &event.passed_on),
            ],
        )
        .await?;
    Ok(())
}
