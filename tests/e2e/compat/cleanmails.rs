//! Cleanmails: C16 to C21, C31, R-C2 to R-C6.

use super::*;

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
        pinged.verify(&countersign_core::Config::new("cleanmails", &["s"])),
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
}
