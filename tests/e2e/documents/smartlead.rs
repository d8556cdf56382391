//! SmartLead.

use super::*;
use countersign_tests::documents::{
    Answered, SMARTLEAD_EVENTS, SMARTLEAD_GUIDE, Sample, behind, curl, curl_commands, cut, indented,
};

/// The commands of the guide, in their order: create from the introduction, then create, get and delete.
fn commands() -> [&'static str; 4] {
    let commands = curl_commands(SMARTLEAD_GUIDE);
    commands.try_into().expect("the guide prints four commands")
}

fn run(served: &Served, command: &str, more: &[(&str, &str)]) -> Answered {
    let own = [
        ("https://server.smartlead.ai", served.host.url()),
        ("YOUR_API_KEY", served.key.as_str()),
    ];
    curl(command, &[&own, more].concat()).unwrap()
}

/// Makes a webhook with the introduction's command and sends its receiver what the documents print as examples.
fn create(served: &Served, receiver: &Sample) -> Answered {
    let [create, ..] = commands();
    let made = run(
        served,
        create,
        &[("https://your-server.com", &receiver.url(""))],
    );
    assert_eq!(
        (made.status, &made.json["ok"]),
        (200, &json!(true)),
        "{made:?}"
    );
    made
}

// Holds: S18 to S23, R-S2
#[test]
fn the_guide_s_requests_make_show_and_delete_a_webhook() {
    let served = served("smartlead", "test_events = false\n");
    let [_, create, get, delete] = commands();
    let url = "http://127.0.0.1:49151";
    let made = run(&served, create, &[("https://your-server.com", url)]);
    assert_eq!(made.status, 200, "{made:?}");
    let map = json!({
        "EMAIL_SENT": true, "EMAIL_OPENED": true, "EMAIL_CLICKED": true, "EMAIL_REPLIED": true,
        "EMAIL_BOUNCED": true, "EMAIL_UNSUBSCRIBED": false,
    });
    for (name, value) in [
        ("name", json!("My Webhook")),
        ("webhook_url", json!(format!("{url}/webhook"))),
        ("email_campaign_id", json!(123)),
        ("association_type", json!(3)),
        ("event_type_map", map),
        ("is_active", json!(true)),
    ] {
        assert_eq!(made.json[name], value, "S19 to S21: {made:?}");
    }
    let warnings = made.json["warnings"].to_string();
    assert!(warnings.contains("not signed"), "R-S2: {made:?}");

    let id = format!("/{}?", made.json["id"]);
    let shown = run(&served, get, &[("/123?", &id)]);
    assert_eq!(shown.status, 200, "S22: {shown:?}");
    for name in [
        "id",
        "name",
        "webhook_url",
        "event_type_map",
        "association_type",
    ] {
        assert_eq!(shown.json[name], made.json[name], "S22: {name}");
    }
    let deleted = run(&served, delete, &[("/123?", &id)]);
    assert_eq!(
        (deleted.status, &deleted.json["ok"]),
        (200, &json!(true)),
        "S23: {deleted:?}"
    );
    assert_eq!(run(&served, get, &[("/123?", &id)]).status, 404);
    // The numbers of the document are nobody's here.
    assert_eq!(run(&served, get, &[]).status, 404);
}

// Holds: S21, S25, R-S9, R-S17
#[test]
fn the_reference_s_configuration_is_enough_to_make_a_webhook() {
    let served = served("smartlead", "test_events = false\n");
    let config = behind(SMARTLEAD_EVENTS, "Webhook Config Example\n").unwrap();
    let config = cut(config, "{", "\n}").unwrap();
    let given: Value = serde_json::from_str(config).unwrap();
    let url = "http://127.0.0.1:49151/webhook";
    let create = format!(
        "{}/api/v1/webhook/create?api_key={}",
        served.host.url(),
        served.key
    );
    let made = post(
        &create,
        &[],
        &config.replace("https://your-server.com/webhook", url),
    );
    assert_eq!(made.status, 200, "{made:?}");
    assert_eq!(made.json["webhook_url"], url);
    assert_eq!(made.json["event_type_map"], given["event_type_map"]);
    assert_eq!(
        (
            &made.json["association_type"],
            &made.json["email_campaign_id"]
        ),
        (&json!(1), &Value::Null),
        "of all campaigns: {made:?}"
    );
    let deliveries = |event: &str| {
        let payload = json!({"event": event, "campaign_id": 5, "lead_id": 1});
        let event = json!({"provider": "smartlead", "payload": payload});
        let published = served
            .host
            .ask("POST", "/v1/events", &OF_ACME, Some(&event));
        let published = published.unwrap();
        assert_eq!(published.status, 202, "{published:?}");
        published.json["deliveries"].as_array().unwrap().len()
    };
    for (event, wanted) in given["event_type_map"].as_object().unwrap() {
        let expected = usize::from(wanted.as_bool().unwrap());
        assert_eq!(deliveries(event), expected, "{event}");
    }
    assert_eq!(deliveries("EMAIL_UNSUBSCRIBED"), 0);
}

