//! The one story that all samples tell.

use super::Occasion;
use crate::{
    event::{BounceKind, Event, EventKind, Id},
    provider::Provider,
    time,
};
use alloc::{borrow::ToOwned, format, string::String, string::ToString};

/// What a provider's ids look like: numbers, or texts with a prefix (R-X6).
struct Ids {
    campaign: &'static str,
    lead: &'static str,
    sender: &'static str,
    email: &'static str,
    thread: &'static str,
}

const NUMBERS: Ids = Ids {
    campaign: "204",
    lead: "5120",
    sender: "17",
    email: "msg_5f0c2a",
    thread: "88",
};

const TEXTS: Ids = Ids {
    campaign: "cmp_q3plat",
    lead: "lead_maya01",
    sender: "acct_ida17",
    email: "msg_5f0c2a",
    thread: "thrd_7b1e90",
};

/// An hour, a minute: how far apart the first open and the last one are.
const FIRST_OPEN_BEFORE_MS: i64 = 3_660_000;

fn ids(provider: Provider) -> Ids {
    match provider {
        Provider::Cleanmails | Provider::Smartlead => NUMBERS,
        Provider::Sendemall | Provider::Platform => TEXTS,
    }
}

/// An id as the provider writes it.
pub(super) fn id(provider: Provider, text: &str) -> Id {
    match (provider, text.parse::<u64>()) {
        (Provider::Cleanmails | Provider::Smartlead, Ok(number)) => Id::Number(number.into()),
        _ => Id::Text(text.to_owned()),
    }
}

/// Fills in what is known of an event of this type. Rendering leaves out what does not belong to it.
pub(super) fn tell(event: &mut Event, provider: Provider, occasion: Occasion<'_>) {
    let ids = ids(provider);
    let some = |text: &str| -> Option<String> { Some(text.to_owned()) };
    event.event_id = Some(format!("evt_{}", occasion.id));
    event.occurred_at = Some(to_the_second(occasion.at_ms));
    event.workspace_id = Some(occasion.workspace_id.to_string());
    event.campaign.id = some(occasion.campaign_id.unwrap_or(ids.campaign));
    event.campaign.name = some("Platform teams, Q3");
    event.lead.id = some(ids.lead);
    event.lead.email = some("maya.lindqvist@example.com");
    event.lead.first_name = some("Maya");
    event.lead.last_name = some("Lindqvist");
    event.lead.company = some("Northwind Robotics");
    event.lead.custom_fields.insert(
        "job_title".to_owned(),
        "Head of Infrastructure".to_owned().into(),
    );
    event.sender.id = some(ids.sender);
    event.sender.address = some("ida@outreach.example");
    event.email_id = some(ids.email);
    event.message_id = some("5f0c2a.204@outreach.example");
    event.subject = some("Your build queue");
    event.step = Some(2);
    match event.event_type.kind() {
        EventKind::Opened => {
            event.opens.count = Some(3);
            let first_ms = occasion.at_ms.saturating_sub(FIRST_OPEN_BEFORE_MS);
            event.opens.first_at = Some(to_the_second(first_ms));
            event.opens.last_at = event.occurred_at.clone();
            event.user_agent =
                some("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0");
            event.country = some("SE");
        }
        EventKind::Clicked => event.url = some("https://outreach.example/demo?step=2"),
        EventKind::Replied => {
            event.thread_id = some(ids.thread);
            event.reply.subject = some("Re: Your build queue");
            event.reply.text = some(
                "Good timing, we are looking at this right now. Would Thursday at 10 suit you?",
            );
            event.reply.received_at = event.occurred_at.clone();
            event.reply.sentiment = some("positive");
            event.reply.message_id = some("c41d.maya@example.com");
        }
        EventKind::Bounced => {
            event.bounce.kind = Some(BounceKind::Hard);
            event.bounce.code = some("550");
            event.bounce.reason = some("5.1.1 The mailbox does not exist");
        }
        EventKind::Unsubscribed => event.suppressed_globally = Some(true),
        _ => {}
    }
}

fn to_the_second(at_ms: i64) -> String {
    time::format_rfc3339(at_ms)
}
