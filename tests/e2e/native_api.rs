//! Event types, pings, lists, counts and the page about it all, on a running host.

use countersign_core::Config;
use countersign_tests::{
    host::{Host, HostHome, agent, wait_for},
    receiver::Receiver,
};
use serde_json::{Value, json};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(20);

fn put(host: &Host, path: &str, body: &Value) -> (u16, Value) {
    let answer = host.ask("PUT", path, &[], Some(body)).unwrap();
    (answer.status, answer.json)
}

fn open(id: &str) -> Value {
    json!({"provider": "platform", "payload": {"type": "open", "email_id": id}})
}

#[test]
fn payloads_are_checked_against_what_their_workspace_says_of_the_type() {
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    let path = "/v1/event-types/platform/open";
    let schema = json!({"properties": {"email_id": {"pattern": "^m_"}}, "required": ["recipient"]});
    let described = json!({"description": "A mail was opened", "schema": schema});
    let (status, made) = put(&host, path, &described);
    assert_eq!(
        (status, &made["name"], &made["schema"]),
        (201, &json!("email.open"), &schema)
    );
    assert_eq!(put(&host, path, &described).0, 200);

    let publish = |payload: Value| {
        let event = json!({"provider": "platform", "payload": payload});
        host.post("/v1/events", &event).unwrap()
    };
    let missing = publish(json!({"type": "open", "email_id": "m_1"}));
    assert_eq!(
        (missing.status, &missing.json["code"]),
        (400, &json!("schema_mismatch"))
    );
    assert!(
        missing.json["detail"]
            .as_str()
            .unwrap()
            .contains("recipient")
    );
    let wrong = publish(json!({"type": "open", "email_id": "x", "recipient": "r"}));
    assert_eq!(wrong.json["field"], "payload.email_id");
    let sound = json!({"type": "open", "email_id": "m_1", "recipient": "r"});
    assert_eq!(publish(sound.clone()).status, 202);
    // Other types are as before.
    assert_eq!(
        publish(json!({"type": "click", "email_id": "x", "url": "https://example.com"})).status,
        202
    );

    let batch = json!({"events": [
        {"provider": "platform", "payload": sound},
        open("x"),
    ]});
    let refused = host.post("/v1/events/batch", &batch).unwrap();
    assert_eq!(refused.json["errors"][0]["index"], 1);
    assert_eq!(refused.json["errors"][0]["code"], "schema_mismatch");
    assert_eq!(host.get("/v1/stats").unwrap().json["messages"], 2);

    for (what, body, code, field) in [
        (
            "fetched",
            json!({"schema": {"$ref": "https://example.com/s"}}),
            "schema_invalid",
            "schema",
        ),
        (
            "no schema",
            json!({"schema": {"type": "strin"}}),
            "schema_invalid",
            "schema",
        ),
        ("misspelt", json!({"shcema": {}}), "unknown_field", "shcema"),
    ] {
        let (status, problem) = put(&host, path, &body);
        assert_eq!(
            (status, &problem["code"], &problem["field"]),
            (400, &json!(code), &json!(field)),
            "{what}"
        );
    }
    let unknown = put(&host, "/v1/event-types/platform/opened-up", &json!({}));
    assert_eq!(
        (unknown.0, &unknown.1["code"]),
        (400, &json!("unknown_event_type"))
    );

    // It survives a restart, compiled anew.
    assert!(host.terminate().unwrap().success());
    let host = home.start().unwrap();
    assert_eq!(
        host.post("/v1/events", &open("x")).unwrap().json["code"],
        "schema_mismatch"
    );
    let listed = host.get("/v1/event-types?provider=platform").unwrap().json;
    assert_eq!(listed["event_types"][0]["description"], "A mail was opened");
    assert_eq!(host.delete(path).unwrap().status, 204);
    assert_eq!(host.get(path).unwrap().status, 404);
    assert_eq!(host.post("/v1/events", &open("x")).unwrap().status, 202);
}

