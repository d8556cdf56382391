//! Which ended deliveries a client means, from query parameters and from bodies.

use super::{problem::Problem, typed, views::Same};
use crate::{
    clock::parse_rfc3339,
    ids::{DeliveryId, EndpointId, WorkspaceId},
    records::replay::IDS_MAX,
    store::{EndedState, Selection},
};
use countersign_api::{
    Acknowledgement, DeadLetterFilter, DeadLetterQuery, DeliveredFilter, Raw, Time,
};

/// Longest event type that is looked for; none is longer.
const EVENT_TYPE_BYTES_MAX: usize = 200;

/// From query parameters. Without `acknowledged`, dead letters that somebody has taken note of are left out.
pub(super) fn of_query(
    workspace: &WorkspaceId,
    query: DeadLetterQuery,
) -> Result<Selection, Problem> {
    let filter = DeadLetterFilter {
        endpoint_id: query.endpoint_id,
        event_type: query.event_type,
        created_since: query.created_since,
        created_until: query.created_until,
        reason: query.reason,
        died_since: query.died_since,
        died_until: query.died_until,
        acknowledged: query.acknowledged,
    };
    of_parameters(workspace, filter)
}

/// The same without the parameters of a page.
pub(super) fn of_parameters(
    workspace: &WorkspaceId,
    filter: DeadLetterFilter,
) -> Result<Selection, Problem> {
    dead_letters(workspace, filter, "query_invalid")
}

/// From the fields `ids` and `filter` of a body; one of them must be there, so that nobody means all by mistake.
pub(super) fn of_body<T: ?Sized>(
    workspace: &WorkspaceId,
    state: EndedState,
    ids: Option<Vec<String>>,
    filter: Option<&Raw<T>>,
) -> Result<Selection, Problem> {
    if ids.is_none() && filter.is_none() {
        return Err(Problem::field(
            "missing_field",
            "filter",
            "give `ids`, or a `filter`; `{}` means all",
        ));
    }
    let code = "filter_invalid";
    let mut selection = match (state, filter) {
        // Ids name their deliveries, whether somebody has taken note of them or not.
        (state, None) => Selection::all(workspace.clone(), state),
        (EndedState::DeadLettered, Some(raw)) => {
            dead_letters(workspace, typed::filter(raw)?, code)?
        }
        (EndedState::Delivered, Some(raw)) => delivered(workspace, typed::filter(raw)?, code)?,
    };
    selection.ids = ids.map(delivery_ids).transpose()?;
    Ok(selection)
}

fn dead_letters(
    workspace: &WorkspaceId,
    filter: DeadLetterFilter,
    code: &str,
) -> Result<Selection, Problem> {
    Ok(Selection {
        endpoint_id: endpoint_id(filter.endpoint_id.as_deref(), code)?,
        event_type: event_type(filter.event_type, code)?,
        reason: filter.reason.map(Same::same),
        acknowledged: match filter.acknowledged {
            None => Some(false),
            Some(Acknowledgement::Is(known)) => Some(known),
            Some(Acknowledgement::Either(_)) => None,
        },
        created_since_ms: moment("created_since", filter.created_since.as_ref(), code)?,
        created_until_ms: moment("created_until", filter.created_until.as_ref(), code)?,
        ended_since_ms: moment("died_since", filter.died_since.as_ref(), code)?,
        ended_until_ms: moment("died_until", filter.died_until.as_ref(), code)?,
        ..Selection::all(workspace.clone(), EndedState::DeadLettered)
    })
}

fn delivered(
    workspace: &WorkspaceId,
    filter: DeliveredFilter,
    code: &str,
) -> Result<Selection, Problem> {
    Ok(Selection {
        endpoint_id: endpoint_id(filter.endpoint_id.as_deref(), code)?,
        event_type: event_type(filter.event_type, code)?,
        created_since_ms: moment("created_since", filter.created_since.as_ref(), code)?,
        created_until_ms: moment("created_until", filter.created_until.as_ref(), code)?,
        ended_since_ms: moment("delivered_since", filter.delivered_since.as_ref(), code)?,
        ended_until_ms: moment("delivered_until", filter.delivered_until.as_ref(), code)?,
        ..Selection::all(workspace.clone(), EndedState::Delivered)
    })
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

/// The id of an endpoint.
pub(super) fn endpoint_id(text: Option<&str>, code: &str) -> Result<Option<EndpointId>, Problem> {
    let invalid = || {
        Problem::field(
            code,
            "endpoint_id",
            "`endpoint_id` must be the id of an endpoint",
        )
    };
    text.map(|text| EndpointId::parse(text).ok_or_else(invalid))
        .transpose()
}

/// The name of an event type.
pub(super) fn event_type(name: Option<String>, code: &str) -> Result<Option<String>, Problem> {
    match name {
        Some(name) if name.len() > EVENT_TYPE_BYTES_MAX => {
            let detail = "`event_type` must be the name of an event type";
            Err(Problem::field(code, "event_type", detail))
        }
        name => Ok(name),
    }
}

/// A moment in unix milliseconds.
pub(super) fn moment(name: &str, text: Option<&Time>, code: &str) -> Result<Option<u64>, Problem> {
    let invalid = || {
        let detail = format!("`{name}` must be a time with its zone, such as 2026-01-02T03:04:05Z");
        Problem::field(code, name, detail)
    };
    text.map(|text| parse_rfc3339(text.as_str()).ok_or_else(invalid))
        .transpose()
}
