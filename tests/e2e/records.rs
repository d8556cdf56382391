//! Dead letters, replays, retention, backup and the check, on a running host.

use countersign_tests::{
    host::{Host, HostHome, wait_for},
    receiver::Receiver,
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    process::{Command, Output},
    time::{Duration, Instant},
};

const LIMIT: Duration = Duration::from_secs(30);

fn publish(host: &Host, event: &str) -> String {
    let payload = json!({"event": event, "workspace_id": 1, "data": {"lead_id": 1}});
    host.publish("cleanmails", &payload).unwrap()
}

fn endpoint(host: &Host, url: &str) -> String {
    let description = json!({"provider": "cleanmails", "url": url, "secret": "s"});
    host.create_endpoint(&description).unwrap()
}

fn count(host: &Host, query: &str) -> u64 {
    let answer = host
        .get(&format!("/v1/dead-letters/count?{query}"))
        .unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json["count"].as_u64().unwrap()
}

fn wait_for_dead(host: &Host, expected: u64) {
    wait_for(&format!("{expected} dead letters"), LIMIT, || {
        Ok((count(host, "") == expected).then_some(()))
    })
    .unwrap();
}

fn ids(list: &Value) -> Vec<String> {
    let list = list.as_array().unwrap();
    list.iter()
        .map(|item| item["id"].as_str().unwrap().to_owned())
        .collect()
}

/// The replay once it is in this state.
fn replay_in(host: &Host, id: &Value, status: &str) -> Value {
    let path = format!("/v1/replays/{}", id.as_str().unwrap());
    wait_for(&format!("a replay that is {status}"), LIMIT, || {
        let replay = host.get(&path)?.json;
        Ok((replay["status"] == status).then_some(replay))
    })
    .unwrap()
}

// Holds: R-E1
#[test]
fn dead_letters_are_filtered_acknowledged_and_paged() {
    let receiver = Receiver::start();
    let home = HostHome::new("time_scale = 1000").unwrap();
    let host = home.start().unwrap();
    let failing = endpoint(&host, &receiver.url("/status/500/failing"));
    for event in ["email.sent", "email.sent", "email.replied"] {
        publish(&host, event);
    }
    wait_for_dead(&host, 3);
    assert_eq!(count(&host, "event_type=email.replied"), 1);
    assert_eq!(count(&host, "reason=gone"), 0);
    assert_eq!(count(&host, "reason=exhausted"), 3);
    assert_eq!(count(&host, &format!("endpoint_id={failing}")), 3);
    assert_eq!(count(&host, "died_until=2020-01-01T00:00:00Z"), 0);
    assert_eq!(count(&host, "created_since=2020-01-01T00:00:00Z"), 3);

    let first = host.get("/v1/dead-letters?limit=2").unwrap().json;
    let next = first["next"].as_str().unwrap();
    let second = host
        .get(&format!("/v1/dead-letters?limit=2&after={next}"))
        .unwrap()
        .json;
    let mut listed = ids(&first["dead_letters"]);
    listed.extend(ids(&second["dead_letters"]));
    assert_eq!(listed.len(), 3);

    let path = format!("/v1/deliveries/{}/acknowledge", listed[0]);
    for _ in 0..2 {
        // R-E1: the second call is a success, too.
        assert_eq!(host.post(&path, &json!({})).unwrap().status, 200);
    }
    assert_eq!(
        (count(&host, ""), count(&host, "acknowledged=true")),
        (2, 1)
    );
    let acknowledge = |body: Value| host.post("/v1/dead-letters/acknowledge", &body).unwrap();
    let dry = acknowledge(json!({"filter": {}, "dry_run": true}));
    assert_eq!((dry.status, &dry.json["count"]), (200, &json!(2)));
    assert_eq!(count(&host, ""), 2);
    let done = acknowledge(json!({"filter": {"endpoint_id": failing}}));
    assert_eq!(done.json, json!({"acknowledged": 2, "more": false}));
    assert_eq!((count(&host, ""), count(&host, "acknowledged=any")), (0, 3));

    for (body, field) in [
        (json!({}), "filter"),
        (json!({"filter": {"endpoint": failing}}), "endpoint"),
        (json!({"filter": {"died_since": "yesterday"}}), "died_since"),
        (json!({"ids": ["msg_1"]}), "ids"),
    ] {
        let refused = acknowledge(body);
        assert_eq!(
            (refused.status, refused.json["field"].as_str()),
            (400, Some(field))
        );
    }
    let refused = host.get("/v1/dead-letters?acknowledged=maybe").unwrap();
    assert_eq!(refused.json["field"], "acknowledged");
}

