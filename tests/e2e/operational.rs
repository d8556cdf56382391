//! What a host tells about its own deliveries.

use countersign_core::Config;
use countersign_tests::{
    host::{Host, HostHome, wait_for},
    receiver::Receiver,
};
use serde_json::{Value, json};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(40);
/// A secret as the standard has it.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Events that arrived at this place, by type.
fn told(receiver: &Receiver, place: &str) -> Vec<(String, Value)> {
    let arrivals = receiver.arrivals().into_iter();
    arrivals
        .filter(|arrival| arrival.endpoint == place)
        .map(|arrival| {
            let standard = Config::new("standard-webhooks", &[SECRET]);
            assert_eq!(arrival.verify(&standard), Ok(()));
            let event: Value = serde_json::from_slice(&arrival.body).unwrap();
            (
                event["type"].as_str().unwrap().to_owned(),
                event["data"].clone(),
            )
        })
        .collect()
}

fn count(told: &[(String, Value)], event: &str) -> usize {
    told.iter().filter(|(name, _)| name == event).count()
}

fn publish(host: &Host) {
    let payload = json!({"event": "email.sent", "workspace_id": 1, "data": {"lead_id": 1}});
    host.publish("cleanmails", &payload).unwrap();
}

#[test]
fn owners_are_told_of_failures_pauses_and_their_end_once_each_and_never_of_the_telling() {
    let receiver = Receiver::start();
    let home = HostHome::new("time_scale = 100000").unwrap();
    let host = home.start().unwrap();
    let telling = |place: &str, events: Value, name: &str| {
        let url = receiver.url(&format!("/{place}/{name}"));
        let description =
            json!({"provider": "countersign", "url": url, "events": events, "secret": SECRET});
        host.create_endpoint(&description).unwrap()
    };
    telling("ok", json!(["*"]), "all");
    telling("ok", json!(["endpoint.paused"]), "pauses");
    let deaf = telling("status/500", json!([]), "deaf");
    let url = receiver.url("/status/500/failing");
    let description =
        json!({"provider": "cleanmails", "url": url, "name": "orders", "secret": "s"});
    let failing = host.create_endpoint(&description).unwrap();
    // C31: the tenth delivery in a row that is given up pauses the endpoint.
    for number in 1..=10 {
        publish(&host);
        wait_for("a dead letter to be told", LIMIT, || {
            let told = told(&receiver, "all");
            Ok((count(&told, "delivery.exhausted") == number).then_some(()))
        })
        .unwrap();
    }
    wait_for("the pause to be told", LIMIT, || {
        let paused = told(&receiver, "pauses");
        Ok((count(&paused, "endpoint.paused") == 1).then_some(()))
    })
    .unwrap();
    let all = wait_for("all to be told", LIMIT, || {
        let all = told(&receiver, "all");
        Ok((all.len() == 14).then_some(all))
    })
    .unwrap();
    let mut percents: Vec<_> = all
        .iter()
        .filter_map(|(_, data)| data["percent"].as_u64())
        .collect();
    percents.sort_unstable();
    assert_eq!(percents, [50, 70, 90]);
    let (_, paused) = all
        .iter()
        .find(|(name, _)| name == "endpoint.paused")
        .unwrap();
    assert_eq!(
        paused["endpoint"],
        json!({"id": failing, "name": "orders", "provider": "cleanmails"})
    );
    assert_eq!(paused["reason"], "failing");
    let (_, exhausted) = all
        .iter()
        .find(|(name, _)| name == "delivery.exhausted")
        .unwrap();
    assert_eq!(exhausted["delivery"]["last_status"], 500);

    // Its owner repairs it.
    let path = format!("/v1/endpoints/{failing}");
    let url = receiver.url("/ok/repaired");
    host.patch(&path, &json!({"url": url, "status": "active"}))
        .unwrap();
    for _ in 0..3 {
        publish(&host);
    }
    let all = wait_for("the recovery to be told", LIMIT, || {
        let all = told(&receiver, "all");
        Ok((count(&all, "endpoint.recovered") > 0).then_some(all))
    })
    .unwrap();
    assert_eq!(all.len(), 15);

    // The one that cannot be told gets as many deliveries, and what becomes of them is told to nobody.
    wait_for("the deaf one's dead letters", LIMIT, || {
        let answer = host.get(&format!("/v1/dead-letters/count?endpoint_id={deaf}"))?;
        Ok((answer.json["count"] == 15).then_some(()))
    })
    .unwrap();
    assert_eq!(told(&receiver, "all").len(), 15);
    assert_eq!(told(&receiver, "pauses").len(), 1);
}

#[test]
fn the_source_is_not_published_to_and_its_subscriptions_are_checked() {
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    let event = json!({"provider": "countersign", "payload": {"type": "endpoint.paused"}});
    let refused = host.post("/v1/events", &event).unwrap();
    assert_eq!(
        (refused.status, refused.json["code"].as_str()),
        (400, Some("provider_reserved"))
    );
    let describe = |events: Value, secret: &str| json!({"provider": "countersign", "url": "https://127.0.0.1/", "events": events, "secret": secret});
    let refused = host
        .post("/v1/endpoints", &describe(json!(["email.sent"]), SECRET))
        .unwrap();
    assert_eq!(refused.json["code"], "unknown_event_type");
    let refused = host
        .post("/v1/endpoints", &describe(json!([]), "no base64!"))
        .unwrap();
    assert_eq!(refused.json["field"], "secret", "{refused:?}");
    let made = host
        .post(
            "/v1/endpoints",
            &json!({"provider": "countersign", "url": "https://127.0.0.1/"}),
        )
        .unwrap();
    assert!(
        made.json["secret"].as_str().unwrap().starts_with("whsec_"),
        "{made:?}"
    );
}
