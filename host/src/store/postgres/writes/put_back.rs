//! Giving deliveries back that were taken up for attempts.

use super::super::{
    rows::{count, id, signed, word},
    session::Fault,
    writer::{Count, Writing},
};
use crate::{
    ids::DeliveryId,
    store::{DeliveryState, Fence, Word},
};
use std::collections::HashMap;

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
pub(in super::super) async fn orphans(writing: &Writing, now_ms: u64) -> Result<u64, Fault> {
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
