//! SendEmAll.

use super::*;
use countersign_core::Config;

const BASE: &str = "/v1/webhooks";

fn create(host: &Host, given: &Value) -> Value {
    let made = ask(host, "POST", BASE, Some(given));
    assert_eq!(
        (made.status, &made.json["success"]),
        (201, &json!(true)),
        "R-E14: {made:?}"
    );
    made.json
}

fn event(id: &str) -> Value {
    json!({"event": "email.replied", "id": id, "data": {"lead_email": "a@example.com"}})
}

// Holds: E13, E26, R-E4 to R-E6
#[test]
fn a_secret_that_is_made_is_shown_once_with_the_form_for_off_the_shelf_libraries() {
    let receiver = Receiver::start();
    let (_home, host) = all_four("");
    let made = create(
        &host,
        &json!({"url": receiver.url("/ok/e"), "events": ["*"]}),
    );
    let data = &made["data"];
    assert_eq!(data["events"], json!([]), "R-E4");
    let secret = data["secret"].as_str().expect("R-E5");
    let standard = data["standard_webhooks_secret"].as_str().expect("R-E6");
    assert!(
        made["warnings"].to_string().contains("only time"),
        "R-E5: {made}"
    );
    let path = format!("{BASE}/{}", data["id"].as_str().unwrap());
    let shown = ask(&host, "GET", &path, None);
    assert_eq!(shown.json["data"].get("secret"), None, "R-E5");
    assert!(
        !ask(&host, "GET", BASE, None)
            .json
            .to_string()
            .contains(secret),
        "R-E5"
    );
    assert_eq!(
        publish_and_wait(&host, "sendemall", &event("evt_1")),
        "delivered"
    );
    let arrival = &receiver.arrivals()[0];
    assert_eq!(
        arrival.verify(&Config::new("sendemall", &[secret])),
        Ok(()),
        "E26"
    );
    // The key is the whole text; this is how a library for Standard Webhooks is told so (R-E6).
    assert_eq!(
        arrival.verify(&Config::new("standard-webhooks", &[standard])),
        Ok(()),
        "R-E6"
    );
    let own = create(&host, &json!({"url": NOWHERE, "secret": "whsec_mine"}));
    assert_eq!(own["data"].get("secret"), None, "E13");
}

// Holds: E25, R-X8
#[test]
fn a_webhook_is_listed_changed_and_deleted() {
    let (_home, host) = all_four("");
    let made = create(
        &host,
        &json!({"url": NOWHERE, "events": ["email.replied"], "secret": "s"}),
    );
    let id = made["data"]["id"].as_str().unwrap().to_owned();
    let path = format!("{BASE}/{id}");
    assert_eq!(
        ask(&host, "GET", BASE, None).json["data"],
        json!([made["data"]])
    );
    for status in ["paused", "disabled", "active"] {
        let changed = ask(&host, "PATCH", &path, Some(&json!({"status": status})));
        assert_eq!(changed.json["data"]["status"], status, "R-X8");
    }
    let changed = ask(
        &host,
        "PUT",
        &path,
        Some(&json!({"events": ["email.bounced", "email.sent"]})),
    );
    assert_eq!(
        changed.json["data"]["events"],
        json!(["email.bounced", "email.sent"])
    );
    let unsigned = ask(&host, "PATCH", &path, Some(&json!({"secret": null})));
    assert_eq!(
        (unsigned.status, &unsigned.json["field"]),
        (400, &json!("secret")),
        "E25: {unsigned:?}"
    );
    assert_eq!(
        ask(&host, "DELETE", &path, None).json,
        json!({"success": true})
    );
    assert_eq!(ask(&host, "GET", &path, None).status, 404);
    // The native id is none here.
    assert_eq!(
        ask(
            &host,
            "GET",
            &format!("{BASE}/{}", id.replace("whk_", "ep_")),
            None
        )
        .status,
        404
    );
}

