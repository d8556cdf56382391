//! Pauses: nothing is lost, what was held goes out as its owner says, and an endpoint that works again comes back alone.

use countersign_tests::{
    host::{Host, HostHome, wait_for},
    receiver::Receiver,
};
use serde_json::{Value, json};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(30);

fn sent(lead: u32, number: u32) -> Value {
    json!({"event": "email.sent", "data": {"lead_id": lead.to_string(), "n": number}})
}

fn endpoint(url: &str, settings: &Value) -> Value {
    json!({"provider": "sendemall", "url": url, "settings": settings})
}

fn status(host: &Host, id: &str, status: &str) {
    let changed = host
        .patch(&format!("/v1/endpoints/{id}"), &json!({"status": status}))
        .unwrap();
    assert_eq!(changed.status, 200, "{changed:?}");
}

fn resume(host: &Host, id: &str, held: &Value) {
    let resumed = host
        .post(
            &format!("/v1/endpoints/{id}/resume"),
            &json!({"held": held}),
        )
        .unwrap();
    assert_eq!(resumed.status, 200, "{resumed:?}");
    assert_eq!(resumed.json["status"], "active");
}

fn count(host: &Host, state: &str) -> u64 {
    let stats = host.get("/v1/stats").unwrap().json;
    stats["deliveries"][state].as_u64().unwrap()
}

fn reaches(host: &Host, state: &str, expected: u64) {
    wait_for(&format!("{expected} {state}"), LIMIT, || {
        Ok((count(host, state) == expected).then_some(()))
    })
    .unwrap();
}

// Holds: R-C3
#[test]
fn the_owner_says_what_becomes_of_what_was_held_and_nothing_is_lost() {
    let receiver = Receiver::start();
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    let id = host
        .create_endpoint(&endpoint(&receiver.url("/ok/a"), &json!({})))
        .unwrap();
    for wrong in [
        json!("some"),
        json!({"since": "yesterday"}),
        json!({}),
        json!(7),
    ] {
        let answer = host
            .post(
                &format!("/v1/endpoints/{id}/resume"),
                &json!({"held": wrong}),
            )
            .unwrap();
        assert_eq!(
            (answer.status, &answer.json["code"]),
            (400, &json!("held_invalid"))
        );
    }
    status(&host, &id, "paused");
    for number in 0..5 {
        host.publish("sendemall", &sent(1, number)).unwrap();
    }
    assert_eq!(count(&host, "held"), 5);
    resume(&host, &id, &json!("none"));
    reaches(&host, "dead_lettered", 5);
    let letters = host.get("/v1/dead-letters").unwrap().json;
    assert_eq!(letters["dead_letters"][0]["reason"], "skipped");
    // Each can be sent all the same.
    let letter = letters["dead_letters"][4]["id"].as_str().unwrap();
    host.post(&format!("/v1/deliveries/{letter}/retry"), &json!({}))
        .unwrap();
    reaches(&host, "delivered", 1);

    status(&host, &id, "paused");
    host.publish("sendemall", &sent(1, 10)).unwrap();
    std::thread::sleep(Duration::from_millis(5));
    let middle = host.publish("sendemall", &sent(1, 11)).unwrap();
    let since = host.get(&format!("/v1/messages/{middle}")).unwrap().json["created_at"].clone();
    resume(&host, &id, &json!({"since": since}));
    reaches(&host, "dead_lettered", 5);
    reaches(&host, "delivered", 2);
    assert_eq!(receiver.arrivals().last().unwrap().message_id, middle);

    status(&host, &id, "paused");
    host.publish("sendemall", &sent(1, 20)).unwrap();
    resume(&host, &id, &json!("all"));
    reaches(&host, "delivered", 3);
    assert_eq!(count(&host, "held"), 0);
}

