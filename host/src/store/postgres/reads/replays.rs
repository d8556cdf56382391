//! Reading replays.

use super::super::{
    rows,
    session::{Fault, Session},
};
use crate::{
    ids::{DeliveryId, ReplayId, WorkspaceId},
    store::{Counted, Replay, Selection},
};
use tokio_postgres::Row;

pub(in super::super) async fn replays(
    session: &Session,
    workspace: &WorkspaceId,
    after: Option<&ReplayId>,
    limit: u32,
) -> Result<Vec<Replay>, Fault> {
    let sql = "SELECT * FROM replays WHERE workspace = $1 AND id < $2 ORDER BY id DESC LIMIT $3";
    let newest = ReplayId::floor(u64::MAX);
    let before = after.unwrap_or(&newest).as_str();
    let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 3] =
        [&workspace.as_str(), &before, &i64::from(limit)];
    let found = session.rows(sql, &parameters).await?;
    found.iter().map(read).collect()
}

pub(in super::super) async fn open_replays(session: &Session) -> Result<Vec<Replay>, Fault> {
    let sql = "SELECT * FROM replays WHERE state IN ('running', 'paused') ORDER BY id DESC";
    let found = session.rows(sql, &[]).await?;
    found.iter().map(read).collect()
}

pub(in super::super) async fn replay(
    session: &Session,
    replay: &ReplayId,
) -> Result<Option<Replay>, Fault> {
    let sql = "SELECT * FROM replays WHERE id = $1";
    let found = session.row(sql, &[&replay.as_str()]).await?;
    found.as_ref().map(read).transpose()
}

/// A row of `replays`.
pub(in super::super) fn read(row: &Row) -> Result<Replay, Fault> {
    Ok(Replay {
        id: rows::id(row, "id")?,
        state: rows::word(row, "state")?,
        selection: Selection {
            workspace: rows::id(row, "workspace")?,
            state: rows::word(row, "delivery_state")?,
            endpoint_id: rows::optional_id(row, "endpoint_id")?,
            event_type: rows::optional_text(row, "event_type")?,
            reason: rows::optional_word(row, "dead_reason")?,
            acknowledged: row.try_get("acknowledged")?,
            created_since_ms: rows::optional_number(row, "created_since_ms")?,
            created_until_ms: rows::optional_number(row, "created_until_ms")?,
            ended_since_ms: rows::optional_number(row, "ended_since_ms")?,
            ended_until_ms: rows::optional_number(row, "ended_until_ms")?,
            ids: rows::optional_text(row, "ids")?
                .map(|text| ids(&text))
                .transpose()?,
        },
        per_second: rows::count(row, "per_second")?,
        matched: Counted {
            count: rows::number(row, "matched")?,
            at_least: row.try_get("matched_at_least")?,
        },
        cursor: rows::optional_id(row, "cursor")?,
        replayed: rows::number(row, "replayed")?,
        skipped: rows::number(row, "skipped")?,
        created_at_ms: rows::number(row, "created_at_ms")?,
        updated_at_ms: rows::number(row, "updated_at_ms")?,
    })
}

fn ids(text: &str) -> Result<Vec<DeliveryId>, Fault> {
    let ids: Option<Vec<String>> = serde_json::from_str(text).ok();
    let ids = ids.and_then(|ids| ids.iter().map(|id| DeliveryId::parse(id)).collect());
    ids.ok_or_else(|| rows::foreign(text))
}
