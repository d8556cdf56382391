//! SendEmAll. Source: PROVIDERS.md E17 to E24, R-E12.

use super::{Trouble, lead_address, moment, moment_of, required, text_id};
use crate::{
    event::{BounceKind, Event, EventKind},
    provider::sendemall::{Data, EventType, Payload},
};
use alloc::borrow::{Cow, ToOwned};
use serde_json::Map;

pub(super) fn payload(event: &Event) -> Result<Payload, Trouble> {
    let kind = event.event_type.kind();
    Ok(Payload {
        event: EventType::with_kind(kind).ok_or(Trouble::NotExpressible)?,
        id: required(event.event_id.as_ref(), "event_id")?.to_owned(),
        timestamp: moment(
            required(event.occurred_at.as_ref(), "occurred_at")?,
            "occurred_at",
        )?,
        data: data(event, kind)?,
        other: Map::new(),
    })
}

fn data(event: &Event, kind: EventKind) -> Result<Data, Trouble> {
    let mut data = Data {
        campaign_id: event.campaign.id.as_deref().map(text_id),
        campaign_name: event.campaign.name.clone(),
        ..Data::default()
    };
    if kind == EventKind::CampaignCompleted {
        return Ok(data);
    }
    data.lead_id = event.lead.id.as_deref().map(text_id);
    data.lead_email = lead_address(event);
    data.lead_name = event.lead.name().map(Cow::into_owned);
    data.lead_company = event.lead.company.clone();
    data.sequence_step = event.step;
    match kind {
        EventKind::Opened => {
            data.open_count = event.opens.count;
            data.first_opened_at = moment_of(event.opens.first_at.as_ref(), "opens.first_at")?;
            data.user_agent = event.user_agent.clone();
            data.ip_country = event.country.clone();
        }
        EventKind::Clicked => data.url = event.url.clone(),
        EventKind::Bounced => {
            let kind = event.bounce.kind.map(BounceKind::as_str);
            data.bounce_type = kind.map(ToOwned::to_owned);
            data.bounce_code = event.bounce.code.clone();
            data.bounce_message = event.bounce.reason.clone();
        }
        EventKind::Replied => {
            data.reply_sentiment = event.reply.sentiment.clone();
            data.reply_preview = event.reply.text.clone();
            data.thread_id = event.thread_id.as_deref().map(text_id);
        }
        EventKind::Unsubscribed => data.suppressed_globally = event.suppressed_globally,
        _ => {}
    }
    Ok(data)
}
