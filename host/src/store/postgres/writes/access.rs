//! Keeping workspaces, keys and event types.

use super::super::{
    rows::{count, kept, signed},
    session::Fault,
    writer::Writing,
};
use crate::{
    ids::{ApiKeyId, WorkspaceId},
    store::{ApiKey, EventType, Word, Workspace},
};

pub(in super::super) async fn create_workspace(
    writing: &Writing,
    workspace: &Workspace,
) -> Result<Option<u32>, Fault> {
    // One at a time: the catalogue's row is locked until the end, and so each number is given once.
    writing.raise_catalogue().await?;
    let sql = "INSERT INTO workspaces (id, number, name, created_at_ms)
         SELECT $1, max(number) + 1, $2, $3 FROM workspaces
         ON CONFLICT (id) DO NOTHING
         RETURNING number";
    let session = &writing.session;
    let row = session
        .row(
            sql,
            &[
                &workspace.id.as_str(),
                &workspace.name.as_deref().map(kept),
                &signed(workspace.created_at_ms),
            ],
        )
        .await?;
    row.map(|row| count(&row, "number")).transpose()
}

pub(in super::super) async fn rename_workspace(
    writing: &Writing,
    workspace: &Workspace,
) -> Result<(), Fault> {
    writing.raise_catalogue().await?;
    let sql = "UPDATE workspaces SET name = $1 WHERE id = $2";
    let session = &writing.session;
    session
        .execute(
            sql,
            &[&workspace.name.as_deref().map(kept), &workspace.id.as_str()],
        )
        .await?;
    Ok(())
}

pub(in super::super) async fn create_key(writing: &Writing, key: &ApiKey) -> Result<(), Fault> {
    writing.raise_catalogue().await?;
    let sql =
        "INSERT INTO api_keys (id, workspace, role, name, sha256, created_at_ms, expires_at_ms)
         VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let session = &writing.session;
    session
        .execute(
            sql,
            &[
                &key.id.as_str(),
                &key.workspace.as_ref().map(WorkspaceId::as_str),
                &key.role.word(),
                &key.name.as_deref().map(kept),
                &key.digest.0.as_slice(),
                &signed(key.created_at_ms),
                &key.expires_at_ms.map(signed),
            ],
        )
        .await?;
    Ok(())
}

pub(in super::super) async fn revoke_key(
    writing: &Writing,
    key: &ApiKeyId,
    now_ms: u64,
) -> Result<(), Fault> {
    writing.raise_catalogue().await?;
    let sql = "UPDATE api_keys SET revoked_at_ms = coalesce(revoked_at_ms, $1) WHERE id = $2";
    let session = &writing.session;
    session
        .execute(sql, &[&signed(now_ms), &key.as_str()])
        .await?;
    Ok(())
}

pub(in super::super) async fn keep_event_type(
    writing: &Writing,
    event_type: &EventType,
) -> Result<(), Fault> {
    writing.raise_catalogue().await?;
    let sql = "INSERT INTO event_types (workspace, provider, name, description, schema, created_at_ms, updated_at_ms)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (workspace, provider, name) DO UPDATE SET
             description = excluded.description, schema = excluded.schema, updated_at_ms = excluded.updated_at_ms";
    let session = &writing.session;
    session
        .execute(
            sql,
            &[
                &event_type.workspace.as_str(),
                &event_type.provider,
                &event_type.name,
                &event_type.description.as_deref().map(kept),
                &event_type.schema,
                &signed(event_type.created_at_ms),
                &signed(event_type.updated_at_ms),
            ],
        )
        .await?;
    Ok(())
}

pub(in super::super) async fn forget_event_type(
    writing: &Writing,
    event_type: &EventType,
) -> Result<(), Fault> {
    writing.raise_catalogue().await?;
    let sql = "DELETE FROM event_types WHERE workspace = $1 AND provider = $2 AND name = $3";
    let session = &writing.session;
    session
        .execute(
            sql,
            &[
                &event_type.workspace.as_str(),
                &event_type.provider,
                &event_type.name,
            ],
        )
        .await?;
    Ok(())
}
