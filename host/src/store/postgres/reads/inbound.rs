//! Reading what other senders posted.

use super::super::{
    rows,
    session::{Fault, Session},
};
use crate::{
    ids::InboundId,
    store::{Inbound, InboundEvent, InboundFilter, InboundView},
};
use tokio_postgres::Row;

/// All but the body.
macro_rules! columns {
    () => {
        "id, workspace, source, provider, verified, scheme, received_at_ms, events_total, body_sha256,
         CAST(octet_length(body) AS BIGINT) AS body_bytes"
    };
}

const OF_SOURCE: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM inbound_requests WHERE workspace = $1 AND id < $2 AND source = $4 ORDER BY id DESC LIMIT $3"
);
const OF_ALL: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM inbound_requests WHERE workspace = $1 AND id < $2 ORDER BY id DESC LIMIT $3"
);

pub(in super::super) async fn list(
    session: &Session,
    filter: &InboundFilter,
) -> Result<Vec<Inbound>, Fault> {
    let newest = InboundId::floor(u64::MAX);
    let before = filter.after.as_ref().unwrap_or(&newest).as_str();
    let workspace = filter.workspace.as_str();
    let limit = i64::from(filter.limit);
    let found = match &filter.source {
        Some(source) => {
            session
                .rows(OF_SOURCE, &[&workspace, &before, &limit, source])
                .await?
        }
        None => session.rows(OF_ALL, &[&workspace, &before, &limit]).await?,
    };
    found.iter().map(read).collect()
}

pub(in super::super) async fn view(
    session: &Session,
    id: &InboundId,
    from: u64,
    limit: u32,
) -> Result<Option<InboundView>, Fault> {
    let sql = concat!(
        "SELECT ",
        columns!(),
        ", body FROM inbound_requests WHERE id = $1"
    );
    let Some(row) = session.row(sql, &[&id.as_str()]).await? else {
        return Ok(None);
    };
    let sql = "SELECT place, event_type, event, passed_on FROM inbound_events
        WHERE inbound_id = $1 AND place >= $2 ORDER BY place LIMIT $3";
    let (from, limit) = (rows::signed(from), i64::from(limit));
    let events = session.rows(sql, &[&id.as_str(), &from, &limit]).await?;
    Ok(Some(InboundView {
        request: read(&row)?,
        body: row.try_get("body")?,
        events: events.iter().map(event).collect::<Result<_, _>>()?,
    }))
}

fn event(row: &Row) -> Result<InboundEvent, Fault> {
    Ok(InboundEvent {
        place: rows::number(row, "place")?,
        event_type: row.try_get("event_type")?,
        event: row.try_get("event")?,
        passed_on: row.try_get("passed_on")?,
    })
}

fn read(row: &Row) -> Result<Inbound, Fault> {
    Ok(Inbound {
        id: rows::id(row, "id")?,
        workspace: rows::id(row, "workspace")?,
        source: row.try_get("source")?,
        provider: row.try_get("provider")?,
        verified: rows::word(row, "verified")?,
        scheme: row.try_get("scheme")?,
        received_at_ms: rows::number(row, "received_at_ms")?,
        events_total: rows::number(row, "events_total")?,
        body_sha256: rows::digest(row, "body_sha256")?,
        body_bytes: rows::number(row, "body_bytes")?,
    })
}
