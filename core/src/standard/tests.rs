use super::*;
use crate::{
    event::Source,
    normalise::{NO_HEADERS, parse},
    provider::Defaults,
    time,
};
use alloc::string::ToString;
use serde_json::json;

const DEFAULTS: Defaults<'_> = Defaults {
    id: "7",
    timestamp: "2026-01-02T03:04:05Z",
};

fn complete(body: &Value) -> Result<Payload, String> {
    Payload::complete(body.to_string().as_bytes(), DEFAULTS)
        .map_err(|error| [&error.path, " ", error.code()].concat())
}

#[test]
fn an_event_is_completed_and_written_in_the_order_of_the_shape() {
    let payload = complete(&json!({"zeta": 1, "data": {"b": 1, "a": [2.5]}, "type": "order.paid"}));
    let payload = payload.unwrap();
    assert_eq!(payload.event_type(), "order.paid");
    let body = r#"{"type":"order.paid","timestamp":"2026-01-02T03:04:05Z","data":{"a":[2.5],"b":1},"zeta":1}"#;
    assert_eq!(String::from_utf8(payload.encode()).unwrap(), body);
    assert_eq!(payload.value()["data"]["b"], 1);
    let given = json!({"type": "a", "timestamp": "2020-02-29T23:59:59.5+02:00", "data": []});
    let payload = complete(&given).unwrap();
    assert_eq!(payload.value(), &given);
    let again = Payload::complete(&payload.encode(), DEFAULTS);
    assert_eq!(again.as_ref(), Ok(&payload));
}

#[test]
fn what_is_no_such_event_is_named() {
    for (body, problem) in [
        (json!([]), " wrong_type"),
        (json!({}), "type missing_field"),
        (json!({"type": null}), "type missing_field"),
        (json!({"type": 7}), "type wrong_type"),
        (json!({"type": ""}), "type event_type_invalid"),
        (
            json!({"type": "order paid", "data": {}}),
            "type event_type_invalid",
        ),
        (
            json!({"type": "order.*", "data": {}}),
            "type event_type_invalid",
        ),
        (
            json!({"type": "x".repeat(129), "data": {}}),
            "type event_type_invalid",
        ),
        (json!({"type": "a"}), "data missing_field"),
        (json!({"type": "a", "data": null}), "data missing_field"),
        (json!({"type": "a", "data": "text"}), "data wrong_type"),
        (
            json!({"type": "a", "data": {}, "timestamp": "yesterday"}),
            "timestamp wrong_type",
        ),
        (
            json!({"type": "a", "data": {}, "timestamp": 1_700_000_000}),
            "timestamp wrong_type",
        ),
    ] {
        assert_eq!(complete(&body), Err(problem.to_owned()), "{body}");
    }
    let error = Payload::complete(b"{", DEFAULTS).unwrap_err();
    assert_eq!(error.code(), "json_invalid");
    let long = json!({"type": "x y".repeat(10_000), "data": {}});
    let error = Payload::complete(long.to_string().as_bytes(), DEFAULTS).unwrap_err();
    assert!(error.to_string().len() < 400, "{error}");
}

#[test]
fn event_types_are_an_open_set_of_names() {
    for name in ["a", "order.created", "Invoice_Paid-2", "....", "-", "0"] {
        assert!(is_event_type(name), "{name}");
    }
    for name in ["", "*", "a b", "a/b", "b\u{fc}cher", "a\n"] {
        assert!(!is_event_type(name), "{name}");
    }
    assert!(is_event_type(&"x".repeat(EVENT_TYPE_BYTES_MAX)));
    assert!(!is_event_type(&"x".repeat(EVENT_TYPE_BYTES_MAX + 1)));
}

