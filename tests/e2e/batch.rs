//! Several events in one request: all of them or none.

use countersign_tests::{
    host::{HostHome, wait_for},
    receiver::Receiver,
};
use serde_json::{Value, json};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(30);

fn opened(number: usize) -> Value {
    json!({"provider": "platform", "payload": {"type": "open", "email_id": format!("m{number}")}})
}

#[test]
fn a_batch_is_published_as_a_whole_and_each_event_arrives_once() {
    let receiver = Receiver::start();
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    for name in ["a", "b"] {
        let url = receiver.url(&format!("/ok/{name}"));
        host.create_endpoint(&json!({"provider": "platform", "url": url}))
            .unwrap();
    }
    let events: Vec<_> = (0..1_000).map(opened).collect();
    let answer = host
        .post("/v1/events/batch", &json!({"events": events}))
        .unwrap();
    assert_eq!(answer.status, 202, "{answer:?}");
    let accepted = answer.json["events"].as_array().unwrap();
    assert_eq!(accepted.len(), 1_000);
    assert_eq!(accepted[0]["deliveries"].as_array().unwrap().len(), 2);
    wait_for("all arrivals", LIMIT, || {
        Ok((receiver.count() >= 2_000).then_some(()))
    })
    .unwrap();
    let mut arrived: Vec<_> = receiver
        .arrivals()
        .into_iter()
        .map(|a| (a.message_id, a.endpoint))
        .collect();
    arrived.sort();
    let mut expected: Vec<_> = accepted
        .iter()
        .flat_map(|event| {
            ["a", "b"].map(|name| {
                (
                    event["message_id"].as_str().unwrap().to_owned(),
                    name.to_owned(),
                )
            })
        })
        .collect();
    expected.sort();
    assert_eq!(arrived, expected);
}

#[test]
fn one_event_that_is_wrong_keeps_all_others_back_and_is_named() {
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    let publish = |events: Value| {
        host.post("/v1/events/batch", &json!({"events": events}))
            .unwrap()
    };
    let wrong = json!({"provider": "platform", "payload": {"email_id": "m"}});
    let misspelt = json!({"provider": "platform", "payload": {"type": "open"}, "bott": true});
    let answer = publish(json!([opened(0), wrong, opened(1)]));
    assert_eq!(
        (answer.status, &answer.json["code"]),
        (400, &json!("events_rejected"))
    );
    let errors = answer.json["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 1);
    assert_eq!(
        (&errors[0]["index"], &errors[0]["code"]),
        (&json!(1), &json!("missing_field"))
    );
    assert_eq!(errors[0]["field"], "payload.type");
    // Whatever is wrong with each, with a stranger between them.
    let stranger = json!({"provider": "nobody", "payload": {}});
    let answer = publish(json!([misspelt, stranger, 7, opened(1)]));
    let errors: Vec<_> = answer.json["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| (e["index"].clone(), e["code"].clone()))
        .collect();
    assert_eq!(
        errors,
        [
            (json!(0), json!("unknown_field")),
            (json!(1), json!("unknown_provider")),
            (json!(2), json!("json_invalid"))
        ]
    );
    for (events, code) in [
        (json!([]), "events_invalid"),
        (
            json!((0..1_001).map(opened).collect::<Vec<_>>()),
            "events_invalid",
        ),
        (json!(null), "missing_field"),
    ] {
        let answer = publish(events);
        assert_eq!((answer.status, &answer.json["code"]), (400, &json!(code)));
    }
    let long = json!({"provider": "platform", "payload": {"type": "open", "x": "x".repeat(5 * 1024 * 1024)}});
    assert_eq!(publish(json!([long])).status, 413);
    assert_eq!(host.get("/v1/stats").unwrap().json["messages"], 0);
}

#[test]
fn events_and_requests_that_come_again_are_told_by_their_id_and_key() {
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    let with_id = |number: usize, id: &str| {
        let mut event = opened(number);
        event["event_id"] = id.into();
        event
    };
    let single = host.post("/v1/events", &with_id(1, "one")).unwrap();
    assert_eq!(single.status, 202);
    let again = host.post("/v1/events", &with_id(1, "one")).unwrap();
    assert_eq!(
        (&again.json["message_id"], &again.json["duplicate"]),
        (&single.json["message_id"], &json!(true))
    );
    let other = host.post("/v1/events", &with_id(2, "one")).unwrap();
    assert_eq!(
        (other.status, &other.json["field"]),
        (409, &json!("event_id"))
    );

    // Known and new events side by side.
    let batch = json!({"events": [with_id(1, "one"), with_id(2, "two"), opened(3)]});
    let mixed = host.post("/v1/events/batch", &batch).unwrap();
    assert_eq!(mixed.status, 202, "{mixed:?}");
    assert_eq!(
        mixed.json["events"][0]["message_id"],
        single.json["message_id"]
    );
    assert_eq!(mixed.json["events"][0]["duplicate"], true);
    assert_eq!(mixed.json["events"][1].get("duplicate"), None);
    assert_eq!(host.get("/v1/stats").unwrap().json["messages"], 3);
    let conflict = json!({"events": [opened(4), with_id(9, "two")]});
    let conflict = host.post("/v1/events/batch", &conflict).unwrap();
    assert_eq!(
        (conflict.status, &conflict.json["errors"][0]["index"]),
        (409, &json!(1))
    );
    let twice = json!({"events": [with_id(5, "x"), with_id(5, "x")]});
    let twice = host.post("/v1/events/batch", &twice).unwrap();
    assert_eq!(
        (twice.status, &twice.json["errors"][0]["code"]),
        (400, &json!("repeated_event_id"))
    );

    // A whole request again.
    let body = json!({"events": [opened(6), opened(7)]}).to_string();
    let headers = [
        ("content-type", "application/json"),
        ("idempotency-key", "request"),
    ];
    let first = host
        .post_bytes("/v1/events/batch", &headers, body.as_bytes())
        .unwrap();
    let again = host
        .post_bytes("/v1/events/batch", &headers, body.as_bytes())
        .unwrap();
    for place in 0..2 {
        let (first, again) = (&first.json["events"][place], &again.json["events"][place]);
        assert_eq!(first["message_id"], again["message_id"]);
        assert_eq!(again["duplicate"], true);
    }
    let other = json!({"events": [opened(8)]}).to_string();
    let other = host
        .post_bytes("/v1/events/batch", &headers, other.as_bytes())
        .unwrap();
    assert_eq!(
        (other.status, &other.json["code"]),
        (409, &json!("idempotency_conflict"))
    );
    assert_eq!(host.get("/v1/stats").unwrap().json["messages"], 5);
}
