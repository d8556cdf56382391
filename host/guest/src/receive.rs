//! Requests of other senders: what they say, and who gets it in which format.

use crate::{
    message::{Format, PassedOn, Published, Reader, Receive, Received, ReceivedEvent, Rejection},
    publish::{Whose, addressed, dropped_as_bot, own_addressed},
    source,
};
use countersign_core::{
    event::{Event, Source, UnknownSource},
    inbound::{Own, Places, is_by_machine, once, supply, used_once},
    normalise::parse_part,
    provider::{Defaults, PayloadError},
    render::render,
    standard,
};
use serde::Serialize;
use serde_json::json;

/// Reads some events of a request and finds who gets them.
pub(crate) fn receive(request: &Receive) -> Result<Received, Rejection> {
    let (events, more) = match &request.reader {
        Reader::Source(name) => known(Source::named(name)?, request)?,
        Reader::Own { name, places } if request.first == 0 => {
            (vec![own(name, places, request)?], false)
        }
        Reader::Own { .. } => (Vec::new(), false),
    };
    let scheme = request.scheme.as_deref().filter(|_| request.first == 0);
    Ok(Received {
        events,
        more,
        used_once: scheme.and_then(|scheme| used_once(scheme, &request.body)),
    })
}

fn known(source: Source, request: &Receive) -> Result<(Vec<ReceivedEvent>, bool), Rejection> {
    let (first, most) = (request.first as usize, request.most as usize);
    let part = parse_part(source, &request.headers, &request.body, first, most)?;
    let events = part.events.into_iter().zip(request.first..);
    let received = events.map(|(mut event, place)| {
        let once = once(&event);
        complete(&mut event, place, request);
        let pass_on = |format| passed_on(&event, format, request);
        ReceivedEvent {
            event_type: event.event_type.as_str().to_owned(),
            key: once.key,
            key_lasts: once.is_lasting,
            passed_on: request.formats.iter().map(pass_on).collect(),
            event: written(&event),
        }
    });
    Ok((received.collect(), part.more))
}

/// What formats ask for and the source does not say, as far as it is known here.
fn complete(event: &mut Event, place: u32, request: &Receive) {
    supply(event, &request.fields);
    event
        .event_id
        .get_or_insert_with(|| event_id(place, request));
    let workspace_id = &mut event.workspace_id;
    workspace_id.get_or_insert_with(|| request.workspace_id.clone());
    // R-P9.
    if event.occurred_at.is_none() {
        event.occurred_at = Some(request.received_at.clone());
        event.occurred_at_inferred = true;
    }
}

/// The same when the request is read again, as it is when an endpoint changed meanwhile.
fn event_id(place: u32, request: &Receive) -> String {
    format!("evt_{}_{place}", request.id)
}

fn passed_on(event: &Event, format: &Format, request: &Receive) -> PassedOn {
    let bot = is_by_machine(event);
    if dropped_as_bot(bot, event.event_type.kind()) {
        return PassedOn::Skipped {
            code: "by_machine".to_owned(),
            message: "opens and clicks by machines are not passed on".to_owned(),
        };
    }
    match source::Source::named(&format.provider) {
        // R-P8: what a format has no name for is stored only.
        Ok(source::Source::Provider(provider)) => match render(event, provider) {
            Ok(payload) => {
                let whose = Whose {
                    client_id: None,
                    bot: false,
                    overlap: request.overlap,
                };
                sent(addressed(provider, &payload, whose, &format.endpoints))
            }
            Err(error) => PassedOn::Skipped {
                code: error.code().to_owned(),
                message: error.to_string(),
            },
        },
        Ok(source::Source::Standard) => own_sent(
            &standard::render(event, &request.received_at),
            format,
            request,
        ),
        Ok(source::Source::Operational) | Err(_) => other_format(&format.provider),
    }
}

fn sent(published: Published) -> PassedOn {
    match published.matches.is_empty() {
        true => PassedOn::Unwanted,
        false => PassedOn::Message(published),
    }
}

/// In the shape of a workspace's own events.
fn own_sent(body: &[u8], format: &Format, request: &Receive) -> PassedOn {
    let defaults = Defaults {
        id: &request.id,
        timestamp: &request.received_at,
    };
    match standard::Payload::complete(body, defaults) {
        Ok(payload) => sent(own_addressed(&payload, false, &format.endpoints)),
        Err(error) => unfit(&error),
    }
}

fn unfit(error: &PayloadError) -> PassedOn {
    PassedOn::Skipped {
        code: error.code().to_owned(),
        message: error.to_string(),
    }
}

fn other_format(name: &str) -> PassedOn {
    PassedOn::Skipped {
        code: "not_expressible".to_owned(),
        message: format!("{name} has no place for such events"),
    }
}

fn own(name: &str, places: &Places, request: &Receive) -> Result<ReceivedEvent, Rejection> {
    let own = Own::read(name, places, &request.headers, &request.body)?;
    // Without an id, an event that is equal in all is a repeat.
    let key = match &own.event_id {
        Some(id) => json!(["id", id]),
        None => json!(["body", &own.event_type, &own.occurred_at, &own.data]),
    };
    let key_lasts = own.event_id.is_some() || own.occurred_at.is_some();
    let occurred_at = own.occurred_at.as_ref().unwrap_or(&request.received_at);
    let payload = json!({"type": own.event_type, "timestamp": occurred_at, "data": &own.data});
    let payload = written(&payload);
    let pass_on = |format: &Format| match source::Source::named(&format.provider) {
        Ok(source::Source::Standard) => own_sent(&payload, format, request),
        _ => other_format(&format.provider),
    };
    let passed_on = request.formats.iter().map(pass_on).collect();
    let mut event = json!({
        "type": own.event_type,
        "provider": name,
        "event_id": own.event_id.unwrap_or_else(|| event_id(0, request)),
        "occurred_at": occurred_at,
        "original": own.data,
    });
    if own.occurred_at.is_none() {
        event["occurred_at_inferred"] = true.into();
    }
    Ok(ReceivedEvent {
        event_type: own.event_type,
        key: key.to_string(),
        key_lasts,
        event: written(&event),
        passed_on,
    })
}

fn written<T: Serialize>(value: &T) -> Vec<u8> {
    // Maps with keys that are texts: nothing that JSON cannot hold.
    serde_json::to_vec(value).unwrap_or_default()
}

impl From<UnknownSource> for Rejection {
    fn from(error: UnknownSource) -> Self {
        Self {
            field: "provider".to_owned(),
            code: "unknown_source".to_owned(),
            message: error.to_string(),
        }
    }
}

#[cfg(test)]
mod tests;
