//! Which ended deliveries a client means, from query parameters and from bodies.

use super::{
    problem::Problem,
    request::{Fields, Query},
};
use crate::{
    clock::parse_rfc3339,
    ids::{DeliveryId, EndpointId, WorkspaceId},
    records::replay::IDS_MAX,
    store::{EndedState, Selection, Word},
};
use countersign_core::delivery::DeadLetterReason;
use serde_json::Value;

/// The conditions of dead letters.
pub(super) const CONDITIONS: [&str; 8] = [
    "endpoint_id",
    "event_type",
    "reason",
    "created_since",
    "created_until",
    "died_since",
    "died_until",
    "acknowledged",
];

/// The conditions of deliveries that were delivered.
const CONDITIONS_DELIVERED: [&str; 6] = [
    "endpoint_id",
    "event_type",
    "created_since",
    "created_until",
    "delivered_since",
    "delivered_until",
];

/// Longest event type that is looked for; none is longer.
const EVENT_TYPE_BYTES_MAX: usize = 200;

/// From query parameters. Without `acknowledged`, dead letters that somebody has taken note of are left out.
pub(super) fn from_query(workspace: &WorkspaceId, query: &mut Query) -> Result<Selection, Problem> {
    read(workspace, EndedState::DeadLettered, |name| {
        query.take(name, "a text", |text| Some(text.to_owned()))
    })
}

/// From the fields `filter` and `ids` of a body; one of them must be there, so that nobody means all by mistake.
pub(super) fn from_fields(
    workspace: &WorkspaceId,
    state: EndedState,
    fields: &mut Fields,
) -> Result<Selection, Problem> {
    let ids: Option<Vec<String>> = fields.optional("ids", "a list of delivery ids")?;
    let filter = fields.raw("filter");
    if ids.is_none() && filter.is_none() {
        return Err(Problem::field(
            "missing_field",
            "filter",
            "give `ids`, or a `filter`; `{}` means all",
        ));
    }
    // Ids name their deliveries, whether somebody has taken note of them or not.
    let by_name = filter.is_none();
    let mut filter = Fields::parse(filter.as_deref().unwrap_or("{}").as_bytes())?;
    let mut selection = read(workspace, state, |name| {
        Ok(match filter.optional::<Value>(name, "a text")? {
            None => None,
            Some(Value::String(text)) => Some(text),
            Some(Value::Bool(value)) => Some(value.to_string()),
            Some(_) => {
                let detail = format!("`{name}` must be a text");
                return Err(Problem::field("wrong_type", name, detail));
            }
        })
    })?;
    filter.finish(match state {
        EndedState::DeadLettered => &CONDITIONS,
        EndedState::Delivered => &CONDITIONS_DELIVERED,
    })?;
    if by_name {
        selection.acknowledged = None;
    }
    selection.ids = ids.map(delivery_ids).transpose()?;
    Ok(selection)
}

fn delivery_ids(ids: Vec<String>) -> Result<Vec<DeliveryId>, Problem> {
    let invalid = |detail| Err(Problem::field("ids_invalid", "ids", detail));
    if ids.len() > IDS_MAX {
        let detail =
            format!("give at most {IDS_MAX} ids in one request, or a `filter` for what they share");
        return invalid(detail);
    }
    let parsed: Option<Vec<_>> = ids.iter().map(|id| DeliveryId::parse(id)).collect();
    match parsed {
        Some(ids) => Ok(ids),
        None => invalid("each of `ids` must be the id of a delivery (`dlv_...`)".to_owned()),
    }
}

fn read(
    workspace: &WorkspaceId,
    state: EndedState,
    mut take: impl FnMut(&str) -> Result<Option<String>, Problem>,
) -> Result<Selection, Problem> {
    let mut selection = Selection::all(workspace.clone(), state);
    let invalid = |name: &str, kind: &str| {
        Problem::field("filter_invalid", name, format!("`{name}` must be {kind}"))
    };
    if let Some(text) = take("endpoint_id")? {
        let id = EndpointId::parse(&text);
        selection.endpoint_id =
            Some(id.ok_or_else(|| invalid("endpoint_id", "the id of an endpoint"))?);
    }
    if let Some(text) = take("event_type")? {
        if text.len() > EVENT_TYPE_BYTES_MAX {
            return Err(invalid("event_type", "the name of an event type"));
        }
        selection.event_type = Some(text);
    }
    let mut time = |name: &str| match take(name)? {
        None => Ok(None),
        Some(text) => parse_rfc3339(&text)
            .map(Some)
            .ok_or_else(|| invalid(name, "a time with its zone, such as 2026-01-02T03:04:05Z")),
    };
    selection.created_since_ms = time("created_since")?;
    selection.created_until_ms = time("created_until")?;
    match state {
        EndedState::Delivered => {
            selection.ended_since_ms = time("delivered_since")?;
            selection.ended_until_ms = time("delivered_until")?;
        }
        EndedState::DeadLettered => {
            selection.ended_since_ms = time("died_since")?;
            selection.ended_until_ms = time("died_until")?;
            if let Some(text) = take("reason")? {
                let reason = DeadLetterReason::from_word(&text).ok_or_else(|| {
                    let words: Vec<_> = DeadLetterReason::ALL.iter().map(|r| r.word()).collect();
                    invalid("reason", &format!("one of {}", words.join(", ")))
                });
                selection.reason = Some(reason?);
            }
            selection.acknowledged = match take("acknowledged")?.as_deref() {
                None | Some("false") => Some(false),
                Some("true") => Some(true),
                Some("any") => None,
                Some(_) => return Err(invalid("acknowledged", "true, false or any")),
            };
        }
    }
    Ok(selection)
}
