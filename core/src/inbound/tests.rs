use super::*;
use crate::normalise::{NO_HEADERS, parse};
use alloc::{borrow::ToOwned, format, string::ToString, vec::Vec};
use serde_json::json;

fn one(source: Source, body: &Value) -> Event {
    let body = body.to_string();
    parse(source, &NO_HEADERS, body.as_bytes())
        .unwrap()
        .remove(0)
}

// Holds: R-P10
#[test]
fn a_key_lasts_where_the_event_has_an_id_or_a_time() {
    let flat = |more: Value| {
        let mut body = json!({"type": "email.opened", "email_id": "m"});
        body.as_object_mut()
            .unwrap()
            .append(more.as_object().cloned().as_mut().unwrap());
        once(&one(Source::Platform, &body))
    };
    let bare = flat(json!({}));
    assert!(!bare.is_lasting);
    assert_eq!(bare, flat(json!({})));
    assert_ne!(bare.key, flat(json!({"recipient": "a@b.example"})).key);
    let timed = flat(json!({"timestamp": "2026-03-09T11:12:13Z"}));
    assert!(timed.is_lasting);
    assert_ne!(timed.key, bare.key);
    assert!(flat(json!({"id": "evt_1"})).is_lasting);
}

#[test]
fn what_mailgun_signed_is_one_text_however_it_is_written() {
    let body = |timestamp: &str, token: &str| {
        format!(
            r#"{{"signature":{{"timestamp":"{timestamp}","token":"{token}","signature":"00"}},"event-data":{{}}}}"#
        )
    };
    let signed = |body: &str| used_once("mailgun", body.as_bytes());
    let usual = signed(&body("17730", "5abc")).unwrap();
    assert_eq!(usual, b"177305abc");
    // The border moved, blanks, an escape, a number: all of these have the same signature.
    for same in [
        body("177305", "abc"),
        body("17730", " 5abc "),
        body("17730", "\\u0035abc"),
        r#"{"signature":{"timestamp":17730,"token":"5abc"}}"#.to_owned(),
        // The last of two fields counts for the verifier.
        r#"{"signature":{"timestamp":"1","token":"2","token":"5abc","timestamp":"17730"}}"#
            .to_owned(),
        r#"{"signature":{"token":"other"},"signature":{"timestamp":"17730","token":"5abc"}}"#
            .to_owned(),
    ] {
        assert_eq!(signed(&same).as_ref(), Some(&usual), "{same}");
    }
    assert_ne!(signed(&body("17730", "5abd")).as_ref(), Some(&usual));
    for nothing in ["{}", "[]", "{", r#"{"signature":{"token":"t"}}"#] {
        assert_eq!(signed(nothing), None, "{nothing}");
    }
    // Where the body is signed, or nothing is, there is nothing to count.
    for scheme in ["resend", "sendgrid", "platform", "postmark", "nobody"] {
        assert_eq!(used_once(scheme, body("1", "2").as_bytes()), None);
    }
}

// Holds: R-C13
#[test]
fn machines_are_told_where_the_source_does() {
    let sendgrid = |machine: bool| {
        let body = json!([{"event": "open", "sg_machine_open": machine}]);
        is_by_machine(&one(Source::Sendgrid, &body))
    };
    assert!(sendgrid(true) && !sendgrid(false));
    let mailgun = |bot: &str| {
        let body = json!({"event-data": {"event": "opened", "client-info": {"bot": bot}}});
        is_by_machine(&one(Source::Mailgun, &body))
    };
    assert!(mailgun("apple") && !mailgun(""));
}

#[test]
fn fields_are_filled_from_where_the_operator_says() {
    let mut event = one(
        Source::Sendgrid,
        &json!([{"event": "open", "email": "a@b.example", "campaign": 18, "lead_id": "3051",
            "step": "2", "none": null, "list": []}]),
    );
    let fields = [
        ("campaign.id", "/campaign"),
        ("lead.id", "/lead_id"),
        ("step", "/step"),
        ("subject", "/none"),
        ("thread_id", "/list"),
        ("sender.id", "/missing"),
        ("nonsense", "/lead_id"),
    ];
    let fields = fields.map(|(name, pointer)| (name.to_string(), pointer.to_string()));
    supply(&mut event, &fields);
    assert_eq!(event.campaign.id.as_deref(), Some("18"));
    assert_eq!(event.lead.id.as_deref(), Some("3051"));
    assert_eq!(event.step, Some(2));
    assert_eq!(
        (event.subject, event.thread_id, event.sender.id),
        (None, None, None)
    );
}

