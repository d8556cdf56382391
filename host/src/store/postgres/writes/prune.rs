//! Forgetting, a step at a time.
//!
//! Every walk goes from the oldest on and meets only what is left to forget, what is not ended yet, and the first that is too
//! young: ids sort by time. Whoever would send something again needs its body, and keeps it from being forgotten meanwhile; so
//! bodies are locked first, and what has not ended is looked for after that.

use super::super::{
    rows::{id, number, signed, word},
    session::Fault,
    writer::{Count, Writing},
};
use crate::{
    ids::{DeliveryId, InboundId, MessageId},
    store::{DeliveryState, Prunable, Prune, Pruned},
};
use std::collections::HashSet;

/// Bytes of bodies that a step forgets.
const BODY_BYTES_MAX: u64 = 4 * 1024 * 1024;

pub(in super::super) async fn prune(writing: &Writing, step: &Prune) -> Result<Pruned, Fault> {
    match step.what {
        Prunable::Bodies => bodies(writing, step).await,
        Prunable::Attempts => attempts(writing, step).await,
        Prunable::Messages => messages(writing, step).await,
        Prunable::Inbound => inbound(writing, step).await,
        // The age is asked for once more: another host may have given the key anew.
        Prunable::Replays => rows(
            writing,
            step,
            "DELETE FROM replays WHERE state IN ('completed', 'cancelled') AND updated_at_ms < $1 AND id IN
                 (SELECT id FROM replays WHERE state IN ('completed', 'cancelled') AND updated_at_ms < $1 LIMIT $2)",
        ).await,
        Prunable::Keys => rows(
            writing,
            step,
            "DELETE FROM idempotency_keys WHERE created_at_ms < $1 AND key IN
                 (SELECT key FROM idempotency_keys WHERE created_at_ms < $1 ORDER BY created_at_ms LIMIT $2)",
        ).await,
        Prunable::InboundKeys => rows(
            writing,
            step,
            "DELETE FROM inbound_keys WHERE valid_until_ms < $1 AND key IN
                 (SELECT key FROM inbound_keys WHERE valid_until_ms < $1 ORDER BY valid_until_ms LIMIT $2)",
        ).await,
    }
}

async fn rows(writing: &Writing, step: &Prune, sql: &str) -> Result<Pruned, Fault> {
    let session = &writing.session;
    let removed = session
        .execute(sql, &[&signed(step.before_ms), &i64::from(step.rows_max)])
        .await?;
    Ok(Pruned {
        removed,
        next: (removed >= u64::from(step.rows_max)).then(String::new),
    })
}

/// What a delivery must be to count as ended long enough ago; `$1` before, `$2` dead before.
macro_rules! ended {
    () => {
        "(state IN ('delivered', 'cancelled')
              OR state = 'dead_lettered' AND (acknowledged_at_ms IS NOT NULL OR updated_at_ms < $2))
          AND updated_at_ms < $1 AND coalesce(acknowledged_at_ms, 0) < $1"
    };
}

