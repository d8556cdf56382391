//! Keys of events: which deliveries are repeats, and which events must stay in order.
//!
//! Every key is the text of a JSON array, so that different fields cannot run into each other (`["a","b"]` is never
//! `["ab"]`). It is as long as the fields in it; hash it where a store wants a fixed length.

use crate::event::{Event, Source};
use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a key of repeats is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum KeyPolicy {
    /// The id that the source gives (a header for Resend, Cleanmails and SmartLead, else in the body), and where it gives none
    /// the same as [`Fields`](Self::Fields). Source: N6, E35, R-S3, R-P10.
    #[default]
    Provider,
    /// All fields that tell events apart, whatever ids there are. For receivers that trust no header: the schemes of
    /// Cleanmails and SmartLead sign the body only (R-X1).
    Fields,
    /// SmartLead's guide: lead, event and timestamp. It merges events that differ: the same lead in two campaigns, two links
    /// in one second, and every repeated open (S37, R-S3, R-S4). For whoever must agree with an older receiver.
    SmartleadGuide,
    /// SmartLead's event reference: event id and timestamp. Its bodies have no event id, so there is a key only where a header
    /// brought one (S37, R-S3).
    SmartleadReference,
}

/// A key that all deliveries of one event share and no other event has. `None` only with
/// [`KeyPolicy::SmartleadReference`], where there is no event id.
///
/// Without an id, events count as the same when name, effective time (R-S4), timestamp, account, campaign, lead, mail,
/// recipients, step, link, reply and number of opens are the same; of Cleanmails, whose bodies hold neither id nor attempt
/// number (C25), also everything in `data`. A sender's retries repeat the bytes (R-X2), so they agree in all of it. A time
/// that the receiver put in ([`Event::occurred_at_inferred`]) does not count.
///
/// ```
/// use countersign_core::{event::Source, key::{KeyPolicy, idempotency_key}, normalise::parse};
///
/// let headers = [("svix-id", "msg_1")];
/// let events = parse(Source::Resend, &headers, br#"{"type":"email.sent"}"#).unwrap();
/// let key = idempotency_key(&events[0], KeyPolicy::default());
/// assert_eq!(key.as_deref(), Some(r#"["resend","id","msg_1"]"#));
/// ```
pub fn idempotency_key(event: &Event, policy: KeyPolicy) -> Option<String> {
    let source = event.provider.name();
    let parts = match (policy, &event.dedupe) {
        (KeyPolicy::Provider, Some(id)) => Vec::from([source.into(), "id".into(), text(id)]),
        (KeyPolicy::Provider, None) | (KeyPolicy::Fields, _) => fields(event),
        (KeyPolicy::SmartleadGuide, _) => Vec::from([
            source.into(),
            "lead+event+timestamp".into(),
            optional(event.lead.id.as_ref()),
            text(&event.provider_event),
            timestamp(event),
        ]),
        (KeyPolicy::SmartleadReference, Some(id)) => Vec::from([
            source.into(),
            "id+timestamp".into(),
            text(id),
            timestamp(event),
        ]),
        (KeyPolicy::SmartleadReference, None) => return None,
    };
    Some(array(parts))
}

/// Which events must be handled one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OrderScope {
    /// Those of one lead within one campaign.
    #[default]
    LeadInCampaign,
    /// Those of one lead, across campaigns.
    Lead,
    /// Those of one campaign.
    Campaign,
}

/// A key that all events share which must stay in order. The time is no part of it: within a key, order by [`order`] and not
/// by arrival (S38, R-E15).
///
/// A lead is known by its id, else by its address, else by the first recipient, else by the mail. Events of a campaign as a
/// whole have no lead, and a key of their own within the campaign.
pub fn ordering_key(event: &Event, scope: OrderScope) -> String {
    let lead = event.lead.id.as_deref();
    let lead = lead
        .or(event.recipient())
        .or(event.email_id.as_deref())
        .map_or(Value::Null, text);
    let campaign = optional(event.campaign.id.as_ref());
    let (name, campaign, lead) = match scope {
        OrderScope::LeadInCampaign => ("lead in campaign", campaign, lead),
        OrderScope::Lead => ("lead", Value::Null, lead),
        OrderScope::Campaign => ("campaign", campaign, Value::Null),
    };
    array(Vec::from([
        event.provider.name().into(),
        name.into(),
        optional(event.workspace_id.as_ref()),
        campaign,
        lead,
    ]))
}

/// Where an event stands within its [`ordering_key`]: its effective time in unix milliseconds (R-S4). `None` when there is
/// none that can be read.
pub fn order(event: &Event) -> Option<i64> {
    event.occurred_at_ms()
}

fn fields(event: &Event) -> Vec<Value> {
    let occurred_at = event
        .occurred_at
        .as_ref()
        .filter(|_| !event.occurred_at_inferred);
    // C25, R-C8: everything in it is a fact of the event.
    let data = match event.provider {
        Source::Cleanmails => event.original.get("data").cloned().unwrap_or_default(),
        _ => Value::Null,
    };
    Vec::from([
        event.provider.name().into(),
        "fields".into(),
        text(&event.provider_event),
        optional(occurred_at),
        wire_timestamp(event),
        optional(event.workspace_id.as_ref()),
        optional(event.campaign.id.as_ref()),
        optional(event.lead.id.as_ref()),
        optional(event.lead.email.as_ref()),
        optional(event.email_id.as_ref()),
        optional(event.message_id.as_ref()),
        event.recipients.iter().map(|to| text(to)).collect(),
        event.step.into(),
        optional(event.url.as_ref()),
        optional(event.reply.message_id.as_ref()),
        event.opens.count.into(),
        data,
    ])
}

/// `timestamp` as on the wire, which a repeated open shares with the first one (R-S4).
fn wire_timestamp(event: &Event) -> Value {
    event.original.get("timestamp").cloned().unwrap_or_default()
}

/// What SmartLead's documents call the timestamp; the flat forms have other names for it (R-S13).
fn timestamp(event: &Event) -> Value {
    match wire_timestamp(event) {
        Value::Null => optional(event.occurred_at.as_ref()),
        timestamp => timestamp,
    }
}

fn text(text: &str) -> Value {
    Value::String(text.into())
}

fn optional(field: Option<&String>) -> Value {
    field.map_or(Value::Null, |field| text(field))
}

fn array(parts: Vec<Value>) -> String {
    alloc::format!("{}", Value::Array(parts))
}

#[cfg(test)]
mod tests;
