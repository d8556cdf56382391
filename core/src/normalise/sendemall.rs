//! SendEmAll. Source: PROVIDERS.md E17 to E24, R-E12.

use super::{counted, filled, instant, instant_of, spelled};
use crate::{
    event::{Bounce, BounceKind, Campaign, Event, Lead, Opens, Reply, Source},
    provider::{
        PayloadError,
        model::Field,
        sendemall::{Data, Payload},
    },
};
use alloc::string::ToString;
use serde_json::Value;

pub(super) fn read(original: Value) -> Result<Event, PayloadError> {
    let payload = Payload::read(original.clone())?;
    let kind = payload.event.kind();
    let mut event = Event::new(
        Source::Sendemall,
        kind.into(),
        payload.event.as_str(),
        original,
    );
    // E35. An empty id tells no events apart.
    event.event_id = filled(Some(payload.id));
    event.dedupe = event.event_id.clone();
    event.occurred_at = instant(&payload.timestamp);
    let Data {
        campaign_id,
        campaign_name,
        lead_id,
        lead_email,
        lead_name,
        lead_company,
        bounce_type,
        bounce_code,
        bounce_message,
        sequence_step,
        url,
        open_count,
        first_opened_at,
        user_agent,
        ip_country,
        suppressed_globally,
        reply_sentiment,
        reply_preview,
        thread_id,
        other,
    } = payload.data;
    event.campaign = Campaign {
        id: campaign_id.map(|id| id.to_string()),
        name: campaign_name,
    };
    event.lead = Lead {
        id: lead_id.map(|id| id.to_string()),
        email: lead_email,
        full_name: lead_name,
        company: lead_company,
        ..Lead::default()
    };
    event.bounce = Bounce {
        kind: bounce_type.as_deref().and_then(BounceKind::named),
        code: spelled(bounce_code, &other, "bounce_code"),
        reason: bounce_message,
    };
    event.step = counted(sequence_step, &other, "sequence_step");
    event.url = url;
    event.opens = Opens {
        count: counted(open_count, &other, "open_count"),
        first_at: instant_of(first_opened_at.as_ref()),
        last_at: None,
    };
    event.user_agent = user_agent;
    event.country = ip_country;
    event.suppressed_globally = suppressed_globally;
    event.reply = Reply {
        sentiment: reply_sentiment,
        text: reply_preview,
        ..Reply::default()
    };
    event.thread_id = thread_id.map(|id| id.to_string());
    Ok(event)
}
