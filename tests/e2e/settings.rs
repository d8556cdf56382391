//! What an owner sets for one endpoint.

use countersign_tests::{
    host::{HostHome, wait_for},
    receiver::Receiver,
};
use serde_json::{Value, json};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(30);

fn opened(number: u32) -> Value {
    json!({"type": "open", "email_id": format!("m{number}")})
}

fn endpoint(url: &str, settings: &Value) -> Value {
    json!({"provider": "platform", "url": url, "secret": "s", "settings": settings})
}

#[test]
fn settings_are_checked_shown_changed_one_by_one_and_kept() {
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    let url = "http://127.0.0.1:49151/";
    let wrong = host
        .post("/v1/endpoints", &endpoint(url, &json!({"timeout_ms": 5})))
        .unwrap();
    assert_eq!(
        (wrong.status, &wrong.json["code"]),
        (400, &json!("settings_invalid"))
    );
    assert_eq!(wrong.json["field"], "settings.timeout_ms");
    let wrong = host
        .post(
            "/v1/endpoints",
            &endpoint(url, &json!({"headers": {"Host": "a"}})),
        )
        .unwrap();
    assert_eq!(wrong.json["field"], "settings.headers");

    let settings = json!({"concurrency": 3, "schedule": "1s, 2s", "ordering": "lead"});
    let id = host.create_endpoint(&endpoint(url, &settings)).unwrap();
    let path = format!("/v1/endpoints/{id}");
    let change = json!({"settings": {"ordering": null, "rate_limit": {"per_second": 5}}});
    let changed = host.patch(&path, &change).unwrap();
    let expected = json!({
        "concurrency": 3, "schedule": {"delays_ms": [1000, 2000]}, "rate_limit": {"per_second": 5},
    });
    assert_eq!(changed.json["settings"], expected, "{changed:?}");
    drop(host);
    let host = home.start().unwrap();
    assert_eq!(host.get(&path).unwrap().json["settings"], expected);
}

#[test]
fn an_endpoint_s_own_headers_go_out_and_the_standard_ones_can_be_left_out() {
    let receiver = Receiver::start();
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    let settings = json!({"headers": {"X-Team": "growth", "Authorization": "Bearer a b"}, "standard_headers": false});
    host.create_endpoint(&endpoint(&receiver.url("/ok/own"), &settings))
        .unwrap();
    host.publish("platform", &opened(1)).unwrap();
    wait_for("the arrival", LIMIT, || {
        Ok((receiver.count() == 1).then_some(()))
    })
    .unwrap();
    let arrival = &receiver.arrivals()[0];
    assert_eq!(arrival.headers["x-team"], "growth");
    assert_eq!(arrival.headers["authorization"], "Bearer a b");
    assert_eq!(
        arrival.verify(&countersign_core::Config::new("platform", &["s"])),
        Ok(())
    );
    let standard = arrival
        .headers
        .keys()
        .any(|name| name.as_str().starts_with("webhook-"));
    assert!(!standard, "{:?}", arrival.headers);
}

#[test]
fn no_header_that_is_sent_anyway_can_be_an_own_one() {
    let receiver = Receiver::start();
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    for (provider, payload) in [
        (
            "cleanmails",
            json!({"event": "email.sent", "workspace_id": 1, "data": {"lead_id": 1}}),
        ),
        (
            "smartlead",
            json!({"event": "EMAIL_SENT", "campaign_id": 1, "lead_id": 2}),
        ),
        ("sendemall", json!({"event": "email.sent", "data": {}})),
        ("platform", opened(1)),
    ] {
        let url = receiver.url(&format!("/ok/{provider}"));
        let description = json!({"provider": provider, "url": url, "secret": "s"});
        let id = host.create_endpoint(&description).unwrap();
        host.publish(provider, &payload).unwrap();
        let arrival = wait_for("the arrival", LIMIT, || {
            let found = receiver
                .arrivals()
                .into_iter()
                .find(|a| a.endpoint == provider);
            Ok(found)
        })
        .unwrap();
        assert!(arrival.headers.len() > 5, "{:?}", arrival.headers);
        for name in arrival.headers.keys() {
            let change = json!({"settings": {"headers": {name.as_str(): "x"}}});
            let answer = host.patch(&format!("/v1/endpoints/{id}"), &change).unwrap();
            assert_eq!(
                (answer.status, &answer.json["field"]),
                (400, &json!("settings.headers")),
                "{name}"
            );
        }
    }
}

