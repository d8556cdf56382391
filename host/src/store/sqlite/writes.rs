//! What each write does inside its savepoint. Contract: [`Store`](crate::store::Store).

mod operational;
mod prune;
mod publish;
pub(super) mod replay;

pub(super) use self::{
    prune::prune,
    publish::publish,
    replay::{acknowledge, retry},
};

use super::rows::{count, foreign, id, number, optional_number, signed};
use crate::{
    ids::{DeliveryId, EndpointId},
    store::{Claimed, Ended, Endpoint, Lease, Recovered, Word},
};
use bytes::Bytes;
use countersign_core::delivery::{EndpointState, Outcome};
use rusqlite::{Connection, OptionalExtension, named_params, params};

pub(super) fn create_endpoint(
    connection: &Connection,
    endpoint: &Endpoint,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO endpoints (id, provider, url, name, rules, secret, state, reason, since_ms, failed_in_a_row,
                                exhausted_in_a_row, pauses_in_a_row, failing_since_ms, last_success_at_ms,
                                warned_percent, unwell, version, created_at_ms)
         VALUES (:id, :provider, :url, :name, :rules, :secret, :state, :reason, :since_ms, :failed_in_a_row,
                 :exhausted_in_a_row, :pauses_in_a_row, :failing_since_ms, :last_success_at_ms,
                 :warned_percent, :unwell, :version, :created_at_ms)
         ON CONFLICT (id) DO UPDATE SET
             provider = excluded.provider, url = excluded.url, name = excluded.name, rules = excluded.rules,
             secret = excluded.secret, state = excluded.state, reason = excluded.reason, since_ms = excluded.since_ms,
             failed_in_a_row = excluded.failed_in_a_row, exhausted_in_a_row = excluded.exhausted_in_a_row,
             pauses_in_a_row = excluded.pauses_in_a_row, failing_since_ms = excluded.failing_since_ms,
             last_success_at_ms = excluded.last_success_at_ms, warned_percent = excluded.warned_percent,
             unwell = excluded.unwell, version = excluded.version
         WHERE deleted_at_ms IS NULL",
    )?;
    statement.execute(named_params! {
        ":id": endpoint.id.as_str(),
        ":provider": endpoint.provider,
        ":url": endpoint.url,
        ":name": endpoint.name,
        ":rules": serde_json::to_string(&endpoint.rules).map_err(|error| foreign(error.to_string()))?,
        ":secret": endpoint.secret.as_ref().map(|secret| secret.as_str()),
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
    })?;
    Ok(())
}

pub(super) fn update_endpoint(
    connection: &Connection,
    endpoint: &Endpoint,
    now_ms: u64,
) -> rusqlite::Result<()> {
    create_endpoint(connection, endpoint)?;
    match endpoint.state {
        EndpointState::Active => connection
            .prepare_cached(RELEASE_HELD)?
            .execute(named_params! {":now": signed(now_ms), ":endpoint": endpoint.id.as_str()})?,
        EndpointState::PausedFailing
        | EndpointState::PausedGone
        | EndpointState::PausedManual
        | EndpointState::HalfOpen
        | EndpointState::Disabled => hold_pending(connection, &endpoint.id, now_ms)?,
    };
    Ok(())
}

pub(super) const RELEASE_HELD: &str = "UPDATE deliveries
    SET state = 'pending', next_attempt_at_ms = :now, updated_at_ms = :now
    WHERE state = 'held' AND endpoint_id = :endpoint";

fn hold_pending(
    connection: &Connection,
    endpoint: &EndpointId,
    now_ms: u64,
) -> rusqlite::Result<usize> {
    connection
        .prepare_cached(
            "UPDATE deliveries SET state = 'held', next_attempt_at_ms = NULL, updated_at_ms = :now
             WHERE state IN ('pending', 'sending') AND state = 'pending' AND endpoint_id = :endpoint",
        )?
        .execute(named_params! {":now": signed(now_ms), ":endpoint": endpoint.as_str()})
}

pub(super) fn delete_endpoint(
    connection: &Connection,
    endpoint: &EndpointId,
    now_ms: u64,
) -> rusqlite::Result<()> {
    let parameters = params![signed(now_ms), endpoint.as_str()];
    connection
        .prepare_cached("UPDATE endpoints SET deleted_at_ms = ?1, secret = NULL WHERE id = ?2")?
        .execute(parameters)?;
    for state in [
        "state IN ('pending', 'sending') AND state = 'pending'",
        "state = 'held'",
    ] {
        let sql = format!(
            "UPDATE deliveries SET state = 'cancelled', next_attempt_at_ms = NULL, updated_at_ms = ?1
             WHERE {state} AND endpoint_id = ?2"
        );
        connection.prepare_cached(&sql)?.execute(parameters)?;
    }
    Ok(())
}

// `state IN (...)` repeats the condition of the index; `state = 'pending'` is what is meant.
pub(super) const CLAIM: &str =
    "SELECT deliveries.id, deliveries.message_id, attempts_total, attempts_in_round,
        first_started_at_ms, body
    FROM deliveries JOIN bodies ON bodies.id = body_id
    WHERE state IN ('pending', 'sending') AND state = 'pending'
        AND endpoint_id = :endpoint AND next_attempt_at_ms <= :now
    ORDER BY next_attempt_at_ms LIMIT :limit";

pub(super) const NEXT_DUE: &str = "SELECT next_attempt_at_ms FROM deliveries
    WHERE state IN ('pending', 'sending') AND state = 'pending' AND endpoint_id = :endpoint
    ORDER BY next_attempt_at_ms LIMIT 1";