#[test]
fn every_field_that_can_be_filled_is() {
    let blank = json!({"type": "open", "email_id": "m", "n": "7"});
    for name in FIELDS {
        let mut event = one(Source::Platform, &blank);
        let before = event.clone();
        supply(&mut event, &[(name.to_string(), "/n".to_string())]);
        assert_ne!(event, before, "{name}");
    }
}

#[test]
fn an_event_of_one_s_own_is_read_where_its_places_are() {
    let places = Places {
        event_type: Place::parse("/meta/kind").unwrap(),
        event_id: Place::parse("header:X-Event-Id"),
        timestamp: Place::parse("/at"),
    };
    let read = |body: &Value, headers: &[(&str, &str)]| {
        Own::read("acme", &places, headers, body.to_string().as_bytes()).unwrap()
    };
    let body = json!({"meta": {"kind": "orders/create"}, "at": 1_773_054_737});
    let event = read(&body, &[("x-event-id", " e1 ")]);
    assert_eq!(event.event_type, "orders_create");
    assert_eq!(event.event_id.as_deref(), Some("e1"));
    assert_eq!(
        event.occurred_at.as_deref(),
        Some("2026-03-09T11:12:17.000Z")
    );
    assert_eq!(event.data, body);
    for (at, occurred_at) in [
        (
            json!(1_773_054_737_250_u64),
            Some("2026-03-09T11:12:17.250Z"),
        ),
        (json!("1773054737.5"), Some("2026-03-09T11:12:17.500Z")),
        (
            json!("2026-03-09T12:12:17+01:00"),
            Some("2026-03-09T11:12:17.000Z"),
        ),
        (json!("yesterday"), None),
        (json!(-1), None),
        (json!({}), None),
    ] {
        let event = read(&json!({"at": at}), &[]);
        assert_eq!(event.occurred_at.as_deref(), occurred_at, "{at}");
        assert_eq!((event.event_type.as_str(), event.event_id), ("acme", None));
    }
    let long = json!({"meta": {"kind": "x".repeat(1_000)}});
    assert_eq!(read(&long, &[]).event_type.len(), TYPE_BYTES_MAX);
    let no_json = Own::read("acme", &places, &NO_HEADERS, b"a=b").unwrap_err();
    assert_eq!(no_json.code(), "json_invalid");
}

#[test]
fn a_form_is_an_object_of_texts() {
    let places = Places {
        event_type: Place::parse("/EventType").unwrap(),
        event_id: Place::parse("/Sid"),
        timestamp: None,
    };
    let read = |content_type: &str, body: &str| {
        let headers = [("content-type", content_type)];
        Own::read("twilio", &places, &headers, body.as_bytes())
    };
    let body = "EventType=on+call&Sid=CA1&Digits=1&Digits=2&Digits=%E2%98%83&&Empty=";
    let event = read("Application/X-WWW-Form-Urlencoded ; charset=UTF-8", body).unwrap();
    assert_eq!(event.event_type, "on_call");
    assert_eq!(event.event_id.as_deref(), Some("CA1"));
    assert_eq!(
        event.data,
        json!({"EventType": "on call", "Sid": "CA1", "Digits": ["1", "2", "\u{2603}"], "Empty": ""})
    );
    // The type may be anybody's word, and what is JSON stays that.
    let event = read("application/x-www-form-urlencoded", r#"{"EventType":"a"}"#).unwrap();
    assert_eq!(event.data, json!({"EventType": "a"}));
    // It is what it says that it is.
    assert_eq!(
        read("application/json", body).unwrap_err().code(),
        "json_invalid"
    );
    let other = "application/x-www-form-urlencoded-but-not-quite";
    assert!(read(other, body).is_err());
}

#[test]
fn places_are_pointers_and_headers() {
    assert_eq!(
        Place::parse("header:X-GitHub-Event"),
        Some(Place::Header("x-github-event".to_owned()))
    );
    assert!(Place::parse("/").is_some());
    let wrong: Vec<_> = ["", "type", "header:", "header:a b", "header:a:b"]
        .into_iter()
        .filter(|text| Place::parse(text).is_some())
        .collect();
    assert_eq!(wrong, [""; 0]);
}
