//! Endpoints, and the deliveries that follow their state, a step at a time.

use super::{
    super::{
        rows::{count, foreign, id, kept, number, signed, text},
        secrets,
        session::Fault,
        writer::{Count, Writing},
    },
    ordering::release_next,
    record::event_ids,
    standing::{self, Standing},
};
use crate::{
    ids::{DeliveryId, EndpointId},
    store::{Endpoint, Resume, STEP_ROWS, StoreError, Word, sealed::Sealed},
};
use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

pub(in super::super) async fn create(
    writing: &Writing,
    endpoint: &Endpoint,
    sealed: &Sealed,
) -> Result<u32, Fault> {
    // One at a time: its row is locked until the end, and so each number is given once.
    let changed = writing.raise_endpoints().await?;
    let sql = "INSERT INTO endpoints (id, provider, url, name, rules, state, reason, since_ms, version, created_at_ms,
                                settings, probe_at_ms, workspace, owner, changed, number)
         SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, coalesce(max(number), 0) + 1 FROM endpoints
         RETURNING number";
    let owner = writing.generation();
    let session = &writing.session;
    let row = session
        .row(
            sql,
            &[
                &endpoint.id.as_str(),
                &endpoint.provider,
                &endpoint.url,
                &endpoint.name.as_deref().map(kept),
                &rules(endpoint)?,
                &endpoint.state.word(),
                &endpoint.reason.map(Word::word),
                &signed(endpoint.since_ms),
                &signed(endpoint.version),
                &signed(endpoint.created_at_ms),
                &endpoint.settings.to_kept_json().to_string(),
                &endpoint.probe_at_ms.map(signed),
                &endpoint.workspace.as_str(),
                &owner,
                &changed,
            ],
        )
        .await?;
    let number = row
        .map(|row| count(&row, "number"))
        .transpose()?
        .unwrap_or(endpoint.number);
    keep_health(writing, endpoint).await?;
    secrets::replace(session, &endpoint.id, sealed).await?;
    if owner.is_some() {
        // It may be wrong when this is undone; what counts is the row.
        writing.own(endpoint.id.clone());
    }
    Ok(number)
}

fn rules(endpoint: &Endpoint) -> Result<String, Fault> {
    serde_json::to_string(&endpoint.rules).map_err(|error| foreign(error.to_string()))
}

async fn keep_health(writing: &Writing, endpoint: &Endpoint) -> Result<(), Fault> {
    let sql = "INSERT INTO endpoint_health (endpoint_id, failed_in_a_row, exhausted_in_a_row, pauses_in_a_row,
                                      failing_since_ms, last_success_at_ms, warned_percent, unwell)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (endpoint_id) DO UPDATE SET
             failed_in_a_row = excluded.failed_in_a_row, exhausted_in_a_row = excluded.exhausted_in_a_row,
             pauses_in_a_row = excluded.pauses_in_a_row, failing_since_ms = excluded.failing_since_ms,
             last_success_at_ms = excluded.last_success_at_ms, warned_percent = excluded.warned_percent,
             unwell = excluded.unwell";
    let health = &endpoint.health;
    let session = &writing.session;
    session
        .execute(
            sql,
            &[
                &endpoint.id.as_str(),
                &i64::from(health.failed_in_a_row),
                &i64::from(health.exhausted_in_a_row),
                &i64::from(health.pauses_in_a_row),
                &health.failing_since_ms.map(signed),
                &health.last_success_at_ms.map(signed),
                &i64::from(health.warned_percent),
                &health.unwell,
            ],
        )
        .await?;
    Ok(())
}

