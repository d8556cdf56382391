//! Cleanmails. Source: PROVIDERS.md C22 to C25, R-C7, R-C8.

use super::{bare, header, instant};
use crate::{
    event::{Campaign, Event, Lead, Sender, Source},
    headers::Headers,
    provider::{
        PayloadError,
        cleanmails::{Data, Payload},
        model::Field,
    },
};
use alloc::string::ToString;
use serde_json::Value;

pub(super) fn read<H: Headers + ?Sized>(
    original: Value,
    headers: &H,
) -> Result<Event, PayloadError> {
    let payload = Payload::read(original.clone())?;
    let kind = payload.event.kind();
    let mut event = Event::new(
        Source::Cleanmails,
        kind.into(),
        payload.event.as_str(),
        original,
    );
    // C25: no id in the body; R-X1: a sender may add the standard's.
    event.dedupe = header(headers, &["webhook-id"]);
    event.occurred_at = instant(&payload.timestamp);
    event.workspace_id = Some(payload.workspace_id.to_string());
    let Data {
        lead_id,
        lead_email,
        lead_name,
        lead_company,
        campaign_id,
        campaign,
        sender_id,
        sender,
        message_id,
        other: _,
    } = payload.data;
    event.lead = Lead {
        id: lead_id.map(|id| id.to_string()),
        email: lead_email,
        full_name: lead_name,
        company: lead_company,
        ..Lead::default()
    };
    event.campaign = Campaign {
        id: campaign_id.map(|id| id.to_string()),
        name: campaign,
    };
    event.sender = Sender {
        id: sender_id.map(|id| id.to_string()),
        address: sender,
    };
    event.message_id = message_id.map(|id| bare(&id));
    Ok(event)
}
