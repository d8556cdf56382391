use super::*;
use crate::{
    event::{BounceKind, EventType},
    provider::Provider,
    render::render,
};
use alloc::string::ToString;
use serde_json::json;

fn one(source: Source, body: &Value) -> Event {
    with(source, body, &NO_HEADERS)
}

fn with<H: Headers + ?Sized>(source: Source, body: &Value, headers: &H) -> Event {
    let mut events = parse(source, headers, body.to_string().as_bytes()).unwrap();
    assert_eq!(events.len(), 1);
    let event = events.remove(0);
    assert_eq!(&event.original, body, "the original is untouched");
    event
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

// Holds: R-S13, R-S20, R-X6, R-X10
#[test]
fn the_three_older_vintages_of_smartlead_are_read() {
    // R-S13: flat, with one field per fact.
    let event = one(
        Source::Smartlead,
        &json!({"event_type": "EMAIL_REPLY", "event_timestamp": "2026-04-01T09:10:11.5+02:00", "campaign_id": 18,
            "campaign_name": "Kiln", "sl_email_lead_id": "3051", "sl_lead_email": "nora@northwind.example",
            "to_email": "n.lind@northwind.example", "to_name": "Nora Lind", "from_email": "ivo@brightforge.example",
            "subject": "Quote", "sequence_number": "2", "sent_message": {"message_id": "<s1@brightforge.example>"},
            "reply_message": {"message_id": "<r1@northwind.example>", "text": "Yes", "time": "2026-04-01T07:10:00Z"},
            "stats_id": "x", "webhook_id": 7}),
    );
    assert_eq!(event.event_type, EventType::EmailReplied);
    assert_eq!(event.provider_event, "EMAIL_REPLY");
    assert_eq!(event.occurred_at, some("2026-04-01T07:10:11.500Z"));
    assert_eq!(event.lead.id, some("3051"));
    assert_eq!(event.lead.email, some("nora@northwind.example"));
    assert_eq!(event.lead.full_name, some("Nora Lind"));
    assert_eq!(event.campaign.id, some("18"));
    assert_eq!(event.step, Some(2));
    assert_eq!(event.message_id, some("s1@brightforge.example"));
    assert_eq!(event.reply.message_id, some("r1@northwind.example"));
    assert_eq!(event.reply.text, some("Yes"));
    assert_eq!(event.reply.received_at, some("2026-04-01T07:10:00.000Z"));

    // Without any lead id, the link in a list.
    let event = one(
        Source::Smartlead,
        &json!({"event_type": "EMAIL_LINK_CLICK", "time_clicked": "2026-04-01T09:10:11Z", "to_email": "a@b.example",
            "link_clicked": ["https://b.example/1", "https://b.example/2"], "campaign_id": 18, "sequence_number": 1}),
    );
    assert_eq!(event.event_type, EventType::EmailClicked);
    assert_eq!(event.url, some("https://b.example/1"));
    assert_eq!(event.recipient(), Some("a@b.example"));
    assert_eq!(event.lead.id, None);

    // Nested lead with its id, documented names beside an undocumented type field.
    let event = one(
        Source::Smartlead,
        &json!({"event_type": "EMAIL_OPENED", "timestamp": "2026-04-01T09:10:11Z", "campaign_id": 18, "opened_count": 3,
            "last_opened_at": "2026-04-02T09:10:11Z", "lead": {"id": 3051, "email": "a@b.example", "first_name": "A"}}),
    );
    assert_eq!(event.event_type, EventType::EmailOpened);
    assert_eq!(event.lead.id, some("3051"));
    assert_eq!(event.occurred_at, some("2026-04-02T09:10:11.000Z"));
}

// Holds: R-S13
#[test]
fn every_alias_of_a_smartlead_name_has_its_meaning() {
    for (name, event_type) in [
        ("OPEN", EventType::EmailOpened),
        ("EMAIL_OPEN", EventType::EmailOpened),
        ("REPLY", EventType::EmailReplied),
        ("EMAIL_REPLY", EventType::EmailReplied),
        ("BOUNCE", EventType::EmailBounced),
        ("EMAIL_BOUNCE", EventType::EmailBounced),
        ("LINK_CLICK", EventType::EmailClicked),
        ("EMAIL_LINK_CLICK", EventType::EmailClicked),
        ("LEAD_UNSUBSCRIBED", EventType::EmailUnsubscribed),
        ("EMAIL_UNSUBSCRIBED", EventType::EmailUnsubscribed),
        ("FIRST_EMAIL_SENT", EventType::EmailSent),
        ("LEAD_CATEGORY_UPDATED", EventType::other()),
    ] {
        for body in [
            json!({"event": name, "timestamp": "t", "campaign_id": 1, "lead_id": 2}),
            json!({"event_type": name}),
        ] {
            let event = one(Source::Smartlead, &body);
            assert_eq!(event.event_type, event_type, "{body}");
            assert_eq!(event.provider_event, name);
        }
    }
    let error = parse(Source::Smartlead, &NO_HEADERS, br#"{"event_type":7}"#).unwrap_err();
    assert_eq!(
        (error.path.as_str(), error.code()),
        ("event_type", "wrong_type")
    );
    let error = parse(Source::Smartlead, &NO_HEADERS, b"{}").unwrap_err();
    assert_eq!(
        (error.path.as_str(), error.code()),
        ("event", "missing_field")
    );
}

// Holds: S13, R-S4
#[test]
fn an_open_happened_when_it_was_last_opened() {
    let event = one(
        Source::Smartlead,
        &json!({"event": "EMAIL_OPENED", "timestamp": "2024-01-15T10:30:00Z", "campaign_id": 123, "lead_id": 789,
            "opened_count": 3, "first_opened_at": "2024-01-15T10:30:00Z", "last_opened_at": "2024-01-15T14:20:00Z"}),
    );
    assert_eq!(event.occurred_at, some("2024-01-15T14:20:00.000Z"));
    assert_eq!(event.opens.first_at, some("2024-01-15T10:30:00.000Z"));
}

// Holds: C6, R-S20, R-X6
#[test]
fn cleanmails_unsubscribed_lead_is_an_unsubscribed_mail() {
    // Table X.
    let event = one(
        Source::Cleanmails,
        &json!({"event": "lead.unsubscribed", "workspace_id": 1, "timestamp": "2026-05-12T14:30:00Z",
            "data": {"lead_id": 42, "message_id": "<a@b.example>", "lead_name": 7}}),
    );
    assert_eq!(event.event_type, EventType::EmailUnsubscribed);
    assert_eq!(event.workspace_id, some("1"));
    assert_eq!(event.lead.id, some("42"));
    assert_eq!(event.lead.full_name, None);
    assert_eq!(event.message_id, some("a@b.example"));
}

// Holds: E20, R-P9
#[test]
fn sendemall_s_numbers_may_be_texts_and_its_codes_numbers() {
    let event = one(
        Source::Sendemall,
        &json!({"event": "email.bounced", "id": "evt_1", "timestamp": "yesterday", "data": {"bounce_code": 550,
            "bounce_type": "soft", "sequence_step": "2"}}),
    );
    assert_eq!(event.bounce.code, some("550"));
    assert_eq!(event.bounce.kind, Some(BounceKind::Soft));
    assert_eq!(event.step, Some(2));
    assert_eq!(
        event.occurred_at, None,
        "what cannot be read is not invented (R-P9)"
    );
    assert_eq!(event.dedupe, some("evt_1"));
}

// Holds: E19, R-X7
#[test]
fn a_reply_has_one_of_five_sentiments_or_a_new_one() {
    for sentiment in [
        "positive",
        "neutral",
        "negative",
        "out_of_office",
        "unsubscribe",
        "delighted",
    ] {
        let body = json!({"event": "email.replied", "id": "evt_1", "timestamp": "2026-04-06T14:23:17Z",
            "data": {"reply_sentiment": sentiment}});
        let event = one(Source::Sendemall, &body);
        assert_eq!(event.reply.sentiment, some(sentiment));
        let written = render(&event, Provider::Sendemall).unwrap().encode();
        let written: Value = serde_json::from_slice(&written).unwrap();
        assert_eq!(written, body);
    }
}

// Holds: C5, E6, E21
#[test]
fn what_is_permanent_is_hard_and_what_is_temporary_soft() {
    for (kind, word, of_resend) in [
        (BounceKind::Hard, "hard", "Permanent"),
        (BounceKind::Soft, "soft", "Transient"),
    ] {
        let sendemall = json!({"event": "email.bounced", "id": "e", "timestamp": "t", "data": {"bounce_type": word}});
        let resend = json!({"type": "email.bounced", "created_at": "2026-03-09T12:00:00Z",
            "data": {"email_id": "m", "bounce": {"type": of_resend}}});
        let mut bounced = one(Source::Resend, &resend);
        for event in [&one(Source::Sendemall, &sendemall), &bounced] {
            assert_eq!(event.event_type, EventType::EmailBounced);
            assert_eq!(event.bounce.kind, Some(kind));
        }
        // Either is a bounce to all four, of whom Cleanmails does not say which.
        bounced.event_id = some("e");
        bounced.workspace_id = some("1");
        for (provider, pointer) in [
            (Provider::Sendemall, "/data/bounce_type"),
            (Provider::Platform, "/bounce_type"),
        ] {
            let written = render(&bounced, provider).unwrap().encode();
            let written: Value = serde_json::from_slice(&written).unwrap();
            assert_eq!(written.pointer(pointer), Some(&json!(word)));
        }
        let written = render(&bounced, Provider::Cleanmails).unwrap();
        assert_eq!(written.event_type(), "email.bounced");
    }
}

// Holds: P11, P14, R-P8
#[test]
fn the_platform_is_read_outbound_and_inbound() {
    for (name, event_type) in [
        ("email.open", EventType::EmailOpened),
        ("email.opened", EventType::EmailOpened),
        ("click", EventType::EmailClicked),
        ("email.bounced", EventType::EmailBounced),
        ("email.unsubscribe", EventType::EmailUnsubscribed),
        ("email.delivered", EventType::EmailDelivered),
        ("email.complained", EventType::EmailComplained),
        ("lead.created", EventType::other()),
        ("email.teleported", EventType::other()),
    ] {
        let event = one(Source::Platform, &json!({"type": name, "email_id": "m1"}));
        assert_eq!(event.event_type, event_type, "{name}");
        assert_eq!(event.provider_event, name);
        assert_eq!((event.occurred_at, event.recipients.len()), (None, 0));
    }
    let error = parse(Source::Platform, &NO_HEADERS, br#"{"type":"email.open"}"#).unwrap_err();
    assert_eq!(error.path, "email_id");
}

// Holds: R-S3
#[test]
fn ids_of_repeats_come_from_headers_where_the_body_has_none() {
    let smartlead = json!({"event": "E", "timestamp": "t", "campaign_id": 1, "lead_id": 2});
    let event = with(Source::Smartlead, &smartlead, &[("X-Request-Id", " r1 ")]);
    assert_eq!(event.dedupe, some("r1"));
    let both = [("X-Request-Id", "r1"), ("webhook-id", "m1")];
    assert_eq!(
        with(Source::Smartlead, &smartlead, &both).dedupe,
        some("m1")
    );
    assert_eq!(
        with(Source::Smartlead, &smartlead, &[("webhook-id", "")]).dedupe,
        None
    );
    let platform = json!({"type": "open", "email_id": "m", "id": 7});
    let event = with(Source::Platform, &platform, &[("webhook-id", "m1")]);
    assert_eq!(event.dedupe, some("7"), "the id in the body is signed");
}

#[test]
fn resend_s_names_are_kept_known_or_not() {
    for name in ["email.scheduled", "domain.updated", "email.teleported", "x"] {
        let event = one(Source::Resend, &json!({"type": name}));
        assert_eq!(event.event_type.as_str(), name);
    }
    let event = one(
        Source::Resend,
        &json!({"type": "email.sent", "data": {"to": ["a@b.example", 7], "email_id": "m"}}),
    );
    assert_eq!(
        event.email_id,
        some("m"),
        "one field of another type spoils no other"
    );
}

#[test]
fn sendgrid_s_list_may_hold_anything_but_must_name_its_events() {
    let path = |body: &str| {
        let error = parse(Source::Sendgrid, &NO_HEADERS, body.as_bytes()).unwrap_err();
        alloc::format!("{} {}", error.path, error.code())
    };
    assert_eq!(
        path(r#"[{"event":"open"},{"event":null}]"#),
        "[1].event missing_field"
    );
    assert_eq!(path(r#"[{"event":"open"},7]"#), "[1] wrong_type");
    assert_eq!(path("7"), " wrong_type");
    let many = alloc::format!(
        "[{}{{}}]",
        "{},".repeat(crate::provider::sendgrid::EVENTS_MAX)
    );
    assert_eq!(path(&many), " too_many_events");
    let events = parse(Source::Sendgrid, &NO_HEADERS, b"[]\r\n").unwrap();
    assert!(events.is_empty());
    let events = parse(
        Source::Sendgrid,
        &NO_HEADERS,
        br#"[{"event":"bounce","smtp-id":"","sg_message_id":7,"timestamp":"1773054731"}]"#,
    );
    let event = &events.unwrap()[0];
    assert_eq!(event.email_id, None);
    assert_eq!(event.occurred_at, some("2026-03-09T11:12:11.000Z"));
    assert_eq!(event.bounce.kind, Some(BounceKind::Hard));
}

// Holds: R-P10
#[test]
fn a_failure_of_mailgun_without_severity_is_neither_bounce_nor_delay() {
    let read = |data: Value| one(Source::Mailgun, &json!({"event-data": data}));
    let event = read(json!({"event": "failed", "user-variables": []}));
    assert_eq!(event.event_type, EventType::other());
    let event =
        read(json!({"event": "rejected", "reject": {"reason": "virus"}, "delivery-status": null}));
    assert_eq!(event.event_type, EventType::EmailFailed);
    assert_eq!(event.bounce.reason, some("virus"));
    let token =
        json!({"signature": {"token": "t1"}, "event-data": {"event": "opened", "timestamp": 1.25}});
    let event = one(Source::Mailgun, &token);
    assert_eq!(event.dedupe, some("t1"), "R-P10");
    assert_eq!(event.occurred_at, some("1970-01-01T00:00:01.250Z"));
    let error = parse(Source::Mailgun, &NO_HEADERS, br#"{"event-data":{}}"#).unwrap_err();
    assert_eq!(error.path, "event-data.event");
}

// Holds: R-P6
#[test]
fn inbound_shapes_are_recognised() {
    for (body, source) in [
        (r#"[{"event":"open"}]"#, Some(Source::Sendgrid)),
        (r#"{"signature":{},"event-data":{}}"#, Some(Source::Mailgun)),
        (
            r#"{"type":"email.sent","created_at":"","data":{}}"#,
            Some(Source::Resend),
        ),
        (
            r#"{"type":"email.sent","email_id":"m"}"#,
            Some(Source::Platform),
        ),
        ("[]", None),
        ("[7]", None),
        ("7", None),
        ("{", None),
        (r#"{"type":"email.sent"}"#, None),
        ("\u{feff}[{\"event\":1},7,{}]\r\n", Some(Source::Sendgrid)),
        (r#"[{"event":"open"},"#, None),
        (r#"[[{"event":"open"}]]"#, None),
        (r#"{"type":"a","email_id":"m","data":{}} x"#, None),
        (
            r#"{"data":[[1,{"event-data":2}]],"t\u0079pe":"a"}"#,
            Some(Source::Resend),
        ),
    ] {
        assert_eq!(recognise(body.as_bytes()), source, "{body}");
    }
    let deep = std::format!("{{\"type\":{}", "[".repeat(500_000));
    assert_eq!(recognise(deep.as_bytes()), None);
}

// Holds: R-P6
#[test]
fn a_header_that_one_sender_has_goes_before_the_shape() {
    let flat = br#"{"type":"email.sent","email_id":"m"}"#.as_slice();
    for (headers, body, source) in [
        (
            &[("Svix-Signature", "v1,x")][..],
            flat,
            Some(Source::Resend),
        ),
        (&[("svix-signature", "v1,x")], b"\xff", Some(Source::Resend)),
        (
            &[("X-Twilio-Email-Event-Webhook-Signature", "x")],
            b"[]",
            Some(Source::Sendgrid),
        ),
        (&[("svix-signature", " ")], flat, Some(Source::Platform)),
        (
            &[("X-Webhook-Signature", "x")],
            flat,
            Some(Source::Platform),
        ),
        (&[], b"{}", None),
    ] {
        assert_eq!(recognise_request(headers, body), source, "{headers:?}");
    }
}

#[test]
fn parts_of_a_body_are_together_the_whole() {
    let list: Vec<Value> = (0..10)
        .map(|at| json!({"event": "open", "sg_event_id": std::format!("e{at}")}))
        .collect();
    let body = Value::Array(list).to_string();
    let whole = parse(Source::Sendgrid, &NO_HEADERS, body.as_bytes()).unwrap();
    for most in [1, 3, 10, 11] {
        let mut events = Vec::new();
        loop {
            let part = parse_part(
                Source::Sendgrid,
                &NO_HEADERS,
                body.as_bytes(),
                events.len(),
                most,
            );
            let part = part.unwrap();
            assert!(part.events.len() <= most);
            events.extend(part.events);
            if !part.more {
                break;
            }
        }
        assert_eq!(events, whole, "{most}");
    }
    let alone = br#"{"event":"open"}"#;
    let part = parse_part(Source::Sendgrid, &NO_HEADERS, alone, 0, 5).unwrap();
    assert_eq!((part.events.len(), part.more), (1, false));
    let other = parse_part(
        Source::Resend,
        &NO_HEADERS,
        br#"{"type":"email.sent"}"#,
        1,
        5,
    );
    assert_eq!(other.unwrap().events, []);
}

#[test]
fn parts_refuse_what_the_whole_refuses() {
    let refused = |body: &[u8], first: usize| {
        let error = parse_part(Source::Sendgrid, &NO_HEADERS, body, first, 2).unwrap_err();
        (error.path.clone(), error.code())
    };
    let path = |path: &str| path.to_string();
    assert_eq!(
        refused(b"[{\"event\":\"open\"},", 0),
        (path(""), "json_invalid")
    );
    assert_eq!(refused(b"[] x", 0), (path(""), "json_invalid"));
    assert_eq!(refused(b"\"text\"", 0), (path(""), "wrong_type"));
    let wrong = br#"[{"event":"a"},{"event":"b"},{"event":"c"},{"other":1}]"#;
    assert_eq!(refused(wrong, 2), (path("[3].event"), "missing_field"));
    let many = std::format!("[{}1]", "1,".repeat(10_000));
    assert_eq!(refused(many.as_bytes(), 0), (path(""), "too_many_events"));
}

#[test]
fn the_json_form_reads_back_and_leaves_out_what_is_not_known() {
    let event = one(Source::Platform, &json!({"type": "open", "email_id": 7}));
    let text = serde_json::to_value(&event).unwrap();
    assert_eq!(
        text,
        json!({"type": "email.opened", "provider": "platform", "provider_event": "open", "email_id": "7",
            "original": {"type": "open", "email_id": 7}})
    );
    assert_eq!(serde_json::from_value::<Event>(text).unwrap(), event);
}

#[test]
fn half_a_character_is_replaced_and_nothing_is_lost() {
    let resend = br#"{"type":"email.opened","data":{"email_id":"m","to":["a@b.example"],"subject":"Great deal \ud83d"}}"#;
    let event = parse(Source::Resend, &NO_HEADERS, resend)
        .unwrap()
        .remove(0);
    assert_eq!(event.subject.as_deref(), Some("Great deal \u{fffd}"));
    assert_eq!(
        recognise(br#"{"type":"open","\ud83d":1,"email_id":"m"}"#),
        Some(Source::Platform)
    );
    let sendgrid = br#"[{"event":"open","email":"a@b.example"},{"event":"open","email":"c@d.example","x":"\udc00"}]"#;
    let whole = parse(Source::Sendgrid, &NO_HEADERS, sendgrid).unwrap();
    assert_eq!(whole[1].original["x"], "\u{fffd}");
    for first in 0..2 {
        let part = parse_part(Source::Sendgrid, &NO_HEADERS, sendgrid, first, 1).unwrap();
        assert_eq!(part.events, whole[first..=first]);
    }
}