// Holds: E14, E31, E32, R-E1 to R-E3
#[test]
fn failed_events_come_in_pages_and_are_acknowledged_and_sent_again() {
    let receiver = Receiver::start();
    let (_home, host) = all_four("time_scale = 1000000");
    let made = create(
        &host,
        &json!({"url": receiver.url("/gate/e"), "secret": "s"}),
    );
    let failed = format!(
        "{BASE}/{}/failed-events",
        made["data"]["id"].as_str().unwrap()
    );
    for number in 0..5 {
        let id = format!("evt_{number}");
        assert_eq!(
            publish_and_wait(&host, "sendemall", &event(&id)),
            "dead_lettered",
            "E31"
        );
    }
    let ids = |answer: &Answer| -> Vec<String> {
        let data = answer.json["data"].as_array().unwrap();
        data.iter()
            .map(|item| item["id"].as_str().unwrap().to_owned())
            .collect()
    };
    let list = |query: &str| ask(&host, "GET", &format!("{failed}{query}"), None);
    let first = list("?limit=2");
    assert_eq!(ids(&first), ["evt_0", "evt_1"], "R-E2: oldest first");
    let next = first.json["next"].as_str().unwrap();
    let second = list(&format!("?limit=3&after={next}"));
    assert_eq!(
        (ids(&second), &second.json["next"]),
        (
            vec!["evt_2".into(), "evt_3".into(), "evt_4".into()],
            &json!(null)
        ),
        "R-E2"
    );
    for wrong in ["?limit=0", "?limit=501", "?limit=x", "?after=evt_1"] {
        assert_eq!(list(wrong).status, 400, "{wrong}");
    }

    // R-E1: either way, and a second time.
    for _ in 0..2 {
        let done = ask(&host, "POST", &format!("{failed}/evt_0/acknowledge"), None);
        assert_eq!(
            (done.status, done.json),
            (200, json!({"success": true})),
            "R-E1"
        );
        let done = ask(&host, "DELETE", &format!("{failed}/evt_1"), None);
        assert_eq!(
            (done.status, done.json),
            (200, json!({"success": true})),
            "R-E1"
        );
    }
    assert_eq!(ids(&list("")), ["evt_2", "evt_3", "evt_4"], "E32");
    for unknown in ["evt_9", "%00", "evt_0%2f.."] {
        let answer = ask(
            &host,
            "POST",
            &format!("{failed}/{unknown}/acknowledge"),
            None,
        );
        assert_eq!(
            (answer.status, &answer.json["success"]),
            (404, &json!(false)),
            "{unknown}"
        );
    }

    // R-E3: one, then the rest; under the same id, with the same bytes.
    let before = receiver.arrivals();
    receiver.open("e");
    let again = ask(&host, "POST", &format!("{failed}/evt_2/redrive"), None);
    assert_eq!(
        (again.status, &again.json["data"]["redriven"]),
        (202, &json!(1)),
        "R-E3: {again:?}"
    );
    let arrived = |count: usize| {
        wait_for("the arrivals", LIMIT, || {
            let arrivals = receiver.arrivals();
            let accepted: Vec<_> = arrivals
                .into_iter()
                .filter(|arrival| arrival.is_accepted())
                .collect();
            Ok((accepted.len() == count).then_some(accepted))
        })
        .unwrap()
    };
    let accepted = arrived(1);
    let original = before
        .iter()
        .find(|arrival| arrival.message_id == accepted[0].message_id);
    assert_eq!(
        original.map(|arrival| &arrival.body),
        Some(&accepted[0].body),
        "R-E3"
    );
    let rest = ask(&host, "POST", &format!("{failed}/redrive"), None);
    assert_eq!(
        (rest.status, &rest.json["data"]["matched"]),
        (202, &json!(2)),
        "R-E3: {rest:?}"
    );
    arrived(3);
    wait_for("the empty list", LIMIT, || {
        Ok(ids(&list("")).is_empty().then_some(()))
    })
    .unwrap();
}

