//! Taking up deliveries for attempts.

use super::{
    super::{
        rows::{count, id, number, optional_number, signed},
        session::{Fault, Parameters},
        writer::Writing,
    },
    standing::{self, Standing, Standings},
};
use crate::{
    ids::{DeliveryId, EndpointId},
    store::{Claim, Claimed, Lease},
};
use bytes::Bytes;
use std::collections::HashMap;
use tokio_postgres::Row;

/// Of endpoints, so many of each.
const DUE: &str = "SELECT given.endpoint_id, due.id, due.bytes FROM UNNEST($1::text[], $2::bigint[]) AS given (endpoint_id, places)
    CROSS JOIN LATERAL (SELECT deliveries.id, next_attempt_at_ms, octet_length(body) AS bytes
        FROM deliveries JOIN bodies ON bodies.message_id = deliveries.message_id
        WHERE state = 'pending' AND deliveries.endpoint_id = given.endpoint_id AND next_attempt_at_ms <= $3
        ORDER BY next_attempt_at_ms LIMIT given.places FOR NO KEY UPDATE OF deliveries SKIP LOCKED) AS due
    ORDER BY due.next_attempt_at_ms";

const HELD: &str = "SELECT deliveries.id, octet_length(body) AS bytes
    FROM deliveries JOIN bodies ON bodies.message_id = deliveries.message_id
    WHERE state = 'held' AND endpoint_id = $1
    ORDER BY deliveries.id LIMIT $2 FOR NO KEY UPDATE OF deliveries SKIP LOCKED";

const NEXT_DUE: &str = "SELECT given.endpoint_id, due.next_attempt_at_ms FROM UNNEST($1::text[]) AS given (endpoint_id)
    CROSS JOIN LATERAL (SELECT next_attempt_at_ms FROM deliveries
        WHERE state = 'pending' AND deliveries.endpoint_id = given.endpoint_id ORDER BY next_attempt_at_ms LIMIT 1) AS due";

/// They are being sent from now on, by this host.
const MARK: &str = "UPDATE deliveries SET state = 'sending', updated_at_ms = $2, leased_by = $3 FROM bodies
    WHERE deliveries.id = ANY($1) AND bodies.message_id = deliveries.message_id
    RETURNING deliveries.id, deliveries.message_id, endpoint_id, attempts_total, attempts_in_round, first_started_at_ms, order_key,
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
    let taker = Taker {
        writing,
        host,
        now_ms,
    };
    let mut all = Vec::with_capacity(claims.len());
    // Those that have nothing held share a few statements, however many they are.
    for claims in claims.chunk_by(|one, other| one.held_max == 0 && other.held_max == 0) {
        match claims {
            [claim] if claim.held_max > 0 => {
                all.push(taker.claim_held(claim, &standings, &mut budget).await?);
            }
            _ => all.extend(taker.claim_due(claims, &standings, &mut budget).await?),
        }
    }
    Ok(all)
}

fn nothing_of(endpoint: &EndpointId) -> Claimed {
    Claimed {
        endpoint_id: endpoint.clone(),
        leases: Vec::new(),
        next_due_at_ms: None,
        held: 0,
        held_left: false,
    }
}

struct Taker<'a> {
    writing: &'a Writing,
    host: i64,
    now_ms: u64,
}

