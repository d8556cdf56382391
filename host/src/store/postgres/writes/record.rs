//! Keeping attempts and what follows from them.

use super::{
    super::{
        rows::{id, kept, signed},
        session::Fault,
        writer::{Count, Writing},
    },
    endpoint, ordering, publish,
    standing::Standings,
};
use crate::{
    ids::{DeliveryId, EndpointId},
    store::{DeliveryState, Ended, Recorded, StoreError, Word},
};
use countersign_core::delivery::{EndpointHealth, Outcome};
use serde::Deserialize;
use std::collections::{HashMap, HashSet};

/// Only what this host is sending ends, and only then is there an attempt. The state is written so that no partial index fits: each is
/// looked up by its id, where the index of all that are being sent would be gone through for every one of them.
const END: &str = "WITH given AS (
        SELECT * FROM UNNEST($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],
            $8::bigint[], $9::text[], $10::text[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[], $15::text[],
            $16::text[], $17::bytea[])
        AS given (delivery_id, next_state, reason, number, in_round, first_at, next_at, ended_at, event, attempt_id,
            started_at_ms, duration_ms, status, retry_after_s, failure, detail, response)),
    ended AS (
        UPDATE deliveries SET state = next_state, dead_reason = reason, attempts_total = number,
            attempts_in_round = in_round, first_started_at_ms = first_at, next_attempt_at_ms = next_at,
            updated_at_ms = ended_at, event_id = event,
            order_place = CASE WHEN next_state IN ('delivered', 'dead_lettered', 'cancelled') THEN NULL
                ELSE order_place END
        FROM given WHERE id = delivery_id AND state || '' = 'sending' AND leased_by = $18
        RETURNING given.*)
    INSERT INTO attempts (delivery_id, number, id, started_at_ms, duration_ms, status, retry_after_s, failure, detail,
        response)
    SELECT delivery_id, number, attempt_id, started_at_ms, duration_ms, status, retry_after_s, failure, detail, response
    FROM ended RETURNING delivery_id";

/// Only the owner of an endpoint knows how it is.
const HEALTH: &str = "UPDATE endpoint_health SET failed_in_a_row = failed, exhausted_in_a_row = exhausted,
        pauses_in_a_row = pauses, failing_since_ms = failing_since, last_success_at_ms = last_success,
        warned_percent = warned, unwell = is_unwell
    FROM UNNEST($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],
            $8::boolean[])
        AS given (id, failed, exhausted, pauses, failing_since, last_success, warned, is_unwell)
    WHERE endpoint_health.endpoint_id = given.id
        AND EXISTS (SELECT 1 FROM endpoints WHERE endpoints.id = given.id AND endpoints.owner = $9)";

/// Records attempts of different deliveries. One that changes its endpoint comes alone.
pub(in super::super) async fn record(
    writing: &Writing,
    all: &[&Ended],
    standings: &Standings,
) -> Result<Vec<Result<Recorded, StoreError>>, Fault> {
    if all.is_empty() {
        return Ok(Vec::new());
    }
    let Ok(host) = writing.leased() else {
        return Ok(all.iter().map(|_| Err(StoreError::LeaseLost)).collect());
    };
    // The others were taken up under a lease that this host has lost since.
    let in_time = |one: &&&Ended| one.fence.is_none_or(|fence| fence == host);
    let current: Vec<&Ended> = all.iter().filter(in_time).copied().collect();
    let events = events_of(writing, &current).await?;
    let (ended, ()) = futures_util::future::try_join(
        end(writing, &current, &events, host),
        keep_health(writing, &current, host),
    )
    .await?;
    let ended = |one: &Ended| in_time(&&one) && ended.contains(&one.delivery_id);
    let keys: HashSet<_> = all
        .iter()
        .filter(|one| has_ended(one.state) && ended(one))
        .filter_map(|one| Some((one.endpoint_id.clone(), one.order_key.clone()?)))
        .collect();
    let now_ms = all.iter().map(|one| ended_at(one)).max().unwrap_or(0);
    let draining = ordering::release_next(writing, &keys, standings, now_ms).await?;
    let mut recorded = Vec::with_capacity(all.len());
    for one in all {
        if !ended(one) {
            tracing::warn!(
                delivery = %one.delivery_id,
                "the outcome of an attempt comes too late and changes nothing: another host has the delivery"
            );
            recorded.push(Err(StoreError::LeaseLost));
            continue;
        }
        writing.note(
            "recorded",
            &one.delivery_id,
            one.attempt.number,
            one.state.word(),
        );
        match one.state {
            DeliveryState::Delivered => writing.count(Count::Delivered, 1),
            DeliveryState::Cancelled => writing.count(Count::Cancelled, 1),
            _ => {}
        }
        publish::keep_operational(writing, &one.operational).await?;
        recorded.push(Ok(Recorded {
            follow: change(writing, one).await?,
            drain: one.order_key.is_some() && draining.contains(&one.endpoint_id),
        }));
    }
    Ok(recorded)
}

const fn has_ended(state: DeliveryState) -> bool {
    matches!(
        state,
        DeliveryState::Delivered | DeliveryState::DeadLettered | DeliveryState::Cancelled
    )
}

fn ended_at(ended: &Ended) -> u64 {
    let attempt = &ended.attempt;
    attempt.started_at_ms.saturating_add(attempt.duration_ms)
}