#[test]
fn a_subscription_is_a_list_of_names_and_beginnings() {
    for all in [
        json!(null),
        json!([]),
        json!(["*"]),
        json!(["a", "*", "b.*"]),
    ] {
        assert_eq!(subscription(Some(&all)), Ok(Subscription::All));
    }
    assert_eq!(subscription(None), Ok(Subscription::All));
    let wanted = subscription(Some(&json!(["user.created", "order.*", "order.*"]))).unwrap();
    let names = ["user.created", "order.*"].map(ToOwned::to_owned);
    assert_eq!(wanted, Subscription::Only(names.to_vec()));
    for (name, is_wanted) in [
        ("user.created", true),
        ("user.created.late", false),
        ("user.creat", false),
        ("order.paid", true),
        ("order.item.added", true),
        ("order.", true),
        ("order", false),
        ("orders.paid", false),
    ] {
        assert_eq!(wanted.wants(name), is_wanted, "{name}");
    }
}

#[test]
fn what_can_be_no_name_is_refused() {
    for wrong in [json!("order.created"), json!({"a": true}), json!([7])] {
        let error = subscription(Some(&wrong)).unwrap_err();
        assert_eq!(error, SubscriptionInvalid::NotAList, "{wrong}");
        assert_eq!(error.code(), "subscription_invalid");
    }
    for wrong in ["", ".*", "order*", "*.created", "order.*.x", "a b"] {
        let error = subscription(Some(&json!(["fine", wrong]))).unwrap_err();
        assert_eq!(error, SubscriptionInvalid::Names([wrong.to_owned()].into()));
        assert!(error.to_string().contains("order.*"));
    }
    let many: Vec<_> = (0..=NAMES_MAX).map(|n| n.to_string()).collect();
    let error = subscription(Some(&json!(many))).unwrap_err();
    assert_eq!(error, SubscriptionInvalid::TooMany);
    assert_eq!(POLICY.check(), Ok(()));
}

#[test]
fn a_normalised_event_is_rendered_whole_but_for_what_came_in() {
    let headers = [("svix-id", "msg_1")];
    let body = br#"{"type":"email.bounced","created_at":"2026-03-09T12:00:00+01:00","data":{"to":["a@b.example"],
        "email_id":"e1","bounce":{"type":"Permanent","message":"no such user"}}}"#;
    let event = parse(Source::Resend, &headers, body).unwrap().remove(0);
    let rendered: Value = serde_json::from_slice(&render(&event, "2026-03-09T12:30:00Z")).unwrap();
    assert_eq!(rendered["type"], "email.bounced");
    assert_eq!(rendered["timestamp"], "2026-03-09T11:00:00.000Z");
    assert_eq!(rendered["data"]["provider"], "resend");
    assert_eq!(rendered["data"]["bounce"]["kind"], "hard");
    assert!(rendered["data"].get("original").is_none());
    assert!(rendered["data"].get("type").is_none());
    // It may be published as it is, and nothing but what was left out is lost.
    let published = Payload::complete(rendered.to_string().as_bytes(), DEFAULTS).unwrap();
    assert_eq!(published.value(), &rendered);
    let mut whole = rendered["data"].clone();
    whole["type"] = rendered["type"].clone();
    whole["original"] = event.original.clone();
    let again: Event = serde_json::from_value(whole).unwrap();
    assert_eq!(again, event);
}

#[test]
fn an_event_without_a_time_or_with_a_strange_name_is_rendered_too() {
    let body = br#"{"type":"e mail!","data":{}}"#;
    let mut event = parse(Source::Resend, &NO_HEADERS, body).unwrap().remove(0);
    event.occurred_at = Some("whenever".to_owned());
    let received_at = time::format_rfc3339(0);
    let rendered: Value = serde_json::from_slice(&render(&event, &received_at)).unwrap();
    assert_eq!(rendered["type"], "other");
    assert_eq!(rendered["timestamp"], "1970-01-01T00:00:00Z");
    assert_eq!(rendered["data"]["provider_event"], "e mail!");
    assert!(Payload::complete(rendered.to_string().as_bytes(), DEFAULTS).is_ok());
}
