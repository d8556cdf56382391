//! Reading workspaces, keys and event types.

use super::super::{
    rows,
    session::{Fault, Session},
};
use crate::store::{ApiKey, EventType, Workspace};

pub(in super::super) async fn workspaces(session: &Session) -> Result<Vec<Workspace>, Fault> {
    let sql = "SELECT * FROM workspaces ORDER BY id";
    let found = session.rows(sql, &[]).await?;
    found.iter().map(rows::workspace).collect()
}

pub(in super::super) async fn keys(session: &Session) -> Result<Vec<ApiKey>, Fault> {
    let sql = "SELECT * FROM api_keys WHERE revoked_at_ms IS NULL ORDER BY id";
    let found = session.rows(sql, &[]).await?;
    found.iter().map(rows::api_key).collect()
}

pub(in super::super) async fn event_types(session: &Session) -> Result<Vec<EventType>, Fault> {
    let sql = "SELECT * FROM event_types ORDER BY workspace, provider, name";
    let found = session.rows(sql, &[]).await?;
    found.iter().map(rows::event_type).collect()
}
