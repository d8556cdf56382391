//! Deliveries that go out one after the other.
//!
//! Whoever adds to a key or takes from it has locked its endpoint: see [`standing`](super::standing).

use super::{
    super::{
        rows::{id, number, signed, text, word},
        session::Fault,
        writer::Writing,
    },
    standing::Standings,
};
use crate::{
    ids::{DeliveryId, EndpointId},
    store::{DeliveryState, Word},
};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// An endpoint and a key.
pub(in super::super) type Key = (EndpointId, Arc<str>);

const LAST_OF_KEYS: &str = "SELECT given.endpoint_id, given.order_key, last.order_place
    FROM UNNEST($1::text[], $2::text[]) AS given (endpoint_id, order_key) CROSS JOIN LATERAL (
        SELECT order_place FROM deliveries
        WHERE order_place IS NOT NULL AND deliveries.endpoint_id = given.endpoint_id
            AND deliveries.order_key = given.order_key
        ORDER BY order_place DESC LIMIT 1) AS last";

const FIRST_OF_KEYS: &str =
    "SELECT first.* FROM UNNEST($1::text[], $2::text[]) AS given (endpoint_id, order_key)
    CROSS JOIN LATERAL (
        SELECT id, endpoint_id, state, created_at_ms FROM deliveries
        WHERE order_place IS NOT NULL AND deliveries.endpoint_id = given.endpoint_id
            AND deliveries.order_key = given.order_key
        ORDER BY order_place LIMIT 1) AS first";

/// The places of keys.
#[derive(Debug, Default)]
pub(in super::super) struct Places(HashMap<Key, u64>);

impl Places {
    /// As they are now.
    pub(in super::super) async fn of(
        writing: &Writing,
        keys: &HashSet<Key>,
    ) -> Result<Self, Fault> {
        let mut places = Self::default();
        if keys.is_empty() {
            return Ok(places);
        }
        let (endpoints, order_keys) = columns(keys);
        let session = &writing.session;
        for row in session
            .rows(LAST_OF_KEYS, &[&endpoints, &order_keys])
            .await?
        {
            let key = (
                id(&row, "endpoint_id")?,
                Arc::from(text(&row, "order_key")?),
            );
            places.0.insert(key, number(&row, "order_place")?);
        }
        Ok(places)
    }

    /// The place of one more delivery of this key, and whether another is open before it.
    pub(in super::super) fn next(&mut self, key: Key) -> (u64, bool) {
        match self.0.get_mut(&key) {
            Some(last) => {
                *last = last.saturating_add(1);
                (*last, true)
            }
            None => {
                self.0.insert(key, 1);
                (1, false)
            }
        }
    }
}

fn columns(keys: &HashSet<Key>) -> (Vec<&str>, Vec<&str>) {
    keys.iter()
        .map(|(endpoint, key)| (endpoint.as_str(), &**key))
        .unzip()
}

/// One of each of these keys has ended: the next one has its turn. Returns the endpoints of which the next one is held although
/// they are active.
pub(in super::super) async fn release_next(
    writing: &Writing,
    keys: &HashSet<Key>,
    standings: &Standings,
    now_ms: u64,
) -> Result<HashSet<EndpointId>, Fault> {
    let mut draining = HashSet::new();
    if keys.is_empty() {
        return Ok(draining);
    }
    let (endpoints, order_keys) = columns(keys);
    let session = &writing.session;
    let (mut ids, mut states, mut times) = (Vec::new(), Vec::new(), Vec::new());
    for row in session
        .rows(FIRST_OF_KEYS, &[&endpoints, &order_keys])
        .await?
    {
        let state: DeliveryState = word(&row, "state")?;
        let endpoint: EndpointId = id(&row, "endpoint_id")?;
        let standing = standings.of(&endpoint);
        // Those of a deleted one are cancelled with the others, in a step of its own.
        if state != DeliveryState::Waiting || standing.deleted {
            continue;
        }
        // What was published before the endpoint became active goes out with what was held, at the same rate.
        let due = standing.active && number(&row, "created_at_ms")? >= standing.since_ms;
        let (state, at) = match due {
            true => (DeliveryState::Pending, Some(signed(now_ms))),
            false => (DeliveryState::Held, None),
        };
        if standing.active && !due {
            draining.insert(endpoint);
        }
        ids.push(id::<DeliveryId>(&row, "id")?.to_string());
        states.push(state.word());
        times.push(at);
    }
    if !ids.is_empty() {
        let sql = "UPDATE deliveries SET state = given.state, next_attempt_at_ms = given.at, updated_at_ms = $4
             FROM UNNEST($1::text[], $2::text[], $3::bigint[]) AS given (id, state, at) WHERE deliveries.id = given.id";
        session
            .execute(sql, &[&ids, &states, &times, &signed(now_ms)])
            .await?;
    }
    Ok(draining)
}