// Holds: R-C5
#[test]
fn a_ping_is_signed_sent_once_and_neither_kept_nor_counted() {
    let receiver = Receiver::start();
    let home = HostHome::new("time_scale = 100000").unwrap();
    let host = home.start().unwrap();
    let make = |place: &str| {
        let url = receiver.url(place);
        host.create_endpoint(&json!({"provider": "cleanmails", "url": url, "secret": "s3cret"}))
            .unwrap()
    };
    let (good, bad) = (make("/ok/good"), make("/status/500/bad"));
    let ping = |id: &str, body: Option<&Value>| {
        host.ask("POST", &format!("/v1/endpoints/{id}/ping"), &[], body)
            .unwrap()
    };
    let pinged = ping(&good, None);
    assert_eq!(pinged.status, 200, "{pinged:?}");
    assert_eq!(
        (&pinged.json["success"], &pinged.json["status"]),
        (&json!(true), &json!(200))
    );
    let arrival = receiver.arrivals().pop().unwrap();
    assert_eq!(
        arrival.message_id,
        pinged.json["message_id"].as_str().unwrap()
    );
    assert_eq!(
        arrival.verify(&Config::new("cleanmails", &["s3cret"])),
        Ok(())
    );
    let body: Value = serde_json::from_slice(&arrival.body).unwrap();
    assert_eq!(
        (&body["event"], &body["workspace_id"]),
        (&json!("ping"), &json!(1))
    );
    // R-C5: of a type, when one is asked for.
    let sample = ping(&good, Some(&json!({"event_type": "email.replied"})));
    assert_eq!(sample.json["success"], true);
    let body: Value = serde_json::from_slice(&receiver.arrivals().pop().unwrap().body).unwrap();
    assert_eq!(body["event"], "email.replied");
    let unknown = ping(&good, Some(&json!({"event_type": "email.sennt"})));
    assert_eq!(
        (unknown.status, &unknown.json["code"]),
        (400, &json!("unknown_event_type"))
    );

    for _ in 0..3 {
        let failed = ping(&bad, Some(&json!({"resume": true})));
        assert_eq!(
            (&failed.json["success"], &failed.json["status"]),
            (&json!(false), &json!(500))
        );
        assert_eq!(failed.json["resumed"], false);
    }
    let shown = host.get(&format!("/v1/endpoints/{bad}")).unwrap().json;
    assert_eq!(
        (&shown["failed_in_a_row"], &shown["status"]),
        (&json!(0), &json!("active"))
    );
    assert_eq!(receiver.arrivals().len(), 5, "one attempt each");
    assert_eq!(
        host.get("/v1/messages").unwrap().json["messages"],
        json!([])
    );

    // A paused endpoint can be tried, and comes back when that is asked for.
    let paused = host
        .ask("POST", &format!("/v1/endpoints/{good}/pause"), &[], None)
        .unwrap();
    assert_eq!(
        (&paused.json["status"], &paused.json["reason"]),
        (&json!("paused"), &json!("manual"))
    );
    assert_eq!(ping(&good, None).json["resumed"], false);
    let status = || host.get(&format!("/v1/endpoints/{good}")).unwrap().json["status"].clone();
    assert_eq!(status(), "paused");
    assert_eq!(
        ping(&good, Some(&json!({"resume": true}))).json["resumed"],
        true
    );
    assert_eq!(status(), "active");
}

