use super::*;
use crate::{
    event::{BounceKind, EventType, Source},
    normalise::{NO_HEADERS, parse},
};
use alloc::{string::ToString, vec::Vec};
use serde_json::{Value, json};

fn event(event_type: EventType) -> Event {
    let mut event = Event::new(Source::Mailgun, event_type, "x", Value::Null);
    event.occurred_at = Some("2026-01-02T03:04:05.000Z".to_owned());
    event.workspace_id = Some("1".to_owned());
    event.event_id = Some("evt_1".to_owned());
    event.email_id = Some("77".to_owned());
    event.campaign.id = Some("18".to_owned());
    event.lead.id = Some("0012".to_owned());
    event
}

fn body(event: &Event, provider: Provider) -> Value {
    serde_json::from_slice(&render(event, provider).unwrap().encode()).unwrap()
}

// Holds: C23, S8, E17, R-X6
#[test]
fn ids_have_the_type_that_the_provider_documents() {
    let event = event(EventType::EmailSent);
    assert_eq!(
        body(&event, Provider::Smartlead),
        json!({"event": "EMAIL_SENT", "timestamp": "2026-01-02T03:04:05Z", "campaign_id": 18, "lead_id": "0012"}),
        "what is no plain number stays text"
    );
    assert_eq!(
        body(&event, Provider::Cleanmails),
        json!({"event": "email.sent", "workspace_id": 1, "timestamp": "2026-01-02T03:04:05Z",
            "data": {"lead_id": "0012", "campaign_id": 18}})
    );
    assert_eq!(
        body(&event, Provider::Sendemall),
        json!({"event": "email.sent", "id": "evt_1", "timestamp": "2026-01-02T03:04:05Z",
            "data": {"lead_id": "0012", "campaign_id": "18"}})
    );
    for id in ["+1", "-1", "1.0", "", "18446744073709551616", "１"] {
        assert_eq!(number_id(id), Id::Text(id.to_owned()));
    }
    assert_eq!(
        number_id("18446744073709551615").to_string(),
        u64::MAX.to_string()
    );
}

#[test]
fn a_field_that_a_provider_requires_is_named() {
    let missing = |field: &str, provider| {
        let mut event = event(EventType::EmailOpened);
        match field {
            "workspace_id" => event.workspace_id = None,
            "occurred_at" => event.occurred_at = None,
            "event_id" => event.event_id = None,
            "email_id" => event.email_id = None,
            "campaign.id" => event.campaign.id = None,
            "lead.id" => event.lead.id = None,
            _ => unreachable!(),
        }
        render(&event, provider)
    };
    for (provider, required) in [
        (
            Provider::Cleanmails,
            ["workspace_id", "occurred_at"].as_slice(),
        ),
        (
            Provider::Smartlead,
            &["occurred_at", "campaign.id", "lead.id"],
        ),
        (Provider::Sendemall, &["event_id", "occurred_at"]),
        (Provider::Platform, &["email_id"]),
    ] {
        for field in [
            "workspace_id",
            "occurred_at",
            "event_id",
            "email_id",
            "campaign.id",
            "lead.id",
        ] {
            match missing(field, provider) {
                Err(RenderError::Missing { field: named, .. }) => {
                    assert_eq!(named, field);
                    assert!(required.contains(&field), "{provider:?} {field}");
                }
                Ok(_) => assert!(!required.contains(&field), "{provider:?} {field}"),
                Err(other) => panic!("{other}"),
            }
        }
    }
}

// Holds: R-P8
#[test]
fn what_a_provider_has_no_name_for_is_not_expressible() {
    for (event_type, able) in [
        (EventType::EmailDelivered, [false, false, true, false]),
        (EventType::EmailSent, [true, true, true, false]),
        (EventType::EmailUnsubscribed, [true; 4]),
        (EventType::LeadCreated, [true, false, false, false]),
        (EventType::CampaignCompleted, [true, false, true, false]),
        (EventType::EmailComplained, [false; 4]),
        (EventType::EmailScheduled, [false; 4]),
        (EventType::other(), [false; 4]),
    ] {
        for (provider, able) in Provider::ALL.into_iter().zip(able) {
            let error = render(&event(event_type.clone()), provider).err();
            assert_eq!(error.is_none(), able, "{provider:?} {event_type:?}");
            assert!(error.is_none_or(|error| error.code() == "not_expressible"));
        }
    }
}

// Holds: R-X10
#[test]
fn moments_keep_their_milliseconds_and_nothing_else_is_taken_for_one() {
    let mut event = event(EventType::EmailOpened);
    event.occurred_at = Some("2026-01-02T04:04:05.250+01:00".to_owned());
    assert_eq!(
        body(&event, Provider::Platform)["timestamp"],
        "2026-01-02T03:04:05.250Z"
    );
    event.occurred_at = Some("yesterday".to_owned());
    let error = render(&event, Provider::Platform).unwrap_err();
    assert_eq!(
        error,
        RenderError::TimeInvalid {
            field: "occurred_at"
        }
    );
}

