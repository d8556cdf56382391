//! Senders that nobody knows, by configuration alone.

use super::support::{
    LIMIT, assert_received, assert_refused, config, kept, newest, outcome, post, signed,
};
use countersign_core::{Config, KeyedScheme, Message, SignedAt};
use countersign_tests::{
    host::{HostHome, wait_for},
    receiver::Receiver,
};
use serde_json::json;

/// Key of the endpoint that is told.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

const OPTIONS: [(&str, &str); 4] = [
    ("header", "X-Acme-Signature"),
    ("prefix", "sha256="),
    ("template", "{timestamp}.{body}"),
    ("timestamp_header", "X-Acme-Time"),
];

fn source() -> String {
    let options: Vec<_> = OPTIONS
        .iter()
        .map(|(name, value)| format!("{name} = {value:?}"))
        .collect();
    format!(
        "[inbound.sources.acme]\nscheme = \"generic-hmac\"\nsecrets = [\"acme-key\"]\ntolerance_s = 60\n\
         options = {{ {} }}\nevent_type = \"/meta/kind\"\nevent_id = \"/meta/id\"\ntimestamp = \"/meta/at\"\n\
         [inbound.sources.repository]\nscheme = \"github\"\nsecrets = [\"github-key\"]\n\
         event_type = \"header:X-GitHub-Event\"\nevent_id = \"header:X-GitHub-Delivery\"\n",
        options.join(", ")
    )
}

fn acme(secret: &str, body: &str) -> Vec<(String, String)> {
    let mut config = Config::new("generic-hmac", &[]);
    config.secrets = vec![secret];
    config.options = OPTIONS.to_vec();
    signed(&config, None, body.as_bytes())
}

#[test]
fn any_description_of_an_hmac_verifies_what_is_posted_and_it_is_passed_on() {
    let receiver = Receiver::start();
    let home = HostHome::new(&config(&source())).unwrap();
    let host = home.start().unwrap();
    for (name, events) in [("orders", json!(["order.*"])), ("users", json!(["user.*"]))] {
        let endpoint = json!({"provider": "standard", "url": receiver.url(&format!("/ok/{name}")),
            "events": events, "secret": SECRET});
        host.create_endpoint(&endpoint).unwrap();
    }
    let body =
        json!({"meta": {"kind": "order.paid", "id": "o-1", "at": 1_773_054_737}, "amount": 12.5})
            .to_string();
    let path = "/api/webhooks/acme";
    assert_received(&post(
        &host,
        path,
        &acme("acme-key", &body),
        body.as_bytes(),
    ));
    let kept_request = newest(&host);
    assert_eq!(kept_request["scheme"], "generic-hmac");
    let event = &kept_request["events"][0]["event"];
    assert_eq!(event["type"], "order.paid");
    assert_eq!(event["event_id"], "o-1");
    assert_eq!(event["occurred_at"], "2026-03-09T11:12:17.000Z");
    assert_eq!(event["original"]["amount"], 12.5);
    let arrival = wait_for("the delivery", LIMIT, || Ok(receiver.arrivals().pop())).unwrap();
    assert_eq!(arrival.endpoint, "orders");
    assert_eq!(
        arrival.verify(&Config::new("standard-webhooks", &[SECRET])),
        Ok(())
    );
    assert_eq!(
        serde_json::from_slice::<serde_json::Value>(&arrival.body).unwrap(),
        json!({"type": "order.paid", "timestamp": "2026-03-09T11:12:17.000Z",
            "data": {"meta": {"kind": "order.paid", "id": "o-1", "at": 1_773_054_737}, "amount": 12.5}})
    );
    assert_eq!(
        outcome(&host, "standard")["message_id"],
        arrival.message_id.as_str()
    );
    // Signed anew, and the same event.
    assert_received(&post(
        &host,
        path,
        &acme("acme-key", &body),
        body.as_bytes(),
    ));
    assert_eq!(kept(&host).len(), 1);
    for (secret, sent) in [
        ("other", body.clone()),
        ("acme-key", body.replace("12.5", "92.5")),
    ] {
        assert_refused(
            &post(&host, path, &acme(secret, &body), sent.as_bytes()),
            401,
            "unverified",
        );
    }
    assert_refused(
        &post(
            &host,
            "/api/webhooks",
            &acme("acme-key", &body),
            body.as_bytes(),
        ),
        401,
        "unverified",
    );
    let form = "a=b";
    assert_refused(
        &post(&host, path, &acme("acme-key", form), form.as_bytes()),
        400,
        "json_invalid",
    );
    assert_eq!(kept(&host).len(), 1);
    assert_eq!(receiver.count(), 1);
    assert!(!home.log().contains("acme-key"));
}

