//! Lists and counts of a workspace, newest first.
//!
//! Conditions are part of what is read and not of the search, so that a read ends after a known number of rows, however few
//! of them fit. The workspace that most messages are of has no index; of another one the messages are found through theirs,
//! and their deliveries beside them.

use super::{super::rows, selection};
use crate::{
    ids::{DeliveryId, EndpointId, MessageId, WorkspaceId},
    store::{
        Delivery, DeliveryState, EndedState, Filter, Message, MessageFilter, Page, Selected,
        Selection, Tally, TallyOf, Word,
    },
};
use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, Row, ToSql, named_params};

/// Rows that a page looks at: some tens of milliseconds.
const PAGE_ROWS_MAX: u64 = 5_000;
/// Rows that a count looks at.
const COUNT_ROWS_MAX: u64 = 50_000;

macro_rules! deliveries {
    ($columns:literal, default) => {
        concat!(
            "SELECT ", $columns, " FROM deliveries JOIN messages ON messages.id = message_id
             WHERE deliveries.id >= :low AND deliveries.id < :high ORDER BY deliveries.id DESC"
        )
    };
    // The condition is that of an index, word for word. The ids of a message's deliveries follow its own, within its millisecond.
    ($columns:literal, other) => {
        concat!(
            "SELECT ", $columns, " FROM messages LEFT JOIN deliveries ON deliveries.message_id = messages.id
                 AND deliveries.id > 'dlv_' || substr(messages.id, 5)
                 AND deliveries.id < 'dlv_' || substr(messages.id, 5, 10) || '~' AND deliveries.id < :high
             WHERE workspace <> 'default' AND workspace = :workspace
                 AND messages.id >= 'msg_' || substr(:low, 5) AND messages.id < 'msg_' || substr(:high, 5)
             ORDER BY messages.id DESC, deliveries.id DESC"
        )
    };
}

macro_rules! page {
    ($of:ident) => {
        deliveries!(
            "deliveries.*, event_type, workspace, messages.id AS of_message,
             deliveries.id IS NOT NULL AND workspace = :workspace AND (:state IS NULL OR state = :state)
                 AND (:endpoint IS NULL OR endpoint_id = :endpoint)
                 AND (:event_type IS NULL OR event_type = :event_type) AS fits",
            $of
        )
    };
}

macro_rules! tally {
    ($of:ident) => {
        concat!(
            "SELECT fits, state, count(*) AS n, coalesce(sum(attempts_total), 0) AS attempts FROM (",
            deliveries!(
                "state, attempts_total, deliveries.id IS NOT NULL AND workspace = :workspace
                     AND (:endpoint IS NULL OR endpoint_id = :endpoint) AS fits",
                $of
            ),
            " LIMIT :rows) GROUP BY fits, state"
        )
    };
}

pub(in super::super) const PAGE_DEFAULT: &str = page!(default);
pub(in super::super) const PAGE_OTHER: &str = page!(other);
pub(in super::super) const TALLY_DEFAULT: &str = tally!(default);
pub(in super::super) const TALLY_OTHER: &str = tally!(other);

const MESSAGES: &str =
    "SELECT messages.*, workspace = :workspace AND (:provider IS NULL OR provider = :provider)
        AND (:event_type IS NULL OR event_type = :event_type) AS fits
    FROM messages WHERE id >= :low AND id < :high ORDER BY id DESC";
pub(in super::super) const MESSAGES_OTHER: &str = "SELECT messages.*, (:provider IS NULL OR provider = :provider)
        AND (:event_type IS NULL OR event_type = :event_type) AS fits
    FROM messages WHERE workspace <> 'default' AND workspace = :workspace AND id >= :low AND id < :high ORDER BY id DESC";

const MESSAGES_COUNTED: &str =
    "SELECT count(*) AS looked_at, coalesce(sum(workspace = :workspace), 0) AS n
    FROM (SELECT workspace FROM messages WHERE id >= :low ORDER BY id DESC LIMIT :rows)";
pub(in super::super) const MESSAGES_COUNTED_OTHER: &str = "SELECT count(*) AS looked_at, count(*) AS n
    FROM (SELECT 1 FROM messages WHERE workspace <> 'default' AND workspace = :workspace AND id >= :low LIMIT :rows)";

/// The statement for this workspace.
fn of(workspace: &WorkspaceId, default: &'static str, other: &'static str) -> &'static str {
    match workspace.is_default() {
        true => default,
        false => other,
    }
}

