//! Reading workspaces, keys and event types.

use super::super::rows;
use crate::store::{ApiKey, EventType, Workspace};
use rusqlite::Connection;

pub(in super::super) fn workspaces(connection: &Connection) -> rusqlite::Result<Vec<Workspace>> {
    connection
        .prepare_cached("SELECT * FROM workspaces ORDER BY id")?
        .query_map([], rows::workspace)?
        .collect()
}

pub(in super::super) fn keys(connection: &Connection) -> rusqlite::Result<Vec<ApiKey>> {
    connection
        .prepare_cached("SELECT * FROM api_keys WHERE revoked_at_ms IS NULL ORDER BY id")?
        .query_map([], rows::api_key)?
        .collect()
}

pub(in super::super) fn event_types(connection: &Connection) -> rusqlite::Result<Vec<EventType>> {
    connection
        .prepare_cached("SELECT * FROM event_types")?
        .query_map([], rows::event_type)?
        .collect()
}
