//! What an operator knows about where a sender puts things.

use crate::event::Event;
use alloc::{format, string::String};
use serde_json::Value;

/// Fields of a normalised event that can be filled from its original.
pub const FIELDS: [&str; 15] = [
    "campaign.id",
    "campaign.name",
    "email_id",
    "lead.company",
    "lead.email",
    "lead.first_name",
    "lead.full_name",
    "lead.id",
    "lead.last_name",
    "message_id",
    "sender.id",
    "step",
    "subject",
    "thread_id",
    "workspace_id",
];

/// Fills fields from the event's original, each by a JSON pointer into it: SendGrid's own arguments lie flat in it, Mailgun's in
/// `/event-data/user-variables`, Resend's in `/data/tags`. What is found there takes the place of what was read; where there is
/// no text or number (for `step`: whole number), the field stays as it was. Names that are none of [`FIELDS`] do nothing.
pub fn supply(event: &mut Event, fields: &[(String, String)]) {
    for (name, pointer) in fields {
        let Some(found) = event.original.pointer(pointer).and_then(text) else {
            continue;
        };
        let place = match name.as_str() {
            "campaign.id" => &mut event.campaign.id,
            "campaign.name" => &mut event.campaign.name,
            "email_id" => &mut event.email_id,
            "lead.company" => &mut event.lead.company,
            "lead.email" => &mut event.lead.email,
            "lead.first_name" => &mut event.lead.first_name,
            "lead.full_name" => &mut event.lead.full_name,
            "lead.id" => &mut event.lead.id,
            "lead.last_name" => &mut event.lead.last_name,
            "message_id" => &mut event.message_id,
            "sender.id" => &mut event.sender.id,
            "subject" => &mut event.subject,
            "thread_id" => &mut event.thread_id,
            "workspace_id" => &mut event.workspace_id,
            "step" => {
                event.step = found.parse().ok().or(event.step);
                continue;
            }
            _ => continue,
        };
        *place = Some(found);
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(format!("{number}")),
        _ => None,
    }
}
