//! What the providers' documents print, run as it stands: their requests against the host, their receivers against what it sends.

mod cleanmails;
mod platform;
mod sendemall;
mod smartlead;

use countersign_tests::{
    documents::{Missing, Node, Python},
    host::{Host, HostHome, agent, wait_for},
};
use serde_json::{Value, json};
use std::{path::Path, time::Duration};

/// Longest wait for something that takes milliseconds.
const LIMIT: Duration = Duration::from_secs(30);

/// A host that speaks this provider's API for the workspace `acme`, and a key for that workspace.
struct Served {
    host: Host,
    key: String,
    _home: HostHome,
}

/// The token of the operator, which no test of a provider's API shows.
const TOKEN: &str = "the-operator-s-own";
const OPERATOR: &str = "Bearer the-operator-s-own";
const OF_ACME: [(&str, &str); 2] = [
    ("authorization", OPERATOR),
    ("countersign-workspace", "acme"),
];

fn served(provider: &str, more: &str) -> Served {
    let config = format!("[compat.{provider}]\nenabled = true\nworkspace = \"acme\"\n{more}");
    let home = HostHome::new(&format!("time_scale = 1000000\n{config}")).unwrap();
    let host = home
        .start_with(|command| {
            command.env("COUNTERSIGN_API_TOKEN", TOKEN);
        })
        .unwrap();
    let key = json!({"name": "a tool", "role": "manage", "workspace": "acme"});
    let made = host.ask(
        "POST",
        "/v1/keys",
        &[("authorization", OPERATOR)],
        Some(&key),
    );
    let made = made.unwrap();
    assert_eq!(made.status, 201, "{made:?}");
    Served {
        key: made.json["key"].as_str().unwrap().to_owned(),
        host,
        _home: home,
    }
}

impl Served {
    /// Host and port, to stand for the provider's.
    fn authority(&self) -> &str {
        self.host.url().strip_prefix("http://").unwrap()
    }

    /// Publishes an event in the provider's format and returns the message id.
    fn publish(&self, provider: &str, payload: &Value) -> String {
        let event = json!({"provider": provider, "payload": payload});
        let answer = self.host.ask("POST", "/v1/events", &OF_ACME, Some(&event));
        let answer = answer.unwrap();
        assert_eq!(answer.status, 202, "{answer:?}");
        assert_eq!(
            answer.json["deliveries"].as_array().unwrap().len(),
            1,
            "{answer:?}"
        );
        answer.json["message_id"].as_str().unwrap().to_owned()
    }

    /// The state of a message's only delivery, once that is over.
    fn ended(&self, message: &str) -> String {
        let ended = wait_for("the end of the delivery", LIMIT, || {
            let path = format!("/v1/messages/{message}");
            let found = self.host.ask("GET", &path, &OF_ACME, None)?;
            let state = found.json["deliveries"][0]["status"]
                .as_str()
                .unwrap_or_default();
            Ok(["delivered", "dead_lettered"]
                .contains(&state)
                .then(|| state.to_owned()))
        });
        ended.unwrap()
    }
}

/// Node, or the end of the test.
fn node() -> Result<Node, Missing> {
    Node::find()
}

/// Python with flask, or the end of the test.
fn python() -> Result<Python, Missing> {
    Python::find(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("documents"))
}

/// What somebody was answered.
#[derive(Debug)]
struct Posted {
    status: u16,
    /// `Null` for what is no JSON.
    json: Value,
}

/// Posts to a receiver with these headers, as anybody could.
fn post(url: &str, headers: &[(&str, &str)], body: &str) -> Posted {
    let mut request = agent().post(url).content_type("application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut answer = request.send(body).unwrap();
    let text = answer.body_mut().read_to_string().unwrap();
    Posted {
        status: answer.status().as_u16(),
        json: serde_json::from_str(&text).unwrap_or_default(),
    }
}

/// An example of a document, in the samples that other tests publish, too.
fn sample(provider: &str, name: &str) -> Value {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("samples/{provider}/{name}.json"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Asserts that a sample which compares without looking first answers forged requests with a status that makes senders try
/// again (R-E7): it throws on a missing header and on one of another length. A forgery of the right length is told.
fn assert_throws_on_bad_headers(url: &str, header: &str, well_formed: &str) {
    let body = r#"{"event":"forged"}"#;
    assert_eq!(post(url, &[], body).status, 500, "R-E7: no header");
    assert_eq!(
        post(url, &[(header, "short")], body).status,
        500,
        "R-E7: another length"
    );
    assert_eq!(
        post(url, &[(header, well_formed)], body).status,
        401,
        "a forgery"
    );
}

/// The lower-case hexadecimal digits of no signature in particular.
const DIGEST: &str = "a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90";
