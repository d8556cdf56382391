//! Reading replays.

use super::super::rows;
use crate::{
    ids::{DeliveryId, ReplayId, WorkspaceId},
    store::{Counted, Replay, Selection},
};
use rusqlite::{Connection, OptionalExtension, Row, params};

pub(in super::super) fn replays(
    connection: &Connection,
    workspace: &WorkspaceId,
    after: Option<&ReplayId>,
    limit: u32,
) -> rusqlite::Result<Vec<Replay>> {
    connection
        .prepare_cached(
            "SELECT * FROM replays WHERE workspace = ?1 AND (?2 IS NULL OR id < ?2) ORDER BY id DESC LIMIT ?3",
        )?
        .query_map(
            params![workspace.as_str(), after.map(ReplayId::as_str), limit],
            read,
        )?
        .collect()
}

pub(in super::super) fn open_replays(connection: &Connection) -> rusqlite::Result<Vec<Replay>> {
    connection
        .prepare_cached(
            "SELECT * FROM replays WHERE state IN ('running', 'paused') ORDER BY id DESC",
        )?
        .query_map([], read)?
        .collect()
}

pub(in super::super) fn replay(
    connection: &Connection,
    replay: &ReplayId,
) -> rusqlite::Result<Option<Replay>> {
    connection
        .prepare_cached("SELECT * FROM replays WHERE id = ?")?
        .query_row([replay.as_str()], read)
        .optional()
}

fn read(row: &Row<'_>) -> rusqlite::Result<Replay> {
    Ok(Replay {
        id: rows::id(row, "id")?,
        state: rows::word(row, "state")?,
        selection: Selection {
            workspace: rows::id(row, "workspace")?,
            state: rows::word(row, "delivery_state")?,
            endpoint_id: rows::optional_id(row, "endpoint_id")?,
            event_type: row.get("event_type")?,
            reason: rows::optional_word(row, "dead_reason")?,
            acknowledged: row.get("acknowledged")?,
            created_since_ms: rows::optional_number(row, "created_since_ms")?,
            created_until_ms: rows::optional_number(row, "created_until_ms")?,
            ended_since_ms: rows::optional_number(row, "ended_since_ms")?,
            ended_until_ms: rows::optional_number(row, "ended_until_ms")?,
            ids: row
                .get::<_, Option<String>>("ids")?
                .map(|text| ids(&text))
                .transpose()?,
        },
        per_second: rows::count(row, "per_second")?,
        matched: Counted {
            count: rows::number(row, "matched")?,
            at_least: row.get("matched_at_least")?,
        },
        cursor: rows::optional_id(row, "cursor")?,
        replayed: rows::number(row, "replayed")?,
        skipped: rows::number(row, "skipped")?,
        created_at_ms: rows::number(row, "created_at_ms")?,
        updated_at_ms: rows::number(row, "updated_at_ms")?,
    })
}

fn ids(text: &str) -> rusqlite::Result<Vec<DeliveryId>> {
    let ids: Option<Vec<String>> = serde_json::from_str(text).ok();
    let ids = ids.and_then(|ids| ids.iter().map(|id| DeliveryId::parse(id)).collect());
    ids.ok_or_else(|| rows::foreign(text))
}