/// Test events on save, and the examples of the documents, to a receiver of the document.
fn assert_receives(served: &Served, receiver: &Sample) {
    let made = create(served, receiver);
    let tested = made.json["test_events"].as_array().expect("R-S12");
    assert_eq!(tested.len(), 2, "S24: {made:?}");
    for tested in tested {
        assert_eq!(
            (&tested["success"], &tested["status"]),
            (&json!(true), &json!(200)),
            "S24: {tested}"
        );
    }
    for name in [
        "events-email-replied",
        "guide-email-replied",
        "events-email-opened",
    ] {
        let message = served.publish("smartlead", &sample("smartlead", name));
        assert_eq!(
            served.ended(&message),
            "delivered",
            "{name}: {}",
            receiver.errors()
        );
    }
    let [.., delete] = commands();
    let id = format!("/{}?", made.json["id"]);
    let deleted = run(served, delete, &[("/123?", &id)]);
    assert_eq!(deleted.status, 200, "{deleted:?}");
}

// Holds: S7, S24, R-S12
#[test]
fn the_guide_s_flask_receivers_take_what_arrives() {
    let test = "documents: SmartLead's guide in Python";
    let python = match python() {
        Ok(python) => python,
        Err(missing) => return missing.skip(test),
    };
    let served = served("smartlead", "");
    let first = cut(
        SMARTLEAD_GUIDE,
        "from flask import Flask, request",
        "{ 'status' : 'success' }, 200",
    )
    .unwrap();
    let first = indented(first, "000011122221").unwrap();
    let receiver = Sample::flask(&python, &first).unwrap();
    assert_receives(&served, &receiver);

    let section = behind(SMARTLEAD_GUIDE, "Python/Flask\n").unwrap();
    let second = cut(section, "from flask import Flask, request", "} !\"\n)").unwrap();
    // Copying has parted the letter that makes a text of Python a format from the text.
    let second = second.replace("f \"", "f\"");
    let second = indented(&second, "00000011111111011223322232").unwrap();
    let left_to_the_reader = "
def update_crm_contact(**of):
    told({'crm': of})
def send_slack_notification(text):
    told({'slack': text})
";
    let receiver = Sample::flask(&python, &format!("{left_to_the_reader}\n{second}")).unwrap();
    assert_receives(&served, &receiver);
    let told = receiver.wait_told(6).unwrap();
    let crm = told
        .iter()
        .find(|told| told["crm"]["email"] == "lead@example.com");
    assert_eq!(
        crm.map(|told| &told["crm"]["status"]),
        Some(&json!("Replied")),
        "{told:?}"
    );
    assert!(
        told.iter()
            .any(|told| told["slack"] == "New reply from Jane !"),
        "{told:?}"
    );
}

// Holds: S24, R-S12
#[test]
fn the_guide_s_express_receiver_takes_what_arrives() {
    let test = "documents: SmartLead's guide in Node";
    let node = match node() {
        Ok(node) => node,
        Err(missing) => return missing.skip(test),
    };
    let served = served("smartlead", "");
    let program = cut(
        SMARTLEAD_GUIDE,
        "const express = require ( 'express' );",
        "app . listen ( 3000 );",
    )
    .unwrap();
    let receiver = Sample::node(&node, program).unwrap();
    assert_receives(&served, &receiver);
    receiver
        .wait_line("Reply from lead@example.com : Thanks for reaching out.")
        .unwrap();
    receiver
        .wait_line(" lead@example.com opened email")
        .unwrap();
}

