use super::*;
use crate::normalise::{NO_HEADERS, parse};
use alloc::string::ToString;
use serde_json::json;

fn event(source: Source, body: &Value) -> Event {
    let mut events = parse(source, &NO_HEADERS, body.to_string().as_bytes()).unwrap();
    events.remove(0)
}

fn key(source: Source, body: &Value, policy: KeyPolicy) -> String {
    idempotency_key(&event(source, body), policy).unwrap()
}

fn changed(body: &Value, field: &str, value: Value) -> Value {
    let mut body = body.clone();
    body[field] = value;
    body
}

fn click() -> Value {
    json!({"event": "EMAIL_CLICKED", "timestamp": "2024-11-25T10:45:00Z", "campaign_id": 123, "lead_id": 789,
        "sequence_number": 1, "link": {"url": "https://example.com/1"}})
}

fn open() -> Value {
    json!({"event": "EMAIL_OPENED", "timestamp": "2024-01-15T10:30:00Z", "campaign_id": 123, "lead_id": 789,
        "opened_count": 1, "last_opened_at": "2024-01-15T10:30:00Z"})
}

// Holds: S37, R-S3, R-S4
#[test]
fn the_guide_s_key_merges_what_ours_keeps_apart() {
    let pairs = [
        (
            "another campaign",
            click(),
            changed(&click(), "campaign_id", json!(124)),
        ),
        (
            "another link",
            click(),
            changed(&click(), "link", json!({"url": "https://example.com/2"})),
        ),
        (
            "another step",
            click(),
            changed(&click(), "sequence_number", json!(2)),
        ),
        (
            "another open",
            open(),
            changed(
                &changed(&open(), "opened_count", json!(2)),
                "last_opened_at",
                json!("2024-01-15T14:20:00Z"),
            ),
        ),
    ];
    for (what, one, other) in pairs {
        let same =
            |policy| key(Source::Smartlead, &one, policy) == key(Source::Smartlead, &other, policy);
        assert!(
            same(KeyPolicy::SmartleadGuide),
            "{what}: the guide's key tells them apart after all"
        );
        assert!(!same(KeyPolicy::Provider), "{what}");
        assert!(!same(KeyPolicy::Fields), "{what}");
    }
}

// Holds: S37, R-S3
#[test]
fn what_the_guide_s_key_keeps_apart_ours_does_too() {
    for (field, value) in [
        ("lead_id", json!(790)),
        ("event", json!("EMAIL_SENT")),
        ("timestamp", json!("2024-01-15T10:30:01Z")),
    ] {
        let other = changed(&open(), field, value);
        for policy in [
            KeyPolicy::SmartleadGuide,
            KeyPolicy::Provider,
            KeyPolicy::Fields,
        ] {
            let keys = [open(), other.clone()].map(|body| key(Source::Smartlead, &body, policy));
            assert_ne!(keys[0], keys[1], "{field} {policy:?}");
        }
    }
}