// Holds: R-C3
#[test]
fn what_was_held_goes_out_at_its_rate_and_new_events_of_a_key_do_not_overtake_it() {
    let receiver = Receiver::start();
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    let settings = json!({"drain_per_second": 10, "ordering": {"pointer": "/data/lead_id"}});
    let id = host
        .create_endpoint(&endpoint(&receiver.url("/ok/a"), &settings))
        .unwrap();
    status(&host, &id, "paused");
    for lead in 0..8 {
        for number in 0..2 {
            host.publish("sendemall", &sent(lead, number)).unwrap();
        }
    }
    resume(&host, &id, &json!("all"));
    for lead in 0..8 {
        host.publish("sendemall", &sent(lead, 2)).unwrap();
    }
    // Killed in the middle of it, the host goes on where it was.
    let mut host = host;
    wait_for("the first", LIMIT, || {
        Ok((receiver.count() > 3).then_some(()))
    })
    .unwrap();
    host.kill().unwrap();
    let host = home.start().unwrap();
    reaches(&host, "delivered", 24);
    let mut last = [None; 8];
    let mut heads = Vec::new();
    for arrival in receiver.arrivals() {
        let body: Value = serde_json::from_slice(&arrival.body).unwrap();
        let lead: usize = body["data"]["lead_id"].as_str().unwrap().parse().unwrap();
        let number = body["data"]["n"].as_u64();
        assert!(
            number >= last[lead],
            "lead {lead}: {number:?} after {:?}",
            last[lead]
        );
        if last[lead].is_none() {
            heads.push(arrival.at);
        }
        last[lead] = number;
    }
    // Eight were held and had their turn; seven waits of a tenth of a second lie between them.
    let took = heads[7] - heads[0];
    assert!(took >= Duration::from_millis(500), "{took:?}");
}

#[test]
fn an_endpoint_that_works_again_comes_back_by_a_probe() {
    let receiver = Receiver::start();
    let home = HostHome::new("time_scale = 1000").unwrap();
    let host = home.start().unwrap();
    let settings = json!({
        "auto_pause": {"consecutive_attempts": 2},
        "probing": {"cool_down": {"base_ms": 200_000, "factor": 2, "cap_ms": 800_000}},
    });
    let id = host
        .create_endpoint(&endpoint(&receiver.url("/gate/a"), &settings))
        .unwrap();
    let path = format!("/v1/endpoints/{id}");
    host.publish("sendemall", &sent(1, 0)).unwrap();
    let shown = wait_for("the pause", LIMIT, || {
        let shown = host.get(&path)?.json;
        Ok((shown["status"] == "paused").then_some(shown))
    })
    .unwrap();
    assert_eq!(shown["reason"], "failing");
    assert!(shown["probe_at"].is_string(), "{shown}");
    for number in 1..4 {
        host.publish("sendemall", &sent(1, number)).unwrap();
    }
    // At least two probes fail; a restart in between changes nothing.
    wait_for("failed probes", LIMIT, || {
        Ok((receiver.count() >= 4).then_some(()))
    })
    .unwrap();
    drop(host);
    let host = home.start().unwrap();
    // Asked for one after the other, while a probe may begin or end in between.
    wait_for("all four", LIMIT, || {
        Ok((count(&host, "held") + count(&host, "sending") == 4).then_some(()))
    })
    .unwrap();
    receiver.open("a");
    reaches(&host, "delivered", 4);
    let shown = host.get(&path).unwrap().json;
    assert_eq!(
        (&shown["status"], &shown["probe_at"]),
        (&json!("active"), &Value::Null)
    );
    // Only the first one was tried before.
    let ids: std::collections::HashSet<_> = receiver
        .arrivals()
        .iter()
        .filter(|arrival| !arrival.is_accepted())
        .map(|arrival| arrival.message_id.clone())
        .collect();
    assert_eq!(ids.len(), 1);
}

#[test]
fn without_anything_held_the_next_event_is_the_probe() {
    let receiver = Receiver::start();
    let home = HostHome::new("time_scale = 1000").unwrap();
    let host = home.start().unwrap();
    let settings = json!({
        "schedule": {"delays_ms": []}, "auto_pause": {"consecutive_deliveries": 1},
        "probing": {"cool_down": {"base_ms": 1000, "factor": 1, "cap_ms": 1000}},
    });
    let id = host
        .create_endpoint(&endpoint(&receiver.url("/gate/a"), &settings))
        .unwrap();
    host.publish("sendemall", &sent(1, 0)).unwrap();
    reaches(&host, "dead_lettered", 1);
    receiver.open("a");
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(
        host.get(&format!("/v1/endpoints/{id}")).unwrap().json["status"],
        "paused"
    );
    host.publish("sendemall", &sent(1, 1)).unwrap();
    reaches(&host, "delivered", 1);
    assert_eq!(
        host.get(&format!("/v1/endpoints/{id}")).unwrap().json["status"],
        "active"
    );
}
