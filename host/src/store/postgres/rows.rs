//! From rows to values and back.

use super::session::Fault;
use crate::store::{
    ApiKey, Attempt, Delivery, Endpoint, EventType, KeyDigest, Message, StateReason, Word,
    Workspace,
};
use countersign_core::delivery::{EndpointHealth, FailureKind, Outcome};
use countersign_guest::EndpointSettings;
use std::{borrow::Cow, str::FromStr, sync::Arc};
use tokio_postgres::Row;

pub(super) fn foreign(text: impl Into<String>) -> Fault {
    Fault::Foreign(text.into())
}

pub(super) fn text<'a>(row: &'a Row, column: &str) -> Result<&'a str, Fault> {
    Ok(row.try_get(column)?)
}

pub(super) fn optional_text(row: &Row, column: &str) -> Result<Option<String>, Fault> {
    Ok(row.try_get(column)?)
}

pub(super) fn id<T: FromStr>(row: &Row, column: &str) -> Result<T, Fault> {
    let text = text(row, column)?;
    text.parse().map_err(|_| foreign(text))
}

pub(super) fn optional_id<T: FromStr>(row: &Row, column: &str) -> Result<Option<T>, Fault> {
    let text: Option<&str> = row.try_get(column)?;
    text.map(|text| text.parse().map_err(|_| foreign(text)))
        .transpose()
}

pub(super) fn word<T: Word>(row: &Row, column: &str) -> Result<T, Fault> {
    let text = text(row, column)?;
    T::from_word(text).ok_or_else(|| foreign(text))
}

pub(super) fn optional_word<T: Word>(row: &Row, column: &str) -> Result<Option<T>, Fault> {
    let text: Option<&str> = row.try_get(column)?;
    text.map(|text| T::from_word(text).ok_or_else(|| foreign(text)))
        .transpose()
}

/// Times and counts are stored as signed numbers; none that this program writes is negative.
pub(super) fn number(row: &Row, column: &str) -> Result<u64, Fault> {
    unsigned(row.try_get(column)?)
}

pub(super) fn optional_number(row: &Row, column: &str) -> Result<Option<u64>, Fault> {
    let signed: Option<i64> = row.try_get(column)?;
    signed.map(unsigned).transpose()
}

fn unsigned(signed: i64) -> Result<u64, Fault> {
    u64::try_from(signed).map_err(|_| foreign(signed.to_string()))
}

pub(super) fn count(row: &Row, column: &str) -> Result<u32, Fault> {
    let number = number(row, column)?;
    u32::try_from(number).map_err(|_| foreign(number.to_string()))
}

pub(super) fn optional_count(row: &Row, column: &str) -> Result<Option<u32>, Fault> {
    let number = optional_number(row, column)?;
    number
        .map(|number| u32::try_from(number).map_err(|_| foreign(number.to_string())))
        .transpose()
}

fn small<T: TryFrom<u64>>(row: &Row, column: &str) -> Result<T, Fault> {
    let number = number(row, column)?;
    T::try_from(number).map_err(|_| foreign(number.to_string()))
}

/// A text as the database keeps it: it has no place for the character U+0000, which nobody means anything by.
pub(super) fn kept(text: &str) -> Cow<'_, str> {
    match text.contains('\0') {
        true => Cow::Owned(text.replace('\0', "\u{fffd}")),
        false => Cow::Borrowed(text),
    }
}

/// A time or count as the database keeps it.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The columns of an endpoint, with `endpoint_health` beside `endpoints`.
pub(super) const ENDPOINTS: &str =
    "SELECT * FROM endpoints JOIN endpoint_health ON endpoint_id = id";

pub(super) fn endpoint(row: &Row) -> Result<Endpoint, Fault> {
    let rules = text(row, "rules")?;
    let settings = text(row, "settings")?;
    let reason = optional_word(row, "reason")?;
    Ok(Endpoint {
        id: id(row, "id")?,
        workspace: id(row, "workspace")?,
        number: count(row, "number")?,
        provider: row.try_get("provider")?,
        url: row.try_get("url")?,
        name: row.try_get("name")?,
        rules: serde_json::from_str(rules).map_err(|_| foreign(rules))?,
        settings: EndpointSettings::from_json(settings)
            .map(Arc::new)
            .ok_or_else(|| foreign(settings))?,
        // From tables of their own.
        secrets: Vec::new(),
        identity: None,
        state: StateReason::told(word(row, "state")?, reason),
        reason,
        since_ms: number(row, "since_ms")?,
        probe_at_ms: optional_number(row, "probe_at_ms")?,
        health: health(row)?,
        version: number(row, "version")?,
        created_at_ms: number(row, "created_at_ms")?,
    })
}

