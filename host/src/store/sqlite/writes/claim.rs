//! Taking up deliveries for attempts.

use super::{
    super::rows::{count, id, number, optional_number, signed},
    endpoint::standing,
};
use crate::{
    ids::EndpointId,
    store::{Claim, Claimed, Lease},
};
use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, Row, ToSql, named_params, params};

// `state IN (...)` repeats the condition of the index; `state = 'pending'` is what is meant.
pub(in super::super) const CLAIM: &str =
    "SELECT deliveries.id, deliveries.message_id, attempts_total, attempts_in_round,
        first_started_at_ms, order_key, body
    FROM deliveries JOIN bodies ON bodies.id = body_id
    WHERE state IN ('pending', 'sending') AND state = 'pending'
        AND endpoint_id = :endpoint AND next_attempt_at_ms <= :now
    ORDER BY next_attempt_at_ms LIMIT :limit";

pub(in super::super) const CLAIM_HELD: &str =
    "SELECT deliveries.id, deliveries.message_id, attempts_total, attempts_in_round,
        first_started_at_ms, order_key, body
    FROM deliveries JOIN bodies ON bodies.id = body_id
    WHERE state = 'held' AND endpoint_id = :endpoint
    ORDER BY deliveries.id LIMIT :limit";

pub(in super::super) const NEXT_DUE: &str = "SELECT next_attempt_at_ms FROM deliveries
    WHERE state IN ('pending', 'sending') AND state = 'pending' AND endpoint_id = :endpoint
    ORDER BY next_attempt_at_ms LIMIT 1";

const MARK: &str =
    "UPDATE OR FAIL deliveries SET state = 'sending', updated_at_ms = ? WHERE id = ?";

/// What a call may still take.
struct Budget {
    body_bytes: u64,
    /// One is taken in any case, so that a body which is longer than the limit goes out some time.
    nothing_yet: bool,
}

impl Budget {
    const fn is_used_up(&self) -> bool {
        self.body_bytes == 0
    }

    fn take(&mut self, body: &[u8]) -> bool {
        let fits = self.nothing_yet || self.body_bytes > 0;
        self.nothing_yet = false;
        self.body_bytes = self.body_bytes.saturating_sub(body.len() as u64);
        fits
    }
}

pub(in super::super) fn claim(
    connection: &Connection,
    claims: &[Claim],
    body_bytes_max: u64,
    now_ms: u64,
) -> rusqlite::Result<Vec<Claimed>> {
    let mut budget = Budget {
        body_bytes: body_bytes_max,
        nothing_yet: true,
    };
    let one = |claim: &Claim| claim_of(connection, claim, &mut budget, now_ms);
    claims.iter().map(one).collect()
}

fn claim_of(
    connection: &Connection,
    claim: &Claim,
    budget: &mut Budget,
    now_ms: u64,
) -> rusqlite::Result<Claimed> {
    let endpoint = &claim.endpoint_id;
    let mut claimed = Claimed {
        endpoint_id: endpoint.clone(),
        leases: Vec::new(),
        next_due_at_ms: None,
        held: 0,
        held_left: false,
    };
    let standing = standing(connection, endpoint)?;
    if standing.deleted || !standing.active {
        return Ok(claimed);
    }
    let held_max = match standing.skip_before_ms {
        None => claim.held_max.min(claim.places),
        // Which of them go out is known when all that do not have become dead letters.
        Some(_) => 0,
    };
    let free = |claimed: &Claimed| {
        let taken = u32::try_from(claimed.leases.len()).unwrap_or(u32::MAX);
        claim.places.saturating_sub(taken)
    };
    let hold = |limit: u32, claimed: &mut Claimed, budget: &mut Budget| {
        let parameters = named_params! {":endpoint": endpoint.as_str(), ":limit": limit};
        let taken = take(connection, CLAIM_HELD, parameters, endpoint, budget, now_ms)?;
        let count = u32::try_from(taken.len()).unwrap_or(u32::MAX);
        claimed.held = claimed.held.saturating_add(count);
        // It is asked again, and finds none then, if these were the last.
        claimed.held_left = count >= limit || budget.is_used_up();
        claimed.leases.extend(taken);
        Ok::<_, rusqlite::Error>(())
    };
    if held_max > 0 {
        let share = held_max.min(claim.places.div_ceil(2));
        hold(share, &mut claimed, budget)?;
    }
    let parameters = named_params! {
        ":endpoint": endpoint.as_str(), ":now": signed(now_ms), ":limit": free(&claimed)
    };
    let due = take(connection, CLAIM, parameters, endpoint, budget, now_ms)?;
    claimed.leases.extend(due);
    let more = held_max.saturating_sub(claimed.held).min(free(&claimed));
    if claimed.held_left && more > 0 {
        hold(more, &mut claimed, budget)?;
    }
    // Which of them go out is known later.
    claimed.held_left |= standing.skip_before_ms.is_some();
    claimed.next_due_at_ms = connection
        .prepare_cached(NEXT_DUE)?
        .query_row(named_params! {":endpoint": endpoint.as_str()}, |row| {
            number(row, "next_attempt_at_ms")
        })
        .optional()?;
    Ok(claimed)
}

/// They are being sent from now on.
fn take(
    connection: &Connection,
    sql: &str,
    parameters: &[(&str, &dyn ToSql)],
    endpoint: &EndpointId,
    budget: &mut Budget,
    now_ms: u64,
) -> rusqlite::Result<Vec<Lease>> {
    let mut leases = Vec::new();
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(parameters)?;
    while let Some(row) = rows.next()? {
        let lease = lease(row, endpoint)?;
        if !budget.take(&lease.body) {
            break;
        }
        leases.push(lease);
    }
    let mut mark = connection.prepare_cached(MARK)?;
    for lease in &leases {
        mark.execute(params![signed(now_ms), lease.delivery_id.as_str()])?;
    }
    Ok(leases)
}

fn lease(row: &Row<'_>, endpoint: &EndpointId) -> rusqlite::Result<Lease> {
    Ok(Lease {
        delivery_id: id(row, "id")?,
        message_id: id(row, "message_id")?,
        endpoint_id: endpoint.clone(),
        attempts_total: count(row, "attempts_total")?,
        attempts_in_round: count(row, "attempts_in_round")?,
        first_started_at_ms: optional_number(row, "first_started_at_ms")?,
        body: Bytes::from(row.get::<_, Vec<u8>>("body")?),
        order_key: row.get::<_, Option<String>>("order_key")?.map(Into::into),
        probe: false,
        fence: None,
    })
}

pub(in super::super) fn claim_probe(
    connection: &Connection,
    endpoint: &EndpointId,
    now_ms: u64,
) -> rusqlite::Result<Option<Lease>> {
    let found = connection
        .prepare_cached(CLAIM_HELD)?
        .query_row(
            named_params! {":endpoint": endpoint.as_str(), ":limit": 1},
            |row| lease(row, endpoint),
        )
        .optional()?;
    if let Some(lease) = &found {
        connection
            .prepare_cached(MARK)?
            .execute(params![signed(now_ms), lease.delivery_id.as_str()])?;
    }
    Ok(found.map(|lease| Lease {
        probe: true,
        ..lease
    }))
}
