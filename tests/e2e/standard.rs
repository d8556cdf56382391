//! A workspace's own events.

use base64ct::{Base64, Encoding};
use countersign_core::Config;
use countersign_tests::{
    host::{HostHome, wait_for},
    receiver::{Arrival, Receiver},
};
use serde_json::{Value, json};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(30);

fn arrivals(receiver: &Receiver, count: usize) -> Vec<Arrival> {
    wait_for("the deliveries", LIMIT, || {
        Ok((receiver.count() >= count).then(|| receiver.arrivals()))
    })
    .unwrap()
}

#[test]
fn events_of_any_name_are_delivered_in_the_standard_s_shape_and_signed_so() {
    let receiver = Receiver::start();
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    let mut secrets = Vec::new();
    for (place, events) in [
        ("all", json!(null)),
        ("orders", json!(["order.*"])),
        ("users", json!(["user.created"])),
    ] {
        let url = receiver.url(&format!("/ok/{place}"));
        let description = json!({"provider": "standard", "url": url, "events": events});
        let made = host.post("/v1/endpoints", &description).unwrap();
        // Made, and as off-the-shelf libraries take it.
        let secret = made.json["secret"].as_str().unwrap().to_owned();
        let key = Base64::decode_vec(secret.strip_prefix("whsec_").unwrap()).unwrap();
        assert_eq!(key.len(), 32);
        secrets.push((place, secret));
    }
    let payload = json!({"data": {"total": 5}, "type": "order.item.added", "trace": "t1"});
    let id = host.publish("standard", &payload).unwrap();
    let arrivals = arrivals(&receiver, 2);
    let mut places: Vec<_> = arrivals
        .iter()
        .map(|arrival| arrival.endpoint.as_str())
        .collect();
    places.sort_unstable();
    assert_eq!(places, ["all", "orders"]);
    for arrival in &arrivals {
        assert_eq!(arrival.message_id, id);
        let (_, secret) = secrets
            .iter()
            .find(|(place, _)| *place == arrival.endpoint)
            .unwrap();
        assert_eq!(
            arrival.verify(&Config::new("standard-webhooks", &[secret])),
            Ok(())
        );
        let body = String::from_utf8(arrival.body.to_vec()).unwrap();
        assert!(
            body.starts_with(r#"{"type":"order.item.added","timestamp":"20"#),
            "{body}"
        );
        assert!(
            body.ends_with(r#"Z","data":{"total":5},"trace":"t1"}"#),
            "{body}"
        );
    }
}

#[test]
fn a_key_pair_signs_so_that_anybody_can_verify() {
    let receiver = Receiver::start();
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    let pair = ed25519_dalek::SigningKey::from_bytes(&[9; 32]);
    let public = pair.verifying_key();
    let private = Base64::encode_string(&pair.to_keypair_bytes());
    let description = json!({
        "provider": "standard", "url": receiver.url("/ok/pair"), "secret": format!("whsk_{private}"),
    });
    host.create_endpoint(&description).unwrap();
    host.publish("standard", &json!({"type": "a", "data": []}))
        .unwrap();
    let arrival = &arrivals(&receiver, 1)[0];
    let signature = arrival.headers["webhook-signature"].to_str().unwrap();
    assert!(signature.starts_with("v1a,"), "{signature}");
    let public = format!("whpk_{}", Base64::encode_string(public.as_bytes()));
    assert_eq!(
        arrival.verify(&Config::new("standard-webhooks", &[&public])),
        Ok(())
    );
}

#[test]
fn what_is_no_event_or_no_endpoint_of_this_kind_is_refused_with_its_place() {
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    for (payload, field, code) in [
        (
            json!({"type": "a b", "data": {}}),
            "payload.type",
            "event_type_invalid",
        ),
        (json!({"type": "a"}), "payload.data", "missing_field"),
        (
            json!({"type": "a", "data": 5}),
            "payload.data",
            "wrong_type",
        ),
        (
            json!({"type": "a", "data": {}, "timestamp": "now"}),
            "payload.timestamp",
            "wrong_type",
        ),
    ] {
        let event = json!({"provider": "standard", "payload": payload});
        let answer = host.post("/v1/events", &event).unwrap();
        assert_eq!(
            (answer.status, &answer.json["field"]),
            (400, &json!(field)),
            "{answer:?}"
        );
        assert_eq!(answer.json["code"], code);
    }
    let url = "http://127.0.0.1:49151/";
    for (more, field, code) in [
        (
            json!({"events": ["order *"]}),
            "events",
            "event_type_invalid",
        ),
        (
            json!({"events": "order.paid"}),
            "events",
            "subscription_invalid",
        ),
        (
            json!({"scope": {"level": "user"}}),
            "scope",
            "scope_invalid",
        ),
        (json!({"secret": "whsec_%"}), "secret", "secret_invalid"),
        (
            json!({"settings": {"ordering": "lead"}}),
            "settings.ordering",
            "settings_invalid",
        ),
        (
            json!({"settings": {"standard_headers": false}}),
            "settings.standard_headers",
            "settings_invalid",
        ),
    ] {
        let mut description = json!({"provider": "standard", "url": url});
        let fields = description.as_object_mut().unwrap();
        fields.extend(more.as_object().unwrap().clone());
        let answer = host.post("/v1/endpoints", &description).unwrap();
        assert_eq!(
            (answer.status, &answer.json["field"]),
            (400, &json!(field)),
            "{answer:?}"
        );
        assert_eq!(answer.json["code"], code);
    }
    let event = json!({"provider": "nobody", "payload": {}});
    let answer = host.post("/v1/events", &event).unwrap();
    let detail = answer.json["detail"].as_str().unwrap();
    assert!(
        detail.contains("standard for events of your own"),
        "{detail}"
    );
}

#[test]
fn they_are_retried_ordered_and_recognised_like_any_others() {
    let receiver = Receiver::start();
    let home = HostHome::new("time_scale = 1000").unwrap();
    let host = home.start().unwrap();
    let description = json!({
        "provider": "standard", "url": receiver.url("/fails/1/orders"),
        "settings": {"ordering": {"pointer": "/data/id"}},
    });
    host.create_endpoint(&description).unwrap();
    let event = |number: u32| {
        json!({
            "provider": "standard", "payload": {"type": "order.paid", "data": {"id": 7, "number": number}},
            "event_id": format!("e{number}"),
        })
    };
    for number in 1..=3 {
        assert_eq!(host.post("/v1/events", &event(number)).unwrap().status, 202);
    }
    let again = host.post("/v1/events", &event(2)).unwrap();
    assert_eq!(again.json["duplicate"], true, "{again:?}");
    let arrivals = arrivals(&receiver, 6);
    let accepted: Vec<_> = arrivals
        .iter()
        .filter(|arrival| arrival.is_accepted())
        .map(|arrival| {
            serde_json::from_slice::<Value>(&arrival.body).unwrap()["data"]["number"].clone()
        })
        .collect();
    assert_eq!(accepted, [json!(1), json!(2), json!(3)]);
}