// Holds: R-E2
#[test]
fn an_event_that_failed_twice_under_one_id_is_one_to_its_owner() {
    let (_home, host) = all_four("time_scale = 1000000");
    let made = create(&host, &json!({"url": NOWHERE, "secret": "s"}));
    let failed = format!(
        "{BASE}/{}/failed-events",
        made["data"]["id"].as_str().unwrap()
    );
    for _ in 0..2 {
        assert_eq!(
            publish_and_wait(&host, "sendemall", &event("evt_same")),
            "dead_lettered"
        );
    }
    let listed = ask(&host, "GET", &failed, None);
    assert_eq!(listed.json["data"].as_array().unwrap().len(), 2);
    assert_eq!(
        listed.json["data"][0]["failure"]["last_error"], "connect",
        "R-E2: {listed:?}"
    );
    assert_eq!(
        listed.json["data"][0]["failure"]["last_status"],
        json!(null),
        "R-E2"
    );
    assert!(
        listed.json["data"][0]["failure"]["detail"].is_string(),
        "R-E2: {listed:?}"
    );
    ask(
        &host,
        "POST",
        &format!("{failed}/evt_same/acknowledge"),
        None,
    );
    assert_eq!(ask(&host, "GET", &failed, None).json["data"], json!([]));
}

// Holds: E17, E35, R-E2
#[test]
fn an_empty_event_id_is_filled_and_an_event_s_own_failure_stays_readable() {
    let receiver = Receiver::start();
    let (_home, host) = all_four("time_scale = 1000000");
    let url = receiver.url("/status/500/e");
    let made = create(&host, &json!({"url": url, "secret": "s"}));
    for _ in 0..2 {
        let event = json!({"event": "email.opened", "id": "", "failure": "mine", "data": {}});
        let ended = publish_and_wait(&host, "sendemall", &event);
        assert_eq!(ended, "dead_lettered");
    }
    let failed = format!(
        "{BASE}/{}/failed-events",
        made["data"]["id"].as_str().unwrap()
    );
    let listed = ask(&host, "GET", &failed, None);
    let items = listed.json["data"].as_array().unwrap();
    let id = |at: usize| items[at]["id"].as_str().unwrap();
    assert!(
        id(0).starts_with("evt_") && id(0) != id(1),
        "E35: {items:?}"
    );
    for item in items {
        assert_eq!(
            (
                &item["failure"]["original"],
                &item["failure"]["last_status"]
            ),
            (&json!("mine"), &json!(500)),
            "R-E2"
        );
        let keys: Vec<_> = item.as_object().unwrap().keys().collect();
        assert_eq!(
            keys,
            ["data", "event", "failure", "id", "timestamp"],
            "R-E2"
        );
    }
    // Those keys were read by a parser that takes the last of two.
    let raw = ureq::get(&format!("{}{failed}", host.url()))
        .call()
        .unwrap();
    let raw = raw.into_body().read_to_string().unwrap();
    assert_eq!(raw.matches("\"failure\":").count(), 2, "R-E2: {raw}");
}

// Holds: R-E3
#[test]
fn a_webhook_that_is_not_active_redrives_nothing_and_says_so() {
    let (_home, host) = all_four("time_scale = 1000000");
    let made = create(&host, &json!({"url": NOWHERE, "secret": "s"}));
    let path = format!("{BASE}/{}", made["data"]["id"].as_str().unwrap());
    publish_and_wait(&host, "sendemall", &event("evt_1"));
    for status in ["paused", "disabled"] {
        ask(&host, "PATCH", &path, Some(&json!({"status": status})));
        for what in ["redrive", "evt_1/redrive"] {
            let refused = ask(&host, "POST", &format!("{path}/failed-events/{what}"), None);
            assert_eq!(
                (refused.status, &refused.json["code"]),
                (409, &json!("endpoint_not_active")),
                "R-E3 {status} {what}: {refused:?}"
            );
        }
    }
    ask(&host, "PATCH", &path, Some(&json!({"status": "active"})));
    let begun = ask(
        &host,
        "POST",
        &format!("{path}/failed-events/redrive"),
        None,
    );
    assert_eq!(begun.status, 202, "R-E3: {begun:?}");
}