// Holds: R-E3
#[test]
fn a_replay_sends_the_same_messages_again_not_too_fast_and_goes_on_after_a_kill() {
    let receiver = Receiver::start();
    let home = HostHome::new("time_scale = 1000").unwrap();
    let mut host = home.start().unwrap();
    // Four attempts fail, the fifth succeeds: the first of the second round.
    endpoint(&host, &receiver.url("/fails/4/flaky"));
    let mut messages: Vec<String> = (0..9).map(|_| publish(&host, "email.sent")).collect();
    wait_for_dead(&host, 9);
    let dry = host
        .post("/v1/replays", &json!({"filter": {}, "dry_run": true}))
        .unwrap();
    assert_eq!((dry.status, &dry.json["count"]), (200, &json!(9)));
    assert_eq!(dry.json["sample"].as_array().unwrap().len(), 9);
    assert_eq!(host.get("/v1/replays").unwrap().json["replays"], json!([]));

    let began = Instant::now();
    let begun = host
        .post("/v1/replays", &json!({"filter": {}, "per_second": 3}))
        .unwrap();
    assert_eq!((begun.status, &begun.json["matched"]), (202, &json!(9)));
    let id = begun.json["id"].clone();
    let path = format!("/v1/replays/{}", id.as_str().unwrap());
    wait_for("some progress", LIMIT, || {
        let replayed = host.get(&path)?.json["replayed"].as_u64();
        Ok((replayed >= Some(2)).then_some(()))
    })
    .unwrap();
    host.kill().unwrap();
    host = home.start().unwrap();
    let paused = host.post(&format!("{path}/pause"), &json!({})).unwrap();
    assert_eq!(paused.json["status"], "paused", "{paused:?}");
    let there = host.get(&path).unwrap().json["replayed"].clone();
    std::thread::sleep(Duration::from_millis(800));
    assert_eq!(host.get(&path).unwrap().json["replayed"], there);
    host.post(&format!("{path}/resume"), &json!({})).unwrap();
    let done = replay_in(&host, &id, "completed");
    assert_eq!(
        (&done["replayed"], &done["skipped"]),
        (&json!(9), &json!(0))
    );
    // The first is sent at once, and eight follow at three a second.
    assert!(
        began.elapsed() >= Duration::from_millis(8_000 / 3),
        "{:?}",
        began.elapsed()
    );

    let mut bodies = BTreeMap::new();
    wait_for("all to be delivered", LIMIT, || {
        let stats = host.get("/v1/stats")?.json;
        Ok((stats["deliveries"]["delivered"] == 9).then_some(()))
    })
    .unwrap();
    for arrival in receiver.arrivals() {
        let body = bodies
            .entry(arrival.message_id)
            .or_insert_with(|| arrival.body.clone());
        assert_eq!(*body, arrival.body, "another body on a later attempt");
    }
    messages.sort_unstable();
    assert_eq!(bodies.into_keys().collect::<Vec<_>>(), messages);
    let ended = host.post(&format!("{path}/pause"), &json!({})).unwrap();
    assert_eq!(
        (ended.status, ended.json["code"].as_str()),
        (409, Some("replay_ended"))
    );
}

#[test]
fn what_was_skipped_is_replayed_in_the_order_of_its_key_also_beside_new_events() {
    let receiver = Receiver::start();
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    let description = json!({
        "provider": "cleanmails", "url": receiver.url("/ok/ordered"), "secret": "s",
        "settings": {"ordering": {"pointer": "/workspace_id"}},
    });
    let to = host.create_endpoint(&description).unwrap();
    let endpoint = format!("/v1/endpoints/{to}");
    let stats = |state: &str| host.get("/v1/stats").unwrap().json["deliveries"][state].clone();
    host.patch(&endpoint, &json!({"status": "paused"})).unwrap();
    let messages: Vec<String> = (0..5)
        .map(|_| {
            // A replay goes by ids, which tell milliseconds apart and no less.
            std::thread::sleep(Duration::from_millis(2));
            publish(&host, "email.sent")
        })
        .collect();
    assert_eq!((stats("held"), stats("waiting")), (json!(1), json!(4)));
    let resumed = host
        .post(&format!("{endpoint}/resume"), &json!({"held": "none"}))
        .unwrap();
    assert_eq!(resumed.status, 200, "{resumed:?}");
    wait_for_dead(&host, 5);
    assert_eq!(count(&host, "reason=skipped"), 5);

    // A new one has the turn; those that are replayed go behind it.
    let new = publish(&host, "email.sent");
    let body = json!({"filter": {"reason": "skipped"}, "per_second": 1_000});
    let begun = host.post("/v1/replays", &body).unwrap();
    assert_eq!((begun.status, &begun.json["matched"]), (202, &json!(5)));
    let done = replay_in(&host, &begun.json["id"], "completed");
    assert_eq!(
        (&done["replayed"], &done["skipped"]),
        (&json!(5), &json!(0))
    );
    wait_for("all to be delivered", LIMIT, || {
        Ok((stats("delivered") == 6).then_some(()))
    })
    .unwrap();
    let arrived: Vec<String> = receiver
        .arrivals()
        .into_iter()
        .map(|arrival| arrival.message_id)
        .collect();
    let expected: Vec<String> = [new].into_iter().chain(messages).collect();
    assert_eq!(arrived, expected);
}

