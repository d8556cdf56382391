//! Messages of a workspace and provider with their bodies, newest first.
//!
//! The provider is part of what is read and not of the search, so that a read ends after a known number of rows, however few of
//! them are its own.

use super::super::rows;
use crate::{
    ids::MessageId,
    store::{Bodies, BodyPage},
};
use bytes::Bytes;
use rusqlite::{Connection, named_params};

/// Rows that a read looks at.
const ROWS_MAX: u64 = 5_000;

/// A body is looked up only for messages that fit.
macro_rules! messages {
    ($place:literal) => {
        concat!(
            "SELECT messages.*, body, provider = :provider AND workspace = :workspace AS fits
             FROM messages LEFT JOIN bodies ON bodies.message_id = messages.id AND bodies.format = :provider
                 AND provider = :provider AND workspace = :workspace
             WHERE ",
            $place,
            "messages.id < :before ORDER BY messages.id DESC"
        )
    };
}

/// Of the workspace that most messages are of, which has no index of its own.
pub(in super::super) const DEFAULT: &str = messages!("");
/// Of another one. The condition is that of an index, word for word.
pub(in super::super) const OTHER: &str =
    messages!("workspace <> 'default' AND workspace = :workspace AND ");

pub(in super::super) fn bodies(
    connection: &Connection,
    asked: &Bodies,
) -> rusqlite::Result<BodyPage> {
    let newest = MessageId::floor(u64::MAX);
    let before = asked.before.as_ref().unwrap_or(&newest);
    let sql = match asked.workspace.is_default() {
        true => DEFAULT,
        false => OTHER,
    };
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(named_params! {
        ":provider": asked.provider, ":workspace": asked.workspace.as_str(), ":before": before.as_str(),
    })?;
    let mut found = Vec::new();
    let (mut looked_at, mut bytes): (u64, u64) = (0, 0);
    while let Some(row) = rows.next()? {
        looked_at = looked_at.saturating_add(1);
        if row.get("fits")? {
            let body: Option<Vec<u8>> = row.get("body")?;
            let length = body.as_ref().map_or(0, Vec::len);
            bytes = bytes.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
            found.push((rows::message(row)?, body.map(Bytes::from)));
        }
        let enough = found.len() >= asked.limit as usize || bytes >= asked.bytes_max;
        if enough || looked_at >= ROWS_MAX {
            let next = rows::id(row, "id").map(Some)?;
            return Ok(BodyPage { found, next });
        }
    }
    Ok(BodyPage { found, next: None })
}
