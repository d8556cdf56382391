//! Counting without a look at every row.

use super::super::rows;
use crate::{
    ids::EndpointId,
    store::{Counted, DeliveryState, Size, Stats},
};
use rusqlite::{Connection, OptionalExtension, params};

/// Rows that are counted of each index.
const COUNT_ROWS_MAX: u64 = 50_000;

// The inner limit ends the count; each condition is that of an index, word for word.
const OPEN: &str = "SELECT count(*) AS n, coalesce(sum(state = 'sending'), 0) AS sending
    FROM (SELECT state FROM deliveries WHERE state IN ('pending', 'sending') LIMIT ?)";
const HELD: &str = "SELECT count(*) AS n
    FROM (SELECT 1 FROM deliveries WHERE state = 'held' LIMIT ?)";
const WAITING: &str = "SELECT count(*) AS n
    FROM (SELECT 1 FROM deliveries WHERE state = 'waiting' LIMIT ?)";
const DEAD: &str = "SELECT count(*) AS n
    FROM (SELECT 1 FROM deliveries WHERE state = 'dead_lettered' LIMIT ?)";

#[cfg(test)]
pub(in super::super) const COUNTS: [(&str, &str); 4] = [
    (OPEN, "deliveries_open"),
    (HELD, "deliveries_held"),
    (WAITING, "deliveries_waiting"),
    (DEAD, "deliveries_dead"),
];

pub(in super::super) fn stats(connection: &Connection) -> rusqlite::Result<Stats> {
    let limit = rows::signed(COUNT_ROWS_MAX);
    let bounded = |sql: &str| -> rusqlite::Result<Counted> {
        let mut statement = connection.prepare_cached(sql)?;
        let count = statement.query_row([limit], |row| rows::number(row, "n"))?;
        Ok(Counted {
            count,
            at_least: count >= COUNT_ROWS_MAX,
        })
    };
    let (open, sending) = connection.prepare_cached(OPEN)?.query_row([limit], |row| {
        Ok((rows::number(row, "n")?, rows::number(row, "sending")?))
    })?;
    let of_open = |count| Counted {
        count,
        at_least: open >= COUNT_ROWS_MAX,
    };
    let exact = |name| {
        counter(connection, name).map(|count| Counted {
            count,
            at_least: false,
        })
    };
    Ok(Stats {
        messages: counter(connection, "messages")?,
        deliveries: vec![
            (
                DeliveryState::Pending,
                of_open(open.saturating_sub(sending)),
            ),
            (DeliveryState::Sending, of_open(sending)),
            (DeliveryState::Delivered, exact("delivered")?),
            (DeliveryState::DeadLettered, bounded(DEAD)?),
            (DeliveryState::Waiting, bounded(WAITING)?),
            (DeliveryState::Held, bounded(HELD)?),
            (DeliveryState::Cancelled, exact("cancelled")?),
        ],
    })
}

const OPEN_OF: &str = "SELECT count(*) AS n, coalesce(sum(state = 'sending'), 0) AS sending
    FROM (SELECT state FROM deliveries WHERE state IN ('pending', 'sending') AND endpoint_id = ?1 LIMIT ?2)";
const HELD_OF: &str = "SELECT count(*) AS n
    FROM (SELECT 1 FROM deliveries WHERE state = 'held' AND endpoint_id = ?1 LIMIT ?2)";
const WAITING_OF: &str = "SELECT count(*) AS n
    FROM (SELECT 1 FROM deliveries WHERE state = 'waiting' AND endpoint_id = ?1 LIMIT ?2)";
/// Through all dead letters, of which there are few.
const DEAD_OF: &str = "SELECT coalesce(sum(endpoint_id = ?1), 0) AS n, count(*) AS looked_at
    FROM (SELECT endpoint_id FROM deliveries WHERE state = 'dead_lettered' ORDER BY id DESC LIMIT ?2)";

#[cfg(test)]
pub(in super::super) const COUNTS_OF: [(&str, &str); 4] = [
    (OPEN_OF, "deliveries_open"),
    (HELD_OF, "deliveries_held"),
    (WAITING_OF, "deliveries_waiting"),
    (DEAD_OF, "deliveries_dead"),
];

pub(in super::super) fn open(
    connection: &Connection,
    endpoint: &EndpointId,
) -> rusqlite::Result<Vec<(DeliveryState, Counted)>> {
    let parameters = params![endpoint.as_str(), rows::signed(COUNT_ROWS_MAX)];
    let two = |sql: &str, first: &str, second: &str| {
        connection
            .prepare_cached(sql)?
            .query_row(parameters, |row| {
                Ok((rows::number(row, first)?, rows::number(row, second)?))
            })
    };
    let counted = |count, looked_at| Counted {
        count,
        at_least: looked_at >= COUNT_ROWS_MAX,
    };
    let (open, sending) = two(OPEN_OF, "n", "sending")?;
    let (dead, looked_at) = two(DEAD_OF, "n", "looked_at")?;
    let (held, _) = two(HELD_OF, "n", "n")?;
    let (waiting, _) = two(WAITING_OF, "n", "n")?;
    Ok(vec![
        (
            DeliveryState::Pending,
            counted(open.saturating_sub(sending), open),
        ),
        (DeliveryState::Sending, counted(sending, open)),
        (DeliveryState::Waiting, counted(waiting, waiting)),
        (DeliveryState::Held, counted(held, held)),
        (DeliveryState::DeadLettered, counted(dead, looked_at)),
    ])
}

fn counter(connection: &Connection, name: &str) -> rusqlite::Result<u64> {
    let found = connection
        .prepare_cached("SELECT value FROM counters WHERE name = ?")?
        .query_row([name], |row| rows::number(row, "value"))
        .optional()?;
    found.ok_or_else(|| rows::foreign(format!("no counter {name}")))
}

pub(in super::super) fn size(connection: &Connection) -> rusqlite::Result<Size> {
    let pragma = |name: &str| {
        connection.pragma_query_value(None, name, |row| {
            let value: i64 = row.get(0)?;
            Ok(value.unsigned_abs())
        })
    };
    let (page, pages, free) = (
        pragma("page_size")?,
        pragma("page_count")?,
        pragma("freelist_count")?,
    );
    Ok(Size {
        used_bytes: pages.saturating_sub(free).saturating_mul(page),
        file_bytes: pages.saturating_mul(page),
    })
}
