//! Sample events, for tests of endpoints.

use crate::{
    message::{AskSample, Rejection},
    source::Source,
};
use countersign_core::{
    operational,
    sample::{self, Occasion, PING},
    standard,
    subscription::Scope,
    time::format_rfc3339_ms,
};

/// What a delivery of this kind would say now, within the endpoint's scope.
///
/// # Errors
/// [`Rejection`], when the source has no such type.
pub(crate) fn sample(wanted: &AskSample) -> Result<Vec<u8>, Rejection> {
    let event_type = wanted.event_type.as_deref();
    let provider = match Source::named(&wanted.provider)? {
        Source::Provider(provider) => provider,
        Source::Standard => return own(event_type, wanted.at_ms),
        Source::Operational => return ours(event_type, wanted.at_ms),
    };
    let occasion = Occasion {
        id: &wanted.id,
        at_ms: wanted.at_ms,
        workspace_id: wanted.workspace_id,
        campaign_id: match &wanted.rules.scope {
            Scope::Campaign(id) => Some(id),
            Scope::User | Scope::Client(_) => None,
        },
    };
    match event_type {
        None => Ok(sample::ping(provider, occasion).encode()),
        Some(event_type) => match sample::sample(provider, event_type, occasion) {
            Ok(payload) => Ok(payload.encode()),
            Err(error) => Err(unknown(error.to_string())),
        },
    }
}

/// One's own event: its types are an open set.
fn own(event_type: Option<&str>, at_ms: i64) -> Result<Vec<u8>, Rejection> {
    match event_type.unwrap_or(PING) {
        name if standard::is_event_type(name) => Ok(bare(name, at_ms)),
        _ => Err(unknown(format!(
            "an event type has 1 to {} letters, digits, `_`, `.` and `-`",
            standard::EVENT_TYPE_BYTES_MAX
        ))),
    }
}

/// An event about deliveries.
fn ours(event_type: Option<&str>, at_ms: i64) -> Result<Vec<u8>, Rejection> {
    match event_type.unwrap_or(PING) {
        name if name == PING || operational::EVENT_TYPES.contains(&name) => Ok(bare(name, at_ms)),
        name => {
            let known = operational::EVENT_TYPES.join(", ");
            Err(unknown(format!(
                "these events have no type {name}; known are: {known}"
            )))
        }
    }
}

/// The bare shape of Standard Webhooks.
fn bare(event_type: &str, at_ms: i64) -> Vec<u8> {
    let timestamp = format_rfc3339_ms(at_ms);
    let event = serde_json::json!({ "type": event_type, "timestamp": timestamp, "data": {} });
    event.to_string().into_bytes()
}

fn unknown(message: String) -> Rejection {
    Rejection {
        field: "event_type".to_owned(),
        code: "unknown_event_type".to_owned(),
        message,
    }
}