// Holds: S7, S24, S44
#[test]
fn the_reference_s_receivers_take_what_arrives() {
    let test = "documents: SmartLead's event reference";
    let (node, python) = match (node(), python()) {
        (Ok(node), Ok(python)) => (node, python),
        (Err(missing), _) | (_, Err(missing)) => return missing.skip(test),
    };
    let served = served("smartlead", "");
    let handler = cut(
        SMARTLEAD_EVENTS,
        "from flask import Flask, request",
        "{'status': 'received'}, 200",
    )
    .unwrap();
    let left_to_the_reader = "
def send_slack_notification(text):
    told({'slack': text})
def update_crm(email, status):
    told({'crm': email, 'status': status})
def increment_lead_score(lead_id):
    told({'score': lead_id})
def remove_from_all_campaigns(email):
    told({'removed': email})
";
    let receiver = Sample::flask(&python, &format!("{left_to_the_reader}\n{handler}")).unwrap();
    assert_receives(&served, &receiver);
    let told = receiver.wait_told(8).unwrap();
    assert!(
        told.contains(&json!({"crm": "lead@example.com", "status": "Engaged"})),
        "S44: {told:?}"
    );
    assert!(told.contains(&json!({"score": 789})), "S44: {told:?}");
    // The commands of the documents leave out bounces, of which this receiver makes something.
    let [create, ..] = commands();
    let bounces = create.replacen(
        "\"EMAIL_OPENED\"",
        "\"EMAIL_BOUNCED\": true, \"EMAIL_OPENED\"",
        1,
    );
    let made = run(
        &served,
        &bounces,
        &[("https://your-server.com", &receiver.url(""))],
    );
    assert_eq!(
        made.json["event_type_map"]["EMAIL_BOUNCED"], true,
        "{made:?}"
    );
    let message = served.publish("smartlead", &sample("smartlead", "events-email-bounced"));
    assert_eq!(served.ended(&message), "delivered");
    let told = receiver.wait_told(told.len() + 1).unwrap();
    assert!(
        told.contains(&json!({"removed": "invalid@example.com"})),
        "S44: {told:?}"
    );
    let [.., delete] = commands();
    run(
        &served,
        delete,
        &[("/123?", &format!("/{}?", made.json["id"]))],
    );

    let handler = cut(
        SMARTLEAD_EVENTS,
        "app.post('/webhook', express.json()",
        "\n});",
    )
    .unwrap();
    let around = "const express = require('express');\nconst app = express();\n";
    let receiver = Sample::node(&node, &format!("{around}{handler}\napp.listen(0);")).unwrap();
    assert_receives(&served, &receiver);
    receiver
        .wait_line("Reply from lead@example.com: Thanks for reaching out.")
        .unwrap();
    receiver.wait_line("lead@example.com opened email").unwrap();
}

// Holds: S27, R-S1, R-S2, R-S12
#[test]
fn the_guide_s_verification_takes_what_is_signed_with_the_webhook_s_secret() {
    let test = "documents: SmartLead's verification";
    let python = match python() {
        Ok(python) => python,
        Err(missing) => return missing.skip(test),
    };
    let function = cut(
        SMARTLEAD_GUIDE,
        "import hmac\nimport hashlib\ndef verify_webhook",
        "(expected, signature)",
    )
    .unwrap();
    let function = indented(function, "0001122211").unwrap();
    // The document names no header (R-S1) and leaves the secret to its reader (R-S2).
    let server = "
from flask import Flask, request
app = Flask(__name__)
@app.route('/webhook', methods=['POST'])
def webhook():
    signature = request.headers.get('X-Smartlead-Signature', '')
    if not verify_webhook(request.get_data(as_text=True), signature, 'a secret of mine'):
        return {'status': 'forged'}, 401
    told({'event': request.json['event'], 'test': request.headers.get('X-Webhook-Test')})
    return {'status': 'received'}, 200
";
    let receiver = Sample::flask(&python, &format!("{function}\n{server}")).unwrap();
    let served = served("smartlead", "");
    let [create, ..] = commands();
    let secret = create.replacen("-d '{", "-d '{ \"secret\": \"a secret of mine\",", 1);
    let made = run(
        &served,
        &secret,
        &[("https://your-server.com", &receiver.url(""))],
    );
    assert_eq!(made.status, 200, "{made:?}");
    assert_eq!(made.json.get("warnings"), None, "{made:?}");
    let told = receiver.wait_told(2).unwrap();
    assert!(
        told.iter().all(|told| told["test"] == "true"),
        "R-S12: {told:?}"
    );
    let message = served.publish("smartlead", &sample("smartlead", "guide-email-replied"));
    assert_eq!(served.ended(&message), "delivered");
    let told = receiver.wait_told(3).unwrap();
    assert_eq!(told[2], json!({"event": "EMAIL_REPLIED", "test": null}));
    assert_eq!(post(&receiver.url("/webhook"), &[], "{}").status, 401);
}