#[test]
fn what_was_delivered_is_sent_again_when_asked_for_by_name() {
    let receiver = Receiver::start();
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    let to = endpoint(&host, &receiver.url("/ok/good"));
    let messages: Vec<String> = (0..3).map(|_| publish(&host, "email.sent")).collect();
    let delivered = |expected: usize| {
        wait_for(&format!("{expected} requests"), LIMIT, || {
            let stats = host.get("/v1/stats")?.json;
            let settled = stats["deliveries"]["delivered"] == 3;
            Ok((settled && receiver.count() == expected).then_some(()))
        })
        .unwrap();
    };
    delivered(3);
    let message = host
        .get(&format!("/v1/messages/{}", messages[0]))
        .unwrap()
        .json;
    let delivery = message["deliveries"][0]["id"].as_str().unwrap().to_owned();
    let refused = host
        .post(&format!("/v1/deliveries/{delivery}/retry"), &json!({}))
        .unwrap();
    assert_eq!(
        (refused.status, refused.json["code"].as_str()),
        (409, Some("not_dead_lettered"))
    );
    let resent = host
        .post(&format!("/v1/deliveries/{delivery}/resend"), &json!({}))
        .unwrap();
    assert_eq!(resent.status, 202);
    delivered(4);
    assert_eq!(receiver.arrivals()[3].message_id, messages[0]);
    let body = json!({"of": "delivered", "filter": {"endpoint_id": to}, "per_second": 1000});
    let begun = host.post("/v1/replays", &body).unwrap();
    let done = replay_in(&host, &begun.json["id"], "completed");
    assert_eq!(done["replayed"], 3);
    delivered(7);
    let attempts = host
        .get(&format!("/v1/deliveries/{delivery}"))
        .unwrap()
        .json["attempts"]
        .clone();
    assert_eq!(attempts.as_array().unwrap().len(), 3);
}

#[test]
fn a_replay_leaves_alone_what_cannot_be_sent_and_can_be_cancelled() {
    let receiver = Receiver::start();
    let home = HostHome::new("time_scale = 1000").unwrap();
    let host = home.start().unwrap();
    let failing = endpoint(&host, &receiver.url("/status/500/failing"));
    for _ in 0..4 {
        publish(&host, "email.sent");
    }
    wait_for_dead(&host, 4);
    let path = format!("/v1/endpoints/{failing}");
    host.patch(&path, &json!({"status": "paused"})).unwrap();
    let body = json!({"filter": {}, "per_second": 1000});
    let begun = host.post("/v1/replays", &body).unwrap();
    let done = replay_in(&host, &begun.json["id"], "completed");
    assert_eq!(
        (&done["replayed"], &done["skipped"]),
        (&json!(0), &json!(4))
    );
    assert_eq!(count(&host, ""), 4);
    host.patch(&path, &json!({"status": "active"})).unwrap();
    let begun = host
        .post("/v1/replays", &json!({"filter": {}, "per_second": 1}))
        .unwrap();
    let cancel = format!("/v1/replays/{}/cancel", begun.json["id"].as_str().unwrap());
    let cancelled = host.post(&cancel, &json!({})).unwrap().json;
    assert_eq!(cancelled["status"], "cancelled");
    std::thread::sleep(Duration::from_millis(1_500));
    assert!(count(&host, "") >= 2, "it went on");
    let list = host.get("/v1/replays").unwrap().json;
    assert_eq!(list["replays"].as_array().unwrap().len(), 2);
    for (body, field) in [
        (json!({}), "filter"),
        (json!({"filter": {}, "per_second": 0}), "per_second"),
        (json!({"filter": {}, "of": "pending"}), "of"),
        (
            json!({"filter": {"reason": "gone"}, "of": "delivered"}),
            "reason",
        ),
    ] {
        let refused = host.post("/v1/replays", &body).unwrap();
        assert_eq!(
            (refused.status, refused.json["field"].as_str()),
            (400, Some(field))
        );
    }
}