// Holds: R-S4
#[test]
fn a_repeated_open_carries_the_first_one_s_time() {
    let mut event = event(EventType::EmailOpened);
    event.opens.first_at = Some("2026-01-01T00:00:00.000Z".to_owned());
    let body = body(&event, Provider::Smartlead);
    assert_eq!(body["timestamp"], "2026-01-01T00:00:00Z");
    assert_eq!(body["last_opened_at"], "2026-01-02T03:04:05Z");
    let text = body.to_string();
    let back = parse(Source::Smartlead, &NO_HEADERS, text.as_bytes()).unwrap();
    assert_eq!(back[0].occurred_at, event.occurred_at);
}

/// The names of a body's fields, in alphabetical order.
fn names(body: &Value) -> Vec<&str> {
    let mut names: Vec<_> = body
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    names.sort_unstable();
    names
}

// Holds: S8 to S10, S12 to S17, R-S8
#[test]
fn smartlead_s_bodies_hold_what_is_known_and_ask_for_four_fields_only() {
    let types = [
        (EventType::EmailSent, &[][..]),
        (
            EventType::EmailOpened,
            &["first_opened_at", "last_opened_at", "opened_count"],
        ),
        (EventType::EmailClicked, &["link"]),
        (EventType::EmailReplied, &["reply"]),
        (EventType::EmailBounced, &["bounce_reason", "bounce_type"]),
        (EventType::EmailUnsubscribed, &[]),
    ];
    for (event_type, own) in types {
        let mut event = event(event_type.clone());
        let required = ["campaign_id", "event", "lead_id", "timestamp"];
        let bare = body(&event, Provider::Smartlead);
        let mut expected = required.to_vec();
        if event_type == EventType::EmailOpened {
            // Its own time: `timestamp` is that of the first open.
            expected.push("last_opened_at");
        }
        expected.sort_unstable();
        assert_eq!(names(&bare), expected, "{event_type:?}");

        event.campaign.name = Some("Q2".to_owned());
        event.sender.id = Some("456".to_owned());
        event.step = Some(2);
        event.lead.email = Some("a@b.example".to_owned());
        event.opens.count = Some(3);
        event.opens.first_at = Some("2026-01-01T00:00:00Z".to_owned());
        event.url = Some("https://c.example/".to_owned());
        event.reply.text = Some("Yes".to_owned());
        event.bounce.kind = Some(BounceKind::Hard);
        event.bounce.reason = Some("none of that name".to_owned());
        let full = body(&event, Provider::Smartlead);
        let known = [
            "campaign_name",
            "email_account_id",
            "lead",
            "sequence_number",
        ];
        let mut expected = [&required[..], &known, own].concat();
        expected.sort_unstable();
        assert_eq!(names(&full), expected, "{event_type:?}");
        assert_eq!(
            full["lead"],
            json!({"email": "a@b.example"}),
            "S10: the rest can be missing"
        );
        assert!(
            ["campaign_id", "email_account_id", "sequence_number"]
                .iter()
                .all(|name| full[*name].is_u64()),
            "{full}"
        );
        match event_type {
            EventType::EmailOpened => assert_eq!(full["opened_count"], 3),
            EventType::EmailClicked => assert_eq!(
                full["link"],
                json!({"url": "https://c.example/", "clicked_at": "2026-01-02T03:04:05Z"})
            ),
            EventType::EmailReplied => assert_eq!(full["reply"], json!({"body": "Yes"})),
            EventType::EmailBounced => assert_eq!(full["bounce_type"], "hard"),
            _ => {}
        }
    }
}

#[test]
fn names_are_joined_but_never_split() {
    let mut event = event(EventType::EmailReplied);
    event.lead.first_name = Some("Ada".to_owned());
    event.lead.last_name = Some("Lovelace".to_owned());
    assert_eq!(
        body(&event, Provider::Cleanmails)["data"]["lead_name"],
        "Ada Lovelace"
    );
    event.lead.first_name = Some(String::new());
    assert_eq!(
        body(&event, Provider::Cleanmails)["data"]["lead_name"],
        "Lovelace"
    );
    event.lead.first_name = None;
    event.lead.last_name = None;
    event.lead.full_name = Some("Ada Lovelace".to_owned());
    assert_eq!(body(&event, Provider::Smartlead).get("lead"), None);
}

// Holds: S16, E20
#[test]
fn a_bounce_is_written_in_every_dialect() {
    let mut event = event(EventType::EmailBounced);
    event.bounce.kind = Some(BounceKind::Soft);
    event.bounce.code = Some("421".to_owned());
    event.bounce.reason = Some("busy".to_owned());
    assert_eq!(body(&event, Provider::Smartlead)["bounce_reason"], "busy");
    let data = &body(&event, Provider::Sendemall)["data"];
    assert_eq!(
        (&data["bounce_code"], &data["bounce_message"]),
        (&json!("421"), &json!("busy"))
    );
    assert_eq!(body(&event, Provider::Platform)["bounce_type"], "soft");
}
