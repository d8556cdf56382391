//! Keeping workspaces, keys and event types.

use super::super::rows::{count, signed};
use crate::{
    ids::{ApiKeyId, WorkspaceId},
    store::{ApiKey, EventType, Word, Workspace},
};
use rusqlite::{Connection, OptionalExtension, params};

pub(in super::super) fn create_workspace(
    connection: &Connection,
    workspace: &Workspace,
) -> rusqlite::Result<Option<u32>> {
    connection
        .prepare_cached(
            "INSERT INTO workspaces (id, number, name, created_at_ms)
             SELECT ?1, max(number) + 1, ?2, ?3 FROM workspaces WHERE TRUE
             ON CONFLICT (id) DO NOTHING
             RETURNING number",
        )?
        .query_row(
            params![
                workspace.id.as_str(),
                workspace.name,
                signed(workspace.created_at_ms)
            ],
            |row| count(row, "number"),
        )
        .optional()
}

pub(in super::super) fn rename_workspace(
    connection: &Connection,
    workspace: &Workspace,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE workspaces SET name = ? WHERE id = ?")?
        .execute(params![workspace.name, workspace.id.as_str()])?;
    Ok(())
}

pub(in super::super) fn create_key(connection: &Connection, key: &ApiKey) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO api_keys (id, workspace, role, name, sha256, created_at_ms, expires_at_ms)
             VALUES (?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            key.id.as_str(),
            key.workspace.as_ref().map(WorkspaceId::as_str),
            key.role.word(),
            key.name,
            key.digest.0.as_slice(),
            signed(key.created_at_ms),
            key.expires_at_ms.map(signed),
        ])?;
    Ok(())
}

pub(in super::super) fn revoke_key(
    connection: &Connection,
    key: &ApiKeyId,
    now_ms: u64,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE api_keys SET revoked_at_ms = coalesce(revoked_at_ms, ?) WHERE id = ?",
        )?
        .execute(params![signed(now_ms), key.as_str()])?;
    Ok(())
}

pub(in super::super) fn keep_event_type(
    connection: &Connection,
    event_type: &EventType,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO event_types (workspace, provider, name, description, schema, created_at_ms, updated_at_ms)
             VALUES (?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT (workspace, provider, name) DO UPDATE SET
                 description = excluded.description, schema = excluded.schema, updated_at_ms = excluded.updated_at_ms",
        )?
        .execute(params![
            event_type.workspace.as_str(),
            event_type.provider,
            event_type.name,
            event_type.description,
            event_type.schema,
            signed(event_type.created_at_ms),
            signed(event_type.updated_at_ms),
        ])?;
    Ok(())
}

pub(in super::super) fn forget_event_type(
    connection: &Connection,
    event_type: &EventType,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "DELETE FROM event_types WHERE workspace = ? AND provider = ? AND name = ?",
        )?
        .execute(params![
            event_type.workspace.as_str(),
            event_type.provider,
            event_type.name
        ])?;
    Ok(())
}
