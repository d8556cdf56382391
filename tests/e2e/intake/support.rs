//! Senders of inbound events, as far as the tests play them.

use countersign_core::{Config, KeyedScheme, Message, SignedAt};
use countersign_tests::host::{Answer, Host};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub(crate) const LIMIT: Duration = Duration::from_secs(20);

/// Keys of the senders.
pub(crate) const RESEND: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3";
pub(crate) const MAILGUN: &str = "mailgun-signing-key";

/// A configuration in which `sources` post.
pub(crate) fn config(sources: &str) -> String {
    format!("time_scale = 1000\n[inbound]\nenabled = true\n{sources}")
}

/// Unix milliseconds.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

/// The headers of a signed request.
pub(crate) fn signed(config: &Config<'_>, id: Option<&str>, body: &[u8]) -> Vec<(String, String)> {
    let keyed = KeyedScheme::signer(config).unwrap();
    let message = Message {
        id,
        ..Message::new(SignedAt::UnixMs(now_ms()), body)
    };
    let headers = keyed.sign(&message).unwrap().into_iter();
    headers.map(|header| (header.name, header.value)).collect()
}

pub(crate) fn post(host: &Host, path: &str, headers: &[(String, String)], body: &[u8]) -> Answer {
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    host.post_bytes(path, &headers, body).unwrap()
}

/// As Resend posts, under this `svix-id`.
pub(crate) fn post_resend(host: &Host, id: &str, body: &Value) -> Answer {
    let body = body.to_string();
    let headers = signed(&Config::new("resend", &[RESEND]), Some(id), body.as_bytes());
    post(host, "/api/webhooks", &headers, body.as_bytes())
}

/// A mail event of Resend's.
pub(crate) fn mail(event: &str, data: &Value) -> Value {
    let mut body = json!({
        "type": event, "created_at": "2026-03-09T12:00:00.000Z",
        "data": {"email_id": "mail-1", "to": ["nora@northwind.example"], "from": "Ivo <ivo@mail.example>"},
    });
    for (name, value) in data.as_object().unwrap() {
        body["data"][name] = value.clone();
    }
    body
}

/// A body of Mailgun's, signed under this token.
pub(crate) fn mailgun(token: &str, data: &Value) -> String {
    let fields = signed(&Config::new("mailgun", &[MAILGUN]), Some(token), b"");
    let signature: serde_json::Map<_, _> = fields
        .into_iter()
        .map(|(name, value)| (name, Value::from(value)))
        .collect();
    json!({"signature": signature, "event-data": data}).to_string()
}

#[track_caller]
pub(crate) fn assert_received(answer: &Answer) {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json, json!({"received": true}));
    assert_eq!(answer.content_type, "application/json");
}

#[track_caller]
pub(crate) fn assert_refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!(
        (answer.status, answer.json["code"].as_str()),
        (status, Some(code)),
        "{answer:?}"
    );
}

/// Requests that are kept, newest first.
pub(crate) fn kept(host: &Host) -> Vec<Value> {
    let listed = host.get("/v1/inbound?limit=500").unwrap();
    assert_eq!(listed.status, 200, "{listed:?}");
    listed.json["inbound"].as_array().unwrap().clone()
}

/// The newest request with its events.
pub(crate) fn newest(host: &Host) -> Value {
    let kept = kept(host);
    let id = kept[0]["id"].as_str().unwrap();
    let shown = host.get(&format!("/v1/inbound/{id}?limit=500")).unwrap();
    assert_eq!(shown.status, 200, "{shown:?}");
    shown.json
}

/// What became of the newest request's first event in a format: the message, or why not.
pub(crate) fn outcome(host: &Host, provider: &str) -> Value {
    let newest = newest(host);
    let outcomes = newest["events"][0]["passed_on"].as_array().unwrap();
    let found = outcomes
        .iter()
        .find(|outcome| outcome["provider"] == provider);
    found.cloned().unwrap_or(Value::Null)
}
