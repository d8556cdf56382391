use super::*;
use crate::event::Id;
use serde_json::json;

const DEFAULTS: Defaults<'_> = Defaults {
    id: "01",
    timestamp: "2026-01-02T03:04:05Z",
};

fn decode(provider: Provider, value: &Value) -> Result<Payload, PayloadError> {
    Payload::decode(provider, value.to_string().as_bytes())
}

// Holds: R-C8, S40, R-X7
#[test]
fn unknown_fields_and_types_survive_decoding_and_encoding() {
    let payload = json!({
        "event": "email.teleported", "id": "evt_9", "timestamp": "t", "new": [1, {"a": null}],
        "data": {"lead_id": 12, "campaign_id": "cmp_1", "mood": {"level": 0.25}},
    });
    let decoded = decode(Provider::Sendemall, &payload).unwrap();
    assert_eq!(decoded.kind(), EventKind::Other);
    assert_eq!(decoded.event_type(), "email.teleported");
    assert_eq!(decoded.event_id().as_deref(), Some("evt_9"));
    assert_eq!(decoded.campaign_id().as_deref(), Some("cmp_1"));
    let again: Value = serde_json::from_slice(&decoded.encode()).unwrap();
    assert_eq!(again, payload);
}

// Holds: R-X6
#[test]
fn ids_keep_their_type_and_their_digits() {
    for id in ["18446744073709551615", "-7", "\"7\"", "\"0012\""] {
        let text = alloc::format!(
            r#"{{"event":"EMAIL_SENT","timestamp":"t","campaign_id":{id},"lead_id":{id}}}"#
        );
        let decoded = Payload::decode(Provider::Smartlead, text.as_bytes()).unwrap();
        assert_eq!(decoded.encode(), text.as_bytes());
    }
}

// Holds: S35, R-S8
#[test]
fn each_required_field_is_named_when_it_is_absent_or_null() {
    for provider in Provider::ALL {
        let mut whole = Map::new();
        for name in provider.profile().required {
            let value = if *name == "data" {
                json!({})
            } else {
                json!("x")
            };
            whole.insert((*name).to_owned(), value);
        }
        decode(provider, &whole.clone().into()).unwrap();
        for name in provider.profile().required {
            let mut without = whole.clone();
            without.remove(*name);
            let mut null = whole.clone();
            null.insert((*name).to_owned(), Value::Null);
            for broken in [without, null] {
                let error = decode(provider, &broken.into()).unwrap_err();
                assert_eq!(
                    (error.path.as_str(), error.code()),
                    (*name, "missing_field")
                );
            }
        }
    }
}

// Holds: R-X7
#[test]
fn an_optional_field_of_another_type_is_kept_and_comes_out_again() {
    let payload = json!({"event": "email.sent", "id": "e", "timestamp": "t", "data": {
        "open_count": "3", "lead_email": 5, "campaign_id": [1], "suppressed_globally": "yes", "lead_id": "l",
    }});
    let decoded = decode(Provider::Sendemall, &payload).unwrap();
    let Payload::Sendemall(typed) = &decoded else {
        panic!("{decoded:?}");
    };
    assert_eq!(typed.data.open_count, None);
    assert_eq!(typed.data.lead_id, Some(Id::Text("l".into())));
    assert_eq!(typed.data.other["open_count"], "3");
    assert_eq!(typed.data.other.len(), 4);
    let again: Value = serde_json::from_slice(&decoded.encode()).unwrap();
    assert_eq!(again, payload);
    assert_eq!(decode(Provider::Sendemall, &again), Ok(decoded));

    let payload = json!({"event": "E", "timestamp": "t", "campaign_id": 1, "lead_id": 1, "sequence_number": -1,
        "lead": {"email": 5, "custom_fields": "none"}, "link": "https://x.example", "reply": [], "opened_count": 1.5});
    let decoded = decode(Provider::Smartlead, &payload).unwrap();
    let again: Value = serde_json::from_slice(&decoded.encode()).unwrap();
    assert_eq!(again, payload);
}

// Holds: R-C8, R-S8, R-X7
#[test]
fn every_optional_field_may_hold_any_value() {
    let whole = json!({
        "cleanmails": {"event": "e", "workspace_id": 1, "timestamp": "t", "data": {}},
        "smartlead": {"event": "e", "timestamp": "t", "campaign_id": 1, "lead_id": 1},
        "sendemall": {"event": "e", "id": "i", "timestamp": "t", "data": {}},
        "platform": {"type": "e", "email_id": 1},
    });
    let names = [
        "id",
        "recipient",
        "url",
        "bounce_type",
        "link",
        "reply",
        "lead",
        "email",
        "campaign_name",
        "lead_id",
        "lead_email",
        "sender",
        "message_id",
        "open_count",
        "opened_count",
        "suppressed_globally",
        "sequence_step",
    ];
    for provider in Provider::ALL {
        for name in names {
            for value in [
                json!(true),
                json!(-1.5),
                json!("x"),
                json!(["x"]),
                json!({"x": [1]}),
            ] {
                let mut payload = whole[provider.name()].clone();
                if provider.profile().required.contains(&name) {
                    continue;
                }
                payload[name] = value.clone();
                if let Some(data) = payload.get_mut("data") {
                    data[name] = value;
                }
                if provider == Provider::Sendemall {
                    payload["id"] = json!("i");
                }
                let decoded = decode(provider, &payload).unwrap();
                let again: Value = serde_json::from_slice(&decoded.encode()).unwrap();
                assert_eq!(again, payload, "{name}");
            }
        }
    }
}