impl Taker<'_> {
    fn may_claim(&self, endpoint: &EndpointId, standing: Standing) -> bool {
        let works = standing.owner == Some(self.host) && !self.writing.is_leaving(endpoint);
        works && standing.active && !standing.deleted
    }

    /// Of endpoints of which nothing that was held goes out.
    async fn claim_due(
        &self,
        claims: &[Claim],
        standings: &Standings,
        budget: &mut Budget,
    ) -> Result<Vec<Claimed>, Fault> {
        let mut all: Vec<_> = claims
            .iter()
            .map(|claim| nothing_of(&claim.endpoint_id))
            .collect();
        let (mut endpoints, mut places) = (Vec::new(), Vec::new());
        for claim in claims {
            if self.may_claim(&claim.endpoint_id, standings.of(&claim.endpoint_id)) {
                endpoints.push(claim.endpoint_id.as_str());
                places.push(i64::from(claim.places));
            }
        }
        if endpoints.is_empty() {
            return Ok(all);
        }
        let session = &self.writing.session;
        let parameters: Parameters<'_> = &[&endpoints, &places, &signed(self.now_ms)];
        let mut due: HashMap<&str, Vec<&Row>> = HashMap::new();
        let found = session.rows(DUE, parameters).await?;
        for row in &found {
            due.entry(row.try_get("endpoint_id")?)
                .or_default()
                .push(row);
        }
        let mut taken = Vec::new();
        for endpoint in &endpoints {
            let due = due.remove(endpoint).unwrap_or_default();
            taken.extend(within(due.into_iter(), budget)?);
        }
        let mut leases = self.mark(&taken).await?;
        let mut next_due = HashMap::new();
        for row in session.rows(NEXT_DUE, &[&endpoints]).await? {
            let endpoint: EndpointId = id(&row, "endpoint_id")?;
            next_due.insert(endpoint, number(&row, "next_attempt_at_ms")?);
        }
        // In the order in which they were found, which is that of their times.
        let mut by_endpoint: HashMap<EndpointId, Vec<Lease>> = HashMap::new();
        for delivery in &taken {
            if let Some(lease) = leases.remove(delivery) {
                let of = by_endpoint.entry(lease.endpoint_id.clone()).or_default();
                of.push(lease);
            }
        }
        for claimed in &mut all {
            let endpoint = &claimed.endpoint_id;
            let standing = standings.of(endpoint);
            claimed.leases = by_endpoint.remove(endpoint).unwrap_or_default();
            claimed.next_due_at_ms = next_due.remove(endpoint);
            // Which of them go out is known later.
            claimed.held_left =
                self.may_claim(endpoint, standing) && standing.skip_before_ms.is_some();
        }
        Ok(all)
    }

    /// Of an endpoint of which also what was held goes out.
    async fn claim_held(
        &self,
        claim: &Claim,
        standings: &Standings,
        budget: &mut Budget,
    ) -> Result<Claimed, Fault> {
        let endpoint = &claim.endpoint_id;
        let standing = standings.of(endpoint);
        let mut claimed = nothing_of(endpoint);
        if !self.may_claim(endpoint, standing) {
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
        let rest = Claim {
            endpoint_id: endpoint.clone(),
            places: free(claim, &claimed),
            held_max: 0,
        };
        for due in self.claim_due(&[rest], standings, budget).await? {
            claimed.leases.extend(due.leases);
            claimed.next_due_at_ms = due.next_due_at_ms;
            claimed.held_left |= due.held_left;
        }
        let more = held_max
            .saturating_sub(claimed.held)
            .min(free(claim, &claimed));
        if claimed.held_left && more > 0 {
            self.take_held(&mut claimed, more, budget).await?;
        }
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
        let taken = self.take(held, budget).await?;
        let count = u32::try_from(taken.len()).unwrap_or(u32::MAX);
        claimed.held = claimed.held.saturating_add(count);
        // It is asked again, and finds none then, if these were the last.
        claimed.held_left = count >= limit || budget.is_used_up();
        claimed.leases.extend(taken);
        Ok(())
    }

    async fn held(&self, endpoint: &EndpointId, limit: u32) -> Result<Vec<Row>, Fault> {
        let session = &self.writing.session;
        session
            .rows(HELD, &[&endpoint.as_str(), &i64::from(limit)])
            .await
    }

    async fn take(&self, found: Vec<Row>, budget: &mut Budget) -> Result<Vec<Lease>, Fault> {
        let taken = within(found.iter(), budget)?;
        let mut leases = self.mark(&taken).await?;
        Ok(taken.iter().filter_map(|id| leases.remove(id)).collect())
    }

    /// These are being sent from now on.
    async fn mark(&self, taken: &[DeliveryId]) -> Result<HashMap<DeliveryId, Lease>, Fault> {
        let mut leases = HashMap::with_capacity(taken.len());
        if taken.is_empty() {
            return Ok(leases);
        }
        let names: Vec<_> = taken.iter().map(DeliveryId::as_str).collect();
        let parameters: Parameters<'_> = &[&names, &signed(self.now_ms), &self.host];
        for row in self.writing.session.rows(MARK, parameters).await? {
            let lease = lease(&row, self.host)?;
            let attempt = lease.attempts_total.saturating_add(1);
            self.writing
                .note("leased", &lease.delivery_id, attempt, "sending");
            leases.insert(lease.delivery_id.clone(), lease);
        }
        Ok(leases)
    }
}

/// As many of these as the budget allows, in their order.
fn within<'a>(
    found: impl Iterator<Item = &'a Row>,
    budget: &mut Budget,
) -> Result<Vec<DeliveryId>, Fault> {
    let mut taken = Vec::new();
    for row in found {
        let bytes: i32 = row.try_get("bytes")?;
        if !budget.take(u64::from(bytes.unsigned_abs())) {
            break;
        }
        taken.push(id(row, "id")?);
    }
    Ok(taken)
}

fn free(claim: &Claim, claimed: &Claimed) -> u32 {
    let taken = u32::try_from(claimed.leases.len()).unwrap_or(u32::MAX);
    claim.places.saturating_sub(taken)
}

fn lease(row: &Row, host: i64) -> Result<Lease, Fault> {
    let order_key: Option<&str> = row.try_get("order_key")?;
    Ok(Lease {
        delivery_id: id(row, "id")?,
        message_id: id(row, "message_id")?,
        endpoint_id: id(row, "endpoint_id")?,
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
    let taken = taker.take(held, &mut any).await?;
    Ok(taken.into_iter().next().map(|lease| Lease {
        probe: true,
        ..lease
    }))
}
