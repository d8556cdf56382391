//! Endpoints, and the deliveries that follow their state, a step at a time.

use super::{
    super::{
        rows::{count, foreign, id, number, optional_number, signed},
        secrets,
    },
    ordering::release_next,
};
use crate::{
    ids::{DeliveryId, EndpointId},
    store::{Endpoint, Resume, STEP_ROWS, Word, sealed::Sealed},
};
use rusqlite::{Connection, OptionalExtension, named_params, params};

pub(in super::super) fn create_endpoint(
    connection: &Connection,
    endpoint: &Endpoint,
    sealed: &Sealed,
) -> rusqlite::Result<u32> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO endpoints (id, provider, url, name, rules, state, reason, since_ms, failed_in_a_row,
                                exhausted_in_a_row, pauses_in_a_row, failing_since_ms, last_success_at_ms,
                                warned_percent, unwell, version, created_at_ms, settings, probe_at_ms, workspace, number)
         VALUES (:id, :provider, :url, :name, :rules, :state, :reason, :since_ms, :failed_in_a_row,
                 :exhausted_in_a_row, :pauses_in_a_row, :failing_since_ms, :last_success_at_ms,
                 :warned_percent, :unwell, :version, :created_at_ms, :settings, :probe_at_ms, :workspace,
                 (SELECT coalesce(max(number), 0) + 1 FROM endpoints))
         ON CONFLICT (id) DO UPDATE SET
             provider = excluded.provider, url = excluded.url, name = excluded.name, rules = excluded.rules,
             state = excluded.state, reason = excluded.reason, since_ms = excluded.since_ms,
             failed_in_a_row = excluded.failed_in_a_row, exhausted_in_a_row = excluded.exhausted_in_a_row,
             pauses_in_a_row = excluded.pauses_in_a_row, failing_since_ms = excluded.failing_since_ms,
             last_success_at_ms = excluded.last_success_at_ms, warned_percent = excluded.warned_percent,
             unwell = excluded.unwell, version = excluded.version,
             settings = excluded.settings, probe_at_ms = excluded.probe_at_ms
         WHERE deleted_at_ms IS NULL
         RETURNING number",
    )?;
    let parameters = named_params! {
        ":id": endpoint.id.as_str(),
        ":provider": endpoint.provider,
        ":url": endpoint.url,
        ":name": endpoint.name,
        ":rules": serde_json::to_string(&endpoint.rules).map_err(|error| foreign(error.to_string()))?,
        ":state": endpoint.state.word(),
        ":reason": endpoint.reason.map(Word::word),
        ":since_ms": signed(endpoint.since_ms),
        ":failed_in_a_row": endpoint.health.failed_in_a_row,
        ":exhausted_in_a_row": endpoint.health.exhausted_in_a_row,
        ":pauses_in_a_row": endpoint.health.pauses_in_a_row,
        ":failing_since_ms": endpoint.health.failing_since_ms.map(signed),
        ":last_success_at_ms": endpoint.health.last_success_at_ms.map(signed),
        ":warned_percent": endpoint.health.warned_percent,
        ":unwell": endpoint.health.unwell,
        ":version": signed(endpoint.version),
        ":created_at_ms": signed(endpoint.created_at_ms),
        ":settings": endpoint.settings.to_kept_json().to_string(),
        ":probe_at_ms": endpoint.probe_at_ms.map(signed),
        ":workspace": endpoint.workspace.as_str(),
    };
    let written = statement.query_row(parameters, |row| count(row, "number"));
    // None when it was deleted meanwhile; it must not get secrets again.
    let number = written.optional()?;
    if number.is_some() {
        secrets::replace(connection, &endpoint.id, sealed)?;
    }
    Ok(number.unwrap_or(endpoint.number))
}

/// What concerns all deliveries of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) deleted: bool,
    pub(super) active: bool,
    /// Since when it is so, or is not.
    pub(super) since_ms: u64,
    /// Held deliveries older than this are not wanted.
    pub(super) skip_before_ms: Option<u64>,
}

pub(super) fn standing(
    connection: &Connection,
    endpoint: &EndpointId,
) -> rusqlite::Result<Standing> {
    let found = connection
        .prepare_cached(
            "SELECT state = 'active' AS active, deleted_at_ms IS NOT NULL AS deleted, since_ms,
                    skip_held_before_ms
             FROM endpoints WHERE id = ?",
        )?
        .query_row([endpoint.as_str()], |row| {
            Ok(Standing {
                deleted: row.get("deleted")?,
                active: row.get("active")?,
                since_ms: number(row, "since_ms")?,
                skip_before_ms: optional_number(row, "skip_held_before_ms")?,
            })
        })
        .optional()?;
    // Endpoints are never taken out of the table; one that is missing would have none to receive anything.
    Ok(found.unwrap_or(Standing {
        deleted: true,
        active: false,
        since_ms: 0,
        skip_before_ms: None,
    }))
}

