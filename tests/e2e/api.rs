//! Wrong input at the API: a 4xx, a JSON problem that names the field and what to do, and nothing stored.

use countersign_tests::host::{Answer, Host, HostHome};
use serde_json::{Value, json};

/// What of an answer is promised for wrong input.
#[track_caller]
fn assert_problem(what: &str, answer: &Answer, status: u16, code: &str, field: Option<&str>) {
    assert_eq!(answer.status, status, "{what}: {answer:?}");
    assert_eq!(answer.content_type, "application/problem+json", "{what}");
    assert_eq!(answer.json["status"], status, "{what}");
    assert_eq!(answer.json["code"], code, "{what}: {answer:?}");
    assert_eq!(answer.json["field"].as_str(), field, "{what}: {answer:?}");
    let detail = answer.json["detail"].as_str().unwrap_or_default();
    assert!(
        detail.len() > 10,
        "{what}: the detail says nothing: {answer:?}"
    );
}

fn assert_nothing_stored(host: &Host) {
    let endpoints = host.get("/v1/endpoints").unwrap().json;
    assert_eq!(endpoints["endpoints"], json!([]));
    let stats = host.get("/v1/stats").unwrap().json;
    assert_eq!(stats["messages"], 0, "{stats}");
}

fn post_text(host: &Host, path: &str, text: &str) -> Answer {
    host.post_bytes(
        path,
        &[("content-type", "application/json")],
        text.as_bytes(),
    )
    .unwrap()
}

