//! Cleanmails.

use super::*;
use countersign_core::{Config, provider::Provider};

const BASE: &str = "/v1/integrations/webhooks";

fn create(host: &Host, url: &str) -> String {
    let made = ask(
        host,
        "POST",
        BASE,
        Some(&json!({"url": url, "secret": "s"})),
    );
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(made.json["events"], json!([]), "C16");
    format!("{BASE}/{}", made.json["id"])
}

// Holds: C20, C21, R-C4, R-X8
#[test]
fn a_webhook_is_shown_changed_paused_and_deleted() {
    let (_home, host) = all_four("");
    let path = create(&host, NOWHERE);
    let shown = ask(&host, "GET", &path, None);
    assert_eq!(
        (shown.status, &shown.json["status"]),
        (200, &json!("active")),
        "R-C4"
    );
    assert_eq!(shown.json["consecutive_failures"], 0, "R-C2");
    let listed = ask(&host, "GET", BASE, None);
    assert_eq!(listed.json, json!({"webhooks": [shown.json]}), "R-C4");
    for method in ["PUT", "PATCH"] {
        let paused = ask(&host, method, &path, Some(&json!({"status": "paused"})));
        assert_eq!(
            (&paused.json["status"], &paused.json["paused_reason"]),
            (&json!("paused"), &json!("manual")),
            "C21"
        );
        assert_eq!(paused.json["url"], NOWHERE, "what is not named stays");
        let active = ask(&host, method, &path, Some(&json!({"status": "active"})));
        assert_eq!(active.json["status"], "active", "C20");
    }
    let narrowed = ask(
        &host,
        "PUT",
        &path,
        Some(&json!({"events": ["lead.created"]})),
    );
    assert_eq!(narrowed.json["events"], json!(["lead.created"]), "C17");
    let wrong = ask(&host, "PUT", &path, Some(&json!({"status": "disabled"})));
    assert_eq!(
        (wrong.status, &wrong.json["field"]),
        (400, &json!("status")),
        "R-C4"
    );
    let deleted = ask(&host, "DELETE", &path, None);
    assert_eq!(
        (deleted.status, &deleted.json["success"]),
        (200, &json!(true))
    );
    assert_eq!(ask(&host, "DELETE", &path, None).status, 404);
}

// Holds: C19, C31, R-C2, R-C5
#[test]
fn a_ping_tells_its_outcome_and_is_of_no_consequence_unless_that_is_asked_for() {
    let receiver = Receiver::start();
    let (_home, host) = all_four("time_scale = 1000000");
    let path = create(&host, &receiver.url("/gate/cleanmails"));
    let status = || ask(&host, "GET", &path, None).json["status"].clone();
    let failures = || ask(&host, "GET", &path, None).json["consecutive_failures"].clone();
    for _ in 0..12 {
        let failed = ask(&host, "POST", &format!("{path}/test"), None);
        assert_eq!(
            (failed.status, &failed.json["success"]),
            (200, &json!(false)),
            "R-C5: {failed:?}"
        );
        assert_eq!(failed.json["status"], 503, "R-C5: {failed:?}");
        assert!(
            failed.json["error"].is_string() && failed.json["ms"].is_u64(),
            "R-C5: {failed:?}"
        );
    }
    assert_eq!(
        (status(), failures()),
        (json!("active"), json!(0)),
        "R-C5: never counted"
    );
    assert_eq!(receiver.count(), 12, "R-C5: one attempt each");
    let pinged = &receiver.arrivals()[0];
    assert_eq!(pinged.headers["x-webhook-test"], "true");
    assert_eq!(
        pinged.verify(&Config::new("cleanmails", &["s"])),
        Ok(()),
        "R-C5: signed"
    );
    assert_eq!(host.get("/v1/stats").unwrap().json["messages"], 0, "R-C5");

    // Ten deliveries in a row use up their retries (C31, R-C2).
    let event = json!({"event": "email.sent", "workspace_id": 1, "data": {}});
    for count in 1..=10 {
        assert_eq!(
            publish_and_wait(&host, "cleanmails", &event),
            "dead_lettered"
        );
        assert_eq!(failures(), json!(count), "R-C2");
    }
    assert_eq!(status(), "paused", "C31");
    receiver.open("cleanmails");
    let passed = ask(&host, "POST", &format!("{path}/test"), None);
    assert_eq!(
        (&passed.json["success"], &passed.json["webhook_status"]),
        (&json!(true), &json!("paused")),
        "R-C5"
    );
    let passed = ask(&host, "POST", &format!("{path}/test?reactivate=true"), None);
    assert_eq!(
        (&passed.json["success"], &passed.json["webhook_status"]),
        (&json!(true), &json!("active")),
        "R-C5"
    );
    assert_eq!((status(), failures()), (json!("active"), json!(0)), "C20");
    // What its owner paused stays so.
    ask(&host, "PUT", &path, Some(&json!({"status": "paused"})));
    ask(&host, "POST", &format!("{path}/test?reactivate=true"), None);
    assert_eq!(status(), "paused");
    let unreachable = create(&host, NOWHERE);
    let failed = ask(&host, "POST", &format!("{unreachable}/test"), None);
    assert_eq!(
        (&failed.json["status"], &failed.json["error"]),
        (&json!(null), &json!("connect")),
        "{failed:?}"
    );
    assert!(failed.json["detail"].is_string(), "{failed:?}");
    let unknown = create(&host, "http://nope.invalid/hook");
    let failed = ask(&host, "POST", &format!("{unknown}/test"), None);
    assert_eq!(failed.json["error"], "dns", "{failed:?}");
    let detail = failed.json["detail"].as_str().unwrap();
    assert!(detail.contains("nope.invalid"), "{detail}");
}

