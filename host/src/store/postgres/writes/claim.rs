//! Taking up deliveries for attempts, and giving them back.

use super::{
    super::{
        rows::{count, id, number, optional_number, signed, word},
        session::Fault,
        writer::{Count, Writing},
    },
    standing::{self, Standing},
};
use crate::{
    ids::{DeliveryId, EndpointId},
    store::{Claim, Claimed, DeliveryState, Fence, Lease, Word},
};
use bytes::Bytes;
use std::collections::HashMap;
use tokio_postgres::Row;

const DUE: &str = "SELECT deliveries.id, octet_length(body) AS bytes
    FROM deliveries JOIN bodies ON bodies.message_id = deliveries.message_id
    WHERE state = 'pending' AND endpoint_id = $1 AND next_attempt_at_ms <= $2
    ORDER BY next_attempt_at_ms LIMIT $3 FOR NO KEY UPDATE OF deliveries SKIP LOCKED";

const HELD: &str = "SELECT deliveries.id, octet_length(body) AS bytes
    FROM deliveries JOIN bodies ON bodies.message_id = deliveries.message_id
    WHERE state = 'held' AND endpoint_id = $1
    ORDER BY deliveries.id LIMIT $2 FOR NO KEY UPDATE OF deliveries SKIP LOCKED";

const NEXT_DUE: &str = "SELECT next_attempt_at_ms FROM deliveries
    WHERE state = 'pending' AND endpoint_id = $1 ORDER BY next_attempt_at_ms LIMIT 1";

/// They are being sent from now on, by this host.
const MARK: &str = "UPDATE deliveries SET state = 'sending', updated_at_ms = $2, leased_by = $3 FROM bodies
    WHERE deliveries.id = ANY($1) AND bodies.message_id = deliveries.message_id
    RETURNING deliveries.id, deliveries.message_id, attempts_total, attempts_in_round, first_started_at_ms, order_key,
        body";

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

    fn take(&mut self, bytes: u64) -> bool {
        let fits = self.nothing_yet || self.body_bytes > 0;
        self.nothing_yet = false;
        self.body_bytes = self.body_bytes.saturating_sub(bytes);
        fits
    }
}

pub(in super::super) async fn claim(
    writing: &Writing,
    claims: &[Claim],
    body_bytes_max: u64,
    now_ms: u64,
) -> Result<Vec<Claimed>, Fault> {
    let host = writing.leased()?;
    let endpoints = claims.iter().map(|claim| claim.endpoint_id.as_str());
    let standings = standing::lock_all(writing, &endpoints.collect()).await?;
    let mut budget = Budget {
        body_bytes: body_bytes_max,
        nothing_yet: true,
    };
    let mut taker = Taker {
        writing,
        host,
        now_ms,
    };
    let mut all = Vec::with_capacity(claims.len());
    for claim in claims {
        let standing = standings.of(&claim.endpoint_id);
        all.push(taker.claim(claim, standing, &mut budget).await?);
    }
    Ok(all)
}

struct Taker<'a> {
    writing: &'a Writing,
    host: i64,
    now_ms: u64,
}

