//! SendEmAll.

use super::*;
use countersign_tests::documents::{
    Answered, SENDEMALL, Sample, behind, curl, curl_commands, cut, indented,
};

/// The commands of the document: create, and the failed events.
fn commands() -> [&'static str; 2] {
    curl_commands(SENDEMALL)
        .try_into()
        .expect("the document prints two commands")
}

fn run(served: &Served, command: &str, more: &[(&str, &str)]) -> Answered {
    let own = [
        ("https://api.sendemall.com", served.host.url()),
        ("your-api-key", served.key.as_str()),
    ];
    curl(command, &[&own, more].concat()).unwrap()
}

/// Makes the document's webhook for a receiver; its id.
fn create(served: &Served, receiver: &Sample) -> String {
    let [create, _] = commands();
    let made = run(
        served,
        create,
        &[("https://your-app.com", &receiver.url(""))],
    );
    assert_eq!(made.status, 201, "R-E14: {made:?}");
    let shown = behind(SENDEMALL, "Response:\n").unwrap();
    let shown: Value = serde_json::from_str(cut(shown, "{", "\n}\n}").unwrap()).unwrap();
    let id = made.json["data"]["id"].as_str().unwrap().to_owned();
    let mut expected = shown;
    assert!(id.starts_with("whk_"), "E13: {made:?}");
    expected["data"]["id"] = json!(id);
    expected["data"]["url"] = json!(receiver.url("/webhooks/sendemall"));
    let created_at = made.json["data"]["created_at"].clone();
    assert_eq!(
        created_at.as_str().map(str::len),
        expected["data"]["created_at"].as_str().map(str::len)
    );
    expected["data"]["created_at"] = created_at;
    assert_eq!(
        made.json, expected,
        "E13: the answer is the document's, key for key"
    );
    id
}

/// Its four examples, to a receiver that has a handler.
fn assert_receives(served: &Served, receiver: &Sample) {
    let mut sent = Vec::new();
    for name in [
        "email.replied",
        "email.bounced",
        "email.opened",
        "email.unsubscribed",
    ] {
        let payload = sample("sendemall", name);
        let message = served.publish("sendemall", &payload);
        assert_eq!(
            served.ended(&message),
            "delivered",
            "{name}: {}",
            receiver.errors()
        );
        sent.push(payload);
    }
    let told = receiver.wait_told(4).unwrap();
    for payload in sent {
        assert!(told.contains(&payload), "{payload} is not in {told:?}");
    }
}

/// The document's Flask program with its indentation.
fn flask() -> String {
    let program = cut(
        SENDEMALL,
        "import hmac\nimport hashlib",
        "jsonify({\"received\": True}), 200",
    )
    .unwrap();
    indented(program, "0000000111222112111").unwrap()
}

const HANDLER: &str = "def process_event(event):\n    told(event)\n";

// Holds: E11 to E13, E17, E18, E20, E22, E23, E25 to E27, R-E14
#[test]
fn its_requests_make_a_webhook_and_its_flask_receiver_takes_what_arrives() {
    let test = "documents: SendEmAll in Python";
    let python = match python() {
        Ok(python) => python,
        Err(missing) => return missing.skip(test),
    };
    let receiver = Sample::flask(&python, &format!("{HANDLER}{}", flask())).unwrap();
    let served = served("sendemall", "");
    create(&served, &receiver);
    assert_receives(&served, &receiver);
    let forged = post(&receiver.url("/webhooks/sendemall"), &[], "{}");
    assert_eq!(
        (forged.status, forged.json),
        (401, json!({"error": "Invalid signature"})),
        "E27"
    );
}