pub(super) fn claim(
    connection: &Connection,
    claims: &[(EndpointId, u32)],
    now_ms: u64,
) -> rusqlite::Result<Vec<Claimed>> {
    let mut due = connection.prepare_cached(CLAIM)?;
    let mut next = connection.prepare_cached(NEXT_DUE)?;
    let mut take = connection.prepare_cached(
        "UPDATE deliveries SET state = 'sending', updated_at_ms = ? WHERE id = ?",
    )?;
    let mut claimed = Vec::with_capacity(claims.len());
    for (endpoint_id, limit) in claims {
        let parameters = named_params! {
            ":endpoint": endpoint_id.as_str(), ":now": signed(now_ms), ":limit": limit
        };
        let leases = due.query_map(parameters, |row| {
            Ok(Lease {
                delivery_id: id(row, "id")?,
                message_id: id(row, "message_id")?,
                endpoint_id: endpoint_id.clone(),
                attempts_total: count(row, "attempts_total")?,
                attempts_in_round: count(row, "attempts_in_round")?,
                first_started_at_ms: optional_number(row, "first_started_at_ms")?,
                body: Bytes::from(row.get::<_, Vec<u8>>("body")?),
            })
        })?;
        let leases: Vec<_> = leases.collect::<Result<_, _>>()?;
        for lease in &leases {
            take.execute(params![signed(now_ms), lease.delivery_id.as_str()])?;
        }
        let next_due_at_ms = next
            .query_row(named_params! {":endpoint": endpoint_id.as_str()}, |row| {
                number(row, "next_attempt_at_ms")
            })
            .optional()?;
        claimed.push(Claimed {
            endpoint_id: endpoint_id.clone(),
            leases,
            next_due_at_ms,
        });
    }
    Ok(claimed)
}

pub(super) fn put_back(
    connection: &Connection,
    deliveries: &[DeliveryId],
    not_before_ms: u64,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "UPDATE deliveries SET
             state = CASE (SELECT iif(deleted_at_ms IS NULL, endpoints.state, 'deleted')
                           FROM endpoints WHERE endpoints.id = endpoint_id)
                     WHEN 'active' THEN 'pending' WHEN 'deleted' THEN 'cancelled' ELSE 'held' END,
             next_attempt_at_ms = ?1
         WHERE id = ?2 AND state = 'sending'",
    )?;
    for delivery in deliveries {
        statement.execute(params![signed(not_before_ms), delivery.as_str()])?;
    }
    Ok(())
}

pub(super) fn record(connection: &Connection, ended: &Ended) -> rusqlite::Result<()> {
    let attempt = &ended.attempt;
    let ended_at = attempt.started_at_ms.saturating_add(attempt.duration_ms);
    let (status, retry_after_s, failure) = match attempt.outcome {
        Outcome::Response {
            status,
            retry_after_s,
        } => (Some(status), retry_after_s, None),
        Outcome::Failure(kind) => (None, None, Some(kind.word())),
    };
    connection
        .prepare_cached(
            "INSERT INTO attempts (delivery_id, number, id, started_at_ms, duration_ms, status, retry_after_s, failure,
                                   response)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            ended.delivery_id.as_str(),
            attempt.number,
            attempt.id.as_str(),
            signed(attempt.started_at_ms),
            signed(attempt.duration_ms),
            status,
            retry_after_s,
            failure,
            attempt.response,
        ])?;
    connection
        .prepare_cached(
            "UPDATE deliveries SET state = ?, dead_reason = ?, attempts_total = ?, attempts_in_round = ?,
                                   first_started_at_ms = ?, next_attempt_at_ms = ?, updated_at_ms = ?
             WHERE id = ?",
        )?
        .execute(params![
            ended.state.word(),
            ended.dead_reason.map(Word::word),
            attempt.number,
            ended.attempts_in_round,
            signed(ended.first_started_at_ms),
            ended.next_attempt_at_ms.map(signed),
            signed(ended_at),
            ended.delivery_id.as_str(),
        ])?;
    let endpoint = ended.endpoint_id.as_str();
    connection
        .prepare_cached(
            "UPDATE endpoints SET failed_in_a_row = ?, exhausted_in_a_row = ?, pauses_in_a_row = ?,
                                  failing_since_ms = ?, last_success_at_ms = ?, warned_percent = ?, unwell = ?
             WHERE id = ?",
        )?
        .execute(params![
            ended.health.failed_in_a_row,
            ended.health.exhausted_in_a_row,
            ended.health.pauses_in_a_row,
            ended.health.failing_since_ms.map(signed),
            ended.health.last_success_at_ms.map(signed),
            ended.health.warned_percent,
            ended.health.unwell,
            endpoint,
        ])?;
    if let Some((reason, since_ms, version)) = ended.pause {
        connection
            .prepare_cached(
                "UPDATE endpoints SET state = 'paused', reason = ?, since_ms = ?, version = ?
                 WHERE id = ? AND deleted_at_ms IS NULL",
            )?
            .execute(params![
                reason.word(),
                signed(since_ms),
                signed(version),
                endpoint
            ])?;
        hold_pending(connection, &ended.endpoint_id, ended_at)?;
    }
    for message in &ended.operational {
        operational::keep(connection, message)?;
    }
    Ok(())
}

pub(super) const RECOVER: &str = "SELECT id FROM deliveries
    WHERE state IN ('pending', 'sending') AND state = 'sending'";

pub(super) fn recover(connection: &Connection, now_ms: u64) -> rusqlite::Result<Recovered> {
    let interrupted: Vec<DeliveryId> = connection
        .prepare_cached(RECOVER)?
        .query_map([], |row| id(row, "id"))?
        .collect::<Result<_, _>>()?;
    put_back(connection, &interrupted, now_ms)?;
    Ok(Recovered {
        interrupted: interrupted.len() as u64,
    })
}