// Holds: R-C1, R-S19
#[test]
fn an_endpoint_s_own_schedule_and_time_limit_are_kept() {
    let receiver = Receiver::start();
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    let settings = json!({"timeout_ms": 1000, "schedule": {"delays_ms": [100]}});
    host.create_endpoint(&endpoint(&receiver.url("/hangs/own"), &settings))
        .unwrap();
    let message = host.publish("platform", &opened(1)).unwrap();
    let attempts = wait_for("the dead letter", LIMIT, || {
        let message = host.get(&format!("/v1/messages/{message}"))?.json;
        let delivery = &message["deliveries"][0];
        Ok((delivery["status"] == "dead_lettered").then(|| delivery["attempts"].clone()))
    })
    .unwrap();
    let attempts = attempts.as_array().unwrap();
    assert_eq!(attempts.len(), 2, "{attempts:?}");
    for attempt in attempts {
        assert_eq!(attempt["outcome"], "timeout", "{attempt}");
    }
}

// Holds: R-S18
#[test]
fn no_more_requests_are_under_way_and_begin_than_an_endpoint_allows() {
    let receiver = Receiver::start();
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    let two = json!({"concurrency": 2});
    host.create_endpoint(&endpoint(&receiver.url("/hangs/two"), &two))
        .unwrap();
    let slow = json!({"rate_limit": {"per_second": 10, "burst": 1}});
    host.create_endpoint(&endpoint(&receiver.url("/ok/slow"), &slow))
        .unwrap();
    for number in 0..16 {
        host.publish("platform", &opened(number)).unwrap();
    }
    let arrivals = wait_for("all arrivals", LIMIT, || {
        let arrivals = receiver.arrivals();
        let slow = arrivals
            .iter()
            .filter(|arrival| arrival.endpoint == "slow")
            .count();
        Ok((slow == 16).then_some(arrivals))
    })
    .unwrap();
    assert_eq!(
        arrivals
            .iter()
            .filter(|arrival| arrival.endpoint == "two")
            .count(),
        2
    );
    let slow: Vec<_> = arrivals
        .iter()
        .filter(|arrival| arrival.endpoint == "slow")
        .collect();
    // 15 waits of a tenth of a second; the first and the last may come late and early by what the machine does.
    let took = slow[15].at - slow[0].at;
    assert!(took >= Duration::from_millis(1_300), "{took:?}");
}

// Holds: R-X8
#[test]
fn an_endpoint_can_be_made_switched_off() {
    let receiver = Receiver::start();
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    for status in ["paused", "disabled"] {
        let mut description = endpoint(&receiver.url(&format!("/ok/{status}")), &json!({}));
        description["status"] = status.into();
        let id = host.create_endpoint(&description).unwrap();
        let path = format!("/v1/endpoints/{id}");
        let shown = host.get(&path).unwrap().json;
        assert_eq!(
            (&shown["status"], &shown["reason"]),
            (&json!(status), &json!("manual"))
        );
        let since = shown["since"].as_str().unwrap().to_owned();
        let message = host.publish("platform", &opened(1)).unwrap();
        let message = host.get(&format!("/v1/messages/{message}")).unwrap().json;
        let states: Vec<_> = message["deliveries"]
            .as_array()
            .unwrap()
            .iter()
            .map(|d| d["status"].clone())
            .collect();
        assert!(states.contains(&json!("held")), "{states:?}");
        let resumed = host.post(&format!("{path}/resume"), &json!({})).unwrap();
        // Times of one form are in the order of their texts.
        assert_eq!(
            (&resumed.json["status"], &resumed.json["reason"]),
            (&json!("active"), &Value::Null)
        );
        assert!(resumed.json["since"].as_str().unwrap() > since.as_str());
        let at = |name: &str| {
            receiver
                .arrivals()
                .iter()
                .any(|arrival| arrival.endpoint == name)
        };
        wait_for("the held delivery", LIMIT, || Ok(at(status).then_some(()))).unwrap();
    }
}