#[test]
fn bodies_are_forgotten_as_soon_as_they_are_delivered_when_that_is_set() {
    let receiver = Receiver::start();
    let home = HostHome::new("[retention]\nbodies = \"0s\"").unwrap();
    let host = home.start().unwrap();
    endpoint(&host, &receiver.url("/ok/good"));
    let message = publish(&host, "email.sent");
    wait_for("the delivery", LIMIT, || {
        let stats = host.get("/v1/stats")?.json;
        Ok((stats["deliveries"]["delivered"] == 1).then_some(()))
    })
    .unwrap();
    // A round of retention is due at every start.
    assert!(host.terminate().unwrap().success());
    let host = home.start().unwrap();
    let message = host.get(&format!("/v1/messages/{message}")).unwrap().json;
    let path = format!(
        "/v1/deliveries/{}/resend",
        message["deliveries"][0]["id"].as_str().unwrap()
    );
    // Asking for it would make it pending, and its body is kept then.
    wait_for("the body to be forgotten", LIMIT, || {
        Ok(home.log().contains("forgot what is old").then_some(()))
    })
    .unwrap();
    let answer = host.post(&path, &json!({})).unwrap();
    assert_eq!(answer.json["code"], "body_forgotten", "{answer:?}");
    assert_eq!(message["deliveries"][0]["status"], "delivered");
}

fn run(home: &HostHome, arguments: &[&str]) -> Output {
    let serve = home.command().unwrap();
    let mut command = Command::new(serve.get_program());
    command
        .args(arguments)
        .arg("--data-dir")
        .arg(home.data_dir());
    command.output().unwrap()
}

#[test]
fn a_backup_taken_under_load_is_sound_and_a_host_goes_on_from_it() {
    let receiver = Receiver::start();
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    let to = endpoint(&host, &receiver.url("/status/500/failing"));
    host.patch(&format!("/v1/endpoints/{to}"), &json!({"status": "paused"}))
        .unwrap();
    let before: Vec<String> = (0..20).map(|_| publish(&host, "email.sent")).collect();
    let copy = home.data_dir().join("copy.db");
    let copy_text = copy.to_str().unwrap();
    let output = std::thread::scope(|scope| {
        let load = scope.spawn(|| {
            (0..50)
                .map(|_| publish(&host, "email.sent"))
                .collect::<Vec<_>>()
        });
        let output = run(&home, &["backup", copy_text]);
        assert_eq!(load.join().unwrap().len(), 50);
        output
    });
    assert!(output.status.success(), "{output:?}");
    let again = run(&home, &["backup", copy_text]);
    assert_eq!(again.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&again.stderr).contains("exists"),
        "{again:?}"
    );
    let check = run(&home, &["check"]);
    assert!(check.status.success(), "{check:?}");

    let other = HostHome::new("").unwrap();
    std::fs::create_dir_all(other.data_dir()).unwrap();
    std::fs::rename(&copy, other.data_dir().join("countersign.db")).unwrap();
    // Without it the signing secrets in the copy do not open.
    let key = "secrets.key";
    std::fs::copy(home.data_dir().join(key), other.data_dir().join(key)).unwrap();
    let restored = other.start().unwrap();
    for message in &before {
        let found = restored.get(&format!("/v1/messages/{message}")).unwrap();
        assert_eq!(found.json["deliveries"][0]["status"], "held", "{found:?}");
    }
    let check = run(&other, &["check"]);
    assert!(check.status.success(), "{check:?}");
}

#[test]
fn a_damaged_file_is_refused_with_the_next_step() {
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    for _ in 0..50 {
        publish(&host, "email.sent");
    }
    assert!(host.terminate().unwrap().success());
    let path = home.data_dir().join("countersign.db");
    let mut bytes = std::fs::read(&path).unwrap();
    for byte in bytes.iter_mut().skip(4096) {
        *byte ^= 0x5a;
    }
    std::fs::write(&path, bytes).unwrap();
    let status = home.command().unwrap().status().unwrap();
    assert_eq!(status.code(), Some(3));
    assert!(home.log().contains("damaged"), "{}", home.log());
    let check = run(&home, &["check"]);
    assert_eq!(check.status.code(), Some(3), "{check:?}");
}
