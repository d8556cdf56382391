//! Reading what other senders posted.

use super::super::rows;
use crate::{
    ids::InboundId,
    store::{Inbound, InboundEvent, InboundFilter, InboundView},
};
use rusqlite::{Connection, OptionalExtension, Row, params};

/// All but the body.
const COLUMNS: &str =
    "id, workspace, source, provider, verified, scheme, received_at_ms, events_total, body_sha256,
    length(body) AS body_bytes";

pub(in super::super) fn list(
    connection: &Connection,
    filter: &InboundFilter,
) -> rusqlite::Result<Vec<Inbound>> {
    let of_source = match filter.source {
        Some(_) => "source = ?2",
        None => "?2 IS NULL",
    };
    let older = match filter.after {
        Some(_) => "id < ?3",
        None => "?3 IS NULL",
    };
    let sql = format!(
        "SELECT {COLUMNS} FROM inbound_requests WHERE workspace = ?1 AND {of_source} AND {older} ORDER BY id DESC LIMIT ?4"
    );
    let after = filter.after.as_ref().map(InboundId::as_str);
    connection
        .prepare_cached(&sql)?
        .query_map(
            params![
                filter.workspace.as_str(),
                filter.source,
                after,
                filter.limit
            ],
            read,
        )?
        .collect()
}

pub(in super::super) fn view(
    connection: &Connection,
    id: &InboundId,
    from: u64,
    limit: u32,
) -> rusqlite::Result<Option<InboundView>> {
    let sql = format!("SELECT {COLUMNS}, body FROM inbound_requests WHERE id = ?");
    let found = connection
        .prepare_cached(&sql)?
        .query_row([id.as_str()], |row| Ok((read(row)?, row.get("body")?)))
        .optional()?;
    let Some((request, body)) = found else {
        return Ok(None);
    };
    let events = connection
        .prepare_cached(
            "SELECT place, event_type, event, passed_on FROM inbound_events
             WHERE inbound_id = ? AND place >= ? ORDER BY place LIMIT ?",
        )?
        .query_map(params![id.as_str(), rows::signed(from), limit], |row| {
            Ok(InboundEvent {
                place: rows::number(row, "place")?,
                event_type: row.get("event_type")?,
                event: row.get("event")?,
                passed_on: row.get("passed_on")?,
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok(Some(InboundView {
        request,
        body,
        events,
    }))
}

fn read(row: &Row<'_>) -> rusqlite::Result<Inbound> {
    Ok(Inbound {
        id: rows::id(row, "id")?,
        workspace: rows::id(row, "workspace")?,
        source: row.get("source")?,
        provider: row.get("provider")?,
        verified: rows::word(row, "verified")?,
        scheme: row.get("scheme")?,
        received_at_ms: rows::number(row, "received_at_ms")?,
        events_total: rows::number(row, "events_total")?,
        body_sha256: row.get("body_sha256")?,
        body_bytes: rows::number(row, "body_bytes")?,
    })
}