impl Taker<'_> {
    async fn claim(
        &mut self,
        claim: &Claim,
        standing: Standing,
        budget: &mut Budget,
    ) -> Result<Claimed, Fault> {
        let endpoint = &claim.endpoint_id;
        let mut claimed = Claimed {
            endpoint_id: endpoint.clone(),
            leases: Vec::new(),
            next_due_at_ms: None,
            held: 0,
            held_left: false,
        };
        let works = standing.owner == Some(self.host) && !self.writing.is_leaving(endpoint);
        if standing.deleted || !standing.active || !works {
            return Ok(claimed);
        }
        let held_max = match standing.skip_before_ms {
            None => claim.held_max.min(claim.places),
            // Which of them go out is known when all that do not have become dead letters.
            Some(_) => 0,
        };
        if held_max > 0 {
            let share = held_max.min(claim.places.div_ceil(2));
            self.take_held(&mut claimed, share, budget).await?;
        }
        let free = free(claim, &claimed);
        let due = self.due(endpoint, free).await?;
        let due = self.take(endpoint, due, budget).await?;
        claimed.leases.extend(due);
        let free = self::free(claim, &claimed);
        let more = held_max.saturating_sub(claimed.held).min(free);
        if claimed.held_left && more > 0 {
            self.take_held(&mut claimed, more, budget).await?;
        }
        // Which of them go out is known later.
        claimed.held_left |= standing.skip_before_ms.is_some();
        let session = &self.writing.session;
        let next = session.row(NEXT_DUE, &[&endpoint.as_str()]).await?;
        claimed.next_due_at_ms = next
            .map(|row| number(&row, "next_attempt_at_ms"))
            .transpose()?;
        Ok(claimed)
    }

    async fn take_held(
        &self,
        claimed: &mut Claimed,
        limit: u32,
        budget: &mut Budget,
    ) -> Result<(), Fault> {
        let endpoint = claimed.endpoint_id.clone();
        let held = self.held(&endpoint, limit).await?;
        let taken = self.take(&endpoint, held, budget).await?;
        let count = u32::try_from(taken.len()).unwrap_or(u32::MAX);
        claimed.held = claimed.held.saturating_add(count);
        // It is asked again, and finds none then, if these were the last.
        claimed.held_left = count >= limit || budget.is_used_up();
        claimed.leases.extend(taken);
        Ok(())
    }

    async fn due(&self, endpoint: &EndpointId, limit: u32) -> Result<Vec<Row>, Fault> {
        let session = &self.writing.session;
        session
            .rows(
                DUE,
                &[&endpoint.as_str(), &signed(self.now_ms), &i64::from(limit)],
            )
            .await
    }

    async fn held(&self, endpoint: &EndpointId, limit: u32) -> Result<Vec<Row>, Fault> {
        let session = &self.writing.session;
        session
            .rows(HELD, &[&endpoint.as_str(), &i64::from(limit)])
            .await
    }

    /// As many of these as the budget allows, in their order.
    async fn take(
        &self,
        endpoint: &EndpointId,
        found: Vec<Row>,
        budget: &mut Budget,
    ) -> Result<Vec<Lease>, Fault> {
        let mut ids: Vec<DeliveryId> = Vec::with_capacity(found.len());
        for row in &found {
            let bytes: i32 = row.try_get("bytes")?;
            if !budget.take(u64::from(bytes.unsigned_abs())) {
                break;
            }
            ids.push(id(row, "id")?);
        }
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let names: Vec<_> = ids.iter().map(DeliveryId::as_str).collect();
        let session = &self.writing.session;
        let mut leases = HashMap::with_capacity(ids.len());
        for row in session
            .rows(MARK, &[&names, &signed(self.now_ms), &self.host])
            .await?
        {
            let lease = lease(&row, endpoint, self.host)?;
            let attempt = lease.attempts_total.saturating_add(1);
            self.writing
                .note("leased", &lease.delivery_id, attempt, "sending");
            leases.insert(lease.delivery_id.clone(), lease);
        }
        Ok(ids.iter().filter_map(|id| leases.remove(id)).collect())
    }
}

fn free(claim: &Claim, claimed: &Claimed) -> u32 {
    let taken = u32::try_from(claimed.leases.len()).unwrap_or(u32::MAX);
    claim.places.saturating_sub(taken)
}

fn lease(row: &Row, endpoint: &EndpointId, host: i64) -> Result<Lease, Fault> {
    let order_key: Option<&str> = row.try_get("order_key")?;
    Ok(Lease {
        delivery_id: id(row, "id")?,
        message_id: id(row, "message_id")?,
        endpoint_id: endpoint.clone(),
        attempts_total: count(row, "attempts_total")?,
        attempts_in_round: count(row, "attempts_in_round")?,
        first_started_at_ms: optional_number(row, "first_started_at_ms")?,
        body: Bytes::from(row.try_get::<_, Vec<u8>>("body")?),
        order_key: order_key.map(Into::into),
        probe: false,
        fence: Some(host),
    })
}

