//! From rows to values and back.

use crate::{
    ids::{DeliveryId, MessageId},
    store::{
        ApiKey, Attempt, Delivery, Endpoint, EventType, KeyDigest, Message, StateReason, Word,
        Workspace,
    },
};
use countersign_core::delivery::{EndpointHealth, FailureKind, Outcome};
use countersign_guest::EndpointSettings;
use rusqlite::{
    Row, ToSql,
    types::{FromSqlError, FromSqlResult, ToSqlOutput, Type, ValueRef},
};
use std::{str::FromStr, sync::Arc};

/// A column that another program must have written: it is not of the form that this one writes.
#[derive(Debug)]
struct Foreign(String);

impl std::fmt::Display for Foreign {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "unexpected value {:?}", self.0)
    }
}

impl std::error::Error for Foreign {}

pub(super) fn foreign(text: impl Into<String>) -> rusqlite::Error {
    let error = Box::new(Foreign(text.into()));
    rusqlite::Error::FromSqlConversionFailure(0, Type::Text, error)
}

/// The ids of the deliveries of a message; takes the parameters of [`of_message`].
pub(super) const OF_MESSAGE: &str = "SELECT id FROM deliveries WHERE id BETWEEN :low AND :high
    UNION ALL SELECT delivery_id FROM deliveries_apart WHERE message_id = :message";

/// Parameters of [`OF_MESSAGE`].
pub(super) struct OfMessage {
    message: MessageId,
    low: DeliveryId,
    high: DeliveryId,
}

pub(super) fn of_message(message: &MessageId) -> OfMessage {
    let (low, high) = DeliveryId::span(message);
    OfMessage {
        message: message.clone(),
        low,
        high,
    }
}

impl OfMessage {
    pub(super) fn parameters(&self) -> [(&'static str, &dyn ToSql); 3] {
        [
            (":low", &self.low),
            (":high", &self.high),
            (":message", &self.message),
        ]
    }
}

macro_rules! id_parameters {
    ($($id:ty),*) => {$(
        impl ToSql for $id {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(self.as_str().into())
            }
        }
    )*};
}

id_parameters!(DeliveryId, MessageId);

fn text<'a>(row: &'a Row<'_>, column: &str) -> rusqlite::Result<&'a str> {
    Ok(row.get_ref(column)?.as_str()?)
}

pub(super) fn id<T: FromStr>(row: &Row<'_>, column: &str) -> rusqlite::Result<T> {
    let text = text(row, column)?;
    text.parse().map_err(|_| foreign(text))
}