#[test]
fn wrong_events_are_refused_by_name_and_leave_nothing_behind() {
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    let event = |provider: &str, payload: Value| json!({"provider": provider, "payload": payload});
    let cases = [
        (
            "unknown provider",
            event("nobody", json!({})),
            400,
            "unknown_provider",
            "provider",
        ),
        (
            "unknown event type",
            event(
                "cleanmails",
                json!({"event": "email.sennt", "workspace_id": 1, "data": {}}),
            ),
            400,
            "unknown_event_type",
            "payload.event",
        ),
        (
            "missing field",
            event("smartlead", json!({"event": "EMAIL_SENT", "lead_id": 1})),
            400,
            "missing_field",
            "payload.campaign_id",
        ),
        (
            "wrong type deep inside",
            event(
                "sendemall",
                json!({"event": "email.sent", "data": {"open_count": "3"}}),
            ),
            400,
            "wrong_type",
            "payload.data.open_count",
        ),
        (
            "payload that is no object",
            event("platform", json!([])),
            400,
            "wrong_type",
            "payload",
        ),
    ];
    for (what, event, status, code, field) in cases {
        let answer = host.post("/v1/events", &event).unwrap();
        assert_problem(what, &answer, status, code, Some(field));
    }
    for (what, text) in [
        ("cut", "{"),
        ("empty", ""),
        ("not UTF-8", "\u{0}"),
        ("deep", &"[".repeat(50_000)),
    ] {
        let answer = post_text(&host, "/v1/events", text);
        assert_problem(what, &answer, 400, "json_invalid", Some("body"));
    }
    let answer = post_text(&host, "/v1/events", r#"{"payload":{}}"#);
    assert_problem(
        "no provider",
        &answer,
        400,
        "missing_field",
        Some("provider"),
    );
    let answer = post_text(&host, "/v1/events", r#"{"provider":"platform"}"#);
    assert_problem("no payload", &answer, 400, "missing_field", Some("payload"));
    let answer = post_text(
        &host,
        "/v1/events",
        r#"{"provider":"platform","payload":{},"playload":{}}"#,
    );
    assert_problem(
        "misspelt field",
        &answer,
        400,
        "unknown_field",
        Some("playload"),
    );
    assert_nothing_stored(&host);
}

#[test]
fn wrong_endpoints_are_refused_by_name_and_leave_nothing_behind() {
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    let endpoint = |url: &str| json!({"provider": "cleanmails", "url": url});
    for url in [
        "",
        "nonsense",
        "/path",
        "ftp://example.com/",
        "http://",
        "https://user:password@example.com/",
        &format!("https://example.com/{}", "a".repeat(3_000)),
    ] {
        let answer = host.post("/v1/endpoints", &endpoint(url)).unwrap();
        assert_problem(url, &answer, 400, "url_invalid", Some("url"));
    }
    let good = "https://example.com/hook";
    let cases = [
        (
            "no url",
            json!({"provider": "cleanmails"}),
            "missing_field",
            "url",
        ),
        (
            "no provider",
            json!({"url": good}),
            "missing_field",
            "provider",
        ),
        (
            "typo in events",
            json!({"provider": "cleanmails", "url": good, "events": ["email.sennt"]}),
            "unknown_event_type",
            "events",
        ),
        (
            "events of a wrong form",
            json!({"provider": "cleanmails", "url": good, "events": 7}),
            "subscription_invalid",
            "events",
        ),
        (
            "scope without its id",
            json!({"provider": "smartlead", "url": good, "scope": {"level": "campaign"}}),
            "scope_invalid",
            "scope",
        ),
        (
            "empty secret",
            json!({"provider": "cleanmails", "url": good, "secret": ""}),
            "secret_invalid",
            "secret",
        ),
    ];
    for (what, description, code, field) in cases {
        let answer = host.post("/v1/endpoints", &description).unwrap();
        assert_problem(what, &answer, 400, code, Some(field));
    }
    assert_nothing_stored(&host);
}

// Holds: R-C12
#[test]
fn plain_http_needs_the_operator_s_word() {
    let home = HostHome::strict().unwrap();
    let host = home.start().unwrap();
    let description = json!({"provider": "platform", "url": "http://example.com/"});
    let answer = host.post("/v1/endpoints", &description).unwrap();
    assert_problem("http", &answer, 400, "url_invalid", Some("url"));
    assert!(answer.json["detail"].as_str().unwrap().contains("https"));
}

#[test]
fn wrong_framing_is_refused() {
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    let body = br#"{"provider":"platform","payload":{"type":"open","email_id":"m"}}"#;
    let missing = host.post_bytes("/v1/events", &[], body).unwrap();
    let code = "content_type_invalid";
    assert_problem("no type", &missing, 415, code, Some("Content-Type"));
    for content_type in ["text/plain", "application/x-www-form-urlencoded"] {
        let headers = [("content-type", content_type)];
        let answer = host.post_bytes("/v1/events", &headers, body).unwrap();
        assert_problem(content_type, &answer, 415, code, Some("Content-Type"));
    }
    let large = json!({
        "provider": "platform", "payload": {"type": "open", "email_id": "m", "note": "x".repeat(1024 * 1024)},
    });
    let answer = host.post("/v1/events", &large).unwrap();
    assert_problem("large", &answer, 413, "body_too_large", Some("body"));

    let key = "k".repeat(300);
    let headers = [
        ("content-type", "application/json"),
        ("idempotency-key", key.as_str()),
    ];
    let answer = host.post_bytes("/v1/events", &headers, body).unwrap();
    assert_problem(
        "key",
        &answer,
        400,
        "idempotency_key_invalid",
        Some("Idempotency-Key"),
    );

    assert_problem(
        "route",
        &host.get("/v1/nothing").unwrap(),
        404,
        "not_found",
        None,
    );
    assert_problem(
        "method",
        &host.delete("/v1/events").unwrap(),
        405,
        "method_not_allowed",
        None,
    );
    for path in [
        "/v1/endpoints/ep_none",
        "/v1/messages/msg_none",
        "/v1/deliveries/dlv_none",
    ] {
        assert_problem(path, &host.get(path).unwrap(), 404, "not_found", None);
    }
    assert_nothing_stored(&host);
    assert!(!home.log().contains("panicked"), "{}", home.log());
}

#[test]
fn the_same_idempotency_key_makes_one_message_and_another_event_under_it_is_refused() {
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    let publish = |email_id: &str| {
        let event =
            json!({"provider": "platform", "payload": {"type": "open", "email_id": email_id}});
        let headers = [
            ("content-type", "application/json"),
            ("idempotency-key", "key-1"),
        ];
        host.post_bytes("/v1/events", &headers, event.to_string().as_bytes())
            .unwrap()
    };
    let first = publish("a");
    let again = publish("a");
    assert_eq!((first.status, again.status), (202, 202));
    assert_eq!(first.json["message_id"], again.json["message_id"]);
    assert_problem(
        "other event",
        &publish("b"),
        409,
        "idempotency_conflict",
        Some("Idempotency-Key"),
    );
    assert_eq!(host.get("/v1/stats").unwrap().json["messages"], 1);
}

#[test]
fn a_secret_is_never_shown_and_never_logged() {
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    let secret = "very-secret-text-7Qe2";
    let description = json!({
        "provider": "cleanmails", "url": "https://example.invalid/hook", "secret": secret,
    });
    let created = host.post("/v1/endpoints", &description).unwrap();
    assert_eq!(created.status, 201);
    assert_eq!(created.json["secret_set"], true);
    let id = created.json["id"].as_str().unwrap();
    let shown = [
        created.json.clone(),
        host.get("/v1/endpoints").unwrap().json,
        host.get(&format!("/v1/endpoints/{id}")).unwrap().json,
    ];
    let event = json!({"event": "email.sent", "workspace_id": 1, "data": {}});
    host.publish("cleanmails", &event).unwrap();
    assert!(host.terminate().unwrap().success());
    assert!(shown.iter().all(|json| !json.to_string().contains(secret)));
    assert!(!home.log().contains(secret));
}
