//! Bodies that nobody should send.

use super::support::{assert_received, assert_refused, config, kept, newest, post};
use countersign_tests::{host::HostHome, receiver::Receiver};
use serde_json::json;

/// Everything is open, so that what is sent is read as well.
fn open() -> String {
    let source = |provider: &str| format!("[inbound.sources.{provider}]\nopen = true\n");
    let known = ["resend", "sendgrid", "mailgun", "platform"]
        .map(source)
        .concat();
    config(&format!(
        "{known}[inbound.sources.acme]\nscheme = \"token\"\nsecrets = [\"0123456789abcdef\"]\n"
    ))
}

#[test]
fn hostile_bodies_end_cleanly_and_leave_nothing_behind() {
    let home = HostHome::new(&open()).unwrap();
    let host = home.start().unwrap();
    let deep = |depth: usize| [vec![b'['; depth], vec![b']'; depth]].concat();
    let deep_field = |depth: usize| {
        let (open, close) = ("[".repeat(depth), "]".repeat(depth));
        format!(r#"{{"type":"email.sent","data":{open}{close}}}"#).into_bytes()
    };
    let many_keys: String = (0..50_000).map(|n| format!(r#""k{n}":{n},"#)).collect();
    let bodies: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", Vec::new()),
        ("cut", b"{\"type\":\"email.sent\",\"data\":{".to_vec()),
        ("no JSON", b"a=b&c=d".to_vec()),
        ("a number", b"7".to_vec()),
        ("bytes", vec![0xff; 1_000]),
        (
            "invalid UTF-8",
            b"{\"type\":\"email.sent\",\"data\":{\"email_id\":\"\xff\xfe\"}}".to_vec(),
        ),
        ("deep", deep(100_000)),
        ("deep in a field", deep_field(200_000)),
        ("deep and open", b"{\"type\":".repeat(60_000)),
        (
            "a list of numbers",
            format!("[{}1]", "1,".repeat(400_000)).into_bytes(),
        ),
        (
            "too many events",
            format!("[{}{{}}]", "{\"event\":\"open\"},".repeat(10_001)).into_bytes(),
        ),
        (
            "an event too many that is none",
            format!("[{}7]", "{\"event\":\"open\"},".repeat(100)).into_bytes(),
        ),
        (
            "numbers behind an event",
            format!("[{{\"event\":\"open\"}},{}1]", "1,".repeat(400_000)).into_bytes(),
        ),
        ("other types", br#"{"type":7,"email_id":[]}"#.to_vec()),
        ("no event inside", br#"{"event-data":{}}"#.to_vec()),
    ];
    for (what, body) in &bodies {
        for path in [
            "/api/webhooks",
            "/api/webhooks/sendgrid",
            "/api/webhooks/resend",
            "/api/webhooks/mailgun",
            "/api/webhooks/platform",
        ] {
            let answer = post(&host, path, &[], body);
            assert!(
                matches!(answer.status, 400 | 401),
                "{what} at {path}: {answer:?}"
            );
        }
        assert_refused(
            &post(&host, "/api/webhooks/acme", &[], body),
            401,
            "unverified",
        );
    }
    assert_eq!(kept(&host).len(), 0);
    // Odd, and nothing wrong with it (N8).
    let odd = format!(r#"{{"type":"email.sent","data":{{{many_keys}"email_id":"m"}}}}"#);
    assert_received(&post(&host, "/api/webhooks", &[], odd.as_bytes()));
    let strange = r#"{"type":"email.strange","data":[1],"created_at":7}"#;
    assert_received(&post(&host, "/api/webhooks", &[], strange.as_bytes()));
    assert_eq!(newest(&host)["events"][0]["type"], "email.strange");
    let long = vec![b' '; 2 * 1024 * 1024];
    assert_refused(
        &post(&host, "/api/webhooks", &[], &long),
        413,
        "body_too_large",
    );
    assert_refused(
        &post(&host, "/api/webhooks/nobody", &[], b"{}"),
        404,
        "not_found",
    );
    assert!(!home.log().contains("panicked"), "{}", home.log());
    assert!(host.resident_kib().unwrap() < 700 * 1024);
}

#[test]
fn ten_thousand_events_in_one_body_are_kept_together() {
    let receiver = Receiver::start();
    let home = HostHome::new(&open()).unwrap();
    let host = home.start().unwrap();
    let endpoint = json!({"provider": "platform", "url": receiver.url("/ok/one"), "secret": "s", "events": "unsubscribe"});
    host.create_endpoint(&endpoint).unwrap();
    let event = |n: u32| {
        let kind = if n.is_multiple_of(1_000) {
            "unsubscribe"
        } else {
            "open"
        };
        format!(r#"{{"event":"{kind}","sg_event_id":"e{n}","sg_message_id":"m"}}"#)
    };
    let list: Vec<_> = (0..10_000).map(event).collect();
    let body = format!("[{}]", list.join(",\r\n"));
    for _ in 0..2 {
        assert_received(&post(&host, "/api/webhooks", &[], body.as_bytes()));
        let kept = kept(&host);
        assert_eq!((kept.len(), &kept[0]["events_total"]), (1, &json!(10_000)));
        assert_eq!(host.get("/v1/stats").unwrap().json["messages"], 10);
    }
    // The events of a request are told in pages.
    let id = kept(&host)[0]["id"].as_str().unwrap().to_owned();
    let page = host
        .get(&format!("/v1/inbound/{id}?after=9900&limit=60"))
        .unwrap()
        .json;
    assert_eq!(
        (page["events"].as_array().unwrap().len(), &page["next"]),
        (60, &json!("9960"))
    );
    let last = host
        .get(&format!("/v1/inbound/{id}?after=9960&limit=60"))
        .unwrap()
        .json;
    assert_eq!(
        (last["events"].as_array().unwrap().len(), &last["next"]),
        (40, &json!(null))
    );
    assert!(!home.log().contains("panicked"), "{}", home.log());
}