pub(super) fn optional_id<T: FromStr>(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<T>> {
    match row.get_ref(column)? {
        ValueRef::Null => Ok(None),
        _ => id(row, column).map(Some),
    }
}

pub(super) fn word<T: Word>(row: &Row<'_>, column: &str) -> rusqlite::Result<T> {
    let text = text(row, column)?;
    T::from_word(text).ok_or_else(|| foreign(text))
}

pub(super) fn optional_word<T: Word>(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<T>> {
    match row.get_ref(column)? {
        ValueRef::Null => Ok(None),
        _ => word(row, column).map(Some),
    }
}

/// Times and counts are stored as signed numbers; none that this program writes is negative.
pub(super) fn number(row: &Row<'_>, column: &str) -> rusqlite::Result<u64> {
    unsigned(row.get_ref(column)?).map_err(rusqlite::Error::from)
}

pub(super) fn optional_number(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<u64>> {
    match row.get_ref(column)? {
        ValueRef::Null => Ok(None),
        value => Ok(Some(unsigned(value)?)),
    }
}

fn unsigned(value: ValueRef<'_>) -> FromSqlResult<u64> {
    let signed = value.as_i64()?;
    u64::try_from(signed).map_err(|_| FromSqlError::OutOfRange(signed))
}

pub(super) fn count(row: &Row<'_>, column: &str) -> rusqlite::Result<u32> {
    let number = number(row, column)?;
    u32::try_from(number).map_err(|_| foreign(number.to_string()))
}

/// A time or count as SQLite keeps it.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn endpoint(row: &Row<'_>) -> rusqlite::Result<Endpoint> {
    let rules = text(row, "rules")?;
    let settings = text(row, "settings")?;
    let reason = optional_word(row, "reason")?;
    Ok(Endpoint {
        id: id(row, "id")?,
        workspace: id(row, "workspace")?,
        number: count(row, "number")?,
        provider: row.get("provider")?,
        url: row.get("url")?,
        name: row.get("name")?,
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
        health: EndpointHealth {
            failed_in_a_row: count(row, "failed_in_a_row")?,
            exhausted_in_a_row: count(row, "exhausted_in_a_row")?,
            pauses_in_a_row: count(row, "pauses_in_a_row")?,
            failing_since_ms: optional_number(row, "failing_since_ms")?,
            last_success_at_ms: optional_number(row, "last_success_at_ms")?,
            warned_percent: row.get("warned_percent")?,
            unwell: row.get("unwell")?,
        },
        version: number(row, "version")?,
        created_at_ms: number(row, "created_at_ms")?,
    })
}

pub(super) fn message(row: &Row<'_>) -> rusqlite::Result<Message> {
    Ok(Message {
        id: id(row, "id")?,
        workspace: id(row, "workspace")?,
        provider: row.get("provider")?,
        event_type: row.get("event_type")?,
        created_at_ms: number(row, "created_at_ms")?,
    })
}

/// Of a row of `deliveries` with `event_type` and `workspace` of its message.
pub(super) fn delivery(row: &Row<'_>) -> rusqlite::Result<Delivery> {
    Ok(Delivery {
        id: id(row, "id")?,
        workspace: id(row, "workspace")?,
        message_id: id(row, "message_id")?,
        endpoint_id: id(row, "endpoint_id")?,
        event_type: row.get("event_type")?,
        state: word(row, "state")?,
        dead_reason: optional_word(row, "dead_reason")?,
        attempts: count(row, "attempts_total")?,
        next_attempt_at_ms: optional_number(row, "next_attempt_at_ms")?,
        acknowledged_at_ms: optional_number(row, "acknowledged_at_ms")?,
        created_at_ms: number(row, "created_at_ms")?,
        updated_at_ms: number(row, "updated_at_ms")?,
    })
}

pub(super) fn workspace(row: &Row<'_>) -> rusqlite::Result<Workspace> {
    Ok(Workspace {
        id: id(row, "id")?,
        number: count(row, "number")?,
        name: row.get("name")?,
        created_at_ms: number(row, "created_at_ms")?,
    })
}

pub(super) fn api_key(row: &Row<'_>) -> rusqlite::Result<ApiKey> {
    Ok(ApiKey {
        id: id(row, "id")?,
        workspace: optional_id(row, "workspace")?,
        role: word(row, "role")?,
        name: row.get("name")?,
        digest: KeyDigest(row.get("sha256")?),
        created_at_ms: number(row, "created_at_ms")?,
        expires_at_ms: optional_number(row, "expires_at_ms")?,
    })
}

pub(super) fn event_type(row: &Row<'_>) -> rusqlite::Result<EventType> {
    Ok(EventType {
        workspace: id(row, "workspace")?,
        provider: row.get("provider")?,
        name: row.get("name")?,
        description: row.get("description")?,
        schema: row.get("schema")?,
        created_at_ms: number(row, "created_at_ms")?,
        updated_at_ms: number(row, "updated_at_ms")?,
    })
}

pub(super) fn attempt(row: &Row<'_>) -> rusqlite::Result<Attempt> {
    let outcome = match optional_word::<FailureKind>(row, "failure")? {
        Some(kind) => Outcome::Failure(kind),
        None => Outcome::Response {
            status: row.get("status")?,
            retry_after_s: row.get("retry_after_s")?,
        },
    };
    Ok(Attempt {
        id: id(row, "id")?,
        number: count(row, "number")?,
        started_at_ms: number(row, "started_at_ms")?,
        duration_ms: number(row, "duration_ms")?,
        outcome,
        detail: row.get("detail")?,
        response: row.get("response")?,
    })
}
