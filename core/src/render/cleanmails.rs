//! Cleanmails. Source: PROVIDERS.md C23, C24, R-C8.

use super::{Trouble, lead_address, moment, number_id, required};
use crate::{
    event::{Event, EventKind},
    provider::cleanmails::{Data, EventType, Payload},
};
use alloc::{borrow::Cow, format};
use serde_json::Map;

pub(super) fn payload(event: &Event) -> Result<Payload, Trouble> {
    let kind = event.event_type.kind();
    Ok(Payload {
        event: EventType::with_kind(kind).ok_or(Trouble::NotExpressible)?,
        workspace_id: number_id(required(event.workspace_id.as_ref(), "workspace_id")?),
        timestamp: moment(
            required(event.occurred_at.as_ref(), "occurred_at")?,
            "occurred_at",
        )?,
        data: data(event, kind),
        other: Map::new(),
    })
}

/// R-C8: lead events carry the lead, campaign events the campaign.
fn data(event: &Event, kind: EventKind) -> Data {
    let mut data = Data {
        campaign_id: event.campaign.id.as_deref().map(number_id),
        campaign: event.campaign.name.clone(),
        ..Data::default()
    };
    match kind {
        EventKind::CampaignStarted | EventKind::CampaignCompleted | EventKind::CampaignPaused => {
            return data;
        }
        _ => {}
    }
    data.lead_id = event.lead.id.as_deref().map(number_id);
    data.lead_email = lead_address(event);
    data.lead_name = event.lead.name().map(Cow::into_owned);
    data.lead_company = event.lead.company.clone();
    if !matches!(kind, EventKind::LeadCreated | EventKind::LeadValidated) {
        data.sender_id = event.sender.id.as_deref().map(number_id);
        data.sender = event.sender.address.clone();
        data.message_id = event.message_id.as_ref().map(|id| format!("<{id}>"));
    }
    data
}