/// Those of the messages `$3`, whose deliveries are from `$4` to `$5`, with a delivery that has not ended.
const OPEN_MESSAGES: &str = concat!(
    "SELECT given.message_id FROM UNNEST($3::text[], $4::text[], $5::text[]) AS given (message_id, low, high)
     WHERE EXISTS (SELECT 1 FROM deliveries WHERE id BETWEEN low AND high AND NOT (",
    ended!(),
    ")) OR EXISTS (SELECT 1 FROM deliveries_apart JOIN deliveries ON id = delivery_id
                   WHERE deliveries_apart.message_id = given.message_id AND NOT (",
    ended!(),
    "))"
);

const OPEN_DELIVERIES: &str = concat!(
    "SELECT id FROM deliveries WHERE id = ANY($3) AND NOT (",
    ended!(),
    ")"
);

/// Where deliveries of messages are.
#[derive(Default)]
struct Spans<'a> {
    messages: Vec<&'a str>,
    low: Vec<String>,
    high: Vec<String>,
}

impl<'a> Spans<'a> {
    fn of(messages: impl Iterator<Item = &'a MessageId>) -> Self {
        let mut spans = Self::default();
        for message in messages {
            let (low, high) = DeliveryId::span(message);
            spans.messages.push(message.as_str());
            spans.low.push(low.to_string());
            spans.high.push(high.to_string());
        }
        spans
    }

    /// Those with a delivery that has not ended, or not long enough ago.
    async fn open(&self, writing: &Writing, step: &Prune) -> Result<HashSet<MessageId>, Fault> {
        let dead_before = step.dead_before_ms.map_or(0, signed);
        let session = &writing.session;
        let found = session
            .rows(
                OPEN_MESSAGES,
                &[
                    &signed(step.before_ms),
                    &dead_before,
                    &self.messages,
                    &self.low,
                    &self.high,
                ],
            )
            .await?;
        found.iter().map(|row| id(row, "message_id")).collect()
    }
}

async fn bodies(writing: &Writing, step: &Prune) -> Result<Pruned, Fault> {
    let session = &writing.session;
    let end = MessageId::floor(step.before_ms);
    let sql = "SELECT message_id, CAST(octet_length(body) AS BIGINT) AS bytes FROM bodies
         WHERE message_id > $1 AND message_id < $2 ORDER BY message_id LIMIT $3 FOR UPDATE";
    let after = step.after.as_deref().unwrap_or_default();
    let rows_max = i64::from(step.rows_max);
    let found = session
        .rows(sql, &[&after, &end.as_str(), &rows_max])
        .await?;
    let found: Vec<(MessageId, u64)> = found
        .iter()
        .map(|row| Ok((id(row, "message_id")?, number(row, "bytes")?)))
        .collect::<Result<_, Fault>>()?;
    let spans = Spans::of(found.iter().map(|(message, _)| message));
    let open = spans.open(writing, step).await?;
    let (mut gone, mut freed): (Vec<&str>, u64) = (Vec::new(), 0);
    let mut next = None;
    for (message, bytes) in &found {
        if !open.contains(message) {
            gone.push(message.as_str());
            freed = freed.saturating_add(*bytes);
        }
        next = Some(message.to_string());
        if freed >= BODY_BYTES_MAX {
            break;
        }
    }
    let sql = "DELETE FROM bodies WHERE message_id = ANY($1)";
    let removed = session.execute(sql, &[&gone]).await?;
    Ok(Pruned { removed, next })
}

async fn attempts(writing: &Writing, step: &Prune) -> Result<Pruned, Fault> {
    let session = &writing.session;
    let end = DeliveryId::floor(step.before_ms);
    let sql =
        "SELECT DISTINCT delivery_id FROM attempts WHERE delivery_id > $1 AND delivery_id < $2
         ORDER BY delivery_id LIMIT $3";
    let after = step.after.as_deref().unwrap_or_default();
    let rows_max = i64::from(step.rows_max);
    let found = session
        .rows(sql, &[&after, &end.as_str(), &rows_max])
        .await?;
    let found: Vec<DeliveryId> = found
        .iter()
        .map(|row| id(row, "delivery_id"))
        .collect::<Result<_, _>>()?;
    let ids: Vec<&str> = found.iter().map(DeliveryId::as_str).collect();
    let dead_before = step.dead_before_ms.map_or(0, signed);
    let open = session
        .rows(
            OPEN_DELIVERIES,
            &[&signed(step.before_ms), &dead_before, &ids],
        )
        .await?;
    let open: HashSet<DeliveryId> = open
        .iter()
        .map(|row| id(row, "id"))
        .collect::<Result<_, _>>()?;
    let gone: Vec<&str> = found
        .iter()
        .filter(|delivery| !open.contains(*delivery))
        .map(DeliveryId::as_str)
        .collect();
    let sql = "DELETE FROM attempts WHERE delivery_id = ANY($1)";
    let removed = session.execute(sql, &[&gone]).await?;
    Ok(Pruned {
        removed,
        next: found.last().map(DeliveryId::to_string),
    })
}

/// Events first, so that a request with many of them goes in several steps and none is left without its request.
async fn inbound(writing: &Writing, step: &Prune) -> Result<Pruned, Fault> {
    let session = &writing.session;
    let end = InboundId::floor(step.before_ms);
    let rows_max = i64::from(step.rows_max);
    let sql = "SELECT id, CAST(octet_length(body) AS BIGINT) AS bytes, (SELECT count(*) FROM (SELECT 1 FROM inbound_events
                 WHERE inbound_id = inbound_requests.id LIMIT $2) AS few) AS events
         FROM inbound_requests WHERE id < $1 ORDER BY id LIMIT $2";
    let found = session.rows(sql, &[&end.as_str(), &rows_max]).await?;
    let (mut gone, mut freed, mut rows_left) = (Vec::new(), 0_u64, u64::from(step.rows_max));
    let mut in_part = None;
    for row in &found {
        let request: &str = row.try_get("id")?;
        let events = number(row, "events")?;
        if events >= rows_left {
            in_part = Some(request);
            break;
        }
        gone.push(request);
        freed = freed.saturating_add(number(row, "bytes")?);
        rows_left = rows_left.saturating_sub(events.saturating_add(1));
        if rows_left == 0 || freed >= BODY_BYTES_MAX {
            break;
        }
    }
    let sql = "DELETE FROM inbound_events WHERE inbound_id = ANY($1)";
    session.execute(sql, &[&gone]).await?;
    let sql = "DELETE FROM inbound_requests WHERE id = ANY($1)";
    let removed = session.execute(sql, &[&gone]).await?;
    if let Some(request) = in_part {
        let sql = "DELETE FROM inbound_events WHERE inbound_id = $1 AND place IN
                 (SELECT place FROM inbound_events WHERE inbound_id = $1 ORDER BY place LIMIT $2)";
        session
            .execute(sql, &[&request, &signed(rows_left)])
            .await?;
    }
    // As long as something of that age was found, there may be more.
    Ok(Pruned {
        removed,
        next: (!found.is_empty()).then(String::new),
    })
}