/// Keeps deliveries and attempts. Returns the deliveries that this host was sending.
async fn end(
    writing: &Writing,
    all: &[&Ended],
    events: &HashMap<DeliveryId, String>,
    host: i64,
) -> Result<HashSet<DeliveryId>, Fault> {
    macro_rules! column {
        (|$one:ident| $value:expr) => {
            all.iter().map(|$one| $value).collect::<Vec<_>>()
        };
    }
    let answer = |ended: &Ended| match ended.attempt.outcome {
        Outcome::Response {
            status,
            retry_after_s,
        } => (Some(i64::from(status)), retry_after_s.map(i64::from), None),
        Outcome::Failure(kind) => (None, None, Some(kind.word())),
    };
    let session = &writing.session;
    let rows = session
        .rows(
            END,
            &[
                &column!(|one| one.delivery_id.as_str()),
                &column!(|one| one.state.word()),
                &column!(|one| one.dead_reason.map(Word::word)),
                &column!(|one| i64::from(one.attempt.number)),
                &column!(|one| i64::from(one.attempts_in_round)),
                &column!(|one| signed(one.first_started_at_ms)),
                &column!(|one| one.next_attempt_at_ms.map(signed)),
                &column!(|one| signed(ended_at(one))),
                &column!(|one| events.get(&one.delivery_id)),
                &column!(|one| one.attempt.id.as_str()),
                &column!(|one| signed(one.attempt.started_at_ms)),
                &column!(|one| signed(one.attempt.duration_ms)),
                &column!(|one| answer(one).0),
                &column!(|one| answer(one).1),
                &column!(|one| answer(one).2),
                &column!(|one| one.attempt.detail.as_deref().map(kept)),
                &column!(|one| one.attempt.response.as_slice()),
                &host,
            ],
        )
        .await?;
    rows.iter().map(|row| id(row, "delivery_id")).collect()
}

async fn keep_health(writing: &Writing, all: &[&Ended], host: i64) -> Result<(), Fault> {
    // The last outcome of each endpoint has its health.
    let last: HashMap<&EndpointId, &EndpointHealth> = all
        .iter()
        .map(|one| (&one.endpoint_id, &one.health))
        .collect();
    let mut last: Vec<_> = last.into_iter().collect();
    last.sort_unstable_by_key(|(endpoint, _)| *endpoint);
    macro_rules! column {
        (|$health:ident| $value:expr) => {
            last.iter().map(|(_, $health)| $value).collect::<Vec<_>>()
        };
    }
    let endpoints: Vec<_> = last.iter().map(|(endpoint, _)| endpoint.as_str()).collect();
    let session = &writing.session;
    session
        .execute(
            HEALTH,
            &[
                &endpoints,
                &column!(|health| i64::from(health.failed_in_a_row)),
                &column!(|health| i64::from(health.exhausted_in_a_row)),
                &column!(|health| i64::from(health.pauses_in_a_row)),
                &column!(|health| health.failing_since_ms.map(signed)),
                &column!(|health| health.last_success_at_ms.map(signed)),
                &column!(|health| i64::from(health.warned_percent)),
                &column!(|health| health.unwell),
                &host,
            ],
        )
        .await?;
    Ok(())
}

/// What follows for the endpoint's state. Returns whether deliveries are to follow it.
async fn change(writing: &Writing, ended: &Ended) -> Result<bool, Fault> {
    let Some(change) = ended.change else {
        return Ok(false);
    };
    // Others see it; and so does this host when it has something else in memory.
    let version = writing.raise_endpoints().await?;
    // A change by its owner, who was served by another host, stands.
    let sql = "UPDATE endpoints SET state = $1, reason = $2, since_ms = $3, probe_at_ms = $4, version = $5, changed = $7
         WHERE id = $6 AND deleted_at_ms IS NULL AND version < $5";
    let session = &writing.session;
    let changed = session
        .execute(
            sql,
            &[
                &change.state.word(),
                &change.reason.map(Word::word),
                &signed(change.since_ms),
                &change.probe_at_ms.map(signed),
                &signed(change.version),
                &ended.endpoint_id.as_str(),
                &version,
            ],
        )
        .await?;
    if changed == 0 {
        // So that it is read again.
        let sql = "UPDATE endpoints SET changed = $1 WHERE id = $2";
        session
            .execute(sql, &[&version, &ended.endpoint_id.as_str()])
            .await?;
        tracing::info!(endpoint = %ended.endpoint_id, "its owner has changed the endpoint meanwhile, and that stands");
    }
    endpoint::follow(writing, &ended.endpoint_id, ended_at(ended)).await
}

/// An event, as far as its id goes.
#[derive(Deserialize)]
struct Event {
    id: serde_json::Value,
}

/// The id that the event of each dead letter has in its body; texts alone are such.
async fn events_of(
    writing: &Writing,
    all: &[&Ended],
) -> Result<HashMap<DeliveryId, String>, Fault> {
    let dead: Vec<_> = all
        .iter()
        .filter(|one| one.state == DeliveryState::DeadLettered)
        .map(|one| one.delivery_id.as_str())
        .collect();
    event_ids(writing, &dead).await
}

/// The ids that the events of these deliveries have in their bodies.
pub(in super::super) async fn event_ids(
    writing: &Writing,
    deliveries: &[&str],
) -> Result<HashMap<DeliveryId, String>, Fault> {
    let mut found = HashMap::new();
    if deliveries.is_empty() {
        return Ok(found);
    }
    let sql = "SELECT deliveries.id, body FROM deliveries JOIN bodies ON bodies.message_id = deliveries.message_id
         WHERE deliveries.id = ANY($1)";
    for row in writing.session.rows(sql, &[&deliveries]).await? {
        let body: &[u8] = row.try_get("body")?;
        if let Ok(Event {
            id: serde_json::Value::String(event),
        }) = serde_json::from_slice(body)
            // The database keeps no text with such a character in it.
            && !event.contains('\0')
        {
            found.insert(id(&row, "id")?, event);
        }
    }
    Ok(found)
}