// Holds: E12, E13, E25, E26, R-E7, R-E14
#[test]
fn its_express_receiver_takes_what_arrives_and_throws_on_bad_headers() {
    let test = "documents: SendEmAll in Node";
    let node = match node() {
        Ok(node) => node,
        Err(missing) => return missing.skip(test),
    };
    let program = cut(
        SENDEMALL,
        "const crypto = require(\"crypto\");",
        "res.json({ received: true });\n});",
    )
    .unwrap();
    let handler = "const processEvent = told;\n";
    let receiver = Sample::node(&node, &format!("{handler}{program}\napp.listen(0);")).unwrap();
    let served = served("sendemall", "");
    create(&served, &receiver);
    assert_receives(&served, &receiver);
    let url = receiver.url("/webhooks/sendemall");
    assert_throws_on_bad_headers(&url, "x-sendemall-signature", &format!("sha256={DIGEST}"));
}

// Holds: E14, E15, E30 to E32, R-E1, R-E2
#[test]
fn what_failed_is_listed_handled_and_acknowledged_as_the_document_does_it() {
    let test = "documents: SendEmAll's dead letters";
    let python = match python() {
        Ok(python) => python,
        Err(missing) => return missing.skip(test),
    };
    // A receiver whose owner has mistyped the secret: every delivery is refused, and given up after its retries.
    let mistyped = flask().replace("whsec_your-signing-secret", "whsec_mistyped");
    let receiver = Sample::flask(&python, &format!("{HANDLER}{mistyped}")).unwrap();
    let served = served("sendemall", "");
    let id = create(&served, &receiver);
    let names = ["email.replied", "email.bounced", "email.opened"];
    for name in names {
        let message = served.publish("sendemall", &sample("sendemall", name));
        assert_eq!(served.ended(&message), "dead_lettered", "E31");
    }
    let [_, failed_events] = commands();
    let failed = || run(&served, failed_events, &[("whk_abc123", &id)]);
    let listed = failed();
    assert_eq!(
        (listed.status, &listed.json["success"]),
        (200, &json!(true)),
        "E14: {listed:?}"
    );
    let data = listed.json["data"].as_array().unwrap();
    assert_eq!(data.len(), 3, "{listed:?}");
    for (item, name) in data.iter().zip(names) {
        let mut original = item.clone();
        let failure = original.as_object_mut().unwrap().remove("failure").unwrap();
        assert_eq!(
            original,
            sample("sendemall", name),
            "R-E2: the envelope, oldest first"
        );
        assert_eq!(
            (&failure["attempts"], &failure["last_status"]),
            (&json!(4), &json!(401)),
            "E30: {failure}"
        );
        assert!(failure["failed_at"].is_string(), "R-E2: {failure}");
    }

    // The document's drill, with the client that it assumes.
    let drill = behind(SENDEMALL, "Dead letter recovery").unwrap();
    let drill = cut(
        drill,
        "failed = sendemall.get_failed_webhook_events(",
        "(event[\"id\"])",
    )
    .unwrap();
    let drill = indented(drill, "0011").unwrap().replace("whk_abc123", &id);
    let client = format!(
        r#"
import json, urllib.request
class sendemall:
    base = "{}/v1/webhooks/{id}/failed-events"
    def ask(method, url):
        asked = urllib.request.Request(url, method=method, headers={{"x-user-context": "{}"}})
        return json.load(urllib.request.urlopen(asked))
    def get_failed_webhook_events(webhook_id):
        return sendemall.ask("GET", sendemall.base)["data"]
    def acknowledge_failed_event(event_id):
        url = f"{{sendemall.base}}/{{event_id}}/acknowledge"
        assert sendemall.ask("POST", url) == {{"success": True}}
        # R-E1: a second time is a success, too.
        assert sendemall.ask("POST", url) == {{"success": True}}
"#,
        served.host.url(),
        served.key
    );
    let told = Sample::python(&python, &format!("{HANDLER}{client}\n{drill}")).unwrap();
    let handled: Vec<_> = told
        .iter()
        .map(|event| event["event"].as_str().unwrap())
        .collect();
    assert_eq!(handled, names, "E32");
    assert_eq!(
        failed().json["data"],
        json!([]),
        "E32: tomorrow there is nothing left to do"
    );
}