pub(in super::super) async fn update(
    writing: &Writing,
    endpoint: &Endpoint,
    sealed: &Sealed,
    resume: Option<Resume>,
    now_ms: u64,
) -> Result<bool, Fault> {
    let session = &writing.session;
    let sql = "SELECT version, state, owner FROM endpoints WHERE id = $1 AND deleted_at_ms IS NULL FOR UPDATE";
    let found = session.row(sql, &[&endpoint.id.as_str()]).await?;
    // None when it was deleted meanwhile; it must not get secrets again.
    if let Some(row) = found {
        if number(&row, "version")? >= endpoint.version {
            return Err(StoreError::Changed.into());
        }
        let owner: Option<i64> = row.try_get("owner")?;
        let changed = writing.raise_endpoints().await?;
        let other_state = text(&row, "state")? != endpoint.state.word();
        replace(writing, endpoint, changed).await?;
        // How it is, only its owner knows, unless a change of its state makes it another thing.
        if other_state || owner.is_some() && owner == writing.generation() {
            keep_health(writing, endpoint).await?;
        }
        secrets::replace(session, &endpoint.id, sealed).await?;
    }
    if let Some(resume) = resume {
        let before = match resume {
            Resume::All => None,
            Resume::Since(at_ms) => Some(signed(at_ms)),
        };
        let sql = "UPDATE endpoints SET skip_held_before_ms = $1 WHERE id = $2";
        session
            .execute(sql, &[&before, &endpoint.id.as_str()])
            .await?;
    }
    follow(writing, &endpoint.id, now_ms).await
}

async fn replace(writing: &Writing, endpoint: &Endpoint, changed: i64) -> Result<(), Fault> {
    let sql = "UPDATE endpoints SET provider = $2, url = $3, name = $4, rules = $5, state = $6, reason = $7, since_ms = $8,
                                version = $9, settings = $10, probe_at_ms = $11, changed = $12
         WHERE id = $1";
    let session = &writing.session;
    session
        .execute(
            sql,
            &[
                &endpoint.id.as_str(),
                &endpoint.provider,
                &endpoint.url,
                &endpoint.name.as_deref().map(kept),
                &rules(endpoint)?,
                &endpoint.state.word(),
                &endpoint.reason.map(Word::word),
                &signed(endpoint.since_ms),
                &signed(endpoint.version),
                &endpoint.settings.to_kept_json().to_string(),
                &endpoint.probe_at_ms.map(signed),
                &changed,
            ],
        )
        .await?;
    Ok(())
}

pub(in super::super) async fn delete(
    writing: &Writing,
    endpoint: &EndpointId,
    now_ms: u64,
) -> Result<bool, Fault> {
    let session = &writing.session;
    // Whoever publishes to it is done first.
    let sql = "SELECT 1 FROM endpoints WHERE id = $1 FOR UPDATE";
    session.rows(sql, &[&endpoint.as_str()]).await?;
    secrets::delete(session, endpoint).await?;
    let changed = writing.raise_endpoints().await?;
    let sql = "UPDATE endpoints SET deleted_at_ms = $1, changed = $2 WHERE id = $3";
    session
        .execute(sql, &[&signed(now_ms), &changed, &endpoint.as_str()])
        .await?;
    follow(writing, endpoint, now_ms).await
}

/// Those of these of which this host sends nothing any more: another one may take them. Returns which.
pub(in super::super) async fn give_up(
    writing: &Writing,
    endpoints: &[EndpointId],
) -> Result<Vec<EndpointId>, Fault> {
    let host = writing.leased()?;
    let ids: Vec<_> = endpoints.iter().map(EndpointId::as_str).collect();
    let sql = "UPDATE endpoints SET owner = NULL WHERE id = ANY($1) AND owner = $2
             AND NOT EXISTS (SELECT 1 FROM deliveries WHERE deliveries.state = 'sending'
                             AND endpoint_id = endpoints.id AND leased_by = $2)
         RETURNING id";
    let session = &writing.session;
    let mut left = Vec::new();
    for row in session.rows(sql, &[&ids, &host]).await? {
        left.push(id(&row, "id")?);
    }
    // What it did not have in the first place is left, too.
    let sql = "SELECT id FROM endpoints WHERE id = ANY($1) AND owner IS DISTINCT FROM $2";
    for row in session.rows(sql, &[&ids, &host]).await? {
        left.push(id(&row, "id")?);
    }
    left.sort_unstable();
    left.dedup();
    Ok(left)
}