pub(in super::super) fn update_endpoint(
    connection: &Connection,
    endpoint: &Endpoint,
    sealed: &Sealed,
    resume: Option<Resume>,
    now_ms: u64,
) -> rusqlite::Result<bool> {
    create_endpoint(connection, endpoint, sealed)?;
    if let Some(resume) = resume {
        let before = match resume {
            Resume::All => None,
            Resume::Since(at_ms) => Some(signed(at_ms)),
        };
        connection
            .prepare_cached("UPDATE endpoints SET skip_held_before_ms = ? WHERE id = ?")?
            .execute(params![before, endpoint.id.as_str()])?;
    }
    follow(connection, &endpoint.id, now_ms)
}

pub(in super::super) fn delete_endpoint(
    connection: &Connection,
    endpoint: &EndpointId,
    now_ms: u64,
) -> rusqlite::Result<bool> {
    secrets::delete(connection, endpoint)?;
    connection
        .prepare_cached("UPDATE endpoints SET deleted_at_ms = ?1 WHERE id = ?2")?
        .execute(params![signed(now_ms), endpoint.as_str()])?;
    follow(connection, endpoint, now_ms)
}

// In each of them, the inner condition repeats that of an index, word for word.
pub(in super::super) const HOLD: &str = "UPDATE deliveries
    SET state = 'held', next_attempt_at_ms = NULL, updated_at_ms = :now
    WHERE id IN (SELECT id FROM deliveries WHERE state IN ('pending', 'sending') AND state = 'pending'
                     AND endpoint_id = :endpoint LIMIT :rows)";

pub(in super::super) const CANCEL: [&str; 3] = [
    "UPDATE deliveries
     SET state = 'cancelled', next_attempt_at_ms = NULL, order_place = NULL, updated_at_ms = :now
     WHERE id IN (SELECT id FROM deliveries WHERE state IN ('pending', 'sending') AND state = 'pending'
                      AND endpoint_id = :endpoint LIMIT :rows)",
    "UPDATE deliveries SET state = 'cancelled', order_place = NULL, updated_at_ms = :now
     WHERE id IN (SELECT id FROM deliveries WHERE state = 'held' AND endpoint_id = :endpoint LIMIT :rows)",
    "UPDATE deliveries SET state = 'cancelled', order_place = NULL, updated_at_ms = :now
     WHERE id IN (SELECT id FROM deliveries WHERE state = 'waiting' AND endpoint_id = :endpoint LIMIT :rows)",
];

pub(in super::super) const SKIPPED: &str = "SELECT id, order_key FROM deliveries
    WHERE state = 'held' AND endpoint_id = :endpoint AND id < :before ORDER BY id LIMIT :rows";

/// One step; whether there is more.
pub(in super::super) fn follow(
    connection: &Connection,
    endpoint: &EndpointId,
    now_ms: u64,
) -> rusqlite::Result<bool> {
    let standing = standing(connection, endpoint)?;
    let step = |sql: &str| -> rusqlite::Result<bool> {
        let changed = connection.prepare_cached(sql)?.execute(named_params! {
            ":now": signed(now_ms), ":endpoint": endpoint.as_str(), ":rows": STEP_ROWS,
        })?;
        Ok(changed >= STEP_ROWS as usize)
    };
    match standing {
        Standing { deleted: true, .. } => {
            for sql in CANCEL {
                if step(sql)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Standing { active: false, .. } => step(HOLD),
        Standing {
            skip_before_ms: Some(before_ms),
            ..
        } => skip(connection, endpoint, before_ms, now_ms),
        Standing { .. } => Ok(false),
    }
}

fn skip(
    connection: &Connection,
    endpoint: &EndpointId,
    before_ms: u64,
    now_ms: u64,
) -> rusqlite::Result<bool> {
    let before = DeliveryId::floor(before_ms);
    let parameters = named_params! {
        ":endpoint": endpoint.as_str(),
        ":before": before.as_str(),
        ":rows": STEP_ROWS,
    };
    let found: Vec<(DeliveryId, Option<String>)> = connection
        .prepare_cached(SKIPPED)?
        .query_map(parameters, |row| {
            Ok((id(row, "id")?, row.get("order_key")?))
        })?
        .collect::<Result<_, _>>()?;
    let mut end = connection.prepare_cached(
        "UPDATE deliveries SET state = 'dead_lettered', dead_reason = 'skipped', order_place = NULL, updated_at_ms = ?
         WHERE id = ?",
    )?;
    for (delivery, order_key) in &found {
        end.execute(params![signed(now_ms), delivery.as_str()])?;
        if let Some(key) = order_key {
            release_next(connection, endpoint, key, now_ms)?;
        }
    }
    // The next one of a key may have become held by this, so it is over only when a step finds none.
    if found.is_empty() {
        connection
            .prepare_cached("UPDATE endpoints SET skip_held_before_ms = NULL WHERE id = ?")?
            .execute([endpoint.as_str()])?;
    }
    Ok(!found.is_empty())
}