pub(in super::super) async fn claim_probe(
    writing: &Writing,
    endpoint: &EndpointId,
    now_ms: u64,
) -> Result<Option<Lease>, Fault> {
    let taker = Taker {
        writing,
        host: writing.leased()?,
        now_ms,
    };
    let standing = standing::lock_one(writing, endpoint).await?;
    if standing.owner != Some(taker.host) || writing.is_leaving(endpoint) {
        return Ok(None);
    }
    let mut any = Budget {
        body_bytes: 0,
        nothing_yet: true,
    };
    let held = taker.held(endpoint, 1).await?;
    let taken = taker.take(endpoint, held, &mut any).await?;
    Ok(taken.into_iter().next().map(|lease| Lease {
        probe: true,
        ..lease
    }))
}

/// What is cancelled has no place any more; nobody of its key is left to wait for it.
const PUT_BACK: &str = "UPDATE deliveries SET
        state = CASE WHEN deleted_at_ms IS NOT NULL THEN 'cancelled' WHEN endpoints.state = 'active' THEN 'pending'
            ELSE 'held' END,
        order_place = CASE WHEN deleted_at_ms IS NOT NULL THEN NULL ELSE order_place END,
        next_attempt_at_ms = $2
    FROM endpoints WHERE endpoints.id = endpoint_id AND deliveries.id = ANY($1) AND deliveries.state = 'sending'
        AND leased_by = $3
    RETURNING deliveries.id, deliveries.state, attempts_total";

pub(in super::super) async fn put_back(
    writing: &Writing,
    deliveries: &[DeliveryId],
    fence: Fence,
    not_before_ms: u64,
) -> Result<(), Fault> {
    let host = writing.leased()?;
    if fence.is_some_and(|fence| fence != host) {
        // Others have them, or this host has them anew.
        return Ok(());
    }
    let ids: Vec<_> = deliveries.iter().map(DeliveryId::as_str).collect();
    put_back_of(writing, &ids, not_before_ms, host).await?;
    Ok(())
}

async fn put_back_of(
    writing: &Writing,
    deliveries: &[&str],
    not_before_ms: u64,
    host: i64,
) -> Result<u64, Fault> {
    let session = &writing.session;
    let rows = session
        .rows(PUT_BACK, &[&deliveries, &signed(not_before_ms), &host])
        .await?;
    for row in &rows {
        let state: DeliveryState = word(row, "state")?;
        if state == DeliveryState::Cancelled {
            writing.count(Count::Cancelled, 1);
        }
        // What a host that has gone was sending, nobody gives back.
        if writing.generation() == Some(host) {
            let attempt = count(row, "attempts_total")?.saturating_add(1);
            writing.note("put_back", &id(row, "id")?, attempt, state.word());
        }
    }
    Ok(rows.len() as u64)
}

/// Deliveries that change at a time when a host has gone.
const ORPHANS: i64 = 500;

/// What hosts that have gone were sending: a step of it. Returns how much that was.
pub(in super::super) async fn put_back_orphans(
    writing: &Writing,
    now_ms: u64,
) -> Result<u64, Fault> {
    let sql = "SELECT id, coalesce(leased_by, 0) AS host FROM deliveries WHERE state = 'sending'
             AND NOT EXISTS (SELECT 1 FROM hosts WHERE generation = leased_by)
         ORDER BY endpoint_id LIMIT $1 FOR NO KEY UPDATE OF deliveries SKIP LOCKED";
    let mut by_host: HashMap<i64, Vec<DeliveryId>> = HashMap::new();
    for row in writing.session.rows(sql, &[&ORPHANS]).await? {
        let ids = by_host.entry(row.try_get("host")?).or_default();
        ids.push(id(&row, "id")?);
    }
    let mut changed: u64 = 0;
    for (host, ids) in &by_host {
        let ids: Vec<_> = ids.iter().map(DeliveryId::as_str).collect();
        changed = changed.saturating_add(put_back_of(writing, &ids, now_ms, *host).await?);
    }
    if changed > 0 {
        writing.due_elsewhere();
    }
    Ok(changed)
}