pub(super) fn health(row: &Row) -> Result<EndpointHealth, Fault> {
    Ok(EndpointHealth {
        failed_in_a_row: count(row, "failed_in_a_row")?,
        exhausted_in_a_row: count(row, "exhausted_in_a_row")?,
        pauses_in_a_row: count(row, "pauses_in_a_row")?,
        failing_since_ms: optional_number(row, "failing_since_ms")?,
        last_success_at_ms: optional_number(row, "last_success_at_ms")?,
        warned_percent: small(row, "warned_percent")?,
        unwell: row.try_get("unwell")?,
    })
}

pub(super) fn message(row: &Row) -> Result<Message, Fault> {
    Ok(Message {
        id: id(row, "id")?,
        workspace: id(row, "workspace")?,
        provider: row.try_get("provider")?,
        event_type: row.try_get("event_type")?,
        created_at_ms: number(row, "created_at_ms")?,
    })
}

/// Of a row of `deliveries` with `event_type` and `workspace` of its message.
pub(super) fn delivery(row: &Row) -> Result<Delivery, Fault> {
    Ok(Delivery {
        id: id(row, "id")?,
        workspace: id(row, "workspace")?,
        message_id: id(row, "message_id")?,
        endpoint_id: id(row, "endpoint_id")?,
        event_type: row.try_get("event_type")?,
        state: word(row, "state")?,
        dead_reason: optional_word(row, "dead_reason")?,
        attempts: count(row, "attempts_total")?,
        next_attempt_at_ms: optional_number(row, "next_attempt_at_ms")?,
        acknowledged_at_ms: optional_number(row, "acknowledged_at_ms")?,
        created_at_ms: number(row, "created_at_ms")?,
        updated_at_ms: number(row, "updated_at_ms")?,
    })
}

pub(super) fn workspace(row: &Row) -> Result<Workspace, Fault> {
    Ok(Workspace {
        id: id(row, "id")?,
        number: count(row, "number")?,
        name: row.try_get("name")?,
        created_at_ms: number(row, "created_at_ms")?,
    })
}

pub(super) fn digest(row: &Row, column: &str) -> Result<[u8; 32], Fault> {
    let bytes: &[u8] = row.try_get(column)?;
    bytes
        .try_into()
        .map_err(|_| foreign(format!("a digest of {} bytes", bytes.len())))
}

pub(super) fn api_key(row: &Row) -> Result<ApiKey, Fault> {
    Ok(ApiKey {
        id: id(row, "id")?,
        workspace: optional_id(row, "workspace")?,
        role: word(row, "role")?,
        name: row.try_get("name")?,
        digest: KeyDigest(digest(row, "sha256")?),
        created_at_ms: number(row, "created_at_ms")?,
        expires_at_ms: optional_number(row, "expires_at_ms")?,
    })
}

pub(super) fn event_type(row: &Row) -> Result<EventType, Fault> {
    Ok(EventType {
        workspace: id(row, "workspace")?,
        provider: row.try_get("provider")?,
        name: row.try_get("name")?,
        description: row.try_get("description")?,
        schema: row.try_get("schema")?,
        created_at_ms: number(row, "created_at_ms")?,
        updated_at_ms: number(row, "updated_at_ms")?,
    })
}

pub(super) fn attempt(row: &Row) -> Result<Attempt, Fault> {
    let outcome = match optional_word::<FailureKind>(row, "failure")? {
        Some(kind) => Outcome::Failure(kind),
        None => Outcome::Response {
            status: small(row, "status")?,
            retry_after_s: optional_count(row, "retry_after_s")?,
        },
    };
    Ok(Attempt {
        id: id(row, "id")?,
        number: count(row, "number")?,
        started_at_ms: number(row, "started_at_ms")?,
        duration_ms: number(row, "duration_ms")?,
        outcome,
        detail: row.try_get("detail")?,
        response: row.try_get("response")?,
    })
}