// Holds: C15, C16, C17, C28
#[test]
fn without_a_secret_nothing_is_signed_and_without_names_everything_is_sent() {
    let receiver = Receiver::start();
    let (_home, host) = all_four("");
    let chosen = ["email.replied", "lead.created"];
    for (name, more) in [
        ("bare", json!({})),
        ("empty", json!({"secret": "s", "events": []})),
        ("chosen", json!({"secret": "s", "events": chosen})),
    ] {
        let mut given = json!({"url": receiver.url(&format!("/ok/{name}"))});
        for (field, value) in more.as_object().unwrap() {
            given[field] = value.clone();
        }
        let made = ask(&host, "POST", BASE, Some(&given));
        assert_eq!(made.status, 201, "{made:?}");
        let warnings = made.json["warnings"].to_string();
        assert_eq!(warnings.contains("not signed"), name == "bare", "{made:?}");
    }
    let types = Provider::Cleanmails.event_types();
    for event in types {
        let payload = json!({"event": event, "workspace_id": 1, "data": {}});
        host.publish("cleanmails", &payload).unwrap();
    }
    let expected = types.len() * 2 + chosen.len();
    wait_for("all deliveries", LIMIT, || {
        Ok((receiver.count() >= expected).then_some(()))
    })
    .unwrap();
    for (name, wanted) in [("bare", types), ("empty", types), ("chosen", &chosen[..])] {
        let mut got = Vec::new();
        for arrival in receiver.arrivals() {
            if arrival.endpoint != name {
                continue;
            }
            let body: Value = serde_json::from_slice(&arrival.body).unwrap();
            got.push(body["event"].as_str().unwrap().to_owned());
            match name {
                "bare" => {
                    for header in ["x-webhook-signature", "webhook-signature"] {
                        assert!(!arrival.headers.contains_key(header), "{arrival:?}");
                    }
                }
                _ => assert_eq!(arrival.verify(&Config::new("cleanmails", &["s"])), Ok(())),
            }
        }
        got.sort_unstable();
        let mut wanted: Vec<_> = wanted.iter().map(|name| (*name).to_owned()).collect();
        wanted.sort_unstable();
        assert_eq!(got, wanted, "{name}");
    }
}

// Holds: C20, C31, R-C2, R-C4
#[test]
fn setting_a_webhook_active_resets_its_count_also_while_it_is_active() {
    let receiver = Receiver::start();
    let (_home, host) = all_four("time_scale = 1000000");
    let path = create(&host, &receiver.url("/status/500/cleanmails"));
    let fail = |times: u32| {
        for _ in 0..times {
            let event = json!({"event": "email.sent", "workspace_id": 1, "data": {}});
            let ended = publish_and_wait(&host, "cleanmails", &event);
            assert_eq!(ended, "dead_lettered");
        }
        let shown = ask(&host, "GET", &path, None).json;
        (
            shown["status"].clone(),
            shown["consecutive_failures"].clone(),
        )
    };
    assert_eq!(fail(3), (json!("active"), json!(3)));
    let again = ask(&host, "PUT", &path, Some(&json!({"status": "active"})));
    assert_eq!(again.json["consecutive_failures"], 0, "{again:?}");
    // It begins anew: nine are not ten.
    assert_eq!(fail(9), (json!("active"), json!(9)));
    assert_eq!(fail(1), (json!("paused"), json!(10)));
}
