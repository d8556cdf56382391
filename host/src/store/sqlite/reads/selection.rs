//! Reading what a selection means.
//!
//! Conditions are part of what is read and not of the search, so that a read ends after a known number of rows, however few
//! of them fit.

use super::super::rows;
use crate::{
    ids::{DeliveryId, EndpointId},
    store::{Counted, Delivery, EndedState, Page, Selected, Selection, Word},
};
use rusqlite::{Connection, Row, Statement, named_params};

/// Rows that a page looks at: some tens of milliseconds.
const PAGE_ROWS_MAX: u64 = 5_000;
/// Rows that a count looks at.
const COUNT_ROWS_MAX: u64 = 100_000;

const COLUMNS: &str = "deliveries.*, messages.event_type, messages.workspace,
    state = :state
    AND messages.workspace = :workspace
    AND (:endpoint IS NULL OR endpoint_id = :endpoint)
    AND (:event_type IS NULL OR messages.event_type = :event_type)
    AND (:reason IS NULL OR dead_reason = :reason)
    AND (:acknowledged IS NULL OR (acknowledged_at_ms IS NOT NULL) = :acknowledged)
    AND (:created_since IS NULL OR deliveries.created_at_ms >= :created_since)
    AND (:created_until IS NULL OR deliveries.created_at_ms < :created_until)
    AND (:ended_since IS NULL OR updated_at_ms >= :ended_since)
    AND (:ended_until IS NULL OR updated_at_ms < :ended_until) AS fits";

/// Where the search is, each word for word the condition of an index, or none: then it goes through the deliveries
/// themselves, whose ids sort by time.
const fn place(selection: &Selection) -> &'static str {
    match (selection.state, selection.acknowledged) {
        (EndedState::DeadLettered, Some(false)) => {
            "state = 'dead_lettered' AND acknowledged_at_ms IS NULL"
        }
        (EndedState::DeadLettered, None | Some(true)) => "state = 'dead_lettered'",
        (EndedState::Delivered, _) => "TRUE",
    }
}

/// The search in the order of the page. Its bounds are `:low` and `:high`.
pub(in super::super) fn search(selection: &Selection, page: &Page) -> String {
    let (low, high, order) = match (&page.after, page.newest_first) {
        (None, true) => (">=", "<=", "DESC"),
        (None, false) => (">=", "<=", "ASC"),
        (Some(_), true) => (">=", "<", "DESC"),
        (Some(_), false) => (">", "<=", "ASC"),
    };
    let place = place(selection);
    format!(
        "SELECT {COLUMNS} FROM deliveries JOIN messages ON messages.id = message_id
         WHERE {place} AND deliveries.id {low} :low AND deliveries.id {high} :high ORDER BY deliveries.id {order}"
    )
}

pub(in super::super) fn select(
    connection: &Connection,
    selection: &Selection,
    page: &Page,
) -> rusqlite::Result<Selected<Delivery>> {
    let mut found = Vec::new();
    let limit = page.limit as usize;
    let next = walk(connection, selection, page, PAGE_ROWS_MAX, |row| {
        found.push(rows::delivery(row)?);
        Ok(found.len() < limit)
    })?;
    Ok(Selected { found, next })
}

pub(in super::super) fn count(
    connection: &Connection,
    selection: &Selection,
) -> rusqlite::Result<Counted> {
    let page = Page {
        after: None,
        newest_first: false,
        limit: u32::MAX,
    };
    let mut count: u64 = 0;
    let next = walk(connection, selection, &page, COUNT_ROWS_MAX, |_| {
        count = count.saturating_add(1);
        Ok(true)
    })?;
    Ok(Counted {
        count,
        at_least: next.is_some(),
    })
}

/// Calls `fits` with each row that fits until it says that it has enough, or enough rows were looked at. Returns the last
/// row, unless the end was reached.
fn walk(
    connection: &Connection,
    selection: &Selection,
    page: &Page,
    rows_max: u64,
    mut fits: impl FnMut(&Row<'_>) -> rusqlite::Result<bool>,
) -> rusqlite::Result<Option<DeliveryId>> {
    if let Some(ids) = &selection.ids {
        return walk_ids(connection, selection, page, ids, fits);
    }
    let mut statement = connection.prepare_cached(&search(selection, page))?;
    let floor = DeliveryId::floor(selection.created_since_ms.unwrap_or(0));
    let ceiling = DeliveryId::floor(selection.created_until_ms.unwrap_or(u64::MAX));
    let (low, high) = match (&page.after, page.newest_first) {
        (None, _) => (&floor, &ceiling),
        (Some(after), true) => (&floor, after.min(&ceiling)),
        (Some(after), false) => (after.max(&floor), &ceiling),
    };
    bind(&mut statement, selection)?;
    statement.raw_bind_parameter(":low", low.as_str())?;
    statement.raw_bind_parameter(":high", high.as_str())?;
    let mut looked_at: u64 = 0;
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next()? {
        looked_at = looked_at.saturating_add(1);
        let enough = row.get("fits")? && !fits(row)?;
        if enough || looked_at >= rows_max {
            return rows::id(row, "id").map(Some);
        }
    }
    Ok(None)
}

fn walk_ids(
    connection: &Connection,
    selection: &Selection,
    page: &Page,
    ids: &[DeliveryId],
    mut fits: impl FnMut(&Row<'_>) -> rusqlite::Result<bool>,
) -> rusqlite::Result<Option<DeliveryId>> {
    let mut ids: Vec<_> = ids.iter().collect();
    ids.sort_unstable();
    ids.dedup();
    if page.newest_first {
        ids.reverse();
    }
    let behind = |id: &&DeliveryId| match (&page.after, page.newest_first) {
        (None, _) => true,
        (Some(after), true) => *id < after,
        (Some(after), false) => *id > after,
    };
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM deliveries JOIN messages ON messages.id = message_id WHERE deliveries.id = :id"
    ))?;
    for id in ids.into_iter().filter(behind) {
        bind(&mut statement, selection)?;
        statement.raw_bind_parameter(":id", id.as_str())?;
        let mut rows = statement.raw_query();
        if let Some(row) = rows.next()?
            && row.get("fits")?
            && !fits(row)?
        {
            return Ok(Some(id.clone()));
        }
    }
    Ok(None)
}

fn bind(statement: &mut Statement<'_>, selection: &Selection) -> rusqlite::Result<()> {
    let time = |at_ms: Option<u64>| at_ms.map(rows::signed);
    for (name, value) in named_params! {
        ":state": selection.state.word(),
        ":workspace": selection.workspace.as_str(),
        ":endpoint": selection.endpoint_id.as_ref().map(EndpointId::as_str),
        ":event_type": selection.event_type,
        ":reason": selection.reason.map(Word::word),
        ":acknowledged": selection.acknowledged,
        ":created_since": time(selection.created_since_ms),
        ":created_until": time(selection.created_until_ms),
        ":ended_since": time(selection.ended_since_ms),
        ":ended_until": time(selection.ended_until_ms),
    } {
        statement.raw_bind_parameter(*name, value)?;
    }
    Ok(())
}