pub(in super::super) fn deliveries(
    connection: &Connection,
    filter: &Filter,
) -> rusqlite::Result<Selected<Delivery>> {
    // These have an index of their own.
    if filter.state == Some(DeliveryState::DeadLettered) {
        let selection = Selection {
            endpoint_id: filter.endpoint_id.clone(),
            event_type: filter.event_type.clone(),
            created_since_ms: filter.created_since_ms,
            created_until_ms: filter.created_until_ms,
            ..Selection::all(filter.workspace.clone(), EndedState::DeadLettered)
        };
        let page = Page {
            after: filter.after.clone(),
            newest_first: true,
            limit: filter.limit,
        };
        return selection::select(connection, &selection, &page);
    }
    let low = DeliveryId::floor(filter.created_since_ms.unwrap_or(0));
    let until = DeliveryId::floor(filter.created_until_ms.unwrap_or(u64::MAX));
    let high = filter
        .after
        .as_ref()
        .map_or(&until, |after| after.min(&until));
    let sql = of(&filter.workspace, PAGE_DEFAULT, PAGE_OTHER);
    let parameters = named_params! {
        ":workspace": filter.workspace.as_str(),
        ":low": low.as_str(),
        ":high": high.as_str(),
        ":state": filter.state.map(Word::word),
        ":endpoint": filter.endpoint_id.as_ref().map(EndpointId::as_str),
        ":event_type": filter.event_type,
    };
    let place = |row: &Row<'_>| match rows::optional_id(row, "id")? {
        Some(id) => Ok(id),
        // A message without deliveries: what comes behind it is what is older.
        None => {
            let message: MessageId = rows::id(row, "of_message")?;
            Ok(DeliveryId::before_those_of(&message))
        }
    };
    walk(
        connection,
        sql,
        parameters,
        filter.limit,
        rows::delivery,
        place,
    )
}

pub(in super::super) fn messages(
    connection: &Connection,
    filter: &MessageFilter,
) -> rusqlite::Result<Selected<Message, MessageId>> {
    let low = MessageId::floor(filter.created_since_ms.unwrap_or(0));
    let until = MessageId::floor(filter.created_until_ms.unwrap_or(u64::MAX));
    let high = filter
        .after
        .as_ref()
        .map_or(&until, |after| after.min(&until));
    let sql = of(&filter.workspace, MESSAGES, MESSAGES_OTHER);
    let parameters = named_params! {
        ":workspace": filter.workspace.as_str(),
        ":low": low.as_str(),
        ":high": high.as_str(),
        ":provider": filter.provider,
        ":event_type": filter.event_type,
    };
    let place = |row: &Row<'_>| rows::id(row, "id");
    walk(
        connection,
        sql,
        parameters,
        filter.limit,
        rows::message,
        place,
    )
}

/// Reads what fits until there is enough, or enough rows were looked at; then the place of the last row is where the next page
/// goes on.
fn walk<T, C>(
    connection: &Connection,
    sql: &str,
    parameters: &[(&str, &dyn ToSql)],
    limit: u32,
    read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
    place: impl Fn(&Row<'_>) -> rusqlite::Result<C>,
) -> rusqlite::Result<Selected<T, C>> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(parameters)?;
    let mut found = Vec::new();
    let mut looked_at: u64 = 0;
    while let Some(row) = rows.next()? {
        looked_at = looked_at.saturating_add(1);
        if row.get("fits")? {
            found.push(read(row)?);
        }
        if found.len() >= limit as usize || looked_at >= PAGE_ROWS_MAX {
            let last = place(row)?;
            let next = rows.next()?.map(|_| last);
            return Ok(Selected { found, next });
        }
    }
    Ok(Selected { found, next: None })
}

/// A message and its body, if that is still kept.
pub(in super::super) fn body(
    connection: &Connection,
    message: &MessageId,
) -> rusqlite::Result<Option<(Message, Option<Bytes>)>> {
    connection
        .prepare_cached(
            "SELECT messages.*, body FROM messages LEFT JOIN bodies ON bodies.id = body_id WHERE messages.id = ?",
        )?
        .query_row([message.as_str()], |row| {
            let body: Option<Vec<u8>> = row.get("body")?;
            Ok((rows::message(row)?, body.map(Bytes::from)))
        })
        .optional()
}

pub(in super::super) fn tally(connection: &Connection, asked: &TallyOf) -> rusqlite::Result<Tally> {
    let sql = of(&asked.workspace, TALLY_DEFAULT, TALLY_OTHER);
    let (low, high) = (
        DeliveryId::floor(asked.since_ms),
        DeliveryId::floor(u64::MAX),
    );
    let mut tally = Tally::default();
    let mut looked_at: u64 = 0;
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(named_params! {
        ":workspace": asked.workspace.as_str(),
        ":low": low.as_str(),
        ":high": high.as_str(),
        ":endpoint": asked.endpoint.as_ref().map(EndpointId::as_str),
        ":rows": rows::signed(COUNT_ROWS_MAX),
    })?;
    while let Some(row) = rows.next()? {
        let count = rows::number(row, "n")?;
        looked_at = looked_at.saturating_add(count);
        if row.get("fits")? {
            tally.deliveries.push((rows::word(row, "state")?, count));
            let attempts = rows::number(row, "attempts")?;
            tally.attempts = tally.attempts.saturating_add(attempts);
        }
    }
    let sql = of(&asked.workspace, MESSAGES_COUNTED, MESSAGES_COUNTED_OTHER);
    let low = MessageId::floor(asked.since_ms);
    let parameters = named_params! {
        ":workspace": asked.workspace.as_str(),
        ":low": low.as_str(),
        ":rows": rows::signed(COUNT_ROWS_MAX),
    };
    let (messages, messages_looked_at) = connection
        .prepare_cached(sql)?
        .query_row(parameters, |row| {
            Ok((rows::number(row, "n")?, rows::number(row, "looked_at")?))
        })?;
    tally.messages = messages;
    tally.at_least = looked_at.max(messages_looked_at) >= COUNT_ROWS_MAX;
    Ok(tally)
}