#[test]
fn lists_are_paged_in_one_form_and_counts_tell_what_is_in_them() {
    let receiver = Receiver::start();
    let home = HostHome::new("time_scale = 100000").unwrap();
    let host = home.start().unwrap();
    let endpoint = json!({"provider": "platform", "url": receiver.url("/fails/1/flaky")});
    let endpoint = host.create_endpoint(&endpoint).unwrap();
    for id in ["a", "b", "c", "d", "e"] {
        assert_eq!(host.post("/v1/events", &open(id)).unwrap().status, 202);
    }
    wait_for("the deliveries", LIMIT, || {
        let stats = host.get("/v1/stats").unwrap().json;
        Ok((stats["deliveries"]["delivered"] == 5).then_some(()))
    })
    .unwrap();
    for (list, name) in [
        ("/v1/messages", "messages"),
        ("/v1/deliveries", "deliveries"),
    ] {
        let all = host.get(list).unwrap().json;
        let all = all[name].as_array().unwrap().clone();
        assert_eq!(all.len(), 5, "{list}");
        let mut paged = Vec::new();
        let mut after = String::new();
        loop {
            let page = host.get(&format!("{list}?limit=2{after}")).unwrap().json;
            paged.extend(page[name].as_array().unwrap().clone());
            match page["next"].as_str() {
                None => break,
                Some(next) => after = format!("&after={next}"),
            }
        }
        assert_eq!(paged, all, "{list}");
        let none = host
            .get(&format!("{list}?event_type=email.click"))
            .unwrap()
            .json;
        assert_eq!(none[name], json!([]), "{list}");
        let wrong = host.get(&format!("{list}?limit=0")).unwrap();
        assert_eq!(
            (wrong.status, &wrong.json["code"]),
            (400, &json!("query_invalid"))
        );
        let wrong = host.get(&format!("{list}?aftr=x")).unwrap();
        assert_eq!(
            (wrong.status, &wrong.json["code"]),
            (400, &json!("unknown_field"))
        );
    }
    let message = host.get("/v1/messages?limit=1").unwrap().json["messages"][0].clone();
    let id = message["id"].as_str().unwrap();
    let payload = host
        .get(&format!("/v1/messages/{id}/payload"))
        .unwrap()
        .json;
    assert_eq!(payload["email_id"], "e");
    let delivery = host.get("/v1/deliveries").unwrap().json["deliveries"][4].clone();
    let attempts = format!(
        "/v1/deliveries/{}/attempts",
        delivery["id"].as_str().unwrap()
    );
    let first = host.get(&format!("{attempts}?limit=1")).unwrap().json;
    assert_eq!(
        (
            &first["attempts"][0]["number"],
            &first["attempts"][0]["status"]
        ),
        (&json!(1), &json!(503))
    );
    let second = host
        .get(&format!(
            "{attempts}?after={}",
            first["next"].as_str().unwrap()
        ))
        .unwrap()
        .json;
    assert_eq!(
        (&second["attempts"][0]["status"], &second["next"]),
        (&json!(200), &Value::Null)
    );

    let stats = host
        .get(&format!("/v1/endpoints/{endpoint}/stats"))
        .unwrap()
        .json;
    assert_eq!(
        (&stats["deliveries"]["delivered"], &stats["attempts"]),
        (&json!(5), &json!(10))
    );
    assert_eq!(
        (&stats["open"]["pending"], &stats["at_least"]),
        (&json!(0), &json!(false))
    );
    let stats = host.get("/v1/workspaces/default/stats").unwrap().json;
    assert_eq!(
        (&stats["messages"], &stats["endpoints"]),
        (&json!(5), &json!(1))
    );
    let later = host
        .get("/v1/workspaces/default/stats?since=2100-01-01T00:00:00Z")
        .unwrap()
        .json;
    assert_eq!(
        (&later["messages"], &later["deliveries"]),
        (&json!(0), &json!({}))
    );
}

#[test]
fn the_api_describes_itself_to_programs_and_to_people() {
    let home = HostHome::new("").unwrap();
    home.configure("[api]\ntoken = \"a-token\"\n").unwrap();
    let host = home.start().unwrap();
    let described = host.get("/openapi.json").unwrap();
    assert_eq!(
        (described.status, &*described.content_type),
        (200, "application/json")
    );
    assert_eq!(described.json, countersign_host::api::openapi());
    let mut page = agent().get(format!("{}/docs", host.url())).call().unwrap();
    let header = |name: &str| {
        let value = page.headers().get(name);
        value
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_owned()
    };
    assert!(header("content-security-policy").starts_with("default-src 'none'"));
    assert!(header("content-type").starts_with("text/html"));
    let html = page.body_mut().read_to_string().unwrap();
    assert!(html.contains("<article id=\"create_endpoint\">") && !html.contains("a-token"));
}