#[test]
fn a_required_field_of_another_type_is_named_by_its_path() {
    let payload = json!({"event": "email.sent", "id": 7, "timestamp": "t", "data": {}});
    let error = decode(Provider::Sendemall, &payload).unwrap_err();
    assert_eq!((error.path.as_str(), error.code()), ("id", "wrong_type"));
    assert_eq!(
        error.to_string(),
        "the field `id` has the wrong type: expected a string"
    );
    let payload = json!({"event": "E", "timestamp": "t", "campaign_id": {}, "lead_id": 1});
    let error = decode(Provider::Smartlead, &payload).unwrap_err();
    assert_eq!(
        (error.path.as_str(), error.code()),
        ("campaign_id", "wrong_type")
    );
}

#[test]
fn publishing_refuses_what_reading_tolerates() {
    let complete = |provider, value: Value| {
        let error = Payload::complete(provider, value.to_string().as_bytes(), DEFAULTS);
        let error = error.unwrap_err();
        (error.path.clone(), error.code())
    };
    assert_eq!(
        complete(
            Provider::Sendemall,
            json!({"event": "email.opened", "data": {"open_count": "3"}})
        ),
        ("data.open_count".to_owned(), "wrong_type")
    );
    assert_eq!(
        complete(
            Provider::Smartlead,
            json!({"event": "EMAIL_SENT", "campaign_id": 1, "lead_id": 1, "lead": {"email": 5}})
        ),
        ("lead.email".to_owned(), "wrong_type")
    );
}

#[test]
fn what_is_not_an_object_is_refused() {
    for (text, code) in [
        ("", "json_invalid"),
        ("{", "json_invalid"),
        ("[]", "wrong_type"),
        ("\u{feff}{}", "missing_field"),
    ] {
        let error = Payload::decode(Provider::Platform, text.as_bytes()).unwrap_err();
        assert_eq!(error.code(), code, "{text}");
    }
    let deep = "[".repeat(100_000);
    assert!(Payload::decode(Provider::Platform, deep.as_bytes()).is_err());
}

// Holds: E17, E35, R-P2
#[test]
fn publishing_fills_the_envelope_and_refuses_unknown_types() {
    let complete = |provider, value: Value| {
        Payload::complete(provider, value.to_string().as_bytes(), DEFAULTS)
    };
    let sent = complete(
        Provider::Sendemall,
        json!({"event": "email.sent", "data": {}}),
    )
    .unwrap();
    assert_eq!(
        sent.encode(),
        br#"{"event":"email.sent","id":"evt_01","timestamp":"2026-01-02T03:04:05Z","data":{}}"#
    );
    for (provider, event) in [
        (
            Provider::Sendemall,
            json!({"event": "email.sent", "id": "", "data": {}}),
        ),
        (
            Provider::Platform,
            json!({"type": "open", "id": "", "email_id": "m"}),
        ),
    ] {
        let filled = complete(provider, event).unwrap();
        assert_eq!(filled.event_id().as_deref(), Some("evt_01"));
    }
    let kept = complete(
        Provider::Sendemall,
        json!({"event": "email.sent", "id": "evt_mine", "timestamp": "then", "data": {}}),
    );
    assert_eq!(kept.unwrap().event_id().as_deref(), Some("evt_mine"));

    let error = complete(
        Provider::Smartlead,
        json!({"event": "EMAIL_LOST", "campaign_id": 1, "lead_id": 1}),
    );
    assert_eq!(error.unwrap_err().code(), "unknown_event_type");
    let error = complete(Provider::Smartlead, json!({"campaign_id": 1, "lead_id": 1}));
    assert_eq!(error.unwrap_err().path, "event");
}

// Holds: R-P1, R-P8
#[test]
fn the_platform_s_inbound_names_become_its_outbound_names() {
    for (given, sent) in [
        ("email.bounced", "email.bounce"),
        ("open", "email.open"),
        ("email.click", "email.click"),
        ("unsubscribed", "email.unsubscribe"),
    ] {
        let text = json!({"type": given, "email_id": "m"}).to_string();
        let payload = Payload::complete(Provider::Platform, text.as_bytes(), DEFAULTS).unwrap();
        assert_eq!(payload.event_type(), sent);
    }
}
