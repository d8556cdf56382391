//! Whether the file is sound: for SQLite, and for us.

use super::{schema, writer::failed};
use crate::store::StoreError;
use rusqlite::{Connection, ErrorCode};
use std::{path::Path, sync::mpsc, thread, time::Duration};

/// Findings that are told of one check; more say nothing new.
const FINDINGS_MAX: u32 = 10;

/// How the file is checked before it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StartCheck {
    Off,
    /// Pages and rows, for a limited time.
    Quick,
    /// Also every index against its table, however long it takes.
    Full,
}

/// What must hold between rows: what is wrong, and where it is.
const INVARIANTS: [(&str, &str); 13] = [
    (
        "a delivery without its message",
        "SELECT id FROM deliveries WHERE message_id NOT IN (SELECT id FROM messages)",
    ),
    (
        "a delivery without its endpoint",
        "SELECT id FROM deliveries WHERE endpoint_id NOT IN (SELECT id FROM endpoints)",
    ),
    (
        "a delivery that has not ended, without its body",
        "SELECT id FROM deliveries
         WHERE state IN ('pending', 'sending', 'waiting', 'held') AND body_id NOT IN (SELECT id FROM bodies)",
    ),
    (
        "a pending delivery without the time of its next attempt",
        "SELECT id FROM deliveries WHERE state = 'pending' AND next_attempt_at_ms IS NULL",
    ),
    (
        "a dead letter without a reason",
        "SELECT id FROM deliveries WHERE state = 'dead_lettered' AND dead_reason IS NULL",
    ),
    (
        "a delivery that has ended and keeps its place in an order",
        "SELECT id FROM deliveries
         WHERE state IN ('delivered', 'dead_lettered', 'cancelled') AND order_place IS NOT NULL",
    ),
    (
        "a delivery that waits for no other",
        "SELECT waits.id FROM deliveries AS waits JOIN endpoints ON endpoints.id = waits.endpoint_id
         WHERE waits.state = 'waiting' AND deleted_at_ms IS NULL AND NOT EXISTS (
             SELECT 1 FROM deliveries AS first
             WHERE first.order_place IS NOT NULL AND first.endpoint_id = waits.endpoint_id
                 AND first.order_key = waits.order_key AND first.order_place < waits.order_place)",
    ),
    (
        "a delivery that does not wait although another of its key came first",
        "SELECT later.id FROM deliveries AS later
         WHERE later.order_place IS NOT NULL AND later.state <> 'waiting' AND EXISTS (
             SELECT 1 FROM deliveries AS first
             WHERE first.order_place IS NOT NULL AND first.endpoint_id = later.endpoint_id
                 AND first.order_key = later.order_key AND first.order_place < later.order_place)",
    ),
    (
        "a body without its message",
        "SELECT id FROM bodies WHERE message_id NOT IN (SELECT id FROM messages)",
    ),
    (
        "an attempt without its delivery",
        "SELECT id FROM attempts WHERE delivery_id NOT IN (SELECT id FROM deliveries)",
    ),
    (
        "a delivery with more attempts than it counts",
        "SELECT delivery_id FROM attempts JOIN deliveries ON deliveries.id = delivery_id WHERE number > attempts_total",
    ),
    (
        "an inbound event without its request",
        "SELECT inbound_id FROM inbound_events WHERE inbound_id NOT IN (SELECT id FROM inbound_requests)",
    ),
    (
        "a counter that differs from what it counts",
        "SELECT name FROM counters WHERE value <> CASE name
             WHEN 'messages' THEN (SELECT count(*) FROM messages)
             ELSE (SELECT count(*) FROM deliveries WHERE state = name) END",
    ),
];

/// Checks the file at the start.
///
/// # Errors
/// [`StoreError::Damaged`]
pub(super) fn at_start(
    connection: &Connection,
    store: &Path,
    check: StartCheck,
    limit: Duration,
) -> Result<(), StoreError> {
    let findings = match check {
        StartCheck::Off => return Ok(()),
        StartCheck::Full => ask(connection, "integrity_check"),
        StartCheck::Quick => {
            let handle = connection.get_interrupt_handle();
            let (ended, has_ended) = mpsc::channel::<()>();
            thread::scope(|scope| {
                scope.spawn(move || {
                    if let Err(mpsc::RecvTimeoutError::Timeout) = has_ended.recv_timeout(limit) {
                        handle.interrupt();
                    }
                });
                let findings = ask(connection, "quick_check");
                drop(ended);
                findings
            })
        }
    };
    match findings {
        Ok(findings) => match findings.into_iter().next() {
            None => Ok(()),
            Some(problem) => Err(damaged(store, problem)),
        },
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => {
            tracing::warn!(
                limit_s = limit.as_secs(),
                "the check of the file did not end in time, no fault was found so far; `countersign check` does all of it"
            );
            Ok(())
        }
        Err(error) if is_damage(&error) => Err(damaged(store, error.to_string())),
        Err(error) => Err(failed("checking the file", &error)),
    }
}

/// Checks everything, also while a host uses the file. Returns what is wrong.
///
/// # Errors
/// [`StoreError`]
pub fn check(store: &Path) -> Result<Vec<String>, StoreError> {
    let connection = match schema::open_visitor(store) {
        Err(StoreError::Damaged { problem, .. }) => return Ok(vec![problem]),
        opened => opened?,
    };
    let mut findings = match ask(&connection, "integrity_check") {
        Ok(findings) => findings,
        // Nothing more can be asked of such a file.
        Err(error) if is_damage(&error) => return Ok(vec![error.to_string()]),
        Err(error) => return Err(failed("checking the file", &error)),
    };
    for (wrong, sql) in INVARIANTS {
        let found = connection
            .prepare(&format!("{sql} LIMIT {FINDINGS_MAX}"))
            .and_then(|mut statement| {
                statement
                    .query_map([], |row| {
                        row.get::<_, String>(0)
                            .or_else(|_| row.get::<_, i64>(0).map(|id| id.to_string()))
                    })?
                    .collect::<rusqlite::Result<Vec<_>>>()
            });
        match found {
            Ok(ids) => findings.extend(ids.iter().map(|id| format!("{wrong}: {id}"))),
            Err(error) if is_damage(&error) => findings.push(error.to_string()),
            Err(error) => return Err(failed("checking the rows", &error)),
        }
    }
    Ok(findings)
}

/// What `integrity_check` or `quick_check` finds wrong.
pub(super) fn ask(connection: &Connection, pragma: &str) -> rusqlite::Result<Vec<String>> {
    let findings: Vec<String> = connection
        .prepare(&format!("PRAGMA {pragma}({FINDINGS_MAX})"))?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    Ok(match findings.as_slice() {
        [only] if only == "ok" => Vec::new(),
        _ => findings,
    })
}

pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    )
}

pub(super) fn damaged(store: &Path, problem: String) -> StoreError {
    StoreError::Damaged {
        path: store.to_owned(),
        problem,
    }
}