const FORGET_ATTEMPTS: [&str; 2] = [
    "DELETE FROM attempts USING UNNEST($1::text[], $2::text[]) AS given (low, high) WHERE delivery_id BETWEEN low AND high",
    "DELETE FROM attempts WHERE delivery_id IN (SELECT delivery_id FROM deliveries_apart WHERE message_id = ANY($1))",
];
const FORGET_DELIVERIES: [&str; 2] = [
    "WITH gone AS (DELETE FROM deliveries USING UNNEST($1::text[], $2::text[]) AS given (low, high)
         WHERE id BETWEEN low AND high RETURNING state)
     SELECT state, count(*) AS n FROM gone GROUP BY state",
    "WITH gone AS (DELETE FROM deliveries WHERE id IN
         (SELECT delivery_id FROM deliveries_apart WHERE message_id = ANY($1)) RETURNING state)
     SELECT state, count(*) AS n FROM gone GROUP BY state",
];
const FORGET: [&str; 3] = [
    "DELETE FROM deliveries_apart WHERE message_id = ANY($1)",
    "DELETE FROM bodies WHERE message_id = ANY($1)",
    "DELETE FROM messages WHERE id = ANY($1)",
];

async fn messages(writing: &Writing, step: &Prune) -> Result<Pruned, Fault> {
    let session = &writing.session;
    let end = MessageId::floor(step.before_ms);
    let sql = "SELECT id FROM messages WHERE id > $1 AND id < $2 ORDER BY id LIMIT $3";
    let after = step.after.as_deref().unwrap_or_default();
    let rows_max = i64::from(step.rows_max);
    let found = session
        .rows(sql, &[&after, &end.as_str(), &rows_max])
        .await?;
    let found: Vec<MessageId> = found
        .iter()
        .map(|row| id(row, "id"))
        .collect::<Result<_, _>>()?;
    let spans = Spans::of(found.iter());
    let sql =
        "SELECT message_id FROM bodies WHERE message_id = ANY($1) ORDER BY message_id FOR UPDATE";
    session.rows(sql, &[&spans.messages]).await?;
    let open = spans.open(writing, step).await?;
    let gone: Vec<&MessageId> = found
        .iter()
        .filter(|message| !open.contains(*message))
        .collect();
    let mut removed = 0;
    if !gone.is_empty() {
        let spans = Spans::of(gone.into_iter());
        removed = forget(writing, &spans).await?;
    }
    Ok(Pruned {
        removed,
        next: found.last().map(MessageId::to_string),
    })
}

/// Forgets messages with all that belongs to them. Returns how many.
async fn forget(writing: &Writing, spans: &Spans<'_>) -> Result<u64, Fault> {
    let session = &writing.session;
    let [near, apart] = FORGET_ATTEMPTS;
    session.execute(near, &[&spans.low, &spans.high]).await?;
    session.execute(apart, &[&spans.messages]).await?;
    let [near, apart] = FORGET_DELIVERIES;
    let mut gone = session.rows(near, &[&spans.low, &spans.high]).await?;
    gone.extend(session.rows(apart, &[&spans.messages]).await?);
    for row in &gone {
        let count: i64 = row.try_get("n")?;
        match word(row, "state")? {
            DeliveryState::Delivered => writing.count(Count::Delivered, count.saturating_neg()),
            DeliveryState::Cancelled => writing.count(Count::Cancelled, count.saturating_neg()),
            _ => {}
        }
    }
    let mut removed = 0;
    for sql in FORGET {
        removed = session.execute(sql, &[&spans.messages]).await?;
    }
    let count = i64::try_from(removed).unwrap_or(i64::MAX);
    writing.count(Count::Messages, count.saturating_neg());
    Ok(removed)
}