#[test]
fn any_scheme_with_a_name_does_and_headers_may_say_what_the_body_does_not() {
    let home = HostHome::new(&config(&source())).unwrap();
    let host = home.start().unwrap();
    let body = json!({"action": "opened"}).to_string();
    let by = |id: &str| {
        let mut headers = signed(
            &Config::new("github", &["github-key"]),
            None,
            body.as_bytes(),
        );
        headers.push(("X-GitHub-Event".to_owned(), "pull_request".to_owned()));
        headers.push(("X-GitHub-Delivery".to_owned(), id.to_owned()));
        headers
    };
    for id in ["d-1", "d-2", "d-1"] {
        assert_received(&post(
            &host,
            "/api/webhooks/repository",
            &by(id),
            body.as_bytes(),
        ));
    }
    assert_eq!(kept(&host).len(), 2);
    assert_eq!(newest(&host)["events"][0]["type"], "pull_request");
}

#[test]
fn a_form_is_passed_on_as_an_object_of_its_fields() {
    let receiver = Receiver::start();
    let url = "https://hooks.example/api/webhooks/calls";
    let source = format!(
        "[inbound.sources.calls]\nscheme = \"twilio\"\nsecrets = [\"auth-token\"]\nurl = \"{url}\"\n\
         event_type = \"/CallStatus\"\nevent_id = \"/CallSid\"\n"
    );
    let home = HostHome::new(&config(&source)).unwrap();
    let host = home.start().unwrap();
    let endpoint =
        json!({"provider": "standard", "url": receiver.url("/ok/calls"), "secret": SECRET});
    host.create_endpoint(&endpoint).unwrap();
    let body = b"CallSid=CA1&CallStatus=completed&From=%2B4930123&Digits=1&Digits=2";
    let keyed = KeyedScheme::signer(&Config::new("twilio", &["auth-token"])).unwrap();
    let signed = keyed.sign(&Message {
        url,
        ..Message::new(SignedAt::UnixMs(0), body)
    });
    let signed = signed.unwrap().into_iter();
    let mut headers: Vec<_> = signed.map(|header| (header.name, header.value)).collect();
    let form = "application/x-www-form-urlencoded; charset=UTF-8";
    headers.push(("Content-Type".to_owned(), form.to_owned()));
    let path = "/api/webhooks/calls";
    assert_received(&post(&host, path, &headers, body));
    let changed = b"CallSid=CA1&CallStatus=completed&From=%2B4930124&Digits=1&Digits=2";
    assert_refused(&post(&host, path, &headers, changed), 401, "unverified");
    wait_for("the delivery", LIMIT, || Ok(receiver.arrivals().pop())).unwrap();
    let sent: serde_json::Value = serde_json::from_slice(&receiver.arrivals()[0].body).unwrap();
    assert_eq!(sent["type"], "completed");
    assert_eq!(
        sent["data"],
        json!({"CallSid": "CA1", "CallStatus": "completed", "From": "+4930123", "Digits": ["1", "2"]})
    );
    assert_eq!(
        newest(&host)["events"][0]["event"]["original"],
        sent["data"]
    );
}

#[test]
fn half_a_character_costs_nobody_an_event() {
    let receiver = Receiver::start();
    let home = HostHome::new(&config(&source())).unwrap();
    let host = home.start().unwrap();
    let endpoint =
        json!({"provider": "standard", "url": receiver.url("/ok/halves"), "secret": SECRET});
    host.create_endpoint(&endpoint).unwrap();
    let posted = r#"{"meta":{"kind":"order.paid","id":"o-1"},"note":"cut \ud83d"}"#;
    assert_received(&post(
        &host,
        "/api/webhooks/acme",
        &acme("acme-key", posted),
        posted.as_bytes(),
    ));
    let published =
        r#"{"provider":"standard","payload":{"type":"order.paid","data":{"note":"cut \ud83d"}}}"#;
    let headers = [("content-type".to_owned(), "application/json".to_owned())];
    assert_eq!(
        post(&host, "/v1/events", &headers, published.as_bytes()).status,
        202
    );
    wait_for("both deliveries", LIMIT, || {
        Ok((receiver.count() == 2).then_some(()))
    })
    .unwrap();
    for arrival in receiver.arrivals() {
        let sent: serde_json::Value = serde_json::from_slice(&arrival.body).unwrap();
        assert_eq!(sent["data"]["note"], "cut \u{fffd}");
    }
    // What was posted is kept as it was.
    assert_eq!(newest(&host)["body"], posted);
}