// Holds: S37, R-S3
#[test]
fn the_reference_s_key_needs_an_id() {
    assert_eq!(
        idempotency_key(
            &event(Source::Smartlead, &open()),
            KeyPolicy::SmartleadReference
        ),
        None
    );
    let body = open().to_string();
    let events = parse(
        Source::Smartlead,
        &[("x-request-id", "r1")],
        body.as_bytes(),
    )
    .unwrap();
    assert_eq!(
        idempotency_key(&events[0], KeyPolicy::SmartleadReference).as_deref(),
        Some(r#"["smartlead","id+timestamp","r1","2024-01-15T10:30:00Z"]"#)
    );
}

// Holds: E35, R-P10
#[test]
fn the_source_s_id_is_the_key_where_there_is_one() {
    for (source, body, want) in [
        (
            Source::Sendemall,
            json!({"event": "e", "id": "evt_1", "timestamp": "t", "data": {}}),
            r#"["sendemall","id","evt_1"]"#,
        ),
        (
            Source::Sendgrid,
            json!([{"event": "open", "sg_event_id": "s1"}]),
            r#"["sendgrid","id","s1"]"#,
        ),
        (
            Source::Mailgun,
            json!({"event-data": {"event": "opened", "id": "m1"}}),
            r#"["mailgun","id","m1"]"#,
        ),
        (
            Source::Platform,
            json!({"type": "open", "email_id": "m", "id": 7}),
            r#"["platform","id","7"]"#,
        ),
    ] {
        assert_eq!(key(source, &body, KeyPolicy::Provider), want);
    }
}

// Holds: C25
#[test]
fn cleanmails_events_differ_when_anything_in_them_differs() {
    // C25: a click on another link is another event, under whatever name the link comes.
    let body = json!({"event": "email.clicked", "workspace_id": 1, "timestamp": "2026-05-12T14:30:00Z",
        "data": {"lead_id": 42, "campaign_id": 5, "page": "a"}});
    let mut other = body.clone();
    other["data"]["page"] = json!("b");
    assert_ne!(
        key(Source::Cleanmails, &body, KeyPolicy::Provider),
        key(Source::Cleanmails, &other, KeyPolicy::Provider)
    );
}

// Holds: R-P9
#[test]
fn a_time_that_the_receiver_put_in_is_no_part_of_the_key() {
    let mut event = event(Source::Platform, &json!({"type": "open", "email_id": "m"}));
    let before = idempotency_key(&event, KeyPolicy::Provider);
    event.occurred_at = Some("2026-01-01T00:00:00.000Z".to_string());
    event.occurred_at_inferred = true;
    assert_eq!(idempotency_key(&event, KeyPolicy::Provider), before);
    assert!(order(&event).is_some());
}

#[test]
fn fields_do_not_run_into_each_other() {
    let keys = [("a", "bc"), ("ab", "c"), ("a\",\"b", "c"), ("", "abc")].map(|(id, to)| {
        let body = json!({"type": "open", "email_id": id, "recipient": to});
        key(Source::Platform, &body, KeyPolicy::Provider)
    });
    for (at, one) in keys.iter().enumerate() {
        assert!(keys.iter().skip(at + 1).all(|other| one != other), "{one}");
    }
}

// Holds: S38, R-E15
#[test]
fn the_order_is_that_of_the_lead_in_the_campaign() {
    let sent = event(
        Source::Smartlead,
        &changed(&click(), "event", json!("EMAIL_SENT")),
    );
    let clicked = event(Source::Smartlead, &click());
    let elsewhere = event(
        Source::Smartlead,
        &changed(&click(), "campaign_id", json!(124)),
    );
    let key = |event, scope| ordering_key(event, scope);
    assert_eq!(
        key(&sent, OrderScope::default()),
        key(&clicked, OrderScope::default())
    );
    assert_eq!(
        key(&sent, OrderScope::default()),
        r#"["smartlead","lead in campaign",null,"123","789"]"#
    );
    assert_ne!(
        key(&clicked, OrderScope::LeadInCampaign),
        key(&elsewhere, OrderScope::LeadInCampaign)
    );
    assert_eq!(
        key(&clicked, OrderScope::Lead),
        key(&elsewhere, OrderScope::Lead)
    );
    assert_ne!(
        key(&clicked, OrderScope::Campaign),
        key(&elsewhere, OrderScope::Campaign)
    );
    assert_eq!(
        order(&event(Source::Smartlead, &open())),
        Some(1_705_314_600_000)
    );
    let mail = event(
        Source::Resend,
        &json!({"type": "email.sent", "data": {"email_id": "m", "to": ["a@b.example"]}}),
    );
    assert_eq!(
        key(&mail, OrderScope::default()),
        r#"["resend","lead in campaign",null,null,"a@b.example"]"#
    );
}

// Holds: E35, R-P10
#[test]
fn an_empty_id_makes_no_repeats_of_different_events() {
    for (source, body, other) in [
        (
            Source::Sendemall,
            json!({"event": "email.opened", "id": "", "timestamp": "t", "data": {"lead_id": "lead_1"}}),
            json!({"event": "email.opened", "id": "", "timestamp": "t", "data": {"lead_id": "lead_2"}}),
        ),
        (
            Source::Platform,
            json!({"type": "email.opened", "id": "", "email_id": "m_1"}),
            json!({"type": "email.opened", "id": "", "email_id": "m_2"}),
        ),
        (
            Source::Sendgrid,
            json!([{"event": "open", "sg_event_id": "", "sg_message_id": "m_1"}]),
            json!([{"event": "open", "sg_event_id": "", "sg_message_id": "m_2"}]),
        ),
    ] {
        assert_eq!(event(source, &body).event_id, None);
        let key = |body| key(source, body, KeyPolicy::Provider);
        assert_ne!(key(&body), key(&other), "{body}");
        assert_eq!(key(&body), key(&body.clone()));
    }
}
