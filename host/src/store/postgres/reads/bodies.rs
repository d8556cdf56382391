//! Messages of a workspace and provider with their bodies, newest first.
//!
//! The provider is part of what is read and not of the search, so that a read ends after a known number of rows, however few of
//! them are its own. Lengths come first, bodies after: none is read that does not go into the page.

use super::{
    super::{
        rows,
        session::{Fault, Session},
    },
    walk,
};
use crate::{
    ids::MessageId,
    store::{Bodies, BodyPage, Message},
};
use bytes::Bytes;
use std::collections::HashMap;

/// Rows that a read looks at.
const ROWS_MAX: i64 = 5_000;

/// The search; takes `$1` workspace, `$2` before.
macro_rules! looked_at {
    (default) => {
        "SELECT * FROM messages WHERE id < $2 ORDER BY id DESC LIMIT $3"
    };
    // The condition is that of an index, word for word, and rows are compared as a whole: see `lists`.
    (other) => {
        "SELECT * FROM messages WHERE workspace <> 'default' AND (workspace, id) >= ($1, '') AND (workspace, id) < ($1, $2)
         ORDER BY workspace DESC, id DESC LIMIT $3"
    };
}

macro_rules! messages {
    ($of:ident) => {
        concat!(
            "SELECT looked_at.*, CAST(length AS BIGINT) AS body_bytes FROM (",
            looked_at!($of),
            ") AS looked_at
             LEFT JOIN LATERAL (SELECT octet_length(body) AS length FROM bodies WHERE message_id = looked_at.id LIMIT 1)
                 AS kept ON TRUE
             WHERE workspace = $1 AND provider = $4 ORDER BY id DESC LIMIT $5"
        )
    };
}

pub(super) const DEFAULT: &str = messages!(default);
pub(super) const OTHER: &str = messages!(other);

macro_rules! edge {
    ($of:ident) => {
        concat!(
            "SELECT id FROM (",
            looked_at!($of),
            ") AS looked_at WHERE CAST($1 AS TEXT) IS NOT NULL ORDER BY id DESC OFFSET $4 LIMIT 2"
        )
    };
}

pub(in super::super) async fn bodies(session: &Session, asked: &Bodies) -> Result<BodyPage, Fault> {
    let newest = MessageId::floor(u64::MAX);
    let before = asked.before.as_ref().unwrap_or(&newest).as_str();
    let workspace = asked.workspace.as_str();
    let (sql, edge_sql) = match asked.workspace.is_default() {
        true => (DEFAULT, edge!(default)),
        false => (OTHER, edge!(other)),
    };
    let limit = i64::from(asked.limit);
    let page = walk::page(
        session,
        sql,
        &[&workspace, &before, &ROWS_MAX, &asked.provider, &limit],
        asked.limit,
    )
    .await?;
    let mut found: Vec<(Message, bool)> = Vec::with_capacity(page.rows.len());
    let mut bytes: u64 = 0;
    for row in &page.rows {
        let length = rows::optional_number(row, "body_bytes")?;
        bytes = bytes.saturating_add(length.unwrap_or(0));
        found.push((rows::message(row)?, length.is_some()));
        if bytes >= asked.bytes_max {
            break;
        }
    }
    let next = match page.is_full || bytes >= asked.bytes_max {
        true => found.last().map(|(message, _)| message.id.clone()),
        false => {
            let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 4] =
                [&workspace, &before, &ROWS_MAX, &(ROWS_MAX - 1)];
            walk::edge(session, edge_sql, &parameters).await?.0
        }
    };
    let kept = found.iter().filter(|(_, is_kept)| *is_kept);
    let ids: Vec<&str> = kept.map(|(message, _)| message.id.as_str()).collect();
    let mut bodies = by_message(session, &ids).await?;
    let found = found.into_iter().map(|(message, _)| {
        let body = bodies.remove(&message.id);
        (message, body)
    });
    Ok(BodyPage {
        found: found.collect(),
        next,
    })
}

/// The bodies of these messages, as far as they are still kept.
pub(super) async fn by_message(
    session: &Session,
    messages: &[&str],
) -> Result<HashMap<MessageId, Bytes>, Fault> {
    if messages.is_empty() {
        return Ok(HashMap::new());
    }
    let sql = "SELECT message_id, body FROM bodies WHERE message_id = ANY($1)";
    let found = session.rows(sql, &[&messages]).await?;
    found
        .iter()
        .map(|row| {
            let body: Vec<u8> = row.try_get("body")?;
            Ok((rows::id(row, "message_id")?, Bytes::from(body)))
        })
        .collect()
}