macro_rules! step {
    ($set:literal, $state:literal) => {
        concat!(
            "UPDATE deliveries SET ",
            $set,
            ", next_attempt_at_ms = NULL, updated_at_ms = $2 WHERE id IN (SELECT id FROM deliveries WHERE state = '",
            $state,
            "' AND endpoint_id = $1 LIMIT $3 FOR NO KEY UPDATE SKIP LOCKED)"
        )
    };
}

const HOLD: &str = step!("state = 'held'", "pending");
const CANCEL: [&str; 3] = [
    step!("state = 'cancelled', order_place = NULL", "pending"),
    step!("state = 'cancelled', order_place = NULL", "held"),
    step!("state = 'cancelled', order_place = NULL", "waiting"),
];

/// One step; whether there is more.
pub(in super::super) async fn follow(
    writing: &Writing,
    endpoint: &EndpointId,
    now_ms: u64,
) -> Result<bool, Fault> {
    let standing = standing::lock_one(writing, endpoint).await?;
    match standing {
        Standing { deleted: true, .. } => {
            for sql in CANCEL {
                let changed = step(writing, sql, endpoint, now_ms).await?;
                writing.count(Count::Cancelled, i64::try_from(changed).unwrap_or(0));
                if changed >= u64::from(STEP_ROWS) {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Standing { active: false, .. } => {
            Ok(step(writing, HOLD, endpoint, now_ms).await? >= u64::from(STEP_ROWS))
        }
        Standing {
            skip_before_ms: Some(before_ms),
            ..
        } => skip(writing, endpoint, before_ms, now_ms).await,
        Standing { .. } => Ok(false),
    }
}

async fn step(
    writing: &Writing,
    sql: &str,
    endpoint: &EndpointId,
    now_ms: u64,
) -> Result<u64, Fault> {
    let session = &writing.session;
    session
        .execute(
            sql,
            &[&endpoint.as_str(), &signed(now_ms), &i64::from(STEP_ROWS)],
        )
        .await
}

async fn skip(
    writing: &Writing,
    endpoint: &EndpointId,
    before_ms: u64,
    now_ms: u64,
) -> Result<bool, Fault> {
    let before = DeliveryId::floor(before_ms);
    let session = &writing.session;
    let sql =
        "SELECT id, order_key FROM deliveries WHERE state = 'held' AND endpoint_id = $1 AND id < $2
         ORDER BY id LIMIT $3 FOR NO KEY UPDATE SKIP LOCKED";
    let rows = session
        .rows(
            sql,
            &[&endpoint.as_str(), &before.as_str(), &i64::from(STEP_ROWS)],
        )
        .await?;
    let (mut ids, mut keys) = (Vec::new(), HashSet::new());
    for row in &rows {
        ids.push(text(row, "id")?);
        let order_key: Option<&str> = row.try_get("order_key")?;
        keys.extend(order_key.map(|key| (endpoint.clone(), Arc::<str>::from(key))));
    }
    // The next one of a key may have become held by this, so it is over only when a step finds none.
    if ids.is_empty() {
        let sql = "UPDATE endpoints SET skip_held_before_ms = NULL WHERE id = $1";
        session.execute(sql, &[&endpoint.as_str()]).await?;
        return Ok(false);
    }
    let events = event_ids(writing, &ids).await?;
    let names = ids.iter().map(|id| {
        let parsed = DeliveryId::parse(id)?;
        events.get(&parsed)
    });
    let sql = "UPDATE deliveries SET state = 'dead_lettered', dead_reason = 'skipped', order_place = NULL, updated_at_ms = $3,
             event_id = event
         FROM UNNEST($1::text[], $2::text[]) AS given (delivery_id, event) WHERE id = delivery_id";
    let names: Vec<_> = names.collect();
    session
        .execute(sql, &[&ids, &names, &signed(now_ms)])
        .await?;
    let standings = standing::lock_all(writing, &BTreeSet::from([endpoint.as_str()])).await?;
    release_next(writing, &keys, &standings, now_ms).await?;
    Ok(true)
}
